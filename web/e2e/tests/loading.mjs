import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';

/** All that somebody's first visit to a game loads, compressed. */
const FIRST_LOAD_MAX = 150 * 1024;
const PLAYABLE_GOAL_MS = 1000;
/** A machine may be busy. */
const PLAYABLE_MAX_MS = 5000;

browserTest('the first load is small', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Loading' });
  const { page } = await visit.visitor('Ada');
  const files = new Map();
  const reading = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/api/')) return;
    reading.push(response.body().then((body) => files.set(pathname, { size: body.length, packed: gzipSync(body, { level: 9 }).length })));
  });
  // The lobby, then the game: parts that are loaded later count as well.
  await page.goto('/');
  await page.getByRole('list', { name: 'Running games' }).getByText('Loading').waitFor();
  await new Table({ page }).open(game);
  await page.waitForLoadState('networkidle').catch(() => {});
  await Promise.all(reading);
  const sum = [...files.values()].reduce((sum, { packed }) => sum + packed, 0);
  for (const [path, { size, packed }] of files) visit.report(`${path}: ${size} bytes, ${packed} compressed`);
  visit.report(`first load: ${(sum / 1024).toFixed(1)} KB compressed (at most ${FIRST_LOAD_MAX / 1024})`);
  assert.ok(sum <= FIRST_LOAD_MAX);
});

browserTest('a game can be played soon after the page was asked for', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Quick' });
  const visitor = await visit.visitor('Ada');
  // The first picture with a world in it, in which Enter launches: seen from within, frame by frame.
  await visitor.context.addInitScript(() => {
    const look = () => {
      if (document.querySelector('canvas[data-tick]') && /Launch/.test(document.body.innerText)) window.playableAt = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await visitor.page.goto(`/#game=${game}`);
  const ms = await (await visitor.page.waitForFunction(() => window.playableAt)).jsonValue();
  visit.report(`playable ${ms.toFixed(0)} ms after the navigation began (goal ${PLAYABLE_GOAL_MS})`);
  assert.ok(ms <= PLAYABLE_MAX_MS);
  await new Table(visitor).launch();
});
