/**
 * The time line of moves: where each game ran, and when it moved.
 *
 * Owns placement: from a story to lanes of stretches and marks. Pure. Positions are parts of the width, 0 is the oldest.
 */
import type { Hex64 } from '../protocol/bytes';
import { byName } from './cluster-facts';
import type { SeenGame, SeenMove, Story } from './cluster-story';

/** What the time line shows at most, and at least: a page that has just come shows its few seconds large. */
export const WINDOW_MAX_MS = 3 * 60_000;
export const WINDOW_MIN_MS = 20_000;
/** Most lanes; those whose games moved last are kept. */
export const LANES_MAX = 8;

/** A game on one member. */
export interface Stretch {
  readonly member: Hex64 | null;
  readonly from: number;
  readonly to: number;
  /** It begins with a mark that is shown. */
  readonly marked: boolean;
}

export interface Mark {
  readonly move: SeenMove;
  readonly x: number;
  /** Up to the next mark of its lane, or the end. */
  readonly room: number;
}

export interface Lane {
  readonly game: SeenGame;
  readonly stretches: readonly Stretch[];
  readonly marks: readonly Mark[];
}

export interface Timeline {
  readonly lanes: readonly Lane[];
  /** Games that have no lane. */
  readonly hidden: number;
}

/** How much time the time line shows: all that is known, within its bounds. */
export function windowOf({ since, moves }: Story, now: number): number {
  // What is too old to be shown makes no room: it would shrink again.
  const first = moves.find(({ at }) => at > since - WINDOW_MAX_MS)?.at ?? since;
  return Math.min(WINDOW_MAX_MS, Math.max(WINDOW_MIN_MS, (now - Math.min(since, first)) * 1.04));
}

export function timelineOf(story: Story, now: number, windowMs: number): Timeline {
  const running = byName([...story.games.values()].filter(({ goneAt }) => goneAt === null || now - goneAt < windowMs));
  const movesOf = new Map<Hex64, SeenMove[]>();
  for (const move of story.moves) movesOf.set(move.game, [...(movesOf.get(move.game) ?? []), move]);
  const moved = (game: SeenGame) => movesOf.get(game.id)?.at(-1)?.at ?? -Infinity;
  const kept = new Set([...running].sort((a, b) => moved(b) - moved(a) || 0).slice(0, LANES_MAX));
  const lanes = running.filter((game) => kept.has(game)).map((game) => laneOf(game, movesOf.get(game.id) ?? [], now, windowMs));
  return { lanes, hidden: running.length - lanes.length };
}

export function laneOf(game: SeenGame, moves: readonly SeenMove[], now: number, windowMs: number): Lane {
  const x = (at: number) => Math.min(1, Math.max(0, 1 - (now - at) / windowMs));
  const end = x(game.goneAt ?? now);
  const shown = moves.filter(({ at }) => at > now - windowMs && at <= now);
  const marks = shown.map((move, n): Mark => ({ move, x: x(move.at), room: (shown[n + 1] ? x(shown[n + 1]?.at ?? now) : 1) - x(move.at) }));
  // A page that has just come knows of a time before only through moves: their game ran before.
  const first = moves[0];
  const begin = first && first.at < game.seenAt ? (first.from === null ? first.at : now - windowMs) : game.seenAt;
  const stretches: Stretch[] = [];
  let from = x(begin);
  let member = moves.findLast(({ at }) => at <= now - windowMs)?.to ?? shown[0]?.from ?? (moves.length === 0 ? game.ranOn : null);
  let marked = false;
  for (const { move, x: at } of marks) {
    if (at > from) stretches.push({ member, from, to: at, marked });
    from = Math.max(from, at);
    member = move.to;
    marked = true;
  }
  if (end > from) stretches.push({ member: game.ranOn ?? member, from, to: end, marked });
  return { game, stretches, marks };
}

/** Marks of the axis: times before now, oldest first. */
export function axisOf(windowMs: number): { readonly x: number; readonly label: string }[] {
  const step = windowMs > 100_000 ? 60_000 : windowMs > 60_000 ? 30_000 : windowMs > 40_000 ? 15_000 : windowMs > 25_000 ? 10_000 : 5000;
  const count = Math.floor(windowMs / step);
  return Array.from({ length: count + 1 }, (_, n) => ({ x: 1 - (n * step) / windowMs, label: n === 0 ? 'now' : before(n * step) })).reverse();
}

function before(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min ago` : `${ms / 1000} s ago`;
}
