import { expect, test } from 'vitest';
import { game, member } from './cluster-fixture';
import { gameToPlay, newGameName } from './play-now';

const a = member('1');

test('the fullest game with a free place is played', () => {
  const games = [game('few', a, { players: 1 }), game('many', a, { players: 5 }), game('full', a, { players: 8 })];
  expect(gameToPlay(games)?.id).toBe('many');
});

test('bots take no place', () => {
  expect(gameToPlay([game('bots', a, { players: 1, bots: 7 })])?.id).toBe('bots');
});

test('among games with the same people, more bots are better company', () => {
  expect(gameToPlay([game('empty', a, { players: 0, bots: 0 }), game('bots', a, { players: 0, bots: 3 })])?.id).toBe('bots');
});

test('a game between two servers waits', () => {
  expect(gameToPlay([game('moving', null, { players: 5 }), game('calm', a, { players: 1 })])?.id).toBe('calm');
});

test('without a free place a new game is made', () => {
  expect(gameToPlay([])).toBeNull();
  expect(gameToPlay([game('full', a, { players: 8 })])).toBeNull();
});

test('a new game is named after its maker, and after no other game', () => {
  expect(newGameName(' Ada ', [])).toBe("Ada's game");
  expect(newGameName('Ada', [{ name: "Ada's game" }, { name: "Ada's game 2" }])).toBe("Ada's game 3");
});
