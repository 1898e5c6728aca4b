/** The visitor's settings for pages: one copy, remembered at each change. */
import { useEffect, useState } from 'preact/hooks';
import { type Settings, loadSettings, saveSettings } from './settings';

const storage = (): Storage => localStorage;

let current: Settings | null = null;
const listeners = new Set<(settings: Settings) => void>();

export function settingsNow(): Settings {
  current ??= loadSettings({ getItem: (key) => storage().getItem(key), setItem: () => {} }, matchMedia('(prefers-reduced-motion: reduce)').matches);
  return current;
}

export function changeSettings(change: Partial<Settings>): void {
  current = { ...settingsNow(), ...change };
  saveSettings({ getItem: () => null, setItem: (key, value) => storage().setItem(key, value) }, current);
  for (const listener of listeners) listener(current);
}

export function useSettings(): Settings {
  const [settings, setSettings] = useState(settingsNow);
  useEffect(() => {
    listeners.add(setSettings);
    return () => {
      listeners.delete(setSettings);
    };
  }, []);
  return settings;
}
