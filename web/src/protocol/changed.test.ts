/**
 * Messages with bytes changed at random: each is refused with a sentence of ours, or makes a world that can be shown.
 *
 * TANX_FUZZ_SECONDS says for how long they are tried, TANX_FUZZ_SEED tries the same ones again.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OutOfStep, type View, fromKeyframe, step } from '../game/view';
import { encodeFrame, encodeKeyframe } from '../testing/encode';
import { frameOf, loadReplay } from '../testing/replay';
import { ProtocolError } from './bytes';
import { decodeServer } from './server';

const SLOTS = 8;
const { maze, start, ticks } = loadReplay();

const recorded: string[] = JSON.parse(readFileSync(new URL('../../../crates/protocol/vectors/player.json', import.meta.url), 'utf8'))
  .filter(({ direction, slots }: { direction: string; slots?: number }) => direction === 'server' && (slots ?? SLOTS) === SLOTS)
  .map(({ hex }: { hex: string }) => hex);
const MESSAGES: readonly Uint8Array[] = [
  ...recorded.map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))),
  ...ticks.map((row) => encodeFrame(frameOf(row), SLOTS).done()),
  encodeKeyframe(start).done(),
];

/** A whole number from 0, below `below`. */
type Dice = (below: number) => number;

/** mulberry32. */
function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return Math.floor((((z ^ (z >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const BYTES = [0, 1, 2, 7, 8, 31, 32, 33, 0x7f, 0x80, 0xfe, 0xff];

function change(message: Uint8Array, roll: Dice): Uint8Array {
  const bytes = [...message];
  for (let times = 1 + roll(4); times > 0; times--) {
    const at = roll(bytes.length + 1);
    const other = MESSAGES[roll(MESSAGES.length)] as Uint8Array;
    switch (roll(5)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << roll(8));
        break;
      case 1:
        bytes[at] = BYTES[roll(BYTES.length)] as number;
        break;
      case 2:
        bytes.splice(at, 1 + roll(4));
        break;
      case 3:
        bytes.splice(at, 0, roll(256));
        break;
      default:
        bytes.splice(at, bytes.length, ...other.subarray(roll(other.length)));
    }
  }
  return Uint8Array.from(bytes);
}

/** Whether everything that is drawn from it is a number. */
function drawable(view: View): boolean {
  const poses = [...view.players.flatMap(({ tank }) => (tank ? [tank] : [])), ...view.missiles, ...view.blasts, ...view.items];
  return Number.isFinite(view.tick) && poses.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
}

it('refuses what is broken, and shows what it does not refuse', { timeout: 0 }, () => {
  const seed = Number(process.env.TANX_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
  const until = Date.now() + 1_000 * Number(process.env.TANX_FUZZ_SECONDS ?? 1);
  const roll = dice(seed);
  let view = start;
  const count = { refused: 0, outOfStep: 0, taken: 0 };
  while (Date.now() < until) {
    const bytes = change(MESSAGES[roll(MESSAGES.length)] as Uint8Array, roll);
    // Else hardly a frame would be for the next tick.
    if ((bytes[0] ?? 0xff) < 0x40 && bytes.length > 1) bytes[1] = (view.tick + 1) % 256;
    const here = `TANX_FUZZ_SEED=${seed}: ${Buffer.from(bytes).toString('hex')}`;
    try {
      const message = decodeServer(bytes, SLOTS);
      if (message.type === 'keyframe') view = fromKeyframe(message);
      else if (message.type === 'frame') view = step(view, message, maze);
      if (!drawable(view)) throw new Error('a world that cannot be drawn');
      count.taken += 1;
    } catch (error) {
      if (error instanceof ProtocolError) count.refused += 1;
      else if (error instanceof OutOfStep) count.outOfStep += 1;
      else throw new Error(here, { cause: error });
    }
    // From a world in which things happen again.
    if (roll(200) === 0) view = start;
  }
  console.log(`seed ${seed}: ${JSON.stringify(count)}`);
  expect(Math.min(count.refused, count.outOfStep, count.taken), 'each of them happens').toBeGreaterThan(0);
});
