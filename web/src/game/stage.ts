/**
 * What is to be seen at a moment: the own tank where the keys that are on their way will have brought it, everything else
 * a little in the past, where it is known.
 *
 * Owns the clock, the lead by which inputs aim ahead, the prediction of the own tank and its shots, and what is smoothed
 * when things turn out otherwise. Draws nothing, sends nothing and reads no clock.
 */
import { type Frame, NOBODY } from '../protocol/frame';
import type { Input } from '../protocol/client';
import { TICK_MS, TickClock } from './clock';
import { History, between, fly, missileBetween, put } from './history';
import { Lead } from './lead';
import type { Maze } from './maze';
import type { Pose } from './motion';
import { OwnTank } from './own';
import { type Filled, Pool } from './pool';
import { tankIn, tankOf } from './predict';
import type { Actor, Happening, Scene, SceneBlast, SceneItem, SceneMissile, SceneRound } from './scene';
import { type Muzzle, type OwnMissile, OwnShots, VANISH_MS, muzzleOf } from './shots';
import { type Place, Smooth } from './smooth';
import { Teller } from './teller';
import { BLAST_LIFE, BLAST_RADIUS, type Blast, type Missile, type Player, type View } from './view';

/** Without a frame for so long the own tank is not predicted any further. */
const PREDICT_MS = 150;
/** Others go on by their keys for so many ticks after the newest frame, then hold. */
const EXTRAPOLATE_TICKS = 5;

/** Who looks, and what is on its way. */
export interface Looker {
  readonly maze: Maze;
  /** The id of the player; null for a spectator. */
  readonly id: string | null;
  /** Inputs that the newest view does not have, in order. */
  readonly waiting: readonly Input[];
}

/** What is remembered of a drawn tank from one picture to the next. */
interface Drawn extends Place {
  id: string;
  /** The number of the picture. */
  picture: number;
  /** It was the own tank, which is drawn ahead of the others. */
  ahead: boolean;
  readonly smooth: Smooth;
}

/** A missile that was drawn and never was. */
interface Vanishing extends Pose {
  readonly key: number;
  readonly slot: number;
  readonly own: boolean;
  readonly since: number;
}

export class Stage {
  readonly clock = new TickClock();
  private readonly history = new History();
  private readonly own = new OwnTank(this.history);
  private readonly shots = new OwnShots();
  private readonly teller = new Teller();
  private maze: Maze | null = null;
  private id: string | null = null;

  /** When the newest frame arrived. */
  private frameAt = 0;
  /** The others were last drawn at this tick, and belong elsewhere since. */
  private shown = Number.NEGATIVE_INFINITY;
  private broken = false;
  /** The clock has jumped since the last picture. */
  private jumped = false;
  private keys = 0;
  /** Keys of missiles in flight, by id and slot. */
  private missileKeys = new Map<number, number>();
  private readonly muzzles: Muzzle[] = [];

  private picture = 0;
  private readonly drawn: Drawn[] = [];
  private vanishing: Vanishing[] = [];
  private readonly actors = new Pool<Filled<Actor>>(() => ({ x: 0, y: 0, heading: 0, player: null as unknown as Player, armour: 0, reload: 0, bounce: false, own: false, keys: 0, alpha: 1, ghost: null }));
  private readonly missiles = new Pool<Filled<SceneMissile>>(() => ({ x: 0, y: 0, heading: 0, key: 0, slot: 0, bounce: false, own: false, predicted: false, alpha: 1 }));
  private readonly blasts = new Pool<Filled<SceneBlast>>(() => ({ key: 0, kind: 0, slot: 0, x: 0, y: 0, radius: 0, age: 0 }));
  private readonly items = new Pool<Filled<SceneItem>>(() => ({ id: 0, kind: 0, x: 0, y: 0, left: 0 }));
  private readonly round: Filled<SceneRound> = { number: 0, resting: false, left: null };
  private readonly scene: Filled<Scene> = { tick: 0, actors: this.actors.list, missiles: this.missiles.list, blasts: this.blasts.list, items: this.items.list, round: this.round, self: null };

  /** Frames that came too late to be shown in time. */
  framesLate = 0;

  /** Changes where the clock jumps: a ping that was sent before says nothing any more. */
  timeline = 0;

