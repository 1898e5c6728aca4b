/**
 * Frames: what changes from one tick to the next, the same bytes for everybody who watches a game.
 *
 * Owns their layout. What a frame does to a view is `game/view`'s.
 */
import { type Hex64, ProtocolError, Reader } from './bytes';

/** Bits of a frame's first byte. */
const FLAG = { epoch: 1, rewind: 2, reanchor: 4, moving: 8, registryAway: 16, events: 32 } as const;

/** Bits of dx and dy each, and of dh, in the four sizes of a residual; two bits before them say which. Unused bits fill the last byte. */
const RESIDUALS = [
  { place: 7, dh: 0 },
  { place: 11, dh: 0 },
  { place: 18, dh: 0 },
  { place: 18, dh: 16 },
] as const;

const KEYS = 0x1f;
const MORE = 0x20;
const MAX_EVENTS = 1 << 14;
/** A name has at most 16 characters of 4 bytes. */
const MAX_NAME = 64;
/** What is said has at most 120. */
const MAX_SAID = 480;

/** `by` of a kill that nobody caused, `winner` of a round that nobody won, slot of a blast whose player has left. */
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

/** What cannot be seen from positions. `at`: how far a missile flew in this tick, in steps of 16 units. */
export type GameEvent =
  | { readonly type: 'join'; readonly slot: number; readonly player: Hex64; readonly bot: boolean; readonly name: string }
  | { readonly type: 'leave'; readonly slot: number }
  | { readonly type: 'launch'; readonly slot: number; readonly entry: number }
  | { readonly type: 'shot'; readonly slot: number; readonly missile: number }
  | { readonly type: 'hit'; readonly slot: number; readonly missile: number; readonly at: number; readonly armour: number }
  | { readonly type: 'gone'; readonly missile: number }
  | { readonly type: 'kill'; readonly slot: number; readonly by: number; readonly item: number; readonly kind: number }
  | { readonly type: 'burst'; readonly missile: number; readonly at: number }
  | { readonly type: 'bounce'; readonly missile: number; readonly at: number; readonly heading: number }
  | { readonly type: 'hurt'; readonly slot: number; readonly armour: number }
  | { readonly type: 'pickUp'; readonly slot: number; readonly item: number }
  | { readonly type: 'destruct'; readonly slot: number; readonly item: number; readonly kind: number }
  | { readonly type: 'rename'; readonly slot: number; readonly name: string }
  | { readonly type: 'chat'; readonly slot: number; readonly text: string }
  | { readonly type: 'roundOver'; readonly winner: number; readonly ticks: number }
  | { readonly type: 'roundStart'; readonly ticks: number };

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
  /** Nothing has become durable for a while: mostly because the registry cannot be reached. */
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
  let bits = from.u8();
  let held = 6;
  const { place, dh } = RESIDUALS[(bits & 3) as 0 | 1 | 2 | 3];
  bits >>= 2;
  // The largest has 54 bits: more than a double holds, so they are taken as they come, never more than 25 at once.
  const signed = (width: number): number => {
    for (; held < width; held += 8) bits |= from.u8() << held;
    const value = bits & ((1 << width) - 1);
    bits >>= width;
    held -= width;
    return value >= 1 << (width - 1) ? value - (1 << width) : value;
  };
  return { slot, dx: signed(place), dy: signed(place), dh: dh === 0 ? 0 : signed(dh) };
}

function event(from: Reader, slots: number): GameEvent {
  const place = (): number => {
    const slot = from.u8();
    if (slot >= slots) throw new ProtocolError(`an event names place ${slot} of ${slots}`);
    return slot;
  };
  const placeOrNobody = (): number => {
    const slot = from.u8();
    if (slot >= slots && slot !== NOBODY) throw new ProtocolError(`an event names place ${slot} of ${slots}`);
    return slot;
  };
  const kind = from.u8();
  switch (kind) {
    case 0:
      return { type: 'join', slot: place(), player: from.u64le(), bot: from.bool(), name: from.string(MAX_NAME) };
    case 1:
      return { type: 'leave', slot: place() };
    case 2:
      return { type: 'launch', slot: place(), entry: from.u8() };
    case 3:
      return { type: 'shot', slot: place(), missile: from.u8() };
    case 4:
      return { type: 'hit', slot: place(), missile: from.u8(), at: from.u8(), armour: from.packed(2) };
    case 5:
      return { type: 'gone', missile: from.u8() };
    case 6:
      return { type: 'kill', slot: place(), by: placeOrNobody(), item: from.u8(), kind: from.u8() };
    case 7:
      return { type: 'burst', missile: from.u8(), at: from.u8() };
    case 8:
      return { type: 'bounce', missile: from.u8(), at: from.u8(), heading: from.packed(2) };
    case 9:
      return { type: 'hurt', slot: place(), armour: from.packed(2) };
    case 10:
      return { type: 'pickUp', slot: place(), item: from.u8() };
    case 11:
      return { type: 'destruct', slot: place(), item: from.u8(), kind: from.u8() };
    case 12:
      return { type: 'rename', slot: place(), name: from.string(MAX_NAME) };
    case 13:
      return { type: 'chat', slot: place(), text: from.string(MAX_SAID) };
    case 14:
      return { type: 'roundOver', winner: placeOrNobody(), ticks: from.packed(2) };
    case 15:
      return { type: 'roundStart', ticks: from.packed(4) };
    default:
      throw new ProtocolError(`event type ${kind} is not known`);
  }
}
