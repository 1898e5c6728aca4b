/**
 * One Chromium, and the people who visit a demo with it.
 *
 * Owns the browser: it starts with the first visitor. Each visitor has a context of their own, as if each sat at another
 * computer. CHROMIUM names the browser, /usr/bin/chromium by default.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Proxy } from '../proxy.mjs';
import { DEADLINE_MS } from './wait.mjs';
import { Heard } from './wire.mjs';

const { CHROMIUM = '/usr/bin/chromium' } = process.env;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const LOGS = fileURLToPath(new URL('../../../e2e-logs/browser', import.meta.url));
export const DESKTOP = { width: 1280, height: 800 };

let browser = null;

/** The one browser of this process. */
export function launched() {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no browser at ${CHROMIUM}: install Chromium (Debian: apt-get install chromium) or name one in CHROMIUM`);
  browser ??= chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  return browser;
}

/** Ends the browser, if it runs. */
export async function closeBrowser() {
  await (await browser?.catch(() => null))?.close();
}

/** The visitors of one test, and what else it has started. */
export class Visit {
  #visitors = [];
  #endings = [];

  /**
   * @param {import('./demo.mjs').Demo} demo What they visit.
   * @param {(sentence: string) => void} report Tells a measured figure.
   */
  constructor(demo, report) {
    this.demo = demo;
    this.report = report;
  }

  /** Calls `ending` at the end of the test, last first. */
  finally(ending) {
    this.#endings.push(ending);
  }

  /**
   * Somebody new with a browser and a network of their own, at an empty page.
   *
   * @param {string} name Who; the player's name, unless it is ''.
   * @param {import('playwright-core').BrowserContextOptions & { port?: number, network?: import('../proxy.mjs').Conditions }} [options]
   *   `port`: of another server than the demo. `network`: what lies between.
   */
  async visitor(name, { port = this.demo.port, network = {}, ...options } = {}) {
    const heard = new Heard();
    const proxy = await Proxy.start({ port }, { ...network, tap: () => heard.tap() });
    this.finally(() => proxy.close());
    const context = await (await launched()).newContext({ viewport: DESKTOP, baseURL: proxy.url, ...options });
    context.setDefaultTimeout(DEADLINE_MS);
    this.finally(() => context.close());
    if (name !== '') await context.addInitScript((player) => localStorage.getItem('tanx.name') ?? localStorage.setItem('tanx.name', player), name);
    return this.tab({ name, context, proxy, heard });
  }

  /** Another tab in the visitor's browser. */
  async tab({ name, context, proxy, heard }) {
    const page = await context.newPage();
    const visitor = { name, page, context, proxy, heard, complaints: [], console: [], expected: [] };
    page.on('pageerror', (error) => visitor.complaints.push(`exception: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      const line = `${message.type()}: ${message.text()} (${message.location().url})`;
      visitor.console.push(line);
      if (message.type() === 'error') visitor.complaints.push(line);
    });
    this.#visitors.push(visitor);
    return visitor;
  }

  checkComplaints() {
    const unexpected = this.#visitors.flatMap(({ name, complaints, expected }) =>
      complaints.filter((line) => !expected.some((pattern) => pattern.test(line))).map((line) => `${name}'s page complained: ${line}`),
    );
    if (unexpected.length > 0) throw new Error([...new Set(unexpected)].join('\n'));
  }

  async keepEvidence(name) {
    const folder = join(LOGS, name.replace(/[^a-z0-9]+/gi, '-'));
    await mkdir(folder, { recursive: true });
    for (const [index, { name: who, page, proxy, console }] of this.#visitors.entries()) {
      const file = join(folder, `${index + 1}-${who || 'somebody'}`);
      await page.screenshot({ path: `${file}.png` }).catch(() => {});
      await writeFile(`${file}.log`, `${page.url()}\nnetwork: ${proxy}\n${console.join('\n')}\n`);
    }
    await writeFile(join(folder, 'demo.log'), this.demo.log());
    this.report(`pictures, consoles and the servers' log: ${relative(process.cwd(), folder)}`);
  }

  async end() {
    for (const ending of this.#endings.reverse()) await ending();
  }
}
