import { expect, test } from 'vitest';
import { drawing } from './maze-preview';

test('a maze is drawn in its own arena, upwards as on the page', () => {
  const text = 'name Duel\narena 12 20\nwall -1,2 1,2 1,2.5 -1,2\nentry a 4,4 facing 0';
  expect(drawing(text)).toEqual({ path: 'M-1 -2L1 -2L1 -2.5L-1 -2Z', width: 12, height: 20 });
});

test('a maze that this page cannot read is an empty arena', () => {
  expect(drawing('teleport 1,2')).toEqual({ path: '', width: 20, height: 20 });
});
