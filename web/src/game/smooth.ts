/**
 * Corrections that do not jump: what is drawn is brought from where it was drawn to where it belongs.
 *
 * Owns the offset of one thing. Small ones fade with a half-life; wide ones are cross-faded, because a tank that glides
 * through walls looks worse than one that appears. Reads no clock.
 */
import { type Pose, UNIT } from './motion';

const HALF_LIFE_MS = 50;
const WIDE = UNIT;
const FADE_MS = 150;

/** A pose that is written to. */
export interface Place {
  x: number;
  y: number;
  heading: number;
}

export class Smooth {
  private dx = 0;
  private dy = 0;
  private dh = 0;
  private at = 0;
  private fadedAt = Number.NEGATIVE_INFINITY;
  private readonly old = { x: 0, y: 0, heading: 0, alpha: 0 };

  /** It was drawn at `from` (offset included), and belongs to `to`. */
  correct(from: Pose, to: Pose, now: number): void {
    this.at = now;
    if ((from.x - to.x) ** 2 + (from.y - to.y) ** 2 > WIDE ** 2) {
      this.old.x = from.x;
      this.old.y = from.y;
      this.old.heading = from.heading;
      this.fadedAt = now;
      this.dx = this.dy = this.dh = 0;
      return;
    }
    this.dx = from.x - to.x;
    this.dy = from.y - to.y;
    this.dh = turn(to.heading, from.heading);
  }

  /** Moves a pose from where it belongs to where it is drawn. */
  apply(pose: Place, now: number): void {
    if (this.dx === 0 && this.dy === 0 && this.dh === 0) return;
    const left = 0.5 ** (Math.max(0, now - this.at) / HALF_LIFE_MS);
    this.at = Math.max(now, this.at);
    this.dx = faded(this.dx * left);
    this.dy = faded(this.dy * left);
    this.dh = faded(this.dh * left);
    pose.x += this.dx;
    pose.y += this.dy;
    pose.heading += this.dh;
  }

  /** How much it is there, where it belongs. */
  alpha(now: number): number {
    return Math.min(1, Math.max(0, (now - this.fadedAt) / FADE_MS));
  }

  /** Where it was before, while it fades. */
  ghost(now: number): { readonly x: number; readonly y: number; readonly heading: number; readonly alpha: number } | null {
    const alpha = 1 - this.alpha(now);
    if (alpha <= 0) return null;
    this.old.alpha = alpha;
    return this.old;
  }

  /** It is another thing now. */
  forget(): void {
    this.dx = this.dy = this.dh = 0;
    this.fadedAt = Number.NEGATIVE_INFINITY;
  }
}

/** The shorter way from one heading to another. */
export function turn(from: number, to: number): number {
  return ((((to - from) % 65_536) + 98_304) % 65_536) - 32_768;
}

/** Below what can be seen it is over. */
function faded(offset: number): number {
  return Math.abs(offset) < 1 ? 0 : offset;
}
