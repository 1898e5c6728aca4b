/**
 * What the page's main thread does for each displayed frame, from Chromium's own trace.
 *
 * A frame's work is everything that the main thread ran from the beginning of one animation frame to that of the next:
 * drawing, websocket messages, timers, style and layout, painting, collecting garbage.
 */
/** Headless Chromium draws at 60 Hz. */
const DISPLAY_MS = 1000 / 60;
const CATEGORIES = ['-*', 'devtools.timeline', 'disabled-by-default-devtools.timeline'];

/**
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').Page} page
 * @param {number} ms How long to look.
 */
export async function traceFrames(browser, page, ms) {
  await browser.startTracing(page, { categories: CATEGORIES });
  await page.waitForTimeout(ms);
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  return framesOf(traceEvents);
}

export function framesOf(events) {
  const begins = events.filter(({ name, ph }) => name === 'AnimationFrame' && ph === 'b');
  const { pid, tid } = mostSeen(begins);
  const starts = begins.filter((event) => event.pid === pid && event.tid === tid).map(({ ts }) => ts).sort((a, b) => a - b);
  const tasks = events.filter((event) => event.name === 'RunTask' && event.ph === 'X' && event.pid === pid && event.tid === tid).sort((a, b) => a.ts - b.ts);
  const work = starts.slice(1).map(() => 0);
  const cpu = starts.slice(1).map(() => 0);
  let frame = 0;
  for (const { ts, dur = 0, tdur = 0 } of tasks) {
    // A task belongs to the frame in which it ends: the one that begins a frame begins before it.
    const end = ts + dur;
    while (frame < work.length && starts[frame + 1] < end) frame += 1;
    if (end < starts[0] || frame >= work.length) continue;
    work[frame] += dur / 1000;
    cpu[frame] += tdur / 1000;
  }
  const intervals = starts.slice(1).map((ts, index) => (ts - starts[index]) / 1000);
  const missed = intervals.reduce((sum, interval) => sum + Math.max(0, Math.round(interval / DISPLAY_MS) - 1), 0);
  return {
    frames: starts.length,
    /** Of the frames that the display could have shown. */
    droppedPart: missed / (missed + intervals.length),
    workP50: quantile(work, 0.5),
    workP95: quantile(work, 0.95),
    workMax: Math.max(...work),
    cpuP95: quantile(cpu, 0.95),
  };
}

function mostSeen(events) {
  const counts = new Map();
  for (const { pid, tid } of events) counts.set(`${pid} ${tid}`, (counts.get(`${pid} ${tid}`) ?? 0) + 1);
  const [busiest] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (busiest === undefined) throw new Error('no frame was drawn while the page was traced');
  const [pid, tid] = busiest.split(' ').map(Number);
  return { pid, tid };
}

export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}
