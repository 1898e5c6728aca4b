/**
 * The missiles of the player who looks: shown at the key press, before any frame tells of them.
 *
 * Owns the match between shots that were predicted and shots that frames tell (by their order), and where these missiles are
 * drawn: at first at the tick of the own tank, which is ahead, then slower, until they fly at the tick of everything else
 * and end where everybody sees them end. Reads no clock.
 */
import { type Maze, crossing } from './maze';
import { MISSILE_STEP, type Pose, TANK_RADIUS, UNIT, advance, stepX, stepY } from './motion';
import { type Place, Smooth } from './smooth';
import type { View } from './view';

/** A missile that never was goes within so long, in milliseconds. */
export const VANISH_MS = 150;
/** A missile falls back to the tick of everything else within so many times the difference: it flies at 2/3 meanwhile. */
const FALL_BACK = 3;

/** What ended so long ago was drawn, if anything is. */
const OLD_TICKS = 100;

/** Where a shot leaves the muzzle, at the end of a tick. */
export interface Muzzle extends Pose {
  readonly tick: number;
  readonly bounce: boolean;
}

/** A straight part of a flight. */
interface Leg extends Muzzle {
  /** Units to the first wall. */
  readonly reach: number;
}

/** One missile. */
export interface OwnMissile extends Place {
  readonly key: number;
  /** Null while no frame has told of it. */
  id: number | null;
  bounce: boolean;
  /** The tick that it was last drawn at. */
  tick: number;
  vanishedAt: number | null;
  legs: readonly Leg[];
  /** The tick, with its fraction, at which it ended. */
  ended: number | null;
  readonly bornAt: number;
  readonly smooth: Smooth;
}

export class OwnShots {
  /** Those to be drawn, oldest first. */
  readonly flying: OwnMissile[] = [];
  /** Shots shown before a frame told of them, and those that never came. */
  readonly counts = { predicted: 0, vanished: 0 };

  /** The shots that are predicted after the newest frame. Calls `born` for each that was not known before. */
  predict(muzzles: readonly Muzzle[], key: () => number, maze: Maze, now: number, born: (missile: OwnMissile) => void): void {
    let next = 0;
    for (const missile of this.flying) {
      if (missile.id !== null || missile.vanishedAt !== null) continue;
      const muzzle = muzzles[next++];
      if (muzzle) this.start(missile, muzzle, maze, now);
      else this.vanish(missile, now);
    }
    for (const muzzle of muzzles.slice(next)) {
      this.counts.predicted += 1;
      born(this.launch(null, muzzle, key(), maze, now));
    }
  }

  /** Shots that no frame has told of yet. */
  get open(): number {
    let count = 0;
    for (const { id, vanishedAt } of this.flying) if (id === null && vanishedAt === null) count += 1;
    return count;
  }

  /** A frame tells of a shot: of the first one that it has not told of yet. Says whether it was shown already. */
  told(id: number, muzzle: Muzzle, key: () => number, maze: Maze, now: number): { readonly missile: OwnMissile; readonly known: boolean } {
    const known = this.flying.find((missile) => missile.id === null && missile.vanishedAt === null);
    if (!known) return { missile: this.launch(id, muzzle, key(), maze, now), known: false };
    known.id = id;
    this.start(known, muzzle, maze, now);
    return { missile: known, known: true };
  }

  /** A missile has a new direction at the end of a tick. */
  bounced(id: number, from: Muzzle, maze: Maze): void {
    const missile = this.find(id);
    if (missile) missile.legs = [...missile.legs, leg(from, maze, 0)];
  }

  /** A missile ended at this tick, with its fraction. */
  ended(id: number, tick: number): void {
    const missile = this.find(id);
    if (missile) missile.ended = tick;
  }

  /** Lets go of missiles that the world does not have and that did not end, and of old ones where no picture was drawn. */
  compare({ tick, missiles }: View, slot: number, now: number): void {
    const { flying } = this;
    if (flying.length === 0) return;
    while (flying[0]?.ended != null && tick - flying[0].ended > OLD_TICKS) flying.shift();
    for (const missile of this.flying) {
      if (missile.id === null || missile.ended !== null || missile.vanishedAt !== null) continue;
      if (!missiles.some(({ id, slot: of }) => id === missile.id && of === slot)) this.vanish(missile, now);
    }
  }

