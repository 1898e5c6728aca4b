/** The lobby: which games run and where; join, watch, or create one. */
import { useState } from 'preact/hooks';
import { type Game, createGame, listGames } from '../net/api';
import { NAME_MAX, loadName, saveName } from './name';
import { usePolled } from './poll';
import { gameHref } from './route';

const POLL_MS = 1000;
/** Most characters of a game's name, as the server counts them. */
const GAME_NAME_MAX = 32;

export function LobbyPage() {
  const { value: games, error } = usePolled(listGames, POLL_MS);
  const [name, setName] = useState(loadName);
  return (
    <main class="page">
      <h1>Games</h1>
      <p class="lead">Tanks in a maze, everyone against everyone. A game goes on when the server under it is replaced.</p>
      <label class="field">
        <span>Your name</span>
        <input
          name="player"
          value={name}
          maxLength={NAME_MAX}
          autocomplete="nickname"
          placeholder="1 to 16 characters"
          onInput={({ currentTarget: { value } }) => {
            setName(value);
            saveName(value);
          }}
        />
      </label>
      <p class="notice" role="status">
        {error && `${error} Trying again.`}
      </p>
      {games === null && !error && <p class="quiet">Loading…</p>}
      {games?.length === 0 && <p class="quiet">No game is running. Create the first one.</p>}
      <ul class="games">
        {games?.map((game) => (
          <GameRow key={game.id} game={game} />
        ))}
      </ul>
      <NewGame />
    </main>
  );
}

function GameRow({ game: { id, name, players, slots, owner } }: { game: Game }) {
  const full = players >= slots;
  return (
    <li class="card game-row">
      <div>
        <strong>{name}</strong>
        <span class="quiet">
          {players} of {slots} players · {owner ? `runs on ${owner.name}, build ${owner.build}` : 'no server at present'}
        </span>
      </div>
      <div class="actions">
        <a class={full ? 'button' : 'button primary'} href={gameHref(id)} aria-label={`Play ${name}`}>
          Play
        </a>
        <a class="button" href={gameHref(id, true)} aria-label={`Watch ${name}`}>
          Watch
        </a>
      </div>
    </li>
  );
}

function NewGame() {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const create = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      location.hash = gameHref(await createGame(name));
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
    setBusy(false);
  };
  return (
    <form class="new-game" onSubmit={(event) => void create(event)}>
      <label class="field">
        <span>New game</span>
        <input name="game" value={name} required maxLength={GAME_NAME_MAX} placeholder="Name of the game" onInput={({ currentTarget: { value } }) => setName(value)} />
      </label>
      <button class="button primary" disabled={busy}>
        Create
      </button>
      <p class="notice" role="alert">
        {error}
      </p>
    </form>
  );
}
