/** Between two lives: who did it, and how to come back. */
import { isFree } from './arena';
import { slotColour } from './colours';
import type { Play } from './game-play';

export function Launcher({ play, touch }: { play: Play; touch: boolean }) {
  const { session, controls } = play;
  const { self, view, killer, maze } = session;
  if (play.watch || !self || self.tank || session.phase.type !== 'playing' || !view || view.round.resting) return null;
  const by = killer === null ? null : (view.players.find(({ slot }) => slot === killer) ?? null);
  const tanks = view.players.flatMap(({ tank }) => tank ?? []);
  const free = maze?.entries.some((entry) => isFree(entry, tanks)) ?? true;
  return (
    <section class="launcher" aria-label="Launch a tank">
      <p>
        {by && by.id !== self.id && (
          <>
            Destroyed by <b class="who" style={{ '--slot': slotColour(by.slot) }}>{by.name}</b>.{' '}
          </>
        )}
        {by && by.id === self.id && 'Destroyed by yourself. '}
        {!free && 'A tank stands at every entry point: wait a moment.'}
        {free && (touch ? 'Tap an entry point, or:' : <><kbd>Enter</kbd> launches{by ? '' : ', or click an entry point'}</>)}
      </p>
      {!touch && (
        <button type="button" class="button primary" onClick={(event) => controls.launch(null, event.timeStamp)}>
          Launch
        </button>
      )}
    </section>
  );
}
