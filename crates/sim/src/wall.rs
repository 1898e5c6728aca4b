//! Wall segments, and the grid that finds the few that are near.
//!
//! Owns geometry against one segment: the nearest point, and whether a flight crosses it. Does not know tanks,
//! missiles or what happens to them.

use crate::fixed::{heading_of, isqrt};
use crate::numbers::{ARENA_HALF_MAX, MISSILE_STEP, TANK_RADIUS, U};
use alloc::vec::Vec;

/// One side of a wall, from `a` to `b`, with what closest points need worked out ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Start, x and y in units.
    pub a: (i32, i32),
    /// End.
    pub b: (i32, i32),
    /// Unit tangent from `a` to `b` in Q14: `floor((2 * 16384 * d + length) / (2 * length))` on each axis.
    pub tangent: (i32, i32),
    /// `floor` of the length in units, at least 1.
    pub length: i32,
    /// Heading from `a` to `b`, within 1 of the exact one: what missiles bounce by.
    pub direction: u16,
    /// The box around it.
    low: (i32, i32),
    high: (i32, i32),
}

impl Segment {
    /// The segment between two different points.
    pub(crate) fn new(a: (i32, i32), b: (i32, i32)) -> Segment {
        let (dx, dy) = (i64::from(b.0 - a.0), i64::from(b.1 - a.1));
        let length = isqrt(dx * dx + dy * dy);
        assert!(length > 0, "the parser refuses sides of no length");
        let axis = |d: i64| ((2 * 16_384 * d + length).div_euclid(2 * length)) as i32;
        Segment {
            a,
            b,
            tangent: (axis(dx), axis(dy)),
            length: length as i32,
            direction: heading_of(b.0 - a.0, b.1 - a.1),
            low: (a.0.min(b.0), a.1.min(b.1)),
            high: (a.0.max(b.0), a.1.max(b.1)),
        }
    }

    /// The point of the segment nearest to `p`, exact at the ends, within a few units between them.
    /// Never `(b - a) * dot / length^2`, which needs 2^55.
    pub(crate) fn closest(&self, p: (i32, i32)) -> (i32, i32) {
        let (dx, dy) = (i64::from(p.0 - self.a.0), i64::from(p.1 - self.a.1));
        let (tx, ty) = (i64::from(self.tangent.0), i64::from(self.tangent.1));
        let along = (dx * tx + dy * ty) >> 14;
        if along <= 0 {
            self.a
        } else if along >= i64::from(self.length) {
            self.b
        } else {
            (self.a.0 + ((tx * along + 8192) >> 14) as i32, self.a.1 + ((ty * along + 8192) >> 14) as i32)
        }
    }

    /// Whether `p` is further than `distance` from every point that `closest` could give: cheaper than asking for it, and
    /// not always seen.
    pub(crate) fn is_beyond(&self, p: (i32, i32), distance: i32) -> bool {
        // What rounding may put the nearest point off the segment.
        let distance = distance + 32;
        p.0 < self.low.0 - distance
            || p.0 > self.high.0 + distance
            || p.1 < self.low.1 - distance
            || p.1 > self.high.1 + distance
    }

    /// Whether the segment's box and another, given by its lower left and upper right corners, have a point in common.
    pub(crate) fn overlaps(&self, low: (i32, i32), high: (i32, i32)) -> bool {
        self.low.0 <= high.0 && low.0 <= self.high.0 && self.low.1 <= high.1 && low.1 <= self.high.1
    }

    /// Where the flight from `p` to `q` meets the segment, as a distance from `p` when the flight is `length` long.
    /// Both ends of both count. A flight along the segment's own line does not meet it: the next side stops that one.
    pub(crate) fn crossing(&self, p: (i32, i32), q: (i32, i32), length: i32) -> Option<i32> {
        let (rx, ry) = (i64::from(q.0 - p.0), i64::from(q.1 - p.1));
        let (sx, sy) = (i64::from(self.b.0 - self.a.0), i64::from(self.b.1 - self.a.1));
        let (ex, ey) = (i64::from(self.a.0 - p.0), i64::from(self.a.1 - p.1));
        let across = rx * sy - ry * sx;
        if across == 0 {
            return None;
        }
        let sign = across.signum();
        let (on_flight, on_wall) = ((ex * sy - ey * sx) * sign, (ex * ry - ey * rx) * sign);
        let whole = across.abs();
        let meets = (0..=whole).contains(&on_flight) && (0..=whole).contains(&on_wall);
        meets.then(|| (i64::from(length) * on_flight / whole) as i32)
    }
}

/// Farthest that a tank asks from its middle: its radius (its push, or the barrel of its shot) plus one flight. Clients
/// that push tanks use the same cells and reach: where a push takes a tank out of what its cell lists, they must not see
/// more than this does.
const TANK_REACH: i32 = TANK_RADIUS + MISSILE_STEP + 64;
/// Farthest that a missile asks from its place: one flight.
const FLIGHT_REACH: i32 = MISSILE_STEP + 64;

/// Which segments are near a place: for each of two reaches, with cells as small as it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    tanks: Cells<U>,
    flights: Cells<{ U / 2 }>,
}

impl Grid {
    pub(crate) fn new(segments: &[Segment]) -> Grid {
        Grid { tanks: Cells::new(segments, TANK_REACH), flights: Cells::new(segments, FLIGHT_REACH) }
    }

