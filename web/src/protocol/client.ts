/**
 * What a client says: one type byte, then the fields in order, as postcard writes them.
 *
 * Owns the layout of outgoing messages. When which message is sent is `net/session`'s.
 */
import { type Hex64, Writer } from './bytes';

/** The version of the players' protocol that this page speaks. */
export const VERSION = 1;
/** Most inputs in one message; more go into several. */
export const MAX_INPUTS = 8;

/** Keys as bits of an input. */
export const KEY = { forward: 1, back: 2, left: 4, right: 8, fire: 16 } as const;
/** Actions of an input. `launchFrom + n` launches from entry point n. */
export const ACTION = { none: 0, destruct: 1, launchAny: 2, launchFrom: 3 } as const;

/** One input: the level of all keys from its tick on, and at most one action. */
export interface Input {
  /** Counts the player's inputs from 1, over all sockets. */
  readonly seq: number;
  /** The tick it aims at; applied then or at the next one. */
  readonly forTick: number;
  /** Bits of `KEY`. */
  readonly keys: number;
  /** One of `ACTION`. */
  readonly action: number;
}

/** First message of every socket. */
export interface Hello {
  readonly version: number;
  readonly game: Hex64;
  readonly spectate: boolean;
  readonly name: string;
  /** Number of this socket of the player, higher for each later one. */
  readonly session: number;
  /** Of an earlier Welcome, to go on as that player. */
  readonly token: Uint8Array | null;
  /** The last frame shown. */
  readonly floor: { readonly epoch: Hex64; readonly tick: number } | null;
}

export type ClientMessage =
  | ({ readonly type: 'hello' } & Hello)
  | { readonly type: 'inputs'; readonly seen: number; readonly inputs: readonly Input[] }
  | { readonly type: 'seen'; readonly tick: number }
  | { readonly type: 'ping'; readonly nonce: number; readonly tick: number }
  | { readonly type: 'leave' }
  | { readonly type: 'keyframePlease' }
  | { readonly type: 'rename'; readonly name: string }
  | { readonly type: 'chat'; readonly text: string };

/** One websocket message. */
export function encodeClient(message: ClientMessage): Uint8Array<ArrayBuffer> {
  const out = new Writer();
  switch (message.type) {
    case 'hello':
      out.u8(0x01).u8(message.version).id(message.game).bool(message.spectate).string(message.name).count(message.session);
      out.option(message.token, (token) => out.raw(token));
      out.option(message.floor, (floor) => out.id(floor.epoch).count(floor.tick));
      break;
    case 'inputs':
      out.u8(0x02).count(message.seen);
      out.list(message.inputs, (input) => out.count(input.seq).count(input.forTick).u8(input.keys).u8(input.action));
      break;
    case 'seen':
      out.u8(0x03).count(message.tick);
      break;
    case 'ping':
      out.u8(0x04).count(message.nonce).count(message.tick);
      break;
    case 'leave':
      out.u8(0x05);
      break;
    case 'keyframePlease':
      out.u8(0x06);
      break;
    case 'rename':
      out.u8(0x07).string(message.name);
      break;
    case 'chat':
      out.u8(0x08).string(message.text);
      break;
  }
  return out.done();
}
