/**
 * Takes the documentation's pictures: every page, on a projector, a laptop and a phone.
 *
 *     npm run pictures [-- FOLDER]      docs/pictures by default
 *
 * pngquant makes them small; without it they stay as large as Chromium makes them.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Visit, closeBrowser } from './harness/browser.mjs';
import { Demo } from './harness/demo.mjs';
import { Table } from './harness/table.mjs';
import { until } from './harness/wait.mjs';

const [folder = fileURLToPath(new URL('../../docs/pictures', import.meta.url))] = process.argv.slice(2);
const SCREENS = {
  '1920': { viewport: { width: 1920, height: 1080 } },
  '1280': { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  'phone-landscape': { viewport: { width: 844, height: 390 }, isMobile: true, hasTouch: true },
};
/** So many looks at a fight; the one with most in it is kept. */
const LOOKS = 24;
const ROUND_SECONDS = 40;
const REST_SECONDS = 20;
const ROLL_DEADLINE_MS = 60_000;

await mkdir(folder, { recursive: true });
const demo = await Demo.start(['--demo-games', '5', '--round-seconds', String(ROUND_SECONDS), '--rest-seconds', String(REST_SECONDS)]);
const visit = new Visit(demo, console.log);
visit.finally(() => demo.stop());
visit.finally(closeBrowser);
try {
  await town();
  await lobby();
  await fight();
} finally {
  await visit.end();
}

/** The cluster page: at rest, half way through a roll, and after it. */
async function town() {
  const pages = await each(['1920', '1280', 'phone'], '', async ({ page }) => {
    await page.goto('/#cluster');
    await until('three ready servers', async () => (await page.locator('[data-member]', { has: page.locator('.state.ready') }).count()) === 3);
  });
  await pictures('cluster', pages);
  const [first] = pages.values();
  await first.page.getByRole('button', { name: /Replace the servers/ }).click();
  const progress = first.page.getByRole('progressbar', { name: 'Servers replaced' });
  await until('the first server to be replaced and the second to leave', async () => (await progress.isVisible()) && Number(await progress.getAttribute('aria-valuenow')) >= 1 && (await first.page.locator('[data-member] .state.draining').count()) > 0, ROLL_DEADLINE_MS);
  await until('a game that has just moved', async () => (await first.page.locator('.tile.moved').count()) > 0);
  await pictures('cluster-rolling', pages);
  await first.page.getByText(/^Rolled to/).waitFor({ timeout: ROLL_DEADLINE_MS });
  await pictures('cluster-rolled', pages);
  await close(pages);
}

async function lobby() {
  const pages = await each(['1920', '1280', 'phone'], 'Ada', async ({ page }) => {
    await page.goto('/');
    await page.getByRole('list', { name: 'Running games' }).getByText(/runs on server-/).first().waitFor();
  });
  await pictures('lobby', pages);
  await close(pages);
}

/** A fight, the settings before it, and the score board after it. */
async function fight() {
  const game = await demo.createGame({ name: 'Rush hour', bots: 7 });
  const tables = new Map();
  for (const [size, screen] of Object.entries(SCREENS)) {
    const table = new Table(await visit.visitor(size === '1920' ? 'Ada' : size === '1280' ? 'Grace' : size === 'phone' ? 'Linus' : 'Joan', screen));
    await table.open(game);
    tables.set(size, table);
  }
  for (const [size, table] of tables) {
    const looks = [];
    await until(
      `a look at the fight on ${size}`,
      async () => {
        if ((await table.tank()) === null) await table.page.keyboard.press('Enter');
        else {
          await table.page.keyboard.press('Space');
          looks.push(await table.page.screenshot());
        }
        return looks.length === LOOKS;
      },
      30_000,
    );
    // What compresses worst shows most.
    await keep(size === '1280' ? 'game' : `game-${size}`, looks.sort((a, b) => b.length - a.length)[0]);
  }
  const pages = new Map([...tables].map(([size, { visitor }]) => [size, visitor]));
  for (const table of tables.values()) await table.openPanel('Settings');
  await pictures('settings', pages);
  for (const table of tables.values()) await table.closePanel();
  for (const { page } of tables.values()) await page.getByRole('region', { name: 'The round is over' }).waitFor({ timeout: (ROUND_SECONDS + REST_SECONDS) * 1000 });
  await pictures('scoreboard', pages);
  await close(pages);
}

async function each(sizes, name, prepare) {
  const pages = new Map();
  for (const size of sizes) {
    const visitor = await visit.visitor(name, SCREENS[size]);
    await prepare(visitor);
    pages.set(size, visitor);
  }
  return pages;
}

async function pictures(what, pages) {
  const taken = await Promise.all([...pages].map(async ([size, { page }]) => [size, await page.screenshot()]));
  for (const [size, png] of taken) await keep(size === '1280' ? what : `${what}-${size}`, png);
}

async function keep(name, png) {
  const small = shrink(png);
  await writeFile(join(folder, `${name}.png`), small);
  console.log(`${name}.png  ${Math.round(small.length / 1024)} KB (taken: ${Math.round(png.length / 1024)} KB)`);
}

async function close(pages) {
  for (const { context } of pages.values()) await context.close();
}

function shrink(png) {
  const { stdout, status, error } = spawnSync('pngquant', ['--speed', '1', '--strip', '--quality', '60-95', '-'], { input: png, maxBuffer: 1 << 26 });
  if (error?.code === 'ENOENT') return png;
  if (error ?? status !== 0) throw new Error(`pngquant failed: ${error?.message ?? `code ${status}`}`);
  return stdout;
}
