/**
 * Draws a scene on a canvas.
 *
 * Owns looks and the way between arena and screen. Knows no time and keeps nothing between two pictures.
 */
import type { Maze } from '../game/maze';
import { ARENA_HALF, ARMOUR_MAX, RELOAD_TICKS, TANK_RADIUS, UNIT } from '../game/motion';
import type { Actor, Scene } from '../game/stage';

const FLOOR = '#10151c';
const GRID = '#18202a';
const WALL = '#2d3a4a';
const WALL_EDGE = '#7f95ad';
const TEXT = '#e9eef5';
const MISSILE = '#ffd479';

/** Units from an entry point's middle within which a click or tap means it. */
const ENTRY_REACH = 1.2 * UNIT;
/** Free room around the arena, in units. */
const MARGIN = 0.15 * UNIT;
const SPAN = 2 * (ARENA_HALF + MARGIN);

/** A colour for each place in a game; neighbours differ much. */
export function colour(slot: number): string {
  return `hsl(${(165 + slot * 137.5) % 360} 62% ${slot % 2 ? 66 : 58}%)`;
}

/** Fits the canvas's own pixels to its size on the page. */
export function fit(canvas: HTMLCanvasElement): void {
  const side = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
  if (canvas.width !== side || canvas.height !== side) {
    canvas.width = side;
    canvas.height = side;
  }
}

/** The number of the entry point at a place of the page, if there is one. */
export function entryAt(canvas: HTMLCanvasElement, maze: Maze, clientX: number, clientY: number): number | null {
  const box = canvas.getBoundingClientRect();
  const x = ((clientX - box.left) / box.width - 0.5) * SPAN;
  const y = (0.5 - (clientY - box.top) / box.height) * SPAN;
  const found = maze.entries.findIndex((entry) => Math.hypot(entry.x - x, entry.y - y) < ENTRY_REACH);
  return found < 0 ? null : found;
}

export interface Picture {
  readonly maze: Maze;
  readonly scene: Scene;
  /** Id of the player who looks, if any. */
  readonly self: string | null;
  /** Are entry points to be offered? */
  readonly launchable: boolean;
}

export function paint(canvas: HTMLCanvasElement, { maze, scene, self, launchable }: Picture): void {
  const to = canvas.getContext('2d');
  if (!to) return;
  const scale = canvas.width / SPAN;
  to.setTransform(1, 0, 0, 1, 0, 0);
  to.fillStyle = FLOOR;
  to.fillRect(0, 0, canvas.width, canvas.height);
  // From here on in units, y upwards.
  to.setTransform(scale, 0, 0, -scale, canvas.width / 2, canvas.height / 2);
  paintFloor(to, maze);
  paintEntries(to, maze, launchable);
  for (const { x, y, heading, slot } of scene.missiles) {
    at(to, { x, y, heading }, () => {
      to.lineCap = 'round';
      line(to, [[-0.3 * UNIT, 0], [0, 0]], colour(slot), 0.1 * UNIT);
      disc(to, 0, 0, 0.09 * UNIT, MISSILE);
    });
  }
  for (const actor of scene.actors) paintTank(to, actor, actor.player.id === self);
  for (const actor of scene.actors) paintLabel(to, actor, actor.player.id === self, scale);
  for (const { kind, x, y, age } of scene.effects) {
    const radius = (kind === 'blast' ? 1.1 : 0.35) * UNIT * (0.3 + 0.7 * Math.sqrt(age));
    to.globalAlpha = (1 - age) * 0.8;
    disc(to, x, y, radius, kind === 'blast' ? '#ff9d5c' : MISSILE);
    disc(to, x, y, radius * 0.5, '#fff3d6');
    to.globalAlpha = 1;
  }
}

function paintFloor(to: CanvasRenderingContext2D, maze: Maze): void {
  for (let place = -ARENA_HALF; place <= ARENA_HALF; place += 2 * UNIT) {
    line(to, [[place, -ARENA_HALF], [place, ARENA_HALF]], GRID, 0.03 * UNIT);
    line(to, [[-ARENA_HALF, place], [ARENA_HALF, place]], GRID, 0.03 * UNIT);
  }
  to.lineJoin = 'round';
  for (const wall of maze.walls) {
    to.beginPath();
    for (const { x, y } of wall) to.lineTo(x, y);
    to.closePath();
    to.fillStyle = WALL;
    to.fill();
    to.strokeStyle = WALL_EDGE;
    to.lineWidth = 0.06 * UNIT;
    to.stroke();
  }
  to.strokeStyle = WALL_EDGE;
  to.lineWidth = 0.08 * UNIT;
  to.strokeRect(-ARENA_HALF, -ARENA_HALF, 2 * ARENA_HALF, 2 * ARENA_HALF);
}

