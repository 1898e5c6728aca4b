/** What is remembered of a visitor's choices. */
import { describe, expect, it } from 'vitest';
import { type SettingsStorage, defaults, loadSettings, saveSettings } from './settings';

function storage(text: string | null = null): SettingsStorage & { text: string | null } {
  return {
    text,
    getItem() {
      return this.text;
    },
    setItem(_key, value) {
      this.text = value;
    },
  };
}

describe('settings', () => {
  it('come back as they were saved', () => {
    const store = storage();
    const chosen = { ...defaults(false), master: 0.25, muted: true, shake: false, leftHanded: true };
    saveSettings(store, chosen);
    expect(loadSettings(store, false)).toEqual(chosen);
  });

  it('follow the system in what moves, until something is chosen', () => {
    expect(loadSettings(storage(), true)).toMatchObject({ shake: false, reduced: true });
    expect(loadSettings(storage('{"shake":true}'), true)).toMatchObject({ shake: true, reduced: true });
  });

  it('keep music off at first', () => {
    expect(loadSettings(storage(), false).music).toBe(0);
  });

  it.each(['', 'null', '[1]', '7', '{"master":2,"muted":"yes","names":null,"other":1}', '{"effects":"loud"'])('ignore %j in the storage', (text) => {
    expect(loadSettings(storage(text), false)).toEqual(defaults(false));
  });

  it('do without a storage', () => {
    const blocked: SettingsStorage = {
      getItem() {
        throw new Error('blocked');
      },
      setItem() {
        throw new Error('full');
      },
    };
    expect(loadSettings(blocked, false)).toEqual(defaults(false));
    saveSettings(blocked, defaults(false));
  });
});
