import assert from 'node:assert/strict';
import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';
import { until } from '../harness/wait.mjs';

/** A game that stands still must say why within this. */
const SAID_MS = 1000;

/** Somebody in a game of their own, with a tank. */
async function playing(visit, name) {
  const game = await visit.demo.createGame({ name, maze: 'Duel' });
  const player = await visit.visitor('Ada');
  // Chromium's own words for a broken connection.
  player.expected.push(/WebSocket connection to .* failed/, /net::ERR_/);
  const table = await new Table(player).open(game);
  await table.launch();
  return { proxy: player.proxy, player, table, notice: player.page.getByRole('status') };
}

/** Where the tank is, once it stands still. */
async function rest(table) {
  let last = await table.tank();
  let since = await table.tick();
  await until('the tank to stand still', async () => {
    const [now, tick] = [await table.tank(), await table.tick()];
    if (now.x !== last.x || now.y !== last.y) [last, since] = [now, tick];
    return tick > since + 25;
  });
  return last;
}

browserTest('after the network was gone it is the same player in the same tank, and the page said why meanwhile', async (visit) => {
  const { proxy, player, table, notice } = await playing(visit, 'Cut off');
  await player.page.keyboard.down('ArrowUp');
  const start = await table.tank();
  await until('the tank to be 1 u further', async () => Math.abs((await table.tank()).x - start.x) > 1);
  await player.page.keyboard.up('ArrowUp');
  const place = await rest(table);
  const before = await table.score('Ada');

  proxy.refuse(true);
  proxy.cut();
  const cutAt = performance.now();
  await notice.getByText(/Not connected|Connecting again/).waitFor({ timeout: SAID_MS });
  visit.report(`the page said why after ${Math.round(performance.now() - cutAt)} ms`);
  proxy.refuse(false);
  await table.running();
  await notice.getByText(/connect/i).waitFor({ state: 'detached' });
  assert.deepEqual(await table.tank(), place);
  assert.deepEqual(await table.score('Ada'), before);
  assert.equal(new Set(player.heard.players).size, 1);
  assert.ok(player.heard.players.length > 1);
});

browserTest('a browser that is offline says so, and goes on when it is back', async (visit) => {
  const { proxy, player, table, notice } = await playing(visit, 'Offline');
  const place = await rest(table);
  await player.context.setOffline(true);
  // Open websockets may survive it.
  proxy.cut();
  await notice.getByText('This device has no network.').waitFor({ timeout: SAID_MS });
  await player.context.setOffline(false);
  await table.running();
  assert.deepEqual(await table.tank(), place);
  assert.equal(new Set(player.heard.players).size, 1);
});

browserTest('a line that has gone silent is noticed, and nothing is lost when it speaks again', async (visit) => {
  const { proxy, player, table, notice } = await playing(visit, 'Silent');
  const place = await rest(table);
  proxy.pause();
  await notice.getByText('No news from the game').waitFor({ timeout: SAID_MS });
  proxy.resume();
  await table.running();
  assert.deepEqual(await table.tank(), place);
  assert.deepEqual(player.heard.holes, []);
});

browserTest('a reload is the same player in the same tank', async (visit) => {
  const { player, table } = await playing(visit, 'Reloaded');
  const place = await rest(table);
  await player.page.reload();
  await table.running();
  assert.deepEqual(await table.tank(), place);
  assert.equal(new Set(player.heard.players).size, 1);
});
