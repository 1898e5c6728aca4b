/**
 * The world as a client knows it, stepped exactly: a keyframe, then one frame a tick.
 *
 * Owns what a frame means. Draws nothing, keeps no history and does not know which player looks at it. Invariant: after any
 * number of frames a view equals the keyframe that the server would send for that tick.
 */
import type { Hex64 } from '../protocol/bytes';
import { type Frame, type GameEvent, NOBODY } from '../protocol/frame';
import { BLAST, type Blast, type ChatLine, ITEM, type Item, type Keyframe, type Round } from '../protocol/server';

export { BLAST, ITEM, type Blast, type ChatLine, type Item, type Round } from '../protocol/server';
import type { Maze } from './maze';
import { ARMOUR_MAX, MISSILE_STEP, type Pose, RELOAD_TICKS, TANK_RADIUS, advance, freeMotion, stepX, stepY, wrap } from './motion';

export interface Tank extends Pose {
  /** Q14: 16,384 is 1.0. */
  readonly armour: number;
  /** Ticks until it may shoot again. */
  readonly reload: number;
  /** Its missiles bounce once off a wall. */
  readonly bounce: boolean;
}

export interface Player {
  readonly id: Hex64;
  readonly slot: number;
  readonly name: string;
  readonly bot: boolean;
  /** Has a socket, as far as frames tell. */
  readonly connected: boolean;
  readonly score: number;
  readonly deaths: number;
  /** Rounds won. */
  readonly wins: number;
  /** `seq` of the last input consumed. */
  readonly lastSeq: number;
  readonly keys: number;
  readonly tank: Tank | null;
}

export interface Missile extends Pose {
  readonly id: number;
  readonly slot: number;
  /** It has a bounce left. */
  readonly bounce: boolean;
}

/** One tick of a game. Never changes; `step` gives the next one. */
export interface View {
  readonly epoch: Hex64;
  readonly tick: number;
  /** Newest tick known to be safe in the registry. */
  readonly durable: number;
  readonly rules: number;
  readonly moving: boolean;
  readonly registryAway: boolean;
  /** By rising slot. */
  readonly players: readonly Player[];
  readonly missiles: readonly Missile[];
  /** In the order in which they began. */
  readonly blasts: readonly Blast[];
  readonly items: readonly Item[];
  readonly round: Round;
  /** The last lines, oldest first. */
  readonly chat: readonly ChatLine[];
}

/** A frame does not follow on the view: ask for a keyframe. */
export class OutOfStep extends Error {
  override name = 'OutOfStep';
}

/** Ticks that blasts of each kind live. */
export const BLAST_LIFE: readonly number[] = [20, 30, 50];
/** Units in which blasts of each kind do damage: 0.5, 1 and 2.5 u. */
export const BLAST_RADIUS: readonly number[] = [6_400, 12_800, 32_000];
/** Ticks that an item lies. */
const ITEM_TICKS = 500;
/** Armour that a health item gives, in Q14. */
const HEALTH = 16_384;
/** `at` of events counts flights in steps of so many units. */
export const FLIGHT_STEP = 16;
const CHAT_LINES = 16;
/** Most bytes of the names and texts of all lines. */
const CHAT_BYTES = 1_024;

export function fromKeyframe(keyframe: Keyframe): View {
  const { epoch, tick, durable, rules, round, blasts, items, chat } = keyframe;
  return {
    epoch,
    tick,
    durable,
    rules,
    moving: false,
    registryAway: false,
    players: keyframe.players
      .map(({ id, slot, name, bot, connected, score, deaths, wins, lastSeq, keys, tank }) => ({ id, slot, name, bot, connected, score, deaths, wins, lastSeq, keys, tank }))
      .sort((a, b) => a.slot - b.slot),
    missiles: keyframe.missiles,
    blasts,
    items,
    round,
    chat,
  };
}

/** The next tick. Throws `OutOfStep` where the frame is for another one, or names what is not there. */
export function step(view: View, frame: Frame, maze: Maze): View {
  const tick = view.tick + 1;
  if (frame.tickLow !== tick % 256) throw new OutOfStep(`a frame for tick ..${frame.tickLow} came after tick ${view.tick}`);
  const next = new Draft(view, tick);
  const { events } = frame;
  // 1. What comes before all motion.
  for (const event of events) next.before(event, maze);
  // 2. Which keys are held from now on.
  for (const { slot, keys } of frame.inputs) next.press(slot, keys);
  // 3. Tanks: free motion, and what walls and other tanks made of it.
  next.drive();
  for (const { slot, dx, dy, dh } of frame.residuals) next.correct(slot, dx, dy, dh);
  // 4. Missiles fly; those that end or bounce are put where they did so below.
  next.fly(events);
  // 5. What came after, as it happened.
  for (const event of events) next.after(event);
  // 6. Blasts and items grow older.
  next.age();
  return {
    epoch: frame.epoch ?? view.epoch,
    tick,
    durable: frame.lag === 255 ? view.durable : Math.max(view.durable, tick - frame.lag),
    rules: view.rules,
    moving: frame.moving,
    registryAway: frame.registryAway,
    players: next.players,
    missiles: next.missiles,
    blasts: next.blasts,
    items: next.items,
    round: next.round,
    chat: next.chat,
  };
}

