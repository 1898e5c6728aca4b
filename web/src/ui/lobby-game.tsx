/** One running game in the lobby. */
import { useRef, useState } from 'preact/hooks';
import type { Game } from '../net/api';
import { crowd } from './cluster-facts';
import { NamedMaze } from './maze-preview';
import { Revision } from './revision';
import { gameHref, shareLink } from './route';

export function GameRow({ game }: { game: Game }) {
  const { id, name, players, bots, slots, maze, owner, quarantined } = game;
  const full = players >= slots;
  return (
    <li class="card game-row">
      <NamedMaze name={maze} />
      <div class="facts">
        <h3>{name}</h3>
        <p>
          <Places players={players} bots={bots} slots={slots} />
          <span>
            {crowd(game)} <span class="quiet">of {slots} places</span>
          </span>
        </p>
        <p class="quiet">
          {maze && <span>Maze {maze}</span>}
          {owner ? (
            <>
              <span>runs on {owner.name}</span>
              <Revision revision={owner.revision} />
            </>
          ) : (
            <span>{quarantined ? 'stopped: it has failed again and again' : 'between two servers, back in a moment'}</span>
          )}
        </p>
      </div>
      <div class="actions">
        {quarantined ? null : full ? (
          <span class="quiet full">Full</span>
        ) : (
          <a class="button primary" href={gameHref(id)} aria-label={`Play ${name}`}>
            Play
          </a>
        )}
        {!quarantined && (
          <a class="button" href={gameHref(id, true)} aria-label={`Watch ${name}`}>
            Watch
          </a>
        )}
        <CopyLink game={game} />
      </div>
    </li>
  );
}

/** One mark for each place: people full, bots hollow, free ones dim. */
export function Places({ players, bots, slots }: Pick<Game, 'players' | 'bots' | 'slots'>) {
  const marks = Array.from({ length: Math.max(slots, players + bots) }, (_, n) => (n < players ? 'person' : n < players + bots ? 'bot' : 'free'));
  return (
    <span class="places" aria-hidden="true">
      {marks.map((mark, n) => (
        <i key={n} class={mark} />
      ))}
    </span>
  );
}

function CopyLink({ game: { id, name } }: { game: Game }) {
  const [said, setSaid] = useState<'' | 'copied' | 'shown'>('');
  const field = useRef<HTMLInputElement>(null);
  const link = shareLink(id);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link);
      setSaid('copied');
    } catch {
      // Without https browsers give no clipboard: show the link, marked, to be copied by hand.
      setSaid('shown');
      requestAnimationFrame(() => field.current?.select());
    }
  };
  return (
    <>
      <button class="button" type="button" aria-label={`${said === 'copied' ? 'Copied' : 'Copy'} the link to ${name}`} onClick={() => void copy()} onBlur={() => said === 'copied' && setSaid('')}>
        {said === 'copied' ? 'Copied' : 'Copy the link'}
      </button>
      {said === 'shown' && <input ref={field} class="link" readOnly value={link} aria-label={`Link to ${name}`} />}
      <span class="hidden" role="status">
        {said === 'copied' && 'The link is in the clipboard.'}
      </span>
    </>
  );
}
