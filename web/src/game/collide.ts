/**
 * Pushing tanks out of walls, of each other and of the arena's edge: what free motion leaves out.
 *
 * The simulation's arithmetic to the unit, in doubles that hold whole numbers exactly: products stay below 2^38, and
 * every division rounds as the simulation's does. Owns nothing else of a tick.
 */
import { type Maze, closest, near, nearest } from './maze';
import { TANK_RADIUS } from './motion';

/** Rounds of pushing in a tick, at most. */
const ROUNDS = 8;
/** Deepest that a tank may stand in a wall or in another tank after a tick. */
const PENETRATION_MAX = 19;
/** How deep the arithmetic of pushes may leave a tank in a wall; nearer than that to one is inside. */
const DEEP = TANK_RADIUS - (PENETRATION_MAX - 16);
/** How far pushes may take a tank from where it stood before the tick. */
const CARRY = TANK_RADIUS - 400;
const TOUCH = 2 * TANK_RADIUS;
const OVERLAP = TOUCH - PENETRATION_MAX;

/** A tank on its way through a tick. */
export interface Body {
  /** Where it stood before the tick: a place that it can always go back to. */
  fromX: number;
  fromY: number;
  /** Where it is now. */
  x: number;
  y: number;
}

/** Pushes the bodies, given in rising order of slots, to where the simulation has them at the end of its tick's motion. */
export function settle(maze: Maze, bodies: readonly Body[]): void {
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false;
    // a. Each pair, lower slot first: both go half of the overlap along the line between them.
    for (let i = 0; i < bodies.length; i++) {
      for (let j = i + 1; j < bodies.length; j++) if (part(bodies[i] as Body, bodies[j] as Body)) moved = true;
    }
    // b. Each tank out of each wall, in the maze's order, then back over the arena's edge.
    for (const body of bodies) {
      const { x, y } = body;
      outOfWalls(maze, body);
      outOfEdge(maze, body);
      if (body.x !== x || body.y !== y) moved = true;
    }
    if (!moved) break;
  }
  // c. Tanks that found no room go back to where they were, then both of each pair that still overlaps, until none does.
  for (const body of bodies) {
    const [dx, dy] = [body.x - body.fromX, body.y - body.fromY];
    if (dx * dx + dy * dy > CARRY * CARRY || inWall(maze, body)) goBack(body);
  }
  for (let again = bodies.length > 1; again; ) {
    again = false;
    for (let i = 0; i < bodies.length; i++) {
      for (let j = i + 1; j < bodies.length; j++) {
        if (!overlap(bodies[i] as Body, bodies[j] as Body)) continue;
        if (goBack(bodies[i] as Body)) again = true;
        if (goBack(bodies[j] as Body)) again = true;
      }
    }
  }
}

/** Was the body elsewhere? */
function goBack(body: Body): boolean {
  const moves = body.x !== body.fromX || body.y !== body.fromY;
  body.x = body.fromX;
  body.y = body.fromY;
  return moves;
}

function overlap(a: Body, b: Body): boolean {
  const [dx, dy] = [a.x - b.x, a.y - b.y];
  return Math.abs(dx) < OVERLAP && Math.abs(dy) < OVERLAP && dx * dx + dy * dy < OVERLAP * OVERLAP;
}

function part(a: Body, b: Body): boolean {
  let dx = b.x - a.x;
  const dy = b.y - a.y;
  if (Math.abs(dx) >= TOUCH || Math.abs(dy) >= TOUCH || dx * dx + dy * dy >= TOUCH * TOUCH) return false;
  let distance = root(dx * dx + dy * dy);
  if (distance === 0) {
    // One upon the other: apart along x.
    dx = 1;
    distance = 1;
  }
  const depth = TOUCH - distance;
  const pushX = Math.trunc((dx * depth) / distance);
  const pushY = Math.trunc((dy * depth) / distance);
  const [halfX, halfY] = [Math.trunc(pushX / 2), Math.trunc(pushY / 2)];
  a.x -= halfX;
  a.y -= halfY;
  b.x += pushX - halfX;
  b.y += pushY - halfY;
  return pushX !== 0 || pushY !== 0;
}

/** Out of each segment in turn: the tank's middle goes to its radius from the nearest point, along the line between them. */
function outOfWalls(maze: Maze, body: Body): void {
  for (const segment of near(maze, body.x, body.y)) {
    closest(segment, body.x, body.y);
    const [ex, ey] = [body.x - nearest.x, body.y - nearest.y];
    const square = ex * ex + ey * ey;
    // A middle exactly on a wall has no side to go to; step c takes it back.
    if (square >= TANK_RADIUS * TANK_RADIUS || square === 0) continue;
    const distance = root(square);
    body.x = nearest.x + Math.trunc((ex * TANK_RADIUS) / distance);
    body.y = nearest.y + Math.trunc((ey * TANK_RADIUS) / distance);
  }
}

function outOfEdge({ halfWidth, halfHeight }: Maze, body: Body): void {
  const [width, height] = [halfWidth - TANK_RADIUS, halfHeight - TANK_RADIUS];
  body.x = Math.min(width, Math.max(-width, body.x));
  body.y = Math.min(height, Math.max(-height, body.y));
}

function inWall(maze: Maze, { x, y }: Body): boolean {
  for (const segment of near(maze, x, y)) {
    closest(segment, x, y);
    const [ex, ey] = [x - nearest.x, y - nearest.y];
    if (ex * ex + ey * ey < DEEP * DEEP) return true;
  }
  return false;
}

/** The whole part of a square root, exact below 2^52. */
function root(square: number): number {
  return Math.floor(Math.sqrt(square));
}
