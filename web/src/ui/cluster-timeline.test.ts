import { expect, test } from 'vitest';
import { cluster, game, member, move } from './cluster-fixture';
import { type Story, told } from './cluster-story';
import { LANES_MAX, WINDOW_MAX_MS, WINDOW_MIN_MS, axisOf, timelineOf, windowOf } from './cluster-timeline';

const [a, b] = [member('1'), member('2')];
const WINDOW = 100_000;

function moved(...moves: readonly ReturnType<typeof move>[]): Story {
  const first = told(null, cluster([a, b], [game('g', a)]), 0);
  return told(first, cluster([a, b], [game('g', b)], { moves }), 100_000);
}

test('a mark stands at its time, and the game is on each side of it where it ran', () => {
  const { lanes } = timelineOf(moved(move('g', '1', '2', { ago_ms: 40_000 })), 100_000, WINDOW);
  expect(lanes[0]?.marks.map(({ x, room }) => [x, room])).toEqual([[0.6, 0.4]]);
  expect(lanes[0]?.stretches).toEqual([
    { member: '1', from: 0, to: 0.6, marked: false },
    { member: '2', from: 0.6, to: 1, marked: true },
  ]);
});

test('a mark that has left on the old side still tells where the game runs', () => {
  const { lanes } = timelineOf(moved(move('g', '1', '2', { ago_ms: 10_000 })), 250_000, WINDOW);
  expect(lanes[0]?.marks).toEqual([]);
  expect(lanes[0]?.stretches).toEqual([{ member: '2', from: 0, to: 1, marked: false }]);
});

test('a page that has just come knows of the time before it through moves', () => {
  const story = told(null, cluster([b], [game('g', b)], { moves: [move('g', '1', '2', { ago_ms: 50_000 })] }), 100_000);
  expect(timelineOf(story, 100_000, WINDOW).lanes[0]?.stretches).toEqual([
    { member: '1', from: 0, to: 0.5, marked: false },
    { member: '2', from: 0.5, to: 1, marked: true },
  ]);
});

test('a game that never moved begins when it was first seen', () => {
  const story = told(null, cluster([a], [game('g', a)]), 80_000);
  expect(timelineOf(story, 100_000, WINDOW).lanes[0]?.stretches).toEqual([{ member: '1', from: 0.8, to: 1, marked: false }]);
});

test('only so many games have a lane: those that moved last', () => {
  const games = Array.from({ length: LANES_MAX + 3 }, (_, n) => game(`g${n}`, a));
  const story = told(null, cluster([a, b], games, { moves: [move(`g${LANES_MAX + 2}`, '1', '2', { ago_ms: 5 })] }), 1000);
  const { lanes, hidden } = timelineOf(story, 1000, WINDOW);
  expect([lanes.length, hidden]).toEqual([LANES_MAX, 3]);
  expect(lanes.map(({ game }) => game.id)).toContain(`g${LANES_MAX + 2}`);
});

test('the window grows with what is known, within bounds', () => {
  const story = told(null, cluster([a], [game('g', a)]), 1000);
  expect(windowOf(story, 2000)).toBe(WINDOW_MIN_MS);
  expect(windowOf(story, 101_000)).toBeCloseTo(104_000);
  expect(windowOf(story, 1_000_000)).toBe(WINDOW_MAX_MS);
});

test('an old move makes the window no wider', () => {
  const story = told(null, cluster([a, b], [game('g', b)], { moves: [move('g', '1', '2', { ago_ms: 500_000 })] }), 600_000);
  expect(windowOf(story, 601_000)).toBe(WINDOW_MIN_MS);
});

test('the axis names times before now', () => {
  expect(axisOf(180_000).map(({ label }) => label)).toEqual(['3 min ago', '2 min ago', '1 min ago', 'now']);
  expect(axisOf(20_000).map(({ x, label }) => [x, label])).toEqual([
    [0, '20 s ago'],
    [0.25, '15 s ago'],
    [0.5, '10 s ago'],
    [0.75, '5 s ago'],
    [1, 'now'],
  ]);
});
