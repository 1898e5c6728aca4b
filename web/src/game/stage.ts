/**
 * What is to be seen at a moment: places between two ticks, for a display that is faster than the game.
 *
 * Owns a short history of views and the effects that end with it. The player's own tank is shown from the newest ticks, the
 * others a little later (see `clock`). Draws nothing.
 */
import type { Frame } from '../protocol/frame';
import { TICK_MS, TickClock } from './clock';
import { MISSILE_STEP, type Pose, advance } from './motion';
import type { Missile, Player, Tank, View } from './view';

/** Ticks kept: more than the longest delay. */
const KEPT = 32;
/** How long effects last, in milliseconds. */
const LASTS = { spark: 300, blast: 700 } as const;

/** A tank where it is drawn. */
export interface Actor extends Pose {
  readonly player: Player;
  readonly armour: number;
  readonly reload: number;
}

/** Something that flashes and fades. */
export interface Effect {
  readonly kind: keyof typeof LASTS;
  readonly x: number;
  readonly y: number;
  /** From 0, new, to 1, gone. */
  readonly age: number;
}

export interface Scene {
  readonly actors: readonly Actor[];
  readonly missiles: readonly Missile[];
  readonly effects: readonly Effect[];
}

export class Stage {
  private views: View[] = [];
  private effects: { readonly kind: Effect['kind']; readonly x: number; readonly y: number; readonly tick: number }[] = [];
  private readonly clock = new TickClock();

  /** A new world arrived at `at`. `frame` leads to it from `before`; null: it stands for itself. */
  add(view: View, frame: Frame | null, before: View | null, at: number): void {
    const newest = this.views.at(-1);
    if (newest?.tick === view.tick && newest.epoch === view.epoch) {
      // The same world on another socket.
      this.views = [...this.views.slice(0, -1), view];
      return;
    }
    if (newest && view.tick <= newest.tick) {
      this.views = this.views.filter(({ tick }) => tick < view.tick);
      // Missiles that never were fade without an explosion.
      this.effects = this.effects.filter(({ tick }) => tick < view.tick);
      this.clock.restart();
    }
    if (frame?.reanchor || frame?.rewind) this.clock.restart();
    this.clock.arrived(view.tick, at);
    this.views = [...this.views, view].slice(-KEPT);
    if (frame && before) this.note(frame, before, view);
  }

  /** The scene at `now`; `self` is the id of the player who looks. */
  at(now: number, self: string | null): Scene {
    const newest = this.views.at(-1);
    if (!newest) return { actors: [], missiles: [], effects: [] };
    this.clock.advance(now, newest.moving);
    const shown = this.clock.tickAt(now, this.clock.behind);
    const others = this.between(shown);
    const own = this.between(this.clock.tickAt(now, TICK_MS));
    this.effects = this.effects.filter(({ kind, tick }) => (shown - tick) * TICK_MS < LASTS[kind]);
    return {
      actors: newest.players.flatMap((player) => {
        const { from, to, part } = player.id === self ? own : others;
        const actor = tankBetween(tankOf(from, player), tankOf(to, player), part);
        return actor ? [{ ...actor, player }] : [];
      }),
      missiles: missilesBetween(others.from, others.to, others.part),
      effects: this.effects
        .filter(({ tick }) => tick <= shown + 0.5)
        .map(({ kind, x, y, tick }) => ({ kind, x, y, age: Math.max(0, ((shown - tick) * TICK_MS) / LASTS[kind]) })),
    };
  }

  /** The two views around a tick with a fraction, held at the ends of what is known. */
  private between(tick: number): { from: View; to: View; part: number } {
    let to = this.views.at(-1) as View;
    let from = to;
    for (let i = this.views.length - 1; i >= 0; i--) {
      from = this.views[i] as View;
      if (from.tick <= tick) break;
      to = from;
    }
    const part = to.tick > from.tick ? (tick - from.tick) / (to.tick - from.tick) : 1;
    return { from, to, part: Math.min(1, Math.max(0, part)) };
  }

  private note(frame: Frame, before: View, view: View): void {
    for (const event of frame.events) {
      if (event.type === 'hit' || event.type === 'gone') {
        const missile = before.missiles.find(({ id }) => id === event.missile);
        if (missile) this.effects.push({ kind: 'spark', ...advance(missile, MISSILE_STEP / 2), tick: view.tick });
      }
      if (event.type === 'kill') {
        const tank = before.players.find(({ slot }) => slot === event.slot)?.tank;
        if (tank) this.effects.push({ kind: 'blast', x: tank.x, y: tank.y, tick: view.tick });
      }
    }
  }
}

function tankOf(view: View, player: Player): Tank | null {
  return view.players.find(({ id }) => id === player.id)?.tank ?? null;
}

/** A tank that was launched or destroyed between the two is not moved. */
function tankBetween(from: Tank | null, to: Tank | null, part: number): Tank | null {
  if (!from || !to) return part < 1 ? from : to;
  return { ...to, ...poseBetween(from, to, part) };
}

function missilesBetween(from: View, to: View, part: number): Missile[] {
  if (from === to) return [...to.missiles];
  return from.missiles.map((missile) => {
    const later = to.missiles.find(({ id, slot }) => id === missile.id && slot === missile.slot);
    // One that ends in between flies on until then.
    return { ...missile, ...poseBetween(missile, later ?? advance(missile, MISSILE_STEP), part) };
  });
}

function poseBetween(from: Pose, to: Pose, part: number): Pose {
  const turn = ((to.heading - from.heading + 98_304) % 65_536) - 32_768;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part, heading: from.heading + turn * part };
}
