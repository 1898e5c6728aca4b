/**
 * From a direction that a thumb or a pad's stick shows to the keys that get a tank there.
 *
 * Owns the steering and the aim assist, as plain arithmetic. Headings are 65,536 to the full turn, counter-clockwise from the
 * right; a stick's axes are those of the screen, y downwards, 1 at its rim.
 */
import type { Maze } from '../game/maze';
import { KEY } from '../protocol/client';

const FULL = 65_536;
/** Nearer to its middle a stick means nothing. */
const REST = 0.24;
/** Further out it drives; nearer it only turns. */
const DRIVE = 0.5;
/** What one tick of turning moves: nearer than that there is nothing to turn. */
const TURN_STEP = 417;
/** A tank that points where it should begins to turn only beyond this. */
const TURN_FROM = 620;
/** Aligned so far it drives (a part of the turn); once it drives, so far. */
const ALIGNED = FULL / 8;
const STILL_ALIGNED = FULL / 6;
/** Aim snaps to an enemy within 10 degrees. */
const ASSIST = Math.round((10 / 360) * FULL);

export interface Stick {
  readonly x: number;
  readonly y: number;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** From `heading` to `wanted` by the shorter way: positive to the left. */
export function turnTo(heading: number, wanted: number): number {
  return ((((wanted - heading) % FULL) + FULL + FULL / 2) % FULL) - FULL / 2;
}

function headingOf(dx: number, dy: number): number {
  return (Math.round((Math.atan2(dy, dx) / (2 * Math.PI)) * FULL) + FULL) % FULL;
}

/** Where a stick points; null while it rests. */
export function pointed({ x, y }: Stick): number | null {
  return Math.hypot(x, y) < REST ? null : headingOf(x, -y);
}

/** Does a stick ask to drive, rather than only to turn? */
export function drives({ x, y }: Stick): boolean {
  return Math.hypot(x, y) >= DRIVE;
}

/** The keys that turn a tank to `wanted` and drive it once it is nearly there. `held`: the keys of the moment before. */
export function steer(heading: number, wanted: number, drive: boolean, held: number): number {
  const off = turnTo(heading, wanted);
  const turning = (held & (KEY.left | KEY.right)) !== 0;
  const turn = Math.abs(off) <= (turning ? TURN_STEP : TURN_FROM) ? 0 : off > 0 ? KEY.left : KEY.right;
  const aligned = held & KEY.forward ? STILL_ALIGNED : ALIGNED;
  return turn | (drive && Math.abs(off) < aligned ? KEY.forward : 0);
}

/** The heading that is meant: that of the enemy in sight that is nearest to it, where there is one close by. */
export function assisted(wanted: number, self: Place, enemies: Iterable<Place>, maze: Maze): number {
  let meant = wanted;
  let least = ASSIST;
  for (const { x, y } of enemies) {
    const towards = headingOf(x - self.x, y - self.y);
    const off = Math.abs(turnTo(wanted, towards));
    if (off < least && inSight(maze, self, { x, y })) {
      meant = towards;
      least = off;
    }
  }
  return meant;
}

/** Is there no wall between two places? */
export function inSight({ walls }: Pick<Maze, 'walls'>, from: Place, to: Place): boolean {
  for (const wall of walls) {
    for (let i = 1; i < wall.length; i += 1) {
      const a = wall[i - 1] as Place;
      const b = wall[i] as Place;
      if (side(a, b, from) * side(a, b, to) <= 0 && side(from, to, a) * side(from, to, b) <= 0) return false;
    }
  }
  return true;
}

/** On which side of the line from a to b is p? */
function side(a: Place, b: Place, p: Place): number {
  return Math.sign((b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x));
}
