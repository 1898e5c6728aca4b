/**
 * The ground: floor, frame and walls, which never move, and what tanks and blasts leave on it.
 *
 * Owns two canvases of the picture's size: the floor as it was built, and the floor as it is now. Marks are drawn once and
 * fade by laying the first over the second, thinly, now and then: no list of marks, and the same cost however many there are.
 */
import type { Maze } from '../game/maze';
import { UNIT } from '../game/motion';
import type { Camera } from './arena';
import { type Glows, sprite } from './draw-sprites';

const BACK = '#0b0f14';
const FLOOR = ['#232f3c', '#1a232d'] as const;
const SEAM = '#141c25';
const SEAM_LIGHT = '#2b3947';
const WALL_TOP = '#5c7189';
const WALL_LIGHT = '#a9bfd6';
const WALL_DARK = '#334355';
const WALL_RIM = '#0c1117';
const PAINT = '#8fa5bb';

/** Side of a floor plate, in u. */
const PLATE = 2;
const BEVEL = 0.11;
const FRAME = 0.3;
/** Where the light comes from, as seen on the screen (y downwards). */
const LIGHT = { x: -0.55, y: -0.83 };

/** Marks lose so much at each fading, this often: enough that rounding leaves next to nothing of them in the end. */
const FADE_EVERY_MS = 3000;
const FADE = 0.22;

export class Ground {
  readonly canvas: HTMLCanvasElement;
  private readonly built: HTMLCanvasElement;
  private readonly marks: CanvasRenderingContext2D | null;
  private fadedAt = 0;

  constructor(
    maze: Maze,
    private readonly camera: Camera,
    private readonly glows: Glows,
  ) {
    const { width, height } = camera;
    this.built = sprite(width, height, (to) => build(to, maze, camera));
    this.canvas = sprite(width, height, (to) => to.drawImage(this.built, 0, 0));
    this.marks = this.canvas.getContext('2d');
  }

  /** Lets marks fade with the time. */
  fade(now: number): void {
    if (!this.marks || now - this.fadedAt < FADE_EVERY_MS) return;
    this.fadedAt = now;
    this.marks.globalAlpha = FADE;
    this.marks.drawImage(this.built, 0, 0);
    this.marks.globalAlpha = 1;
  }

  /** The prints of a tank's tracks at a place; u, heading in radians. */
  track(x: number, y: number, heading: number): void {
    const { marks: to, camera } = this;
    if (!to) return;
    const k = camera.scale;
    to.setTransform(k * Math.cos(heading), -k * Math.sin(heading), k * Math.sin(heading), k * Math.cos(heading), px(camera, x), py(camera, y));
    to.fillStyle = 'rgb(8 11 15 / 0.34)';
    to.fillRect(-0.045, -0.42, 0.075, 0.17);
    to.fillRect(-0.045, 0.25, 0.075, 0.17);
    to.setTransform(1, 0, 0, 1, 0, 0);
  }

  /** What a blast leaves; radius in u. */
  scorch(x: number, y: number, radius: number): void {
    const { marks: to, camera, glows } = this;
    if (!to) return;
    const r = radius * camera.scale;
    to.globalAlpha = 0.8;
    to.drawImage(glows.scorch, px(camera, x) - r, py(camera, y) - r, 2 * r, 2 * r);
    to.globalAlpha = 1;
  }
}

function px({ width, scale }: Camera, x: number): number {
  return width / 2 + x * scale;
}

function py({ height, scale }: Camera, y: number): number {
  return height / 2 - y * scale;
}

function build(to: CanvasRenderingContext2D, maze: Maze, camera: Camera): void {
  const { width, height, scale: k, halfWidth, halfHeight } = camera;
  to.fillStyle = BACK;
  to.fillRect(0, 0, width, height);
  to.setTransform(k, 0, 0, k, width / 2, height / 2);
  floor(to, halfWidth, halfHeight);
  for (const entry of maze.entries) pad(to, entry.x / UNIT, -entry.y / UNIT, (-entry.heading * Math.PI) / 32_768);
  frame(to, halfWidth, halfHeight);
  const walls = maze.walls.map((wall) => wall.map(({ x, y }) => [x / UNIT, -y / UNIT] as const));
  shadows(to, walls, k);
  for (const wall of walls) block(to, wall);
  to.setTransform(1, 0, 0, 1, 0, 0);
}