  constructor(readonly lead = new Lead()) {}

  /** Ticks of the own tank that were predicted, and what came of them. */
  get counts(): OwnTank['counts'] {
    return this.own.counts;
  }

  private get slot(): number | null {
    return this.own.slot;
  }

  /** Own shots shown before a frame told of them, and those that never came. */
  get shotCounts(): { readonly predicted: number; readonly vanished: number } {
    return this.shots.counts;
  }

  /** The tick that an input noted at `now` aims at: the one that the own tank is just being drawn on its way to. */
  aim(now: number): number {
    this.advance(now);
    const newest = this.history.newest?.tick ?? 0;
    return Math.max(newest + 1, Math.floor(this.ownTick(now)) + 1);
  }

  /** How far, in ticks, the tick that `aim` gives is ahead of the moment aimed at. */
  ahead(now: number): number {
    return this.aim(now) - this.ownTick(now);
  }

  /**
   * A new world, which arrived at `at` and is handled at `now`. `frame` leads to it from the newest one here; null: it
   * stands for itself.
   */
  add(view: View, frame: Frame | null, looker: Looker, at: number, now: number): void {
    const before = this.history.newest;
    if (before?.tick === view.tick && before.epoch === view.epoch) {
      // The same world on another socket.
      this.history.replace(view);
      this.own.predict(looker.maze, looker.waiting);
      return;
    }
    this.advance(now);
    const drawn = this.own.note(this.ownTick(now), now);
    const follows = frame !== null && before !== null && view.tick === before.tick + 1;
    if (before && !follows) this.fadeMissing(view, now);
    if (before && view.tick <= before.tick) this.goBack(view.tick);
    if (frame?.reanchor || frame?.rewind) this.restartClock();
    if (before && view.epoch !== before.epoch) {
      this.clock.changeOwner();
      this.lead.restart();
    }
    // Others were drawn beyond what was known.
    if (before && this.shown > before.tick) this.broken = true;
    if (before && !follows) this.broken = true;
    if (follows) this.own.compare(view);

    if (this.clock.arrived(view.tick, at) > this.clock.behind) this.framesLate += 1;
    this.lead.jitter = this.clock.jitter;
    this.frameAt = at;
    this.history.add(view, frame);
    this.maze = looker.maze;
    this.id = looker.id;
    this.own.slot = view.players.find(({ id }) => id === looker.id)?.slot ?? null;
    if (follows) this.follow(frame, before, view, looker.maze, now);
    else this.nameMissiles(before, view);
    if (this.slot === null) this.shots.clear(now);
    else this.shots.compare(view, this.slot, now);
    if (!tankOf(view, this.slot)) this.own.forget();
    this.own.predict(looker.maze, looker.waiting);
    if (drawn) this.own.correct(this.ownTick(now), now, true);
  }

  /** A ping came back, see `Lead.ponged`: the own tank is shown at another tick from now on. */
  ponged(lead: number, ahead: number, slack: number, now: number): void {
    this.advance(now);
    const drawn = this.own.note(this.ownTick(now), now);
    this.lead.ponged(lead, ahead, slack);
    if (drawn) this.own.correct(this.ownTick(now), now, false);
  }

  /** The inputs on their way are others than before. */
  pressed(looker: Looker, now: number): void {
    this.advance(now);
    const drawn = this.own.note(this.ownTick(now), now);
    this.own.predict(looker.maze, looker.waiting);
    if (drawn) this.own.correct(this.ownTick(now), now, false);
  }

  /** The scene at `now`; `self` is the id of the player who looks. */
  at(now: number, self: string | null): Scene {
    const { scene, history } = this;
    const { newest } = history;
    this.actors.clear();
    this.missiles.clear();
    this.blasts.clear();
    this.items.clear();
    scene.self = null;
    this.picture += 1;
    if (!newest) return scene;
    this.advance(now);
    const shown = Math.min(this.clock.tickAt(now - this.clock.behind), newest.tick + EXTRAPOLATE_TICKS);
    scene.tick = shown;
    this.shoot(now);
    this.drawOthers(newest, shown, self, now);
    this.drawOwn(newest, shown, self, now);
    this.actors.list.sort((a, b) => a.player.slot - b.player.slot);
    this.drawMissiles(newest, shown, now);
    this.drawBlasts(shown);
    this.drawItems(shown);
    this.drawRound(shown);
    this.teller.show(shown);
    this.shown = shown;
    this.broken = this.jumped = false;
    return scene;
  }

