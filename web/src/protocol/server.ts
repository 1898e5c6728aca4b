/**
 * What a server says: a frame (see `frame`), or one type byte and the fields in order, as postcard writes them.
 *
 * Owns the layout of incoming messages but frames. Limits are those of the server, so that a broken one cannot make a page
 * allocate without end.
 */
import { type Hex64, ProtocolError, Reader } from './bytes';
import { type Frame, decodeFrame } from './frame';

/** Most places that a game can have. */
export const MAX_SLOTS = 32;
const MAX_MISSILES = 256;
const MAX_TEXT = 256;
const MAX_MAZE = 64 * 1024;
const MAX_TOKEN = 256;

/** Who this client is, and what never changes about its game. */
export interface Welcome {
  readonly type: 'welcome';
  readonly version: number;
  /** All zeros for a spectator. */
  readonly player: Hex64;
  readonly session: number;
  readonly settingsName: string;
  /** The maze file's text. */
  readonly maze: string;
  /** Gives the length of the masks in frames. */
  readonly slots: number;
  readonly edgeName: string;
  readonly edgeBuild: string;
  /** What to resume with, at any member; empty for a spectator. */
  readonly token: Uint8Array;
}

/** Which member runs the game, and which one serves this socket. */
export interface Host {
  readonly type: 'host';
  readonly epoch: Hex64;
  /** Empty while it is not known. */
  readonly ownerName: string;
  readonly ownerBuild: string;
  readonly edgeName: string;
  readonly edgeBuild: string;
}

/** A tank in a keyframe: units of 1/12,800 u, 65,536 to the full turn, armour in Q14, reload in ticks. */
export interface KeyframeTank {
  readonly x: number;
  readonly y: number;
  readonly heading: number;
  readonly armour: number;
  readonly reload: number;
}

export interface KeyframePlayer {
  readonly id: Hex64;
  readonly slot: number;
  readonly name: string;
  readonly session: number;
  readonly connected: boolean;
  readonly score: number;
  readonly deaths: number;
  /** `seq` of the last input consumed. */
  readonly lastSeq: number;
  readonly applied: number;
  readonly appliedHash: number;
  readonly keys: number;
  readonly tank: KeyframeTank | null;
}

export interface KeyframeMissile {
  readonly id: number;
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  readonly heading: number;
}

/** A world, as far as clients see it. */
export interface Keyframe {
  readonly type: 'keyframe';
  readonly epoch: Hex64;
  readonly tick: number;
  readonly durable: number;
  readonly rules: number;
  readonly players: readonly KeyframePlayer[];
  readonly missiles: readonly KeyframeMissile[];
}

export type ServerMessage =
  | Welcome
  | Host
  | Keyframe
  | Frame
  | { readonly type: 'pong'; readonly nonce: number; readonly tick: number; readonly slackMs: number }
  | { readonly type: 'expect'; readonly seq: number }
  | { readonly type: 'goAway'; readonly graceMs: number }
  | { readonly type: 'skipped'; readonly from: number; readonly to: number };

/**
 * The message in one websocket message. `slots` is the game's, from the Welcome; frames before it are an error.
 */
export function decodeServer(bytes: Uint8Array, slots: number | null): ServerMessage {
  const kind = bytes[0];
  if (kind === undefined) throw new ProtocolError('an empty message');
  if (kind < 0x40) {
    if (slots === null) throw new ProtocolError('a frame came before the Welcome');
    return decodeFrame(bytes, slots);
  }
  const from = new Reader(bytes.subarray(1));
  const message = decodeBody(kind, from);
  from.end();
  return message;
}

function decodeBody(kind: number, from: Reader): ServerMessage {
  switch (kind) {
    case 0x81:
      return welcome(from);
    case 0x82:
      return {
        type: 'keyframe',
        epoch: from.id(),
        tick: from.count(),
        durable: from.count(),
        rules: from.u16(),
        players: from.list(MAX_SLOTS, () => player(from)),
        missiles: from.list(MAX_MISSILES, () => ({ id: from.u8(), slot: from.u8(), x: from.i32(), y: from.i32(), heading: from.u16() })),
      };
    case 0x83:
      return { type: 'pong', nonce: from.u32(), tick: from.count(), slackMs: from.i32() };
    case 0x84:
      return { type: 'expect', seq: from.u32() };
    case 0x85:
      return { type: 'goAway', graceMs: from.u32() };
    case 0x86:
      return { type: 'skipped', from: from.count(), to: from.count() };
    case 0x87:
      return {
        type: 'host',
        epoch: from.id(),
        ownerName: from.string(MAX_TEXT),
        ownerBuild: from.string(MAX_TEXT),
        edgeName: from.string(MAX_TEXT),
        edgeBuild: from.string(MAX_TEXT),
      };
    default:
      throw new ProtocolError(`message type 0x${kind.toString(16)} is not known`);
  }
}

function welcome(from: Reader): Welcome {
  const message: Welcome = {
    type: 'welcome',
    version: from.u8(),
    player: from.id(),
    session: from.u32(),
    settingsName: from.string(MAX_TEXT),
    maze: from.string(MAX_MAZE),
    slots: from.u8(),
    edgeName: from.string(MAX_TEXT),
    edgeBuild: from.string(MAX_TEXT),
    token: from.raw(MAX_TOKEN),
  };
  if (message.slots < 1 || message.slots > MAX_SLOTS) throw new ProtocolError(`a game cannot have ${message.slots} places`);
  return message;
}

function player(from: Reader): KeyframePlayer {
  const value: KeyframePlayer = {
    id: from.id(),
    slot: from.u8(),
    name: from.string(MAX_TEXT),
    session: from.u32(),
    connected: from.bool(),
    score: from.u32(),
    deaths: from.u32(),
    lastSeq: from.u32(),
    applied: from.u32(),
    appliedHash: from.u32(),
    keys: from.u8(),
    tank: from.option(() => ({ x: from.i32(), y: from.i32(), heading: from.u16(), armour: from.u16(), reload: from.u16() })),
  };
  if (value.slot >= MAX_SLOTS) throw new ProtocolError(`a keyframe names place ${value.slot}`);
  return value;
}
