/** What is said over the arena: why it stands still, and what has just changed. */
import type { Hex64 } from '../protocol/bytes';
import type { Play } from './game-play';
import { standstill } from './game-standstill';
import { gameHref } from './route';

export function Notice({ play, game, again, now }: { play: Play; game: Hex64; again: () => void; now: number }) {
  const { session, watch } = play;
  const found = standstill(
    {
      phase: session.phase,
      seen: session.view !== null,
      frameAt: session.frameAt,
      offline: session.offline,
      leaving: session.leaving,
      cutOff: session.cutOff,
      moving: session.view?.moving ?? false,
      lastMove: session.moves.at(-1),
      skipped: play.skipped,
    },
    now,
  );
  return (
    <div class="notice-place" role="status">
      {found && (
        <div class={`notice-box ${found.kind}`}>
          <p class="title">
            {found.title}
            {found.time && (
              <span class="quiet number" aria-hidden="true">
                {' '}
                {found.time}
              </span>
            )}
          </p>
          <p>
            {found.why} {found.next}
          </p>
          {found.kind === 'ended' && (
            <div class="actions">
              <button type="button" class="button primary" onClick={again}>
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
      )}
    </div>
  );
}

export function Toasts({ play }: { play: Play }) {
  return (
    <div class="toasts" role="status">
      {play.toasts.map(({ key, text, tone }) => (
        <p key={key} class={tone}>
          {text}
        </p>
      ))}
    </div>
  );
}
