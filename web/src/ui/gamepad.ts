/**
 * Game pads with the standard layout.
 *
 * Owns which button does what. Pads have no events: they are read once for each picture.
 */
import { KEY } from '../protocol/client';
import type { Stick } from './touch';

/** What of a Gamepad is read. */
export interface Pad {
  readonly connected: boolean;
  readonly mapping: string;
  readonly axes: readonly number[];
  readonly buttons: readonly { readonly pressed: boolean }[];
}

export interface PadState {
  readonly stick: Stick;
  /** Bits of `KEY`: d-pad and fire. */
  readonly keys: number;
  readonly launch: boolean;
  readonly destruct: boolean;
}

const BUTTON = { a: 0, y: 3, rightTrigger: 7, start: 9, up: 12, down: 13, left: 14, right: 15 } as const;

export const IDLE: PadState = { stick: { x: 0, y: 0 }, keys: 0, launch: false, destruct: false };

/** All pads together: any of them drives. */
export function readPads(pads: Iterable<Pad | null>): PadState {
  let state = IDLE;
  for (const pad of pads) {
    if (!pad?.connected || pad.mapping !== 'standard') continue;
    const down = (button: number) => pad.buttons[button]?.pressed === true;
    const fire = down(BUTTON.a) || down(BUTTON.rightTrigger);
    const stick = { x: pad.axes[0] ?? 0, y: pad.axes[1] ?? 0 };
    state = {
      stick: Math.hypot(stick.x, stick.y) > Math.hypot(state.stick.x, state.stick.y) ? stick : state.stick,
      keys:
        state.keys |
        (down(BUTTON.up) ? KEY.forward : 0) |
        (down(BUTTON.down) ? KEY.back : 0) |
        (down(BUTTON.left) ? KEY.left : 0) |
        (down(BUTTON.right) ? KEY.right : 0) |
        (fire ? KEY.fire : 0),
      launch: state.launch || down(BUTTON.start) || down(BUTTON.a),
      destruct: state.destruct || down(BUTTON.y),
    };
  }
  return state;
}
