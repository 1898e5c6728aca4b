/** Kills and the like, once they cannot be taken back. */
import type { FeedLine, Named } from '../game/scene';
import { slotColour } from './colours';

/** Lines are shown for so long, at most so many. */
const SHOWN_TICKS = 400;
const LINES = 5;

export function Feed({ feed, tick }: { feed: readonly FeedLine[]; tick: number }) {
  return (
    <ol class="feed" aria-live="polite" aria-relevant="additions" aria-label="What has happened">
      {feed
        .filter((line) => tick - line.tick < SHOWN_TICKS)
        .slice(-LINES)
        .map((line) => (
          <li key={line.key} class={isOwn(line) ? 'own' : undefined}>
            <Line line={line} />
            {line.unsaved && <span class="quiet"> (not safe yet)</span>}
          </li>
        ))}
    </ol>
  );
}

function isOwn({ what }: FeedLine): boolean {
  return what.type === 'kill' ? what.victim.own || what.by?.own === true : what.type === 'destruct' ? what.victim.own : what.winner?.own === true;
}

function Line({ line: { what } }: { line: FeedLine }) {
  switch (what.type) {
    case 'kill':
      if (!what.by) return <><Who who={what.victim} first /> {what.victim.own ? 'were' : 'was'} destroyed</>;
      if (what.by.slot === what.victim.slot) return <><Who who={what.victim} first /> got caught in {what.victim.own ? 'your' : 'their'} own blast</>;
      return <><Who who={what.by} first /> destroyed <Who who={what.victim} /></>;
    case 'destruct':
      return <><Who who={what.victim} first /> self-destructed</>;
    case 'roundOver':
      return what.winner ? <><Who who={what.winner} first /> won the round</> : <>Nobody won the round</>;
  }
}

function Who({ who, first = false }: { who: Named; first?: boolean }) {
  const you = first ? 'You' : 'you';
  return (
    <b class="who" style={{ '--slot': slotColour(who.slot) }}>
      {who.own ? you : who.name}
    </b>
  );
}
