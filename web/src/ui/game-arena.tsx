/** The arena on the page: its canvas, in words too, and a button on each entry point while one can launch. */
import { useEffect, useRef } from 'preact/hooks';
import { ENTRY_ZONE, MARGIN, described, isFree } from './arena';
import type { Play } from './game-play';
import { UNIT } from '../game/motion';

export function Arena({ play }: { play: Play }) {
  const field = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { session } = play;
  useEffect(() => (canvas.current && field.current ? play.attach(canvas.current, field.current) : undefined), [play]);
  return (
    <div ref={field} class="field">
      <div class="board">
        <canvas ref={canvas} role="img" aria-label={described(session.view?.players ?? null, session.self)} data-tick={session.view?.tick} />
        {play.launchable && <Entries play={play} />}
      </div>
    </div>
  );
}

function Entries({ play }: { play: Play }) {
  const { maze, view } = play.session;
  useEffect(
    () => () => {
      play.pointed = null;
    },
    [play],
  );
  if (!maze || !view) return null;
  const tanks = view.players.flatMap(({ tank }) => tank ?? []);
  const across = 2 * (maze.halfWidth / UNIT + MARGIN);
  const down = 2 * (maze.halfHeight / UNIT + MARGIN);
  const part = (length: number, of: number) => `${((length / of) * 100).toFixed(2)}%`;
  return (
    <>
      {maze.entries.map((entry, i) => (
        <button
          key={entry.name}
          type="button"
          class="entry"
          aria-label={`Launch at ${entry.name}`}
          disabled={!isFree(entry, tanks)}
          style={{
            left: part(across / 2 + entry.x / UNIT, across),
            top: part(down / 2 - entry.y / UNIT, down),
            width: part(2 * ENTRY_ZONE, across),
            height: part(2 * ENTRY_ZONE, down),
          }}
          onClick={(event) => play.controls.launch(i, event.timeStamp)}
          onPointerEnter={() => {
            play.pointed = i;
          }}
          onPointerLeave={() => {
            play.pointed = null;
          }}
        />
      ))}
    </>
  );
}
