/** The frame around all pages: title, ways between them, and a name before the first game. */
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { loadIdentity } from '../net/token';
import { ClusterPage } from './cluster';
import { GamePage } from './game';
import { LobbyPage } from './lobby';
import { Invitation } from './lobby-invitation';
import { loadName } from './name';
import { type Route, useRoute } from './route';

const TITLES = { lobby: 'Tanx', cluster: 'Tanx: the cluster, live', game: 'Tanx: in a game' } as const;

export function App() {
  const route = useRoute();
  const here = (page: Route['page']) => (route.page === page ? 'page' : undefined);
  useArrival(route.page);
  return (
    <>
      <a class="skip" href="#content" onClick={focusContent}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="#">
          <img src="/icon.svg" alt="" width="26" height="26" />
          Tanx
        </a>
        <nav aria-label="Pages">
          <a href="#" aria-current={here('lobby')}>
            Games
          </a>
          <a href="#cluster" aria-current={here('cluster')}>
            Cluster
          </a>
        </nav>
      </header>
      {route.page === 'lobby' && <LobbyPage />}
      {route.page === 'cluster' && <ClusterPage />}
      {route.page === 'game' && <Visit key={`${route.game} ${route.watch}`} game={route.game} watch={route.watch} />}
    </>
  );
}

/** Who plays needs a name; who watches, or comes back, does not. */
function Visit({ game, watch }: { game: string; watch: boolean }) {
  const [, named] = useReducer((n: number) => n + 1, 0);
  const known = watch || loadName().trim() !== '' || loadIdentity(sessionStorage, game) !== null;
  return known ? <GamePage game={game} watch={watch} /> : <Invitation game={game} done={() => named(undefined)} />;
}

/** A new page has its title, and the keyboard is where its content begins. */
function useArrival(page: Route['page']): void {
  const first = useRef(true);
  useEffect(() => {
    document.title = TITLES[page];
    if (!first.current) {
      scrollTo(0, 0);
      document.getElementById('content')?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [page]);
}

/** The address names the page, so a jump must not change it. */
function focusContent(event: Event): void {
  event.preventDefault();
  const content = document.getElementById('content') ?? document.querySelector('main');
  content?.focus();
}
