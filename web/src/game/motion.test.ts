import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseMaze } from './maze';
import { KEY } from '../protocol/client';
import { SINE, freeMotion, stepX, stepY, wrap } from './motion';

describe('free motion', () => {
  it('rounds steps to the nearest unit, halves upwards', () => {
    const step = (length: number, heading: number) => [stepX(length, heading), stepY(length, heading)];
    expect(step(512, 0)).toEqual([512, 0]);
    expect(step(-256, 16_384)).toEqual([0, -256]);
    expect(step(2560, 8192)).toEqual([1810, 1810]);
  });

  it('turns before it drives, and opposite keys cancel', () => {
    const at = { x: 0, y: 0, heading: 65_400 };
    expect(freeMotion(at, KEY.left).heading).toBe(65_400 + 417 - 65_536);
    expect(freeMotion({ ...at, heading: 10 }, KEY.right).heading).toBe(10 - 417 + 65_536);
    expect(freeMotion(at, KEY.left | KEY.right | KEY.forward | KEY.back)).toEqual(at);
  });

  it('has a sine table that is odd and symmetric', () => {
    expect(SINE).toHaveLength(4096);
    for (let i = 0; i < 4096; i++) {
      expect(SINE[(4096 - i) % 4096]).toBe(0 - (SINE[i] as number));
      expect(SINE[(2048 - i + 4096) % 4096]).toBe(SINE[i]);
    }
    expect(wrap(-1)).toBe(65_535);
  });
});

describe('mazes', () => {
  it('are read as the server reads them', () => {
    const maze = parseMaze(readFileSync(new URL('../../../crates/sim/mazes/standard.maze', import.meta.url), 'utf8'));
    expect(maze.name).toBe('Standard');
    expect(maze.entries).toHaveLength(4);
    expect(maze.entries[0]).toEqual({ name: 'north-east', x: 107_520, y: 107_520, heading: 32_768 });
    expect(maze.entries[1]).toMatchObject({ x: -107_520, heading: 49_152 });
    expect(maze.walls.every((wall) => wall.length > 3 && wall[0]?.x === wall.at(-1)?.x && wall[0]?.y === wall.at(-1)?.y)).toBe(true);
  });

  it('are refused with the number of the line', () => {
    expect(() => parseMaze('name X\nwal 1,2')).toThrow('line 2 of the maze: unknown word "wal"');
    expect(() => parseMaze('wall 1,2 3')).toThrow('line 1 of the maze: "3" is not a point');
    expect(() => parseMaze('wall 1,a')).toThrow('"a" is not a number');
  });
});
