/** Keys, sticks and pads together, and the keyboard's own rules. */
import { beforeEach, describe, expect, it } from 'vitest';
import { parseMaze } from '../game/maze';
import type { Scene } from '../game/scene';
import { KEY } from '../protocol/client';
import { Controls, DESTRUCT_HOLD_MS } from './controls';
import { type Commands, TAB_MS, listenKeyboard } from './controls-keyboard';
import { IDLE, type Pad, readPads } from './gamepad';

const MAZE = parseMaze('name Empty\nwall 2,-1 3,-1 3,1 2,1 2,-1\nentry a -8,-8 facing 45\n');

let holds: number[];
let launches: (number | null)[];
let destructs: number;
let launchable: boolean;
let controls: Controls;

beforeEach(() => {
  holds = [];
  launches = [];
  destructs = 0;
  launchable = false;
  controls = new Controls({
    hold: (keys) => holds.push(keys),
    launch: (entry) => launches.push(entry),
    destruct: () => (destructs += 1),
    launchable: () => launchable,
  });
});

function scene(heading: number | null): Scene {
  const self = heading === null ? null : ({ x: 0, y: 0, heading, own: true } as unknown as Scene['actors'][number]);
  return { tick: 1, actors: self ? [self] : [], missiles: [], blasts: [], items: [], round: { number: 1, resting: false, left: null }, self };
}

function tick(now: number, heading: number | null = 0, pad = IDLE): void {
  controls.tick(now, scene(heading), MAZE, pad, true);
}

describe('controls', () => {
  it('tell only changes', () => {
    controls.setKeyboard(KEY.forward);
    controls.setKeyboard(KEY.forward);
    tick(1);
    controls.setKeyboard(0);
    expect(holds).toEqual([KEY.forward, 0]);
  });

  it('steer by a stick, and fire beside it', () => {
    controls.setStick({ x: 0, y: -1 });
    controls.setFire(true);
    tick(1);
    expect(holds.at(-1)).toBe(KEY.left | KEY.fire);
    controls.setStick(null);
    controls.setFire(false);
    tick(2);
    expect(holds.at(-1)).toBe(0);
  });

  it('let keys win over a stick', () => {
    controls.setStick({ x: 0, y: -1 });
    controls.setKeyboard(KEY.back);
    tick(1);
    expect(holds.at(-1)).toBe(KEY.back);
  });

  it('destroy the own tank only after a long hold, once', () => {
    tick(0);
    controls.askDestruct('keyboard', true, 100);
    tick(100 + DESTRUCT_HOLD_MS - 1);
    expect(controls.destructing(100 + DESTRUCT_HOLD_MS / 2)).toBe(0.5);
    controls.askDestruct('keyboard', false, 600);
    tick(700);
    expect(destructs).toBe(0);
    controls.askDestruct('keyboard', true, 1000);
    tick(1000 + DESTRUCT_HOLD_MS);
    tick(1020 + DESTRUCT_HOLD_MS);
    tick(5000);
    expect(destructs).toBe(1);
  });

  it('do not destroy a tank that is launched while the key is still down', () => {
    tick(0, null);
    controls.askDestruct('keyboard', true, 100);
    tick(2000, 0);
    tick(4000, 0);
    expect(destructs).toBe(0);
  });

  it('destroy the own tank also where the key was pressed before the first picture of it', () => {
    tick(0, null);
    launchable = true;
    controls.launch(null, 50);
    controls.askDestruct('keyboard', true, 100);
    tick(200, 0);
    tick(100 + DESTRUCT_HOLD_MS, 0);
    expect(destructs).toBe(1);
  });

  it('launch at once, but not by the shot that came too late', () => {
    tick(1000, 0);
    launchable = true;
    tick(2000, null);
    controls.launch(null, 2100, true);
    expect(launches).toEqual([]);
    controls.launch(null, 2100);
    controls.launch(2, 2110);
    controls.launch(null, 2400, true);
    expect(launches).toEqual([null, 2, null]);
  });

  it('say whether a launch was meant, so that a key has one meaning', () => {
    expect(controls.launch(null, 0)).toBe(false);
    launchable = true;
    expect(controls.launch(null, 0, true)).toBe(true);
  });
});

