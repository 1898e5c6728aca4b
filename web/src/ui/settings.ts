/**
 * What a visitor has chosen, kept over visits.
 *
 * Owns the layout in the browser's storage and the defaults. What cannot be read counts as never chosen.
 */

export interface Settings {
  /** 0 to 1. */
  readonly master: number;
  readonly effects: number;
  readonly music: number;
  readonly muted: boolean;
  readonly shake: boolean;
  /** Fewer particles, no flashes. */
  readonly reduced: boolean;
  /** Names over tanks. */
  readonly names: boolean;
  /** Stick on the right, fire on the left. */
  readonly leftHanded: boolean;
  /** On touch, the heading snaps to an enemy that is nearly aimed at. */
  readonly aimAssist: boolean;
}

/** What of `localStorage` is used. */
export interface SettingsStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const KEY = 'tanx.settings';

/** `calm`: the visitor's system asks for reduced motion. */
export function defaults(calm: boolean): Settings {
  return { master: 0.7, effects: 0.8, music: 0, muted: false, shake: !calm, reduced: calm, names: true, leftHanded: false, aimAssist: true };
}

export function loadSettings(storage: SettingsStorage, calm: boolean): Settings {
  const settings = defaults(calm);
  let stored: unknown;
  try {
    stored = JSON.parse(storage.getItem(KEY) ?? '{}');
  } catch {
    // Blocked, or not ours.
    return settings;
  }
  if (typeof stored !== 'object' || stored === null) return settings;
  const chosen = stored as Readonly<Record<string, unknown>>;
  const usable = Object.entries(settings).flatMap(([name, value]): [string, unknown][] => {
    const choice = chosen[name];
    const fits = typeof choice === 'number' ? typeof value === 'number' && choice >= 0 && choice <= 1 : typeof choice === 'boolean' && typeof value === 'boolean';
    return fits ? [[name, choice]] : [];
  });
  return { ...settings, ...Object.fromEntries(usable) };
}

export function saveSettings(storage: SettingsStorage, settings: Settings): void {
  try {
    storage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A full or blocked storage costs only the memory of it.
  }
}
