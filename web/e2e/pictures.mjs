/**
 * Takes the documentation's pictures: every page, on a projector, a laptop and a phone.
 *
 *     npm run pictures [-- FOLDER]      docs/pictures by default
 *
 * A picture's name says the page and the screen: cluster-1920.png. pngquant makes them small; without it they stay as large as
 * Chromium makes them.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Visit, closeBrowser } from './harness/browser.mjs';
import { Demo } from './harness/demo.mjs';
import { Table } from './harness/table.mjs';
import { until } from './harness/wait.mjs';
import { EVENT } from './harness/wire.mjs';
import { dice } from './proxy.mjs';

const [folder = fileURLToPath(new URL('../../docs/pictures', import.meta.url))] = process.argv.slice(2);
const touch = { isMobile: true, hasTouch: true };
const SCREENS = {
  1920: { viewport: { width: 1920, height: 1080 } },
  1280: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, ...touch },
  'phone-across': { viewport: { width: 844, height: 390 }, ...touch },
};
const PLAYERS = { 1920: 'Ada', 1280: 'Grace', phone: 'Linus', 'phone-across': 'Joan' };
/** So many looks at a fight; the one with most in it is kept. */
const LOOKS = 30;
const LOOKS_DEADLINE_MS = 60_000;
const ROUND_SECONDS = 60;
const REST_SECONDS = 25;
const ROLL_DEADLINE_MS = 60_000;
const SEED = 5;

/** Name to PNG. */
const taken = new Map();

await mkdir(folder, { recursive: true });
const demo = await Demo.start(['--demo-games', '5', '--round-seconds', String(ROUND_SECONDS), '--rest-seconds', String(REST_SECONDS)]);
const visit = new Visit(demo, console.log);
visit.finally(() => demo.stop());
visit.finally(closeBrowser);
try {
  const game = await demo.createGame({ name: 'Rush hour', bots: 7 });
  const players = new Map();
  for (const [size, screen] of Object.entries(SCREENS)) players.set(size, await visit.visitor(PLAYERS[size], screen));
  // One at a time: each says how smoothly it runs.
  for (const [size, player] of players) await fight(game, size, player);
  await afterwards(game, players);
  await lobby();
  await town(game, players);
} catch (error) {
  await visit.keepEvidence('pictures');
  throw error;
} finally {
  await visit.end();
}
await write();

/** In the thick of it, unhurt. */
async function fight(game, size, { page, heard }) {
  const table = await new Table({ page }).open(game);
  const draw = dice(SEED);
  const looks = [];
  const hold = async (key, down) => page.keyboard[down ? 'down' : 'up'](key);
  await until(
    `a look at the fight on ${size}`,
    async () => {
      if ((await table.tank()) === null) {
        await page.keyboard.press('Enter');
        return false;
      }
      // Mostly forwards, firing, now and then around a corner.
      await hold('ArrowUp', draw() < 0.8);
      await hold('ArrowLeft', draw() < 0.25);
      await hold('ArrowRight', draw() < 0.25);
      await hold('Space', draw() < 0.7);
      const now = performance.now();
      const seen = heard.happened.filter(({ at }) => now - at < 600).reduce((sum, { kind }) => sum + (kind === EVENT.kill ? 5 : 1), 0);
      const png = await page.screenshot();
      if ((await table.tank()) !== null && (await calm(page))) looks.push({ seen, png });
      return looks.length === LOOKS;
    },
    LOOKS_DEADLINE_MS,
  );
  taken.set(`game-${size}`, looks.sort((a, b) => b.seen - a.seen)[0].png);
  await page.goto('about:blank');
}

/** No red over the picture: the own tank was not hit of late. */
function calm(page) {
  return page.evaluate(() => {
    const canvas = document.querySelector('canvas');
    const [red, , blue] = canvas.getContext('2d').getImageData(canvas.width >> 1, canvas.height >> 6, 1, 1).data;
    return red <= blue;
  });
}

