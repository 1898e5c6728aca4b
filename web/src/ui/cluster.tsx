/** The cluster: which servers there are, which games each runs, and how games have moved. */
import { useRef, useState } from 'preact/hooks';
import { type Cluster, type Game, type Member, type Move, loadCluster, rollDemo } from '../net/api';
import { usePolled } from './poll';
import { gameHref } from './route';

const POLL_MS = 500;

export function ClusterPage() {
  const { value: cluster, error, refresh } = usePolled(loadCluster, POLL_MS);
  const homeless = cluster?.games.filter(({ owner }) => !cluster.members.some(({ id }) => id === owner?.id)) ?? [];
  return (
    <main class="page wide">
      <h1>Cluster</h1>
      {cluster?.demo && <Demo rolled={refresh} />}
      <p class="notice" role="status">
        {error && `${error} Trying again.`}
      </p>
      {!cluster && !error && <p class="quiet">Loading…</p>}
      {cluster && (
        <>
          <ul class="members">
            {cluster.members.map((member) => (
              <MemberBox key={member.id} member={member} here={member.id === cluster.me} games={cluster.games.filter(({ owner }) => owner?.id === member.id)} />
            ))}
          </ul>
          {homeless.length > 0 && (
            <section class="card">
              <h2>Games without a server at present</h2>
              <Games games={homeless} />
            </section>
          )}
          <Moves cluster={cluster} />
        </>
      )}
    </main>
  );
}

function Demo({ rolled }: { rolled: () => void }) {
  const [said, setSaid] = useState('');
  const roll = async (): Promise<void> => {
    setSaid('');
    try {
      await rollDemo();
      setSaid('The servers are being replaced, one after the other. Watch the games move.');
      rolled();
    } catch (failure) {
      setSaid(failure instanceof Error ? failure.message : String(failure));
    }
  };
  return (
    <section class="card demo">
      <p>Demo: one build, one process; three servers in it.</p>
      <button class="button primary" onClick={() => void roll()}>
        Replace the servers, one after the other
      </button>
      <p class="notice" role="status">
        {said}
      </p>
    </section>
  );
}

function MemberBox({ member, here, games }: { member: Member; here: boolean; games: readonly Game[] }) {
  return (
    <li class="card member" data-member={member.id}>
      <h2>
        {member.name} <span class={`state ${member.state}`}>{member.state}</span>
      </h2>
      <dl>
        <dt>Build</dt>
        <dd>{member.build}</dd>
        <dt>Revision</dt>
        <dd>{member.revision}</dd>
        <dt>Address</dt>
        <dd>{member.address}</dd>
        <dt>Players connected</dt>
        <dd>{member.players}</dd>
      </dl>
      <h3>{games.length === 1 ? '1 game' : `${games.length} games`}</h3>
      <Games games={games} />
      {here && <p class="quiet">This server answered your browser.</p>}
    </li>
  );
}

function Games({ games }: { games: readonly Game[] }) {
  return (
    <ul class="owned">
      {games.map(({ id, name, players, slots, tick }) => (
        <li key={id}>
          <a href={gameHref(id, true)}>{name}</a>
          <span class="quiet">
            {players}/{slots} players · tick {tick.toLocaleString('en')}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Moves({ cluster: { moves, members, games } }: { cluster: Cluster }) {
  // Members and games that are gone keep the names that this page has seen.
  const names = useRef(new Map<string, string>()).current;
  for (const { id, name } of [...members, ...games]) names.set(id, name);
  const named = (id: string | null) => (id === null ? '–' : (names.get(id) ?? id.slice(0, 8)));
  return (
    <section class="card">
      <h2>Moves</h2>
      {moves.length === 0 && <p class="quiet">No game has moved yet.</p>}
      {moves.length > 0 && (
        <div class="scroll moves">
          <table>
            <thead>
              <tr>
                <th scope="col">Game</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">At tick</th>
                <th scope="col">Pause</th>
                <th scope="col">Cause</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {moves.map((move) => (
                <tr key={`${move.game} ${move.epoch}`}>
                  <td>{named(move.game)}</td>
                  <td>{named(move.from)}</td>
                  <td>{named(move.to)}</td>
                  <td class="number">{move.tick.toLocaleString('en')}</td>
                  <td class="number">{pause(move)}</td>
                  <td>{move.cause}</td>
                  <td class="number">{ago(move.ago_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function pause({ pause_us }: Move): string {
  return `${(pause_us / 1000).toFixed(pause_us < 100_000 ? 1 : 0)} ms`;
}

function ago(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}