  /** What became visible since the last call, in order. */
  happenings(): readonly Happening[] {
    return this.teller.drain();
  }

  private advance(now: number): void {
    if (this.clock.advance(now, this.history.newest?.moving ?? false)) {
      this.broken = this.jumped = true;
      this.timeline += 1;
    }
    this.lead.advance(now);
  }

  private restartClock(): void {
    this.clock.restart();
    this.broken = true;
    this.timeline += 1;
  }

  /** The tick, with its fraction, at which the own tank is drawn. */
  private ownTick(now: number): number {
    return this.clock.tickAt(Math.min(now, this.frameAt + PREDICT_MS)) + this.lead.ms / TICK_MS;
  }

  /** Missiles that were drawn and are not in a world that does not follow on what was drawn. */
  private fadeMissing(view: View, now: number): void {
    for (const { key, slot, x, y, heading, own } of this.missiles.list) {
      if (view.missiles.some((missile) => missile.slot === slot && this.keyOf(missile) === key)) continue;
      if (this.shots.flying.some((missile) => missile.key === key) || this.vanishing.some((missile) => missile.key === key)) continue;
      this.vanishing.push({ key, slot, x, y, heading, own, since: now });
    }
  }

  private goBack(tick: number): void {
    this.history.cut(tick);
    this.teller.cut(tick);
    this.own.goBack();
    this.restartClock();
  }

  /** Takes over what a frame tells besides the world. */
  private follow(frame: Frame, before: View, view: View, maze: Maze, now: number): void {
    const { tick } = view;
    for (const event of frame.events) {
      switch (event.type) {
        case 'shot': {
          const missile = view.missiles.find(({ id }) => id === event.missile);
          if (!missile) break;
          if (event.slot === this.slot) {
            const told = this.shots.told(event.missile, { ...missile, tick }, this.newKey, maze, now);
            this.missileKeys.set(nameOf(missile), told.missile.key);
            if (!told.known) this.tellShot(told.missile);
          } else this.missileKeys.set(nameOf(missile), this.newKey());
          break;
        }
        case 'hit':
        case 'burst': {
          const missile = before.missiles.find(({ id }) => id === event.missile);
          if (missile && missile.slot === this.slot) this.shots.ended(event.missile, tick - 1 + event.at / 160);
          break;
        }
        case 'gone':
          this.shots.ended(event.missile, tick);
          break;
        case 'bounce': {
          const missile = view.missiles.find(({ id }) => id === event.missile);
          if (missile && missile.slot === this.slot) this.shots.bounced(event.missile, { ...missile, tick }, maze);
        }
      }
    }
    this.teller.note(frame, { before, view, maze, own: this.slot, key: (id) => this.missileKeys.get(nameOf({ id, slot: slotOf(view, before, id) })) ?? 0 });
  }

  /** After a world that stands for itself: missiles that were known keep their keys. */
  private nameMissiles(before: View | null, view: View): void {
    const known = new Set(before?.missiles.map(nameOf));
    for (const missile of view.missiles) if (!known.has(nameOf(missile)) || !this.missileKeys.has(nameOf(missile))) this.missileKeys.set(nameOf(missile), this.newKey());
  }

  private readonly newKey = (): number => this.keys++;

  private keyOf(missile: Missile): number {
    return this.missileKeys.get(nameOf(missile)) ?? 0;
  }

  /** Shows own shots as soon as the own tank is on its way to their tick. */
  private shoot(now: number): void {
    const { newest } = this.history;
    if (!newest || !this.maze) return;
    this.muzzles.length = 0;
    const bounce = tankOf(newest, this.slot)?.bounce ?? false;
    const to = Math.ceil(this.ownTick(now));
    // One that was shown stays as long as it is still to come, even when the clock has been set back a little.
    for (let tick = newest.tick + 1; tick <= to + 2; tick++) {
      const ahead = this.own.ahead(tick);
      if (!ahead?.shoots) continue;
      if (tick > to && this.muzzles.length >= this.shots.open) break;
      const tank = tankIn(ahead, this.slot);
      if (tank) this.muzzles.push(muzzleOf(tank, tick, bounce));
    }
    this.shots.predict(this.muzzles, this.newKey, this.maze, now, this.tellShot);
  }