/** The score board after a round, and the settings before the next one. */
async function afterwards(game, pages) {
  for (const player of pages.values()) await new Table(player).open(game);
  for (const { page } of pages.values()) await page.getByRole('region', { name: 'The round is over' }).getByText('wins').waitFor({ timeout: (ROUND_SECONDS + REST_SECONDS) * 1000 });
  await pictures('scoreboard', pages);
  for (const panel of ['Settings', 'Help']) {
    // There is no room for help's button on a phone; its key works.
    for (const { page } of pages.values()) {
      if (panel === 'Help') await page.keyboard.press('?');
      else await page.getByRole('button', { name: panel, exact: true }).click();
      await page.getByRole('dialog').waitFor();
    }
    await pictures(panel.toLowerCase(), pages);
    for (const { page } of pages.values()) {
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
    }
  }
  for (const { page } of pages.values()) await page.goto('about:blank');
}

async function lobby() {
  const pages = await each(['1920', '1280', 'phone'], async ({ page }) => {
    await page.goto('/');
    await page.getByRole('list', { name: 'Running games' }).getByText('Rush hour').waitFor();
  });
  await pictures('lobby', pages);
  await close(pages);
}

/** The cluster page: at rest, half way through a roll, and after it; with people in a game. */
async function town(game, players) {
  for (const size of ['1280', 'phone']) await new Table(players.get(size)).open(game);
  const pages = await each(['1920', '1280', 'phone'], async ({ page }) => {
    await page.goto('/#cluster');
    await until('three ready servers', async () => (await page.locator('[data-member]', { has: page.locator('.state.ready') }).count()) === 3);
    await page.getByText(/[1-9] (person|people), /).first().waitFor();
  });
  await pictures('cluster', pages);
  const [{ page }] = pages.values();
  await page.getByRole('button', { name: /Replace the servers/ }).click();
  // The second server's games are half way between two houses: looked for at each frame, for it takes no longer than a glance.
  await page.waitForFunction(
    () => {
      const replaced = Number(document.querySelector('[role=progressbar]')?.ariaValueNow);
      const trail = [...document.querySelectorAll('.trails path')].at(-1);
      return replaced >= 2 && document.querySelector('.tile[data-flying]') !== null && trail?.getAnimations()[0]?.currentTime > 300;
    },
    null,
    { timeout: ROLL_DEADLINE_MS },
  );
  await pictures('cluster-rolling', pages);
  await page.getByText(/^Rolled to/).waitFor({ timeout: ROLL_DEADLINE_MS });
  await page.getByRole('button', { name: /Replace the servers/ }).waitFor();
  await until('everything to be in its place', async () => (await page.locator('.trails > *').count()) === 0 && (await page.locator('.house.left').count()) === 0);
  await pictures('cluster-rolled', pages);
  await close(pages);
}

async function each(sizes, prepare) {
  const pages = new Map();
  for (const size of sizes) {
    const visitor = await visit.visitor(PLAYERS[size], SCREENS[size]);
    await prepare(visitor);
    pages.set(size, visitor);
  }
  return pages;
}

async function pictures(what, pages) {
  await Promise.all([...pages].map(async ([size, { page }]) => taken.set(`${what}-${size}`, await page.screenshot())));
}

/** Only now: it takes the whole machine. */
async function write() {
  for (const [name, png] of taken) {
    const small = shrink(png);
    await writeFile(join(folder, `${name}.png`), small);
    console.log(`${name}.png  ${Math.round(small.length / 1024)} KB (taken: ${Math.round(png.length / 1024)} KB)`);
  }
}

async function close(pages) {
  for (const { context } of pages.values()) await context.close();
}

function shrink(png) {
  const { stdout, status, error } = spawnSync('pngquant', ['--strip', '--quality', '60-95', '-'], { input: png, maxBuffer: 1 << 26 });
  if (error?.code === 'ENOENT') return png;
  if (error ?? status !== 0) throw new Error(`pngquant failed: ${error?.message ?? `code ${status}`}`);
  return stdout;
}
