/** What the simulation's tests have recorded: this client's arithmetic gives the same, to the unit. */
import { describe, expect, it } from 'vitest';
import { frameOf, loadReplay, recorded, vectors } from '../testing/replay';
import type { RecordedTick } from '../testing/replay';
import { settle } from './collide';
import { parseMaze } from './maze';
import { SINE, freeMotion, stepX, stepY } from './motion';
import { OutOfStep, step } from './view';

type Numbers = [number, number, number];

interface Case {
  name: string;
  maze: string;
  tanks: { start: Numbers; held: [number, number][] }[];
  poses: Numbers[][];
}

describe('motion', () => {
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
    // A segment's direction comes last: only missiles that bounce need it, and those are the server's.
    expect(segments.map(({ ax, ay, bx, by, tx, ty, length }) => [ax, ay, bx, by, tx, ty, length])).toEqual(motion.segments.map((numbers) => numbers.slice(0, 7)));
  });

  it.each(motion.cases)('goes where the simulation goes: $name', ({ maze: name, tanks, poses }) => {
    const maze = parseMaze(motion.mazes[name] ?? '');
    const held = tanks.map(({ held }) => held.flatMap(([keys, ticks]) => Array<number>(ticks).fill(keys)));
    let at = tanks.map(({ start: [x, y, heading] }) => ({ x, y, heading }));
    const found = poses.map((_, tick) => {
      const bodies = at.map((pose, i) => {
        // Keys hold until others come.
        const { x, y, heading } = freeMotion(pose, held[i]?.[tick] ?? held[i]?.at(-1) ?? 0);
        return { fromX: pose.x, fromY: pose.y, x, y, heading };
      });
      settle(maze, bodies);
      at = bodies;
      return at.map(({ x, y, heading }) => [x, y, heading]);
    });
    expect(found).toEqual(poses);
  });
});

describe('a recorded game', () => {
  const { maze, start, ticks } = loadReplay();

  it('has every kind of event', () => {
    expect(new Set(ticks.flatMap(({ delta }) => delta.events.map(({ type }) => type))).size).toBe(16);
  });

  it('is followed exactly, tick by tick', () => {
    let view = start;
    for (const row of ticks) {
      view = step(view, frameOf(row), maze);
      expect(view.tick).toBe(row.tick);
      if (row.view) expect(recorded(view), `tick ${row.tick}`).toEqual(row.view);
      else expect(view.players.flatMap(({ slot, tank }) => (tank ? [[slot, tank.x, tank.y, tank.heading]] : [])), `tick ${row.tick}`).toEqual(row.poses);
    }
    expect(view.durable).toBe(view.tick - 3);
  });

  it('is not followed over a gap', () => {
    expect(() => step(start, frameOf(ticks[1] as RecordedTick), maze)).toThrow(OutOfStep);
  });

  it('says nothing about durable ticks at the largest lag, and never takes one back', () => {
    const [first, second] = ticks as [RecordedTick, RecordedTick];
    const known = step(start, frameOf(first, 1), maze);
    expect(known.durable).toBe(start.tick);
    expect(step(known, frameOf(second, 255), maze).durable).toBe(start.tick);
    expect(step(known, frameOf(second, 9), maze).durable).toBe(start.tick);
  });
});