    /// Numbers of the segments that may be within a tank's radius and a flight of `p`, rising.
    pub(crate) fn near_tank(&self, p: (i32, i32)) -> &[u16] {
        self.tanks.near(p)
    }

    /// Numbers of the segments that may be within a flight of `p`, rising.
    pub(crate) fn near_flight(&self, p: (i32, i32)) -> &[u16] {
        self.flights.near(p)
    }
}

/// For each cell, `SIDE` units wide and high, the numbers of the segments within reach of any point of it, rising.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cells<const SIDE: i32> {
    /// Cell c's numbers are `near[starts[c]..starts[c + 1]]`.
    starts: Vec<u32>,
    near: Vec<u16>,
}

impl<const SIDE: i32> Cells<SIDE> {
    /// Cells along one side of the largest arena.
    const ALONG: usize = (2 * ARENA_HALF_MAX / SIDE) as usize;
    /// Half a cell's diagonal, rounded up: 9,051 for 1 u.
    const HALF_DIAGONAL: i32 = (SIDE as u64 * 7_071_068).div_ceil(10_000_000) as i32;

    fn new(segments: &[Segment], reach: i32) -> Cells<SIDE> {
        let mut cells = Cells { starts: Vec::with_capacity(Self::ALONG * Self::ALONG + 1), near: Vec::new() };
        let reach = i64::from(reach + Self::HALF_DIAGONAL);
        for cell in 0..Self::ALONG * Self::ALONG {
            cells.starts.push(cells.near.len() as u32);
            let middle = |n: usize| n as i32 * SIDE + SIDE / 2 - ARENA_HALF_MAX;
            let middle = (middle(cell % Self::ALONG), middle(cell / Self::ALONG));
            for (number, segment) in segments.iter().enumerate() {
                let nearest = segment.closest(middle);
                let (ex, ey) = (i64::from(middle.0 - nearest.0), i64::from(middle.1 - nearest.1));
                if ex * ex + ey * ey <= reach * reach {
                    cells.near.push(number as u16);
                }
            }
        }
        cells.starts.push(cells.near.len() as u32);
        cells
    }

    /// Points outside the arena count as at its edge.
    fn near(&self, p: (i32, i32)) -> &[u16] {
        let cell = |v: i32| ((v + ARENA_HALF_MAX) / SIDE).clamp(0, Self::ALONG as i32 - 1) as usize;
        let cell = cell(p.1) * Self::ALONG + cell(p.0);
        &self.near[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maze::{Maze, STANDARD_MAZE};

    #[test]
    fn the_grid_finds_every_segment_within_reach_of_any_point() {
        let maze = Maze::parse(STANDARD_MAZE).unwrap();
        let grid = Grid::new(maze.segments());
        let (mut points, mut found, mut listed) = (0, [0, 0], [0, 0]);
        // Odd steps, so that points fall on all parts of cells; also somewhat outside the arena.
        for x in (-ARENA_HALF_MAX - 600..=ARENA_HALF_MAX + 600).step_by(1_777) {
            for y in (-ARENA_HALF_MAX - 600..=ARENA_HALF_MAX + 600).step_by(1_999) {
                points += 1;
                let lists = [grid.near_tank((x, y)), grid.near_flight((x, y))];
                for (number, segment) in maze.segments().iter().enumerate() {
                    let nearest = segment.closest((x, y));
                    let (ex, ey) = (i64::from(x - nearest.0), i64::from(y - nearest.1));
                    for (n, reach) in [TANK_RADIUS + MISSILE_STEP, MISSILE_STEP].into_iter().enumerate() {
                        if isqrt(ex * ex + ey * ey) <= i64::from(reach) {
                            found[n] += 1;
                            assert!(lists[n].contains(&(number as u16)), "{x},{y}: {segment:?}");
                        }
                    }
                }
                listed = [listed[0] + lists[0].len(), listed[1] + lists[1].len()];
            }
        }
        assert!(found[0] > 1_000 && found[1] > 100);
        // Of 108 segments.
        assert!(
            listed[0] < 12 * points && listed[1] < 4 * points,
            "it leaves few: {listed:?} for {points} points"
        );
    }

    #[test]
    fn a_flight_meets_a_segment_at_both_ends_and_between_and_not_beside_it() {
        let wall = Segment::new((0, -100), (0, 100));
        assert_eq!(wall.crossing((-50, 0), (50, 0), 1_000), Some(500));
        assert_eq!(wall.crossing((50, 100), (-150, 100), 1_000), Some(250));
        assert_eq!(wall.crossing((0, 0), (50, 0), 1_000), Some(0));
        assert_eq!(wall.crossing((-50, -100), (0, -100), 1_000), Some(1_000));
        assert_eq!(wall.crossing((-50, 101), (50, 101), 1_000), None);
        assert_eq!(wall.crossing((1, 0), (50, 0), 1_000), None);
        assert_eq!(wall.crossing((0, -500), (0, 500), 1_000), None, "along its own line");
    }

    #[test]
    fn the_nearest_point_is_exact_at_the_ends_and_close_between_them() {
        let wall = Segment::new((-100_000, -100_000), (100_000, 60_000));
        assert_eq!(wall.closest((-110_000, -120_000)), wall.a);
        assert_eq!(wall.closest((128_000, 128_000)), wall.b);
        let (x, y) = wall.closest((0, -20_000));
        assert!(x.abs() <= 16 && (y + 20_000).abs() <= 16, "{x},{y}");
    }
}
