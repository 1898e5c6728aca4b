/**
 * Runs the tests in a real browser: all of them, or those whose file's name begins with one of the arguments.
 *
 *     npm run test:browser
 *     npm run test:browser -- fight roll
 *
 * What they need: harness/demo.mjs and harness/browser.mjs.
 */
import { readdir } from 'node:fs/promises';

const tests = new URL('./tests/', import.meta.url);
const wanted = process.argv.slice(2);
const files = (await readdir(tests)).filter((file) => file.endsWith('.mjs')).sort();
const unknown = wanted.find((name) => !files.some((file) => file.startsWith(name)));

if (unknown !== undefined) {
  console.error(`there is no test ${unknown}; there are ${files.map((file) => file.replace('.mjs', '')).join(', ')}`);
  process.exitCode = 2;
} else {
  // One process for all: they share a browser and a demo.
  for (const file of files) if (wanted.length === 0 || wanted.some((name) => file.startsWith(name))) await import(new URL(file, tests).href);
}
