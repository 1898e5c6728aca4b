/**
 * What the core costs on the main thread: for each frame of the game (decoding, the next world, prediction) and for each
 * picture, with 8 tanks that drive and shoot in the standard maze, at a round trip of 150 ms: nine ticks are predicted.
 */
import { readFileSync } from 'node:fs';
import { bench, describe } from 'vitest';
import { KEY } from '../protocol/client';
import { decodeServer } from '../protocol/server';
import { encodeFrame } from '../testing/encode';
import { random } from '../testing/network';
import { playerOf, quiet, viewOf } from '../testing/worlds';
import { settle } from './collide';
import { Lead } from './lead';
import { parseMaze } from './maze';
import { freeMotion } from './motion';
import { Stage } from './stage';
import { type View, step } from './view';
import type { Frame, GameEvent } from '../protocol/frame';

const MAZE = parseMaze(readFileSync(new URL('../../../crates/sim/mazes/standard.maze', import.meta.url), 'utf8'));
const TICKS = 2000;

class FarAway extends Lead {
  override get ms(): number {
    return 180;
  }
}

/** A game as its frames' bytes. */
function record(): { start: View; frames: Uint8Array[] } {
  const draw = random(3);
  const players = Array.from({ length: 8 }, (_, slot) => {
    const at = MAZE.entries[slot % MAZE.entries.length] ?? { x: 0, y: 0, heading: 0 };
    return playerOf(slot, { tank: { x: at.x + (slot < 4 ? 0 : 14_000 * Math.sign(-at.x)), y: at.y, heading: at.heading, armour: 32_768, reload: slot, bounce: false } });
  });
  const start = viewOf(1, { players });
  const frames: Uint8Array[] = [];
  let view = start;
  let missile = 0;
  const born: { id: number; tick: number }[] = [];
  for (let tick = 2; tick < TICKS; tick++) {
    const inputs = view.players.flatMap(({ slot, keys }) => (draw() < 0.2 ? [{ slot, keys: [(keys ^ ([1, 4, 8, 16][Math.floor(draw() * 4)] as number)) | (draw() < 0.7 ? KEY.forward : 0)] }] : []));
    const keysOf = (slot: number) => inputs.find((of) => of.slot === slot)?.keys[0] ?? view.players[slot]?.keys ?? 0;
    const bodies = view.players.map(({ slot, tank }) => ({ fromX: tank?.x ?? 0, fromY: tank?.y ?? 0, ...freeMotion(tank ?? { x: 0, y: 0, heading: 0 }, keysOf(slot)) }));
    const free = bodies.map(({ x, y }) => ({ x, y }));
    settle(MAZE, bodies);
    const residuals = bodies.flatMap(({ x, y }, slot) => {
      const [dx, dy] = [x - (free[slot]?.x ?? 0), y - (free[slot]?.y ?? 0)];
      return dx === 0 && dy === 0 ? [] : [{ slot, dx, dy, dh: 0 }];
    });
    const events: GameEvent[] = [];
    while (born[0] && tick - born[0].tick > 60) events.push({ type: 'burst', missile: (born.shift() as { id: number }).id, at: 90 });
    for (const { slot, tank } of view.players) {
      if (!tank || tank.reload > 1 || born.length > 20) continue;
      missile = (missile + 1) % 256;
      born.push({ id: missile, tick });
      events.push({ type: 'shot', slot, missile });
    }
    const frame: Frame = quiet(tick, { inputs, residuals, events, lag: 20 });
    view = step(view, frame, MAZE);
    frames.push(encodeFrame(frame, 8).done());
  }
  return { start, frames };
}

const { start, frames } = record();
const mine = playerOf(0).id;

function player(): { frame: () => void; picture: () => void } {
  const stage = new Stage(new FarAway());
  let view = start;
  let at = 0;
  let now = 0;
  const add = (frame: Frame | null) => {
    now = view.tick * 20;
    stage.add(view, frame, { maze: MAZE, id: mine, waiting: [] }, now, now);
  };
  add(null);
  return {
    frame() {
      if (at === frames.length) {
        at = 0;
        view = start;
        add(null);
      }
      const message = decodeServer(frames[at++] as Uint8Array, 8);
      if (message.type !== 'frame') throw new Error('not a frame');
      view = step(view, message, MAZE);
      add(message);
    },
    picture() {
      now += 16.7;
      stage.at(now, mine);
      stage.happenings();
    },
  };
}

describe('cost, 8 tanks and 20 missiles', () => {
  const alone = player();
  bench('a frame of the game, handled', () => alone.frame());

  const both = player();
  bench('a frame of the game and a picture', () => {
    both.frame();
    both.picture();
  });
});
