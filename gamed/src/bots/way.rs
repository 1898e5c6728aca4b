//! Where a tank can drive in a maze, and the shortest way from anywhere to anywhere.
//!
//! Owns a grid over the maze with a tank's clearance, and for each destination the cost from every cell, which is worked
//! out when somebody first goes there. Both depend on the maze alone and are shared by all games of the process: a member
//! that takes over a thousand games makes them once. Other tanks are no part of it.

use super::plane::Spot;
use sim::{ARENA_HALF_MAX, Maze, Segment, TANK_RADIUS, U};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Side of a cell, in u. Of any passage at least 1.4 u wide, in which a tank has 0.4 u to spare, the grid has a way through.
const CELL: f32 = 0.4;
/// Cells along one side of a block: destinations in one block share their costs. The cells of a block that are free lie
/// within 0.6 u of each other, on the same side of any wall.
const BLOCK: usize = 2;
/// Nearer than this to a wall a tank's middle does not fit, in u; a little less than its radius, for what rounding takes.
const FITS: f32 = TANK_RADIUS as f32 / U as f32 - 0.01;
/// Between here and [`FITS`] a way costs more the nearer it is to a wall.
const ROOMY: f32 = 0.9;
/// Cost of a step to the side, and of one across a corner.
const STRAIGHT: u16 = 5;
const DIAGONAL: u16 = 7;
/// Cost of a cell that no tank gets to, or from which there is no way.
const NEVER: u16 = u16::MAX;
/// More than any step costs.
const BUCKETS: usize = 16;
const _: () = assert!((DIAGONAL + STRAIGHT) < BUCKETS as u16);
/// Cells of the largest arena: no way that costs as much as can be has to fit the type of a cost.
const CELLS: usize = (2 * ARENA_HALF_MAX / U) as usize * 5 / 2;
const _: () = assert!(CELLS * CELLS * BUCKETS < NEVER as usize);
/// The cells around one, as steps to the right and upwards.
const AROUND: [(isize, isize); 8] = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];
/// Farthest that a tank may stand from the free cell it is taken to be in, in u: less than from one side of a wall to the
/// other.
const SNAP: f32 = 0.9;
/// Cells of a way that are looked at for the next place to steer to.
const AHEAD: usize = 14;

/// See the module.
pub struct Ways {
    columns: usize,
    rows: usize,
    /// Middle of the cell in the lower left corner.
    origin: Spot,
    /// For each cell what it costs beyond the step to it; [`NEVER`] where no tank gets.
    extra: Vec<u16>,
    /// For each cell where a tank can go from it.
    exits: Vec<u8>,
    /// For each block of cells the cost from each cell to it.
    costs: Vec<OnceLock<Box<[u16]>>>,
    /// Nobody has begun to work them out beforehand.
    new: AtomicBool,
}

/// The ways of the mazes that games are played in now, by fingerprint.
static KNOWN: Mutex<BTreeMap<u32, Weak<Ways>>> = Mutex::new(BTreeMap::new());