  /** All of them fade: the player is not in the game any more. */
  clear(now: number): void {
    for (const missile of this.flying) if (missile.vanishedAt === null) this.vanish(missile, now);
  }

  /** Brings all to where they are drawn at `now`, when the own tank is drawn at tick `own` and everything else at `shown`. */
  draw(now: number, own: number, shown: number): void {
    const { flying } = this;
    let kept = 0;
    for (const missile of flying) {
      if ((missile.ended !== null && shown >= missile.ended) || (missile.vanishedAt !== null && now - missile.vanishedAt >= VANISH_MS)) continue;
      flying[kept++] = missile;
      const ahead = Math.max(0, own - shown);
      const part = ahead === 0 ? 1 : Math.min(1, Math.max(0, now - missile.bornAt) / (FALL_BACK * ahead * 20));
      const tick = own - ahead * part;
      missile.tick = missile.ended === null ? tick : Math.min(tick, missile.ended);
      pose(missile, missile);
      missile.smooth.apply(missile, now);
    }
    flying.length = kept;
  }

  private find(id: number): OwnMissile | undefined {
    return this.flying.find((missile) => missile.id === id && missile.ended === null && missile.vanishedAt === null);
  }

  private launch(id: number | null, muzzle: Muzzle, key: number, maze: Maze, now: number): OwnMissile {
    const { x, y, heading, bounce, tick } = muzzle;
    const legs = [leg(muzzle, maze, TANK_RADIUS)];
    const missile: OwnMissile = { key, id, x, y, heading, bounce, tick, vanishedAt: null, legs, ended: null, bornAt: now, smooth: new Smooth() };
    this.flying.push(missile);
    return missile;
  }

  /** Another start of a flight than the one that was taken for it. */
  private start(missile: OwnMissile, muzzle: Muzzle, maze: Maze, now: number): void {
    const [first] = missile.legs;
    missile.bounce = muzzle.bounce;
    if (first && first.tick === muzzle.tick && first.x === muzzle.x && first.y === muzzle.y && first.heading === muzzle.heading) return;
    const drawn = { x: missile.x, y: missile.y, heading: missile.heading };
    missile.legs = [leg(muzzle, maze, TANK_RADIUS)];
    pose(missile, missile);
    missile.smooth.correct(drawn, missile, now);
    missile.smooth.apply(missile, now);
  }

  private vanish(missile: OwnMissile, now: number): void {
    missile.vanishedAt = now;
    this.counts.vanished += 1;
  }
}

/** Where a tank's missile is at the end of the tick that fires it. */
export function muzzleOf(tank: Pose, tick: number, bounce: boolean): Muzzle {
  const { x, y, heading } = advance(tank, TANK_RADIUS);
  return { x, y, heading, tick, bounce };
}

/** Puts a missile at its tick, where it belongs, into `place`. */
function pose(place: Place, { legs, tick }: OwnMissile): void {
  let leg = legs[0] as Leg;
  for (const later of legs) if (later.tick <= tick) leg = later;
  const flown = Math.min(leg.reach, Math.max(0, tick - leg.tick) * MISSILE_STEP);
  place.x = leg.x + (stepX(MISSILE_STEP, leg.heading) * flown) / MISSILE_STEP;
  place.y = leg.y + (stepY(MISSILE_STEP, leg.heading) * flown) / MISSILE_STEP;
  place.heading = leg.heading;
}

/** A flight from a place; its way begins so many units before that, in the barrel. */
function leg(from: Muzzle, { segments, halfWidth, halfHeight }: Maze, barrel: number): Leg {
  const far = 2 * (halfWidth + halfHeight) + UNIT;
  const [dx, dy] = [stepX(UNIT, from.heading) / UNIT, stepY(UNIT, from.heading) / UNIT];
  const [px, py] = [from.x - dx * barrel, from.y - dy * barrel];
  let reach = far;
  for (const segment of segments) {
    const part = crossing(segment, px, py, px + dx * far, py + dy * far);
    if (part !== null) reach = Math.min(reach, part * far);
  }
  return { x: from.x, y: from.y, heading: from.heading, tick: from.tick, bounce: from.bounce, reach: Math.max(0, reach - barrel) };
}
