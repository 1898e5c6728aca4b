/** Whether what is shown is live, and what happens next if it is not. */
import type { News } from '../net/events';
import { useNow } from './feed';

/** A change of servers takes less: no word about it. */
const PATIENCE_MS = 1500;

export function Connection({ news }: { news: News }) {
  const now = useNow(500, news.state !== 'live');
  const { dot, text } = said(news, now);
  return (
    <p class={`connection ${dot}`} role="status">
      <i aria-hidden="true" />
      {text}
    </p>
  );
}

function said({ state, at, cluster, retryAt }: News, now: number): { dot: 'on' | 'off'; text: string } {
  if (state === 'live') return { dot: 'on', text: 'Live' };
  const old = cluster ? now - at : Infinity;
  if (cluster && old < PATIENCE_MS && state !== 'asking') return { dot: 'on', text: 'Live' };
  if (state === 'asking') return { dot: 'on', text: 'Up to a second behind: asking the servers until live news is back' };
  const wait = retryAt === null ? 0 : Math.ceil((retryAt - now) / 1000);
  const next = wait > 0 ? `trying again in ${wait} s` : 'trying again';
  if (!cluster) return { dot: 'off', text: state === 'connecting' ? 'Connecting…' : `No server answers: ${next}` };
  return { dot: 'off', text: `No server answers: ${next}. What you see is ${Math.round(old / 1000)} s old` };
}
