/** A new game: its name, its maze, its bots. */
import { useId, useState } from 'preact/hooks';
import { type Game, createGame } from '../net/api';
import { MazePreview, useMazes } from './maze-preview';
import { gameHref } from './route';

/** Most characters of a game's name, as the server counts them. */
const GAME_NAME_MAX = 32;
/** Places in a game where no game tells. */
const SLOTS = 8;
/** Players that bots fill a new game up to, unless its maker says otherwise. */
const BOTS = 4;

export function NewGame({ games }: { games: readonly Game[] }) {
  const mazes = useMazes();
  const [name, setName] = useState('');
  const [maze, setMaze] = useState<string | null>(null);
  const [bots, setBots] = useState(BOTS);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const title = useId();
  const botsMax = Math.max(0, (games[0]?.slots ?? SLOTS) - 1);
  const chosen = maze ?? mazes[0]?.name;
  const create = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      const game = await createGame({ name: name.trim(), bots: Math.min(bots, botsMax), ...(chosen === undefined ? {} : { maze: chosen }) });
      location.hash = gameHref(game);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
    setBusy(false);
  };
  return (
    <section class="card create" aria-labelledby={title}>
      <h2 id={title}>Your own game</h2>
      <form class="new-game" onSubmit={(event) => void create(event)}>
        <label class="field">
          <span>New game</span>
          <input name="game" value={name} required maxLength={GAME_NAME_MAX} placeholder="Name of the game" autocomplete="off" onInput={({ currentTarget: { value } }) => setName(value)} />
        </label>
        {mazes.length > 0 && (
          <fieldset class="mazes">
            <legend>Maze</legend>
            <div class="choices">
              {mazes.map(({ name, text }) => (
                <label key={name} class="choice">
                  <input type="radio" name="maze" value={name} checked={name === chosen} onChange={() => setMaze(name)} />
                  <MazePreview text={text} />
                  <span>{name}</span>
                </label>
              ))}
            </div>
          </fieldset>
        )}
        <label class="field">
          <span>Bots</span>
          <input type="range" name="bots" min={0} max={botsMax} value={Math.min(bots, botsMax)} aria-valuetext={botsSaid(bots)} onInput={({ currentTarget }) => setBots(currentTarget.valueAsNumber)} />
          <span class="quiet">{botsSaid(Math.min(bots, botsMax))}</span>
        </label>
        <button class="button primary" disabled={busy}>
          Create
        </button>
        <p class="notice" role="alert">
          {error}
        </p>
      </form>
    </section>
  );
}

function botsSaid(bots: number): string {
  return bots === 0 ? 'None: only people play.' : `They fill the game up to ${bots} and make room for people.`;
}
