/**
 * What happened, told when it can be seen.
 *
 * Owns the translation of a frame's events into happenings, and the queue in which they wait until their tick is shown.
 * Invariant: each is told once, in the order in which it happened.
 */
import { type Frame, type GameEvent, NOBODY } from '../protocol/frame';
import { WHOLE_FLIGHT } from './history';
import type { Maze } from './maze';
import { ARMOUR_MAX, TANK_RADIUS, advance, wrap } from './motion';
import type { Happening } from './scene';
import { BLAST_LIFE, BLAST_RADIUS, FLIGHT_STEP, type Blast, type Tank, type View } from './view';
import { tankOf } from './predict';

/** What was to be seen so many ticks ago is not told any more: it came in the burst of a join, or the page was hidden. */
const OLD_TICKS = 15;
/** And no more than so much is kept for somebody who does not ask. */
const MOST = 256;
const HALF_TURN = 32_768;
const INTENSITY: readonly number[] = [0.25, 1, 4];

interface Waiting {
  /** The tick, with its fraction, that shows it. */
  readonly when: number;
  readonly happening: Happening;
}

/** What a frame leads from and to. */
export interface Step {
  readonly before: View;
  readonly view: View;
  readonly maze: Maze;
  /** The slot of the player who looks. */
  readonly own: number | null;
  /** The key of a missile in scenes. */
  readonly key: (missile: number) => number;
}

export class Teller {
  private waiting: Waiting[] = [];
  private told: Happening[] = [];

  /** Notes what happened in a frame; own shots are told by whoever shows them. */
  note(frame: Frame, step: Step): void {
    if (frame.events.length === 0) return;
    const { tick } = step.view;
    const armour = new Map<number, number>();
    for (const event of frame.events) {
      const happening = translate(event, step, armour);
      if (!happening) continue;
      // One's own tank is shown at once; others later.
      if (happening.type === 'launch' && happening.own) this.tell(happening);
      else this.waiting.push({ when: event.type === 'hit' || event.type === 'burst' ? tick - 1 + event.at / WHOLE_FLIGHT : tick, happening });
    }
    // Where no picture is drawn nothing is shown, and nobody asks.
    while (tick - (this.waiting[0]?.when ?? tick) > OLD_TICKS) this.waiting.shift();
  }

  /** Tells something now. */
  tell(happening: Happening): void {
    this.told.push(happening);
    if (this.told.length > MOST) this.told.shift();
  }

  /** What waits and is shown by tick `shown` is told. */
  show(shown: number): void {
    let count = 0;
    while (count < this.waiting.length && (this.waiting[count] as Waiting).when <= shown) count += 1;
    if (count === 0) return;
    for (const { when, happening } of this.waiting.splice(0, count)) if (shown - when < OLD_TICKS) this.tell(happening);
  }

  /** The game went back: what was from `tick` on never was. */
  cut(tick: number): void {
    this.waiting = this.waiting.filter(({ happening }) => happening.tick <= tick);
  }

  /** What was told since the last call. */
  drain(): readonly Happening[] {
    if (this.told.length === 0) return NOTHING;
    const { told } = this;
    this.told = [];
    return told;
  }
}

const NOTHING: readonly Happening[] = [];

