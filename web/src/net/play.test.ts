/** Whole sessions over a network that is slow, uneven and breaks: what the player sees of it. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lead, NoLead } from '../game/lead';
import { parseMaze } from '../game/maze';
import { UNIT } from '../game/motion';
import type { Happening } from '../game/scene';
import { Stage } from '../game/stage';
import { Writer } from '../protocol/bytes';
import { KEY } from '../protocol/client';
import { encodeFrame, encodeKeyframe } from '../testing/encode';
import { Net, type Way, random } from '../testing/network';
import { Owner } from '../testing/owner';
import { frameOf, loadReplay, recorded } from '../testing/replay';
import type { View } from '../game/view';
import type { Socket } from './link';
import { Session } from './session';

const GAME = '0123456789abcdef';
const REPLAY = loadReplay();
const MAZE = readFileSync(new URL('../../../crates/sim/mazes/standard.maze', import.meta.url), 'utf8');
const SLOT = 1;
const PICTURE_MS = 1000 / 60;

const WAYS: Record<string, Way> = {
  'LAN, 2 ms': { roundTrip: 2, jitter: 1, loss: 0 },
  '20 ms': { roundTrip: 20, jitter: 6, loss: 0.001 },
  '60 ms': { roundTrip: 60, jitter: 15, loss: 0.003 },
  '150 ms': { roundTrip: 150, jitter: 40, loss: 0.005 },
};

/** Inputs that are as fast as the fastest ping come in time. */
class NoMargin extends Lead {
  override get margin(): number {
    return 0;
  }
}

interface Playing {
  readonly net: Net;
  readonly owner: Owner;
  readonly session: Session;
  readonly happenings: Happening[];
  /** Longest way that the own tank was drawn to go between two pictures, in u. */
  widest: number;
  /** Seconds of play; `each` is called every millisecond. */
  play(seconds: number, each?: (now: number) => void): void;
  /** The same without any more keys. */
  calm(seconds: number): void;
}

/** A socket that plays a recording. */
class Recording implements Socket {
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  send(): void {}

  close(): void {}

  say(message: Writer): void {
    this.onmessage?.({ data: message.done().buffer });
  }
}

let sessions: Session[] = [];

function start(way: Way, seed: number, lead = new Lead()): Playing {
  const owner = new Owner(REPLAY, SLOT, parseMaze(MAZE));
  let now = performance.now();
  const net = new Net(owner, way, MAZE, seed, now);
  const stored = new Map<string, string>();
  const session = new Session(
    {
      game: GAME,
      name: 'Ada',
      spectate: false,
      storage: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => void stored.set(key, value), removeItem: (key) => void stored.delete(key) },
      open: () => net.connect(),
      stage: new Stage(lead),
    },
    () => {},
  );
  sessions.push(session);
  const user = random(seed + 1);
  let pressAt = now + 1000;
  let drawAt = now;
  let keys = 0;
  let drawn: { x: number; y: number } | null = null;
  const playing: Playing = {
    net,
    owner,
    session,
    happenings: [],
    widest: 0,
    calm(seconds) {
      pressAt = Number.POSITIVE_INFINITY;
      this.play(seconds);
    },
    play(seconds, each) {
      for (const end = now + seconds * 1000; now < end; ) {
        now += 1;
        vi.advanceTimersByTime(1);
        net.advance(now);
        each?.(now);
        if (now >= pressAt) {
          // Ten changes of keys a second.
          pressAt += 200 * user();
          keys = pressed(keys, user);
          session.hold(keys);
        }
        if (now < drawAt) continue;
        drawAt += PICTURE_MS;
        const { self } = session.stage.at(now, session.self?.id ?? null);
        if (self && drawn && self.ghost === null) playing.widest = Math.max(playing.widest, Math.hypot(self.x - drawn.x, self.y - drawn.y) / UNIT);
        drawn = self && { x: self.x, y: self.y };
        playing.happenings.push(...session.stage.happenings());
      }
    },
  };
  return playing;
}

/** Another key down or up. */
function pressed(keys: number, user: () => number): number {
  const key = [KEY.forward, KEY.forward, KEY.back, KEY.left, KEY.right, KEY.fire][Math.floor(user() * 6)] as number;
  return keys ^ key;
}

