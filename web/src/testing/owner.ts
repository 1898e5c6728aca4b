/**
 * A small owner of a game, to play against over a network that tests make: tanks drive, are pushed, and shoot; missiles end
 * at walls. Nobody is hurt. For tests.
 *
 * The others press the keys of the recorded game; the player under test sends inputs.
 */
import { settle } from '../game/collide';
import { type Maze, crossing } from '../game/maze';
import { MISSILE_STEP, advance, freeMotion } from '../game/motion';
import { type View, step } from '../game/view';
import { type Input, KEY } from '../protocol/client';
import type { Frame, GameEvent, Residual, SlotInputs } from '../protocol/frame';
import type { Replay } from './replay';

/** An input cannot be aimed further ahead. */
const AHEAD_TICKS = 10;

export class Owner {
  view: View;
  private pending = new Map<number, Input>();
  private nextMissile = 0;
  /** Worlds that a crash can fall back to. */
  private stored: { view: View; nextMissile: number }[] = [];
  private flags = { rewind: false, reanchor: false, moving: false };
  private epochNext: string | null = null;
  private inTick: number[] = [];

  constructor(
    private readonly replay: Replay,
    /** The slot of the player under test. */
    readonly slot: number,
    readonly maze: Maze,
  ) {
    // All have tanks from the start: nothing is hurt here, so they keep them.
    const players = replay.start.players.map((player, i) => {
      const at = maze.entries[i] ?? { x: 0, y: 0, heading: 0 };
      const tank = { x: at.x, y: at.y, heading: at.heading, armour: 32_768, reload: 0, bounce: false };
      return { ...player, tank, connected: true, lastSeq: player.slot === slot ? 0 : player.lastSeq, keys: player.slot === slot ? 0 : player.keys };
    });
    this.view = { ...replay.start, players, missiles: [], blasts: [], items: [], round: { number: 1, resting: false, ends: 0 }, chat: [] };
    this.stored = [{ view: this.view, nextMissile: 0 }];
  }

  take(inputs: readonly Input[]): void {
    for (const input of inputs) {
      if (this.pending.has(input.seq)) continue;
      this.pending.set(input.seq, { ...input, forTick: Math.min(input.forTick, this.view.tick + 1 + AHEAD_TICKS) });
    }
  }

  /** The game will move. */
  moveSoon(): void {
    this.flags.moving = true;
  }

  /** The next tick is another owner's. */
  move(epoch: string): void {
    this.epochNext = epoch;
    this.flags.moving = false;
  }

  /** A crash: the world is what was stored last, under another owner. */
  crash(epoch: string): void {
    const stored = this.stored.at(-1) as { view: View; nextMissile: number };
    this.view = { ...stored.view, epoch, durable: stored.view.tick };
    this.nextMissile = stored.nextMissile;
    this.pending.clear();
    this.flags.rewind = true;
  }

  /** The newest world is safe. */
  store(): void {
    this.stored = [{ view: this.view, nextMissile: this.nextMissile }];
  }

  /** Runs a tick: its frame. */
  step(): Frame {
    const { view, maze } = this;
    const tick = view.tick + 1;
    const inputs = this.inputs(tick);
    const keysOf = (slot: number) => inputs.find((of) => of.slot === slot)?.keys.at(-1) ?? view.players.find((of) => of.slot === slot)?.keys ?? 0;
    const tanks = view.players.flatMap(({ slot, tank }) => (tank ? [{ slot, tank }] : []));
    const bodies = tanks.map(({ slot, tank }) => ({ fromX: tank.x, fromY: tank.y, ...freeMotion(tank, keysOf(slot)) }));
    const free = bodies.map(({ x, y }) => ({ x, y }));
    settle(maze, bodies);
    const residuals = bodies.flatMap(({ x, y }, i): Residual[] => {
      const [dx, dy] = [x - (free[i]?.x ?? 0), y - (free[i]?.y ?? 0)];
      return dx === 0 && dy === 0 ? [] : [{ slot: (tanks[i] as { slot: number }).slot, dx, dy, dh: 0 }];
    });
    const events = [...this.ends(), ...this.shots(tanks, keysOf, inputs)];
    const durable = Math.max(view.durable, this.stored.at(-1)?.view.tick ?? 0);
    const frame: Frame = { type: 'frame', epoch: this.epochNext, ...this.flags, registryAway: false, tickLow: tick % 256, lag: Math.min(255, tick - durable), inputs, residuals, events };
    this.flags = { ...this.flags, rewind: false, reanchor: false };
    this.epochNext = null;
    this.view = step(view, frame, maze);
    return frame;
  }

  private inputs(tick: number): SlotInputs[] {
    const row = this.replay.ticks[(tick - this.replay.start.tick - 1) % this.replay.ticks.length];
    const known = new Set(this.view.players.map(({ slot }) => slot));
    const others = (row?.delta.inputs ?? []).filter(({ slot }) => slot !== this.slot && known.has(slot));
    this.inTick = [];
    let seq = (this.view.players.find(({ slot }) => slot === this.slot)?.lastSeq ?? 0) + 1;
    for (let input = this.pending.get(seq); input && input.forTick <= tick && this.inTick.length < 8; input = this.pending.get(seq)) {
      this.inTick.push(input.keys);
      this.pending.delete(seq);
      seq += 1;
    }
    for (const old of this.pending.keys()) if (old < seq) this.pending.delete(old);
    return [...others, ...(this.inTick.length > 0 ? [{ slot: this.slot, keys: this.inTick }] : [])].sort((a, b) => a.slot - b.slot);
  }

  private ends(): GameEvent[] {
    const { halfWidth, halfHeight, segments } = this.maze;
    return this.view.missiles.flatMap((missile): GameEvent[] => {
      const to = advance(missile, MISSILE_STEP);
      const met = segments.flatMap((segment) => crossing(segment, missile.x, missile.y, to.x, to.y) ?? []);
      if (met.length > 0) return [{ type: 'burst', missile: missile.id, at: Math.floor(Math.min(...met) * 160) }];
      return Math.abs(to.x) > halfWidth || Math.abs(to.y) > halfHeight ? [{ type: 'gone', missile: missile.id }] : [];
    });
  }

  private shots(tanks: readonly { slot: number; tank: { reload: number } }[], keysOf: (slot: number) => number, inputs: readonly SlotInputs[]): GameEvent[] {
    return tanks.flatMap(({ slot, tank }): GameEvent[] => {
      const pressed = inputs.some((of) => of.slot === slot && of.keys.some((keys) => keys & KEY.fire));
      if (Math.max(0, tank.reload - 1) > 0 || !(pressed || keysOf(slot) & KEY.fire)) return [];
      this.nextMissile = (this.nextMissile + 1) % 256;
      return [{ type: 'shot', slot, missile: this.nextMissile }];
    });
  }
}

