/**
 * Which page the address names: the part behind `#`.
 *
 * Owns reading and writing of addresses.
 */
import { useEffect, useState } from 'preact/hooks';
import type { Hex64 } from '../protocol/bytes';

export type Route = { readonly page: 'lobby' } | { readonly page: 'cluster' } | { readonly page: 'game'; readonly game: Hex64; readonly watch: boolean };

export function parseRoute(hash: string): Route {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const game = fields.get('game')?.toLowerCase();
  if (game && /^[0-9a-f]{16}$/.test(game)) return { page: 'game', game, watch: fields.has('watch') };
  return { page: fields.has('cluster') ? 'cluster' : 'lobby' };
}

export function gameHref(game: Hex64, watch = false): string {
  return `#game=${game}${watch ? '&watch' : ''}`;
}

/** What to send to a friend. */
export function shareLink(game: Hex64, { origin, pathname }: Pick<Location, 'origin' | 'pathname'> = location): string {
  return `${origin}${pathname}${gameHref(game)}`;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return parseRoute(hash);
}
