/**
 * A network between a session and an owner, in virtual time and from a seed: delay, jitter and lost packets, as TCP shows
 * them (late, but in order). For tests.
 */
import type { View } from '../game/view';
import type { Socket } from '../net/link';
import { Reader, Writer } from '../protocol/bytes';
import type { Input } from '../protocol/client';
import { encodeFrame, encodeKeyframe } from './encode';
import type { Owner } from './owner';

/** Numbers from a seed, 0 to 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Way {
  /** There and back without jitter, in milliseconds. */
  readonly roundTrip: number;
  /** Most messages are late by up to so much; half by less than a fifth of it. */
  readonly jitter: number;
  /** Share of messages that are lost and sent again after a round trip and a half, and 20 ms. */
  readonly loss: number;
}

/** One direction of a connection. */
class Pipe<T> {
  private readonly queue: { readonly at: number; readonly what: T }[] = [];
  private last = 0;

  constructor(
    private readonly way: Way,
    private readonly draw: () => number,
  ) {}

  send(what: T, now: number): void {
    const { roundTrip, jitter, loss } = this.way;
    const late = jitter * this.draw() ** 3;
    const again = this.draw() < loss ? 1.5 * roundTrip + 20 : 0;
    this.last = Math.max(this.last, now + roundTrip / 2 + late + again);
    this.queue.push({ at: this.last, what });
  }

  due(now: number): T[] {
    const count = this.queue.findIndex(({ at }) => at > now);
    return this.queue.splice(0, count < 0 ? this.queue.length : count).map(({ what }) => what);
  }
}

/** The client's end of one connection. */
export class Cable implements Socket {
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown; at?: number }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly up: Pipe<Uint8Array>;
  readonly down: Pipe<Uint8Array>;
  open = false;
  readonly openAt: number;
  welcomed = false;
  closed = false;

  constructor(
    readonly net: Net,
    way: Way,
  ) {
    // The handshakes of TCP and of the websocket.
    this.openAt = net.now + 2 * way.roundTrip;
    this.up = new Pipe(way, net.draw);
    this.down = new Pipe(way, net.draw);
  }

  send(data: Uint8Array): void {
    this.up.send(data, this.net.now);
  }

  close(): void {
    this.closed = true;
  }
}

/** All connections to one owner, and the owner's time. */
export class Net {
  now: number;
  readonly draw: () => number;
  cables: Cable[] = [];
  /** When the next tick is run. */
  due: number;
  private started = 0;
  private views: readonly View[] = [];
  /** What a newcomer is sent: a keyframe that may lie a second back, and the frames since. */
  private burst: Writer[] = [];

  constructor(
    readonly owner: Owner,
    readonly way: Way,
    private readonly mazeText: string,
    seed: number,
    now: number,
    private readonly slots = 8,
  ) {
    this.now = now;
    this.due = now + 20;
    this.draw = random(seed);
    this.burst = [encodeKeyframe(owner.view)];
  }

  connect(): Cable {
    const cable = new Cable(this, this.way);
    this.cables.push(cable);
    return cable;
  }

  /** All connections break. */
  cut(): void {
    const { cables } = this;
    this.cables = [];
    for (const cable of cables) {
      cable.closed = true;
      cable.onclose?.({ code: 1006, reason: '' });
    }
  }

  /** Goes on to `now`, in steps of at most a millisecond. */
  advance(now: number): void {
    this.now = now;
    this.cables = this.cables.filter(({ closed }) => !closed);
    for (const cable of this.cables) {
      if (!cable.open && now >= cable.openAt) {
        cable.open = true;
        cable.onopen?.();
      }
      for (const message of cable.up.due(now)) this.receive(cable, message);
    }
    for (; this.due <= now; this.due += 20) {
      const frame = encodeFrame(this.owner.step(), this.slots);
      this.broadcast(frame);
      this.views = [...this.views, this.owner.view].slice(-50);
      this.burst.push(frame);
      if (this.owner.view.tick % 50 === 0) this.burst = [encodeKeyframe(this.owner.view)];
    }
    for (const cable of this.cables) for (const data of cable.down.due(now)) if (!cable.closed) cable.onmessage?.({ data: data.buffer, at: now });
  }

  /** The owner's world at a recent tick. */
  viewAt(tick: number): View {
    return this.views.findLast((view) => view.tick === tick) ?? this.owner.view;
  }

  /** Everybody is given the whole world. */
  keyframe(): void {
    this.burst = [encodeKeyframe(this.owner.view)];
    this.broadcast(this.burst[0] as Writer);
  }

  private broadcast(message: Writer): void {
    const data = message.done();
    for (const cable of this.cables) if (cable.welcomed) cable.down.send(data, this.now);
  }

  private receive(cable: Cable, message: Uint8Array): void {
    const from = new Reader(message.subarray(1));
    switch (message[0]) {
      case 1: {
        this.started += 1;
        cable.welcomed = true;
        const id = this.owner.view.players.find(({ slot }) => slot === this.owner.slot)?.id ?? '';
        const welcome = new Writer().u8(0x81).u8(1).id(id).count(this.started).string('Test').string(this.mazeText).u8(this.slots);
        cable.down.send(welcome.string('edge').string('1').raw(Uint8Array.of(1)).done(), this.now);
        for (const part of this.burst) cable.down.send(part.done(), this.now);
        break;
      }
      case 2: {
        from.count();
        this.owner.take(from.list(8, (): Input => ({ seq: from.u32(), forTick: from.count(), keys: from.u8(), action: from.u8() })));
        break;
      }
      case 4: {
        const [nonce, tick] = [from.u32(), from.count()];
        const slack = Math.floor((tick - this.owner.view.tick - 1) * 20 + Math.max(0, this.due - this.now));
        cable.down.send(new Writer().u8(0x83).count(nonce).count(this.owner.view.tick).i32(slack).done(), this.now);
        break;
      }
      case 6:
        cable.down.send(encodeKeyframe(this.owner.view).done(), this.now);
        break;
      default:
        break;
    }
  }
}
