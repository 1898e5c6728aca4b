/**
 * Free motion in whole numbers: what a tank or missile does in one tick where nothing is in its way.
 *
 * Repeats the simulation's arithmetic to the unit, in doubles that hold every product exactly. No bit operation touches what
 * may pass 32 bits.
 */
import { KEY } from '../protocol/client';

/** Units in one u, the arena's own length unit. */
export const UNIT = 12_800;
/** Half the arena's side. */
export const ARENA_HALF = 10 * UNIT;
/** A tank's radius. */
export const TANK_RADIUS = UNIT / 2;
/** Armour of a fresh tank, in Q14. */
export const ARMOUR_MAX = 32_768;

/** Ticks from one shot to the next. */
export const RELOAD_TICKS = 50;

const FULL_TURN = 65_536;
const TURN_STEP = 417;
const FORWARD_STEP = 512;
const BACKWARD_STEP = 256;
/** Units that a missile flies in a tick. */
export const MISSILE_STEP = 2_560;

/** A place and a direction: units from the middle, right and up; 65,536 to the full turn, counter-clockwise from the right. */
export interface Pose {
  readonly x: number;
  readonly y: number;
  readonly heading: number;
}

/** Sine of 4,096 directions in Q14. Only nearest integers of no close calls, so every engine agrees (a test compares). */
export const SINE: readonly number[] = Array.from({ length: 4096 }, (_, i) => Math.round(Math.sin((i * 2 * Math.PI) / 4096) * 16_384) + 0);

/** Brings a heading into 0 to 65,535. */
export function wrap(heading: number): number {
  return ((heading % FULL_TURN) + FULL_TURN) % FULL_TURN;
}

function sine(heading: number): number {
  return SINE[wrap(heading) >> 4] as number;
}

/** The step of `length` units along `heading`, each axis rounded to the nearest unit. */
export function stepAlong(length: number, heading: number): { readonly dx: number; readonly dy: number } {
  const axis = (direction: number) => Math.floor((length * direction + 8192) / 16_384);
  return { dx: axis(sine(heading + FULL_TURN / 4)), dy: axis(sine(heading)) };
}

/** A pose moved by `length` along its heading. */
export function advance(pose: Pose, length: number): Pose {
  const { dx, dy } = stepAlong(length, pose.heading);
  return { x: pose.x + dx, y: pose.y + dy, heading: pose.heading };
}

/** Where keys lead a tank in one tick: it turns, then drives. Opposite keys cancel. */
export function freeMotion(pose: Pose, keys: number): Pose {
  const turn = (keys & KEY.left ? TURN_STEP : 0) - (keys & KEY.right ? TURN_STEP : 0);
  const turned = { ...pose, heading: wrap(pose.heading + turn) };
  const forward = (keys & KEY.forward) !== 0;
  const back = (keys & KEY.back) !== 0;
  if (forward === back) return turned;
  return advance(turned, forward ? FORWARD_STEP : -BACKWARD_STEP);
}
