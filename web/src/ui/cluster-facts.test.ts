import { expect, test } from 'vitest';
import type { Cluster } from '../net/api';
import { GHOST_MS, crowd, deploymentOf, freshMove, longestPause, moveSentence, progressOf, shortName, shortTime, townOf } from './cluster-facts';
import { cluster, game, member, move } from './cluster-fixture';
import { type Story, told } from './cluster-story';

function after(...answers: readonly [at: number, cluster: Cluster][]): Story {
  let story: Story | null = null;
  for (const [at, answer] of answers) story = told(story, answer, at);
  if (!story) throw new Error('tell at least one answer');
  return story;
}

const [a, b] = [member('1'), member('2')];
const c = member('3', { revision: '2' });

test('each game is in the house of its owner, by name as people count', () => {
  const games = [game('x', b, { name: 'Arena 10' }), game('y', b, { name: 'Arena 2' }), game('z', a, { name: 'Cup' })];
  const { houses, homeless } = townOf(after([0, cluster([a, b], games)]), 0);
  expect(houses.map(({ member, games }) => [member.id, games.map(({ name }) => name)])).toEqual([
    ['1', ['Cup']],
    ['2', ['Arena 2', 'Arena 10']],
  ]);
  expect(homeless).toEqual([]);
});

test('a game that failed again and again stands in no house', () => {
  const a = member('1');
  const { houses, homeless, stopped } = townOf(after([0, cluster([a], [game('g', a)])], [1, cluster([a], [game('g', null, { quarantined: true })])]), 1);
  expect([houses[0]?.games, homeless]).toEqual([[], []]);
  expect(stopped.map(({ id }) => id)).toEqual(['g']);
});

test('a house stays for a moment after its server left', () => {
  const story = after([0, cluster([a, b])], [1000, cluster([b])]);
  const left = (now: number) => townOf(story, now).houses.map(({ member, left }) => [member.id, left]);
  expect(left(1000 + GHOST_MS - 1)).toEqual([
    ['1', true],
    ['2', false],
  ]);
  expect(left(1000 + GHOST_MS)).toEqual([['2', false]]);
});

test('the game of a vanished server waits in what is left of its house, then without one', () => {
  const story = after([0, cluster([a, b], [game('g', a)])], [1000, cluster([b], [game('g', null)])]);
  expect(townOf(story, 1500).houses[0]?.games.map(({ id }) => id)).toEqual(['g']);
  expect(townOf(story, 1000 + GHOST_MS).homeless.map(({ id }) => id)).toEqual(['g']);
});

test('progress counts ready servers of the target and the games on them', () => {
  const target = { target_revision: '2' };
  const before = cluster([a, b], [game('g', a), game('h', b)]);
  const half = cluster([{ ...a, state: 'draining' }, b, c], [game('g', c), game('h', b)], target);
  const d = member('4', { revision: '2' });
  const done = cluster([c, d], [game('g', c), game('h', c)], target);
  expect(progressOf(after([0, before]), 0)).toBeNull();
  expect(progressOf(after([0, before], [1000, half]), 1000)).toEqual({
    revision: '2',
    servers: { done: 1, all: 2 },
    games: { done: 1, all: 2 },
    over: false,
  });
  const over = after([0, before], [1000, half], [2000, done]);
  expect(progressOf(over, 2000)).toMatchObject({ servers: { done: 2, all: 2 }, games: { done: 2, all: 2 }, over: true });
  expect(progressOf(over, 60_000)).toBeNull();
});

test('the longest pause is that of the last roll, not of what was before', () => {
  const moves = [move('g', '2', '3', { pause_us: 1200 }), move('h', '1', '3', { pause_us: 300 }), move('g', '1', '2', { pause_us: 50_000 })];
  const before = cluster([a, b], [game('g', a)]);
  const story = after([0, before], [1000, cluster([a, b, c], [game('g', c)], { target_revision: '2', moves })]);
  expect(longestPause(story)).toEqual({ ms: 1.2, moves: 2, roll: true });
});

test('a roll without moves has no longest pause yet', () => {
  const story = after([0, cluster([a, c], [game('g', a)], { target_revision: '2', moves: [move('g', '1', '1')] })]);
  expect(longestPause(story)).toBeNull();
});

test('without a roll the longest pause is that of all planned moves; crashes do not count', () => {
  const moves = [move('g', '1', '2', { pause_us: 2000 }), move('h', '1', '2', { pause_us: 400_000, cause: 'refused' })];
  expect(longestPause(after([0, cluster([a, b], [], { moves })]))).toEqual({ ms: 2, moves: 1, roll: false });
  expect(longestPause(after([0, cluster([a, b])]))).toBeNull();
});

test('a move is news for ten seconds', () => {
  const story = after([0, cluster([a, b], [game('g', b)], { moves: [move('g', '1', '2')] })]);
  expect(freshMove(story, 'g', 9999)?.to).toBe('2');
  expect(freshMove(story, 'g', 10_000)).toBeNull();
  expect(freshMove(story, 'h', 0)).toBeNull();
});

test('sentences say what players noticed', () => {
  const said = (pause_us: number, cause = 'move') => {
    const story = after([0, cluster([a, b], [game('g', b)], { moves: [move('g', '1', '2', { pause_us, cause })] })]);
    const [only] = story.moves;
    return only ? moveSentence(story, only) : '';
  };
  expect(said(0)).toBe('Arena g moved from server-1 to server-2. The next tick came on time: nobody noticed.');
  expect(said(900)).toContain('A pause of 0.9 ms, less than one tick: nobody noticed.');
  expect(said(61_000)).toContain('A pause of 61 ms, 4 ticks of 20 ms.');
  expect(said(300_000, 'lease')).toContain('server-1 crashed. Arena g went on in server-2, 300 ms after that was noticed');
  expect(said(300_000, 'parked')).toContain('had no server for a while');
});

test('pods have short names and a Deployment; other servers have neither', () => {
  const pod = { name: 'my-tanx-6d4f8b9c7f-x2k4q', revision: '6d4f8b9c7f' };
  expect(shortName(pod)).toBe('x2k4q');
  expect(deploymentOf([a, pod])).toBe('my-tanx');
  expect(shortName(a)).toBe('server-1');
  expect(deploymentOf([a, b])).toBeNull();
});

test('times and crowds read well', () => {
  expect([0, 0.04, 0.9, 9.96, 18.4, 999.6, 1340].map(shortTime)).toEqual(['0 ms', '0 ms', '0.9 ms', '10 ms', '18 ms', '1.0 s', '1.3 s']);
  expect(crowd({ players: 1, bots: 3 })).toBe('1 person, 3 bots');
  expect(crowd({ players: 0, bots: 1 })).toBe('1 bot');
  expect(crowd({ players: 0, bots: 0 })).toBe('nobody');
});
