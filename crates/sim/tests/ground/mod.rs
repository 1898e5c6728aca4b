//! Where tanks can drive in a maze, on a fine grid: what the parser cannot judge of a maze.

use sim::{Maze, TANK_RADIUS, U};

/// Cells along 1 u.
const FINE: i32 = 10;
const CELL: i32 = U / FINE;
/// Half of the least width of a passage: 1.6 u.
const PASSAGE: f64 = 0.8;
/// An area that is smaller counts for nothing: u squared.
const CRUMB: f64 = 0.25;

/// What is to be said of a maze.
pub struct Ground {
    /// Share of the arena in which a tank's middle can be.
    pub drivable: f64,
    /// Entry points that a tank from the first one cannot reach.
    pub cut_off: Vec<String>,
    /// Places in u that look open, though no tank gets there.
    pub shut: Vec<(f64, f64)>,
    /// Places in u that are reached through passages of less than 1.6 u alone.
    pub narrow: Vec<(f64, f64)>,
}

pub fn survey(maze: &Maze) -> Ground {
    let grid = Grid::of(maze);
    let radius = f64::from(TANK_RADIUS) / f64::from(U);
    let entries: Vec<usize> = maze.entries().iter().map(|entry| grid.cell(entry.x, entry.y)).collect();
    let driven = grid.flood(entries[0], |cell| grid.room[cell] >= radius);
    let strolled = grid.flood(entries[0], |cell| grid.room[cell] >= PASSAGE);
    let cut_off = maze.entries().iter().zip(&entries).filter(|(_, cell)| !driven[**cell]);
    // Under the tank wherever it can drive; a little more, for the grid's coarseness.
    let covered = grid.near(&driven, radius + 0.05);
    Ground {
        drivable: driven.iter().filter(|driven| **driven).count() as f64 / grid.room.len() as f64,
        cut_off: cut_off.map(|(entry, _)| entry.name.clone()).collect(),
        shut: grid.regions(|cell| grid.room[cell] > 0.0 && !covered[cell]),
        narrow: grid.regions(|cell| grid.room[cell] >= PASSAGE && !strolled[cell]),
    }
}

struct Grid {
    width: usize,
    half: (i32, i32),
    /// For each cell, from its middle to the nearest wall or the arena's edge, in u; 0 within walls.
    room: Vec<f64>,
}

impl Grid {
    fn of(maze: &Maze) -> Grid {
        let half = (maze.half_width(), maze.half_height());
        let (width, height) = ((2 * half.0 / CELL) as usize, (2 * half.1 / CELL) as usize);
        let mut grid = Grid { width, half, room: Vec::new() };
        grid.room = (0..width * height).map(|cell| room(maze, grid.middle(cell))).collect();
        grid
    }

    fn middle(&self, cell: usize) -> (f64, f64) {
        let along = |n: usize, half: i32| (n as f64 + 0.5) / f64::from(FINE) - f64::from(half) / f64::from(U);
        (along(cell % self.width, self.half.0), along(cell / self.width, self.half.1))
    }

    fn cell(&self, x: i32, y: i32) -> usize {
        ((y + self.half.1) / CELL) as usize * self.width + ((x + self.half.0) / CELL) as usize
    }

    fn neighbours(&self, cell: usize) -> impl Iterator<Item = usize> {
        let (x, last) = (cell % self.width, self.width - 1);
        let beside = [(x > 0).then(|| cell - 1), (x < last).then_some(cell + 1)];
        let above = [cell.checked_sub(self.width), Some(cell + self.width)];
        let count = self.room.len();
        beside.into_iter().chain(above).flatten().filter(move |cell| *cell < count)
    }

    /// The cells that can be reached over cells that are open.
    fn flood(&self, from: usize, open: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.room.len()];
        let mut edge = Vec::from_iter(open(from).then_some(from));
        while let Some(cell) = edge.pop() {
            if !std::mem::replace(&mut reached[cell], true) {
                edge.extend(self.neighbours(cell).filter(|next| open(*next) && !reached[*next]));
            }
        }
        reached
    }

    /// The cells within `distance` of one that is marked.
    fn near(&self, marked: &[bool], distance: f64) -> Vec<bool> {
        let reach = (distance * f64::from(FINE)).floor() as i32;
        let fits = |(dx, dy): &(i32, i32)| f64::from(*dx).hypot(f64::from(*dy)) <= distance * f64::from(FINE);
        let disc: Vec<(i32, i32)> =
            (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy))).filter(fits).collect();
        let (width, height) = (self.width as i32, (self.room.len() / self.width) as i32);
        let mut near = vec![false; marked.len()];
        for cell in (0..marked.len()).filter(|cell| marked[*cell]) {
            let (x, y) = ((cell % self.width) as i32, (cell / self.width) as i32);
            for (dx, dy) in &disc {
                if (0..width).contains(&(x + dx)) && (0..height).contains(&(y + dy)) {
                    near[((y + dy) * width + x + dx) as usize] = true;
                }
            }
        }
        near
    }

    /// A place in each region of such cells that is more than a crumb.
    fn regions(&self, is_in: impl Fn(usize) -> bool) -> Vec<(f64, f64)> {
        let mut seen = vec![false; self.room.len()];
        let mut places = Vec::new();
        for cell in 0..self.room.len() {
            if seen[cell] || !is_in(cell) {
                continue;
            }
            let region = self.flood(cell, &is_in);
            let count = region.iter().filter(|reached| **reached).count();
            for (seen, reached) in seen.iter_mut().zip(region) {
                *seen |= reached;
            }
            if count as f64 / f64::from(FINE * FINE) >= CRUMB {
                places.push(self.middle(cell));
            }
        }
        places
    }
}

fn room(maze: &Maze, (x, y): (f64, f64)) -> f64 {
    let u = |units: i32| f64::from(units) / f64::from(U);
    let within = maze.polylines().iter().any(|corners| {
        let crossings = corners.windows(2).filter(|pair| {
            let ((ax, ay), (bx, by)) = ((u(pair[0].0), u(pair[0].1)), (u(pair[1].0), u(pair[1].1)));
            (ay > y) != (by > y) && x < ax + (y - ay) * (bx - ax) / (by - ay)
        });
        crossings.count() % 2 == 1
    });
    if within {
        return 0.0;
    }
    let edge = (u(maze.half_width()) - x.abs()).min(u(maze.half_height()) - y.abs());
    maze.segments().iter().fold(edge, |room, segment| {
        let ((ax, ay), (bx, by)) = ((u(segment.a.0), u(segment.a.1)), (u(segment.b.0), u(segment.b.1)));
        let (dx, dy) = (bx - ax, by - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        room.min((x - ax - along * dx).hypot(y - ay - along * dy))
    })
}
