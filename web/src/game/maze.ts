/**
 * Mazes, as the server sends them: the text of a maze file, and the sides of its walls as tanks and missiles meet them.
 *
 * Reads what the server has checked already, so it is strict about shape but does not repeat the rules of a playable maze.
 * Repeats the simulation's arithmetic to the unit, like `motion`.
 */
import { ARENA_HALF, MISSILE_STEP, type Pose, TANK_RADIUS, UNIT } from './motion';

export interface EntryPoint extends Pose {
  readonly name: string;
}

/** One side of a wall, with what nearest points need worked out ahead. */
export interface Segment {
  readonly ax: number;
  readonly ay: number;
  readonly bx: number;
  readonly by: number;
  /** Unit tangent from a to b in Q14. */
  readonly tx: number;
  readonly ty: number;
  /** Whole units. */
  readonly length: number;
}

export interface Maze {
  readonly name: string;
  /** Units from the middle to the arena's right edge. */
  readonly halfWidth: number;
  /** Units from the middle to its upper edge. */
  readonly halfHeight: number;
  /** Corners in units; the last one equals the first. */
  readonly walls: readonly (readonly { readonly x: number; readonly y: number }[])[];
  readonly entries: readonly EntryPoint[];
  /** All sides of all walls, in the order of the text: the order in which tanks are pushed out of them. */
  readonly segments: readonly Segment[];
  /** For each cell of 1 u, row by row from the lower left, the segments that anything in it may meet in a tick. */
  readonly cells: readonly (readonly Segment[])[];
}

/** Cells along one side of the largest arena. */
const CELLS = 20;
/** Farthest that is asked from a point: a tank's radius plus one flight, and some for rounding. */
const REACH = TANK_RADIUS + MISSILE_STEP + 64;
/** Half a cell's diagonal, rounded up. */
const HALF_DIAGONAL = 9_051;

/** The segments that may be within reach of a place, in the order of the text. Places outside count as at the edge. */
export function near({ cells }: Maze, x: number, y: number): readonly Segment[] {
  return cells[cell(y) * CELLS + cell(x)] as readonly Segment[];
}

function cell(place: number): number {
  return Math.min(CELLS - 1, Math.max(0, Math.trunc((place + ARENA_HALF) / UNIT)));
}

/** Where `closest` has put its answer: a fresh object for each call would be most of the work. */
export const nearest = { x: 0, y: 0 };

/** Puts the point of a segment that is nearest to a place into `nearest`. */
export function closest({ ax, ay, bx, by, tx, ty, length }: Segment, x: number, y: number): void {
  const along = Math.floor(((x - ax) * tx + (y - ay) * ty) / 16_384);
  if (along <= 0) {
    nearest.x = ax;
    nearest.y = ay;
  } else if (along >= length) {
    nearest.x = bx;
    nearest.y = by;
  } else {
    nearest.x = ax + Math.floor((tx * along + 8192) / 16_384);
    nearest.y = ay + Math.floor((ty * along + 8192) / 16_384);
  }
}

/** The part, 0 to 1, of the way from p to q at which it meets the segment; null where it does not. For drawing alone. */
export function crossing({ ax, ay, bx, by }: Segment, px: number, py: number, qx: number, qy: number): number | null {
  const [rx, ry, sx, sy, ex, ey] = [qx - px, qy - py, bx - ax, by - ay, ax - px, ay - py];
  const across = rx * sy - ry * sx;
  if (across === 0) return null;
  const onWay = (ex * sy - ey * sx) / across;
  const onWall = (ex * ry - ey * rx) / across;
  return onWay >= 0 && onWay <= 1 && onWall >= 0 && onWall <= 1 ? onWay : null;
}

/** The maze in a text; the error names the line. */
export function parseMaze(text: string): Maze {
  let name = '';
  const walls: { x: number; y: number }[][] = [];
  const entries: EntryPoint[] = [];
  let halfWidth = ARENA_HALF;
  let halfHeight = ARENA_HALF;
  text.split('\n').forEach((line, index) => {
    const words = line.split('#', 1)[0]?.trim().split(/\s+/) ?? [];
    const [word = '', ...rest] = words;
    try {
      if (word === 'name') name = rest.join(' ');
      else if (word === 'wall') walls.push(rest.map(point));
      else if (word === 'entry') entries.push(entry(rest));
      else if (word === 'arena') {
        const [width, height, more] = rest;
        if (!width || !height || more !== undefined) throw new Error('the arena is: arena WIDTH HEIGHT');
        halfWidth = Math.trunc(units(width) / 2);
        halfHeight = Math.trunc(units(height) / 2);
      } else if (word !== '') throw new Error(`unknown word "${word}"`);
    } catch (error) {
      throw new Error(`line ${index + 1} of the maze: ${error instanceof Error ? error.message : error}`);
    }
  });
  const segments = walls.flatMap((wall) => wall.slice(1).map((b, i) => segment(wall[i] as { x: number; y: number }, b)));
  return { name, halfWidth, halfHeight, walls, entries, segments, cells: grid(segments) };
}

function segment(a: { x: number; y: number }, b: { x: number; y: number }): Segment {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.floor(Math.sqrt(dx * dx + dy * dy));
  if (length === 0) throw new Error('a wall has a side of no length');
  const axis = (d: number) => Math.floor((2 * 16_384 * d + length) / (2 * length));
  return { ax: a.x, ay: a.y, bx: b.x, by: b.y, tx: axis(dx), ty: axis(dy), length };
}

function grid(segments: readonly Segment[]): Segment[][] {
  const reach = REACH + HALF_DIAGONAL;
  return Array.from({ length: CELLS * CELLS }, (_, number) => {
    const x = (number % CELLS) * UNIT + UNIT / 2 - ARENA_HALF;
    const y = Math.floor(number / CELLS) * UNIT + UNIT / 2 - ARENA_HALF;
    return segments.filter((segment) => {
      closest(segment, x, y);
      return (x - nearest.x) ** 2 + (y - nearest.y) ** 2 <= reach * reach;
    });
  });
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
