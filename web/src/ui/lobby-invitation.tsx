/** What somebody sees who follows a link to a game and has no name yet. */
import { useState } from 'preact/hooks';
import type { Hex64 } from '../protocol/bytes';
import { crowd } from './cluster-facts';
import { useLive } from './feed';
import { NamedMaze } from './maze-preview';
import { NAME_MAX, loadName, saveName } from './name';
import { Revision } from './revision';
import { gameHref } from './route';

export function Invitation({ game: id, done }: { game: Hex64; done: () => void }) {
  const { cluster } = useLive().news;
  const [name, setName] = useState(loadName);
  const game = cluster?.games.find((game) => game.id === id);
  if (cluster && !game) {
    return (
      <main class="page invitation" id="content" tabIndex={-1}>
        <h1>That game is over.</h1>
        <p class="lead">The link leads to a game that no longer runs. Others do.</p>
        <div class="actions">
          <a class="button primary big" href="#">
            See the games
          </a>
        </div>
      </main>
    );
  }
  const submit = (event: Event): void => {
    event.preventDefault();
    if (name.trim() === '') return;
    saveName(name.trim());
    done();
  };
  return (
    <main class="page invitation" id="content" tabIndex={-1}>
      <h1>{game ? `You are invited to ${game.name}.` : 'You are invited to a game.'}</h1>
      <p class="lead">Tanks in a maze, everyone against everyone. You are in as soon as the others know what to call you.</p>
      {game && (
        <div class="card game-row">
          <NamedMaze name={game.maze} />
          <div class="facts">
            <p>
              <strong>{crowd(game)}</strong> <span class="quiet">of {game.slots} places</span>
            </p>
            {game.owner && (
              <p class="quiet">
                runs on {game.owner.name} <Revision revision={game.owner.revision} />
              </p>
            )}
          </div>
        </div>
      )}
      <form class="play" onSubmit={submit}>
        <label class="field">
          <span>Your name</span>
          <input
            name="player"
            value={name}
            required
            maxLength={NAME_MAX}
            autocomplete="nickname"
            autocapitalize="words"
            spellcheck={false}
            placeholder="1 to 16 characters"
            onInput={({ currentTarget: { value } }) => setName(value)}
          />
        </label>
        <button class="button primary big">Play</button>
        <a class="button big" href={gameHref(id, true)}>
          Just watch
        </a>
      </form>
    </main>
  );
}