type Changing<T> = { -readonly [K in keyof T]: T[K] };

/** A view while a frame makes the next one of it. Records of earlier views are never written to. */
class Draft {
  /** By rising slot; each one new for this tick. */
  readonly players: Changing<Player>[];
  missiles: readonly Missile[];
  blasts: readonly Blast[];
  items: readonly Item[];
  round: Round;
  chat: readonly ChatLine[];
  /** Missiles before their flight, where this tick has some that end or bounce. */
  private unflown: readonly Missile[] = [];

  constructor(
    view: View,
    private readonly tick: number,
  ) {
    this.players = view.players.map((player) => ({ ...player }));
    this.missiles = view.missiles;
    this.blasts = view.blasts;
    this.items = view.items;
    this.round = view.round;
    this.chat = view.chat;
  }

  before(event: GameEvent, maze: Maze): void {
    switch (event.type) {
      case 'roundOver': {
        const winner = this.find(event.winner);
        if (winner) winner.wins += 1;
        for (const player of this.players) player.tank = null;
        this.missiles = [];
        this.blasts = [];
        this.items = [];
        this.round = { number: this.round.number, resting: true, ends: this.tick + event.ticks - 1 };
        break;
      }
      case 'roundStart':
        for (const player of this.players) player.score = player.deaths = 0;
        this.round = { number: this.round.number + 1, resting: false, ends: event.ticks === 0 ? 0 : this.tick + event.ticks - 1 };
        break;
      case 'join': {
        const { slot, player: id, bot, name } = event;
        this.remove(slot);
        this.players.push({ id, slot, name, bot, connected: true, score: 0, deaths: 0, wins: 0, lastSeq: 0, keys: 0, tank: null });
        this.players.sort((a, b) => a.slot - b.slot);
        if (!bot) this.line(slot, name, { type: 'entered' });
        break;
      }
      case 'leave': {
        const { slot, name, bot } = this.player(event.slot);
        if (!bot) this.line(slot, name, { type: 'left' });
        this.remove(slot);
        this.missiles = this.missiles.filter((missile) => missile.slot !== slot);
        this.blasts = this.blasts.map((blast) => (blast.slot === slot ? { ...blast, slot: NOBODY } : blast));
        break;
      }
      case 'rename': {
        const player = this.player(event.slot);
        if (!player.bot) this.line(player.slot, player.name, { type: 'renamed', to: event.name });
        player.name = event.name;
        break;
      }
      case 'chat':
        this.line(event.slot, this.player(event.slot).name, { type: 'said', text: event.text });
        break;
      case 'launch': {
        const at = maze.entries[event.entry];
        if (!at) throw new OutOfStep(`a frame names entry point ${event.entry}, which this maze does not have`);
        this.player(event.slot).tank = { x: at.x, y: at.y, heading: at.heading, armour: ARMOUR_MAX, reload: 0, bounce: false };
        break;
      }
      case 'destruct': {
        const { x, y } = this.end(event.slot);
        this.blast(BLAST.destruct, event.slot, x, y);
        this.item(event.item, event.kind, x, y);
      }
    }
  }

  press(slot: number, keys: readonly number[]): void {
    const player = this.player(slot);
    player.keys = keys.at(-1) ?? player.keys;
    player.lastSeq += keys.length;
    player.connected = true;
  }

  drive(): void {
    for (const player of this.players) {
      const { tank } = player;
      if (tank) player.tank = { ...freeMotion(tank, player.keys), armour: tank.armour, reload: Math.max(0, tank.reload - 1), bounce: tank.bounce };
    }
  }

  correct(slot: number, dx: number, dy: number, dh: number): void {
    const tank = this.tank(slot);
    this.player(slot).tank = { ...tank, x: fold18(tank.x + dx), y: fold18(tank.y + dy), heading: wrap(tank.heading + dh) };
  }

  fly(events: readonly GameEvent[]): void {
    if (events.length > 0) this.unflown = this.missiles;
    this.missiles = this.missiles.map((missile) => flown(missile, MISSILE_STEP));
  }

