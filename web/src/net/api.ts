/**
 * The HTTP side of a game server: lobby and cluster, as JSON.
 *
 * Owns the shapes of its answers. Every failure becomes an Error whose message can be shown.
 */
import type { Hex64 } from '../protocol/bytes';

export interface Game {
  readonly id: Hex64;
  readonly name: string;
  /** Name of its maze. */
  readonly maze: string;
  /** People in it. */
  readonly players: number;
  readonly bots: number;
  readonly slots: number;
  readonly epoch: Hex64;
  /** Of the last snapshot. */
  readonly tick: number;
  readonly owner: { readonly id: Hex64; readonly name: string; readonly build: string; readonly revision: string } | null;
  /** It has failed again and again, and nobody runs it. */
  readonly quarantined: boolean;
}

export interface Member {
  readonly id: Hex64;
  readonly name: string;
  readonly address: string;
  readonly revision: string;
  readonly build: string;
  /** `joining`, `ready` or `draining`. */
  readonly state: string;
  /** Games that it owns. */
  readonly games: number;
  /** Players' sockets that it serves. */
  readonly players: number;
  /** Order of joining, unique in the cluster. */
  readonly joined: number;
}

export interface Move {
  readonly game: Hex64;
  readonly from: Hex64 | null;
  readonly to: Hex64;
  readonly epoch: Hex64;
  readonly tick: number;
  /** How much later than due the next tick came; after a crash, since the crash was noticed. */
  readonly pause_us: number;
  /** `move`: planned. `parked`: no server was there to take it. Others: how its owner was known to be dead. */
  readonly cause: string;
  readonly ago_ms: number;
}

export interface Cluster {
  readonly demo: boolean;
  /** The demo's servers are being replaced. */
  readonly rolling: boolean;
  /** What new games should run on; empty where nobody says so. */
  readonly target_revision: string;
  /** The member that answered. */
  readonly me: Hex64;
  /** In order of joining. */
  readonly members: readonly Member[];
  readonly games: readonly Game[];
  /** Newest first. */
  readonly moves: readonly Move[];
}

export interface MazeText {
  readonly name: string;
  /** Of a maze file. */
  readonly text: string;
}

export interface NewGame {
  readonly name: string;
  readonly maze?: string;
  readonly bots?: number;
}

/** Where a server sends the cluster, at once and after every change. */
export const EVENTS = '/api/events';

/** An answer takes at most so long; a server that is leaving may never give one. */
const TIMEOUT_MS = 3000;

export async function createGame(game: NewGame): Promise<Hex64> {
  return (await call<{ id: Hex64 }>('POST', '/api/games', game)).id;
}

export async function listMazes(): Promise<readonly MazeText[]> {
  return (await call<{ mazes: MazeText[] }>('GET', '/api/mazes')).mazes;
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
