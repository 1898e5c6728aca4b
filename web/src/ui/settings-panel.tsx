/** What a visitor can choose. */
import { useState } from 'preact/hooks';
import { Dialog } from './game-dialog';
import { NAME_MAX } from './name';
import type { Settings } from './settings';
import { changeSettings } from './settings-use';

type Volume = 'master' | 'effects' | 'music';
type Choice = 'muted' | 'shake' | 'reduced' | 'names' | 'aimAssist' | 'leftHanded';

export function SettingsPanel({ settings, name, rename, close }: { settings: Settings; name: string | null; rename: (name: string) => void; close: () => void }) {
  const volume = (of: Volume, label: string) => (
    <label class="volume">
      <span>{label}</span>
      <input
        type="range"
        min="0"
        max="100"
        value={Math.round(settings[of] * 100)}
        onInput={({ currentTarget }) => changeSettings({ [of]: Number(currentTarget.value) / 100 })}
      />
      <output>{Math.round(settings[of] * 100)}</output>
    </label>
  );
  const choice = (of: Choice, label: string, hint?: string) => (
    <label class="option">
      <input type="checkbox" checked={settings[of]} onChange={({ currentTarget }) => changeSettings({ [of]: currentTarget.checked })} />
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
    </label>
  );
  return (
    <Dialog title="Settings" close={close}>
      {name !== null && <Name name={name} rename={rename} />}
      <fieldset>
        <legend>Sound</legend>
        {volume('master', 'All')}
        {volume('effects', 'Effects')}
        {volume('music', 'Music')}
        {choice('muted', 'Mute', 'Key M')}
      </fieldset>
      <fieldset>
        <legend>Picture</legend>
        {choice('shake', 'The picture shakes when something explodes')}
        {choice('reduced', 'Fewer effects', 'No flashes, few particles')}
        {choice('names', 'Names over tanks')}
      </fieldset>
      <fieldset>
        <legend>Touch</legend>
        {choice('aimAssist', 'Help with aiming', 'The tank turns to an enemy that is nearly aimed at')}
        {choice('leftHanded', 'Left-handed', 'The stick on the right, fire on the left')}
      </fieldset>
    </Dialog>
  );
}

function Name({ name, rename }: { name: string; rename: (name: string) => void }) {
  const [wanted, setWanted] = useState(name);
  return (
    <form
      class="name-form"
      onSubmit={(event) => {
        event.preventDefault();
        rename(wanted);
      }}
    >
      <label class="field">
        <span>Your name</span>
        <input value={wanted} required maxLength={NAME_MAX} autocomplete="nickname" onInput={({ currentTarget }) => setWanted(currentTarget.value)} />
      </label>
      <button class="button" disabled={wanted.trim() === '' || wanted.trim() === name}>
        Rename
      </button>
    </form>
  );
}
