//! Pushing tanks out of walls and of each other.
//!
//! Owns step 3 of a tick. Does not move tanks by keys and does not know missiles.
//!
//! Invariant: where all tanks stood at most [`PENETRATION_MAX`] deep in walls and in each other before the tick, they do
//! so after it, on the same side of every wall and inside the arena. It holds by step c of [`settle`]: a tank that finds
//! no room goes back, and if all go back, all stand as they did.

use crate::fixed::isqrt;
use crate::maze::Maze;
use crate::numbers::{PENETRATION_MAX, TANK_RADIUS};

/// Rounds of pushing in a tick, at most. A tank between two walls that meet at an acute angle, and a row of tanks
/// against a wall, come to rest by halves; 8 leaves 2 units of one tick's 512.
const ROUNDS: usize = 8;
/// How deep a tank may be left in a wall by the arithmetic of the pushes. That is up to 16 units off itself, at the far
/// end of the longest wall that fits the arena: its tangent is rounded to Q14.
const SLACK: i32 = PENETRATION_MAX - 16;
/// How far pushes may take a tank from where it stood before the tick: less than it needs to change a wall's side.
const CARRY: i64 = (TANK_RADIUS - 400) as i64;

/// A tank on its way through a tick.
pub(crate) struct Body {
    /// Where it stood before the tick: a place that it can always go back to.
    pub(crate) from: (i32, i32),
    /// Where it is now.
    pub(crate) at: (i32, i32),
}

/// Pushes the bodies, given in rising order of slots, out of each other, of the walls and of the arena's edge.
pub(crate) fn settle(maze: &Maze, bodies: &mut [Body]) {
    for _ in 0..ROUNDS {
        let mut moved = false;
        // a. Each pair, lower slot first: both go half of the overlap along the line between them.
        for i in 0..bodies.len() {
            for j in i + 1..bodies.len() {
                moved |= part(bodies, i, j);
            }
        }
        // b. Each tank out of each wall, in the maze's order, then back over the arena's edge.
        for body in bodies.iter_mut() {
            let pushed = out_of_edge(maze, out_of_walls(maze, body.at));
            moved |= pushed != body.at;
            body.at = pushed;
        }
        if !moved {
            break;
        }
    }
    // c. Tanks that found no room in walls go back to where they were, then both of each pair that still overlaps, until
    // no pair does: going back may take the room of another.
    for body in bodies.iter_mut() {
        let (dx, dy) = difference(body.at, body.from);
        if dx * dx + dy * dy > CARRY * CARRY || in_wall(maze, body.at) {
            body.at = body.from;
        }
    }
    loop {
        let mut went_back = false;
        for i in 0..bodies.len() {
            for j in i + 1..bodies.len() {
                if overlap(&bodies[i], &bodies[j]) {
                    for body in [i, j] {
                        went_back |= bodies[body].at != bodies[body].from;
                        bodies[body].at = bodies[body].from;
                    }
                }
            }
        }
        if !went_back {
            break;
        }
    }
}

/// Do two tanks stand in each other deeper than is allowed?
fn overlap(a: &Body, b: &Body) -> bool {
    const NEAR: i64 = (2 * TANK_RADIUS - PENETRATION_MAX) as i64;
    let (dx, dy) = difference(a.at, b.at);
    dx.abs() < NEAR && dy.abs() < NEAR && dx * dx + dy * dy < NEAR * NEAR
}

fn difference(p: (i32, i32), q: (i32, i32)) -> (i64, i64) {
    (i64::from(p.0 - q.0), i64::from(p.1 - q.1))
}

fn part(bodies: &mut [Body], i: usize, j: usize) -> bool {
    const TOUCH: i64 = 2 * TANK_RADIUS as i64;
    let (mut dx, dy) = difference(bodies[j].at, bodies[i].at);
    if dx.abs() >= TOUCH || dy.abs() >= TOUCH || dx * dx + dy * dy >= TOUCH * TOUCH {
        return false;
    }
    let mut distance = isqrt(dx * dx + dy * dy);
    if distance == 0 {
        // One upon the other: apart along x.
        (dx, distance) = (1, 1);
    }
    let overlap = TOUCH - distance;
    let (push_x, push_y) = ((dx * overlap / distance) as i32, (dy * overlap / distance) as i32);
    let half = (push_x / 2, push_y / 2);
    bodies[i].at = (bodies[i].at.0 - half.0, bodies[i].at.1 - half.1);
    bodies[j].at = (bodies[j].at.0 + push_x - half.0, bodies[j].at.1 + push_y - half.1);
    push_x != 0 || push_y != 0
}

/// Out of each segment in turn: the tank's middle goes to `radius` from the nearest point, along the line between them.
fn out_of_walls(maze: &Maze, mut at: (i32, i32)) -> (i32, i32) {
    const RADIUS: i64 = TANK_RADIUS as i64;
    for segment in maze.segments_near_tank(at) {
        if segment.is_beyond(at, TANK_RADIUS) {
            continue;
        }
        let nearest = segment.closest(at);
        let (ex, ey) = difference(at, nearest);
        let square = ex * ex + ey * ey;
        if square >= RADIUS * RADIUS || square == 0 {
            // A middle exactly on a wall has no side to go to; step c takes it back.
            continue;
        }
        let distance = isqrt(square);
        at = (nearest.0 + (ex * RADIUS / distance) as i32, nearest.1 + (ey * RADIUS / distance) as i32);
    }
    at
}

fn out_of_edge(maze: &Maze, at: (i32, i32)) -> (i32, i32) {
    let inside = (maze.half_width() - TANK_RADIUS, maze.half_height() - TANK_RADIUS);
    (at.0.clamp(-inside.0, inside.0), at.1.clamp(-inside.1, inside.1))
}

fn in_wall(maze: &Maze, at: (i32, i32)) -> bool {
    const DEEP: i64 = (TANK_RADIUS - SLACK) as i64;
    maze.segments_near_tank(at).filter(|segment| !segment.is_beyond(at, TANK_RADIUS)).any(|segment| {
        let (ex, ey) = difference(at, segment.closest(at));
        ex * ex + ey * ey < DEEP * DEEP
    })
}
