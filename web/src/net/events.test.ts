import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cluster, member } from '../ui/cluster-fixture';
import type { Cluster } from './api';
import { ClusterFeed, type News, type Stream } from './events';

class FakeStream implements Stream {
  onmessage: Stream['onmessage'] = null;
  onerror: Stream['onerror'] = null;
  closed = false;
  close(): void {
    this.closed = true;
  }
  say(data: string): void {
    this.onmessage?.({ data } as MessageEvent<string>);
  }
  fail(): void {
    this.onerror?.({} as Event);
  }
}

const streams: FakeStream[] = [];
/** What a question is answered with; null: nobody answers. */
let answer: Cluster | null = null;
let questions = 0;
const known = (id: string) => cluster([member(id)]);

function feed(): { feed: ClusterFeed; told: News[]; stop: () => void } {
  const feed = new ClusterFeed({
    open: () => {
      const stream = new FakeStream();
      streams.push(stream);
      return stream;
    },
    load: () => {
      questions += 1;
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('nobody'));
    },
    now: () => Date.now(),
  });
  const told: News[] = [];
  return { feed, told, stop: feed.listen((news) => told.push(news)) };
}

const last = () => streams.at(-1) as FakeStream;

beforeEach(() => {
  vi.useFakeTimers();
  streams.length = 0;
  answer = null;
  questions = 0;
});
afterEach(() => vi.useRealTimers());

test('what the stream says is live', () => {
  const { feed: f } = feed();
  last().say(JSON.stringify(known('1')));
  expect(f.news).toMatchObject({ state: 'live', cluster: { me: '1' }, retryAt: null });
});

test('a server that leaves is followed by another at once, without a word', async () => {
  const { feed: f, told } = feed();
  last().say(JSON.stringify(known('1')));
  last().fail();
  await vi.advanceTimersByTimeAsync(0);
  expect(streams.length).toBe(2);
  last().say(JSON.stringify(known('2')));
  expect(f.news).toMatchObject({ state: 'live', cluster: { me: '2' } });
  expect(told.every(({ state }) => state === 'live' || state === 'connecting')).toBe(true);
});

test('without a stream the servers are asked, and the next attempt is told', async () => {
  const { feed: f } = feed();
  answer = known('1');
  last().fail();
  await vi.advanceTimersByTimeAsync(0);
  last().fail();
  await vi.advanceTimersByTimeAsync(0);
  expect(f.news).toMatchObject({ state: 'asking', cluster: { me: '1' } });
  expect(f.news.retryAt).toBe(Date.now() + 500);
});

test('when nobody answers that is told, and what was known stays', async () => {
  const { feed: f } = feed();
  last().say(JSON.stringify(known('1')));
  last().fail();
  await vi.advanceTimersByTimeAsync(0);
  last().fail();
  await vi.advanceTimersByTimeAsync(0);
  expect(f.news).toMatchObject({ state: 'away', cluster: { me: '1' } });
});

test('attempts become rarer, and go on', async () => {
  feed();
  for (let n = 0; n < 8; n += 1) {
    last().fail();
    await vi.advanceTimersByTimeAsync(4000);
  }
  expect(streams.length).toBe(9);
});

test('a stream that opens but never speaks is asked about', async () => {
  const { feed: f } = feed();
  answer = known('1');
  await vi.advanceTimersByTimeAsync(1100);
  expect(f.news.state).toBe('asking');
});

test('a line that was cut without a sign is noticed', async () => {
  const { feed: f } = feed();
  last().say(JSON.stringify(known('1')));
  await vi.advanceTimersByTimeAsync(11_000);
  expect(questions).toBeGreaterThan(0);
  expect(streams.length).toBe(2);
  expect(f.news.state).not.toBe('asking');
});

test('a stream that is silent because nothing changes stays', async () => {
  const { feed: f } = feed();
  answer = known('1');
  last().say(JSON.stringify(known('1')));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(streams.length).toBe(1);
  expect(f.news.state).toBe('live');
});

test('what is no JSON is treated as a lost stream', async () => {
  feed();
  last().say('<html>');
  await vi.advanceTimersByTimeAsync(0);
  expect(streams.length).toBe(2);
});

test('the stream is closed when nobody has listened for a moment, and not before', async () => {
  const { feed: f, stop } = feed();
  last().say(JSON.stringify(known('1')));
  stop();
  const again = f.listen(() => {});
  await vi.advanceTimersByTimeAsync(5000);
  expect(last().closed).toBe(false);
  again();
  await vi.advanceTimersByTimeAsync(5000);
  expect(last().closed).toBe(true);
  expect(streams.length).toBe(1);
});

test('hurry tries at once', async () => {
  const { feed: f } = feed();
  last().fail();
  await vi.advanceTimersByTimeAsync(0);
  last().fail();
  f.hurry();
  expect(streams.length).toBe(3);
});
