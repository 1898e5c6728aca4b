/**
 * The HTTP side of a game server: lobby and cluster, as JSON.
 *
 * Owns the shapes of its answers. Every failure becomes an Error whose message can be shown.
 */
import type { Hex64 } from '../protocol/bytes';

export interface Game {
  readonly id: Hex64;
  readonly name: string;
  readonly players: number;
  readonly slots: number;
  readonly epoch: Hex64;
  /** Of the last snapshot. */
  readonly tick: number;
  readonly owner: { readonly id: Hex64; readonly name: string; readonly build: string; readonly revision: string } | null;
}

export interface Member {
  readonly id: Hex64;
  readonly name: string;
  readonly address: string;
  readonly revision: string;
  readonly build: string;
  readonly state: string;
  readonly games: number;
  readonly players: number;
}

export interface Move {
  readonly game: Hex64;
  readonly from: Hex64 | null;
  readonly to: Hex64;
  readonly epoch: Hex64;
  readonly tick: number;
  readonly pause_us: number;
  readonly cause: string;
  readonly ago_ms: number;
}

export interface Cluster {
  readonly demo: boolean;
  /** The member that answered. */
  readonly me: Hex64;
  readonly members: readonly Member[];
  readonly games: readonly Game[];
  /** Newest first. */
  readonly moves: readonly Move[];
}

/** An answer takes at most so long; a server that is leaving may never give one. */
const TIMEOUT_MS = 3000;

export async function listGames(): Promise<readonly Game[]> {
  return (await call<{ games: Game[] }>('GET', '/api/games')).games;
}

export async function createGame(name: string): Promise<Hex64> {
  return (await call<{ id: Hex64 }>('POST', '/api/games', { name })).id;
}

export function loadCluster(): Promise<Cluster> {
  return call<Cluster>('GET', '/api/cluster');
}

/** Replaces the demo's servers, one after the other. */
export async function rollDemo(): Promise<void> {
  await call<unknown>('POST', '/api/demo/roll', {});
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new Error('The server cannot be reached.');
  }
  const json: unknown = await answer.json().catch(() => null);
  if (answer.ok) return json as T;
  const sentence = (json as { error?: unknown } | null)?.error;
  throw new Error(typeof sentence === 'string' ? sentence : `The server answered ${answer.status}.`);
}
