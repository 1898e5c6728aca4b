/** Sessions over sockets that the test plays the server of. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KEY } from '../protocol/client';
import { Reader, Writer } from '../protocol/bytes';
import { verdict } from '../protocol/close';
import { Stage } from '../game/stage';
import type { Socket } from './link';
import { Session } from './session';
import { loadIdentity } from './token';

const GAME = '0123456789abcdef';
const ADA = 'fedcba9876543210';
const MAZE = 'name Box\nwall 1,1 1,2 2,2 2,1 1,1\nentry a -8,-8 facing 45\n';
const E1 = '01935f0012ab7c3d';
const E2 = '01935f009e010b44';

/** What a frame says besides its tick; events as their bytes. */
interface Said {
  keys?: number[];
  lag?: number;
  epoch?: string | null;
  moving?: boolean;
  away?: boolean;
  events?: number[][];
}

/** Ada's tank is destroyed by nobody, and leaves item 1. */
const KILLED = [6, 0, 255, 1, 0];
const LAUNCHED = [2, 0, 0];

/** The server's end of a socket. */
class Peer implements Socket {
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: Uint8Array[] = [];
  closedWith: number | undefined;

  send(data: Uint8Array): void {
    this.sent.push(data);
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  say(message: Writer): void {
    this.onmessage?.({ data: message.done().buffer });
  }

  /** What a server says after Hello. `player` null: the join has not been run yet. */
  welcome(epoch: string, tick: number, player: { lastSeq: number; keys: number } | null = { lastSeq: 0, keys: 0 }): void {
    this.onopen?.();
    this.say(new Writer().u8(0x81).u8(1).id(ADA).count(this.hello.session).string('Friday').string(MAZE).u8(8).string('edge').string('1').raw(Uint8Array.of(1, 2, 3)));
    this.keyframe(epoch, tick, player);
  }

  keyframe(epoch: string, tick: number, player: { lastSeq: number; keys: number } | null = { lastSeq: 0, keys: 0 }): void {
    const out = new Writer().u8(0x82).id(epoch).count(tick).count(tick).count(1).count(1).bool(false).count(0);
    out.list(player ? [player] : [], ({ lastSeq, keys }) =>
      out.id(ADA).u8(0).string('Ada').bool(false).count(1).bool(true).count(0).count(0).count(0).count(lastSeq).count(lastSeq).count(0).u8(keys).bool(true).i32(0).i32(0).count(0).count(32_768).count(0).bool(false),
    );
    this.say(out.count(0).count(0).count(0).count(0));
  }

  /** The frame of `tick`, in which so many inputs of the player, ending with `keys`, were applied. */
  frame(tick: number, { keys = [], lag = 255, epoch = null, moving = false, away = false, events = [] }: Said = {}): void {
    const flags = (epoch ? 1 : 0) + (moving ? 8 : 0) + (away ? 16 : 0) + (events.length > 0 ? 32 : 0);
    const out = new Writer().u8(flags).u8(tick % 256).u8(lag);
    if (epoch) out.u64le(epoch);
    out.u8(keys.length > 0 ? 1 : 0);
    keys.forEach((level, i) => out.u8(level | (i < keys.length - 1 ? 32 : 0)));
    out.u8(0);
    if (events.length > 0) out.count(events.length);
    for (const event of events) for (const byte of event) out.u8(byte);
    this.say(out);
  }

  pong(nonce: number): void {
    this.say(new Writer().u8(0x83).count(nonce).count(1).i32(0));
  }

  end(code: number): void {
    this.onclose?.({ code, reason: '' });
  }

  get hello(): { name: string; session: number; token: boolean; floor: { epoch: string; tick: number } | null } {
    const from = new Reader((this.sent[0] as Uint8Array).subarray(1));
    from.u8();
    expect(from.id()).toBe(GAME);
    from.bool();
    const name = from.string(16);
    const session = from.u32();
    const token = from.option(() => from.raw(99)) !== null;
    return { name, session, token, floor: from.option(() => ({ epoch: from.id(), tick: from.count() })) };
  }

  /** (seq, keys) of all inputs that came. */
  get inputs(): [number, number][] {
    return this.sent
      .filter(([kind]) => kind === 2)
      .flatMap((message) => {
        const from = new Reader(message.subarray(1));
        from.count();
        return from.list(8, (): [number, number] => {
          const seq = from.u32();
          from.count();
          const keys = from.u8();
          from.u8();
          return [seq, keys];
        });
      });
  }

  /** Nonces of all pings that came. */
  get pings(): number[] {
    return this.sent.filter(([kind]) => kind === 4).map((message) => new Reader(message.subarray(1)).u32());
  }

  /** How often it was asked for a keyframe. */
  get asks(): number {
    return this.kinds.filter((kind) => kind === 6).length;
  }

  /** Type bytes of all messages that came. */
  get kinds(): (number | undefined)[] {
    return this.sent.map(([kind]) => kind);
  }
}

let peers: Peer[] = [];
let shown: [string, number][] = [];
let online = true;
let network = () => {};
let stored: Map<string, string>;
let session: Session;

/** Notes which worlds are shown. */
class Watched extends Stage {
  override add(...args: Parameters<Stage['add']>): void {
    shown.push([args[0].epoch, args[0].tick]);
    super.add(...args);
  }
}

const peer = (n: number) => peers[n] as Peer;
const storage = () => ({
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
});

function start(spectate = false): void {
  session = new Session(
    {
      game: GAME,
      name: 'Ada',
      spectate,
      storage: storage(),
      open: () => {
        peers.push(new Peer());
        return peer(peers.length - 1);
      },
      network: {
        get online() {
          return online;
        },
        listen: (changed) => {
          network = changed;
          return () => {};
        },
      },
      stage: new Watched(),
    },
    () => {},
  );
}

/** Shows tick 100 on the first socket, and plays until a ping was answered after so many milliseconds. Says which tick was the last. */
function playFrom(roundTripMs: number): number {
  let tick = 100;
  const play = () => {
    vi.advanceTimersByTime(20);
    peer(0).frame((tick += 1));
  };
  peer(0).welcome(E1, tick);
  while (peer(0).pings.length === 0) play();
  for (let ms = 0; ms < roundTripMs; ms += 20) play();
  peer(0).pong(peer(0).pings[0] as number);
  expect(session.pingMs).toBe(roundTripMs);
  return tick;
}

/** After how many milliseconds each further socket was opened, until there are so many. */
function openings(count: number): number[] {
  const pauses: number[] = [];
  for (let ms = 0, before = peers.length; peers.length < count; ) {
    vi.advanceTimersByTime(1);
    ms += 1;
    if (peers.length === before) continue;
    pauses.push(ms);
    [ms, before] = [0, peers.length];
  }
  return pauses;
}

beforeEach(() => {
  vi.useFakeTimers();
  peers = [];
  shown = [];
  online = true;
  stored = new Map();
});

afterEach(() => {
  session.close();
  vi.useRealTimers();
});

describe('a session', () => {
  it('says hello, shows the keyframe and every frame after it, and keeps its token', () => {
    start();
    peer(0).welcome(E1, 100);
    expect(peer(0).hello).toEqual({ name: 'Ada', session: 1, token: false, floor: null });
    peer(0).frame(101);
    peer(0).frame(102);
    expect(shown).toEqual([[E1, 100], [E1, 101], [E1, 102]]);
    expect(session.phase.type).toBe('playing');
    expect(session.self?.name).toBe('Ada');
    expect(loadIdentity(storage(), GAME)).toEqual({ session: 1, token: Uint8Array.of(1, 2, 3) });
  });

  it('keeps the token that comes later on the same socket, and plays on', () => {
    start();
    peer(0).welcome(E1, 100);
    // A newer socket is on its way meanwhile.
    peer(0).say(new Writer().u8(0x85).count(25_000));
    peer(0).say(new Writer().u8(0x81).u8(1).id(ADA).count(1).string('Friday').string(MAZE).u8(8).string('edge').string('1').raw(Uint8Array.of(4, 5, 6)));
    peer(0).frame(101);
    expect(shown).toEqual([[E1, 100], [E1, 101]]);
    expect(loadIdentity(storage(), GAME)).toEqual({ session: 2, token: Uint8Array.of(4, 5, 6) });
  });

  it('gives a sign of life every ten frames, and pings each second', () => {
    start();
    peer(0).welcome(E1, 100);
    for (let tick = 101; tick <= 120; tick++) peer(0).frame(tick);
    expect(peer(0).kinds.filter((kind) => kind === 3)).toHaveLength(2);
    const before = peer(0).kinds.filter((kind) => kind === 4).length;
    vi.advanceTimersByTime(2000);
    expect(peer(0).kinds.filter((kind) => kind === 4)).toHaveLength(before + 2);
  });

  it('sends a change of keys at once', () => {
    start();
    peer(0).welcome(E1, 100);
    session.hold(KEY.forward);
    session.hold(KEY.forward | KEY.fire);
    expect(peer(0).inputs).toEqual([[1, 1], [2, 17]]);
  });

  it('asks for a keyframe once when it has lost its way, and shows nothing until it comes', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).frame(105);
    peer(0).frame(106);
    expect(peer(0).kinds.filter((kind) => kind === 6)).toHaveLength(1);
    peer(0).keyframe(E1, 106);
    peer(0).frame(107);
    expect(shown).toEqual([[E1, 100], [E1, 106], [E1, 107]]);
  });

