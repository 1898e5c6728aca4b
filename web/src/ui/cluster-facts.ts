/**
 * What the cluster page says: from a story to houses, numbers and progress.
 *
 * Owns the meaning of each figure on the page. Pure.
 */
import type { Member } from '../net/api';
import type { Hex64 } from '../protocol/bytes';
import { type SeenGame, type SeenMember, type SeenMove, type Story, causeOf, targetOf } from './cluster-story';

/** A tick, in ms: what nobody notices. */
export const TICK_MS = 20;
/** A server that left stays on the page for so long. */
export const GHOST_MS = 4000;
/** A game says where it came from for so long. */
export const FRESH_MS = 10_000;
/** A finished roll stays on the page for so long. */
const ROLL_SHOWN_MS = 20_000;

export interface House {
  readonly member: SeenMember;
  /** It is not there any more. */
  readonly left: boolean;
  readonly games: readonly SeenGame[];
}

export interface Town {
  /** In order of joining. */
  readonly houses: readonly House[];
  /** Games that no server on the page runs. */
  readonly homeless: readonly SeenGame[];
  /** Nobody runs them any more, for they failed again and again. */
  readonly stopped: readonly SeenGame[];
}

/** Every running game in the house of its owner. A game whose server has just vanished waits in what is left of that. */
export function townOf({ members, games }: Story, now: number): Town {
  const standing = members.filter(({ leftAt }) => leftAt === null || now - leftAt < GHOST_MS);
  const inside = new Map<Hex64, SeenGame[]>(standing.map(({ id }) => [id, []]));
  const homeless: SeenGame[] = [];
  const stopped: SeenGame[] = [];
  for (const game of byName([...games.values()].filter(({ goneAt }) => goneAt === null))) {
    (game.quarantined ? stopped : inside.get(game.owner?.id ?? game.ranOn ?? '') ?? homeless).push(game);
  }
  return { houses: standing.map((member) => ({ member, left: member.leftAt !== null, games: inside.get(member.id) ?? [] })), homeless, stopped };
}

