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

/** The step of `length` units along `heading`, rounded to the nearest unit: to the right. */
export function stepX(length: number, heading: number): number {
  return Math.floor((length * sine(heading + FULL_TURN / 4) + 8192) / 16_384);
}

/** The same upwards. */
export function stepY(length: number, heading: number): number {
  return Math.floor((length * sine(heading) + 8192) / 16_384);
}

/** A pose moved by `length` along its heading. */
export function advance({ x, y, heading }: Pose, length: number): Pose {
  return { x: x + stepX(length, heading), y: y + stepY(length, heading), heading };
}

/** The heading after one tick under keys: opposite ones cancel. */
export function turned(heading: number, keys: number): number {
  const turn = (keys & KEY.left ? TURN_STEP : 0) - (keys & KEY.right ? TURN_STEP : 0);
  return turn === 0 ? heading : wrap(heading + turn);
}

/** Units along the heading that keys drive a tank in one tick. */
export function driven(keys: number): number {
  const forward = (keys & KEY.forward) !== 0;
  const back = (keys & KEY.back) !== 0;
  return forward === back ? 0 : forward ? FORWARD_STEP : -BACKWARD_STEP;
}

/** Where keys lead a tank in one tick: it turns, then drives. */
export function freeMotion({ x, y, heading }: Pose, keys: number): Pose {
  const length = driven(keys);
  const along = turned(heading, keys);
  return length === 0 ? { x, y, heading: along } : { x: x + stepX(length, along), y: y + stepY(length, along), heading: along };
}