  it('comes back by itself with its token when the connection breaks', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).end(1006);
    expect(session.phase).toEqual({ type: 'connecting' });
    vi.advanceTimersByTime(1);
    peer(1).welcome(E1, 103);
    expect(peer(1).hello).toEqual({ name: 'Ada', session: 2, token: true, floor: { epoch: E1, tick: 100 } });
    expect(session.phase.type).toBe('playing');
  });

  it('tries again at once, often in the first second, and seldom later', () => {
    start();
    const began = Date.now();
    const attempts: number[] = [];
    while (Date.now() - began < 20_000) {
      peer(peers.length - 1).end(1006);
      const before = peers.length;
      while (peers.length === before) vi.advanceTimersByTime(10);
      attempts.push(Date.now() - began);
    }
    const within = (ms: number) => attempts.filter((at) => at <= ms).length;
    expect(attempts[0]).toBeLessThanOrEqual(70);
    expect(within(1500)).toBeGreaterThanOrEqual(12);
    expect(within(20_000) - within(10_000)).toBeLessThanOrEqual(7);
    peer(peers.length - 1).end(1006);
    expect(session.phase).toMatchObject({ type: 'waiting', sentence: 'The connection broke.' });
  });

  it.each([4000, 4001, 4002, 4003, 4004, 4005, 4006, 4009, 4010, 4012, 4013])('stops after close code %i and says why', (code) => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).end(code);
    vi.advanceTimersByTime(60_000);
    expect(peers).toHaveLength(1);
    expect(session.phase).toEqual({ type: 'ended', sentence: verdict(code).sentence });
    expect(loadIdentity(storage(), GAME) === null).toBe([4002, 4003, 4009].includes(code));
  });

  it.each([1001, 1006, 4007, 4008, 4011, 4014])('tries again after close code %i', (code) => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).end(code);
    vi.advanceTimersByTime(1000);
    expect(peers).toHaveLength(2);
  });

  it('changes sockets before a leaving member is gone, without a gap and without going back', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).say(new Writer().u8(0x85).count(25_000));
    expect(peers).toHaveLength(2);
    peer(0).frame(101);
    peer(1).welcome(E1, 99);
    peer(1).frame(100);
    session.hold(KEY.left);
    expect([peer(0).inputs, peer(1).inputs]).toEqual([[[1, 4]], [[1, 4]]]);
    peer(0).frame(102);
    expect(peer(0).closedWith).toBeUndefined();
    peer(1).frame(101);
    peer(1).frame(102);
    expect(peer(0).closedWith).toBe(1000);
    peer(0).frame(103);
    peer(1).frame(103);
    expect(shown.map(([, tick]) => tick)).toEqual([100, 101, 102, 102, 103]);
    // What is shown is never shown twice.
    expect(session.stats.ticksSkipped).toBe(0);
  });

  it('loses nothing that happened in the frame that it changes sockets with', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).say(new Writer().u8(0x85).count(25_000));
    peer(0).frame(101);
    peer(1).welcome(E1, 101);
    peer(1).frame(102, { events: [KILLED], lag: 0 });
    expect(session.feed).toMatchObject([{ tick: 102, what: { type: 'kill', victim: { name: 'Ada', own: true }, by: null } }]);
  });

  it('keeps trying to leave a leaving member while the first attempts fail', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).say(new Writer().u8(0x85).count(25_000));
    peer(1).end(1006);
    vi.advanceTimersByTime(500);
    expect(peers).toHaveLength(3);
    expect(session.phase.type).toBe('playing');
    // Gone before the third is there: that one is the way back.
    peer(0).end(4011);
    expect(session.phase.type).toBe('connecting');
    peer(2).welcome(E1, 120);
    expect(session.phase.type).toBe('playing');
  });

  it('says that its server is cut off at once, and as long as attempts end there, and goes on trying', () => {
    start();
    peer(0).welcome(E1, 100);
    expect(session.cutOff).toBe(false);
    peer(0).say(new Writer().u8(0x85).count(0));
    expect([session.cutOff, peers.length]).toEqual([true, 2]);
    // The one that serves the page is gone, and every attempt comes to one that is cut off.
    peer(0).end(1006);
    for (let attempt = 1; attempt < 40; attempt++) {
      expect(peers).toHaveLength(attempt + 1);
      peer(attempt).onopen?.();
      peer(attempt).end(4014);
      expect(session.cutOff).toBe(true);
      vi.advanceTimersByTime(625);
    }
    peer(40).welcome(E1, 120);
    expect([session.cutOff, session.phase.type]).toEqual([false, 'playing']);
  });

  it('says no longer that a server is cut off when attempts end otherwise', () => {
    start();
    peer(0).end(4014);
    expect(session.cutOff).toBe(true);
    vi.advanceTimersByTime(625);
    peer(1).end(1006);
    expect(session.cutOff).toBe(false);
  });

  it('does not take one that leaves for one that is cut off', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).say(new Writer().u8(0x85).count(25_000));
    expect([session.leaving, session.cutOff]).toEqual([true, false]);
  });

  it('follows a planned move on the same socket, and notes it', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).frame(101, { moving: true });
    vi.advanceTimersByTime(50);
    peer(0).frame(102, { epoch: E2 });
    expect(shown.at(-1)).toEqual([E2, 102]);
    expect(session.moves).toMatchObject([{ epoch: E2, tick: 102, kind: 'handOver', rewoundMs: 0, gapMs: 50 }]);
    expect(session.stats).toMatchObject({ handOvers: 1, takeOvers: 0, lastGapMs: 50 });
    // A longer pause right after it is a part of it; one much later is not.
    vi.advanceTimersByTime(90);
    peer(0).frame(103);
    expect(session.moves[0]?.gapMs).toBe(90);
    vi.advanceTimersByTime(2000);
    peer(0).frame(104);
    expect(session.moves[0]?.gapMs).toBe(90);
  });

  it('follows a crash back to what was durable, and sends its inputs again', () => {
    start();
    peer(0).welcome(E1, 100);
    session.hold(KEY.forward);
    session.hold(KEY.back);
    peer(0).frame(101, { keys: [KEY.forward, KEY.back], lag: 5 });
    peer(0).keyframe(E2, 98);
    expect(session.moves).toMatchObject([{ epoch: E2, tick: 98, kind: 'takeOver', rewoundMs: 80 }]);
    expect(session.stats).toMatchObject({ rewinds: 1, rewoundMs: 80 });
    expect(peer(0).inputs).toEqual([[1, 1], [2, 2], [1, 1], [2, 2]]);
  });

  it('takes a frame of another branch, led up to by an old keyframe, for a crash', () => {
    start();
    peer(0).welcome(E1, 100);
    session.hold(KEY.forward);
    session.hold(KEY.back);
    peer(0).frame(101, { keys: [KEY.forward, KEY.back], lag: 5 });
    peer(0).keyframe(E1, 98);
    peer(0).frame(99, { epoch: E2 });
    expect(shown.at(-1)).toEqual([E2, 99]);
    expect(session.stats).toMatchObject({ rewinds: 1, rewoundMs: 60 });
    expect(peer(0).inputs).toEqual([[1, 1], [2, 2], [1, 1], [2, 2]]);
  });

  it('never shows a lower epoch, nor an earlier tick of the same one', () => {
    start();
    peer(0).welcome(E2, 100);
    peer(0).keyframe(E1, 500);
    peer(0).keyframe(E2, 90);
    expect(shown).toEqual([[E2, 100]]);
  });

  it('sends inputs again from the number that the server expects', () => {
    start();
    peer(0).welcome(E1, 100);
    session.hold(KEY.forward);
    session.hold(KEY.back);
    peer(0).say(new Writer().u8(0x84).count(1));
    expect(peer(0).inputs).toEqual([[1, 1], [2, 2], [1, 1], [2, 2]]);
  });

  it('keeps only the level of the keys while it has no connection', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).end(1006);
    session.hold(KEY.forward);
    session.hold(KEY.left);
    vi.advanceTimersByTime(1);
    peer(1).welcome(E1, 103);
    expect(peer(1).inputs.map(([, keys]) => keys)).toEqual([KEY.left, KEY.left]);
  });

  it('takes a server that does not answer for dead, and tries a second socket beside it', () => {
    start();
    peer(0).welcome(E1, 100);
    vi.advanceTimersByTime(1100);
    expect([peer(0).asks, peers.length]).toEqual([2, 1]);
    vi.advanceTimersByTime(200);
    expect(peers).toHaveLength(2);
    peer(1).welcome(E1, 300);
    expect(peer(0).closedWith).toBeUndefined();
    peer(1).frame(301);
    expect(peer(0).closedWith).toBe(1000);
    expect(shown.at(-1)).toEqual([E1, 301]);
  });

  it('keeps the socket of a server that answers, though the game stands still: what is repeated is no news', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).frame(101);
    peer(0).frame(102);
    const { frameAt } = session;
    const answer = (answered: number) => {
      vi.advanceTimersByTime(10);
      if (peer(0).asks === answered) return answered;
      peer(0).keyframe(E1, answered % 2 === 0 ? 100 : 102);
      if (answered % 2 === 0) for (const tick of [101, 102]) peer(0).frame(tick);
      return answered + 1;
    };
    let answered = 0;
    for (let ms = 0; ms < 2500; ms += 10) answered = answer(answered);
    expect(answered).toBeGreaterThanOrEqual(5);
    expect([peers.length, session.frameAt, session.stats.frames, session.stats.keyframes]).toEqual([1, frameAt, 2, 1]);
    // For long: it does not find the game.
    for (let ms = 0; ms < 700; ms += 10) answered = answer(answered);
    expect(peers).toHaveLength(2);
    // Nothing that happens then is lost.
    peer(0).frame(103, { events: [KILLED], lag: 0 });
    expect(shown.map(([, tick]) => tick)).toEqual([100, 101, 102, 103]);
    expect(session.feed).toMatchObject([{ tick: 103 }]);
  });

  it.each([[20, 300], [100, 600], [400, 1800]])('where a round trip takes %i ms, gives a socket up that does not open in %i ms, and waits longer for the next', (roundTrip, patience) => {
    start();
    playFrom(roundTrip);
    const [silence, ...waits] = openings(5);
    expect(silence).toBeGreaterThan(1000);
    expect(silence).toBeLessThanOrEqual(1300);
    waits.forEach((wait, i) => {
      // The beat may come late, and each pause is up to 125 ms.
      expect(wait).toBeGreaterThanOrEqual(patience * 1.25 ** i);
      expect(wait).toBeLessThanOrEqual(patience * 1.25 ** i + 225);
    });
    expect(peers.map(({ closedWith }) => closedWith)).toEqual([undefined, 1000, 1000, 1000, undefined]);
    // Who has been welcomed has time.
    peer(4).welcome(E1, 300);
    vi.advanceTimersByTime(4000);
    expect(peers).toHaveLength(5);
    peer(4).frame(301);
    expect([peer(0).closedWith, session.phase.type]).toEqual([1000, 'playing']);
    // And the next time patience is as short as before.
    expect(openings(7)[1]).toBeLessThanOrEqual(patience + 225);
  });

  it('waits for a server that has answered, and has nothing to show yet', () => {
    start();
    playFrom(20);
    openings(2);
    peer(1).onopen?.();
    vi.advanceTimersByTime(2500);
    expect(peers).toHaveLength(2);
    peer(1).welcome(E1, 300);
    peer(1).frame(301);
    expect([peer(0).closedWith, session.phase.type]).toEqual([1000, 'playing']);
  });

  it('waits no longer for a first socket when the one that was shown was closed', () => {
    start();
    playFrom(20);
    peer(0).end(1006);
    const [first, second] = openings(3);
    expect(first).toBeLessThan(70);
    expect(second).toBeLessThanOrEqual(300 + 225);
    expect(session.phase.type).toBe('connecting');
  });

  it('replaces a socket that wakes up when others know of a newer one, and does not take its own for another page', () => {
    start();
    const tick = playFrom(20);
    openings(2);
    peer(0).frame(tick + 1);
    while (peer(1).closedWith === undefined) {
      vi.advanceTimersByTime(10);
      peer(0).frame(session.stats.tick + 1);
    }
    expect(shown.at(-1)).toEqual([E1, session.stats.tick]);
    peer(0).end(4010);
    expect(session.phase.type).toBe('connecting');
    openings(3);
    peer(2).welcome(E1, 300);
    expect(session.phase.type).toBe('playing');
    peer(2).end(4010);
    expect(session.phase.type).toBe('ended');
  });

  it('gives a socket up that does not bring a world', () => {
    start();
    peer(0).onopen?.();
    vi.advanceTimersByTime(10_000);
    expect(peer(0).closedWith).toBe(1000);
    expect(peers.length).toBeGreaterThan(1);
  });

  it('takes a broken message for a broken connection', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).say(new Writer().u8(0x99));
    expect(session.phase).toEqual({ type: 'connecting' });
    expect(peer(0).closedWith).toBe(1000);
  });

  it('makes its session known by an input, even without a change', () => {
    start();
    peer(0).welcome(E1, 100);
    session.hold(KEY.forward);
    peer(0).frame(101, { keys: [KEY.forward] });
    peer(0).end(1006);
    vi.advanceTimersByTime(1);
    peer(1).welcome(E1, 103, { lastSeq: 1, keys: KEY.forward });
    expect(peer(1).inputs).toEqual([[2, KEY.forward]]);
  });

  it('does not wait when the network comes back', () => {
    start();
    peer(0).welcome(E1, 100);
    online = false;
    network();
    expect(session.offline).toBe(true);
    peer(0).end(1006);
    expect(session.phase).toMatchObject({ type: 'waiting', sentence: 'This device is offline.' });
    for (let attempt = 1; attempt < 5; attempt++) {
      vi.advanceTimersByTime(1000);
      peer(attempt).end(1006);
    }
    online = true;
    network();
    expect(peers).toHaveLength(6);
    peer(5).welcome(E1, 103);
    expect(session.phase.type).toBe('playing');
  });

  it('shows a kill when its tick is durable, or at once while the registry is away', () => {
    start();
    peer(0).welcome(E1, 100);
    peer(0).frame(101, { events: [KILLED], lag: 1 });
    expect(session.feed).toEqual([]);
    expect(session.standings).toMatchObject([{ name: 'Ada', deaths: 0, alive: false }]);
    peer(0).frame(102, { lag: 1 });
    expect(session.feed).toMatchObject([{ tick: 101, unsaved: false }]);
    expect(session.standings).toMatchObject([{ deaths: 1 }]);
    peer(0).frame(103, { events: [LAUNCHED], lag: 2 });
    peer(0).frame(104, { events: [KILLED], lag: 3, away: true });
    expect(session.feed).toMatchObject([{ unsaved: false }, { tick: 104, unsaved: true }]);
    expect(session.standings).toMatchObject([{ deaths: 2 }]);
    expect(session.unsaved).toBe(true);
    // A crash takes back what was not saved.
    peer(0).keyframe(E2, 102);
    expect(session.feed).toHaveLength(1);
  });

  it('passes on what is refused, said and asked', () => {
    start();
    peer(0).welcome(E1, 100);
    session.say(' hello ');
    session.rename('Ada L');
    expect(peer(0).sent.slice(-2).map((message) => new TextDecoder().decode(message.slice(2)))).toEqual(['hello', 'Ada L']);
    expect(peer(0).kinds.slice(-2)).toEqual([8, 7]);
    peer(0).say(new Writer().u8(0x88).string('Slower.'));
    expect(session.notice?.sentence).toBe('Slower.');
    peer(0).frame(101, { events: [[13, 0, 2, 104, 105]] });
    expect(session.chat).toEqual([{ tick: 101, slot: 0, name: 'Ada', what: { type: 'said', text: 'hi' } }]);
  });

  it('can be launched when there is no tank, except at the end of a round', () => {
    start();
    peer(0).welcome(E1, 100);
    expect(session.launchable).toBe(false);
    peer(0).frame(101, { events: [KILLED] });
    expect(session.launchable).toBe(true);
    expect(session.entryFree(0)).toBe(true);
    expect(session.entryFree(9)).toBe(false);
    peer(0).frame(102, { events: [[14, 255, 100, 0]] });
    expect(session.launchable).toBe(false);
  });

  it('watches without a token or inputs', () => {
    start(true);
    peer(0).welcome(E1, 100, null);
    session.hold(KEY.forward);
    expect(peer(0).inputs).toEqual([]);
    expect(stored.size).toBe(0);
  });

  it('leaves for good when told to', () => {
    start();
    peer(0).welcome(E1, 100);
    session.leave();
    expect(peer(0).kinds.at(-1)).toBe(5);
    expect(loadIdentity(storage(), GAME)).toBeNull();
  });
});