describe('game pads', () => {
  const pad = (pressed: number[], axes: number[] = [0, 0]): Pad => ({
    connected: true,
    mapping: 'standard',
    axes,
    buttons: Array.from({ length: 17 }, (_, i) => ({ pressed: pressed.includes(i) })),
  });

  it('have a d-pad, a fire button and a stick', () => {
    expect(readPads([null, pad([12, 14, 0])])).toMatchObject({ keys: KEY.forward | KEY.left | KEY.fire, launch: true });
    expect(readPads([pad([]), pad([3], [0, 1])])).toMatchObject({ stick: { x: 0, y: 1 }, destruct: true, keys: 0 });
  });

  it('of another layout are left alone', () => {
    expect(readPads([{ ...pad([0]), mapping: '' }])).toEqual(IDLE);
  });

  it('launch once for each press', () => {
    launchable = true;
    const pressed = readPads([pad([9])]);
    tick(1, null, pressed);
    tick(2, null, pressed);
    expect(launches).toEqual([null]);
  });
});

describe('the keyboard', () => {
  let said: string[];
  let modal: boolean;
  let target: EventTarget & Pick<Window, 'addEventListener'>;
  let now: number;

  beforeEach(() => {
    said = [];
    modal = false;
    now = 1000;
    target = new EventTarget() as typeof target;
    const commands: Commands = {
      chat: () => said.push('chat'),
      mute: () => said.push('mute'),
      fullScreen: () => said.push('full screen'),
      help: () => said.push('help'),
      scores: (shown) => said.push(shown ? 'scores' : 'no scores'),
      enterPanels: () => said.push('panels'),
      modal: () => modal,
    };
    listenKeyboard(controls, commands, target as unknown as Window);
  });

  function press(type: 'keydown' | 'keyup', code: string, more: Record<string, unknown> = {}): boolean {
    const event = Object.assign(new Event(type, { cancelable: true }), { code, key: code.replace('Key', '').toLowerCase(), ...more });
    Object.defineProperty(event, 'timeStamp', { value: now });
    target.dispatchEvent(event);
    return event.defaultPrevented;
  }

  it.each([
    ['ArrowUp', KEY.forward],
    ['KeyI', KEY.forward],
    ['KeyW', KEY.forward],
    ['KeyK', KEY.back],
    ['KeyA', KEY.left],
    ['KeyJ', KEY.left],
    ['KeyD', KEY.right],
    ['KeyL', KEY.right],
    ['Space', KEY.fire],
  ])('%s drives', (code, key) => {
    expect(press('keydown', code)).toBe(true);
    press('keyup', code);
    expect(holds).toEqual([key, 0]);
  });

  it('holds what two keys for one thing hold until both are up', () => {
    press('keydown', 'ArrowUp');
    press('keydown', 'KeyW');
    press('keyup', 'ArrowUp');
    expect(holds).toEqual([KEY.forward]);
  });

  it('launches with Enter and with Space, which does not fire then', () => {
    launchable = true;
    press('keydown', 'Enter');
    press('keydown', 'Space');
    launchable = false;
    press('keydown', 'Space', { repeat: true });
    expect(launches).toEqual([null, null]);
    expect(holds).toEqual([]);
  });

  it('lets everything go when the window loses it', () => {
    press('keydown', 'KeyW');
    target.dispatchEvent(new Event('blur'));
    expect(holds).toEqual([KEY.forward, 0]);
  });

  it('leaves combinations and open dialogs alone', () => {
    expect(press('keydown', 'KeyA', { ctrlKey: true })).toBe(false);
    modal = true;
    expect(press('keydown', 'KeyA')).toBe(false);
    expect(holds).toEqual([]);
  });

  it('knows the other keys', () => {
    for (const code of ['KeyT', 'KeyM', 'KeyF']) press('keydown', code);
    press('keydown', 'Slash', { key: '/' });
    press('keydown', 'Slash', { key: '?' });
    expect(said).toEqual(['chat', 'mute', 'full screen', 'chat', 'help']);
  });

  it('shows the scores while Tab is held, and goes on as usual after a short press', () => {
    press('keydown', 'Tab');
    now += TAB_MS;
    press('keyup', 'Tab');
    expect(said).toEqual(['scores', 'no scores']);
    press('keydown', 'Tab');
    now += 80;
    press('keyup', 'Tab');
    expect(said.slice(2)).toEqual(['scores', 'no scores', 'panels']);
    expect(press('keydown', 'Tab', { shiftKey: true })).toBe(false);
  });
});
