import { describe, expect, it } from 'vitest';
import { type Input, KEY } from '../protocol/client';
import type { Frame, GameEvent } from '../protocol/frame';
import { playerOf, quiet, viewOf } from '../testing/worlds';
import { TICK_MS } from './clock';
import { Lead } from './lead';
import { parseMaze } from './maze';
import { UNIT } from './motion';
import type { Happening } from './scene';
import { Stage } from './stage';
import { type View, step } from './view';

const E2 = '01935f009e010b44';
const OPEN = parseMaze('name Open\nentry a 0,0 facing 0\n');
/** A wall 3 u to the right of the middle. */
const WALLED = parseMaze('name Walled\nwall 3,-4 3,4 3.5,4 3,-4\nentry a 0,0 facing 0\n');
/** How far in the past others are drawn when frames are on time. */
const BEHIND = 30;
/** One lead for all: five ticks. */
const LEAD_TICKS = 5;

class FixedLead extends Lead {
  override get ms(): number {
    return LEAD_TICKS * TICK_MS;
  }
}

/** Ada, slot 0, whose page it is; and Bob, slot 1, who drives to the right, far above. */
const ADA = playerOf(0, { id: 'a' });
const BOB = playerOf(1, { id: 'b', keys: KEY.forward, tank: { x: -20_000, y: 60_000, heading: 0, armour: 32_768, reload: 0, bounce: false } });

/** A stage that is fed a frame for every tick, tick n at 20 n milliseconds. */
class Played {
  readonly stage = new Stage(new FixedLead());
  readonly happenings: Happening[] = [];
  waiting: Input[] = [];
  view: View;

  constructor(
    readonly maze = OPEN,
    start: Partial<View> = { players: [ADA, BOB] },
  ) {
    this.view = viewOf(1, start);
    this.stage.add(this.view, null, this.looker, TICK_MS, TICK_MS);
  }

  get looker() {
    return { maze: this.maze, id: 'a', waiting: this.waiting };
  }

  /** The next frame, on time or `late` milliseconds after. */
  next(changes: Partial<Frame> = {}, late = 0): this {
    const frame = quiet(this.view.tick + 1, changes);
    this.view = step(this.view, frame, this.maze);
    const at = TICK_MS * this.view.tick + late;
    this.stage.add(this.view, frame, this.looker, at, at);
    this.draw(at);
    return this;
  }

  /** Frames without anything, up to `tick`. */
  until(tick: number): this {
    while (this.view.tick < tick) this.next();
    return this;
  }

  with(...events: GameEvent[]): this {
    return this.next({ events });
  }

  press(keys: number, now: number): Input {
    const input = { seq: this.waiting.length + 1, forTick: this.stage.aim(now), keys, action: 0 };
    this.waiting = [...this.waiting, input];
    this.stage.pressed(this.looker, now);
    return input;
  }

  draw(now: number) {
    const scene = this.stage.at(now, 'a');
    this.happenings.push(...this.stage.happenings());
    return scene;
  }

  get told(): string[] {
    return this.happenings.map(({ type }) => type);
  }
}

