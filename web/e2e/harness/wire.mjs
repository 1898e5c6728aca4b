/**
 * What the servers told a page, read off the wire.
 *
 * Owns just enough of the players' protocol (docs/protocol.md) to see who the page plays and which ticks it was sent.
 * Knows nothing of the client under test: that is the point.
 */

/** All that the servers said on the websockets of one visitor. */
export class Heard {
  /** Player ids of all Welcomes, in order. */
  players = [];
  /** Epochs, in the order in which they were first heard. */
  epochs = [];
  /** Sockets opened, and of those still open. */
  sockets = 0;
  open = 0;
  /** Codes by which servers closed sockets. */
  closes = [];
  /** Newest tick that was sent, on whichever socket. */
  tick = 0;
  /** Ticks that were never sent, as [from, to]. */
  holes = [];
  /** Times that a keyframe led back. */
  rewinds = 0;
  /** Frames, and their bytes. */
  frames = 0;
  bytes = 0;
  /** What frames told of, of late: kinds of events, and when they came. */
  happened = [];

  /** For a proxy: hears one connection, if it is a websocket to a game. */
  tap() {
    let websocket = false;
    let waiting = Buffer.alloc(0);
    let greeted = false;
    const socket = { tick: null, slots: 0 };
    return {
      up: (bytes) => {
        if (websocket || !bytes.toString('latin1', 0, 9).startsWith('GET /play')) return;
        websocket = true;
        this.sockets += 1;
        this.open += 1;
      },
      down: (bytes) => {
        if (!websocket) return;
        waiting = Buffer.concat([waiting, bytes]);
        if (!greeted) {
          const end = waiting.indexOf('\r\n\r\n');
          if (end < 0) return;
          greeted = true;
          waiting = waiting.subarray(end + 4);
        }
        for (let frame = frameOf(waiting); frame !== null; frame = frameOf(waiting)) {
          waiting = waiting.subarray(frame.end);
          if (frame.opcode === BINARY) this.message(socket, frame.payload);
          if (frame.opcode === CLOSE && frame.payload.length >= 2) this.closes.push(frame.payload.readUInt16BE(0));
        }
      },
      end: () => {
        if (websocket) this.open -= 1;
      },
    };
  }

  message(socket, bytes) {
    const type = bytes[0];
    if (type < 0x40) {
      if (socket.tick === null) return;
      socket.tick += (bytes[1] - socket.tick) & 255;
      this.frames += 1;
      this.bytes += bytes.length;
      if (type & 1) this.epoch(bytes.readBigUInt64LE(3));
      // Sockets of one player overlap: each tick counts once.
      if (type & 32 && socket.tick > this.tick) this.note(eventsOf(bytes, socket.slots));
      this.reach(socket.tick);
    } else if (type === 0x81) {
      const fields = new Varints(bytes, 2);
      this.players.push(fields.next());
      fields.next();
      fields.skip(); // the game's name
      fields.skip(); // the maze
      socket.slots = fields.byte();
    } else if (type === 0x82) {
      const fields = new Varints(bytes, 1);
      const epoch = fields.next();
      socket.tick = Number(fields.next());
      if (this.epochs.length > 0 && epoch !== this.epochs.at(-1) && socket.tick < this.tick) {
        this.rewinds += 1;
        this.tick = socket.tick;
      }
      this.epoch(epoch);
      this.reach(socket.tick);
    }
  }

  note(kinds) {
    const at = performance.now();
    this.happened = [...this.happened, ...kinds.map((kind) => ({ kind, at }))].slice(-KEPT);
  }

  epoch(epoch) {
    if (!this.epochs.includes(epoch)) this.epochs.push(epoch);
  }

  reach(tick) {
    if (this.tick > 0 && tick > this.tick + 1) this.holes.push([this.tick + 1, tick - 1]);
    this.tick = Math.max(this.tick, tick);
  }
}

const BINARY = 2;
const CLOSE = 8;

/** The first frame of the websocket protocol in `bytes` (a server's: not masked, whole); null until all of it is there. */
function frameOf(bytes) {
  if (bytes.length < 2) return null;
  let size = bytes[1] & 127;
  let start = 2;
  if (size === 126) {
    if (bytes.length < 4) return null;
    [size, start] = [bytes.readUInt16BE(2), 4];
  } else if (size === 127) {
    if (bytes.length < 10) return null;
    [size, start] = [Number(bytes.readBigUInt64BE(2)), 10];
  }
  return bytes.length < start + size ? null : { opcode: bytes[0] & 15, payload: bytes.subarray(start, start + size), end: start + size };
}

/** Kinds of events that tests ask for. */
export const EVENT = { shot: 3, kill: 6 };
/** Events that are remembered. */
const KEPT = 100;
/** Bytes of each kind of event, after the kind; texts come on top, behind the bytes given here. */
const EVENT_BYTES = [10, 1, 2, 2, 5, 1, 4, 2, 4, 3, 2, 3, 1, 1, 3, 4];
const EVENTS_WITH_TEXT = [0, 12, 13];
/** Bytes of a residual, by class. */
const RESIDUAL_BYTES = [2, 3, 5, 7];

/** The kinds of the events in a frame. */
function eventsOf(frame, slots) {
  const mask = Math.ceil(slots / 8);
  const set = (at) => Array.from({ length: slots }, (_, slot) => slot).filter((slot) => frame[at + (slot >> 3)] & (1 << (slot & 7))).length;
  let at = frame[0] & 1 ? 11 : 3;
  let inputs = set(at);
  at += mask;
  for (; inputs > 0; at += 1) if (!(frame[at] & 32)) inputs -= 1;
  let residuals = set(at);
  at += mask;
  for (; residuals > 0; residuals -= 1) at += RESIDUAL_BYTES[frame[at] & 3];
  const fields = new Varints(frame, at);
  return Array.from({ length: Number(fields.next()) }, () => {
    const kind = fields.byte();
    fields.at += EVENT_BYTES[kind];
    if (EVENTS_WITH_TEXT.includes(kind)) fields.skip();
    return kind;
  });
}

/** Unsigned LEB128 numbers, single bytes and texts, one after the other. */
class Varints {
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return this.bytes[this.at++];
  }

  /** Passes over a text. */
  skip() {
    const length = Number(this.next());
    this.at += length;
  }

  next() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
}

/** A Hello: of somebody new, or with a token (bytes) of a player who comes back. */
export function hello({ game, name, session = 1, token = null }) {
  const text = new TextEncoder().encode(name);
  const proof = token ? [1, token.length, ...token] : [0];
  return Uint8Array.of(1, 1, ...varint(BigInt(`0x${game}`)), 0, text.length, ...text, ...varint(BigInt(session)), ...proof, 0);
}

function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    if (rest <= 127n) return bytes;
  }
}
