import assert from 'node:assert/strict';
import { browserTest } from '../harness/test.mjs';
import { Table } from '../harness/table.mjs';
import { until } from '../harness/wait.mjs';
import { EVENT } from '../harness/wire.mjs';

const PHONE = { isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const PORTRAIT = { width: 390, height: 844 };
const LANDSCAPE = { width: 844, height: 390 };

/** The tank has moved by more than so much from `start`. */
const gone = (table, start, by) => async () => {
  const now = await table.tank();
  return now !== null && Math.hypot(now.x - start.x, now.y - start.y) > by;
};

const shots = ({ heard }) => heard.happened.some(({ kind }) => kind === EVENT.shot);

/** Somebody in a game of their own. */
async function alone(visit, name, options) {
  const game = await visit.demo.createGame({ name, maze: 'Duel' });
  const visitor = await visit.visitor('Ada', options);
  const table = await new Table(visitor).open(game);
  return { visitor, table };
}

for (const key of ['ArrowUp', 'i', 'w']) {
  browserTest(`the tank drives by ${key} and fires by Space`, async (visit) => {
    const { visitor, table } = await alone(visit, `Driven by ${key}`);
    const start = await table.launch();
    await visitor.page.keyboard.down(key);
    await until('the tank to be 1 u further', gone(table, start, 1));
    await visitor.page.keyboard.up(key);
    await visitor.page.keyboard.press('Space');
    await until('a shot', () => shots(visitor));
  });
}

for (const [name, viewport] of [
  ['upright', PORTRAIT],
  ['across', LANDSCAPE],
]) {
  browserTest(`on a phone held ${name}, stick and fire play, and the page stays where it is`, async (visit) => {
    const { visitor, table } = await alone(visit, `By thumb, ${name}`, { ...PHONE, viewport });
    const { page } = visitor;
    const fingers = await Fingers.on(page);
    await page.getByRole('button', { name: /^Launch/ }).first().tap();
    const start = await until('a tank', () => table.tank());
    const stick = await middle(page.locator('.stick-zone'));
    const fire = await middle(page.locator('.fire'));
    // Towards the middle of the arena, whichever side the tank came in at; then both thumbs at once.
    await fingers.down('stick', stick);
    await fingers.move('stick', { x: stick.x + (start.x < 0 ? 60 : -60), y: stick.y });
    await until('the tank to be 1 u further', gone(table, start, 1));
    await fingers.down('fire', fire);
    await until('a shot', () => shots(visitor));
    await fingers.up('fire');
    await fingers.up('stick');
    const { x, y, wide } = await page.evaluate(() => ({ x: scrollX, y: scrollY, wide: document.documentElement.scrollWidth - innerWidth }));
    assert.deepEqual({ x, y }, { x: 0, y: 0 }, 'the page scrolled');
    assert.ok(wide <= 0, `the page is ${wide} px wider than the screen`);
  });
}

browserTest('a game pad drives and fires', async (visit) => {
  const { visitor, table } = await alone(visit, 'By pad');
  const { page } = visitor;
  await page.evaluate(() => {
    const buttons = Array.from({ length: 17 }, () => ({ pressed: false, touched: false, value: 0 }));
    window.pad = { connected: true, id: 'Pad', index: 0, mapping: 'standard', axes: [0, 0, 0, 0], buttons, timestamp: 0 };
    navigator.getGamepads = () => [window.pad, null, null, null];
    dispatchEvent(Object.assign(new Event('gamepadconnected'), { gamepad: window.pad }));
  });
  const press = (button, pressed) => page.evaluate(([button, pressed]) => (window.pad.buttons[button] = { pressed, touched: pressed, value: Number(pressed) }), [button, pressed]);
  await press(9, true);
  const start = await until('a tank', () => table.tank());
  await press(9, false);
  await page.evaluate((x) => (window.pad.axes = [x, 0, 0, 0]), start.x < 0 ? 1 : -1);
  await until('the tank to be 1 u further', gone(table, start, 1));
  await press(0, true);
  await until('a shot', () => shots(visitor));
});

/** Fingers on a screen, as many as are named. */
class Fingers {
  static async on(page) {
    return new Fingers(await page.context().newCDPSession(page));
  }

  #touching = new Map();

  constructor(session) {
    this.session = session;
  }

  async down(name, { x, y }) {
    this.#touching.set(name, { id: this.#touching.size + 1, x, y });
    await this.#send('touchStart');
  }

  async move(name, { x, y }) {
    Object.assign(this.#touching.get(name), { x, y });
    await this.#send('touchMove');
  }

  async up(name) {
    this.#touching.delete(name);
    await this.#send(this.#touching.size === 0 ? 'touchEnd' : 'touchMove');
  }

  #send(type) {
    return this.session.send('Input.dispatchTouchEvent', { type, touchPoints: [...this.#touching.values()] });
  }
}

async function middle(locator) {
  const { x, y, width, height } = await locator.boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
}
