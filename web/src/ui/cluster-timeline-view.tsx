/** The time line: a lane for each game, coloured by the revision that ran it, with a mark at each move. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ago, gameName, memberName, memberOf, moveSentence, shortName, shortTime } from './cluster-facts';
import { type Story, causeOf } from './cluster-story';
import { type Lane, type Mark, axisOf, timelineOf, windowOf } from './cluster-timeline';
import { UNKNOWN_REVISION, revisionColour } from './colours';
import { useNow } from './feed';

/** Letters are about so wide, in parts of the type's size. */
const LETTER = 0.62;

export function TimelineView({ story }: { story: Story }) {
  const still = useRef(matchMedia('(prefers-reduced-motion: reduce)').matches).current;
  const now = useNow(still ? 1000 : 200);
  const lanesBox = useRef<HTMLDivElement>(null);
  const width = useWidth(lanesBox);
  const windowMs = windowOf(story, now);
  const { lanes, hidden } = timelineOf(story, now, windowMs);
  return (
    <section class="card timeline" aria-labelledby="timeline-title">
      <header class="section-head">
        <h2 id="timeline-title">Where each game ran</h2>
        <p class="key">
          <span>
            <i class="mark planned" aria-hidden="true" /> planned move
          </span>
          <span>
            <i class="mark crash" aria-hidden="true" /> after a crash
          </span>
          <span class="quiet">and the pause that players had</span>
        </p>
      </header>
      <div class="lanes" ref={lanesBox}>
        {lanes.map((lane) => (
          <LaneRow key={lane.game.id} lane={lane} story={story} now={now} width={width} />
        ))}
        <div class="axis" aria-hidden="true">
          {axisOf(windowMs).map(({ x, label }) => (
            <span key={label} style={{ left: `${x * 100}%` }}>
              {label}
            </span>
          ))}
        </div>
      </div>
      {hidden > 0 && <p class="quiet">The {lanes.length} games that moved last; {hidden} more run.</p>}
    </section>
  );
}

function LaneRow({ lane: { game, stretches, marks }, story, now, width }: { lane: Lane; story: Story; now: number; width: number }) {
  return (
    <div class="lane">
      <span class="lane-name">{game.name}</span>
      <div class="track">
        {stretches.map(({ member, from, to, marked }) => {
          const known = memberOf(story, member);
          const label = known ? shortName(known) : '';
          const fits = (to - from) * width > (label.length + (marked ? 10 : 2)) * LETTER * 14;
          return (
            <span
              key={member}
              class={`stretch${known ? '' : ' unknown'}${marked ? ' marked' : ''}`}
              style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%`, '--revision': known ? revisionColour(known.revision) : UNKNOWN_REVISION }}
            >
              {fits && label}
            </span>
          );
        })}
        {marks.map((mark) => (
          <MarkDot key={mark.move.epoch} mark={mark} story={story} now={now} width={width} />
        ))}
      </div>
    </div>
  );
}

function MarkDot({ mark: { move, x, room }, story, now, width }: { mark: Mark; story: Story; now: number; width: number }) {
  const cause = causeOf(move);
  const pause = shortTime(move.pause_us / 1000);
  // Towards the edges a box above the mark would hang over.
  const side = x < 0.2 ? 'start' : x > 0.8 ? 'end' : 'middle';
  return (
    <button
      type="button"
      class={`mark ${cause} ${side}`}
      style={{ left: `${x * 100}%` }}
      aria-label={`${gameName(story, move.game)}, ${memberName(story, move.from)} to ${memberName(story, move.to)}, ${cause === 'planned' ? 'planned move' : cause === 'crash' ? 'after a crash' : 'taken up again'}, pause ${pause}, ${ago(now - move.at)}`}
    >
      {room * width > pause.length * LETTER * 13 + 24 && (
        <span class="pause" aria-hidden="true">
          {pause}
        </span>
      )}
      <span class="tip" aria-hidden="true">
        {moveSentence(story, move)} <span class="quiet">{ago(now - move.at)}, tick {move.tick.toLocaleString('en')}</span>
      </span>
    </button>
  );
}

/** The width of an element's tracks in pixels. */
function useWidth(ref: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const { current } = ref;
    if (!current) return;
    const observer = new ResizeObserver(() => setWidth(current.querySelector('.track')?.clientWidth ?? current.clientWidth));
    observer.observe(current);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
