/**
 * The client in a real Chromium, against a real demo: what a visitor does.
 *
 * Environment: TANX_URL, a running demo; or TANX_DEMO_BIN, the gamed binary to start one with (TANX_WEB: its folder of the
 * client, dist by default). CHROMIUM: the browser, /usr/bin/chromium by default. SCREENSHOTS: a folder for pictures.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const DEADLINE_MS = 15_000;
/** A roll replaces three servers, each with a pause to look at. */
const ROLL_DEADLINE_MS = 90_000;

const { TANX_URL, TANX_DEMO_BIN, TANX_WEB, SCREENSHOTS, CHROMIUM = '/usr/bin/chromium' } = process.env;

/** Ends what was started, last first. */
const cleanups = [];

try {
  await main();
} catch (error) {
  console.error(`browser test: FAILED: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}

async function main() {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no browser at ${CHROMIUM}: install Chromium (Debian: apt-get install chromium) or name one in CHROMIUM`);
  const url = TANX_URL ?? (await startDemo());
  const page = await openBrowser();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });

  const step = async (name, work) => {
    const started = performance.now();
    try {
      await work();
    } catch (error) {
      await picture(page, 'failed');
      throw new Error(`${name}: ${error.message}`);
    }
    console.log(`ok  ${name} (${Math.round(performance.now() - started)} ms)`);
  };

  await step('the lobby lists games and where they run', async () => {
    await page.goto(url);
    await page.getByLabel('Your name').fill('Ada');
    await page.locator('.game-row', { hasText: 'runs on server-' }).first().waitFor();
    await picture(page, 'lobby');
  });

  await step('a game can be created and joined', async () => {
    await page.getByLabel('New game').fill('Browser test');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'Browser test' }).waitFor();
    await page.getByRole('row', { name: /Ada \(you\)/ }).waitFor();
  });

  const arena = page.getByRole('img', { name: /The arena/ });
  const place = async () => {
    const [, x, y] = /yours is at (-?[\d.]+), (-?[\d.]+)/.exec((await arena.getAttribute('aria-label')) ?? '') ?? [];
    return x === undefined ? null : { x: Number(x), y: Number(y) };
  };
  const tick = async () => Number(await arena.getAttribute('data-tick'));

  await step('Enter launches a tank', async () => {
    await page.keyboard.press('Enter');
    await until('a tank of our own', async () => (await place()) !== null);
  });

  await step('the tank drives', async () => {
    const from = await place();
    await page.keyboard.down('ArrowUp');
    await until('the tank to be 1 u further', async () => {
      const to = await place();
      return to !== null && Math.hypot(to.x - from.x, to.y - from.y) > 1;
    });
    await page.keyboard.up('ArrowUp');
    await page.keyboard.press('Space');
    await picture(page, 'game');
  });

  await step('after a reload it is the same player, in the same tank', async () => {
    await until('the tank to stand still', async () => same(await place(), await settled(place)));
    const before = await place();
    await page.reload();
    await until('our own tank where it was', async () => same(await place(), before));
  });

  const cluster = await page.context().newPage();
  cluster.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  const ready = cluster.locator('[data-member]', { has: cluster.locator('.state.ready') });
  let members = [];

  await step('the cluster page shows three servers and their games', async () => {
    await cluster.goto(`${url}/#cluster`);
    await until('three ready servers', async () => (await ready.count()) === 3);
    await cluster.getByText('Demo: one build, one process; three servers in it.').waitFor();
    members = await ids(ready);
    await cluster.getByRole('link', { name: 'Browser test' }).first().waitFor();
  });

  await step('all servers are replaced, and the game goes on on the same page', async () => {
    // A page that was loaded anew would not have this.
    await page.evaluate(() => {
      window.loadedOnce = true;
    });
    const before = await tick();
    const stood = await place();
    await cluster.getByRole('button', { name: 'Replace the servers, one after the other' }).click();
    const all = cluster.locator('[data-member]');
    await until(
      'three new ready servers, and the old ones gone',
      async () => (await ready.count()) === 3 && (await all.count()) === 3 && (await ids(ready)).every((id) => !members.includes(id)),
      ROLL_DEADLINE_MS,
    );
    await picture(cluster, 'cluster');
    await page.bringToFront();
    const names = await cluster.locator('[data-member] h2').evaluateAll((titles) => titles.map((title) => title.firstChild?.textContent ?? ''));
    await until('a new server to serve the page', async () => {
      const edge = await page.locator('[data-host=edge]').textContent();
      return names.some((name) => edge?.startsWith(`${name},`));
    });
    await page.keyboard.down('ArrowLeft');
    await page.keyboard.down('ArrowDown');
    await until('the tank to drive on', async () => {
      const now = await place();
      return now !== null && stood !== null && !same(now, stood);
    });
    await page.keyboard.up('ArrowDown');
    await page.keyboard.up('ArrowLeft');
    const after = await tick();
    if (after <= before) throw new Error(`the tick went from ${before} to ${after}`);
    if (!(await page.evaluate(() => window.loadedOnce === true))) throw new Error('the page was loaded anew');
    const moves = Number.parseInt((await page.locator('[data-host=moves]').textContent()) ?? '', 10);
    if (!(moves >= 1)) throw new Error('the game has not moved');
    console.log(`    the game moved ${moves} time(s), from tick ${before} to ${after}; ${(await page.locator('[data-host=moves]').textContent())?.trim()}`);
    await picture(page, 'after the roll');
  });

  await step('a game full of bots can be watched', async () => {
    await cluster.goto(url);
    await cluster.getByRole('link', { name: 'Watch Arena 1' }).click();
    const watched = cluster.getByRole('img', { name: /The arena with [1-9]/ });
    await watched.waitFor();
    const from = Number(await watched.getAttribute('data-tick'));
    await until('a second of it', async () => Number(await watched.getAttribute('data-tick')) > from + 50);
    await picture(cluster, 'watching');
  });

  await step('on a small screen nothing sticks out', async () => {
    await page.setViewportSize({ width: 375, height: 700 });
    await picture(page, 'small');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > 375) throw new Error(`the page is ${wide} px wide on a screen of 375`);
  });

  await step('leaving leads back to the lobby', async () => {
    await page.getByRole('button', { name: 'Leave the game' }).click();
    await page.getByRole('heading', { name: 'Games', exact: true }).waitFor();
  });

  if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`);
  console.log('browser test: passed');
}

async function openBrowser() {
  const profile = await mkdtemp(join(tmpdir(), 'tanx-browser-'));
  cleanups.push(() => rm(profile, { recursive: true, force: true }));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    viewport: { width: 1280, height: 860 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  cleanups.push(() => context.close());
  context.setDefaultTimeout(DEADLINE_MS);
  return context.pages()[0] ?? context.newPage();
}

/** Starts a demo on a free port; the answer is its address. */
async function startDemo() {
  if (!TANX_DEMO_BIN) throw new Error('name a running demo in TANX_URL, or the gamed binary in TANX_DEMO_BIN');
  const web = TANX_WEB ?? fileURLToPath(new URL('../dist', import.meta.url));
  const port = await freePort();
  const demo = spawn(TANX_DEMO_BIN, ['--demo', '--listen', `127.0.0.1:${port}`, '--web', web], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((resolve) => demo.once('exit', resolve));
  let failure = null;
  demo.once('error', (error) => {
    failure = new Error(`cannot start ${TANX_DEMO_BIN}: ${error.message}`);
  });
  demo.once('exit', (code) => {
    failure ??= new Error(`the demo ended with code ${code}`);
  });
  cleanups.push(async () => {
    if (demo.exitCode !== null || demo.pid === undefined) return;
    demo.kill('SIGINT');
    const killed = setTimeout(() => demo.kill('SIGKILL'), DEADLINE_MS);
    await ended;
    clearTimeout(killed);
  });
  const url = `http://127.0.0.1:${port}`;
  await until('the demo to answer', async () => {
    if (failure) throw failure;
    const answer = await fetch(`${url}/api/cluster`).catch(() => null);
    return answer?.ok === true && (await answer.json()).members.length === 3;
  });
  return url;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function until(what, holds, deadlineMs = DEADLINE_MS) {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What `read` answers after the page's texts have had the time to follow. */
async function settled(read) {
  await new Promise((resolve) => setTimeout(resolve, 600));
  return read();
}

function same(a, b) {
  return a !== null && b !== null && a.x === b.x && a.y === b.y;
}

function ids(members) {
  return members.evaluateAll((boxes) => boxes.map((box) => box.getAttribute('data-member')));
}

async function picture(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
