/**
 * What this page has seen of the cluster: more than any one answer of a server says.
 *
 * Owns memory: members and games that are gone, moves that the answering server has not heard of (a new one knows only those
 * since it joined), when a roll began, which games were lost. Pure: a story and an answer make the next story. Times are on
 * the page's clock.
 */
import type { Cluster, Game, Member, Move } from '../net/api';
import type { Hex64 } from '../protocol/bytes';

export interface SeenMember extends Member {
  readonly seenAt: number;
  /** When it was no longer in an answer. */
  readonly leftAt: number | null;
}

export interface SeenGame extends Game {
  readonly seenAt: number;
  readonly goneAt: number | null;
  /** The last one that ran it. */
  readonly ranOn: Hex64 | null;
}

export interface SeenMove extends Move {
  readonly at: number;
}

/** Servers being replaced by ones of another revision. */
export interface Roll {
  readonly revision: string;
  readonly beganAt: number;
  readonly endedAt: number | null;
  /** How many servers there are when none comes or goes. */
  readonly servers: number;
}

export interface Story {
  readonly cluster: Cluster;
  /** When this page began to look. */
  readonly since: number;
  readonly at: number;
  /** In order of joining. */
  readonly members: readonly SeenMember[];
  readonly games: ReadonlyMap<Hex64, SeenGame>;
  /** Oldest first. */
  readonly moves: readonly SeenMove[];
  /** Games that vanished together with their server, or with people in them. */
  readonly lost: ReadonlySet<Hex64>;
  readonly roll: Roll | null;
}

export type Cause = 'planned' | 'parked' | 'failed' | 'crash';

/** What is older is forgotten. */
export const MEMORY_MS = 15 * 60_000;
/** Without news for longer than this, a game may have ended in the meantime: nothing is called lost. */
const JUDGE_MS = 30_000;
/** A game that vanishes so soon after its server is lost with it. */
const TOGETHER_MS = 10_000;

export function told(before: Story | null, cluster: Cluster, now: number): Story {
  const members = seenMembers(before?.members ?? [], cluster.members, now);
  const games = seenGames(before?.games ?? new Map(), cluster.games, now);
  return {
    cluster,
    since: before?.since ?? now,
    at: now,
    members,
    games,
    moves: seenMoves(before?.moves ?? [], cluster.moves, now),
    lost: lostGames(before, games, members, now),
    roll: rollOf(before?.roll ?? null, cluster, now),
  };
}

export function causeOf({ cause }: Move): Cause {
  if (cause === 'move') return 'planned';
  return cause === 'parked' || cause === 'failed' ? cause : 'crash';
}

/** The revision that servers are to have: what the cluster says, else the newest server's. */
export function targetOf({ target_revision, members }: Cluster): string {
  if (target_revision !== '') return target_revision;
  return members.reduce<Member | null>((newest, member) => (newest && newest.joined > member.joined ? newest : member), null)?.revision ?? '';
}

function seenMembers(before: readonly SeenMember[], members: readonly Member[], now: number): readonly SeenMember[] {
  const here = new Set(members.map(({ id }) => id));
  const known = new Map(before.map((member) => [member.id, member]));
  const gone = before
    .filter(({ id, leftAt }) => !here.has(id) && now - (leftAt ?? now) < MEMORY_MS)
    .map((member): SeenMember => ({ ...member, leftAt: member.leftAt ?? now }));
  const living = members.map((member): SeenMember => ({ ...member, seenAt: known.get(member.id)?.seenAt ?? now, leftAt: null }));
  return [...gone, ...living].sort((a, b) => a.joined - b.joined);
}

function seenGames(before: ReadonlyMap<Hex64, SeenGame>, games: readonly Game[], now: number): ReadonlyMap<Hex64, SeenGame> {
  const seen = new Map<Hex64, SeenGame>();
  for (const [id, game] of before) {
    if (now - (game.goneAt ?? now) < MEMORY_MS) seen.set(id, { ...game, goneAt: game.goneAt ?? now });
  }
  for (const game of games) {
    const known = before.get(game.id);
    seen.set(game.id, { ...game, seenAt: known?.seenAt ?? now, goneAt: null, ranOn: game.owner?.id ?? known?.ranOn ?? null });
  }
  return seen;
}

function seenMoves(before: readonly SeenMove[], moves: readonly Move[], now: number): readonly SeenMove[] {
  const key = ({ game, epoch }: Move) => `${game} ${epoch}`;
  const known = new Set(before.map(key));
  const fresh = moves.filter((move) => !known.has(key(move))).map((move): SeenMove => ({ ...move, at: now - move.ago_ms }));
  if (fresh.length === 0 && (before[0]?.at ?? now) > now - MEMORY_MS) return before;
  return [...before, ...fresh].filter(({ at }) => now - at < MEMORY_MS).sort((a, b) => a.at - b.at);
}

function lostGames(before: Story | null, games: ReadonlyMap<Hex64, SeenGame>, members: readonly SeenMember[], now: number): ReadonlySet<Hex64> {
  if (!before) return new Set();
  const lost = new Set([...before.lost].filter((id) => games.get(id)?.goneAt !== null));
  if (now - before.at > JUDGE_MS) return lost;
  for (const game of games.values()) {
    if (game.goneAt !== now || before.games.get(game.id)?.goneAt !== null) continue;
    const owner = members.find(({ id }) => id === game.ranOn);
    // Without people and with its server well, it ended as empty games do.
    const withServer = !owner || (owner.leftAt !== null && now - owner.leftAt < TOGETHER_MS);
    if (game.players > 0 || withServer) lost.add(game.id);
  }
  return lost;
}

function rollOf(before: Roll | null, cluster: Cluster, now: number): Roll | null {
  const revision = targetOf(cluster);
  const old = cluster.members.filter((member) => member.revision !== revision);
  if (old.length === 0) {
    return before && before.endedAt === null && before.revision === revision ? { ...before, endedAt: now } : before;
  }
  // While a new one joins or an old one leaves there is one more than usual.
  const fresh = cluster.members.filter((member) => member.revision === revision && member.state !== 'joining').length;
  const servers = fresh + old.filter(({ state }) => state !== 'draining').length;
  if (before && before.endedAt === null && before.revision === revision) {
    return { ...before, servers: Math.max(fresh, Math.min(before.servers, servers)) };
  }
  return { revision, beganAt: now, endedAt: null, servers };
}
