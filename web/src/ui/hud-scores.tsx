/** Who leads: what counts as of the durable tick. */
import { useState } from 'preact/hooks';
import type { Standing } from '../game/scene';
import { slotColour, slotPattern } from './colours';
import { Icon } from './game-icons';
import { NAME_MAX } from './name';

/** The colour of a place, with its pattern. */
export function Swatch({ slot, dim = false }: { slot: number; dim?: boolean }) {
  return <i class={`swatch ${slotPattern(slot)}${dim ? ' dim' : ''}`} style={{ '--slot': slotColour(slot) }} aria-hidden="true" />;
}

export function Scores({ standings, rename, caption = 'Scores' }: { standings: readonly Standing[]; rename?: (name: string) => void; caption?: string }) {
  const [renaming, setRenaming] = useState(false);
  return (
    <table class="scores">
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Player</th>
          <th scope="col" class="number">
            Kills
          </th>
          <th scope="col" class="number">
            Deaths
          </th>
          <th scope="col" class="number">
            Won
          </th>
        </tr>
      </thead>
      <tbody>
        {standings.map(({ id, slot, name, bot, own, connected, alive, score, deaths, wins }) => (
          <tr key={id} class={own ? 'self' : undefined}>
            <th scope="row">
              <span class="player">
                <Swatch slot={slot} dim={!alive} />
                {own && renaming && rename ? (
                  <Rename
                    name={name}
                    done={(wanted) => {
                      setRenaming(false);
                      if (wanted !== null && wanted !== name) rename(wanted);
                    }}
                  />
                ) : (
                  <span class="name">{name}</span>
                )}
                {own && !renaming && <span class="quiet"> (you)</span>}
                {bot && <span class="tag">bot</span>}
                {!connected && !bot && <span class="quiet"> (away)</span>}
                {own && rename && !renaming && (
                  <button type="button" class="icon-button small" aria-label="Change your name" onClick={() => setRenaming(true)}>
                    <Icon of="rename" />
                  </button>
                )}
              </span>
            </th>
            <td class="number">{score}</td>
            <td class="number">{deaths}</td>
            <td class="number">{wins}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Rename({ name, done }: { name: string; done: (wanted: string | null) => void }) {
  const [wanted, setWanted] = useState(name);
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault();
        done(wanted.trim() || null);
      }}
    >
      <input
        aria-label="Your new name"
        ref={(input) => input?.focus()}
        value={wanted}
        maxLength={NAME_MAX}
        autocomplete="nickname"
        onInput={({ currentTarget }) => setWanted(currentTarget.value)}
        onBlur={() => done(wanted.trim() || null)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') done(null);
        }}
      />
    </form>
  );
}
