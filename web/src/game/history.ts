/**
 * The last worlds, tick by tick, and what is between two of them.
 *
 * Owns a run of views without a gap. Knows no time but ticks, and not who looks.
 */
import type { Frame } from '../protocol/frame';
import { MISSILE_STEP, type Pose, UNIT, stepX, stepY } from './motion';
import { type Place, turn } from './smooth';
import { FLIGHT_STEP, type Missile, type View } from './view';

/** More than the longest delay, and than anything is shown in the past. */
const KEPT = 32;
/** `at` of a flight that goes through the whole tick. */
export const WHOLE_FLIGHT = MISSILE_STEP / FLIGHT_STEP;

/** A view, and the missiles that ended on the way to it. */
export interface Moment {
  view: View;
  readonly ends: readonly { readonly missile: number; readonly at: number }[];
}

export class History {
  private readonly kept: Moment[] = [];

  get newest(): View | null {
    return this.kept.at(-1)?.view ?? null;
  }

  /** Adds the view after the newest one; one that does not follow on it stands alone. */
  add(view: View, frame: Frame | null): void {
    const before = this.newest;
    if (before && view.tick !== before.tick + 1) this.kept.length = 0;
    const ends = frame && frame.events.length > 0 ? frame.events.flatMap((event) => (event.type === 'hit' || event.type === 'burst' ? [{ missile: event.missile, at: event.at }] : [])) : NONE;
    this.kept.push({ view, ends });
    if (this.kept.length > KEPT) this.kept.shift();
  }

  /** The newest world once more, from another socket. */
  replace(view: View): void {
    const newest = this.kept.at(-1);
    if (newest) newest.view = view;
  }

  /** The game went back: what was from `tick` on never was. */
  cut(tick: number): void {
    while (this.kept.length > 0 && (this.kept.at(-1) as Moment).view.tick >= tick) this.kept.pop();
  }

  /** The world at a tick, or the nearest that there is. There must be one. */
  at(tick: number): Moment {
    const first = (this.kept[0] as Moment).view.tick;
    return this.kept[Math.min(this.kept.length - 1, Math.max(0, Math.floor(tick) - first))] as Moment;
  }
}

const NONE: Moment['ends'] = [];

/** Puts the pose that lies between two, a part (0 to 1) of the way, into `place`. One that is too far is a new start. */
export function between(place: Place, from: Pose, to: Pose, part: number): void {
  if (Math.abs(to.x - from.x) > UNIT || Math.abs(to.y - from.y) > UNIT) put(place, part < 0.5 ? from : to);
  else {
    place.x = from.x + (to.x - from.x) * part;
    place.y = from.y + (to.y - from.y) * part;
    place.heading = from.heading + turn(from.heading, to.heading) * part;
  }
}

export function put(place: Place, { x, y, heading }: Pose): void {
  place.x = x;
  place.y = y;
  place.heading = heading;
}

/** Puts a missile of the world before `next`, a part of the way to it, into `place`. False where it has ended by then. */
export function missileBetween(place: Place, missile: Missile, next: Moment, part: number): boolean {
  for (const later of next.view.missiles) {
    if (later.id !== missile.id || later.slot !== missile.slot) continue;
    // One that bounces turns when it is at the wall, at the end of the tick.
    place.x = missile.x + (later.x - missile.x) * part;
    place.y = missile.y + (later.y - missile.y) * part;
    place.heading = missile.heading;
    return true;
  }
  let at = WHOLE_FLIGHT;
  for (const end of next.ends) if (end.missile === missile.id) at = end.at;
  fly(place, missile, Math.min(part, at / WHOLE_FLIGHT));
  return part * WHOLE_FLIGHT <= at;
}

/** Puts a missile after so many ticks of flight into `place`. */
export function fly(place: Place, missile: Pose, ticks: number): void {
  place.x = missile.x + stepX(MISSILE_STEP, missile.heading) * ticks;
  place.y = missile.y + stepY(MISSILE_STEP, missile.heading) * ticks;
  place.heading = missile.heading;
}
