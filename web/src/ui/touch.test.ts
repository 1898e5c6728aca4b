/** Steering by a stick, and the aim assist. */
import { describe, expect, it } from 'vitest';
import { parseMaze } from '../game/maze';
import { UNIT, freeMotion } from '../game/motion';
import { KEY } from '../protocol/client';
import { assisted, drives, inSight, pointed, steer, turnTo } from './touch';

const MAZE = parseMaze('name Bar\nwall 2,-1 3,-1 3,1 2,1 2,-1\nentry a -8,-8 facing 45\n');
const degrees = (n: number) => Math.round((n * 65_536) / 360);
const at = (x: number, y: number) => ({ x: x * UNIT, y: y * UNIT });

describe('a stick', () => {
  it('rests in its middle', () => {
    expect(pointed({ x: 0.1, y: -0.1 })).toBeNull();
  });

  it.each([
    [1, 0, 0],
    [0, -1, 90],
    [-1, 0, 180],
    [0, 1, 270],
  ])('at %d, %d of the screen points to %d degrees', (x, y, heading) => {
    expect(pointed({ x, y })).toBe(degrees(heading));
  });

  it('drives only near its rim', () => {
    expect([drives({ x: 0.4, y: 0 }), drives({ x: 0.6, y: 0 })]).toEqual([false, true]);
  });
});

describe('steering', () => {
  it('takes the shorter way', () => {
    expect(turnTo(degrees(350), degrees(10))).toBeCloseTo(degrees(20), -1);
    expect(turnTo(degrees(10), degrees(350))).toBeCloseTo(-degrees(20), -1);
    expect(steer(degrees(350), degrees(10), false, 0)).toBe(KEY.left);
    expect(steer(degrees(10), degrees(350), false, 0)).toBe(KEY.right);
  });

  it('turns first, and drives once it is nearly there', () => {
    expect(steer(0, degrees(120), true, 0)).toBe(KEY.left);
    expect(steer(0, degrees(30), true, 0)).toBe(KEY.left | KEY.forward);
    expect(steer(0, degrees(1), true, 0)).toBe(KEY.forward);
    expect(steer(0, degrees(50), true, KEY.forward)).toBe(KEY.left | KEY.forward);
  });

  it.each([0, 37, 90, 179, 181, 300])('comes to rest at %d degrees, without trembling', (wanted) => {
    let pose = { ...at(0, 0), heading: degrees(5) };
    let keys = 0;
    const levels: number[] = [];
    for (let tick = 0; tick < 120; tick += 1) {
      keys = steer(pose.heading, degrees(wanted), false, keys);
      levels.push(keys);
      pose = { ...freeMotion(pose, keys), heading: freeMotion(pose, keys).heading };
    }
    expect(Math.abs(turnTo(pose.heading, degrees(wanted)))).toBeLessThanOrEqual(620);
    expect(levels.slice(-30)).toEqual(Array.from({ length: 30 }, () => 0));
  });
});

describe('aim assist', () => {
  it('snaps to an enemy in sight that is nearly aimed at', () => {
    expect(assisted(degrees(7), at(-5, 4), [at(5, 4)], MAZE)).toBe(0);
  });

  it('leaves other headings alone', () => {
    expect(assisted(degrees(12), at(-5, 4), [at(5, 4)], MAZE)).toBe(degrees(12));
    expect(assisted(degrees(12), at(-5, 4), [], MAZE)).toBe(degrees(12));
  });

  it('does not see through walls', () => {
    expect(inSight(MAZE, at(-5, 0), at(5, 0))).toBe(false);
    expect(inSight(MAZE, at(-5, 2), at(5, 2))).toBe(true);
    expect(assisted(degrees(3), at(-5, 0), [at(5, 0)], MAZE)).toBe(degrees(3));
  });

  it('takes the nearer of two', () => {
    expect(assisted(degrees(2), at(-5, 4), [at(5, 5.6), at(5, 4)], MAZE)).toBe(0);
  });
});
