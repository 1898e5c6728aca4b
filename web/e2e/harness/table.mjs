/**
 * The page of a game, by what a person finds on it.
 *
 * Owns the names of its parts, so that tests read as what players do.
 */
import { until } from './wait.mjs';

export class Table {
  /** @param {Awaited<ReturnType<import('./browser.mjs').Visit['visitor']>>} visitor */
  constructor(visitor) {
    this.visitor = visitor;
    this.page = visitor.page;
    this.arena = this.page.getByRole('img', { name: /The arena/ });
  }

  /** Goes to the game and waits until its world is there. */
  async open(game, { watch = false, query = '' } = {}) {
    await this.page.goto(`/${query}#game=${game}${watch ? '&watch' : ''}`);
    await this.running();
    return this;
  }

  /** Waits until frames flow. */
  async running() {
    const from = await until('a world', () => this.tick());
    await until('frames', async () => (await this.tick()) > from + 2);
  }

  /** Newest tick that the page has; 0 before the first. */
  async tick() {
    return Number((await this.arena.getAttribute('data-tick')) ?? 0);
  }

  /** Where the own tank is, in u; null without one. */
  async tank() {
    const [, x, y] = /yours is at (-?[\d.]+), (-?[\d.]+)/.exec((await this.arena.getAttribute('aria-label')) ?? '') ?? [];
    return x === undefined ? null : { x: Number(x), y: Number(y) };
  }

  async launch() {
    await this.page.keyboard.press('Enter');
    return until('a tank of one’s own', () => this.tank());
  }

  /** Counters of the session, as the page gives them to tests. */
  stats() {
    return this.page.evaluate(() => ({ ...window.tanxStats }));
  }

  /** A row of the score board: kills and deaths. */
  async score(name) {
    const [kills, deaths] = await this.page.getByRole('row', { name: new RegExp(`^${name}\\b`) }).first().getByRole('cell').allTextContents();
    return [Number(kills), Number(deaths)];
  }

  get chat() {
    return this.page.getByRole('log', { name: 'Chat' });
  }

  async say(text) {
    await this.page.getByLabel('Say something').fill(text);
    await this.page.getByLabel('Say something').press('Enter');
  }

  async rename(name) {
    await this.page.getByRole('button', { name: 'Change your name' }).click();
    await this.page.getByLabel('Your new name').fill(name);
    await this.page.getByLabel('Your new name').press('Enter');
  }

  /** Opens one of the panels over the game: Settings or Help. */
  async openPanel(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
    await this.page.getByRole('dialog').waitFor();
  }

  async closePanel() {
    await this.page.keyboard.press('Escape');
    await this.page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
}
