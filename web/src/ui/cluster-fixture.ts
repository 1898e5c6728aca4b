/** A small cluster for tests: members and games by short ids. */
import type { Cluster, Game, Member, Move } from '../net/api';

export function member(id: string, more: Partial<Member> = {}): Member {
  return { id, name: `server-${id}`, address: '10.0.0.1:7946', revision: '1', build: '0.1.0', state: 'ready', games: 0, players: 0, joined: Number.parseInt(id, 36), ...more };
}

export function game(id: string, owner: Member | null, more: Partial<Game> = {}): Game {
  const { id: ownerId = '', name = '', build = '', revision = '' } = owner ?? {};
  return { id, name: `Arena ${id}`, maze: 'Standard', players: 2, bots: 2, slots: 8, epoch: '1', tick: 1, quarantined: false, owner: owner && { id: ownerId, name, build, revision }, ...more };
}

export function move(game: string, from: string | null, to: string, more: Partial<Move> = {}): Move {
  return { game, from, to, epoch: `${game}${from}${to}`, tick: 100, pause_us: 900, cause: 'move', ago_ms: 0, ...more };
}

export function cluster(members: readonly Member[], games: readonly Game[] = [], more: Partial<Cluster> = {}): Cluster {
  return { demo: true, rolling: false, target_revision: '1', me: members[0]?.id ?? '', members, games, moves: [], ...more };
}
