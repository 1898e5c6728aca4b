/** Which game somebody gets who just wants to play. */
import type { Game } from '../net/api';

/** The game with most people among those with a free place; null: make a new one. Bots make room, so they take no place. */
export function gameToPlay(games: readonly Game[]): Game | null {
  const free = games.filter(({ players, slots, owner }) => players < slots && owner !== null);
  return free.reduce<Game | null>((best, game) => (best === null || game.players > best.players || (game.players === best.players && game.bots > best.bots) ? game : best), null);
}

/** A name for a game that its maker did not name. */
export function newGameName(player: string, games: readonly Pick<Game, 'name'>[]): string {
  const taken = new Set(games.map(({ name }) => name));
  const name = `${player.trim()}'s game`;
  let free = name;
  for (let n = 2; taken.has(free); n += 1) free = `${name} ${n}`;
  return free;
}
