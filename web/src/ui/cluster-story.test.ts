import { expect, test } from 'vitest';
import type { Cluster } from '../net/api';
import { cluster, game, member, move } from './cluster-fixture';
import { type Story, told } from './cluster-story';

/** The story after answers at given times. */
function after(...answers: readonly [at: number, cluster: Cluster][]): Story {
  let story: Story | null = null;
  for (const [at, answer] of answers) story = told(story, answer, at);
  if (!story) throw new Error('tell at least one answer');
  return story;
}

test('a member that is gone is remembered with the time that it left', () => {
  const [a, b] = [member('1'), member('2')];
  const story = after([0, cluster([a, b])], [1000, cluster([b])], [2000, cluster([b])]);
  expect(story.members.map(({ id, leftAt }) => [id, leftAt])).toEqual([
    ['1', 1000],
    ['2', null],
  ]);
});

test('a game keeps the last member that ran it while nobody does', () => {
  const a = member('1');
  const story = after([0, cluster([a], [game('g', a)])], [1000, cluster([], [game('g', null)])]);
  expect(story.games.get('g')).toMatchObject({ owner: null, ranOn: '1', goneAt: null });
});

test('a move is told once, whatever its age says later, and survives a server that never heard of it', () => {
  const [a, b] = [member('1'), member('2')];
  const heard = cluster([a, b], [], { moves: [move('g', '1', '2', { ago_ms: 300 })] });
  const later = cluster([a, b], [], { moves: [move('g', '1', '2', { ago_ms: 1400 })] });
  const story = after([1000, heard], [2000, later], [3000, cluster([a, b])]);
  expect(story.moves.map(({ at }) => at)).toEqual([700]);
});

test('moves are in order of time', () => {
  const moves = [move('h', '1', '2', { ago_ms: 100 }), move('g', '1', '2', { ago_ms: 900 })];
  expect(after([1000, cluster([member('1')], [], { moves })]).moves.map(({ game }) => game)).toEqual(['g', 'h']);
});

test('a game that vanishes with people in it is lost', () => {
  const a = member('1');
  expect([...after([0, cluster([a], [game('g', a)])], [500, cluster([a])]).lost]).toEqual(['g']);
});

test('a game that ends empty on a server that is well is not lost', () => {
  const a = member('1');
  const empty = game('g', a, { players: 0 });
  expect(after([0, cluster([a], [empty])], [500, cluster([a])]).lost.size).toBe(0);
});

test('a game of bots alone that vanishes with its server is lost', () => {
  const [a, b] = [member('1'), member('2')];
  const bots = game('g', a, { players: 0, bots: 4 });
  expect([...after([0, cluster([a, b], [bots])], [500, cluster([b])]).lost]).toEqual(['g']);
});

test('a game that is put back is not lost any more', () => {
  const a = member('1');
  const full = cluster([a], [game('g', a)]);
  expect(after([0, full], [500, cluster([a])], [1000, full]).lost.size).toBe(0);
});

test('what happened while the page did not look is not judged', () => {
  const a = member('1');
  expect(after([0, cluster([a], [game('g', a)])], [60_000, cluster([a])]).lost.size).toBe(0);
});

test('a roll begins with its target, counts the usual number of servers, and ends with the last old one', () => {
  const old = [member('1'), member('2'), member('3')];
  const fresh = (id: string, state = 'ready') => member(id, { revision: '2', state });
  const target = { target_revision: '2' };
  const surge = cluster([...old, fresh('4', 'joining')], [], target);
  const both = cluster([...old, fresh('4')], [], target);
  const rolled = cluster([fresh('4'), fresh('5'), fresh('6')], [], target);
  expect(after([0, cluster(old)]).roll).toBeNull();
  expect(after([0, cluster(old)], [1000, surge], [2000, both]).roll).toEqual({ revision: '2', beganAt: 1000, endedAt: null, servers: 3 });
  expect(after([0, surge], [1000, both], [9000, rolled], [9500, rolled]).roll).toMatchObject({ beganAt: 0, endedAt: 9000 });
});

test('without a target the newest server tells the revision', () => {
  const members = [member('1'), member('2', { revision: 'b' })];
  expect(after([0, cluster(members, [], { target_revision: '' })]).roll).toMatchObject({ revision: 'b' });
});

test('a page that comes in the middle of a roll still learns how many servers there are', () => {
  const target = { target_revision: '2' };
  const fresh = member('4', { revision: '2' });
  const surge = cluster([member('1'), member('2'), member('3'), fresh], [], target);
  const drain = cluster([member('1', { state: 'draining' }), member('2'), member('3'), fresh], [], target);
  expect(after([0, surge], [1000, drain]).roll?.servers).toBe(3);
});
