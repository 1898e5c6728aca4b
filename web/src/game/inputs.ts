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
/** An input that no frame has shown as applied after so long is sent again, in milliseconds. */
const RESEND_MS = 250;

interface Kept {
  readonly input: Input;
  /** The tick that applied it, where a frame has shown that. */
  readonly appliedAt: number | null;
  /** When it was last sent. */
  readonly sentAt: number | null;
}

/** The inputs of one player, over all sockets. */
export class Inputs {
  private kept: readonly Kept[] = [];
  private lastSeq = 0;

  /** Notes what the player does now. Adds nothing where the world has, or will have, these keys and there is no action. */
  act(keys: number, action: number, player: Player, tick: number): void {
    const coming = this.waiting.at(-1)?.input.keys ?? player.keys;
    if (keys === coming && action === ACTION.none) return;
    this.lastSeq += 1;
    const input: Input = { seq: this.lastSeq, forTick: tick + 1, keys, action };
    this.kept = [...this.kept, { input, appliedAt: null, sentAt: null }].slice(-KEPT_MAX);
  }

  /** Starts from a whole world: inputs that it does not have are sent again. */
  restart(player: Player | null, view: View): void {
    this.expect((player?.lastSeq ?? 0) + 1);
    this.progress(player, view);
  }

  /** The world has gone on by a tick: notes what it has applied, and lets go of what is durable. */
  progress(player: Player | null, view: View): void {
    const lastSeq = player?.lastSeq ?? 0;
    this.kept = this.kept
      .map((kept) => (kept.appliedAt === null && kept.input.seq <= lastSeq ? { ...kept, appliedAt: view.tick } : kept))
      .filter(({ appliedAt }) => appliedAt === null || appliedAt > view.durable);
    // A page that was loaded anew learns the numbers that it has used before.
    this.lastSeq = Math.max(this.lastSeq, lastSeq);
  }

  /** The server takes `seq` next: all from there on is sent again, renumbered where a part of it is not kept any more. */
  expect(seq: number): void {
    const before = this.kept.filter(({ input }) => input.seq < seq);
    const again = this.kept.filter(({ input }) => input.seq >= seq);
    this.kept = [...before, ...again.map(({ input }, i) => ({ input: { ...input, seq: seq + i }, appliedAt: null, sentAt: null }))];
    this.lastSeq = seq + again.length - 1;
  }

  /** What to send at `now` (milliseconds of any clock that does not jump), in order; it counts as sent. */
  due(now: number): Input[] {
    const late = this.waiting.find(({ sentAt }) => sentAt === null || now - sentAt >= RESEND_MS);
    if (!late) return [];
    const from = late.input.seq;
    this.kept = this.kept.map((kept) => (kept.appliedAt === null && kept.input.seq >= from ? { ...kept, sentAt: now } : kept));
    return this.waiting.filter(({ input }) => input.seq >= from).map(({ input }) => input);
  }

  /** Inputs that are kept because they are not durable yet. */
  get count(): number {
    return this.kept.length;
  }

  private get waiting(): readonly Kept[] {
    return this.kept.filter(({ appliedAt }) => appliedAt === null);
  }
}
