/** Where things are on the screen, and what the arena is in words. */
import { describe, expect, it } from 'vitest';
import { parseMaze } from '../game/maze';
import { UNIT } from '../game/motion';
import type { Player } from '../game/view';
import { ENTRY_ZONE, MARGIN, cameraFor, described, isFree } from './arena';

const square = parseMaze('name Square\nwall 1,1 2,1 2,2 1,1\nentry a -8,-8 facing 45\n');
const upright = parseMaze('name Upright\narena 12 20\nwall 1,1 2,1 2,2 1,1\nentry a -4,-8 facing 45\n');
const player = (tank: Partial<Player['tank']> | null) => ({ tank }) as unknown as Player;

describe('the camera', () => {
  it('shows the whole arena with its frame, as large as it can be', () => {
    const { width, height, scale } = cameraFor(square, 1000, 700);
    expect([width, height]).toEqual([700, 700]);
    expect(scale).toBeCloseTo(700 / (20 + 2 * MARGIN));
  });

  it('fills a phone held upright with an upright arena', () => {
    const { width, height } = cameraFor(upright, 390, 780);
    expect(width).toBe(390);
    expect(height).toBeGreaterThan(600);
    expect(height).toBeLessThanOrEqual(780);
  });
});

describe('an entry point', () => {
  it('is free while no tank stands in its zone', () => {
    const entry = { x: 0, y: 0 };
    expect(isFree(entry, [])).toBe(true);
    expect(isFree(entry, [{ x: (ENTRY_ZONE - 0.01) * UNIT, y: 0 }])).toBe(false);
    expect(isFree(entry, [{ x: ENTRY_ZONE * UNIT, y: 0 }])).toBe(true);
  });
});

describe('in words', () => {
  it('the arena says how many tanks there are, and where one is oneself', () => {
    const own = player({ x: 2.5 * UNIT, y: -UNIT, heading: 16_384 });
    expect(described(null, null)).toBe('The arena, empty');
    expect(described([own, player(null)], own)).toBe('The arena with 1 tank; yours is at 2.50, -1.00, heading 90 degrees');
    expect(described([own, own], player(null))).toBe('The arena with 2 tanks');
  });
});