function translate(event: GameEvent, step: Step, armours: Map<number, number>): Happening | null {
  const { before, view, maze, own, key } = step;
  const { tick } = view;
  switch (event.type) {
    case 'launch': {
      const at = maze.entries[event.entry];
      return at ? { type: 'launch', tick, slot: event.slot, x: at.x, y: at.y, heading: at.heading, own: event.slot === own } : null;
    }
    case 'shot': {
      const missile = view.missiles.find(({ id }) => id === event.missile);
      if (!missile || event.slot === own) return null;
      return { type: 'shot', tick, slot: event.slot, x: missile.x, y: missile.y, heading: missile.heading, key: key(event.missile), own: false };
    }
    case 'bounce': {
      const missile = view.missiles.find(({ id }) => id === event.missile);
      if (!missile) return null;
      return { type: 'bounce', tick, slot: missile.slot, x: missile.x, y: missile.y, heading: event.heading, key: key(event.missile), own: missile.slot === own };
    }
    case 'burst': {
      const missile = before.missiles.find(({ id }) => id === event.missile);
      if (!missile) return null;
      const { x, y, heading } = advance(missile, FLIGHT_STEP * event.at);
      return { type: 'burst', tick, slot: missile.slot, x, y, heading, own: missile.slot === own };
    }
    case 'hit': {
      const missile = before.missiles.find(({ id }) => id === event.missile);
      if (!missile) return null;
      const { x, y, heading } = advance(missile, FLIGHT_STEP * event.at);
      const damage = lost(armours, event.slot, event.armour, before);
      return { type: 'hit', tick, slot: event.slot, by: missile.slot, x, y, from: wrap(heading + HALF_TURN), damage, armour: event.armour, own: event.slot === own, byOwn: missile.slot === own };
    }
    case 'hurt': {
      const tank = place(step, event.slot);
      if (!tank) return null;
      const blast = cause(before, tank);
      const damage = lost(armours, event.slot, event.armour, before);
      const from = blast ? towards(tank, blast) : 0;
      const by = blast?.slot ?? NOBODY;
      return { type: 'hurt', tick, slot: event.slot, by, x: tank.x, y: tank.y, from, damage, armour: event.armour, own: event.slot === own, byOwn: by === own };
    }
    case 'kill': {
      const at = view.items.find(({ id }) => id === event.item) ?? place(step, event.slot);
      return at ? { type: 'kill', tick, slot: event.slot, by: event.by, x: at.x, y: at.y, own: event.slot === own, byOwn: event.by === own } : null;
    }
    case 'destruct': {
      const at = tankOf(before, event.slot);
      return at ? { type: 'destruct', tick, slot: event.slot, x: at.x, y: at.y, own: event.slot === own } : null;
    }
    case 'pickUp': {
      const at = before.items.find(({ id }) => id === event.item);
      return at ? { type: 'pickUp', tick, slot: event.slot, kind: at.kind, x: at.x, y: at.y, own: event.slot === own } : null;
    }
    case 'roundOver':
      return { type: 'roundOver', tick, winner: event.winner, own: event.winner === own };
    case 'roundStart':
      return { type: 'roundStart', tick, number: view.round.number };
    default:
      return null;
  }
}

/** Where a tank is, or was before it was destroyed. */
function place({ before, view }: Step, slot: number): Tank | null {
  return tankOf(view, slot) ?? tankOf(before, slot);
}

/** Armour that an event has taken. */
function lost(armours: Map<number, number>, slot: number, armour: number, before: View): number {
  const had = armours.get(slot) ?? tankOf(before, slot)?.armour ?? ARMOUR_MAX;
  armours.set(slot, armour);
  return Math.max(0, had - armour);
}

/** Of the blasts that do their damage in this tick, the one that hurts a tank most. */
function cause({ blasts }: View, tank: Tank): Blast | null {
  let found: Blast | null = null;
  let most = 0;
  for (const blast of blasts) {
    if (blast.age + 1 !== (BLAST_LIFE[blast.kind] ?? 0) / 2) continue;
    const reach = (BLAST_RADIUS[blast.kind] ?? 0) + TANK_RADIUS;
    const harm = (INTENSITY[blast.kind] ?? 0) * (1 - Math.hypot(tank.x - blast.x, tank.y - blast.y) / reach);
    if (harm > most) [found, most] = [blast, harm];
  }
  return found;
}

/** The heading from one place to another. */
function towards(from: { x: number; y: number }, to: { x: number; y: number }): number {
  return wrap(Math.round((Math.atan2(to.y - from.y, to.x - from.x) / (2 * Math.PI)) * 65_536));
}
