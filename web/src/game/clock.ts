/**
 * When a tick is shown: turns the arrival of frames into a steady clock.
 *
 * Owns the estimate of when tick 0 would have arrived on the fastest way (the least delayed frame of the last seconds) and how
 * far behind that things are drawn, so that a late frame is not seen. Reads no clock: times come as arguments, in milliseconds.
 */

/** Length of a tick in milliseconds. */
export const TICK_MS = 20;
const WINDOW_MS = 3000;
const DELAY_MIN_MS = 30;
const DELAY_MAX_MS = 100;
const DELAY_MOVING_MS = 70;
/** How fast the delay changes: a share of the time that passes. */
const DELAY_SLEW = 0.05;
/** Share of frames whose lateness the delay covers. */
const COVERED = 0.98;

export class TickClock {
  /** (arrival, arrival - 20 ms x tick) of the frames in the window. */
  private samples: { readonly at: number; readonly offset: number }[] = [];
  private offset: number | null = null;
  private delay = 50;
  private readAt: number | null = null;

  /** Forgets everything: the owner's clock has started anew, or the game went back. */
  restart(): void {
    this.samples = [];
    this.offset = null;
  }

  /** The frame of `tick` arrived at `at`. */
  arrived(tick: number, at: number): void {
    this.samples = [...this.samples.filter((sample) => at - sample.at < WINDOW_MS), { at, offset: at - TICK_MS * tick }];
    this.offset ??= at - TICK_MS * tick;
  }

  /** Goes on to `now`; `moving`: the game is about to change its owner, so allow for a late frame. */
  advance(now: number, moving: boolean): void {
    const passed = Math.max(0, now - (this.readAt ?? now));
    this.readAt = now;
    const target = this.samples.reduce((least, { offset }) => Math.min(least, offset), Number.POSITIVE_INFINITY);
    if (this.offset === null || target === Number.POSITIVE_INFINITY) return;
    const off = target - this.offset;
    const rate = Math.abs(off) < 20 ? 0.01 : Math.abs(off) < 100 ? 0.05 : Number.POSITIVE_INFINITY;
    this.offset += Math.sign(off) * Math.min(Math.abs(off), rate === Number.POSITIVE_INFINITY ? Math.abs(off) : rate * passed);

    const late = this.samples.map(({ offset }) => offset - target).sort((a, b) => a - b);
    const covered = late[Math.floor((late.length - 1) * COVERED)] ?? 0;
    const wanted = Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, TICK_MS + covered, moving ? DELAY_MOVING_MS : 0));
    const change = wanted - this.delay;
    this.delay += Math.sign(change) * Math.min(Math.abs(change), DELAY_SLEW * passed);
  }

  /** The tick, with its fraction, that is shown at `now` so many milliseconds behind the newest. */
  tickAt(now: number, behind: number): number {
    return (now - behind - (this.offset ?? now)) / TICK_MS;
  }

  /** How far in the past others are drawn. */
  get behind(): number {
    return this.delay;
  }
}