  private readonly tellShot = ({ key, legs }: OwnMissile): void => {
    const [muzzle] = legs;
    if (muzzle && this.slot !== null) this.teller.tell({ type: 'shot', tick: muzzle.tick, slot: this.slot, x: muzzle.x, y: muzzle.y, heading: muzzle.heading, key, own: true });
  };

  private drawOthers(newest: View, shown: number, self: string | null, now: number): void {
    const from = this.history.at(shown).view;
    const part = Math.max(0, shown - from.tick);
    const next = shown >= newest.tick ? null : this.history.at(from.tick + 1).view;
    for (const player of from.players) {
      const { tank } = player;
      if (!tank || (player.id === self && tankOf(newest, player.slot))) continue;
      const actor = this.actors.next();
      actor.player = newest.players.find(({ id }) => id === player.id) ?? player;
      actor.armour = tank.armour;
      actor.reload = tank.reload;
      actor.bounce = tank.bounce;
      actor.keys = player.keys;
      actor.own = player.id === self;
      const drawn = this.drawnOf(player);
      if (next) between(actor, tank, tankWith(next, player) ?? tank, part);
      else if (part > 0) this.extrapolate(actor, player.slot, newest, shown);
      else put(actor, tank);
      // The own tank that is still to explode goes from where it was predicted to where it will.
      const elsewhere = this.broken || (actor.own && drawn.ahead);
      if (elsewhere && drawn.picture === this.picture - 1) drawn.smooth.correct(drawn, actor, now);
      drawn.smooth.apply(actor, now);
      this.remember(drawn, actor, now, drawn.smooth);
    }
  }

  private drawOwn(newest: View, shown: number, self: string | null, now: number): void {
    const player = self === null || self !== this.id ? undefined : newest.players.find(({ id }) => id === self);
    if (!player?.tank) return;
    const tick = this.ownTick(now);
    const { smooth } = this.own;
    const actor = this.actors.next();
    if (!this.own.pose(actor, tick)) {
      this.actors.drop();
      return;
    }
    const drawn = this.drawnOf(player);
    if (this.jumped && drawn.picture === this.picture - 1) smooth.correct(drawn, actor, now);
    smooth.apply(actor, now);
    // What was done to it is shown when everybody sees it done.
    const seen = tankWith(this.history.at(shown).view, player) ?? player.tank;
    const ahead = this.own.ahead(Math.ceil(tick));
    actor.player = player;
    actor.armour = seen.armour;
    actor.reload = ahead ? (ahead.shoots ? ahead.reload : Math.max(0, ahead.reload + Math.ceil(tick) - tick)) : player.tank.reload;
    actor.bounce = player.tank.bounce;
    actor.keys = ahead?.keys ?? player.keys;
    actor.own = true;
    this.remember(drawn, actor, now, smooth);
    drawn.ahead = true;
    this.scene.self = actor;
  }

  private extrapolate(place: Place, slot: number, newest: View, shown: number): void {
    const whole = Math.floor(shown);
    const from = whole === newest.tick ? tankOf(newest, slot) : this.aheadOf(slot, whole);
    const to = this.aheadOf(slot, whole + 1) ?? from;
    if (from && to) between(place, from, to, shown - whole);
  }

  private aheadOf(slot: number, tick: number): Pose | null {
    const ahead = this.own.ahead(tick);
    return ahead && tankIn(ahead, slot);
  }

  private drawnOf({ slot, id }: Player): Drawn {
    const drawn = (this.drawn[slot] ??= { id, picture: 0, ahead: false, smooth: new Smooth(), x: 0, y: 0, heading: 0 });
    if (drawn.id !== id) {
      drawn.id = id;
      drawn.picture = 0;
      drawn.smooth.forget();
    }
    return drawn;
  }

  private remember(drawn: Drawn, actor: Filled<Actor>, now: number, smooth: Smooth): void {
    drawn.picture = this.picture;
    drawn.ahead = false;
    put(drawn, actor);
    actor.alpha = smooth.alpha(now);
    actor.ghost = smooth.ghost(now);
  }