  after(event: GameEvent): void {
    switch (event.type) {
      case 'hit':
        this.explode(event.missile, event.at);
        this.player(event.slot).tank = { ...this.tank(event.slot), armour: event.armour };
        break;
      case 'burst':
        this.explode(event.missile, event.at);
        break;
      case 'bounce': {
        const before = this.beforeFlight(event.missile);
        const after = { ...flown(before, FLIGHT_STEP * event.at), heading: event.heading, bounce: false };
        this.missiles = this.missiles.map((missile) => (missile.id === event.missile ? after : missile));
        break;
      }
      case 'gone':
        this.beforeFlight(event.missile);
        this.missiles = this.missiles.filter(({ id }) => id !== event.missile);
        break;
      case 'hurt':
        this.player(event.slot).tank = { ...this.tank(event.slot), armour: event.armour };
        break;
      case 'kill': {
        const { x, y } = this.end(event.slot);
        const killer = event.by === event.slot ? undefined : this.find(event.by);
        if (killer) killer.score += 1;
        this.blast(BLAST.tank, event.by, x, y);
        this.item(event.item, event.kind, x, y);
        break;
      }
      case 'pickUp': {
        const item = this.items.find(({ id }) => id === event.item);
        if (!item) throw new OutOfStep(`a frame names item ${event.item}, which does not lie there`);
        const tank = this.tank(event.slot);
        this.items = this.items.filter(({ id }) => id !== event.item);
        this.player(event.slot).tank = item.kind === ITEM.health ? { ...tank, armour: Math.min(ARMOUR_MAX, tank.armour + HEALTH) } : { ...tank, bounce: true };
        break;
      }
      case 'shot': {
        const tank = this.tank(event.slot);
        this.player(event.slot).tank = { ...tank, reload: RELOAD_TICKS };
        this.missiles = [...this.missiles, { id: event.missile, slot: event.slot, ...advance(tank, TANK_RADIUS), bounce: tank.bounce }];
      }
    }
  }

  age(): void {
    if (this.blasts.length > 0) this.blasts = this.blasts.filter(({ kind, age }) => age + 1 < (BLAST_LIFE[kind] ?? 0)).map((blast) => ({ ...blast, age: blast.age + 1 }));
    if (this.items.length > 0) this.items = this.items.filter(({ left }) => left > 1).map((item) => ({ ...item, left: item.left - 1 }));
  }

  private find(slot: number): Changing<Player> | undefined {
    return this.players.find((player) => player.slot === slot);
  }

  private player(slot: number): Changing<Player> {
    const player = this.find(slot);
    if (!player) throw new OutOfStep(`a frame names the empty place ${slot}`);
    return player;
  }

  private tank(slot: number): Tank {
    const { tank } = this.player(slot);
    if (!tank) throw new OutOfStep(`a frame names the tank of place ${slot}, which has none`);
    return tank;
  }

  private remove(slot: number): void {
    const at = this.players.findIndex((player) => player.slot === slot);
    if (at >= 0) this.players.splice(at, 1);
  }

  /** Ends a tank; it is returned. */
  private end(slot: number): Tank {
    const tank = this.tank(slot);
    const player = this.player(slot);
    player.tank = null;
    player.deaths += 1;
    return tank;
  }

  /** A missile as it was before this tick's flight. */
  private beforeFlight(id: number): Missile {
    const missile = this.unflown.find((missile) => missile.id === id);
    if (!missile) throw new OutOfStep(`a frame names missile ${id}, which does not fly`);
    return missile;
  }

  private explode(id: number, at: number): void {
    const before = this.beforeFlight(id);
    const { x, y } = advance(before, FLIGHT_STEP * at);
    this.missiles = this.missiles.filter((missile) => missile.id !== id);
    this.blast(BLAST.missile, before.slot, x, y);
  }

  private blast(kind: number, slot: number, x: number, y: number): void {
    this.blasts = [...this.blasts, { kind, slot, x, y, age: 0 }];
  }

  private item(id: number, kind: number, x: number, y: number): void {
    this.items = [...this.items, { id, kind, x, y, left: ITEM_TICKS }];
  }

  private line(slot: number, name: string, what: ChatLine['what']): void {
    const lines = [...this.chat, { tick: this.tick, slot, name, what }].slice(-CHAT_LINES);
    let bytes = 0;
    let kept = lines.length;
    while (kept > 0) {
      bytes += chatBytes(lines[kept - 1] as ChatLine);
      if (bytes > CHAT_BYTES) break;
      kept -= 1;
    }
    this.chat = lines.slice(kept);
  }
}

const UTF8 = new TextEncoder();

function chatBytes({ name, what }: ChatLine): number {
  const text = what.type === 'said' ? what.text : what.type === 'renamed' ? what.to : '';
  return UTF8.encode(name).length + UTF8.encode(text).length;
}

function flown({ id, slot, x, y, heading, bounce }: Missile, length: number): Missile {
  return { id, slot, x: x + stepX(length, heading), y: y + stepY(length, heading), heading, bounce };
}

/** Is (epoch, tick) of `a` at least that of `b`? Epochs order as text: they have one width. */
export function reaches(a: { epoch: Hex64; tick: number }, b: { epoch: Hex64; tick: number }): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.tick >= b.tick);
}

/** Coordinates travel modulo 2^18. */
function fold18(value: number): number {
  const half = 2 ** 17;
  return ((((value + half) % (2 * half)) + 2 * half) % (2 * half)) - half;
}
