/** Every close code that a page can meet has its sentence on it: for real where it can be provoked, else from a socket of the test's own. */
import assert from 'node:assert/strict';
import { refusing } from '../harness/scripted.mjs';
import { Table } from '../harness/table.mjs';
import { browserTest } from '../harness/test.mjs';
import { until } from '../harness/wait.mjs';
import { hello } from '../harness/wire.mjs';

const sentence = (page, text) => page.getByRole('status').getByText(text).first().waitFor();

/** In a page: opens a socket for each Hello, and waits until all are answered. */
const openAll = (hellos) =>
  Promise.all(
    hellos.map((bytes) => {
      const socket = new WebSocket(`ws://${location.host}/play`);
      socket.onopen = () => socket.send(new Uint8Array(bytes));
      return new Promise((resolve) => (socket.onmessage = socket.onclose = resolve));
    }),
  );

browserTest('there is no such game', async (visit) => {
  const { page } = await visit.visitor('Ada');
  await page.goto('/#game=00000000000000aa');
  await sentence(page, 'There is no such game.');
});

browserTest('the game is full', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Full house' });
  const { slots } = (await visit.demo.games()).find(({ id }) => id === game);
  const crowd = await visit.visitor('');
  await crowd.page.goto('/');
  const hellos = Array.from({ length: slots }, (_, place) => [...hello({ game, name: `Guest ${place + 1}` })]);
  await crowd.page.evaluate(openAll, hellos);
  await until('a full game', async () => (await visit.demo.games()).find(({ id }) => id === game).players === slots);
  const { page } = await visit.visitor('Ada');
  await page.goto(`/#game=${game}`);
  await sentence(page, 'All places of this game are taken.');
  await page.getByRole('link', { name: 'Watch' }).click();
  await new Table({ page }).running();
});

browserTest('a name is refused', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Names' });
  const { page } = await visit.visitor('A name of more than 16 characters');
  await page.goto(`/#game=${game}`);
  await sentence(page, 'That name is refused');
});

browserTest('a token is not valid here; joining again works', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Tokens' });
  const visitor = await visit.visitor('Ada');
  await visitor.page.goto('/');
  await visitor.page.evaluate(([game, token]) => sessionStorage.setItem(`tanx.player.${game}`, `1:${token}`), [game, '00'.repeat(49)]);
  await visitor.page.goto(`/#game=${game}`);
  await sentence(visitor.page, 'The token of this page is not valid');
  await visitor.page.getByRole('button', { name: 'Join again' }).click();
  await new Table(visitor).running();
});

browserTest('opened elsewhere, this page stops', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Tabs' });
  const visitor = await visit.visitor('Ada');
  await new Table(visitor).open(game);
  const [session, token] = (await visitor.page.evaluate((game) => sessionStorage.getItem(`tanx.player.${game}`), game)).split(':');
  // A member gives each player two sockets, and the load balancer spreads them over the members: a few more reach the first.
  const hellos = Array.from({ length: 9 }, (_, n) => [...hello({ game, name: 'Ada', session: Number(session) + n + 1, token: Buffer.from(token, 'hex') })]);
  const elsewhere = await visit.visitor('');
  await elsewhere.page.goto('/');
  await elsewhere.page.evaluate(openAll, hellos);
  await sentence(visitor.page, 'You have opened this game elsewhere');
});

for (const workers of ['with', 'without']) {
  browserTest(`after too many messages the page goes on with the same player, in a browser ${workers} workers`, async (visit) => {
    const game = await visit.demo.createGame({ name: `Flooded ${workers}` });
    const visitor = await visit.visitor('Ada');
    if (workers === 'without') await visitor.context.addInitScript(() => delete window.Worker);
    const table = await new Table(visitor).open(game);
    const { page } = visitor;
    await table.launch();
    // Keys faster than any hand: each change is a message.
    await page.evaluate(() => {
      for (let press = 0; press < 200; press += 1)
        for (const type of ['keydown', 'keyup']) dispatchEvent(new KeyboardEvent(type, { code: 'ArrowLeft', key: 'ArrowLeft' }));
    });
    await until('another socket', () => visitor.heard.players.length === 2);
    assert.deepEqual(visitor.heard.closes, [4007]);
    await table.running();
    assert.equal(new Set(visitor.heard.players).size, 1);
  });
}

browserTest('the game is over', async (visit) => {
  const [watcher, player] = [await visit.visitor(''), await visit.visitor('Ada')];
  await player.page.goto('/');
  const game = await visit.demo.createGame({ name: 'Short' });
  await new Table(player).open(game);
  await new Table(watcher).open(game, { watch: true });
  await player.page.getByRole('button', { name: 'Leave the game' }).click();
  await sentence(watcher.page, 'This game is over.');
}, { demo: ['--demo-games', '1', '--empty-game-ms', '4000'] });

browserTest('too much said is not sent on', async (visit) => {
  const game = await visit.demo.createGame({ name: 'Chatty' });
  const visitor = await visit.visitor('Ada');
  await new Table(visitor).open(game);
  for (let line = 0; line < 4; line += 1) await new Table(visitor).say(`line ${line}`);
  await visitor.page.getByText(/wait|slow|too (fast|much|many)/i).first().waitFor();
}, { demo: ['--demo-games', '1', '--chat-per-minute', '2'] });

const SCRIPTED = [
  { code: 4000, says: 'could not read a message' },
  { code: 4001, says: 'does not speak the protocol version' },
  { code: 4006, says: 'was too long' },
  { code: 4007, says: 'too many messages', again: true },
  { code: 4008, says: 'did not keep up', again: true },
  { code: 4011, says: 'has left', again: true },
  { code: 4012, says: 'expects binary' },
  { code: 4014, says: 'is cut off from the others', next: 'tries to reach another one' },
  { code: 1001, says: 'The connection broke', again: true },
];

for (const { code, says, again, next } of SCRIPTED) {
  browserTest(`close code ${code} has its sentence`, async (visit) => {
    const server = await refusing(visit.demo, code);
    visit.finally(() => server.close());
    const { page } = await visit.visitor('Ada', { port: server.port });
    await page.goto('/#game=00000000000000aa');
    await sentence(page, says);
    await sentence(page, next ?? (again ? /Attempt \d/ : 'This page does not try again by itself.'));
  });
}
