/**
 * A demo of the tests' own: `gamed --demo` on a free port.
 *
 * Owns the process: it ends with `stop`, and with this process whatever happens. TANX_DEMO_BIN names the binary
 * (by default what `cargo build -p gamed` has made), TANX_WEB the folder of the client (by default dist).
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEADLINE_MS, until } from './wait.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BINARY = process.env.TANX_DEMO_BIN ?? join(process.env.CARGO_TARGET_DIR ?? here('../../../target'), 'debug/gamed');
const WEB = process.env.TANX_WEB ?? here('../../dist');
/** For `--mazes`: what tests play in. */
export const MAZES = here('../mazes');
const LOG_LINES = 200;

export class Demo {
  /**
   * Starts a demo and waits until its servers answer.
   *
   * @param {readonly string[]} [flags] Of gamed, besides those that every demo needs.
   */
  static async start(flags = []) {
    for (const path of [BINARY, join(WEB, 'index.html')])
      if (!existsSync(path)) throw new Error(`there is no ${path}: build it (make web; cargo build -p gamed), or set TANX_DEMO_BIN and TANX_WEB`);
    const demo = new Demo(await freePort(), flags);
    try {
      await until('the demo to answer', async () => {
        if (demo.#failure) throw demo.#failure;
        return (await demo.cluster().catch(() => null))?.members.length === 3;
      });
    } catch (error) {
      await demo.stop();
      throw new Error(`${error.message}\n${demo.log()}`);
    }
    return demo;
  }

  #process;
  #ended;
  #failure = null;
  #lines = [];

  /** Use `start`. */
  constructor(port, flags) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    const all = ['--demo', '--listen', `127.0.0.1:${port}`, '--web', WEB, '--log-format', 'text', ...flags];
    this.#process = spawn(BINARY, all, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    this.#ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#failure ??= new Error(`the demo ended with ${signal ?? `code ${code}`}`);
        resolve();
      });
      this.#process.once('error', (error) => {
        this.#failure = new Error(`cannot start ${BINARY}: ${error.message}`);
        resolve();
      });
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output.setEncoding('utf8').on('data', (text) => {
        this.#lines = [...this.#lines, ...text.split('\n').filter((line) => line !== '')].slice(-LOG_LINES);
      });
    }
    this.#killLate = () => this.#process.kill('SIGKILL');
    process.once('exit', this.#killLate);
  }

  #killLate;

  /** The last lines that the servers wrote. */
  log() {
    return this.#lines.join('\n');
  }

  async stop() {
    process.removeListener('exit', this.#killLate);
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGINT');
    const late = setTimeout(this.#killLate, DEADLINE_MS);
    await this.#ended;
    clearTimeout(late);
  }

  cluster() {
    return this.#call('GET', '/api/cluster');
  }

  async games() {
    return (await this.#call('GET', '/api/games')).games;
  }

  /**
   * Creates a game without bots, unless `settings` says otherwise, and answers its id.
   *
   * @param {{ name: string, maze?: string, bots?: number }} settings
   */
  async createGame(settings) {
    return (await this.#call('POST', '/api/games', { bots: 0, ...settings })).id;
  }

  async #call(method, path, body) {
    const answer = await fetch(this.url + path, {
      method,
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} ${JSON.stringify(body ?? '')}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }
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
