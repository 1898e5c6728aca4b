/**
 * Everything that drives a tank, brought together: keyboard, touch and game pads.
 *
 * Owns which keys are held, over all of these, and how long self-destruction has been asked for. Knows nothing of the DOM;
 * `controls-keyboard` and `touch-pad` feed it.
 */
import type { Maze } from '../game/maze';
import type { Actor, Scene } from '../game/scene';
import { KEY } from '../protocol/client';
import { IDLE, type PadState } from './gamepad';
import { type Stick, assisted, drives, pointed, steer } from './touch';

/** Self-destruction has to be asked for so long, so that nobody does it by accident. */
export const DESTRUCT_HOLD_MS = 500;
/** Right after the own tank is lost, Space does not launch: it was meant to fire. */
const FIRE_GUARD_MS = 300;

/** What controls act on. */
export interface Driven {
  hold(keys: number): void;
  launch(entry: number | null): void;
  destruct(): void;
  /** The player has no tank and may launch one. */
  launchable(): boolean;
}

const MOVES = KEY.forward | KEY.back | KEY.left | KEY.right;

export class Controls {
  private keyboard = 0;
  private fire = false;
  private stick: Stick | null = null;
  private pad: PadState = IDLE;
  /** Keys by which sticks steer. */
  private steering = 0;
  private held = 0;
  private readonly asking = new Set<string>();
  private askedAt: number | null = null;
  private lostAt = Number.NEGATIVE_INFINITY;
  private alive = false;
  /** A tank was launched that no picture has shown yet. */
  private launched = false;

  constructor(private readonly driven: Driven) {}

  /** Bits of `KEY` that are down on the keyboard. */
  setKeyboard(keys: number): void {
    this.keyboard = keys;
    this.tell();
  }

  /** The stick on the screen; null: no thumb is on it. */
  setStick(stick: Stick | null): void {
    this.stick = stick;
  }

  setFire(fire: boolean): void {
    this.fire = fire;
    this.tell();
  }

  /** Launches if there is something to launch; `fire`: by what otherwise fires. */
  launch(entry: number | null, now: number, fire = false): boolean {
    if (!this.driven.launchable()) return false;
    if (!fire || now - this.lostAt >= FIRE_GUARD_MS) {
      this.launched = true;
      this.driven.launch(entry);
    }
    return true;
  }

  /** Self-destruction is asked for, or not any more, by one of the devices. */
  askDestruct(device: string, asks: boolean, now: number): void {
    if (asks) this.asking.add(device);
    else this.asking.delete(device);
    if (this.asking.size === 0) this.askedAt = null;
    else this.askedAt ??= this.alive || this.launched ? now : null;
  }

  /** 0 to 1: how near self-destruction is. */
  destructing(now: number): number {
    return this.askedAt === null ? 0 : Math.min(1, Math.max(0, now - this.askedAt) / DESTRUCT_HOLD_MS);
  }

  /** All is let go, as when the window loses the keyboard. */
  release(): void {
    this.keyboard = 0;
    this.fire = false;
    this.stick = null;
    this.asking.clear();
    this.askedAt = null;
    this.steering = 0;
    this.tell();
  }

  /** Once for each picture, with what it shows. */
  tick(now: number, scene: Scene, maze: Maze, pad: PadState, assist: boolean): void {
    if (this.alive && !scene.self) {
      this.lostAt = now;
      this.askedAt = null;
    }
    this.alive = scene.self !== null;
    this.launched &&= !this.alive;
    if (pad.launch && !this.pad.launch) this.launch(null, now, true);
    if (pad.destruct !== this.pad.destruct) this.askDestruct('pad', pad.destruct, now);
    this.pad = pad;
    this.steering = scene.self ? this.steered(scene.self, scene, maze, assist) : 0;
    if (this.destructing(now) >= 1) {
      this.askedAt = null;
      this.driven.destruct();
    }
    this.tell();
  }

  private steered(self: Actor, scene: Scene, maze: Maze, assist: boolean): number {
    const stick = this.stick ?? this.pad.stick;
    const wanted = pointed(stick);
    if (wanted === null) return 0;
    const meant = assist && this.stick ? assisted(wanted, self, enemies(scene), maze) : wanted;
    return steer(self.heading, meant, drives(stick), this.steering);
  }

  private tell(): void {
    // Keys of a keyboard or d-pad are exact: they win over a stick.
    const exact = this.keyboard | this.pad.keys;
    const keys = exact | (exact & MOVES ? 0 : this.steering) | (this.fire ? KEY.fire : 0);
    if (keys === this.held) return;
    this.held = keys;
    this.driven.hold(keys);
  }
}

function* enemies({ actors }: Scene): Generator<Actor> {
  for (const actor of actors) if (!actor.own) yield actor;
}
