/**
 * How smoothly the page shows the game.
 *
 * Owns the counters of pictures and of the time between frames of the game. Reads no clock.
 */

const KEPT = 300;
/** A picture that took more than so many usual intervals was missed at least once. */
const MISSED = 1.5;

/** Pictures: how many a second, how long each took to make, how many did not come in time. */
export class PictureMeter {
  private readonly intervals = new Float32Array(KEPT);
  private readonly works = new Float32Array(KEPT);
  private readonly sorted = new Float32Array(KEPT);
  private noted = 0;
  private last: number | null = null;
  private usual = 1000 / 60;
  shown = 0;
  dropped = 0;

  /** A picture was begun at `at` (milliseconds) and took `work` to make. */
  note(at: number, work: number): void {
    const interval = this.last === null ? null : at - this.last;
    this.last = at;
    this.shown += 1;
    // A hidden page shows nothing: that is no drop.
    if (interval === null || interval > 1000) return;
    this.intervals[this.noted % KEPT] = interval;
    this.works[this.noted % KEPT] = work;
    this.noted += 1;
    if (this.noted % 60 === 0) this.usual = this.percentile(this.intervals, 0.5);
    if (this.noted >= 60 && interval > this.usual * MISSED) this.dropped += Math.round(interval / this.usual) - 1;
  }

  /** The page was hidden, or stood still for a reason of its own. */
  pause(): void {
    this.last = null;
  }

  get fps(): number {
    const count = Math.min(this.noted, 60);
    let sum = 0;
    for (let i = 1; i <= count; i += 1) sum += this.intervals[(this.noted - i + KEPT) % KEPT] as number;
    return sum > 0 ? (count * 1000) / sum : 0;
  }

  /** The 95th percentile of the last pictures' work, in milliseconds. */
  get workP95(): number {
    return this.percentile(this.works, 0.95);
  }

  private percentile(of: Float32Array, part: number): number {
    const count = Math.min(this.noted, KEPT);
    if (count === 0) return 0;
    const some = this.sorted.subarray(0, count);
    some.set(of.subarray(0, count));
    some.sort();
    return some[Math.min(count - 1, Math.floor(count * part))] as number;
  }
}

/** Length and width of the line of gaps. */
export const GAP_SECONDS = 30;
export const GAP_BUCKETS = 120;
const BUCKET_MS = (GAP_SECONDS * 1000) / GAP_BUCKETS;

/** The longest time between two frames of the game, for each quarter of a second of the last 30 s. */
export class GapHistory {
  private readonly worst = new Float32Array(GAP_BUCKETS);
  private bucket = 0;
  private frames = 0;
  private frameAt: number | null = null;

  /** At `now` so many frames have come, the last one at `frameAt`. */
  note(now: number, frames: number, frameAt: number | null): void {
    this.advance(now);
    if (frameAt === null) return;
    const place = this.bucket % GAP_BUCKETS;
    if (this.frameAt === null || frameAt === this.frameAt) {
      // Silence counts while it lasts.
      if (this.frameAt !== null) this.worst[place] = Math.max(this.worst[place] as number, now - this.frameAt);
    } else {
      // Several that came between two pictures share the time.
      const came = Math.max(1, frames - this.frames);
      this.worst[place] = Math.max(this.worst[place] as number, (frameAt - this.frameAt) / came);
    }
    this.frames = frames;
    this.frameAt = frameAt;
  }

  /** Milliseconds, oldest first; 0 where nothing is known. */
  values(now: number): number[] {
    this.advance(now);
    return Array.from({ length: GAP_BUCKETS }, (_, i) => this.worst[(this.bucket + 1 + i) % GAP_BUCKETS] as number);
  }

  private advance(now: number): void {
    const bucket = Math.floor(now / BUCKET_MS);
    if (this.bucket === 0 || bucket - this.bucket > GAP_BUCKETS) this.bucket = bucket - GAP_BUCKETS;
    while (this.bucket < bucket) {
      this.bucket += 1;
      this.worst[this.bucket % GAP_BUCKETS] = 0;
    }
  }
}
