import assert from 'node:assert/strict';
import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';
import { until } from '../harness/wait.mjs';

/** Three servers, one after the other, each with a pause to look at. */
const ROLL_DEADLINE_MS = 60_000;

browserTest('all servers are replaced while somebody plays: no reload, no rejoin, no tick missed', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Rolled' });
  const player = await visit.visitor('Ada');
  const table = await new Table(player).open(game);
  await table.launch();
  // A page that was loaded anew would not have these.
  await player.page.evaluate(() => {
    window.loadedOnce = true;
    window.shownTicks = [];
    const look = () => {
      const tick = Number(document.querySelector('canvas')?.dataset.tick);
      if (window.shownTicks.at(-1) !== tick) window.shownTicks.push(tick);
      requestAnimationFrame(look);
    };
    look();
  });
  await player.page.keyboard.down('ArrowLeft');

  const { page } = await visit.visitor('');
  await page.goto('/#cluster');
  const members = page.locator('[data-member]');
  const ready = page.locator('[data-member]', { has: page.locator('.state.ready') });
  const ids = () => members.evaluateAll((houses) => houses.map((house) => house.dataset.member));
  const edge = player.page.locator('[data-host=edge]');
  await until('three ready servers', async () => (await ready.count()) === 3);
  const before = await ids();
  const [servedBefore, from] = [await edge.textContent(), await table.tick()];

  await page.getByRole('button', { name: /Replace the servers/ }).click();
  const progress = page.getByRole('progressbar', { name: 'Servers replaced' });
  await progress.waitFor();
  const seen = new Set();
  await until(
    'three new servers, and the old ones gone',
    async () => {
      if (await progress.isVisible()) seen.add(await progress.getAttribute('aria-valuenow'));
      const now = await ids();
      return now.length === 3 && (await ready.count()) === 3 && now.every((id) => !before.includes(id));
    },
    ROLL_DEADLINE_MS,
  );
  assert.ok(seen.size >= 3, `the progress bar stood at ${[...seen]} only`);
  await page.getByRole('row', { name: /^Rolled server-/ }).first().waitFor();
  await page.getByText(/^Rolled to/).waitFor();

  await until('another server to serve the player', async () => (await edge.textContent()) !== servedBefore);
  const at = await table.tick();
  await until('a second more of the game', async () => (await table.tick()) > at + 50);
  await player.page.keyboard.up('ArrowLeft');
  const { heard } = player;
  const moves = (await visit.demo.cluster()).moves.map(({ game }) => game);
  const { loadedOnce, shownTicks } = await player.page.evaluate(() => ({ loadedOnce: window.loadedOnce, shownTicks: window.shownTicks }));
  assert.ok(loadedOnce, 'the page was loaded anew');
  assert.equal(new Set(heard.players).size, 1, 'the page was another player afterwards');
  assert.ok(heard.players.length > 1, 'the player never changed servers');
  assert.ok(heard.epochs.length > 1, 'the game never moved');
  assert.equal(moves.length, new Set(moves).size, `a game moved twice: ${moves}`);
  assert.deepEqual({ holes: heard.holes, rewinds: heard.rewinds }, { holes: [], rewinds: 0 });
  assert.ok(shownTicks.every((tick, index) => index === 0 || tick > shownTicks[index - 1]), 'the shown tick went back');
  const stats = await table.stats();
  assert.deepEqual({ skipped: stats.ticksSkipped, rewinds: stats.rewinds, takeOvers: stats.takeOvers }, { skipped: 0, rewinds: 0, takeOvers: 0 });
  visit.report(
    `ticks ${from} to ${await table.tick()} without a hole over ${heard.players.length} sockets and ${heard.epochs.length} owners; ` +
      `the longest wait for a frame around the last change of owners was ${Math.round(stats.lastGapMs)} ms; ` +
      `${moves.length} moves of ${new Set(moves).size} games`,
  );

  const stood = await table.tank();
  await player.page.keyboard.down('ArrowUp');
  await until('the tank to drive on', async () => {
    const now = await table.tank();
    return now !== null && Math.hypot(now.x - stood.x, now.y - stood.y) > 0.3;
  });
  await player.page.keyboard.up('ArrowUp');
}, { timeout: 90_000, demo: ['--demo-games', '3'] });
