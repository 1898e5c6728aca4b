/** The player's name, kept over visits; where the browser keeps nothing, until the page is closed. */

const KEY = 'tanx.name';
/** Most characters of a player's name, as the server counts them. */
export const NAME_MAX = 16;

let unsaved = '';

export function loadName(): string {
  try {
    return localStorage.getItem(KEY) ?? unsaved;
  } catch {
    return unsaved;
  }
}

export function saveName(name: string): void {
  unsaved = name;
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Private windows may refuse; the name then lasts as long as the page.
  }
}
