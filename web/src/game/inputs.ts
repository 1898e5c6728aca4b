/**
 * What the player did, until the registry has it.
 *
 * Owns sequence numbers and which inputs are to be sent (again). An input is kept from the key press until its tick is
 * durable: whatever a crash or a lost socket takes back is sent again, and the server applies each number once.
 */
import { ACTION, type Input } from '../protocol/client';
import type { Player, View } from './view';

/** Inputs kept at most; beyond it the oldest is given up, which only happens while nothing becomes durable for long. */
const KEPT_MAX = 512;
/** An input that no frame has shown as applied is sent again after so long, in milliseconds. */
const REPEAT_MS = 20;
/** And then, as often as it takes, after so long. */
const RESEND_MS = 250;

interface Kept {
  readonly input: Input;
  /** The tick that applied it, where a frame has shown that. */
  readonly appliedAt: number | null;
  /** When it was last sent. */
  readonly sentAt: number | null;
  /** How often. */
  readonly sent: number;
}

/** The inputs of one player, over all sockets. */
export class Inputs {
  private kept: readonly Kept[] = [];
  private pending: readonly Input[] = [];
  private lastSeq = 0;

  /** Inputs so far, those sent more than once, and those applied later than they aimed at. */
  readonly counts = { noted: 0, resent: 0, late: 0 };

  /**
   * Notes what the player does now, for tick `forTick`. Adds nothing, and says so, where the world has, or will have, these
   * keys and there is no action; `anyway` adds it even so.
   */
  act(keys: number, action: number, player: Player, forTick: number, anyway = false): boolean {
    const coming = this.pending.at(-1)?.keys ?? player.keys;
    if (keys === coming && action === ACTION.none && !anyway) return false;
    this.lastSeq += 1;
    this.counts.noted += 1;
    // Inputs are applied in the order of their numbers: one cannot aim before the one ahead of it.
    const input: Input = { seq: this.lastSeq, forTick: Math.max(forTick, this.pending.at(-1)?.forTick ?? 0), keys, action };
    this.keep([...this.kept, { input, appliedAt: null, sentAt: null, sent: 0 }].slice(-KEPT_MAX));
    return true;
  }

  /** Starts from a whole world: inputs that it does not have are sent again, for tick `forTick` at the latest. */
  restart(player: Player | null, view: View, forTick: number): void {
    this.expect((player?.lastSeq ?? 0) + 1);
    // After a crash the ticks that they aimed at may be far off.
    this.keep(this.kept.map((kept) => (kept.appliedAt === null && kept.input.forTick > forTick ? { ...kept, input: { ...kept.input, forTick } } : kept)));
    this.progress(player, view);
  }

  /** The world has gone on by a tick: notes what it has applied, and lets go of what is durable. Says how many came late. */
  progress(player: Player | null, view: View): number {
    const lastSeq = player?.lastSeq ?? 0;
    // A page that was loaded anew learns the numbers that it has used before.
    this.lastSeq = Math.max(this.lastSeq, lastSeq);
    let late = 0;
    let changed = false;
    for (const { input, appliedAt } of this.kept) {
      if (appliedAt === null && input.seq <= lastSeq) {
        changed = true;
        if (view.tick > input.forTick) late += 1;
      } else if (appliedAt !== null && appliedAt <= view.durable) changed = true;
    }
    if (!changed) return 0;
    this.counts.late += late;
    this.keep(
      this.kept
        .map((kept) => (kept.appliedAt === null && kept.input.seq <= lastSeq ? { ...kept, appliedAt: view.tick } : kept))
        .filter(({ appliedAt }) => appliedAt === null || appliedAt > view.durable),
    );
    return late;
  }

  /** The server takes `seq` next: all from there on is sent again, renumbered where a part of it is not kept any more. */
  expect(seq: number): void {
    const before = this.kept.filter(({ input }) => input.seq < seq);
    const again = this.kept.filter(({ input }) => input.seq >= seq);
    this.keep([...before, ...again.map(({ input, sent }, i) => ({ input: { ...input, seq: seq + i }, appliedAt: null, sentAt: null, sent }))]);
    this.lastSeq = seq + again.length - 1;
  }

  /** What to send at `now` (milliseconds of any clock that does not jump), in order; it counts as sent. */
  due(now: number): Input[] {
    if (this.pending.length === 0) return [];
    const late = this.kept.find(({ appliedAt, sentAt, sent }) => appliedAt === null && (sentAt === null || now - sentAt >= (sent === 1 ? REPEAT_MS : RESEND_MS)));
    if (!late) return [];
    const from = late.input.seq;
    this.keep(
      this.kept.map((kept) => {
        if (kept.appliedAt !== null || kept.input.seq < from) return kept;
        if (kept.sent > 0) this.counts.resent += 1;
        return { ...kept, sentAt: now, sent: kept.sent + 1 };
      }),
    );
    return this.pending.filter(({ seq }) => seq >= from);
  }

  /** Inputs that no frame has shown as applied, in order. */
  get waiting(): readonly Input[] {
    return this.pending;
  }

  /** Inputs that are kept because they are not durable yet. */
  get count(): number {
    return this.kept.length;
  }

  private keep(kept: readonly Kept[]): void {
    this.kept = kept;
    this.pending = kept.filter(({ appliedAt }) => appliedAt === null).map(({ input }) => input);
  }
}
