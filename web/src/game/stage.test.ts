import { describe, expect, it } from 'vitest';
import { TICK_MS, TickClock } from './clock';
import { Stage } from './stage';
import type { Frame } from '../protocol/frame';
import type { View } from './view';

const E1 = '01935f0012ab7c3d';
const E2 = '01935f009e010b44';

/** A tank that drives 100 units a tick, and a missile that flies along. */
const view = (tick: number, epoch = E1): View => ({
  epoch,
  tick,
  durable: 0,
  rules: 1,
  moving: false,
  registryAway: false,
  players: [
    {
      id: 'a',
      slot: 0,
      name: 'Ada',
      connected: true,
      score: 0,
      deaths: 0,
      lastSeq: 0,
      keys: 1,
      tank: { x: 100 * tick, y: 0, heading: (65_000 + 100 * tick) % 65_536, armour: 1, reload: 0 },
    },
  ],
  missiles: [{ id: 1, slot: 0, x: 2560 * tick, y: 0, heading: 0 }],
});

const frame = (tick: number, events: Frame['events'] = []): Frame => ({
  type: 'frame',
  epoch: null,
  rewind: false,
  reanchor: false,
  moving: false,
  registryAway: false,
  tickLow: tick % 256,
  lag: 0,
  inputs: [],
  residuals: [],
  events,
});

/** Ticks 1 to `last`, each on time: tick n at 20 n milliseconds. */
function played(last: number): Stage {
  const stage = new Stage();
  stage.add(view(1), null, null, TICK_MS);
  for (let tick = 2; tick <= last; tick++) stage.add(view(tick), frame(tick), view(tick - 1), TICK_MS * tick);
  return stage;
}

describe('the stage', () => {
  it('shows the own tank one tick back, between two ticks', () => {
    const scene = played(10).at(TICK_MS * 10 + 10, 'a');
    expect(scene.actors[0]?.x).toBeCloseTo(950);
    expect(((scene.actors[0]?.heading ?? 0) + 65_536) % 65_536).toBeCloseTo((65_000 + 950) % 65_536);
  });

  it('shows others a little later, and holds them when no frame comes', () => {
    const stage = played(10);
    expect(stage.at(TICK_MS * 10, 'b').actors[0]?.x).toBeCloseTo(100 * (10 - 50 / TICK_MS));
    expect(stage.at(TICK_MS * 40, 'b').actors[0]?.x).toBe(1000);
  });

  it('lets a missile fly to its end, and a spark mark it', () => {
    const stage = played(10);
    stage.add({ ...view(11), missiles: [] }, frame(11, [{ type: 'gone', missile: 1 }]), view(10), TICK_MS * 11);
    const between = stage.at(TICK_MS * 10.5 + 50, 'a');
    expect(between.missiles[0]?.x).toBeCloseTo(2560 * 10.5);
    const after = stage.at(TICK_MS * 12 + 50, 'a');
    expect(after.missiles).toEqual([]);
    expect(after.effects).toMatchObject([{ kind: 'spark', x: 2560 * 10.5 }]);
    expect(stage.at(TICK_MS * 60, 'a').effects).toEqual([]);
  });

  it('goes back after a crash, without the explosions that never were', () => {
    const stage = played(10);
    stage.add({ ...view(11), missiles: [] }, frame(11, [{ type: 'gone', missile: 1 }]), view(10), TICK_MS * 11);
    stage.add(view(6, E2), null, view(11), 1000);
    const scene = stage.at(1000 + 100, 'a');
    expect(scene.actors[0]?.x).toBe(600);
    expect(scene.effects).toEqual([]);
  });

  it('does not stumble over the same world on another socket', () => {
    const stage = played(10);
    stage.add(view(10), null, view(10), TICK_MS * 10 + 15);
    expect(stage.at(TICK_MS * 10 + 15, 'a').actors[0]?.x).toBeCloseTo(975);
  });
});

describe('the clock', () => {
  it('follows the least delayed frames, slowly', () => {
    const clock = new TickClock();
    for (let tick = 1; tick <= 100; tick++) {
      const at = TICK_MS * tick + (tick % 10 === 0 ? 0 : 15);
      clock.arrived(tick, at);
      clock.advance(at, false);
    }
    // The first frame was 15 ms late; at 1 % that is made up in 1.5 s.
    expect(clock.tickAt(2000, 0)).toBeCloseTo(100);
  });

  it('draws further in the past while frames are late or the game is about to move', () => {
    const clock = new TickClock();
    clock.arrived(1, TICK_MS);
    for (let now = 0; now < 2000; now += 20) clock.advance(now, false);
    expect(clock.behind).toBeCloseTo(30);
    for (let now = 2000; now < 4000; now += 20) clock.advance(now, true);
    expect(clock.behind).toBeCloseTo(70);
  });
});
