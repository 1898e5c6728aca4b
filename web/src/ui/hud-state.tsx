/** The honest line: how well the page runs, which servers are behind it, and how each change of servers was felt. */
import { useState } from 'preact/hooks';
import type { Move } from '../game/scene';
import { GAP_BUCKETS, GAP_SECONDS } from './game-frames';
import { Icon } from './game-icons';
import type { Play } from './game-play';
import { Revision } from './revision';

const WIDE = 120;
const HIGH = 22;
/** Top of the line of gaps, in milliseconds. */
const GAP_TOP = 120;

export function StateLine({ play, now }: { play: Play; now: number }) {
  const [open, setOpen] = useState(false);
  const { session, pictures, gaps } = play;
  const { view, host, pingMs, moves } = session;
  const last = moves.at(-1);
  return (
    <footer class={`state-line${open ? ' open' : ''}`} aria-label="State of the game">
      <span class="figure">
        <b class="number">{Math.round(pictures.fps)}</b> fps
      </span>
      <span class="figure">
        <b class="number">{pingMs === null ? '–' : Math.max(1, Math.round(pingMs))}</b> ms
        <span class="hidden"> there and back</span>
      </span>
      <span class="figure more">
        tick{' '}
        <b class="number" data-host="tick">
          {view ? view.tick.toLocaleString('en') : '–'}
        </b>
      </span>
      <span class="server">
        <span class="quiet">Serves you</span> <Server part="edge" name={host?.edgeName} build={host?.edgeBuild} revision={host?.edgeRevision} />
      </span>
      <span class="server more">
        <span class="quiet">Runs the game</span> <Server part="owner" name={host?.ownerName} build={host?.ownerBuild} revision={host?.ownerRevision} />
      </span>
      <span class="figure gaps more">
        <Gaps values={gaps.values(now)} moves={moves} now={now} />
        <span data-host="moves">
          {moves.length === 1 ? '1 move' : `${moves.length} moves`}
          {last && <span class="quiet">{`, last pause ${Math.round(last.gapMs)} ms${last.rewoundMs > 0 ? `, rewound by ${Math.round(last.rewoundMs)} ms` : ''}`}</span>}
        </span>
      </span>
      {view?.registryAway && (
        <span class="away" role="status">
          Not saved: play goes on, but a crash now would undo it
        </span>
      )}
      {session.cutOff && (
        <span class="away" role="status">
          Server cut off from the others: this page tries to reach another one
        </span>
      )}
      <button type="button" class="icon-button small unfold" aria-expanded={open} aria-label="More about the servers" onClick={() => setOpen(!open)}>
        <Icon of="more" />
      </button>
    </footer>
  );
}

/** Where a build's name ends with its revision, that stands beside it already. */
function shortBuild(build: string, revision: string): string {
  const end = `, revision ${revision}`;
  return build.endsWith(end) ? build.slice(0, -end.length) : build;
}

function Server({ part, name, build, revision }: { part: string; name: string | undefined; build: string | undefined; revision: string | undefined }) {
  return (
    <>
      <span data-host={part}>{name ? `${name}, ${build ? `build ${shortBuild(build, revision ?? '')}` : 'build not known'}` : 'not known'}</span> {revision && <Revision revision={revision} />}
    </>
  );
}

/** The longest time between two frames for each moment of the last 30 s; a mark at each change of the owner. */
function Gaps({ values, moves, now }: { values: readonly number[]; moves: readonly Move[]; now: number }) {
  const worst = Math.max(...values);
  const y = (gap: number) => HIGH - 1 - (Math.min(gap, GAP_TOP) / GAP_TOP) * (HIGH - 3);
  const step = WIDE / (GAP_BUCKETS - 1);
  const marks = moves.filter(({ at }) => now - at < GAP_SECONDS * 1000);
  return (
    <svg class="gap-line" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={`Longest wait for a frame in the last ${GAP_SECONDS} s: ${Math.round(worst)} ms`}>
      <line class="usual" x1="0" x2={WIDE} y1={y(20)} y2={y(20)} />
      {marks.map((move) => {
        const x = WIDE - ((now - move.at) / (GAP_SECONDS * 1000)) * WIDE;
        return <path key={move.epoch} class="moved" d={`M${x.toFixed(1)} 0v${HIGH}`} />;
      })}
      <polyline points={values.map((gap, i) => `${(i * step).toFixed(1)},${y(gap).toFixed(1)}`).join(' ')} />
    </svg>
  );
}
