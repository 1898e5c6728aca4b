/**
 * The time line of moves: where each game ran, and when it moved.
 *
 * Owns placement: from a story to lanes of stretches and marks. Pure. Positions are parts of the width, 0 is the oldest.
 */
import type { Hex64 } from '../protocol/bytes';
import { byName } from './cluster-facts';
import type { SeenGame, SeenMove, Story } from './cluster-story';

/** What the time line shows. */
export const WINDOW_MS = 3 * 60_000;
/** Most lanes; those whose games moved last are kept. */
export const LANES_MAX = 8;

/** A game on one member. */
export interface Stretch {
  readonly member: Hex64 | null;
  readonly from: number;
  readonly to: number;
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

export function timelineOf(story: Story, now: number, windowMs = WINDOW_MS): Timeline {
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
  for (const { move, x: at } of marks) {
    if (at > from) stretches.push({ member, from, to: at });
    from = Math.max(from, at);
    member = move.to;
  }
  if (end > from) stretches.push({ member: game.ranOn ?? member, from, to: end });
  return { game, stretches, marks };
}

/** Marks of the axis: minutes before now. */
export function minutes(windowMs = WINDOW_MS): { readonly x: number; readonly label: string }[] {
  const count = Math.floor(windowMs / 60_000);
  return Array.from({ length: count + 1 }, (_, n) => ({ x: 1 - (n * 60_000) / windowMs, label: n === 0 ? 'now' : `${n} min ago` })).reverse();
}
