import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { Proxy, dice, jitter } from './proxy.mjs';

const SEED = 7;

/** A server that sends back what it gets, a proxy before it, and a connection through both. */
async function bench(t, conditions) {
  const accepted = new Set();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.add(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await Proxy.start({ port: server.address().port }, { seed: SEED, ...conditions });
  t.after(async () => {
    await proxy.close();
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const dial = async () => {
    const client = connect(proxy.port, '127.0.0.1');
    client.on('error', () => {});
    t.after(() => client.destroy());
    await once(client, 'connect');
    return client;
  };
  return { proxy, dial, accepted };
}

/** Sends `text` and waits until as many bytes are back: what came, and after how long. */
async function echo(client, text) {
  const began = performance.now();
  let back = '';
  client.write(text);
  while (back.length < text.length) back += await once(client, 'data').then(([bytes]) => bytes.toString());
  return { back, ms: performance.now() - began };
}

/** Also where it breaks, which `once` would pass on as a failure. */
function closed(socket) {
  return new Promise((resolve) => socket.once('close', resolve));
}

test('without conditions everything comes through as it was sent', async (t) => {
  const { dial } = await bench(t);
  const text = 'x'.repeat(300_000);
  assert.equal((await echo(await dial(), text)).back, text);
});

test('a delay is paid on each way', async (t) => {
  const { dial } = await bench(t, { delayMs: 40 });
  const { ms } = await echo(await dial(), 'ping');
  assert.ok(ms >= 79 && ms < 400, `${ms} ms`);
});

test('pieces keep their order under jitter', async (t) => {
  const { dial } = await bench(t, { jitterMs: 30 });
  const client = await dial();
  let back = '';
  client.on('data', (bytes) => (back += bytes));
  const sent = [];
  for (let piece = 0; piece < 30; piece += 1) {
    sent.push(`${piece};`);
    client.write(`${piece};`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (back.length < sent.join('').length) await once(client, 'data');
  assert.equal(back, sent.join(''));
});

test('a narrow wire takes its time', async (t) => {
  const { dial } = await bench(t, { bytesPerSecond: 10_000 });
  const { ms } = await echo(await dial(), 'x'.repeat(1000));
  assert.ok(ms >= 199 && ms < 600, `${ms} ms`);
});

test('while it is paused nothing comes and nothing breaks', async (t) => {
  const { proxy, dial } = await bench(t);
  const client = await dial();
  await echo(client, 'before');
  proxy.pause();
  let early = false;
  const answer = echo(client, 'during');
  const first = once(client, 'data').then(() => (early = true));
  // Another proxy's whole round trip is long enough for this one to have been wrong.
  const other = await bench(t, { delayMs: 50 });
  await echo(await other.dial(), 'elsewhere');
  assert.equal(early, false);
  proxy.resume();
  assert.equal((await answer).back, 'during');
  await first;
});

test('a cut breaks what is open, on both sides; new connections go through', async (t) => {
  const { proxy, dial, accepted } = await bench(t);
  const client = await dial();
  await echo(client, 'hello');
  const [served] = accepted;
  const gone = Promise.all([closed(client), closed(served)]);
  proxy.cut();
  await gone;
  assert.equal((await echo(await dial(), 'again')).back, 'again');
});

test('while it refuses, new connections break', async (t) => {
  const { proxy, dial } = await bench(t);
  proxy.refuse(true);
  await closed(connect(proxy.port, '127.0.0.1').on('error', () => {}));
  proxy.refuse(false);
  assert.equal((await echo(await dial(), 'again')).back, 'again');
});

test('an end that was said properly goes through', async (t) => {
  const { proxy, dial } = await bench(t, { delayMs: 10 });
  const client = await dial();
  await echo(client, 'bye');
  client.end();
  await once(client, 'end');
  assert.ok(proxy.open <= 1);
});

test('a tap is told what goes through, both ways, and of the end', async (t) => {
  const told = { up: '', down: '', ended: 0 };
  const { dial } = await bench(t, { tap: () => ({ up: (bytes) => (told.up += bytes), down: (bytes) => (told.down += bytes), end: () => (told.ended += 1) }) });
  const client = await dial();
  await echo(client, 'hello');
  assert.deepEqual(told, { up: 'hello', down: 'hello', ended: 0 });
  client.end();
  await closed(client);
  while (told.ended === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told.ended, 1);
});

test('a seed gives the same delays again, another seed others', () => {
  const draw = (seed, stream) => Array.from({ length: 50 }, dice(seed, stream)).map((drawn) => jitter(drawn, 30));
  assert.deepEqual(draw(SEED, 2), draw(SEED, 2));
  assert.notDeepEqual(draw(SEED, 2), draw(SEED, 3));
  assert.notDeepEqual(draw(SEED, 2), draw(SEED + 1, 2));
  const many = Array.from({ length: 10_000 }, dice(SEED)).map((drawn) => jitter(drawn, 30));
  const mean = many.reduce((sum, ms) => sum + ms) / many.length;
  assert.ok(many.every((ms) => ms >= 0 && ms <= 30));
  assert.ok(mean > 8.5 && mean < 10.5, `${mean} ms`);
});
