/** The page of one game: play or watch it, see who leads, and which servers run it. */
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { UNIT } from '../game/motion';
import type { Stage } from '../game/stage';
import type { Player } from '../game/view';
import { type Phase, Session } from '../net/session';
import type { Socket } from '../net/link';
import { loadIdentity } from '../net/token';
import type { Hex64 } from '../protocol/bytes';
import { colour, entryAt, fit, paint } from './arena';
import { listen } from './keys';
import { NAME_MAX, loadName, saveName } from './name';
import { gameHref } from './route';

/** How often texts around the arena follow the game. */
const TEXTS_MS = 250;
/** Without a frame for so long the page says so. */
const SILENCE_SHOWN_MS = 250;

export function GamePage({ game, watch }: { game: Hex64; watch: boolean }) {
  const [name, setName] = useState(loadName().trim());
  const [visit, again] = useReducer((n: number) => n + 1, 0);
  if (watch || name !== '' || loadIdentity(sessionStorage, game)) return <Table key={visit} game={game} name={name} watch={watch} again={() => again(undefined)} />;
  return <NameForm done={setName} game={game} />;
}

function NameForm({ game, done }: { game: Hex64; done: (name: string) => void }) {
  const [name, setName] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (name.trim() === '') return;
    saveName(name.trim());
    done(name.trim());
  };
  return (
    <main class="page">
      <h1>Join the game</h1>
      <form class="new-game" onSubmit={submit}>
        <label class="field">
          <span>Your name</span>
          <input name="player" value={name} required maxLength={NAME_MAX} autocomplete="nickname" onInput={({ currentTarget: { value } }) => setName(value)} />
        </label>
        <button class="button primary">Play</button>
        <a class="button" href={gameHref(game, true)}>
          Watch instead
        </a>
      </form>
    </main>
  );
}

/** A session and its stage, for as long as the page is open. */
function useSession(game: Hex64, name: string, watch: boolean): { session: Session; stage: Stage } | null {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [running, setRunning] = useState<{ session: Session; stage: Stage } | null>(null);
  useEffect(() => {
    const session = new Session({ game, name, spectate: watch, storage: sessionStorage, open: openSocket }, () => redraw(undefined));
    setRunning({ session, stage: session.stage });
    const texts = setInterval(() => redraw(undefined), TEXTS_MS);
    return () => {
      clearInterval(texts);
      session.close();
    };
  }, [game, name, watch]);
  return running;
}