  private drawMissiles(newest: View, shown: number, now: number): void {
    const from = this.history.at(shown);
    const part = Math.max(0, shown - from.view.tick);
    const next = shown >= newest.tick ? null : this.history.at(from.view.tick + 1);
    this.shots.draw(now, this.ownTick(now), shown);
    for (const missile of from.view.missiles) {
      const key = this.keyOf(missile);
      if (missile.slot === this.slot && this.isOwn(key)) continue;
      const drawn = this.missiles.next();
      if (next && !missileBetween(drawn, missile, next, part)) {
        this.missiles.drop();
        continue;
      }
      if (!next) fly(drawn, missile, part);
      this.describe(drawn, key, missile.slot, missile.bounce, 1, false);
    }
    for (const missile of this.shots.flying) {
      const drawn = this.missiles.next();
      put(drawn, missile);
      const alpha = missile.vanishedAt === null ? 1 : 1 - (now - missile.vanishedAt) / VANISH_MS;
      this.describe(drawn, missile.key, this.slot ?? NOBODY, missile.bounce, Math.max(0, alpha), missile.id === null);
    }
    if (this.vanishing.length > 0) this.vanishing = this.vanishing.filter(({ since }) => now - since < VANISH_MS);
    for (const missile of this.vanishing) {
      const drawn = this.missiles.next();
      put(drawn, missile);
      this.describe(drawn, missile.key, missile.slot, false, 1 - (now - missile.since) / VANISH_MS, false);
    }
  }

  private isOwn(key: number): boolean {
    for (const missile of this.shots.flying) if (missile.key === key) return true;
    return false;
  }

  private describe(drawn: Filled<SceneMissile>, key: number, slot: number, bounce: boolean, alpha: number, predicted: boolean): void {
    drawn.key = key;
    drawn.slot = slot;
    drawn.bounce = bounce;
    drawn.own = slot === this.slot;
    drawn.predicted = predicted;
    drawn.alpha = alpha;
  }

  private drawBlasts(shown: number): void {
    const { view } = this.history.at(Math.ceil(shown));
    const early = view.tick - shown;
    for (let i = 0; i < view.blasts.length; i++) {
      const blast = view.blasts[i] as Blast;
      const life = BLAST_LIFE[blast.kind] ?? 1;
      const drawn = this.blasts.next();
      // In the order in which they began, so two of one kind and tick are told apart by their place among each other.
      let twin = 0;
      for (let j = i - 1; j >= 0; j--) {
        const other = view.blasts[j] as Blast;
        if (other.kind === blast.kind && other.age === blast.age) twin += 1;
      }
      drawn.key = ((view.tick - blast.age) * 3 + blast.kind) * 64 + twin;
      drawn.kind = blast.kind;
      drawn.slot = blast.slot;
      drawn.x = blast.x;
      drawn.y = blast.y;
      drawn.radius = BLAST_RADIUS[blast.kind] ?? 0;
      drawn.age = Math.min(1, Math.max(0, (blast.age - early) / life));
    }
  }

  private drawItems(shown: number): void {
    const { view } = this.history.at(shown);
    for (const { id, kind, x, y, left } of view.items) {
      const drawn = this.items.next();
      drawn.id = id;
      drawn.kind = kind;
      drawn.x = x;
      drawn.y = y;
      drawn.left = Math.max(0, ((left - (shown - view.tick)) * TICK_MS) / 1000);
    }
  }

  private drawRound(shown: number): void {
    const { number, resting, ends } = this.history.at(shown).view.round;
    this.round.number = number;
    this.round.resting = resting;
    this.round.left = ends === 0 ? null : Math.max(0, ((ends - shown) * TICK_MS) / 1000);
  }
}

function tankWith({ players }: View, { id, slot }: Player): Player['tank'] {
  for (const player of players) if (player.slot === slot) return player.id === id ? player.tank : null;
  return null;
}

/** Ids of missiles are bytes. */
function nameOf({ id, slot }: { readonly id: number; readonly slot: number }): number {
  return slot * 256 + id;
}

function slotOf(view: View, before: View, id: number): number {
  return (view.missiles.find((missile) => missile.id === id) ?? before.missiles.find((missile) => missile.id === id))?.slot ?? NOBODY;
}