impl Ways {
    /// The ways of a maze; made at the first call for it (less than a millisecond), kept while any game uses them.
    pub fn of(maze: &Maze) -> Arc<Ways> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ways) = known.get(&maze.fingerprint()).and_then(Weak::upgrade) {
            return ways;
        }
        known.retain(|_, ways| ways.strong_count() > 0);
        let ways = Arc::new(Ways::new(maze));
        known.insert(maze.fingerprint(), Arc::downgrade(&ways));
        ways
    }

    pub(super) fn new(maze: &Maze) -> Ways {
        let half = Spot::of_units((maze.half_width(), maze.half_height()));
        let cells = |half: f32| (2.0 * half / CELL + 0.01) as usize;
        let (columns, rows) = (cells(half.x), cells(half.y));
        let first = |count: usize| (1.0 - count as f32) * CELL / 2.0;
        let blocks = columns.div_ceil(BLOCK) * rows.div_ceil(BLOCK);
        let mut ways = Ways {
            columns,
            rows,
            origin: Spot { x: first(columns), y: first(rows) },
            extra: Vec::new(),
            exits: Vec::new(),
            costs: (0..blocks).map(|_| OnceLock::new()).collect(),
            new: AtomicBool::new(true),
        };
        let mut room: Vec<f32> = (0..columns * rows)
            .map(|cell| {
                let Spot { x, y } = ways.middle(cell);
                (half.x - x.abs()).min(half.y - y.abs())
            })
            .collect();
        for segment in maze.segments() {
            ways.narrow(&mut room, segment);
        }
        ways.extra = room.iter().map(|room| extra(*room)).collect();
        ways.exits = (0..ways.extra.len()).map(|cell| ways.exits_of(cell)).collect();
        ways.forget_what_no_entry_leads_to(maze);
        ways
    }

    /// True once: whoever asks is to work them out, if they are to be there before they are wanted.
    pub fn is_new(&self) -> bool {
        self.new.swap(false, Ordering::Relaxed)
    }

    /// Works the costs to every place out that a tank gets to: some tens of milliseconds.
    pub fn work_out(&self) {
        for cell in (0..self.extra.len()).filter(|cell| self.extra[*cell] != NEVER) {
            self.costs(cell);
        }
    }

    /// Nothing is left to work out.
    #[cfg(test)]
    pub fn is_worked_out(&self) -> bool {
        let mut cells = (0..self.extra.len()).filter(|cell| self.extra[*cell] != NEVER);
        cells.all(|cell| self.costs[self.block(cell)].get().is_some())
    }

    /// Notes how near a wall's side is to the cells around it.
    fn narrow(&self, room: &mut [f32], segment: &Segment) {
        let (a, b) = (Spot::of_units(segment.a), Spot::of_units(segment.b));
        let low = Spot { x: a.x.min(b.x) - ROOMY, y: a.y.min(b.y) - ROOMY };
        let high = Spot { x: a.x.max(b.x) + ROOMY, y: a.y.max(b.y) + ROOMY };
        let (left, bottom) = self.column_and_row(low);
        let (right, top) = self.column_and_row(high);
        for row in bottom..=top {
            for column in left..=right {
                let cell = row * self.columns + column;
                room[cell] = room[cell].min(distance(a, b, self.middle(cell)));
            }
        }
    }

    fn forget_what_no_entry_leads_to(&mut self, maze: &Maze) {
        let mut reached = vec![false; self.extra.len()];
        let mut open: Vec<usize> =
            maze.entries().iter().filter_map(|entry| self.cell(Spot::of_units((entry.x, entry.y)))).collect();
        while let Some(cell) = open.pop() {
            if !std::mem::replace(&mut reached[cell], true) {
                open.extend(self.steps(cell).map(|(next, _)| next));
            }
        }
        for (extra, reached) in self.extra.iter_mut().zip(reached) {
            if !reached {
                *extra = NEVER;
            }
        }
    }

    /// How far it is to drive, in u, a little more where it is narrow. None where there is no way.
    pub fn length(&self, from: Spot, to: Spot) -> Option<f32> {
        let (from, to) = (self.cell(from)?, self.cell(to)?);
        let cost = self.costs(to)[from];
        (cost != NEVER).then(|| f32::from(cost) * CELL / f32::from(STRAIGHT))
    }

    /// Where to steer now to get from one place to another: the farthest place on the shortest way that can be driven to
    /// in a straight line. `to` itself where that can, and where there is no way.
    pub fn next(&self, from: Spot, to: Spot) -> Spot {
        if self.is_open(from, to) {
            return to;
        }
        let (Some(mut cell), Some(goal)) = (self.cell(from), self.cell(to)) else { return to };
        let costs = self.costs(goal);
        let mut steer_to = self.middle(cell);
        for _ in 0..AHEAD {
            let Some(next) = self.steps(cell).map(|(next, _)| next).min_by_key(|next| costs[*next]) else {
                break;
            };
            if costs[next] >= costs[cell] || !self.is_open(from, self.middle(next)) {
                break;
            }
            cell = next;
            steer_to = self.middle(cell);
        }
        steer_to
    }

    /// Whether a tank can drive from one place to another in a straight line. Where it starts does not count: it is there.
    pub fn is_open(&self, from: Spot, to: Spot) -> bool {
        let way = to - from;
        let pieces = (way.length() * 2.0 / CELL) as usize + 1;
        let step = way * (1.0 / pieces as f32);
        (1..=pieces).all(|n| {
            let (column, row) = self.column_and_row(from + step * n as f32);
            self.extra[row * self.columns + column] != NEVER
        })
    }

    /// The cells that a tank can step to from one, with the cost of the step.
    fn steps(&self, cell: usize) -> impl Iterator<Item = (usize, u16)> {
        let mut exits = self.exits[cell];
        std::iter::from_fn(move || {
            let exit = exits.trailing_zeros() as usize;
            let (dx, dy) = *AROUND.get(exit)?;
            exits &= exits - 1;
            let next = self.beside(cell, dx, dy);
            Some((next, if dx == 0 || dy == 0 { STRAIGHT } else { DIAGONAL } + self.extra[next]))
        })
    }

    /// To which sides a tank can leave a cell: bits in the order of [`AROUND`]. Across corners only where both sides are
    /// free.
    fn exits_of(&self, cell: usize) -> u8 {
        if self.extra[cell] == NEVER {
            return 0;
        }
        let free = |dx, dy| self.extra[self.beside(cell, dx, dy)] != NEVER;
        let open = |(dx, dy): (isize, isize)| free(dx, dy) && free(dx, 0) && free(0, dy);
        (0..8).filter(|exit| open(AROUND[*exit])).fold(0, |exits, exit| exits | 1 << exit)
    }

    /// A cell beside one that is free: no cell at the arena's edge is.
    fn beside(&self, cell: usize, dx: isize, dy: isize) -> usize {
        cell.wrapping_add_signed(dx + dy * self.columns as isize)
    }

    /// Costs from each cell to the block of `goal`.
    fn costs(&self, goal: usize) -> &[u16] {
        let (column, row) = (goal % self.columns / BLOCK, goal / self.columns / BLOCK);
        self.costs[self.block(goal)].get_or_init(|| self.spread(column * BLOCK, row * BLOCK))
    }

    /// The block that a cell is in.
    fn block(&self, cell: usize) -> usize {
        cell / self.columns / BLOCK * self.columns.div_ceil(BLOCK) + cell % self.columns / BLOCK
    }

    /// Dijkstra's algorithm, from the block with this lower left cell outwards; open cells lie in buckets by their cost.
    fn spread(&self, column: usize, row: usize) -> Box<[u16]> {
        let mut costs = vec![NEVER; self.extra.len()].into_boxed_slice();
        let mut open: [Vec<usize>; BUCKETS] = Default::default();
        for row in row..(row + BLOCK).min(self.rows) {
            for column in column..(column + BLOCK).min(self.columns) {
                let cell = row * self.columns + column;
                if self.extra[cell] != NEVER {
                    costs[cell] = 0;
                    open[0].push(cell);
                }
            }
        }
        let mut empty = 0;
        for cost in 0..NEVER {
            let bucket = usize::from(cost) % BUCKETS;
            empty = if open[bucket].is_empty() { empty + 1 } else { 0 };
            if empty == BUCKETS {
                break;
            }
            while let Some(cell) = open[bucket].pop() {
                if costs[cell] < cost {
                    continue;
                }
                // A step costs the same both ways but for the extra of its end, which does not matter for a whole way.
                for (next, step) in self.steps(cell) {
                    if cost + step < costs[next] {
                        costs[next] = cost + step;
                        open[usize::from(cost + step) % BUCKETS].push(next);
                    }
                }
            }
        }
        costs
    }

    /// The free cell that a tank at this place is in: the nearest one.
    fn cell(&self, at: Spot) -> Option<usize> {
        let (column, row) = self.column_and_row(at);
        let own = row * self.columns + column;
        if self.extra[own] != NEVER {
            return Some(own);
        }
        let around = |middle: usize, count: usize| middle.saturating_sub(2)..(middle + 3).min(count);
        let cells = around(row, self.rows)
            .flat_map(|row| around(column, self.columns).map(move |column| row * self.columns + column));
        cells
            .filter(|cell| self.extra[*cell] != NEVER)
            .map(|cell| (cell, (self.middle(cell) - at).length()))
            .filter(|(_, distance)| *distance < SNAP)
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(cell, _)| cell)
    }

    fn column_and_row(&self, at: Spot) -> (usize, usize) {
        let index = |at: f32, first: f32, count: usize| {
            // Casts of negative numbers to usize give 0.
            (((at - first) / CELL + 0.5) as usize).min(count - 1)
        };
        (index(at.x, self.origin.x, self.columns), index(at.y, self.origin.y, self.rows))
    }

    fn middle(&self, cell: usize) -> Spot {
        let (column, row) = (cell % self.columns, cell / self.columns);
        self.origin + Spot { x: column as f32, y: row as f32 } * CELL
    }
}