describe('the stage', () => {
  it('shows others a little in the past, between two ticks', () => {
    const played = new Played().until(60);
    const bob = played.draw(TICK_MS * 60 + 5).actors[1];
    expect(bob).toMatchObject({ own: false, keys: KEY.forward, armour: 32_768 });
    // Bob drives 512 units a tick from tick 1 on.
    expect(bob?.x).toBeCloseTo(-20_000 + 512 * (59 + (5 - BEHIND) / TICK_MS));
  });

  it('shows the own tank at the tick that a key press takes effect in, at once', () => {
    const played = new Played().until(60);
    const now = TICK_MS * 60 + 4;
    const input = played.press(KEY.forward, now);
    expect(input.forTick).toBe(60 + LEAD_TICKS + 1);
    // At that tick's end it has gone 512 units; the part of that tick that was over at the press is made up for softly.
    const gone = played.draw(now + 16).self?.x ?? 0;
    expect(gone).toBeGreaterThan(400);
    expect(gone).toBeLessThanOrEqual(512);
    expect(played.draw(now + 2 * TICK_MS).self).toMatchObject({ own: true, keys: KEY.forward });
  });

  it('finds nothing to correct where the game does what was predicted', () => {
    const played = new Played(WALLED).until(60);
    const input = played.press(KEY.forward, TICK_MS * 60 + 4);
    while (played.view.tick < input.forTick - 1) played.next();
    played.waiting = [];
    played.next({ inputs: [{ slot: 0, keys: [KEY.forward] }] });
    // It drives into the wall; residuals say so.
    for (let i = 0; i < 150; i++) {
      const x = played.view.players[0]?.tank?.x ?? 0;
      const dx = Math.min(0, 3 * UNIT - UNIT / 2 - (x + 512));
      played.next({ residuals: dx === 0 ? [] : [{ slot: 0, dx, dy: 0, dh: 0 }] });
    }
    expect(played.view.players[0]?.tank?.x).toBe(2.5 * UNIT);
    expect(played.stage.counts.predicted).toBeGreaterThan(150);
    expect(played.stage.counts).toMatchObject({ mispredicted: 0, jumps: 0 });
  });

  it('smooths what turns out otherwise, and fades over what is too far for that', () => {
    const played = new Played().until(60);
    played.next({ residuals: [{ slot: 0, dx: 1000, dy: 0, dh: 0 }] });
    const at = TICK_MS * 61;
    expect(played.stage.counts).toMatchObject({ mispredicted: 1, jumps: 0 });
    expect(played.draw(at).self?.x).toBeCloseTo(0, -1);
    expect(played.draw(at + 50).self?.x).toBeCloseTo(500, -1);
    expect(played.draw(at + 100).self).toMatchObject({ alpha: 1, ghost: null });
    played.until(90);
    played.next({ residuals: [{ slot: 0, dx: 2 * UNIT, dy: 0, dh: 0 }] });
    expect(played.stage.counts.jumps).toBe(1);
    const half = played.draw(TICK_MS * 91 + 75).self;
    expect(half?.x).toBeCloseTo(1000 + 2 * UNIT);
    expect(half?.alpha).toBeCloseTo(0.5);
    expect(half?.ghost?.x).toBeCloseTo(1000);
    expect(played.draw(TICK_MS * 91 + 150).self?.ghost).toBeNull();
  });

  it('stops predicting 150 ms after the last frame', () => {
    const played = new Played().until(60);
    played.press(KEY.forward, TICK_MS * 60 + 1);
    const far = played.draw(TICK_MS * 60 + 150).self?.x ?? 0;
    expect(far).toBeGreaterThan(6 * 512);
    expect(played.draw(TICK_MS * 60 + 500).self?.x).toBeCloseTo(far, -1);
  });

  it('lets others go on by their keys for 100 ms beyond what is known, and then holds them', () => {
    const played = new Played().until(60);
    const place = (now: number) => (played.draw(now).actors[1]?.x ?? 0) + 20_000 - 512 * 59;
    expect(place(TICK_MS * 60 + BEHIND + 60)).toBeCloseTo(3 * 512);
    expect(place(TICK_MS * 60 + BEHIND + 100)).toBeCloseTo(5 * 512);
    expect(place(TICK_MS * 60 + BEHIND + 400)).toBeCloseTo(5 * 512);
    // When frames come again Bob has turned round long ago: he is not moved at once.
    const late = 400;
    played.next({ inputs: [{ slot: 1, keys: [KEY.back] }] }, late);
    expect(place(TICK_MS * 61 + late)).toBeCloseTo(5 * 512, -2);
  });

  it('shows a shot at the key press, once, and hands it over to the one that the game tells of', () => {
    const played = new Played().until(60);
    const now = TICK_MS * 60 + 4;
    const { forTick } = played.press(KEY.fire, now);
    const first = played.draw(now).missiles[0];
    expect(first).toMatchObject({ own: true, predicted: true, slot: 0, x: UNIT / 2, alpha: 1 });
    const key = first?.key;
    expect(played.told).toEqual(['shot']);
    expect(played.happenings[0]).toMatchObject({ own: true, key });
    played.until(forTick - 1);
    played.waiting = [];
    played.next({ inputs: [{ slot: 0, keys: [KEY.fire] }], events: [{ type: 'shot', slot: 0, missile: 7 }] });
    const at = TICK_MS * forTick;
    expect(played.draw(at).missiles).toMatchObject([{ key, predicted: false }]);
    // It flies from the muzzle without a jump, at first ahead of everything else, in the end like it.
    let x = played.draw(at).missiles[0]?.x ?? 0;
    for (let now = at; now < at + 600; now += 10) {
      if (now % TICK_MS === 0 && now > at) played.next();
      const next = played.draw(now).missiles[0]?.x ?? 0;
      expect(next - x).toBeGreaterThanOrEqual(0);
      expect(next - x).toBeLessThan(1300);
      x = next;
    }
    const missile = played.view.missiles[0];
    expect(played.draw(TICK_MS * played.view.tick).missiles[0]?.x).toBeCloseTo((missile?.x ?? 0) - 2560 * (BEHIND / TICK_MS), -1);
    expect(played.told).toEqual(['shot']);
    expect(played.stage.shotCounts).toEqual({ predicted: 1, vanished: 0 });
  });

  it('shows no shot that cannot be', () => {
    const reloading = { ...ADA, tank: { ...ADA.tank, x: 0, y: 0, heading: 0, armour: 32_768, bounce: false, reload: 40 } };
    const played = new Played(OPEN, { players: [reloading] }).until(10);
    played.press(KEY.fire, TICK_MS * 10 + 4);
    expect(played.draw(TICK_MS * 10 + 5).missiles).toEqual([]);
    // But as soon as it is reloaded, as long as the key is held.
    played.until(37);
    expect(played.draw(TICK_MS * 37 + 5).missiles).toHaveLength(1);
  });

  it('lets a shot fade that never came', () => {
    const played = new Played().until(60);
    const now = TICK_MS * 60 + 4;
    const { forTick } = played.press(KEY.fire, now);
    played.draw(now);
    played.until(forTick - 1);
    // The input was applied, but the key was not taken for fire.
    played.waiting = [];
    played.next({ inputs: [{ slot: 0, keys: [0] }] });
    const at = TICK_MS * forTick;
    expect(played.draw(at + 75).missiles[0]?.alpha).toBeCloseTo(0.5);
    expect(played.draw(at + 150).missiles).toEqual([]);
    expect(played.stage.shotCounts).toEqual({ predicted: 1, vanished: 1 });
  });

  it('stops an own missile at a wall until the wall has stopped it', () => {
    const played = new Played(WALLED).until(60);
    const { forTick } = played.press(KEY.fire, TICK_MS * 60 + 4);
    played.draw(TICK_MS * 60 + 5);
    played.until(forTick - 1);
    played.waiting = [];
    played.next({ inputs: [{ slot: 0, keys: [0] }], events: [{ type: 'shot', slot: 0, missile: 7 }] });
    for (let i = 0; i < 12; i++) played.next();
    // 2.5 u from muzzle to wall take 12.5 ticks.
    played.with({ type: 'burst', missile: 7, at: 80 });
    const burst = TICK_MS * (forTick + 12.5) + BEHIND;
    const x = played.draw(burst - 1).missiles[0]?.x ?? 0;
    expect(x).toBeGreaterThan(3 * UNIT - 200);
    expect(x).toBeLessThanOrEqual(3 * UNIT);
    expect(played.told).not.toContain('burst');
    expect(played.draw(burst + 1).missiles).toEqual([]);
    expect(played.happenings.at(-1)).toMatchObject({ type: 'burst', own: true, x: 3 * UNIT });
  });

  it('tells in order and once what others did, when it is shown', () => {
    const played = new Played(OPEN, { players: [ADA, BOB], missiles: [{ id: 3, slot: 1, x: -200_000, y: 0, heading: 0, bounce: false }] }).until(60);
    played.with({ type: 'shot', slot: 1, missile: 4 }, { type: 'bounce', missile: 3, at: 100, heading: 100 });
    played.with({ type: 'hit', missile: 3, slot: 0, at: 80, armour: 20_000 }, { type: 'hurt', slot: 1, armour: 30_000 }, { type: 'kill', slot: 1, by: 0, item: 1, kind: 0 });
    expect(played.told).toEqual([]);
    played.draw(TICK_MS * 62 + 29);
    expect(played.told).toEqual(['shot', 'bounce', 'hit']);
    played.draw(TICK_MS * 62 + 31);
    expect(played.told).toEqual(['shot', 'bounce', 'hit', 'hurt', 'kill']);
    expect(played.happenings[2]).toMatchObject({ slot: 0, by: 1, own: true, byOwn: false, damage: 12_768, from: 100 + 32_768 });
    expect(played.happenings[4]).toMatchObject({ slot: 1, by: 0, own: false, byOwn: true });
    const scene = played.draw(TICK_MS * 62 + 60);
    expect(scene.actors).toHaveLength(1);
    expect(scene.items).toMatchObject([{ id: 1, kind: 0 }]);
    expect(scene.items[0]?.left).toBeCloseTo(10, 0);
    expect(scene.blasts.map(({ kind }) => kind)).toEqual([0, 1]);
    // The same world once more, from another socket.
    played.stage.add({ ...played.view }, null, played.looker, TICK_MS * 62 + 60, TICK_MS * 62 + 60);
    played.draw(TICK_MS * 62 + 80);
    expect(played.told).toHaveLength(5);
  });

  it('says where a blast is that hurts', () => {
    const blast = { kind: 2, slot: 1, x: 0, y: -UNIT, age: 23 };
    const played = new Played(OPEN, { players: [ADA, BOB], blasts: [{ ...blast, y: -2 * UNIT }, blast] });
    played.next().with({ type: 'hurt', slot: 0, armour: 100 }).until(6);
    expect(played.happenings).toMatchObject([{ type: 'hurt', slot: 0, by: 1, own: true, from: 49_152, armour: 100 }]);
  });

  it('keeps the own tank until its explosion is shown', () => {
    const played = new Played().until(60);
    played.with({ type: 'kill', slot: 0, by: 1, item: 1, kind: 0 });
    expect(played.draw(TICK_MS * 61 + 20).self).toBeNull();
    expect(played.draw(TICK_MS * 61 + 20).actors.map(({ own }) => own)).toEqual([true, false]);
    expect(played.told).toEqual([]);
    expect(played.draw(TICK_MS * 61 + BEHIND).actors).toHaveLength(1);
    expect(played.happenings).toMatchObject([{ type: 'kill', own: true }]);
  });

  it('shows an own launch at once', () => {
    const played = new Played(OPEN, { players: [{ ...ADA, tank: null }, BOB] }).until(60);
    expect(played.draw(TICK_MS * 60).self).toBeNull();
    played.with({ type: 'launch', slot: 0, entry: 0 });
    expect(played.told).toEqual(['launch']);
    expect(played.draw(TICK_MS * 61).self).toMatchObject({ x: 0, own: true });
  });

  it('ages blasts and keeps their keys', () => {
    const played = new Played(OPEN, { players: [], missiles: [{ id: 3, slot: 1, x: 0, y: 0, heading: 0, bounce: false }, { id: 4, slot: 1, x: 0, y: 5000, heading: 0, bounce: false }] }).until(30);
    played.with({ type: 'burst', missile: 3, at: 0 }, { type: 'burst', missile: 4, at: 0 }).until(36);
    const [a, b] = played.draw(TICK_MS * 36).blasts.map(({ key }) => key);
    expect(a).not.toBe(b);
    played.until(41);
    const blasts = played.draw(TICK_MS * 41 + BEHIND).blasts;
    expect(blasts.map(({ key }) => key)).toEqual([a, b]);
    expect(blasts[0]?.age).toBeCloseTo(11 / 20);
    expect(blasts[0]?.radius).toBe(UNIT / 2);
  });

  it('counts a round down', () => {
    const played = new Played(OPEN, { round: { number: 3, resting: false, ends: 161 } }).until(60);
    expect(played.draw(TICK_MS * 61 + BEHIND).round).toMatchObject({ number: 3, resting: false, left: 2 });
  });

  it('goes back after a crash: at once in time, softly on the screen, without what never was', () => {
    const played = new Played().until(58);
    played.with({ type: 'shot', slot: 1, missile: 4 }).until(64);
    const before = played.draw(TICK_MS * 64).actors[1]?.x ?? 0;
    expect(played.draw(TICK_MS * 64).missiles).toHaveLength(1);
    played.with({ type: 'gone', missile: 4 });
    played.happenings.length = 0;
    // Back to tick 55, when the page has shown tick 65.
    const now = TICK_MS * 65 + 500;
    const back = viewOf(55, { epoch: E2, players: [ADA, { ...BOB, tank: { x: -20_000 + 512 * 54, y: 60_000, heading: 0, armour: 32_768, reload: 0, bounce: false } }] });
    played.stage.add(back, null, played.looker, now, now);
    const scene = played.draw(now);
    expect(scene.tick).toBeCloseTo(55 - BEHIND / TICK_MS, 0);
    expect(Math.abs((scene.actors[1]?.x ?? 0) - before)).toBeLessThan(600);
    expect(scene.missiles).toMatchObject([{ slot: 1, alpha: 1 }]);
    expect(played.draw(now + 75).missiles[0]?.alpha).toBeCloseTo(0.5);
    expect(played.draw(now + 150).missiles).toEqual([]);
    expect(played.told).toEqual([]);
  });

  it('keeps no happenings for a page that does not look', () => {
    const stage = new Stage();
    let view = viewOf(1, { players: [ADA, BOB] });
    const looker = { maze: OPEN, id: 'a', waiting: [] };
    stage.add(view, null, looker, 0, 0);
    for (let tick = 2; tick < 2000; tick++) {
      const events: GameEvent[] = [{ type: 'shot', slot: tick % 2, missile: tick % 250 }];
      if (tick > 4) events.unshift({ type: 'gone', missile: (tick - 2) % 250 });
      const frame = quiet(tick, { events });
      view = step(view, frame, OPEN);
      stage.add(view, frame, looker, TICK_MS * tick, TICK_MS * tick);
    }
    stage.at(TICK_MS * 2000, 'a');
    expect(stage.happenings().length).toBeLessThan(400);
    expect(stage.at(TICK_MS * 2000, 'a').missiles.length).toBeLessThan(20);
  });
});
