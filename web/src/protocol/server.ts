/**
 * What a server says: a frame (see `frame`), or one type byte and the fields in order, as postcard writes them.
 *
 * Owns the layout of incoming messages but frames. Limits are those of the server, so that a broken one cannot make a page
 * allocate without end.
 */
import { type Hex64, ProtocolError, Reader } from './bytes';
import { type Frame, decodeFrame } from './frame';

/** `graceMs` of a GoAway whose server does not leave, but is cut off from most others. */
export const GRACE_CUT_OFF = 0;
/** Most places that a game can have. */
export const MAX_SLOTS = 32;
/** Ids of missiles and items are bytes. */
const MAX_IDS = 256;
const MAX_BLASTS = 1024;
const MAX_CHAT = 64;
const MAX_SENTENCE = 1024;
/** 120 characters of 4 bytes. */
const MAX_SAID = 480;
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
  readonly ownerRevision: string;
  readonly edgeName: string;
  readonly edgeBuild: string;
  readonly edgeRevision: string;
}

/** A tank in a keyframe: units of 1/12,800 u, 65,536 to the full turn, armour in Q14, reload in ticks. */
export interface KeyframeTank {
  readonly x: number;
  readonly y: number;
  readonly heading: number;
  readonly armour: number;
  readonly reload: number;
  readonly bounce: boolean;
}

export interface KeyframePlayer {
  readonly id: Hex64;
  readonly slot: number;
  readonly name: string;
  readonly bot: boolean;
  readonly session: number;
  readonly connected: boolean;
  readonly score: number;
  readonly deaths: number;
  readonly wins: number;
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
  readonly bounce: boolean;
}

/** Where a game is in its rounds. */
export interface Round {
  /** From 1. */
  readonly number: number;
  /** The rest after a round: nobody can launch. */
  readonly resting: boolean;
  /** The last tick of the round or of the rest; 0: there is none. */
  readonly ends: number;
}

/** Kinds of blasts. */
export const BLAST = { missile: 0, tank: 1, destruct: 2 } as const;

/** A blast, which does damage half way through its life. */
export interface Blast {
  /** One of `BLAST`. */
  readonly kind: number;
  /** Whose; `NOBODY` when that player has left. */
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  /** Ticks. */
  readonly age: number;
}

/** Kinds of items. */
export const ITEM = { health: 0, bounce: 1 } as const;

/** What a destroyed tank has left to be picked up. */
export interface Item {
  readonly id: number;
  /** One of `ITEM`. */
  readonly kind: number;
  readonly x: number;
  readonly y: number;
  /** Ticks until it vanishes. */
  readonly left: number;
}

/** A line of the game's chat. */
export interface ChatLine {
  readonly tick: number;
  readonly slot: number;
  /** The player's name at that moment, before a change. */
  readonly name: string;
  readonly what:
    | { readonly type: 'entered' }
    | { readonly type: 'left' }
    | { readonly type: 'renamed'; readonly to: string }
    | { readonly type: 'said'; readonly text: string };
}

/** A world, as far as clients see it. */
export interface Keyframe {
  readonly type: 'keyframe';
  readonly epoch: Hex64;
  readonly tick: number;
  readonly durable: number;
  readonly rules: number;
  readonly round: Round;
  readonly players: readonly KeyframePlayer[];
  readonly missiles: readonly KeyframeMissile[];
  readonly blasts: readonly Blast[];
  readonly items: readonly Item[];
  readonly chat: readonly ChatLine[];
}

export type ServerMessage =
  | Welcome
  | Host
  | Keyframe
  | Frame
  | { readonly type: 'pong'; readonly nonce: number; readonly tick: number; readonly slackMs: number }
  | { readonly type: 'expect'; readonly seq: number }
  | { readonly type: 'goAway'; readonly graceMs: number }
  | { readonly type: 'skipped'; readonly from: number; readonly to: number }
  | { readonly type: 'notice'; readonly sentence: string };

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
        round: { number: from.u32(), resting: from.bool(), ends: from.count() },
        players: from.list(MAX_SLOTS, () => player(from)),
        missiles: from.list(MAX_IDS, () => ({ id: from.u8(), slot: from.u8(), x: from.i32(), y: from.i32(), heading: from.u16(), bounce: from.bool() })),
        blasts: from.list(MAX_BLASTS, () => ({ kind: from.u8(), slot: from.u8(), x: from.i32(), y: from.i32(), age: from.u8() })),
        items: from.list(MAX_IDS, () => ({ id: from.u8(), kind: from.u8(), x: from.i32(), y: from.i32(), left: from.u16() })),
        chat: from.list(MAX_CHAT, () => chatLine(from)),
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
        ownerRevision: from.string(MAX_TEXT),
        edgeName: from.string(MAX_TEXT),
        edgeBuild: from.string(MAX_TEXT),
        edgeRevision: from.string(MAX_TEXT),
      };
    case 0x88:
      return { type: 'notice', sentence: from.string(MAX_SENTENCE) };
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
    bot: from.bool(),
    session: from.u32(),
    connected: from.bool(),
    score: from.u32(),
    deaths: from.u32(),
    wins: from.u32(),
    lastSeq: from.u32(),
    applied: from.u32(),
    appliedHash: from.u32(),
    keys: from.u8(),
    tank: from.option(() => ({ x: from.i32(), y: from.i32(), heading: from.u16(), armour: from.u16(), reload: from.u16(), bounce: from.bool() })),
  };
  if (value.slot >= MAX_SLOTS) throw new ProtocolError(`a keyframe names place ${value.slot}`);
  return value;
}

function chatLine(from: Reader): ChatLine {
  return { tick: from.count(), slot: from.u8(), name: from.string(MAX_TEXT), what: chatWhat(from) };
}

function chatWhat(from: Reader): ChatLine['what'] {
  const tag = from.u32();
  switch (tag) {
    case 0:
      return { type: 'entered' };
    case 1:
      return { type: 'left' };
    case 2:
      return { type: 'renamed', to: from.string(MAX_TEXT) };
    case 3:
      return { type: 'said', text: from.string(MAX_SAID) };
    default:
      throw new ProtocolError(`a line of chat of kind ${tag} is not known`);
  }
}
