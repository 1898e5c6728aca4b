/** The arena on the page: its canvas, in words too, and what a mouse or finger does to it. */
import { useEffect, useRef } from 'preact/hooks';
import { described, entryAt } from './arena';
import type { Play } from './game-play';

export function Arena({ play }: { play: Play }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { session, launchable } = play;
  useEffect(() => {
    const field = canvas.current?.parentElement;
    return canvas.current && field ? play.attach(canvas.current, field) : undefined;
  }, [play]);
  const at = (event: PointerEvent): number | null =>
    canvas.current && session.maze && play.launchable ? entryAt(canvas.current, session.maze, event.clientX, event.clientY) : null;
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={described(session.view?.players ?? null, session.self)}
      data-tick={session.view?.tick}
      class={launchable ? 'choosing' : undefined}
      onPointerDown={(event) => {
        const entry = at(event);
        if (entry !== null) play.controls.launch(entry, event.timeStamp);
      }}
      onPointerMove={(event) => {
        play.pointed = at(event);
      }}
      onPointerLeave={() => {
        play.pointed = null;
      }}
    />
  );
}
