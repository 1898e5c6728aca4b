/**
 * Where things of the arena are on the screen.
 *
 * Owns the way between the arena's lengths and pixels, and what the arena is in words. Draws nothing.
 */
import type { Maze } from '../game/maze';
import { UNIT } from '../game/motion';
import type { Player } from '../game/view';

/** Room around the arena for its frame, in u. */
export const MARGIN = 0.45;
/** Radius of the free zone of an entry point, in u: any tank in it keeps others from launching there. */
export const ENTRY_ZONE = 1.5;

/** The way from u, y upwards, to pixels, y downwards. */
export interface Camera {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Pixels in one u. */
  readonly scale: number;
  /** Half the arena, in u. */
  readonly halfWidth: number;
  readonly halfHeight: number;
}

/** The largest picture of the arena in a space of so many pixels. */
export function cameraFor(maze: Maze, width: number, height: number): Camera {
  const halfWidth = maze.halfWidth / UNIT;
  const halfHeight = maze.halfHeight / UNIT;
  const across = 2 * (halfWidth + MARGIN);
  const down = 2 * (halfHeight + MARGIN);
  const scale = Math.max(1, Math.min(width / across, height / down));
  return { width: Math.round(across * scale), height: Math.round(down * scale), scale, halfWidth, halfHeight };
}

/** May a tank be launched at an entry point? */
export function isFree(entry: { readonly x: number; readonly y: number }, tanks: Iterable<{ readonly x: number; readonly y: number }>): boolean {
  for (const { x, y } of tanks) if (Math.hypot(x - entry.x, y - entry.y) < ENTRY_ZONE * UNIT) return false;
  return true;
}

/** The arena in words. */
export function described(players: readonly Player[] | null, self: Player | null): string {
  if (!players) return 'The arena, empty';
  const tanks = players.filter(({ tank }) => tank).length;
  const place = (units: number) => (units / UNIT).toFixed(2);
  const own = self?.tank ? `; yours is at ${place(self.tank.x)}, ${place(self.tank.y)}, heading ${Math.round((self.tank.heading * 360) / 65_536)} degrees` : '';
  return `The arena with ${tanks === 1 ? '1 tank' : `${tanks} tanks`}${own}`;
}
