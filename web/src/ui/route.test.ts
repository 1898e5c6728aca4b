import { expect, test } from 'vitest';
import { gameHref, parseRoute, shareLink } from './route';

const GAME = '0123456789abcdef';

test('addresses lead to pages', () => {
  expect(parseRoute('')).toEqual({ page: 'lobby' });
  expect(parseRoute('#')).toEqual({ page: 'lobby' });
  expect(parseRoute('#cluster')).toEqual({ page: 'cluster' });
  expect(parseRoute(`#game=${GAME}`)).toEqual({ page: 'game', game: GAME, watch: false });
  expect(parseRoute(`#game=${GAME}&watch`)).toEqual({ page: 'game', game: GAME, watch: true });
});

test('what is no game leads to the lobby', () => {
  expect(parseRoute('#game=')).toEqual({ page: 'lobby' });
  expect(parseRoute('#game=xyz')).toEqual({ page: 'lobby' });
  expect(parseRoute(`#game=${GAME}0`)).toEqual({ page: 'lobby' });
});

test('an id may come in capitals, as some chat programs make it', () => {
  expect(parseRoute(`#game=${GAME.toUpperCase()}`)).toMatchObject({ game: GAME });
});

test('addresses that are written are read back', () => {
  for (const watch of [false, true]) expect(parseRoute(gameHref(GAME, watch))).toEqual({ page: 'game', game: GAME, watch });
});

test('a link to share is the page that plays', () => {
  expect(shareLink(GAME, { origin: 'https://tanx.example', pathname: '/' })).toBe(`https://tanx.example/#game=${GAME}`);
});