function paintEntries(to: CanvasRenderingContext2D, maze: Maze, launchable: boolean): void {
  for (const entry of maze.entries) {
    at(to, entry, () => {
      to.globalAlpha = launchable ? 1 : 0.35;
      to.setLineDash([0.25 * UNIT, 0.15 * UNIT]);
      to.beginPath();
      to.arc(0, 0, 0.7 * UNIT, 0, 2 * Math.PI);
      to.strokeStyle = launchable ? TEXT : WALL_EDGE;
      to.lineWidth = 0.06 * UNIT;
      to.stroke();
      to.setLineDash([]);
      line(to, [[-0.1 * UNIT, 0.25 * UNIT], [0.2 * UNIT, 0], [-0.1 * UNIT, -0.25 * UNIT]], launchable ? TEXT : WALL_EDGE, 0.08 * UNIT);
      to.globalAlpha = 1;
    });
  }
}

function paintTank(to: CanvasRenderingContext2D, { x, y, heading, player }: Actor, own: boolean): void {
  at(to, { x, y, heading }, () => {
    const r = TANK_RADIUS;
    to.globalAlpha = player.connected ? 1 : 0.5;
    if (own) {
      to.beginPath();
      to.arc(0, 0, r * 1.25, 0, 2 * Math.PI);
      to.strokeStyle = 'rgb(255 255 255 / 0.35)';
      to.lineWidth = 0.05 * UNIT;
      to.stroke();
    }
    // Tracks, hull, turret, barrel.
    to.fillStyle = '#05080c';
    to.fillRect(-r * 0.85, r * 0.45, r * 1.7, r * 0.3);
    to.fillRect(-r * 0.85, -r * 0.75, r * 1.7, r * 0.3);
    to.fillStyle = colour(player.slot);
    to.beginPath();
    to.roundRect(-r * 0.8, -r * 0.55, r * 1.6, r * 1.1, r * 0.2);
    to.fill();
    to.lineCap = 'butt';
    line(to, [[0, 0], [r, 0]], '#05080c', r * 0.34);
    line(to, [[0, 0], [r * 0.97, 0]], TEXT, r * 0.2);
    disc(to, 0, 0, r * 0.38, '#05080c');
    disc(to, 0, 0, r * 0.3, colour(player.slot));
    to.globalAlpha = 1;
  });
}

function paintLabel(to: CanvasRenderingContext2D, { x, y, player, armour, reload }: Actor, own: boolean, scale: number): void {
  const width = UNIT;
  const bar = (offset: number, part: number, fill: string) => {
    to.fillStyle = '#05080c';
    to.fillRect(x - width / 2, y + offset, width, 0.1 * UNIT);
    to.fillStyle = fill;
    to.fillRect(x - width / 2, y + offset, width * part, 0.1 * UNIT);
  };
  bar(0.72 * UNIT, armour / ARMOUR_MAX, armour > ARMOUR_MAX / 3 ? '#6fd08c' : '#ff7a6b');
  if (own && reload > 0) bar(-0.85 * UNIT, 1 - reload / RELOAD_TICKS, MISSILE);
  to.save();
  to.translate(x, y + 0.9 * UNIT);
  to.scale(1 / scale, -1 / scale);
  to.font = `${own ? 600 : 400} ${Math.max(11, 0.42 * UNIT * scale)}px system-ui, sans-serif`;
  to.textAlign = 'center';
  to.textBaseline = 'bottom';
  to.fillStyle = TEXT;
  to.globalAlpha = own ? 1 : 0.85;
  to.fillText(player.name, 0, 0);
  to.restore();
}

function at(to: CanvasRenderingContext2D, { x, y, heading }: { x: number; y: number; heading: number }, draw: () => void): void {
  to.save();
  to.translate(x, y);
  to.rotate((heading / 65_536) * 2 * Math.PI);
  draw();
  to.restore();
}

function line(to: CanvasRenderingContext2D, points: readonly (readonly [number, number])[], stroke: string, width: number): void {
  to.beginPath();
  for (const [x, y] of points) to.lineTo(x, y);
  to.strokeStyle = stroke;
  to.lineWidth = width;
  to.stroke();
}

function disc(to: CanvasRenderingContext2D, x: number, y: number, radius: number, fill: string): void {
  to.beginPath();
  to.arc(x, y, radius, 0, 2 * Math.PI);
  to.fillStyle = fill;
  to.fill();
}
