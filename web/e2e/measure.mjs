/**
 * Measures the page in a real browser, and prints tables: what each displayed frame costs, and what bad networks do.
 *
 *     npm run measure [-- frames | network]
 *
 * Judges nothing: figures of a shared machine are not for passing or failing.
 */
import { Demo } from './harness/demo.mjs';
import { Visit, closeBrowser, launched } from './harness/browser.mjs';
import { Table } from './harness/table.mjs';
import { traceFrames } from './harness/trace.mjs';
import { until } from './harness/wait.mjs';
import { dice } from './proxy.mjs';

const FRAMES_MS = 20_000;
const DRIVE_MS = 20_000;
const TANKS = 8;
/** Round trips, and how much later than usual a piece may come each way. */
const NETWORKS = [
  { rtt: 0, jitterMs: 0 },
  { rtt: 20, jitterMs: 5 },
  { rtt: 60, jitterMs: 15 },
  { rtt: 150, jitterMs: 40 },
];
const SEED = 11;

const wanted = process.argv.slice(2);
const does = (name) => wanted.length === 0 || wanted.includes(name);
const demo = await Demo.start(['--demo-games', '1', '--max-players', String(TANKS + 1), '--bots', '0', '--round-seconds', '0']);
const visit = new Visit(demo, console.log);
visit.finally(() => demo.stop());
visit.finally(closeBrowser);
try {
  if (does('frames')) await frames();
  if (does('network')) await networks();
} finally {
  await visit.end();
}

/** The main thread's work for each displayed frame, in a game of so many bots. */
async function frames() {
  const game = await demo.createGame({ name: 'Crowded', bots: TANKS });
  const rows = [];
  for (const viewport of [{ width: 1280, height: 800 }, { width: 1920, height: 1080 }]) {
    const visitor = await visit.visitor('', { viewport });
    const table = await new Table(visitor).open(game, { watch: true });
    await until(`${TANKS} tanks`, async () => (await visitor.page.getByRole('img', { name: new RegExp(`The arena with ${TANKS} tanks`) }).count()) === 1);
    const { frames, bytes } = visitor.heard;
    const traced = await traceFrames(await launched(), visitor.page, FRAMES_MS);
    const stats = await table.stats();
    rows.push({
      size: `${viewport.width}x${viewport.height}`,
      frames: traced.frames,
      'work p50 ms': traced.workP50.toFixed(1),
      'p95 ms': traced.workP95.toFixed(1),
      'max ms': traced.workMax.toFixed(1),
      'CPU p95 ms': traced.cpuP95.toFixed(1),
      'dropped %': (traced.droppedPart * 100).toFixed(2),
      'bytes a frame': ((visitor.heard.bytes - bytes) / (visitor.heard.frames - frames)).toFixed(1),
      'late frames': stats.framesLate,
    });
    await visitor.context.close();
  }
  print(`Main thread for each displayed frame, ${TANKS} bots fighting, ${FRAMES_MS / 1000} s (goal: p95 <= 8 ms, dropped < 2 %)`, rows);
}

/** One person who drives by a seeded hand, through networks of several kinds, with the client's lead and without. */
async function networks() {
  const rows = [];
  for (const { rtt, jitterMs } of NETWORKS)
    for (const lead of [false, true]) {
      const game = await demo.createGame({ name: `Round trip ${rtt} ${lead ? 'with' : 'without'}` });
      const visitor = await visit.visitor('Ada', { network: { delayMs: rtt / 2, jitterMs, seed: SEED } });
      const table = await new Table(visitor).open(game, { query: lead ? '' : '?lead=none' });
      await table.launch();
      // The clock and the lead settle first.
      await drive(visitor.page, SEED, DRIVE_MS / 4);
      const before = await table.stats();
      await drive(visitor.page, SEED + 1, DRIVE_MS);
      const after = await table.stats();
      const grown = (name) => after[name] - before[name];
      rows.push({
        'round trip ms': rtt,
        'jitter ms': jitterMs,
        lead: lead ? 'on' : 'off',
        predicted: grown('predicted'),
        mispredicted: grown('mispredicted'),
        '%': ((100 * grown('mispredicted')) / Math.max(1, grown('predicted'))).toFixed(2),
        jumps: grown('jumps'),
        inputs: grown('inputs'),
        late: grown('inputsLate'),
        'late frames': grown('framesLate'),
        'ping ms': after.pingMs?.toFixed(0),
        'lead ms': after.leadMs.toFixed(0),
        'others drawn ms ago': after.delayMs.toFixed(0),
      });
      await visitor.context.close();
    }
  print(`Own tank through bad networks, ${DRIVE_MS / 1000} s of driving, seed ${SEED}`, rows);
}

/** Presses and releases keys as a seed says, some four times a second. */
async function drive(page, seed, ms) {
  const draw = dice(seed);
  const keys = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'];
  const held = new Set();
  const end = performance.now() + ms;
  while (performance.now() < end) {
    // Forwards most of the time.
    const key = draw() < 0.4 ? keys[0] : keys[Math.floor(draw() * keys.length)];
    if (held.delete(key)) await page.keyboard.up(key);
    else {
      held.add(key);
      await page.keyboard.down(key);
    }
    await page.waitForTimeout(80 + 300 * draw());
  }
  for (const key of held) await page.keyboard.up(key);
}

function print(title, rows) {
  console.log(`\n${title}`);
  const columns = Object.keys(rows[0] ?? {});
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)));
  const line = (cells) => cells.map((cell, index) => String(cell).padStart(widths[index])).join('  ');
  console.log(line(columns));
  for (const row of rows) console.log(line(columns.map((column) => row[column])));
}