/** As people count: Arena 2 comes before Arena 10. */
export function byName<T extends { readonly name: string; readonly id: Hex64 }>(games: readonly T[]): T[] {
  const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  return [...games].sort((a, b) => order.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
}

export interface Progress {
  readonly revision: string;
  readonly servers: { readonly done: number; readonly all: number };
  readonly games: { readonly done: number; readonly all: number };
  readonly over: boolean;
}

/** How far the servers' replacement is: while there is one, and for a moment after. */
export function progressOf({ cluster, roll }: Story, now: number): Progress | null {
  if (!roll || (roll.endedAt !== null && now - roll.endedAt > ROLL_SHOWN_MS)) return null;
  const fresh = new Set(cluster.members.filter((member) => member.revision === roll.revision && member.state === 'ready').map(({ id }) => id));
  const over = roll.endedAt !== null;
  return {
    revision: roll.revision,
    servers: { done: fresh.size, all: Math.max(fresh.size, over ? 0 : roll.servers) },
    games: { done: cluster.games.filter(({ owner }) => owner !== null && fresh.has(owner.id)).length, all: cluster.games.length },
    over,
  };
}

/** The longest pause of some moves, and what it is about. */
export interface LongestPause {
  readonly ms: number;
  /** Moves that it is the longest of. */
  readonly moves: number;
  /** They led to the present revision: a roll, or the part of it that is done. */
  readonly roll: boolean;
}

/** Of the last roll, or what is done of it; where none is known, of all planned moves. */
export function longestPause(story: Story): LongestPause | null {
  const revision = targetOf(story.cluster);
  const revisions = new Map(story.members.map((member) => [member.id, member.revision]));
  const planned = story.moves.filter((move) => causeOf(move) === 'planned');
  // From another revision, or from a member that was gone before this page came.
  const into = planned.filter(({ from, to }) => revisions.get(to) === revision && revisions.get(from ?? '') !== revision);
  const roll = story.roll?.revision === revision || into.some(({ from }) => revisions.has(from ?? ''));
  const moves = roll ? into : planned;
  return moves.length === 0 ? null : { ms: Math.max(...moves.map(({ pause_us }) => pause_us)) / 1000, moves: moves.length, roll };
}

/** A game's last move, for as long as it is news. */
export function freshMove({ moves }: Story, game: Hex64, now: number): SeenMove | null {
  const last = moves.findLast((move) => move.game === game);
  return last && now - last.at < FRESH_MS ? last : null;
}

export function memberOf({ members }: Story, id: Hex64 | null): SeenMember | null {
  return members.find((member) => member.id === id) ?? null;
}

/** The name of a member, also of one that was gone before this page came. */
export function memberName(story: Story, id: Hex64 | null): string {
  return id === null ? 'no server' : (memberOf(story, id)?.name ?? `server ${id.slice(0, 6)}`);
}

export function shortMemberName(story: Story, id: Hex64 | null): string {
  const member = memberOf(story, id);
  return member ? shortName(member) : memberName(story, id);
}

export function gameName({ games }: Story, id: Hex64): string {
  return games.get(id)?.name ?? `game ${id.slice(0, 6)}`;
}

/** A pod's name without what all pods of its Deployment share. */
export function shortName({ name, revision }: Pick<Member, 'name' | 'revision'>): string {
  const middle = revision === '' ? -1 : name.indexOf(`-${revision}-`);
  return middle < 0 ? name : name.slice(middle + revision.length + 2);
}

/** The Deployment that a pod belongs to, by its name; null for what is no pod of one. */
export function deploymentOf(members: readonly Pick<Member, 'name' | 'revision'>[]): string | null {
  for (const { name, revision } of members) {
    const middle = revision === '' ? -1 : name.indexOf(`-${revision}-`);
    if (middle > 0) return name.slice(0, middle);
  }
  return null;
}

export function revisionLabel(revision: string): string {
  return revision === '' ? 'revision unknown' : `revision ${revision}`;
}

/** A length of time as a stage can read it: 0 ms, 0.9 ms, 18 ms, 1.3 s. */
export function shortTime(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 9.95) return `${Math.round(ms)} ms`;
  return ms < 0.05 ? '0 ms' : `${ms.toFixed(1)} ms`;
}

export function ago(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return 'just now';
  return seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}

export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** Who is in a game, in words. */
export function crowd({ players, bots }: Pick<SeenGame, 'players' | 'bots'>): string {
  const people = counted(players, 'person', 'people');
  if (bots === 0) return players === 0 ? 'nobody' : people;
  return players === 0 ? counted(bots, 'bot') : `${people}, ${counted(bots, 'bot')}`;
}

/** One move as a sentence, for those who never heard of this. */
export function moveSentence(story: Story, move: SeenMove): string {
  const game = gameName(story, move.game);
  const [from, to] = [memberName(story, move.from), memberName(story, move.to)];
  const ms = move.pause_us / 1000;
  switch (causeOf(move)) {
    case 'planned':
      return `${game} moved from ${from} to ${to}. ${noticed(ms)}`;
    case 'parked':
      return `${game} had no server for a while; now it goes on in ${to}.`;
    case 'failed':
      return `${game} had failed; it was taken up again by ${to}.`;
    case 'crash':
      return `${from} crashed. ${game} went on in ${to}, ${shortTime(ms)} after that was noticed; up to a second of play was undone.`;
  }
}

/** What a pause meant for players. */
export function noticed(ms: number): string {
  if (ms < 0.05) return 'The next tick came on time: nobody noticed.';
  return ms < TICK_MS
    ? `A pause of ${shortTime(ms)}, less than one tick: nobody noticed.`
    : `A pause of ${shortTime(ms)}, ${counted(Math.ceil(ms / TICK_MS), 'tick')} of ${TICK_MS} ms.`;
}
