/**
 * The own tank: where it is drawn at a tick that may still be to come, and what is done when it turns out otherwise.
 *
 * Owns the prediction, what of it has been shown, and the smoothing of corrections. Knows no time but ticks, and the moments
 * that it is given.
 */
import type { Input } from '../protocol/client';
import { type History, between, put } from './history';
import type { Maze } from './maze';
import { type Pose, UNIT } from './motion';
import { type Ahead, Prediction, tankIn, tankOf } from './predict';
import { type Place, Smooth } from './smooth';
import type { View } from './view';

/** Ticks of which what was shown is kept until a frame comes: more than are predicted. */
const KEPT = 64;
/** A correction that can be seen: 0.25 u. */
const VISIBLE = UNIT / 4;

export class OwnTank {
  /** The slot of the player who looks; null for a spectator. */
  slot: number | null = null;
  readonly smooth = new Smooth();
  /** Ticks that were predicted and then compared, those that differed, and corrections that can be seen. */
  readonly counts = { predicted: 0, mispredicted: 0, jumps: 0 };

  private readonly prediction = new Prediction();
  /** What was shown, by tick. */
  private readonly shown = Array.from({ length: KEPT }, () => ({ tick: 0, x: 0, y: 0, heading: 0 }));
  private shownTo = 0;
  /** Where it was drawn when last noted, and where that would have been without smoothing. */
  private readonly drawn: Place = { x: 0, y: 0, heading: 0 };
  private readonly bare: Place = { x: 0, y: 0, heading: 0 };
  private readonly now: Place = { x: 0, y: 0, heading: 0 };

  constructor(private readonly history: History) {}

  /** Predicts anew from the newest view, with the inputs that it does not have yet. */
  predict(maze: Maze, waiting: readonly Input[]): void {
    const { newest } = this.history;
    if (newest) this.prediction.start(newest, maze, this.slot, waiting);
  }

  /** The predicted world of a tick after the newest view. */
  ahead(tick: number): Ahead | null {
    return this.prediction.at(tick);
  }

  /** Puts the tank at a tick, where it belongs, into `place`. False where there is none. */
  pose(place: Place, tick: number): boolean {
    const whole = Math.floor(tick);
    const from = this.at(whole);
    const to = this.at(whole + 1) ?? from;
    if (!to) return false;
    between(place, from ?? to, to, tick - whole);
    return true;
  }

  /** Before anything changes: notes what has been shown by `tick`, which is drawn at `now`. False where there is no tank. */
  note(tick: number, now: number): boolean {
    const { newest } = this.history;
    if (!newest) return false;
    for (let of = Math.max(this.shownTo, newest.tick) + 1; of <= Math.floor(tick); of++) {
      const ahead = this.prediction.at(of);
      const tank = ahead && tankIn(ahead, this.slot);
      if (!tank) break;
      const kept = this.keptAt(of);
      kept.tick = of;
      put(kept, tank);
      this.shownTo = of;
    }
    if (!this.pose(this.bare, tick)) return false;
    put(this.drawn, this.bare);
    this.smooth.apply(this.drawn, now);
    return true;
  }

  /** Compares what was shown for a tick, or would have been, with what it is. */
  compare(view: View): void {
    const tank = tankOf(view, this.slot);
    const kept = this.keptAt(view.tick);
    const ahead = this.prediction.at(view.tick);
    const predicted = kept.tick === view.tick ? kept : ahead && tankIn(ahead, this.slot);
    if (!tank || !predicted) return;
    this.counts.predicted += 1;
    if (tank.x !== predicted.x || tank.y !== predicted.y || tank.heading !== predicted.heading) this.counts.mispredicted += 1;
  }

  /** After something has changed since `note`: the tank goes softly to where it belongs. `mistake`: it was wrong before. */
  correct(tick: number, now: number, mistake: boolean): void {
    if (!this.pose(this.now, tick)) return;
    const { bare, now: here } = this;
    if (bare.x === here.x && bare.y === here.y && bare.heading === here.heading) return;
    if (mistake && Math.hypot(bare.x - here.x, bare.y - here.y) > VISIBLE) this.counts.jumps += 1;
    this.smooth.correct(this.drawn, here, now);
  }

  /** What was shown never was. */
  goBack(): void {
    this.shownTo = 0;
    for (const kept of this.shown) kept.tick = 0;
  }

  /** There is none: the next one has nothing to do with it. */
  forget(): void {
    this.smooth.forget();
    this.goBack();
  }

  private keptAt(tick: number): Place & { tick: number } {
    return this.shown[tick % KEPT] as Place & { tick: number };
  }

  private at(tick: number): Pose | null {
    const { newest } = this.history;
    if (!newest || this.slot === null || !tankOf(newest, this.slot)) return null;
    if (tick <= newest.tick) return tankOf(this.history.at(tick).view, this.slot);
    const ahead = this.prediction.at(tick);
    return ahead && tankIn(ahead, this.slot);
  }
}
