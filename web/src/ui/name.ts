/** The player's name, kept over visits. */

const KEY = 'tanx.name';
/** Most characters of a player's name, as the server counts them. */
export const NAME_MAX = 16;

export function loadName(): string {
  return localStorage.getItem(KEY) ?? '';
}

export function saveName(name: string): void {
  localStorage.setItem(KEY, name);
}
