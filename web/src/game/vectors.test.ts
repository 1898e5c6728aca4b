/**
 * What the simulation's tests have recorded: this client's arithmetic gives the same, to the unit.
 *
 * Owns the translation of the recordings into this client's types.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Frame, GameEvent, Residual, SlotInputs } from '../protocol/frame';
import { settle } from './collide';
import { parseMaze } from './maze';
import { SINE, freeMotion, stepX, stepY } from './motion';
import { type Missile, OutOfStep, type Tank, type View, step } from './view';

const vectors = (name: string) => JSON.parse(readFileSync(new URL(`../../../crates/sim/vectors/${name}.json`, import.meta.url), 'utf8'));

interface Case {
  name: string;
  maze: string;
  start: [number, number, number];
  held: [number, number][];
  poses: [number, number, number][];
}

describe('free motion', () => {
  const motion: { mazes: Record<string, string>; steps: number[][]; segments: number[][]; entries: unknown[][]; cases: Case[] } = vectors('motion');

  it('has the sine table of the simulation', () => {
    expect(SINE).toEqual(vectors('sine').rows.flat());
  });

  it('takes the steps of the simulation', () => {
    for (const [length = 0, heading = 0, dx, dy] of motion.steps) expect([length, heading, stepX(length, heading), stepY(length, heading)]).toEqual([length, heading, dx, dy]);
  });

  it('starts from the entry points of the simulation', () => {
    const { entries } = parseMaze(motion.mazes.standard ?? '');
    expect(entries.map(({ name, x, y, heading }) => [name, x, y, heading])).toEqual(motion.entries);
  });

  it('has the walls of the simulation', () => {
    const { segments } = parseMaze(motion.mazes.standard ?? '');
    expect(segments.map(({ ax, ay, bx, by, tx, ty, length }) => [ax, ay, bx, by, tx, ty, length])).toEqual(motion.segments.map((numbers) => numbers.slice(0, 7)));
  });

  it.each(motion.cases)('with its walls goes where the simulation goes: $name', ({ maze: name, start: [x, y, heading], held, poses }) => {
    const maze = parseMaze(motion.mazes[name] ?? '');
    let pose = { x, y, heading };
    const found = held.flatMap(([keys, ticks]) => Array<number>(ticks).fill(keys)).map((keys) => {
      const to = freeMotion(pose, keys);
      const body = { fromX: pose.x, fromY: pose.y, x: to.x, y: to.y };
      settle(maze, [body]);
      pose = { x: body.x, y: body.y, heading: to.heading };
      return [pose.x, pose.y, pose.heading];
    });
    expect(found).toEqual(poses);
  });
});

interface RecordedView {
  missiles: Missile[];
  players: { id: string; slot: number; name: string; score: number; deaths: number; keys: number; applied: number; tank: Tank | null }[];
}

interface Row {
  tick: number;
  delta: { events: GameEvent[]; inputs: SlotInputs[]; residuals: Residual[] };
  view?: RecordedView;
  poses?: [number, number, number, number][];
}

describe('a recorded game', () => {
  const replay: { maze: string; first: number; start: RecordedView; ticks: Row[] } = vectors('replay');
  const maze = parseMaze(replay.maze);
  const start: View = {
    epoch: '0000000000000001',
    tick: replay.first,
    durable: 0,
    rules: 1,
    moving: false,
    registryAway: false,
    players: replay.start.players.map(({ applied, ...player }) => ({ ...player, connected: true, lastSeq: applied })),
    missiles: replay.start.missiles,
  };

  const frame = ({ tick, delta }: Row, lag = 3): Frame => ({
    type: 'frame',
    epoch: null,
    rewind: false,
    reanchor: false,
    moving: false,
    registryAway: false,
    tickLow: tick % 256,
    lag,
    ...delta,
  });

  const recorded = (view: View): RecordedView => ({
    missiles: [...view.missiles].sort((a, b) => a.id - b.id),
    players: view.players.map(({ connected: _, lastSeq: applied, ...player }) => ({ ...player, applied })),
  });

  it('is followed exactly, tick by tick', () => {
    let view = start;
    for (const row of replay.ticks) {
      view = step(view, frame(row), maze);
      expect(view.tick).toBe(row.tick);
      if (row.view) expect(recorded(view), `tick ${row.tick}`).toEqual(row.view);
      else expect(view.players.flatMap(({ slot, tank }) => (tank ? [[slot, tank.x, tank.y, tank.heading]] : [])), `tick ${row.tick}`).toEqual(row.poses);
    }
    expect(view.durable).toBe(view.tick - 3);
  });

  it('is not followed over a gap', () => {
    expect(() => step(start, frame(replay.ticks[1] as Row), maze)).toThrow(OutOfStep);
  });

  it('says nothing about durable ticks at the largest lag, and never takes one back', () => {
    const [first, second] = replay.ticks as [Row, Row];
    const known = step(start, frame(first, 1), maze);
    expect(known.durable).toBe(replay.first);
    expect(step(known, frame(second, 255), maze).durable).toBe(replay.first);
    expect(step(known, frame(second, 9), maze).durable).toBe(replay.first);
  });
});
