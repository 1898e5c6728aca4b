/**
 * The ticks that no frame has brought yet: the own tank exactly, under the keys that are on their way, and the others as
 * if they kept theirs.
 *
 * Owns a ring of worlds after the newest view, as far as they were asked for. Steps tanks as the simulation does (turn and
 * drive, pushes, reload, shots); missiles, blasts and items take no part, because what they do cannot be known before a
 * frame tells. Reads no clock.
 */
import { type Input, KEY } from '../protocol/client';
import { type Body, settle } from './collide';
import type { Maze } from './maze';
import { RELOAD_TICKS, driven, stepX, stepY, turned } from './motion';
import type { Tank, View } from './view';

/** Ticks that are predicted at most. */
export const HORIZON = 48;
/** Fire and actions of an input that aims at a tick so long ago are void. */
const STALE_TICKS = 25;

interface Predicted extends Body {
  slot: number;
  heading: number;
}

/** One tick. */
export interface Ahead {
  tick: number;
  /** By rising slot, as many as `count` says. */
  readonly tanks: Predicted[];
  count: number;
  /** Of the own tank. */
  reload: number;
  keys: number;
  shoots: boolean;
}

export class Prediction {
  private readonly ring: Ahead[] = Array.from({ length: HORIZON }, () => ({ tick: 0, tanks: [], count: 0, reload: 0, keys: 0, shoots: false }));
  private readonly bodies: Predicted[] = [];
  private view: View | null = null;
  private maze: Maze | null = null;
  private slot: number | null = null;
  private waiting: readonly Input[] = [];
  /** Ticks predicted so far, the inputs used up by them, and whether the own keys drive the tank. */
  private made = 0;
  private used = 0;
  private connected = true;

  /** Starts anew from a view: `slot` is the own one, `waiting` are the inputs that the view does not have yet. */
  start(view: View, maze: Maze, slot: number | null, waiting: readonly Input[]): void {
    this.view = view;
    this.maze = maze;
    this.slot = slot;
    this.waiting = waiting;
    this.made = 0;
    this.used = 0;
  }

  /** The world of `tick`, after the view's and at most `HORIZON` later; null: none is to be had. */
  at(tick: number): Ahead | null {
    const { view, maze } = this;
    if (!view || !maze || tick <= view.tick || tick > view.tick + HORIZON) return null;
    while (this.made < tick - view.tick) this.extend(view, maze);
    return this.ring[tick - view.tick - 1] as Ahead;
  }

  private extend(view: View, maze: Maze): void {
    const before = this.made > 0 ? (this.ring[this.made - 1] as Ahead) : null;
    const next = this.ring[this.made] as Ahead;
    this.made += 1;
    next.tick = view.tick + this.made;
    const own = before ? null : view.players.find(({ slot }) => slot === this.slot);
    if (!before) this.connected = own?.connected ?? true;
    next.keys = before ? before.keys : (own?.keys ?? 0);
    next.reload = Math.max(0, (before ? before.reload : (own?.tank?.reload ?? 0)) - 1);
    const pressed = this.press(next);

    // The first from the view, each later one from the one before.
    if (before) {
      next.count = before.count;
      for (let i = 0; i < before.count; i++) {
        const { slot, x, y, heading } = before.tanks[i] as Predicted;
        place(next, i, slot, x, y, heading);
      }
    } else {
      next.count = 0;
      for (const { slot, tank } of view.players) if (tank) place(next, next.count++, slot, tank.x, tank.y, tank.heading);
    }
    this.bodies.length = 0;
    for (let i = 0; i < next.count; i++) {
      const tank = next.tanks[i] as Predicted;
      const keys = tank.slot === this.slot ? (this.connected ? next.keys : 0) : keysOf(view, tank.slot);
      const length = driven(keys);
      tank.heading = turned(tank.heading, keys);
      if (length !== 0) {
        tank.x += stepX(length, tank.heading);
        tank.y += stepY(length, tank.heading);
      }
      this.bodies.push(tank);
    }
    settle(maze, this.bodies);
    next.shoots = next.reload === 0 && tankIn(next, this.slot) !== null && (pressed || (this.connected && (next.keys & KEY.fire) !== 0));
    if (next.shoots) next.reload = RELOAD_TICKS;
  }

  /** Takes the inputs whose turn it is. Says whether one of them fires. */
  private press(next: Ahead): boolean {
    let pressed = false;
    for (; this.used < this.waiting.length; this.used++) {
      const { forTick, keys } = this.waiting[this.used] as Input;
      if (forTick > next.tick) break;
      next.keys = next.tick - forTick > STALE_TICKS ? keys & ~KEY.fire : keys;
      this.connected = true;
      if (next.keys & KEY.fire) pressed = true;
    }
    return pressed;
  }
}

/** The tank of a slot in a predicted world. */
export function tankIn({ tanks, count }: Ahead, slot: number | null): Predicted | null {
  for (let i = 0; i < count; i++) if (tanks[i]?.slot === slot) return tanks[i] as Predicted;
  return null;
}

/** The tank of a slot in a view. */
export function tankOf(view: View, slot: number | null): Tank | null {
  for (const player of view.players) if (player.slot === slot) return player.tank;
  return null;
}

function keysOf(view: View, slot: number): number {
  for (const player of view.players) if (player.slot === slot) return player.connected ? player.keys : 0;
  return 0;
}

function place(to: Ahead, i: number, slot: number, x: number, y: number, heading: number): void {
  const tank = (to.tanks[i] ??= { slot, x, y, heading, fromX: x, fromY: y });
  tank.slot = slot;
  tank.x = tank.fromX = x;
  tank.y = tank.fromY = y;
  tank.heading = heading;
}
