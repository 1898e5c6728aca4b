/**
 * How far ahead of the newest frame inputs aim, so that they are at the owner when their tick is run.
 *
 * Owns the estimate: what the last pings would have needed, and a margin for those that are slower. The lead moves slowly,
 * because the own tank is shown at the tick that inputs aim at. Reads no clock.
 */
import { TICK_MS, towards } from './clock';

const START_MS = 50;
const LEAD_MAX_MS = 500;
const MARGIN_MIN_MS = 5;
const MARGIN_MAX_MS = 30;
/** The fastest of so many pings counts. */
const PINGS = 8;
/** Added for each input that came too late, and taken off again in each second. */
const LATE_MS = 5;
const LATE_DECAY = 0.5 / 1000;
/** How fast the lead grows and shrinks: shares of the time that passes. */
const GROW = 0.1;
const SHRINK = 0.05;
/** Further off than that it jumps: the owner would take inputs earlier than they aim at, or later. */
const JUMP_MS = 60;

export class Lead {
  private lead = START_MS;
  /** What each of the last pings would have needed to come just in time; empty: not known yet. */
  private needs: number[] = [];
  private late = 0;
  private readAt: number | null = null;

  /** 95 of 100 frames are at most so much later than the fastest; messages of this client are taken to be the same. */
  jitter = 0;

  /** How far ahead inputs aim, in milliseconds. */
  get ms(): number {
    return this.lead;
  }

  /** The part of it that is for slow messages. */
  get margin(): number {
    return Math.min(MARGIN_MAX_MS, Math.max(MARGIN_MIN_MS, this.jitter) + this.late);
  }

  /** Another way to the owner: what was measured says nothing any more. The lead stays until something is. */
  restart(): void {
    this.needs = [];
  }

  /**
   * A ping came back. It was sent while the lead was `lead`, for the tick that began `ahead` ticks (0 to 1) after the
   * moment aimed at, and reached the owner `slack` milliseconds before that tick was due.
   */
  ponged(lead: number, ahead: number, slack: number): void {
    const first = this.needs.length === 0;
    this.needs = [...this.needs, lead + ahead * TICK_MS - slack].slice(-PINGS);
    if (first || Math.abs(this.wanted - this.lead) > JUMP_MS) this.lead = this.wanted;
  }

  /** An input was applied later than it aimed at. */
  missed(): void {
    this.late = Math.min(MARGIN_MAX_MS, this.late + LATE_MS);
  }

  advance(now: number): void {
    const passed = Math.max(0, now - (this.readAt ?? now));
    this.readAt = Math.max(now, this.readAt ?? now);
    this.late = Math.max(0, this.late - LATE_DECAY * passed);
    if (this.needs.length === 0) return;
    this.lead = towards(this.lead, this.wanted, (this.wanted > this.lead ? GROW : SHRINK) * passed);
  }

  private get wanted(): number {
    return Math.min(LEAD_MAX_MS, Math.max(0, Math.min(...this.needs) + this.margin));
  }
}

/** None at all, to measure against: inputs aim at the next tick, and the own tank is shown at the newest one. */
export class NoLead extends Lead {
  override get ms(): number {
    return 0;
  }

  override get margin(): number {
    return 0;
  }
}
