/**
 * Frames: what changes from one tick to the next, the same bytes for everybody who watches a game.
 *
 * Owns their layout. What a frame does to a view is `game/view`'s.
 */
import { type Hex64, ProtocolError, Reader } from './bytes';

/** Bits of a frame's first byte. */
const FLAG = { epoch: 1, rewind: 2, reanchor: 4, moving: 8, registryAway: 16, events: 32 } as const;

/** Bits of dx, dy and dh of the four sizes of a residual, and the bytes they take with the two bits that say which. */
const RESIDUALS = [
  { dx: 7, dy: 7, dh: 0, bytes: 2 },
  { dx: 11, dy: 11, dh: 0, bytes: 3 },
  { dx: 18, dy: 18, dh: 0, bytes: 5 },
  { dx: 18, dy: 18, dh: 16, bytes: 7 },
] as const;

const KEYS = 0x1f;
const MORE = 0x20;
const MAX_EVENTS = 1 << 14;
/** A name has at most 16 characters of 4 bytes. */
const MAX_NAME = 64;

/** `by` of a kill that nobody caused. */
export const NOBODY = 255;

/** The keys of a player after each of the inputs applied in this tick, in their order. */
export interface SlotInputs {
  readonly slot: number;
  readonly keys: readonly number[];
}

/** Where a tank is minus where free motion would have put it. */
export interface Residual {
  readonly slot: number;
  readonly dx: number;
  readonly dy: number;
  readonly dh: number;
}

/** What cannot be seen from positions. */
export type GameEvent =
  | { readonly type: 'join'; readonly slot: number; readonly player: Hex64; readonly name: string }
  | { readonly type: 'leave'; readonly slot: number }
  | { readonly type: 'launch'; readonly slot: number; readonly entry: number }
  | { readonly type: 'shot'; readonly slot: number; readonly missile: number }
  | { readonly type: 'hit'; readonly slot: number; readonly missile: number; readonly armour: number }
  | { readonly type: 'gone'; readonly missile: number }
  | { readonly type: 'kill'; readonly slot: number; readonly by: number };

export interface Frame {
  readonly type: 'frame';
  /** Present where the epoch changes. */
  readonly epoch: Hex64 | null;
  /** The world went back to an earlier tick, after a crash. */
  readonly rewind: boolean;
  /** The owner's clock started anew. */
  readonly reanchor: boolean;
  /** The game is about to move to another member. */
  readonly moving: boolean;
  /** The registry cannot be reached: nothing new is durable. */
  readonly registryAway: boolean;
  /** The tick's lowest 8 bits. */
  readonly tickLow: number;
  /** Ticks since the durable one; 255 for that many or more. */
  readonly lag: number;
  readonly inputs: readonly SlotInputs[];
  readonly residuals: readonly Residual[];
  readonly events: readonly GameEvent[];
}

/** The frame in one websocket message of a game with `slots` places. */
export function decodeFrame(bytes: Uint8Array, slots: number): Frame {
  const from = new Reader(bytes);
  const flags = from.u8();
  const tickLow = from.u8();
  const lag = from.u8();
  const frame: Frame = {
    type: 'frame',
    tickLow,
    lag,
    epoch: flags & FLAG.epoch ? from.u64le() : null,
    rewind: (flags & FLAG.rewind) !== 0,
    reanchor: (flags & FLAG.reanchor) !== 0,
    moving: (flags & FLAG.moving) !== 0,
    registryAway: (flags & FLAG.registryAway) !== 0,
    inputs: masked(from, slots).map((slot) => ({ slot, keys: inputKeys(from) })),
    residuals: masked(from, slots).map((slot) => residual(from, slot)),
    events: flags & FLAG.events ? from.list(MAX_EVENTS, () => event(from, slots)) : [],
  };
  from.end();
  return frame;
}

/** The slots whose bits are set in a mask of one byte for each 8 slots. */
function masked(from: Reader, slots: number): number[] {
  const found: number[] = [];
  for (let first = 0; first < slots; first += 8) {
    const mask = from.u8();
    for (let bit = 0; bit < 8; bit++) if (mask & (1 << bit)) found.push(first + bit);
  }
  if ((found.at(-1) ?? 0) >= slots) throw new ProtocolError(`a mask names place ${found.at(-1)} of ${slots}`);
  return found;
}

function inputKeys(from: Reader): number[] {
  const keys: number[] = [];
  for (let more = true; more; ) {
    const byte = from.u8();
    if ((byte & ~(KEYS | MORE)) !== 0) throw new ProtocolError(`${byte} is no set of keys`);
    keys.push(byte & KEYS);
    more = (byte & MORE) !== 0;
  }
  return keys;
}

function residual(from: Reader, slot: number): Residual {
  const first = from.u8();
  const size = RESIDUALS[(first & 3) as 0 | 1 | 2 | 3];
  // Up to 54 bits are used: more than a double holds.
  let rest = (BigInt(from.packed(size.bytes - 1)) << 6n) | BigInt(first >> 2);
  const signed = (bits: number): number => {
    const value = Number(BigInt.asIntN(bits, rest));
    rest >>= BigInt(bits);
    return value;
  };
  return { slot, dx: signed(size.dx), dy: signed(size.dy), dh: signed(size.dh) };
}

function event(from: Reader, slots: number): GameEvent {
  const place = (): number => {
    const slot = from.u8();
    if (slot >= slots) throw new ProtocolError(`an event names place ${slot} of ${slots}`);
    return slot;
  };
  const kind = from.u8();
  switch (kind) {
    case 0:
      return { type: 'join', slot: place(), player: from.u64le(), name: from.string(MAX_NAME) };
    case 1:
      return { type: 'leave', slot: place() };
    case 2:
      return { type: 'launch', slot: place(), entry: from.u8() };
    case 3:
      return { type: 'shot', slot: place(), missile: from.u8() };
    case 4:
      return { type: 'hit', slot: place(), missile: from.u8(), armour: from.packed(2) };
    case 5:
      return { type: 'gone', missile: from.u8() };
    case 6:
      return { type: 'kill', slot: place(), by: from.u8() };
    default:
      throw new ProtocolError(`event type ${kind} is not known`);
  }
}
