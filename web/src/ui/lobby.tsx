/** The lobby: who am I, one button to play, which games run and where, and a new one. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { createGame } from '../net/api';
import { Connection } from './connection';
import { byName, counted, crowd } from './cluster-facts';
import { type Live, useLive } from './feed';
import { NewGame } from './lobby-create';
import { GameRow } from './lobby-game';
import { NAME_MAX, loadName, saveName } from './name';
import { gameToPlay, newGameName } from './play-now';
import { gameHref } from './route';

export function LobbyPage() {
  const live = useLive();
  const { cluster, state } = live.news;
  const games = cluster && byName(cluster.games);
  return (
    <main class="page lobby" id="content" tabIndex={-1}>
      <PlayNow live={live} />
      <section class="running" aria-labelledby="games-title">
        <header class="section-head">
          <h2 id="games-title">Games</h2>
          <Connection news={live.news} />
        </header>
        {!games && state !== 'away' && <p class="empty">Looking for games…</p>}
        {!games && state === 'away' && (
          <p class="empty">No server answers at the moment. This page keeps trying; games that run go on without it.</p>
        )}
        {games?.length === 0 && <p class="empty">No game is running. Press “Play now” and the first one begins, with bots to shoot at.</p>}
        <ul class="games" aria-label="Running games">
          {games?.map((game) => (
            <GameRow key={game.id} game={game} />
          ))}
        </ul>
      </section>
      <NewGame games={games ?? []} />
    </main>
  );
}

/** Name and button. The name is kept at every key: changing it here is renaming. */
function PlayNow({ live: { news } }: { live: Live }) {
  const [name, setName] = useState(loadName);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const hint = useId();
  const game = news.cluster ? gameToPlay(news.cluster.games) : null;
  useEffect(() => {
    // Somebody new starts typing; a phone's keyboard must not jump up, though.
    if (loadName() === '' && matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);
  const play = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (name.trim() === '') {
      setError('Your name, please: the others see it above your tank.');
      field.current?.focus();
      return;
    }
    setBusy(true);
    setError('');
    try {
      const games = news.cluster?.games ?? [];
      location.hash = gameHref(game ? game.id : await createGame({ name: newGameName(name, games) }));
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    }
    setBusy(false);
  };
  return (
    <section class="hero">
      <div class="pitch">
        <h1>Tanks in a maze, everyone against everyone.</h1>
        <p class="lead">
          The games go on while the servers beneath them are replaced. <a href="#cluster">Watch that happen</a>.
        </p>
      </div>
      <form class="play" noValidate onSubmit={(event) => void play(event)}>
        <label class="field">
          <span>Your name</span>
          <input
            ref={field}
            name="player"
            value={name}
            maxLength={NAME_MAX}
            autocomplete="nickname"
            autocapitalize="words"
            spellcheck={false}
            placeholder="1 to 16 characters"
            aria-invalid={error !== '' && name.trim() === ''}
            aria-describedby={hint}
            onInput={({ currentTarget: { value } }) => {
              setName(value);
              saveName(value);
              if (value.trim() !== '') setError('');
            }}
          />
        </label>
        <button class="button primary big" disabled={busy}>
          Play now
        </button>
        <p class="quiet" id={hint}>
          {error === '' && destination(news.cluster !== null, game)}
        </p>
        <p class="notice" role="alert">
          {error}
        </p>
      </form>
    </section>
  );
}

function destination(known: boolean, game: ReturnType<typeof gameToPlay>): string {
  if (!known) return 'Joins the game with most people.';
  if (!game) return 'Starts a new game, with bots to shoot at.';
  const free = game.slots - game.players;
  return `Joins ${game.name}: ${crowd(game)}, ${counted(free, 'free place')}.`;
}
