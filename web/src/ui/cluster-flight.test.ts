import { expect, test } from 'vitest';
import { apex, eased, onArc } from './cluster-flight';

test('a flight begins and ends where the game was and is', () => {
  const [from, to] = [{ x: 10, y: 200 }, { x: 900, y: 260 }];
  expect(onArc(from, to, 0)).toEqual(from);
  expect(onArc(from, to, 1)).toEqual(to);
});

test('between houses side by side it goes over them, and stays on the page', () => {
  const [from, to] = [{ x: 10, y: 200 }, { x: 1700, y: 240 }];
  const top = onArc(from, to, 0.5);
  expect(top.y).toBeLessThan(100);
  expect(top.y).toBeGreaterThanOrEqual(0);
});

test('between houses in a column it bends to the left, where no page grows', () => {
  const [from, to] = [{ x: 180, y: 100 }, { x: 180, y: 900 }];
  expect(apex(from, to).x).toBeLessThan(180);
  expect(apex(from, to).y).toBe(500);
});

test('speed rises and falls', () => {
  expect([eased(0), eased(0.5), eased(1)]).toEqual([0, 0.5, 1]);
  expect(eased(0.1)).toBeLessThan(0.1);
});
