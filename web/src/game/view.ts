/**
 * The world as a client knows it, stepped exactly: a keyframe, then one frame a tick.
 *
 * Owns what a frame means. Draws nothing, keeps no history and does not know which player looks at it. Invariant: after any
 * number of frames a view equals the keyframe that the server would send for that tick.
 */
import type { Hex64 } from '../protocol/bytes';
import { type Frame, NOBODY } from '../protocol/frame';
import type { Blast, ChatLine, Item, Keyframe, Round } from '../protocol/server';

export { BLAST, ITEM, type Blast, type ChatLine, type Item, type Round } from '../protocol/server';
import type { Maze } from './maze';
import { ARMOUR_MAX, MISSILE_STEP, type Pose, RELOAD_TICKS, TANK_RADIUS, advance, freeMotion, wrap } from './motion';

export interface Tank extends Pose {
  /** Q14: 16,384 is 1.0. */
  readonly armour: number;
  /** Ticks until it may shoot again. */
  readonly reload: number;
  /** Its missiles bounce once off a wall. */
  readonly bounce: boolean;
}

export interface Player {
  readonly id: Hex64;
  readonly slot: number;
  readonly name: string;
  readonly bot: boolean;
  /** Has a socket, as far as frames tell. */
  readonly connected: boolean;
  readonly score: number;
  readonly deaths: number;
  /** Rounds won. */
  readonly wins: number;
  /** `seq` of the last input consumed. */
  readonly lastSeq: number;
  readonly keys: number;
  readonly tank: Tank | null;
}

export interface Missile extends Pose {
  readonly id: number;
  readonly slot: number;
  /** It has a bounce left. */
  readonly bounce: boolean;
}

/** One tick of a game. Never changes; `step` gives the next one. */
export interface View {
  readonly epoch: Hex64;
  readonly tick: number;
  /** Newest tick known to be safe in the registry. */
  readonly durable: number;
  readonly rules: number;
  readonly moving: boolean;
  readonly registryAway: boolean;
  /** By rising slot. */
  readonly players: readonly Player[];
  readonly missiles: readonly Missile[];
  /** In the order in which they began. */
  readonly blasts: readonly Blast[];
  readonly items: readonly Item[];
  readonly round: Round;
  /** The last lines, oldest first. */
  readonly chat: readonly ChatLine[];
}

/** A frame does not follow on the view: ask for a keyframe. */
export class OutOfStep extends Error {
  override name = 'OutOfStep';
}

export function fromKeyframe(keyframe: Keyframe): View {
  return {
    epoch: keyframe.epoch,
    tick: keyframe.tick,
    durable: keyframe.durable,
    rules: keyframe.rules,
    moving: false,
    registryAway: false,
    players: keyframe.players
      .map(({ id, slot, name, connected, score, deaths, lastSeq, keys, tank }) => ({
        id,
        slot,
        name,
        connected,
        score,
        deaths,
        lastSeq,
        keys,
        tank: tank && { ...tank },
      }))
      .sort((a, b) => a.slot - b.slot),
    missiles: keyframe.missiles.map(({ id, slot, x, y, heading }) => ({ id, slot, x, y, heading })),
  };
}

/** The next tick. Throws `OutOfStep` where the frame is for another one. */
export function step(view: View, frame: Frame, maze: Maze): View {
  const tick = view.tick + 1;
  if (frame.tickLow !== tick % 256) throw new OutOfStep(`a frame for tick ..${frame.tickLow} came after tick ${view.tick}`);
  const players = new Map(view.players.map((player) => [player.slot, player]));
  const change = (slot: number, to: (player: Player) => Partial<Player>): void => {
    const player = players.get(slot);
    if (!player) throw new OutOfStep(`a frame names the empty place ${slot}`);
    players.set(slot, { ...player, ...to(player) });
  };
  let missiles = [...view.missiles];

  // 1. Who came, who went, which tanks were launched.
  for (const event of frame.events) {
    switch (event.type) {
      case 'join':
        players.set(event.slot, newcomer(event.slot, event.player, event.name));
        break;
      case 'leave':
        players.delete(event.slot);
        missiles = missiles.filter(({ slot }) => slot !== event.slot);
        break;
      case 'launch': {
        const at = maze.entries[event.entry];
        if (!at) throw new OutOfStep(`a frame names entry point ${event.entry}, which this maze does not have`);
        change(event.slot, () => ({ tank: { x: at.x, y: at.y, heading: at.heading, armour: ARMOUR_MAX, reload: 0 } }));
      }
    }
  }

  // 2. Which keys are held from now on.
  for (const { slot, keys } of frame.inputs) {
    change(slot, (player) => ({ keys: keys.at(-1) ?? player.keys, lastSeq: player.lastSeq + keys.length, connected: true }));
  }

  // 3. Tanks: free motion, and what walls and other tanks made of it.
  for (const slot of players.keys()) {
    change(slot, ({ tank, keys }) => ({ tank: tank && { ...freeMotion(tank, keys), armour: tank.armour, reload: Math.max(0, tank.reload - 1) } }));
  }
  for (const { slot, dx, dy, dh } of frame.residuals) {
    change(slot, ({ tank }) => ({ tank: tank && { ...tank, x: fold18(tank.x + dx), y: fold18(tank.y + dy), heading: wrap(tank.heading + dh) } }));
  }

  // 4. Missiles fly.
  missiles = missiles.map((missile) => ({ ...missile, ...advance(missile, MISSILE_STEP) }));

  // 5. Hits, ends and shots, as they happened.
  const end = (missile: number): void => {
    missiles = missiles.filter(({ id }) => id !== missile);
  };
  for (const event of frame.events) {
    switch (event.type) {
      case 'hit':
        end(event.missile);
        change(event.slot, ({ tank }) => ({ tank: tank && { ...tank, armour: event.armour } }));
        break;
      case 'gone':
        end(event.missile);
        break;
      case 'kill':
        change(event.slot, ({ deaths }) => ({ deaths: deaths + 1, tank: null }));
        if (event.by !== NOBODY && event.by !== event.slot && players.has(event.by)) change(event.by, ({ score }) => ({ score: score + 1 }));
        break;
      case 'shot': {
        const tank = players.get(event.slot)?.tank;
        if (!tank) throw new OutOfStep(`a frame has a shot of place ${event.slot}, which has no tank`);
        change(event.slot, () => ({ tank: { ...tank, reload: RELOAD_TICKS } }));
        missiles.push({ id: event.missile, slot: event.slot, ...advance({ x: tank.x, y: tank.y, heading: tank.heading }, TANK_RADIUS) });
      }
    }
  }

  return {
    epoch: frame.epoch ?? view.epoch,
    tick,
    durable: frame.lag === 255 ? view.durable : Math.max(view.durable, tick - frame.lag),
    rules: view.rules,
    moving: frame.moving,
    registryAway: frame.registryAway,
    players: [...players.values()].sort((a, b) => a.slot - b.slot),
    missiles,
  };
}

/** Is (epoch, tick) of `a` at least that of `b`? Epochs order as text: they have one width. */
export function reaches(a: { epoch: Hex64; tick: number }, b: { epoch: Hex64; tick: number }): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.tick >= b.tick);
}

function newcomer(slot: number, id: Hex64, name: string): Player {
  return { id, slot, name, connected: true, score: 0, deaths: 0, lastSeq: 0, keys: 0, tank: null };
}

/** Coordinates travel modulo 2^18. */
function fold18(value: number): number {
  const half = 2 ** 17;
  return ((((value + half) % (2 * half)) + 2 * half) % (2 * half)) - half;
}
