/**
 * A test in the browser, against a real demo.
 *
 * Owns the demo that tests share: it starts with the first test that needs it and ends, as the browser does, after the last.
 * After each test no page may have complained in its console; after a failure a picture of every page, its console and the
 * servers' log are under e2e-logs/browser.
 */
import { after, test } from 'node:test';
import { Visit, closeBrowser } from './browser.mjs';
import { Demo, MAZES } from './demo.mjs';

const TEST_DEADLINE_MS = 60_000;

let shared = null;

/** Few games of its own: what tests need they create. */
function sharedDemo() {
  shared ??= Demo.start(['--demo-games', '2', '--mazes', MAZES]);
  return shared;
}

after(async () => {
  await closeBrowser();
  await (await shared?.catch(() => null))?.stop();
});

/**
 * @param {string} name A sentence.
 * @param {(visit: Visit) => Promise<void>} work
 * @param {{ timeout?: number, demo?: readonly string[] }} [options] `demo`: flags of a demo of its own.
 */
export function browserTest(name, work, { timeout = TEST_DEADLINE_MS, demo: flags } = {}) {
  test(name, { timeout }, async (t) => {
    const demo = flags ? await Demo.start(flags) : await sharedDemo();
    const visit = new Visit(demo, (sentence) => t.diagnostic(sentence));
    if (flags) visit.finally(() => demo.stop());
    try {
      await work(visit);
      visit.checkComplaints();
    } catch (error) {
      await visit.keepEvidence(name);
      throw error;
    } finally {
      await visit.end();
    }
  });
}
