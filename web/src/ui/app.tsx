/** The frame around all pages: title, ways between them. */
import { ClusterPage } from './cluster';
import { GamePage } from './game';
import { LobbyPage } from './lobby';
import { useRoute } from './route';

export function App() {
  const route = useRoute();
  const here = (page: string) => (route.page === page ? 'page' : undefined);
  return (
    <>
      <header class="top">
        <a class="brand" href="#">
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
      {route.page === 'game' && <GamePage key={`${route.game} ${route.watch}`} game={route.game} watch={route.watch} />}
    </>
  );
}
