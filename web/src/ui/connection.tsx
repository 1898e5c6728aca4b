/** Whether what is shown is live, and what happens next if it is not. */
import type { News } from '../net/events';
import { useNow } from './feed';

/** A change of servers takes less: no word about it. */
const PATIENCE_MS = 1500;

export function Connection({ news }: { news: News }) {
  const now = useNow(500, news.state !== 'live');
  const { dot, text, heard } = said(news, now);
  return (
    <p class={`connection ${dot}`}>
      <i aria-hidden="true" />
      <span aria-hidden="true">{text}</span>
      {/* Without the seconds: told once, not at each. */}
      <span class="hidden" role="status">
        {heard}
      </span>
    </p>
  );
}

interface Said {
  readonly dot: 'on' | 'off';
  readonly text: string;
  readonly heard: string;
}

const LIVE: Said = { dot: 'on', text: 'Live', heard: 'Live' };

function said({ state, at, cluster, retryAt }: News, now: number): Said {
  if (state === 'live') return LIVE;
  const old = cluster ? now - at : Infinity;
  if (cluster && old < PATIENCE_MS && state !== 'asking') return LIVE;
  if (state === 'asking') {
    const text = 'Up to a second behind: asking the servers until live news is back';
    return { dot: 'on', text, heard: text };
  }
  if (!cluster && state === 'connecting') return { dot: 'off', text: 'Connecting…', heard: 'Connecting…' };
  const wait = retryAt === null ? 0 : Math.ceil((retryAt - now) / 1000);
  const next = wait > 0 ? `trying again in ${wait} s` : 'trying again';
  const age = cluster ? `. What you see is ${Math.round(old / 1000)} s old` : '';
  return { dot: 'off', text: `No server answers: ${next}${age}`, heard: 'No server answers. Trying again.' };
}