/// What a cell costs beyond the step to it, with so much room around its middle.
fn extra(room: f32) -> u16 {
    if room < FITS {
        return NEVER;
    }
    let tight = ((ROOMY - room) / (ROOMY - FITS)).max(0.0);
    (tight * f32::from(STRAIGHT)) as u16
}

/// From a place to the nearest point between `a` and `b`.
fn distance(a: Spot, b: Spot, at: Spot) -> f32 {
    let side = b - a;
    let along = ((at - a).dot(side) / side.dot(side)).clamp(0.0, 1.0);
    (a + side * along - at).length()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::MAZES;

    fn mazes() -> impl Iterator<Item = (Maze, Ways)> {
        MAZES.iter().map(|text| Maze::parse(text).expect("it is shipped")).map(|maze| {
            let ways = Ways::new(&maze);
            (maze, ways)
        })
    }

    fn free(ways: &Ways) -> impl Iterator<Item = Spot> {
        (0..ways.extra.len()).filter(|cell| ways.extra[*cell] != NEVER).map(|cell| ways.middle(cell))
    }

    #[test]
    fn from_everywhere_there_is_a_way_to_everywhere() {
        for (maze, ways) in mazes() {
            let count = free(&ways).count();
            assert!(count > ways.extra.len() / 4, "{}: {count} of {} cells", maze.name(), ways.extra.len());
            let entry = Spot::of_units((maze.entries()[0].x, maze.entries()[0].y));
            for place in free(&ways) {
                assert!(ways.length(place, entry).is_some(), "{}: {place:?}", maze.name());
            }
            for other in maze.entries() {
                let other = Spot::of_units((other.x, other.y));
                assert!(ways.length(entry, other).is_some(), "{}: {other:?}", maze.name());
            }
        }
    }

    #[test]
    fn no_place_of_a_way_is_nearer_to_a_wall_than_a_tank_fits() {
        for (maze, ways) in mazes() {
            for place in free(&ways) {
                for segment in maze.segments() {
                    let (a, b) = (Spot::of_units(segment.a), Spot::of_units(segment.b));
                    assert!(distance(a, b, place) >= FITS, "{}: {place:?} {segment:?}", maze.name());
                }
            }
        }
    }

    #[test]
    fn who_steers_as_told_arrives_and_crosses_no_wall() {
        for (maze, ways) in mazes() {
            let places: Vec<Spot> = free(&ways).step_by(97).collect();
            for (from, to) in places.iter().zip(places.iter().rev()) {
                let mut at = *from;
                let most = ways.length(at, *to).expect("there is a way") * 1.3 + 2.0;
                let mut driven = 0.0;
                while (*to - at).length() > 0.3 {
                    let way = ways.next(at, *to) - at;
                    assert!(way.length() > 0.01, "{}: {from:?} to {to:?} stops at {at:?}", maze.name());
                    let step = way * (0.1 / way.length()).min(1.0);
                    assert!(maze.clear_line(at.units(), (at + step).units()));
                    at = at + step;
                    driven += step.length();
                    assert!(driven < most, "{}: {from:?} to {to:?} goes round at {at:?}", maze.name());
                }
            }
        }
    }

    #[test]
    fn games_in_one_maze_share_its_ways() {
        let maze = Maze::parse(MAZES[0]).expect("it is shipped");
        let held = Ways::of(&maze);
        assert!(Arc::ptr_eq(&held, &Ways::of(&maze.clone())));
    }
}
