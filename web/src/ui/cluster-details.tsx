/** What the pictures say, as tables and as a voice. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ago, counted, gameName, memberName, moveSentence, shortTime } from './cluster-facts';
import { type SeenMove, type Story, causeOf } from './cluster-story';
import { useNow } from './feed';
import { Revision } from './revision';

/** Moves in the table. */
const ROWS = 20;
/** Moves that come closer together are announced as one. */
const BREATH_MS = 2000;
const CAUSES = { planned: 'planned move', parked: 'no server was there', failed: 'the game had failed', crash: 'crash' } as const;

export function Details({ story }: { story: Story }) {
  const now = useNow(1000);
  const moves = story.moves.slice(-ROWS).reverse();
  return (
    <div class="details">
      <section class="card">
        <h2>Moves</h2>
        {moves.length === 0 && <p class="quiet">No game has moved yet.</p>}
        {moves.length > 0 && (
          <div class="scroll moves" tabIndex={0} role="group" aria-label="Moves, newest first">
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
                    <th scope="row">{gameName(story, move.game)}</th>
                    <td>{memberName(story, move.from)}</td>
                    <td>{memberName(story, move.to)}</td>
                    <td class="number">{move.tick.toLocaleString('en')}</td>
                    <td class="number">{shortTime(move.pause_us / 1000)}</td>
                    <td>{causeOf(move) === 'crash' ? `${CAUSES.crash} (${move.cause})` : CAUSES[causeOf(move)]}</td>
                    <td class="number">{ago(now - move.at)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      <section class="card">
        <h2>Servers</h2>
        <div class="scroll" tabIndex={0} role="group" aria-label="Servers">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Revision</th>
                <th scope="col">Build</th>
                <th scope="col">Address</th>
              </tr>
            </thead>
            <tbody>
              {story.cluster.members.map(({ id, name, revision, build, address }) => (
                <tr key={id}>
                  <th scope="row">{name}</th>
                  <td>
                    <Revision revision={revision} />
                  </td>
                  <td>{build}</td>
                  <td class="number">{address}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </section>
      <Voice story={story} />
    </div>
  );
}

/** Tells moves to those who do not see them, a few at a time. */
function Voice({ story }: { story: Story }) {
  const [said, setSaid] = useState('');
  const told = useRef(story.moves.at(-1)?.at ?? -Infinity);
  const { moves } = story;
  useEffect(() => {
    const fresh = moves.filter(({ at }) => at > told.current);
    if (fresh.length === 0) return;
    const timer = setTimeout(() => {
      told.current = moves.at(-1)?.at ?? told.current;
      setSaid(summary(story, fresh));
    }, BREATH_MS);
    return () => clearTimeout(timer);
    // The story changes all the time; only moves are told.
  }, [moves]);
  return (
    <p class="hidden" role="status" aria-live="polite">
      {said}
    </p>
  );
}

function summary(story: Story, moves: readonly SeenMove[]): string {
  const [only] = moves;
  if (moves.length === 1 && only) return moveSentence(story, only);
  const longest = Math.max(...moves.map(({ pause_us }) => pause_us)) / 1000;
  const games = moves.map((move) => `${gameName(story, move.game)} to ${memberName(story, move.to)}`).join(', ');
  return `${counted(moves.length, 'game')} moved, the longest pause was ${shortTime(longest)}: ${games}.`;
}
