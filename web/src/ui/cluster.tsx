/** The cluster: which servers there are, which games each runs, what just moved, and what its players noticed. */
import { Connection } from './connection';
import { Board } from './cluster-board';
import { Details } from './cluster-details';
import { type LongestPause, TICK_MS, ago, counted, longestPause, moveSentence, progressOf, shortTime } from './cluster-facts';
import { RollProgress, RollStarter } from './cluster-roll';
import type { Story } from './cluster-story';
import { TimelineView } from './cluster-timeline-view';
import { useLive, useNow } from './feed';
import { Places } from './lobby-game';

/** How often what only ages is drawn again. */
const AGES_MS = 500;

export function ClusterPage() {
  const { news, story } = useLive();
  const now = Math.max(useNow(AGES_MS), news.at);
  return (
    <main class="page cluster" id="content" tabIndex={-1}>
      <header class="section-head">
        <h1>Every game lives in one server. When the server goes, the game moves on.</h1>
        <Connection news={news} />
      </header>
      {!story && <p class="empty">{news.state === 'away' ? 'No server answers at the moment. This page keeps trying; games that run go on without it.' : 'Looking for servers…'}</p>}
      {story && (
        <>
          <div class="headline">
            <Numbers story={story} />
            <RollStarter story={story} />
          </div>
          <Newest story={story} now={now} />
          <Board story={story} now={now} />
          <div class="below">
            <TimelineView story={story} />
            <Legend />
          </div>
          <Details story={story} />
        </>
      )}
    </main>
  );
}

function Numbers({ story }: { story: Story }) {
  const { games } = story.cluster;
  const people = games.reduce((sum, { players }) => sum + players, 0);
  const bots = games.reduce((sum, { bots }) => sum + bots, 0);
  const pause = longestPause(story);
  const lost = story.lost.size;
  return (
    <dl class="numbers">
      <div>
        <dt>{games.length === 1 ? 'game' : 'games'}</dt>
        <dd>{games.length}</dd>
        <dd class="note">on {counted(story.cluster.members.length, 'server')}</dd>
      </div>
      <div>
        <dt>{people + bots === 1 ? 'player' : 'players'}</dt>
        <dd>{people + bots}</dd>
        <dd class="note">
          {counted(people, 'person', 'people')}, {counted(bots, 'bot')}
        </dd>
      </div>
      <div class={lost > 0 ? 'bad' : 'good'}>
        <dt>{lost === 1 ? 'game lost' : 'games lost'}</dt>
        <dd>{lost}</dd>
        <dd class="note">while you watch</dd>
      </div>
      <div class="wide">
        <dt>{pause?.roll || !pause ? 'longest pause in the last roll' : 'longest pause of a planned move'}</dt>
        <dd>{pause ? shortTime(pause.ms) : '–'}</dd>
        <dd class="note">{pauseSaid(pause, story.moves.length > 0)}</dd>
      </div>
    </dl>
  );
}

function pauseSaid(pause: LongestPause | null, moved: boolean): string {
  if (!pause) return moved ? 'no planned move yet' : 'no game has moved yet';
  return pause.ms < TICK_MS ? `less than one tick (${TICK_MS} ms): nobody noticed` : `one tick of the game is ${TICK_MS} ms`;
}

/** What just moved, and how far the roll is. */
function Newest({ story, now }: { story: Story; now: number }) {
  const last = story.moves.at(-1);
  const progress = progressOf(story, now);
  return (
    <div class="newest">
      <p class="last">
        {last ? (
          <>
            <strong>{now - last.at < 2000 ? 'Just now' : ago(now - last.at)}:</strong> {moveSentence(story, last)}
          </>
        ) : (
          <span class="quiet">All games are where they began. When a server is replaced, you see its games move here.</span>
        )}
      </p>
      {progress && <RollProgress progress={progress} />}
    </div>
  );
}

function Legend() {
  return (
    <section class="card legend" aria-labelledby="legend-title">
      <h2 id="legend-title">What you see</h2>
      <ul>
        <li>
          <Places players={2} bots={1} slots={3} />
          <p>
            <strong>A game</strong> is one arena with its tanks and scores. Dots are its people, squares its bots.
          </p>
        </li>
        <li>
          <svg class="little-house" viewBox="0 0 40 34" aria-hidden="true">
            <path d="M2 17 20 2 38 17M6 17V32H34V17" />
          </svg>
          <p>
            <strong>It runs in one server</strong>: the house that it is in. The colour is the revision of the software.
          </p>
        </li>
        <li>
          <svg class="little-arc" viewBox="0 0 40 34" aria-hidden="true">
            <path d="M4 28Q20-10 36 26" />
            <path d="M27 23 36 26 38 17" />
          </svg>
          <p>
            <strong>It moves</strong> when its server leaves. The time line tells how long its players waited.
          </p>
        </li>
      </ul>
    </section>
  );
}
