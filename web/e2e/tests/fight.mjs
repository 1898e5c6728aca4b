import assert from 'node:assert/strict';
import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';
import { until } from '../harness/wait.mjs';

/** From a destroyed tank to the next one, by one key. */
const BACK_MS = 1500;

/** Two people in a maze whose entry points face each other. */
async function duel(visit, name) {
  const game = await visit.demo.createGame({ name, maze: 'Duel' });
  const [ada, bert] = await Promise.all(
    ['Ada', 'Bert'].map(async (who) => {
      const table = new Table(await visit.visitor(who));
      return table.open(game);
    }),
  );
  await ada.launch();
  await bert.launch();
  return { game, ada, bert };
}

browserTest('two browsers fight and see the same result; whoever was hit is back with one key', async (visit) => {
  const { game, ada, bert } = await duel(visit, 'A duel');
  const watcher = await new Table(await visit.visitor('')).open(game, { watch: true });
  await watcher.page.getByRole('img', { name: /The arena with 2 tanks/ }).waitFor();

  await ada.page.keyboard.down('Space');
  await until('Bert’s tank to be destroyed', async () => (await bert.tank()) === null);
  await ada.page.keyboard.up('Space');
  // Pressed as soon as there is something to see; the page takes it from the first moment on.
  const ms = await bert.page.evaluate(
    () =>
      new Promise((resolve) => {
        const began = performance.now();
        dispatchEvent(new KeyboardEvent('keydown', { code: 'Enter', key: 'Enter' }));
        dispatchEvent(new KeyboardEvent('keyup', { code: 'Enter', key: 'Enter' }));
        const look = () => (/yours is at/.test(document.querySelector('canvas').ariaLabel) ? resolve(performance.now() - began) : requestAnimationFrame(look));
        look();
      }),
  );
  visit.report(`relaunched ${Math.round(ms)} ms after the key`);
  assert.ok(ms <= BACK_MS, `it took ${Math.round(ms)} ms`);

  for (const table of [ada, bert, watcher]) {
    await until('one kill for Ada', async () => (await table.score('Ada'))[0] === 1);
    await until('one death for Bert', async () => (await table.score('Bert'))[1] === 1);
    assert.deepEqual([await table.score('Ada'), await table.score('Bert')], [[1, 0], [0, 1]]);
  }
});

browserTest('self-destruction counts as a death', async (visit) => {
  const { ada, bert } = await duel(visit, 'A leap');
  await bert.page.keyboard.down('z');
  await until('Bert’s tank to be gone', async () => (await bert.tank()) === null);
  await bert.page.keyboard.up('z');
  for (const table of [ada, bert]) await until('a death without a kill', async () => (await table.score('Bert')).join() === '0,1');
});

browserTest('a game full of bots can be watched', async (visit) => {
  const [arena] = await visit.demo.games();
  const { page } = await visit.visitor('');
  await page.goto('/');
  await page.getByRole('link', { name: `Watch ${arena.name}` }).click();
  const table = new Table({ page });
  await table.running();
  await page.getByRole('img', { name: /The arena with [1-9]/ }).waitFor();
  const from = await table.tick();
  await until('a second of it', async () => (await table.tick()) > from + 50);
});
