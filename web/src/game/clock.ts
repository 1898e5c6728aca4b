/**
 * When a tick is shown: turns the arrival of frames into a steady clock.
 *
 * Owns the estimate of when tick 0 would have arrived on the fastest way (the least delayed frame of the last seconds), how
 * late frames are against that, and how far behind that others are drawn, so that a late frame is not seen. Reads no clock:
 * times come as arguments, in milliseconds.
 */

/** Length of a tick in milliseconds. */
export const TICK_MS = 20;
const WINDOW_MS = 3000;
/** More frames than come within the window. */
const SAMPLES = 256;
const DELAY_MIN_MS = 30;
const DELAY_MAX_MS = 100;
const DELAY_MOVING_MS = 70;
/** How fast the delay follows jitter and rises before a move: a share of the time that passes. */
const DELAY_SLEW = 0.05;
/** How fast what a move has added goes again, in milliseconds a millisecond: all of it in 5 s. */
const MOVING_DECAY = (DELAY_MOVING_MS - DELAY_MIN_MS) / 5000;
/** Share of frames whose lateness the delay covers. */
const COVERED = 0.98;
/** Share of frames that `jitter` speaks of. */
const JITTER = 0.95;
/** A new owner may keep a later time than the one before: after so many of its frames they alone count. */
const OWNER_FRAMES = 10;
/** Below the first the clock is corrected by 1 %, below the second by 5 %, above at once. */
const SLEW_MS = 20;
const JUMP_MS = 100;
/** With fewer frames than so many it is corrected by 20 %: the first ones come in a burst, or while the page is being built. */
const SETTLED = 50;

export class TickClock {
  /** Rings: when a frame arrived, and that less 20 ms for each tick. */
  private readonly at = new Float64Array(SAMPLES);
  private readonly line = new Float64Array(SAMPLES);
  private first = 0;
  private count = 0;
  /** Frames since the owner changed. */
  private ofOwner = OWNER_FRAMES;
  /** The least of `line` in the window: where the clock goes. */
  private target: number | null = null;
  private offset: number | null = null;
  private delay = 50;
  /** What a coming move asks of the delay. */
  private moving = 0;
  private readAt: number | null = null;
  private readonly lateness = new Uint16Array(256);

  /** 95 of 100 frames are at most so much later than the fastest one, in milliseconds. */
  jitter = 0;
  private covered = 0;

  /** Forgets everything: the owner's clock has started anew, or the game went back. */
  restart(): void {
    this.count = 0;
    this.target = null;
    this.offset = null;
  }

  /** Another owner's frames follow. */
  changeOwner(): void {
    this.ofOwner = 0;
  }

  /** The frame of `tick` arrived at `at`. Says how late it was against the fastest one. */
  arrived(tick: number, at: number): number {
    const line = at - TICK_MS * tick;
    this.ofOwner += 1;
    if (this.ofOwner === OWNER_FRAMES) this.keep(OWNER_FRAMES - 1);
    while (this.count > 0 && (this.count === SAMPLES || at - (this.at[this.first] as number) >= WINDOW_MS)) {
      this.first = (this.first + 1) % SAMPLES;
      this.count -= 1;
    }
    const place = (this.first + this.count) % SAMPLES;
    this.at[place] = at;
    this.line[place] = line;
    this.count += 1;
    this.measure();
    this.offset ??= line;
    return line - (this.target ?? line);
  }

  /** Goes on to `now`; `moving`: the game is about to change its owner, so allow for a late frame. True where time jumped. */
  advance(now: number, moving: boolean): boolean {
    const passed = Math.max(0, now - (this.readAt ?? now));
    this.readAt = Math.max(now, this.readAt ?? now);
    if (this.offset === null || this.target === null) return false;
    this.moving = moving ? DELAY_MOVING_MS : Math.max(0, this.moving - MOVING_DECAY * passed);
    const wanted = Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, TICK_MS + this.covered, this.moving));
    this.delay = towards(this.delay, wanted, DELAY_SLEW * passed);
    const off = Math.abs(this.target - this.offset);
    if (off >= JUMP_MS) {
      this.offset = this.target;
      return true;
    }
    this.offset = towards(this.offset, this.target, (this.count < SETTLED ? 0.2 : off < SLEW_MS ? 0.01 : 0.05) * passed);
    return false;
  }

  /** The tick, with its fraction, whose frame would arrive at `now` on the fastest way. */
  tickAt(now: number): number {
    return (now - (this.offset ?? now)) / TICK_MS;
  }

  /** How far behind that others are drawn. */
  get behind(): number {
    return this.delay;
  }

  /** Only the newest `count` samples stay. */
  private keep(count: number): void {
    const dropped = Math.max(0, this.count - count);
    this.first = (this.first + dropped) % SAMPLES;
    this.count -= dropped;
  }

  private measure(): void {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.count; i++) least = Math.min(least, this.line[(this.first + i) % SAMPLES] as number);
    this.target = least;
    // By whole milliseconds, rounded up: sorting at each frame would be most of the work.
    this.lateness.fill(0);
    for (let i = 0; i < this.count; i++) {
      const late = Math.min(255, Math.ceil((this.line[(this.first + i) % SAMPLES] as number) - least));
      this.lateness[late] = (this.lateness[late] as number) + 1;
    }
    this.jitter = this.within(JITTER);
    this.covered = this.within(COVERED);
  }

  /** The lateness that this share of the frames keeps within. */
  private within(share: number): number {
    const wanted = Math.floor((this.count - 1) * share) + 1;
    let seen = 0;
    for (let late = 0; late < 256; late++) {
      seen += this.lateness[late] as number;
      if (seen >= wanted) return late;
    }
    return 255;
  }
}

/** `from` brought nearer to `to` by at most `by`. */
export function towards(from: number, to: number, by: number): number {
  return from < to ? Math.min(to, from + by) : Math.max(to, from - by);
}
