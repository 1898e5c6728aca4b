/**
 * The live cluster for pages: one connection, and one story, for all of them.
 *
 * Owns when the connection is open: while a page that shows the cluster is.
 */
import { useEffect, useReducer, useState } from 'preact/hooks';
import { EVENTS, loadCluster } from '../net/api';
import { ClusterFeed, type News } from '../net/events';
import { type Story, told } from './cluster-story';

const feed = new ClusterFeed({ open: () => new EventSource(EVENTS), load: loadCluster, now: () => performance.now() });

let story: Story | null = null;
let storyAt = -1;

export interface Live {
  readonly news: News;
  readonly story: Story | null;
}

/** News as it comes. */
export function useLive(): Live {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const stop = feed.listen((news) => {
      if (news.cluster && news.at !== storyAt) {
        story = told(story, news.cluster, news.at);
        storyAt = news.at;
      }
      redraw(undefined);
    });
    const hurry = () => feed.hurry();
    addEventListener('online', hurry);
    document.addEventListener('visibilitychange', hurry);
    return () => {
      stop();
      removeEventListener('online', hurry);
      document.removeEventListener('visibilitychange', hurry);
    };
  }, []);
  return { news: feed.news, story };
}

/** The page's clock, read again every so often while `on`. */
export function useNow(everyMs: number, on = true): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setNow(performance.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, on]);
  return on ? now : performance.now();
}
