/** The game that the simulation's tests have recorded, in this client's types. For tests. */
import { readFileSync } from 'node:fs';
import { type Maze, parseMaze } from '../game/maze';
import type { Missile, Player, Tank, View } from '../game/view';
import type { Frame, GameEvent, Residual, SlotInputs } from '../protocol/frame';
import type { Blast, ChatLine, Item, Round } from '../protocol/server';

export const vectors = (name: string) => JSON.parse(readFileSync(new URL(`../../../crates/sim/vectors/${name}.json`, import.meta.url), 'utf8'));

export interface RecordedView {
  round: Round;
  players: { id: string; slot: number; name: string; bot: boolean; score: number; deaths: number; wins: number; keys: number; applied: number; tank: Tank | null }[];
  missiles: Missile[];
  blasts: Blast[];
  items: Item[];
  chat: ChatLine[];
}

export interface RecordedTick {
  tick: number;
  delta: { events: GameEvent[]; inputs: SlotInputs[]; residuals: Residual[] };
  view?: RecordedView;
  poses?: [number, number, number, number][];
}

export interface Replay {
  maze: Maze;
  mazeText: string;
  /** Where it begins. */
  start: View;
  ticks: readonly RecordedTick[];
}

export const EPOCH = '01935f0012ab7c3d';

export function loadReplay(): Replay {
  const replay: { maze: string; first: number; start: RecordedView; ticks: RecordedTick[] } = vectors('replay');
  const { players, ...world } = replay.start;
  const start: View = {
    epoch: EPOCH,
    tick: replay.first,
    durable: 0,
    rules: 1,
    moving: false,
    registryAway: false,
    ...world,
    players: players.map(({ applied, ...player }): Player => ({ ...player, connected: true, lastSeq: applied })),
  };
  return { maze: parseMaze(replay.maze), mazeText: replay.maze, start, ticks: replay.ticks };
}

/** The frame that leads to a recorded tick. */
export function frameOf({ tick, delta }: RecordedTick, lag = 3): Frame {
  return { type: 'frame', epoch: null, rewind: false, reanchor: false, moving: false, registryAway: false, tickLow: tick % 256, lag, ...delta };
}

/** A view as it would be recorded. */
export function recorded({ round, players, missiles, blasts, items, chat }: View): RecordedView {
  return { round, players: players.map(({ connected: _, lastSeq: applied, ...player }) => ({ ...player, applied })), missiles: [...missiles], blasts: [...blasts], items: [...items], chat: [...chat] };
}