function floor(to: CanvasRenderingContext2D, halfWidth: number, halfHeight: number): void {
  const fill = to.createRadialGradient(-halfWidth * 0.25, -halfHeight * 0.3, 0, 0, 0, Math.hypot(halfWidth, halfHeight));
  fill.addColorStop(0, FLOOR[0]);
  fill.addColorStop(1, FLOOR[1]);
  to.fillStyle = fill;
  to.fillRect(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
  to.save();
  to.beginPath();
  to.rect(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
  to.clip();
  const columns = Math.ceil(halfWidth / PLATE);
  const rows = Math.ceil(halfHeight / PLATE);
  for (let i = -columns; i < columns; i += 1) {
    for (let j = -rows; j < rows; j += 1) {
      // Plates differ a little, always in the same way.
      const shade = (((i * 73 + j * 151) % 7) + 7) % 7;
      to.fillStyle = shade < 3 ? `rgb(0 0 0 / ${0.035 * shade})` : `rgb(255 255 255 / ${0.005 * shade})`;
      to.fillRect(i * PLATE, j * PLATE, PLATE, PLATE);
    }
  }
  for (let i = -columns; i <= columns; i += 1) seam(to, i * PLATE, -halfHeight, i * PLATE, halfHeight);
  for (let j = -rows; j <= rows; j += 1) seam(to, -halfWidth, j * PLATE, halfWidth, j * PLATE);
  // Bolts where plates meet.
  for (let i = -columns; i <= columns; i += 1) {
    for (let j = -rows; j <= rows; j += 1) {
      for (const [dx, dy] of [[-0.16, -0.16], [0.16, -0.16], [-0.16, 0.16], [0.16, 0.16]] as const) {
        to.fillStyle = SEAM;
        to.fillRect(i * PLATE + dx - 0.03, j * PLATE + dy - 0.03, 0.06, 0.06);
      }
    }
  }
  to.restore();
}

function seam(to: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  const nudge = 0.028;
  line(to, x0, y0, x1, y1, SEAM, 0.05);
  line(to, x0 + (x0 === x1 ? nudge : 0), y0 + (y0 === y1 ? nudge : 0), x1 + (x0 === x1 ? nudge : 0), y1 + (y0 === y1 ? nudge : 0), SEAM_LIGHT, 0.016);
}

/** An entry point as it is painted on the floor. */
function pad(to: CanvasRenderingContext2D, x: number, y: number, angle: number): void {
  to.save();
  to.translate(x, y);
  to.rotate(angle);
  to.globalAlpha = 0.5;
  to.strokeStyle = PAINT;
  to.lineWidth = 0.07;
  for (let quarter = 0; quarter < 4; quarter += 1) {
    to.beginPath();
    to.arc(0, 0, 0.82, (quarter + 0.1) * (Math.PI / 2), (quarter + 0.9) * (Math.PI / 2));
    to.stroke();
  }
  to.globalAlpha = 0.4;
  to.lineWidth = 0.09;
  to.lineJoin = 'miter';
  for (let i = 0; i < 3; i += 1) {
    to.beginPath();
    to.moveTo(-0.35 + i * 0.26, -0.24);
    to.lineTo(-0.13 + i * 0.26, 0);
    to.lineTo(-0.35 + i * 0.26, 0.24);
    to.stroke();
  }
  to.restore();
}

/** The rim around the arena. */
function frame(to: CanvasRenderingContext2D, halfWidth: number, halfHeight: number): void {
  const outer = [halfWidth + FRAME, halfHeight + FRAME] as const;
  to.save();
  to.beginPath();
  to.roundRect(-outer[0], -outer[1], 2 * outer[0], 2 * outer[1], FRAME * 0.7);
  to.rect(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
  to.fillStyle = WALL_TOP;
  to.fill('evenodd');
  to.clip('evenodd');
  // Lit outside at the top and left, inside at the bottom and right.
  to.lineWidth = 2 * BEVEL;
  to.strokeStyle = WALL_LIGHT;
  to.beginPath();
  to.moveTo(-outer[0], outer[1]);
  to.lineTo(-outer[0], -outer[1]);
  to.lineTo(outer[0], -outer[1]);
  to.moveTo(halfWidth, -halfHeight);
  to.lineTo(halfWidth, halfHeight);
  to.lineTo(-halfWidth, halfHeight);
  to.stroke();
  to.strokeStyle = WALL_DARK;
  to.beginPath();
  to.moveTo(-halfWidth, halfHeight);
  to.lineTo(-halfWidth, -halfHeight);
  to.lineTo(halfWidth, -halfHeight);
  to.moveTo(outer[0], -outer[1]);
  to.lineTo(outer[0], outer[1]);
  to.lineTo(-outer[0], outer[1]);
  to.stroke();
  to.restore();
  to.strokeStyle = WALL_RIM;
  to.lineWidth = 0.05;
  to.strokeRect(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
  // The shade that the rim throws on the floor.
  to.save();
  to.beginPath();
  to.rect(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
  to.clip();
  for (const [x0, y0, x1, y1] of [[0, -halfHeight, 0, -halfHeight + 0.7], [-halfWidth, 0, -halfWidth + 0.5, 0]] as const) {
    const shade = to.createLinearGradient(x0, y0, x1, y1);
    shade.addColorStop(0, 'rgb(0 0 0 / 0.5)');
    shade.addColorStop(1, 'rgb(0 0 0 / 0)');
    to.fillStyle = shade;
    to.fillRect(-halfWidth, -halfHeight, 2 * halfWidth, 2 * halfHeight);
  }
  to.restore();
}

type Outline = readonly (readonly [number, number])[];

function trace(to: CanvasRenderingContext2D, wall: Outline): void {
  for (const [i, [x, y]] of wall.entries()) {
    if (i === 0) to.moveTo(x, y);
    else to.lineTo(x, y);
  }
  to.closePath();
}

function shadows(to: CanvasRenderingContext2D, walls: readonly Outline[], scale: number): void {
  to.save();
  // Not scaled with the transform.
  to.shadowColor = 'rgb(0 0 0 / 0.75)';
  to.shadowBlur = 0.28 * scale;
  to.shadowOffsetX = 0.14 * scale;
  to.shadowOffsetY = 0.2 * scale;
  to.fillStyle = '#000';
  to.beginPath();
  for (const wall of walls) trace(to, wall);
  to.fill();
  to.restore();
}

/** One wall as a block that stands out of the floor: each side of it is lit by how it faces the light. */
function block(to: CanvasRenderingContext2D, wall: Outline): void {
  to.save();
  to.beginPath();
  trace(to, wall);
  to.fillStyle = WALL_TOP;
  to.fill();
  to.clip();
  const turn = Math.sign(area(wall));
  to.lineCap = 'round';
  for (let i = 1; i < wall.length; i += 1) {
    const [x0, y0] = wall[i - 1] ?? [0, 0];
    const [x1, y1] = wall[i] ?? [0, 0];
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length === 0) continue;
    // The side's outward direction.
    const facing = (turn * ((y1 - y0) * LIGHT.x - (x1 - x0) * LIGHT.y)) / length;
    line(to, x0, y0, x1, y1, facing > 0 ? WALL_LIGHT : WALL_DARK, 2 * BEVEL, 0.25 + 0.75 * Math.abs(facing));
  }
  to.restore();
  to.beginPath();
  trace(to, wall);
  to.strokeStyle = WALL_RIM;
  to.lineJoin = 'round';
  to.lineWidth = 0.045;
  to.stroke();
}

/** Positive where a wall's corners go round clockwise on the screen. */
function area(wall: Outline): number {
  let sum = 0;
  for (let i = 1; i < wall.length; i += 1) {
    const [x0, y0] = wall[i - 1] ?? [0, 0];
    const [x1, y1] = wall[i] ?? [0, 0];
    sum += x0 * y1 - x1 * y0;
  }
  return sum;
}

function line(to: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number, stroke: string, width: number, alpha = 1): void {
  to.globalAlpha = alpha;
  to.beginPath();
  to.moveTo(x0, y0);
  to.lineTo(x1, y1);
  to.strokeStyle = stroke;
  to.lineWidth = width;
  to.stroke();
  to.globalAlpha = 1;
}