const share = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`;

beforeEach(() => {
  vi.useFakeTimers();
  sessions = [];
});

afterEach(() => {
  for (const session of sessions) session.close();
  vi.useRealTimers();
});

describe('a recorded game', () => {
  it.each([['a spectator', null], ['one of its players', SLOT]])('is shown to %s as it was, and all that happened is told once, in order', (_, slot) => {
    const { start: first, ticks, mazeText } = REPLAY;
    const cable = new Recording();
    const session = new Session(
      { game: GAME, name: slot === null ? '' : 'Ada', spectate: slot === null, storage: { getItem: () => null, setItem: () => {}, removeItem: () => {} }, open: () => cable },
      () => {},
    );
    sessions.push(session);
    const id = slot === null ? '0000000000000000' : (first.players.find((player) => player.slot === slot)?.id ?? '');
    cable.onopen?.();
    cable.say(new Writer().u8(0x81).u8(1).id(id).count(1).string('Test').string(mazeText).u8(8).string('edge').string('1').raw(new Uint8Array(slot === null ? 0 : 3)));
    cable.say(encodeKeyframe(first));
    const told: Happening[] = [];
    for (const row of ticks) {
      cable.say(encodeFrame(frameOf(row), 8));
      for (let i = 0; i < 5; i++) {
        vi.advanceTimersByTime(4);
        const scene = session.stage.at(performance.now(), session.self?.id ?? null);
        const places = [...scene.actors, ...scene.missiles, ...scene.blasts, ...scene.items].flatMap(({ x, y }) => [x, y]);
        expect(places.every((place) => Number.isFinite(place) && Math.abs(place) < 200_000)).toBe(true);
        told.push(...session.stage.happenings());
      }
      if (row.view) expect(session.view && recorded(session.view), `tick ${row.tick}`).toEqual(row.view);
    }
    vi.advanceTimersByTime(100);
    session.stage.at(performance.now(), session.self?.id ?? null);
    told.push(...session.stage.happenings());

    const kinds = ['launch', 'shot', 'bounce', 'burst', 'hit', 'hurt', 'kill', 'destruct', 'pickUp', 'roundOver', 'roundStart'];
    const happened = ticks.flatMap(({ tick, delta }) => delta.events.filter(({ type }) => kinds.includes(type)).map(({ type }) => `${tick} ${type}`));
    expect(happened.length).toBeGreaterThan(100);
    const heard = told.map(({ tick, type }) => `${tick} ${type}`);
    // What the own tank does is shown ahead of everything else; the rest comes in its order.
    const own = new Set(told.filter((one) => one.type !== 'roundOver' && one.type !== 'roundStart' && 'own' in one && one.own && (one.type === 'shot' || one.type === 'launch')).map(({ tick, type }) => `${tick} ${type}`));
    expect(heard.filter((one) => !own.has(one))).toEqual(happened.filter((one) => !own.has(one)));
    expect([...heard].sort()).toEqual([...happened].sort());
  });
});

describe('over a network', () => {
  it('the own tank is predicted far better when inputs aim ahead', () => {
    const rows: string[] = [];
    const found: Record<string, { mispredicted: number; late: number }> = {};
    for (const [name, way] of Object.entries(WAYS)) {
      for (const [how, lead] of [['none', new NoLead()], ['round trip', new NoMargin()], ['with margin', new Lead()]] as const) {
        const playing = start(way, 7, lead);
        playing.play(15);
        const { stats } = playing.session;
        found[`${name} ${how}`] = { mispredicted: stats.mispredicted / stats.predicted, late: stats.inputsLate / stats.inputs };
        const cells = [share(stats.mispredicted, stats.predicted), share(stats.inputsLate, stats.inputs), `${stats.jumps}`, `${stats.shotsPredicted - stats.shotsFaded}/${stats.shotsPredicted}`, `${stats.leadMs.toFixed(0)} ms`, `${stats.marginMs.toFixed(0)} ms`, `${stats.delayMs.toFixed(0)} ms`, playing.widest.toFixed(2)];
        rows.push([name.padEnd(10), how.padEnd(12), ...cells.map((cell) => cell.padStart(9))].join(' '));
        playing.session.close();
      }
    }
    const head = ['network   ', 'lead        ', ...['mispred.', 'late keys', 'jumps', 'shots', 'lead', 'margin', 'delay', 'step, u'].map((cell) => cell.padStart(9))].join(' ');
    console.log(`15 s, ten changes of keys a second; ticks of the own tank that came out otherwise than shown:\n${[head, ...rows].join('\n')}`);
    for (const name of Object.keys(WAYS)) {
      const [none, full] = [found[`${name} none`], found[`${name} with margin`]];
      expect(full?.mispredicted, name).toBeLessThan((none?.mispredicted ?? 0) / 4);
    }
    // Where every input comes in time nothing is mispredicted, walls and shots included.
    for (const name of ['LAN, 2 ms', '20 ms']) expect(found[`${name} with margin`], name).toEqual({ mispredicted: 0, late: 0 });
  }, 60_000);

  it.each([1, 2, 3, 4, 5, 6])('moves, crashes and cuts leave the player where the game is (seed %i)', (seed) => {
    const playing = start(WAYS['60 ms'] as Way, seed);
    const { net, owner, session } = playing;
    const chance = random(100 + seed);
    let epoch = 0x1935f0012ab7c3dn;
    const nextEpoch = () => (++epoch).toString(16).padStart(16, '0');
    const done = { moves: 0, crashes: 0, cuts: 0 };
    let moveAt = Number.POSITIVE_INFINITY;
    let newest = { epoch: '', tick: 0 };
    playing.play(20, (now) => {
      if (Math.round(now) % 800 === 0) owner.store();
      if (now >= moveAt) {
        owner.move(nextEpoch());
        moveAt = Number.POSITIVE_INFINITY;
        done.moves += 1;
      }
      const luck = chance();
      if (luck < 0.0004 && moveAt > now + 1e6) {
        owner.moveSoon();
        moveAt = now + 200;
      } else if (luck > 0.9998 && moveAt > now + 1e6) {
        owner.crash(nextEpoch());
        net.keyframe();
        done.crashes += 1;
      } else if (luck > 0.9996 && luck < 0.9998) {
        net.cut();
        done.cuts += 1;
      }
      const { view } = session;
      if (!view || (view.epoch === newest.epoch && view.tick === newest.tick)) return;
      expect(view.epoch > newest.epoch || (view.epoch === newest.epoch && view.tick > newest.tick), `seed ${seed}: ${view.epoch} ${view.tick} after ${newest.epoch} ${newest.tick}`).toBe(true);
      newest = { epoch: view.epoch, tick: view.tick };
    });
    expect(done.moves + done.crashes + done.cuts, `seed ${seed}`).toBeGreaterThan(5);

    // No key is pressed, nothing breaks: what is on its way arrives.
    session.hold(0);
    playing.calm(2);
    const { view, stats } = session;
    const behind = owner.view.tick - (view?.tick ?? 0);
    expect(behind, `seed ${seed}`).toBeLessThan(10);
    const bare = ({ players, missiles }: View) => ({ missiles, players: players.map(({ connected: _, ...player }) => player) });
    expect(view && bare(view), `seed ${seed}`).toEqual(bare(net.viewAt(view?.tick ?? 0)));
    expect(stats.handOvers + stats.takeOvers, `seed ${seed}`).toBeLessThanOrEqual(done.moves + done.crashes);
    expect(stats.rewinds, `seed ${seed}`).toBeLessThanOrEqual(done.crashes);

    // A missile is told of once.
    const shots = playing.happenings.flatMap((happening) => (happening.type === 'shot' ? [happening.key] : []));
    expect(new Set(shots).size, `seed ${seed}`).toBe(shots.length);
    expect(shots.length).toBeGreaterThan(20);
    // And the own tank does not jump but where a crash has taken it back.
    expect(stats.jumps, `seed ${seed}: ${JSON.stringify(done)}`).toBeLessThanOrEqual(done.crashes + done.cuts);
  }, 30_000);
});
