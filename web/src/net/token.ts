/**
 * Who this tab is in a game: kept over reloads of the page, not over tabs.
 *
 * Owns the layout in the tab's storage. Session numbers are written down before they are used, so that no two sockets of a
 * player ever carry the same one.
 */
import type { Hex64 } from '../protocol/bytes';

/** The player that a tab is in one game. */
export interface Identity {
  readonly token: Uint8Array;
  /** Number of the player's last socket. */
  readonly session: number;
}

/** What of `sessionStorage` is used. */
export interface TabStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const key = (game: Hex64) => `tanx.player.${game}`;

export function loadIdentity(storage: TabStorage, game: Hex64): Identity | null {
  const [session, token] = storage.getItem(key(game))?.split(':') ?? [];
  if (!session || !token || !/^\d+$/.test(session) || !/^([0-9a-f]{2})+$/.test(token)) return null;
  return { session: Number(session), token: Uint8Array.from(token.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)) };
}

export function saveIdentity(storage: TabStorage, game: Hex64, { session, token }: Identity): void {
  const hex = Array.from(token, (byte) => byte.toString(16).padStart(2, '0')).join('');
  storage.setItem(key(game), `${session}:${hex}`);
}

export function forgetIdentity(storage: TabStorage, game: Hex64): void {
  storage.removeItem(key(game));
}
