/** Small worlds and frames to put tests together from. */
import type { Player, View } from '../game/view';
import type { Frame } from '../protocol/frame';
import { EPOCH } from './replay';

export function playerOf(slot: number, changes: Partial<Player> = {}): Player {
  const tank = { x: 0, y: 0, heading: 0, armour: 32_768, reload: 0, bounce: false };
  return { id: String(slot).padStart(16, '0'), slot, name: `player ${slot}`, bot: false, connected: true, score: 0, deaths: 0, wins: 0, lastSeq: 0, keys: 0, tank, ...changes };
}

export function viewOf(tick: number, changes: Partial<View> = {}): View {
  return { epoch: EPOCH, tick, durable: 0, rules: 1, moving: false, registryAway: false, players: [], missiles: [], blasts: [], items: [], round: { number: 1, resting: false, ends: 0 }, chat: [], ...changes };
}

/** The frame of a tick in which nothing but `changes` happened. */
export function quiet(tick: number, changes: Partial<Frame> = {}): Frame {
  return { type: 'frame', epoch: null, rewind: false, reanchor: false, moving: false, registryAway: false, tickLow: tick % 256, lag: 255, inputs: [], residuals: [], events: [], ...changes };
}
