/**
 * A bad network for tests: a TCP proxy that delays, jitters, narrows, pauses and cuts what goes through it.
 *
 * Owns the connections of both sides; `close` ends them all. Order within a direction is kept, as TCP keeps it. Delays come
 * from the seed alone: connection n of a proxy draws the same ones for its first, second, .. piece each time. Whoever wants to
 * know what goes through hands in `tap`.
 */
import { connect, createServer } from 'node:net';

/** Bytes that wait in one direction before the sender is held back. */
const WAITING_MAX = 1 << 20;

/**
 * Is told of one connection: pieces of each way as they are handed on, and its end.
 *
 * @typedef {{ up(bytes: Buffer): void, down(bytes: Buffer): void, end(): void }} Tap
 */

/**
 * @typedef {object} Conditions
 * @property {number} [delayMs] Each way.
 * @property {number} [jitterMs] Each way, at most; most pieces get much less: a third of it on average.
 * @property {number} [bytesPerSecond] Each way and connection; 0: as fast as it goes.
 */

export class Proxy {
  /**
   * Listens on a free port of the loopback.
   *
   * @param {{ port: number, host?: string }} target
   * @param {Conditions & { seed?: number, tap?: () => Tap }} [options] `tap` is called for each connection.
   */
  static async start(target, { seed = 1, tap, ...conditions } = {}) {
    const proxy = new Proxy(target, seed, conditions, tap);
    await new Promise((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  #server;
  #target;
  #conditions;
  #tap;
  #accepted = 0;
  #pairs = new Set();
  #paused = false;
  #refusing = false;

  /** Use `start`. */
  constructor(target, seed, conditions, tap = () => ({ up() {}, down() {}, end() {} })) {
    this.seed = seed;
    this.#tap = tap;
    this.#target = target;
    this.#conditions = { delayMs: 0, jitterMs: 0, bytesPerSecond: 0, ...conditions };
    this.#server = createServer((client) => this.#accept(client));
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that are open now. */
  get open() {
    return this.#pairs.size;
  }

  /** Says what failed with, so that it can be had again. */
  toString() {
    const { delayMs, jitterMs, bytesPerSecond } = this.#conditions;
    return `${delayMs} ms each way, jitter up to ${jitterMs} ms${bytesPerSecond > 0 ? `, ${bytesPerSecond} bytes/s` : ''}, seed ${this.seed}`;
  }

  /** Changes the conditions for what comes from now on. */
  set(conditions) {
    Object.assign(this.#conditions, conditions);
  }

  /** Breaks all open connections, at once and without a goodbye of whatever they carry. */
  cut() {
    for (const pair of this.#pairs) pair.break();
  }

  /** Nothing goes through, and nothing breaks, until `resume`. */
  pause() {
    this.#paused = true;
  }

  resume() {
    this.#paused = false;
    for (const pair of this.#pairs) pair.release();
  }

  /** With true: new connections are broken at once. */
  refuse(refusing) {
    this.#refusing = refusing;
  }

  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #accept(client) {
    if (this.#refusing) {
      client.on('error', () => {});
      client.destroy();
      return;
    }
    this.#accepted += 1;
    const server = connect({ host: '127.0.0.1', ...this.#target });
    const shared = { conditions: this.#conditions, paused: () => this.#paused };
    const tap = this.#tap();
    const up = new Lane(client, server, dice(this.seed, 2 * this.#accepted), shared, (bytes) => tap.up(bytes));
    const down = new Lane(server, client, dice(this.seed, 2 * this.#accepted + 1), shared, (bytes) => tap.down(bytes));
    const pair = {
      // Not by a reset: after those Node 20 may hang when it exits.
      break: () => {
        client.destroy();
        server.destroy();
      },
      release: () => {
        up.release();
        down.release();
      },
    };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // What breaks one side breaks the other; an end that was said properly goes through its lane.
      socket.on('error', () => pair.break());
      socket.on('close', (failed) => {
        if (failed) pair.break();
        if (client.destroyed && server.destroyed && this.#pairs.delete(pair)) tap.end();
      });
    }
  }
}

/** One direction of a connection: pieces wait for their time, in order. */
class Lane {
  #queue = [];
  #waiting = 0;
  #timer = null;
  /** When the narrow wire is free again, and when the last piece may go. */
  #wireFree = 0;
  #last = 0;

  constructor(from, to, draw, shared, told) {
    this.from = from;
    this.to = to;
    this.draw = draw;
    this.shared = shared;
    this.told = told;
    from.on('data', (bytes) => this.#add(bytes));
    from.on('end', () => this.#add(null));
    from.on('close', () => {
      if (this.#queue.length === 0 && !to.destroyed) to.end();
    });
    to.on('close', () => clearTimeout(this.#timer));
  }

  /** Sends what may go. */
  release() {
    clearTimeout(this.#timer);
    this.#timer = null;
    if (this.shared.paused()) return;
    const now = performance.now();
    while (this.#queue.length > 0 && this.#queue[0].at <= now) {
      const { bytes } = this.#queue.shift();
      if (bytes === null) {
        this.to.end();
        return;
      }
      this.#waiting -= bytes.length;
      if (this.to.destroyed) continue;
      this.to.write(bytes);
      this.told(bytes);
    }
    if (this.#waiting < WAITING_MAX) this.from.resume();
    if (this.#queue.length > 0) this.#timer = setTimeout(() => this.release(), Math.max(0, this.#queue[0].at - now));
  }

  #add(bytes) {
    const now = performance.now();
    const { delayMs, jitterMs, bytesPerSecond } = this.shared.conditions;
    const size = bytes?.length ?? 0;
    this.#wireFree = Math.max(this.#wireFree, now) + (bytesPerSecond > 0 ? (size * 1000) / bytesPerSecond : 0);
    this.#last = Math.max(this.#last, this.#wireFree + delayMs + jitter(this.draw(), jitterMs));
    this.#queue.push({ bytes, at: this.#last });
    this.#waiting += size;
    if (this.#waiting >= WAITING_MAX) this.from.pause();
    if (this.#timer === null) this.release();
  }
}

/** Mostly short, now and then long, as wireless networks are: exponential with a mean of a third of `most`, and cut there. */
export function jitter(drawn, most) {
  return Math.min(most, (-Math.log(1 - drawn) * most) / 3);
}

/** Numbers from 0 to below 1 from a seed (mulberry32); `stream` gives others under the same seed. */
export function dice(seed, stream = 0) {
  let state = (Math.imul(seed, 0x9e3779b1) + Math.imul(stream, 0x85ebca6b)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
