/**
 * Mazes, as the server sends them: the text of a maze file.
 *
 * Reads what the server has checked already, so it is strict about shape but does not repeat the rules of a playable maze.
 */
import { UNIT, type Pose } from './motion';

export interface EntryPoint extends Pose {
  readonly name: string;
}

export interface Maze {
  readonly name: string;
  /** Corners in units; the last one equals the first. */
  readonly walls: readonly (readonly { readonly x: number; readonly y: number }[])[];
  readonly entries: readonly EntryPoint[];
}

/** The maze in a text; the error names the line. */
export function parseMaze(text: string): Maze {
  let name = '';
  const walls: { x: number; y: number }[][] = [];
  const entries: EntryPoint[] = [];
  text.split('\n').forEach((line, index) => {
    const words = line.split('#', 1)[0]?.trim().split(/\s+/) ?? [];
    const [word = '', ...rest] = words;
    try {
      if (word === 'name') name = rest.join(' ');
      else if (word === 'wall') walls.push(rest.map(point));
      else if (word === 'entry') entries.push(entry(rest));
      else if (word !== '') throw new Error(`unknown word "${word}"`);
    } catch (error) {
      throw new Error(`line ${index + 1} of the maze: ${error instanceof Error ? error.message : error}`);
    }
  });
  return { name, walls, entries };
}

function entry([name, at, facing, degrees]: string[]): EntryPoint {
  if (!name || !at || facing !== 'facing' || !degrees) throw new Error('an entry point is: entry NAME x,y facing DEGREES');
  const heading = Math.floor((tenThousandths(degrees) * 65_536 + 180 * 10_000) / (360 * 10_000)) % 65_536;
  return { name, ...point(at), heading };
}

function point(word: string): { x: number; y: number } {
  const [x, y, more] = word.split(',');
  if (!x || !y || more !== undefined) throw new Error(`"${word}" is not a point`);
  return { x: units(x), y: units(y) };
}

/** A length in units, the nearest one. */
function units(word: string): number {
  const n = tenThousandths(word);
  return Math.sign(n) * Math.round((Math.abs(n) * UNIT) / 10_000) + 0;
}

/** Decimals are read as whole numbers, so that no rounding of binary fractions comes in. */
function tenThousandths(word: string): number {
  const match = /^([+-]?)(\d{0,6})(?:\.(\d{0,4}))?$/.exec(word);
  const [, sign, whole = '', fraction = ''] = match ?? [];
  if (!match || whole + fraction === '') throw new Error(`"${word}" is not a number`);
  return (sign === '-' ? -1 : 1) * Number((whole || '0') + fraction.padEnd(4, '0'));
}