function openSocket(): Socket {
  return new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/play`) as Socket;
}

function Table({ game, name, watch, again }: { game: Hex64; name: string; watch: boolean; again: () => void }) {
  const running = useSession(game, name, watch);
  if (!running) return null;
  const { session, stage } = running;
  const { self, view } = session;
  return (
    <main class="table">
      <section class="stage" aria-label="Arena">
        <Arena session={session} stage={stage} />
        <Notice session={session} game={game} watch={watch} again={again} />
      </section>
      <aside class="side">
        <h1>{session.welcome?.settingsName ?? 'Game'}</h1>
        <Launcher session={session} />
        <Scores players={view?.players ?? []} self={self?.id ?? null} />
        <Hosts session={session} />
        {!watch && (
          <p class="quiet">
            Arrows, <kbd>I J K L</kbd> or <kbd>W A S D</kbd> drive; <kbd>Space</kbd> fires.
          </p>
        )}
        <div class="actions">
          {watch ? (
            <a class="button" href={gameHref(game)}>
              Play
            </a>
          ) : (
            <button
              class="button"
              disabled={session.phase.type === 'ended'}
              onClick={() => {
                session.leave();
                location.hash = '#';
              }}
            >
              Leave the game
            </button>
          )}
        </div>
      </aside>
    </main>
  );
}

function Arena({ session, stage }: { session: Session; stage: Stage }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let next = 0;
    const draw = (now: number): void => {
      next = requestAnimationFrame(draw);
      const { current: canvas } = ref;
      if (!canvas || !session.maze) return;
      fit(canvas);
      const { self } = session;
      paint(canvas, { maze: session.maze, scene: stage.at(now, self?.id ?? null), self: self?.id ?? null, launchable: launchable(session) });
    };
    next = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(next);
  }, [session, stage]);
  useEffect(
    () => listen({ hold: (keys) => session.hold(keys), launchable: () => launchable(session), launch: () => session.launch(null) }),
    [session],
  );
  return (
    <canvas
      ref={ref}
      role="img"
      aria-label={described(session)}
      data-tick={session.view?.tick}
      onPointerDown={(event) => {
        const { maze } = session;
        const entry = maze && launchable(session) ? entryAt(event.currentTarget, maze, event.clientX, event.clientY) : null;
        if (entry !== null) session.launch(entry);
      }}
    />
  );
}

function launchable({ self }: Session): boolean {
  return self !== null && self.tank === null;
}

/** The arena in words. */
function described({ self, view }: Session): string {
  if (!view) return 'The arena, empty';
  const tanks = view.players.filter(({ tank }) => tank).length;
  const place = (units: number) => (units / UNIT).toFixed(2);
  const own = self?.tank ? `; yours is at ${place(self.tank.x)}, ${place(self.tank.y)}, heading ${Math.round((self.tank.heading * 360) / 65_536)} degrees` : '';
  return `The arena with ${tanks === 1 ? '1 tank' : `${tanks} tanks`}${own}`;
}

function Launcher({ session }: { session: Session }) {
  if (!launchable(session) || session.phase.type !== 'playing') return null;
  return (
    <section class="launcher" aria-label="Launch a tank">
      <button class="button primary" onClick={() => session.launch(null)}>
        Launch
      </button>
      <span class="quiet">or press Enter, or choose an entry point:</span>
      <div class="actions">
        {session.maze?.entries.map(({ name }, entry) => (
          <button key={name} class="button small" onClick={() => session.launch(entry)}>
            {name}
          </button>
        ))}
      </div>
    </section>
  );
}

function Scores({ players, self }: { players: readonly Player[]; self: Hex64 | null }) {
  const ranked = useMemo(() => [...players].sort((a, b) => b.score - a.score || a.deaths - b.deaths || a.slot - b.slot), [players]);
  return (
    <table class="scores">
      <caption>Scores</caption>
      <thead>
        <tr>
          <th scope="col">Player</th>
          <th scope="col">Kills</th>
          <th scope="col">Deaths</th>
        </tr>
      </thead>
      <tbody>
        {ranked.map(({ id, slot, name, connected, score, deaths, tank }) => (
          <tr key={id} class={id === self ? 'self' : undefined}>
            <th scope="row">
              <i class="swatch" style={{ background: colour(slot), opacity: tank ? 1 : 0.35 }} />
              {name}
              {id === self && <span class="quiet"> (you)</span>}
              {!connected && <span class="quiet"> (away)</span>}
            </th>
            <td class="number">{score}</td>
            <td class="number">{deaths}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Hosts({ session }: { session: Session }) {
  const { host, view, pingMs, moves } = session;
  const last = moves.at(-1);
  const server = (name: string | undefined, build: string | undefined) => (name ? `${name}${build ? `, build ${build}` : ''}` : 'not known');
  return (
    <dl class="hosts" aria-label="Servers">
      <dt>Serves you</dt>
      <dd data-host="edge">{server(host?.edgeName, host?.edgeBuild)}</dd>
      <dt>Runs the game</dt>
      <dd data-host="owner">{server(host?.ownerName, host?.ownerBuild)}</dd>
      <dt>Tick</dt>
      <dd class="number" data-host="tick">
        {view ? view.tick.toLocaleString('en') : '–'}
      </dd>
      <dt>Round trip</dt>
      <dd class="number">{pingMs === null ? '–' : `${Math.max(1, Math.round(pingMs))} ms`}</dd>
      <dt>Moves seen</dt>
      <dd data-host="moves">
        {moves.length}
        {last && <span class="quiet">{` (last: ${Math.round(last.gapMs)} ms between frames${last.rewoundMs > 0 ? `, ${last.rewoundMs} ms back` : ''})`}</span>}
      </dd>
      {view?.registryAway && (
        <>
          <dt>Registry</dt>
          <dd class="warn">Away. The game goes on, but a crash now would undo what is played.</dd>
        </>
      )}
    </dl>
  );
}

function Notice({ session, game, watch, again }: { session: Session; game: Hex64; watch: boolean; again: () => void }) {
  const { phase } = session;
  const sentence = said(session, phase);
  if (sentence === null) return null;
  return (
    <div class={`notice-box ${phase.type}`} role="status">
      <p>{sentence}</p>
      {phase.type === 'ended' && (
        <div class="actions">
          <button class="button primary" onClick={again}>
            {watch ? 'Watch again' : 'Join again'}
          </button>
          {!watch && (
            <a class="button" href={gameHref(game, true)}>
              Watch
            </a>
          )}
          <a class="button" href="#">
            Lobby
          </a>
        </div>
      )}
    </div>
  );
}

/** Why the game does not go on, if it does not. */
function said(session: Session, phase: Phase): string | null {
  const now = performance.now();
  switch (phase.type) {
    case 'connecting':
      return session.view ? 'Connecting again…' : 'Connecting…';
    case 'waiting': {
      const seconds = Math.ceil((phase.retryAt - now) / 1000);
      return `${phase.sentence} Trying again${seconds > 0 ? ` in ${seconds} s` : ''} (attempt ${phase.attempt}).`;
    }
    case 'ended':
      return `${phase.sentence} This page does not try again by itself.`;
    case 'playing': {
      const silent = now - (session.frameAt ?? now);
      if (silent <= SILENCE_SHOWN_MS) return session.leaving ? 'The server that you are connected to is leaving. Changing over…' : null;
      const why = session.leaving ? 'The server that you are connected to is leaving' : session.view?.moving ? 'The game is moving to another server' : 'No news from the server that runs the game';
      return `${why} (${(silent / 1000).toFixed(1)} s). The page goes on as soon as it answers.`;
    }
  }
}
