/**
 * What a player notices of a game's moves: which owner ran it when, and the longest pause around each change.
 *
 * Owns the list of changes. Reads no clock.
 */
import { TICK_MS } from '../game/clock';
import type { Move } from '../game/scene';
import type { View } from '../game/view';
import type { Frame } from '../protocol/frame';
import type { Host } from '../protocol/server';

/** Changes that are remembered for the page. */
const KEPT = 20;
/** After a longer pause without a word before it the owner had crashed. */
const PLANNED_MS = 250;
/** A pause so long before or after a change belongs to it, in milliseconds. */
const AROUND_MS = 500;

export class Moves {
  /** Oldest first. */
  moves: readonly Move[] = [];
  readonly counts = { handOvers: 0, takeOvers: 0, rewinds: 0, rewoundMs: 0, skipped: 0 };
  /** Longest pause between two frames around the last change. */
  lastGapMs = 0;

  /** When frames came, and after which pause, of late. */
  private pauses: { readonly at: number; readonly ms: number }[] = [];
  private host: Host | null = null;

  /**
   * `view` is shown after `shown`; it arrived at `at`. `frame` leads to it; where there is none, `resumed` says whether another
   * socket brought it. True where that has changed `moves`.
   */
  shown(shown: View | null, view: View, frame: Frame | null, resumed: boolean, at: number): boolean {
    if (!shown) {
      this.pauses = [{ at, ms: 0 }];
      return false;
    }
    if (view.tick === shown.tick && view.epoch === shown.epoch) return false;
    const ms = Math.max(0, at - (this.pauses.at(-1)?.at ?? at));
    while (at - (this.pauses[0]?.at ?? at) > AROUND_MS) this.pauses.shift();
    this.pauses.push({ at, ms });
    const rewound = Math.max(0, shown.tick + 1 - view.tick);
    if (rewound > 0) {
      this.counts.rewinds += 1;
      this.counts.rewoundMs += rewound * TICK_MS;
    } else if (!frame) this.counts.skipped += view.tick - shown.tick - 1;
    if (view.epoch === shown.epoch) return this.pauseAfter(at, ms);
    // After a planned move the first frame follows the last one before it, soon; a crash leaves a rewind, a hole, or a pause.
    // Frames may say that a move is near, but a quick one leaves no time for that.
    const announced = shown.moving || view.moving;
    const planned = rewound === 0 && (announced || (frame === null ? resumed : ms < PLANNED_MS));
    const kind: Move['kind'] = planned ? 'handOver' : 'takeOver';
    this.counts[kind === 'handOver' ? 'handOvers' : 'takeOvers'] += 1;
    this.lastGapMs = Math.max(...this.pauses.map((pause) => pause.ms));
    const from = this.host?.epoch === shown.epoch ? this.host.ownerName : '';
    const to = this.host?.epoch === view.epoch ? this.host.ownerName : '';
    this.moves = [...this.moves, { epoch: view.epoch, tick: view.tick, kind, from, to, gapMs: this.lastGapMs, rewoundMs: rewound * TICK_MS, at }].slice(-KEPT);
    return true;
  }

  /** The server has said who runs the game. */
  named(host: Host): void {
    this.host = host;
    const named = (move: Move): Move => (move.epoch === host.epoch && move.to === '' ? { ...move, to: host.ownerName } : move);
    if (this.moves.some((move) => named(move) !== move)) this.moves = this.moves.map(named);
  }

  /** A pause soon after a change is a part of it. */
  private pauseAfter(at: number, ms: number): boolean {
    const last = this.moves.at(-1);
    if (!last || at - last.at > AROUND_MS || ms <= last.gapMs) return false;
    this.lastGapMs = ms;
    this.moves = [...this.moves.slice(0, -1), { ...last, gapMs: ms }];
    return true;
  }
}
