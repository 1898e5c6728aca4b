//! Mazes: the text format, its parser, and what the rules ask of a parsed maze.
//!
//! Owns what a maze must have; what makes one good is in docs/mazes.md. Every [`MazeError`] names the line and says what to do. Does not know tanks.
//!
//! # The format
//!
//! UTF-8 text, one statement a line. `#` starts a comment, empty lines are skipped.
//!
//! ```text
//! name Standard
//! arena 20 20
//! wall -1,2 1,2 1,2.5 -1,2.5 -1,2
//! entry north-east 8.4,8.4 facing 225
//! ```
//!
//! - `name` and the maze's name: once, 1 to 32 characters.
//! - `arena`, width and height in u, 8 to 20 each: at most once, before the first wall and entry point. Without it the
//!   arena is 20 u by 20 u. Half a side is rounded down to whole units.
//! - `wall` and the corners of a closed polyline: at least three corners and the first one again at the end. A corner
//!   is `x,y` in u, origin in the middle of the arena, x right, y up, within the arena. At most [`SEGMENTS_MAX`] sides in all.
//!   Walls have no thickness and stop tanks and missiles from both sides. The arena's own edge needs no wall.
//! - `entry`, a name of 1 to 32 characters without spaces, a point, `facing` and a heading in degrees (0 to 360,
//!   0 is towards +x, counter-clockwise). 1 to [`ENTRIES_MAX`] of them, 0.6 u free around each, none inside a wall.
//!
//! Numbers are decimal with at most 4 places; a length becomes `round(n * 12800)` units, halves away from zero, a
//! heading `floor((n * 65536 + 180) / 360)`, of which 65,536 is 0 again.

use crate::fixed::{FNV_START, fnv1a};
use crate::numbers::{ARENA_HALF_MAX, ARENA_HALF_MIN, ENTRY_CLEARANCE, U};
use crate::wall::{Grid, Segment};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Sides of all walls of a maze, at most.
pub const SEGMENTS_MAX: usize = 512;
/// Entry points of a maze, at most: each has an action number of its own.
pub const ENTRIES_MAX: usize = 16;
/// Characters of the names in a maze, at most.
pub const MAZE_NAME_CHARS_MAX: usize = 32;
/// Bytes of a maze's text, at most.
pub const MAZE_TEXT_MAX: usize = 64 * 1024;

/// The maze that games are played in if nothing else is said.
pub const STANDARD_MAZE: &str = include_str!("../mazes/standard.maze");
/// All mazes that come with the game, the standard one first.
pub const MAZES: &[&str] = &[
    STANDARD_MAZE,
    include_str!("../mazes/grove.maze"),
    include_str!("../mazes/citadel.maze"),
    include_str!("../mazes/herringbone.maze"),
    include_str!("../mazes/tower.maze"),
];

/// A parsed maze. Never changes while games run in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maze {
    name: String,
    half: (i32, i32),
    polylines: Vec<Vec<(i32, i32)>>,
    entries: Vec<EntryPoint>,
    segments: Vec<Segment>,
    grid: Grid,
    fingerprint: u32,
}

/// Where tanks come into the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPoint {
    /// Unique in its maze.
    pub name: String,
    /// Units from the middle, to the right.
    pub x: i32,
    /// Units from the middle, upwards.
    pub y: i32,
    /// Heading of a tank that comes in.
    pub heading: u16,
}

/// Why a text is no maze. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MazeError {
    /// More text than any maze needs.
    #[error("the maze has {0} bytes; shorten it to at most {MAZE_TEXT_MAX}")]
    TooLong(usize),
    /// A line starts with a word that is none of the format's.
    #[error("line {line}: unknown word \"{word}\"; start the line with name, arena, wall, entry or #")]
    UnknownWord {
        /// The line.
        line: usize,
        /// What stands there.
        word: String,
    },
    /// The maze has two names.
    #[error("line {line}: the maze has a name already; keep one name line")]
    SecondName {
        /// The line.
        line: usize,
    },
    /// No characters, or too many.
    #[error("line {line}: the name needs 1 to {MAZE_NAME_CHARS_MAX} characters; shorten or add it")]
    NameLength {
        /// The line.
        line: usize,
    },
    /// Something that should be a number is none.
    #[error("line {line}: \"{word}\" is not a number; write it like 3, -0.5 or 2.125 (at most 4 decimals)")]
    NotANumber {
        /// The line.
        line: usize,
        /// What stands there.
        word: String,
    },
    /// Something that should be a point is none.
    #[error("line {line}: \"{word}\" is not a point; write x,y without spaces, like -1.5,2")]
    NotAPoint {
        /// The line.
        line: usize,
        /// What stands there.
        word: String,
    },
    /// The maze has two arenas.
    #[error("line {line}: the maze has an arena already; keep one arena line")]
    SecondArena {
        /// The line.
        line: usize,
    },
    /// The arena comes after something that has to lie in it.
    #[error("line {line}: the arena comes after a wall or an entry point; move this line above them")]
    LateArena {
        /// The line.
        line: usize,
    },
    /// An arena line of another shape.
    #[error("line {line}: write the arena's size as: arena WIDTH HEIGHT")]
    ArenaShape {
        /// The line.
        line: usize,
    },
    /// A corner beyond the arena.
    #[error(
        "line {line}: corner {corner} is outside the arena; keep x within {x} and y within {y} of the middle"
    )]
    CornerOutside {
        /// The line.
        line: usize,
        /// The corner, as written.
        corner: String,
        /// Most that x may be.
        x: Length,
        /// Most that y may be.
        y: Length,
    },
    /// An arena too small or too large, or a heading beyond a turn.
    #[error("line {line}: {word} is out of range; use {low} to {high}")]
    OutOfRange {
        /// The line.
        line: usize,
        /// What stands there.
        word: String,
        /// Least that is allowed.
        low: i32,
        /// Most that is allowed.
        high: i32,
    },
    /// A wall's last corner is not its first.
    #[error("line {line}: the wall is open; end it with its first corner again ({first})")]
    OpenWall {
        /// The line.
        line: usize,
        /// The first corner, as written.
        first: String,
    },
    /// A wall of less than three corners.
    #[error("line {line}: the wall has {corners} corners; give it at least 3, then the first one again")]
    TooFewCorners {
        /// The line.
        line: usize,
        /// Different corners on it.
        corners: usize,
    },
    /// A corner that is given twice in a row.
    #[error("line {line}: corner {corner} stands twice in a row; remove one")]
    RepeatedCorner {
        /// The line.
        line: usize,
        /// The corner, as written.
        corner: String,
    },
    /// More sides than the limit.
    #[error("line {line}: the walls have more than {SEGMENTS_MAX} sides in all; simplify them")]
    TooManySegments {
        /// The line that passes the limit.
        line: usize,
    },
    /// An entry line of another shape.
    #[error("line {line}: write an entry point as: entry NAME x,y facing DEGREES")]
    EntryShape {
        /// The line.
        line: usize,
    },
    /// Two entry points of one name.
    #[error("line {line}: there is an entry point \"{name}\" already; give this one another name")]
    RepeatedEntry {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// More entry points than the limit.
    #[error("line {line}: more than {ENTRIES_MAX} entry points; remove some")]
    TooManyEntries {
        /// The line that passes the limit.
        line: usize,
    },
    /// A tank would not fit between the entry point and the arena's edge.
    #[error(
        "line {line}: entry point \"{name}\" is outside the arena or less than 0.6 u from its edge; keep x within {x} and y within {y} of the middle"
    )]
    EntryOutside {
        /// The line.
        line: usize,
        /// The entry point.
        name: String,
        /// Most that x may be.
        x: Length,
        /// Most that y may be.
        y: Length,
    },
    /// A wall goes around the entry point.
    #[error("line {line}: entry point \"{name}\" is inside the wall of line {wall}; move one of them")]
    EntryInsideWall {
        /// The line of the entry point.
        line: usize,
        /// The entry point.
        name: String,
        /// The line of the wall.
        wall: usize,
    },
    /// A tank would not fit between the entry point and a wall.
    #[error(
        "line {line}: entry point \"{name}\" is less than 0.6 u from the wall of line {wall}; move one of them"
    )]
    EntryNearWall {
        /// The line of the entry point.
        line: usize,
        /// The entry point.
        name: String,
        /// The line of the wall.
        wall: usize,
    },
    /// No name line.
    #[error("the maze has no name; add a line: name SOMETHING")]
    NoName,
    /// No entry line.
    #[error("the maze has no entry point; add a line: entry NAME x,y facing DEGREES")]
    NoEntry,
}

/// A length in units, shown in u.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length(pub i32);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded down to the 4 decimals that the format has: what is shown is within.
        let places = i64::from(self.0) * 10_000 / i64::from(U);
        let (whole, part) = (places / 10_000, places % 10_000);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let part = format!("{part:04}");
        write!(f, "{whole}.{}", part.trim_end_matches('0'))
    }
}

impl Maze {
    /// Reads a maze from its text (format: see the module). The error names the line and what to do about it.
    pub fn parse(text: &str) -> Result<Maze, MazeError> {
        if text.len() > MAZE_TEXT_MAX {
            return Err(MazeError::TooLong(text.len()));
        }
        let mut draft = Draft::default();
        for (line, statement) in (1..).zip(text.lines()) {
            let statement = statement.split('#').next().unwrap_or_default();
            let mut words = statement.split_whitespace();
            match words.next() {
                None => {}
                Some("name") => draft.name(line, words)?,
                Some("arena") => draft.arena(line, words)?,
                Some("wall") => draft.wall(line, words)?,
                Some("entry") => draft.entry(line, words)?,
                Some(word) => return Err(MazeError::UnknownWord { line, word: excerpt(word) }),
            }
        }
        draft.finish()
    }

    /// The maze's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Half of the arena's width in units: x runs from minus this to this.
    pub fn half_width(&self) -> i32 {
        self.half.0
    }

    /// Half of the arena's height in units: y runs from minus this to this.
    pub fn half_height(&self) -> i32 {
        self.half.1
    }

    /// The walls: corners in units, the last one equal to the first.
    pub fn polylines(&self) -> &[Vec<(i32, i32)>] {
        &self.polylines
    }

    /// Entry points in the order of the text; action 3 + n launches from number n.
    pub fn entries(&self) -> &[EntryPoint] {
        &self.entries
    }

    /// All sides of all walls, in the order of the text: the order in which tanks are pushed out of them.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segments that may be within a tank's radius plus one flight of `p`, in the order of the text.
    pub(crate) fn segments_near_tank(&self, p: (i32, i32)) -> impl Iterator<Item = &Segment> {
        self.numbered(self.grid.near_tank(p))
    }

    /// The segments that may be on the way of a missile in a tick, in the order of the text. The way begins at `p`, `barrel`
    /// units (0 to a tank's radius) behind the missile.
    pub(crate) fn segments_near_flight(&self, p: (i32, i32), barrel: i32) -> impl Iterator<Item = &Segment> {
        self.numbered(if barrel == 0 { self.grid.near_flight(p) } else { self.grid.near_tank(p) })
    }

    fn numbered<'a>(&'a self, numbers: &'a [u16]) -> impl Iterator<Item = &'a Segment> {
        numbers.iter().map(|number| &self.segments[usize::from(*number)])
    }

    /// Whether a missile could fly from one point of the arena to the other: no wall is met on the way, its ends included.
    pub fn clear_line(&self, from: (i32, i32), to: (i32, i32)) -> bool {
        let (low, high) = ((from.0.min(to.0), from.1.min(to.1)), (from.0.max(to.0), from.1.max(to.1)));
        let mut on_way = self.segments.iter().filter(|segment| segment.overlaps(low, high));
        on_way.all(|segment| segment.crossing(from, to, 1).is_none())
    }

    /// A hash over all that the rules use: worlds refuse to go on in another maze than theirs.
    pub fn fingerprint(&self) -> u32 {
        self.fingerprint
    }
}

/// A maze while its lines are read.
#[derive(Default)]
struct Draft {
    name: Option<String>,
    /// Half of each side.
    arena: Option<(i32, i32)>,
    /// With the line of each.
    walls: Vec<(usize, Vec<(i32, i32)>)>,
    sides: usize,
    /// With the line of each.
    entries: Vec<(usize, EntryPoint)>,
}

impl Draft {
    fn name<'a>(&mut self, line: usize, words: impl Iterator<Item = &'a str>) -> Result<(), MazeError> {
        if self.name.is_some() {
            return Err(MazeError::SecondName { line });
        }
        let name = words.collect::<Vec<_>>().join(" ");
        if !(1..=MAZE_NAME_CHARS_MAX).contains(&name.chars().count()) {
            return Err(MazeError::NameLength { line });
        }
        self.name = Some(name);
        Ok(())
    }

    fn arena<'a>(&mut self, line: usize, words: impl Iterator<Item = &'a str>) -> Result<(), MazeError> {
        if self.arena.is_some() {
            return Err(MazeError::SecondArena { line });
        }
        if !self.walls.is_empty() || !self.entries.is_empty() {
            return Err(MazeError::LateArena { line });
        }
        let words = words.collect::<Vec<_>>();
        let &[width, height] = words.as_slice() else { return Err(MazeError::ArenaShape { line }) };
        let half = |word: &str| {
            let side = units(line, word)?;
            if !(2 * i64::from(ARENA_HALF_MIN)..=2 * i64::from(ARENA_HALF_MAX)).contains(&side) {
                return Err(MazeError::OutOfRange { line, word: excerpt(word), low: 8, high: 20 });
            }
            Ok(side as i32 / 2)
        };
        self.arena = Some((half(width)?, half(height)?));
        Ok(())
    }

    fn half(&self) -> (i32, i32) {
        self.arena.unwrap_or((ARENA_HALF_MAX, ARENA_HALF_MAX))
    }

    fn wall<'a>(&mut self, line: usize, words: impl Iterator<Item = &'a str>) -> Result<(), MazeError> {
        let mut corners: Vec<(i32, i32)> = Vec::new();
        let mut first = "";
        for word in words {
            let corner = point(line, word, self.half())?;
            if corners.is_empty() {
                first = word;
            } else {
                self.sides += 1;
                if self.sides > SEGMENTS_MAX {
                    return Err(MazeError::TooManySegments { line });
                }
            }
            if corners.last() == Some(&corner) {
                return Err(MazeError::RepeatedCorner { line, corner: excerpt(word) });
            }
            corners.push(corner);
        }
        if corners.len() < 3 || (corners.len() == 3 && corners.first() == corners.last()) {
            let corners = corners.len().min(2);
            return Err(MazeError::TooFewCorners { line, corners });
        }
        if corners.first() != corners.last() {
            return Err(MazeError::OpenWall { line, first: excerpt(first) });
        }
        self.walls.push((line, corners));
        Ok(())
    }

    fn entry<'a>(&mut self, line: usize, words: impl Iterator<Item = &'a str>) -> Result<(), MazeError> {
        let words = words.collect::<Vec<_>>();
        let &[name, at, "facing", degrees] = words.as_slice() else {
            return Err(MazeError::EntryShape { line });
        };
        if name.chars().count() > MAZE_NAME_CHARS_MAX {
            return Err(MazeError::NameLength { line });
        }
        if self.entries.iter().any(|(_, other)| other.name == name) {
            return Err(MazeError::RepeatedEntry { line, name: name.to_string() });
        }
        if self.entries.len() == ENTRIES_MAX {
            return Err(MazeError::TooManyEntries { line });
        }
        let (x, y) = entry_point(line, name, at, self.half())?;
        let heading = heading(line, degrees)?;
        self.entries.push((line, EntryPoint { name: name.to_string(), x, y, heading }));
        Ok(())
    }

    /// What can only be judged when all lines are read.
    fn finish(self) -> Result<Maze, MazeError> {
        let half = self.half();
        let name = self.name.ok_or(MazeError::NoName)?;
        if self.entries.is_empty() {
            return Err(MazeError::NoEntry);
        }
        for (line, entry) in &self.entries {
            for (wall, corners) in &self.walls {
                let p = (entry.x, entry.y);
                if encloses(corners, p) {
                    return Err(MazeError::EntryInsideWall {
                        line: *line,
                        name: entry.name.clone(),
                        wall: *wall,
                    });
                }
                if sides(corners).any(|side| nearer(&side, p, ENTRY_CLEARANCE)) {
                    return Err(MazeError::EntryNearWall {
                        line: *line,
                        name: entry.name.clone(),
                        wall: *wall,
                    });
                }
            }
        }
        let polylines: Vec<_> = self.walls.into_iter().map(|(_, corners)| corners).collect();
        let entries: Vec<_> = self.entries.into_iter().map(|(_, entry)| entry).collect();
        let segments: Vec<_> = polylines.iter().flat_map(|corners| sides(corners)).collect();
        let grid = Grid::new(&segments);
        let fingerprint = fingerprint(half, &segments, &entries);
        Ok(Maze { name, half, polylines, entries, segments, grid, fingerprint })
    }
}

fn sides(corners: &[(i32, i32)]) -> impl Iterator<Item = Segment> {
    corners.windows(2).map(|pair| Segment::new(pair[0], pair[1]))
}

fn nearer(side: &Segment, p: (i32, i32), distance: i32) -> bool {
    let nearest = side.closest(p);
    let (ex, ey) = (i64::from(p.0 - nearest.0), i64::from(p.1 - nearest.1));
    ex * ex + ey * ey < i64::from(distance) * i64::from(distance)
}

/// Even-odd rule: does a ray from `p` to the right cross the closed polyline an odd number of times?
fn encloses(corners: &[(i32, i32)], p: (i32, i32)) -> bool {
    let crossings = corners.windows(2).filter(|pair| {
        let (a, b) = (pair[0], pair[1]);
        let (low, high) = if a.1 < b.1 { (a, b) } else { (b, a) };
        let side = i64::from(high.0 - low.0) * i64::from(p.1 - low.1)
            - i64::from(high.1 - low.1) * i64::from(p.0 - low.0);
        low.1 <= p.1 && p.1 < high.1 && side > 0
    });
    crossings.count() % 2 == 1
}

fn fingerprint(half: (i32, i32), segments: &[Segment], entries: &[EntryPoint]) -> u32 {
    let mut hash = FNV_START;
    for v in [half.0, half.1] {
        hash = fnv1a(hash, &v.to_le_bytes());
    }
    for s in segments {
        for v in [s.a.0, s.a.1, s.b.0, s.b.1] {
            hash = fnv1a(hash, &v.to_le_bytes());
        }
    }
    for e in entries {
        for v in [e.x, e.y, i32::from(e.heading)] {
            hash = fnv1a(hash, &v.to_le_bytes());
        }
    }
    hash
}

/// Up to 40 characters of what stands in the text, for an error's sentence.
fn excerpt(word: &str) -> String {
    word.chars().take(40).collect()
}

/// A decimal number in ten-thousandths.
fn decimal(line: usize, word: &str) -> Result<i64, MazeError> {
    let refuse = || MazeError::NotANumber { line, word: excerpt(word) };
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |s: &str, longest: usize| {
        (1..=longest).contains(&s.len()) && s.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !plain(whole, 9) || !plain(part, 4) {
        return Err(refuse());
    }
    let number = |s: &str| s.parse::<i64>().map_err(|_| refuse());
    let scale = 10_i64.pow(4 - part.len() as u32);
    Ok(sign * (number(whole)? * 10_000 + number(part)? * scale))
}

/// A length in units.
fn units(line: usize, word: &str) -> Result<i64, MazeError> {
    let n = decimal(line, word)? * i64::from(U);
    Ok((n + 5_000 * n.signum()) / 10_000)
}

/// `x,y` in units, anywhere within what the parser can hold.
fn coordinates(line: usize, word: &str) -> Result<(i64, i64), MazeError> {
    let (x, y) = word.split_once(',').ok_or_else(|| MazeError::NotAPoint { line, word: excerpt(word) })?;
    Ok((units(line, x)?, units(line, y)?))
}

/// A wall's corner, which may stand on the arena's edge.
fn point(line: usize, word: &str, half: (i32, i32)) -> Result<(i32, i32), MazeError> {
    let (x, y) = coordinates(line, word)?;
    if x.abs() > i64::from(half.0) || y.abs() > i64::from(half.1) {
        let corner = excerpt(word);
        return Err(MazeError::CornerOutside { line, corner, x: Length(half.0), y: Length(half.1) });
    }
    Ok((x as i32, y as i32))
}

fn entry_point(line: usize, name: &str, word: &str, half: (i32, i32)) -> Result<(i32, i32), MazeError> {
    let (x, y) = coordinates(line, word)?;
    let inside = (half.0 - ENTRY_CLEARANCE, half.1 - ENTRY_CLEARANCE);
    if x.abs() > i64::from(inside.0) || y.abs() > i64::from(inside.1) {
        let (x, y) = (Length(inside.0), Length(inside.1));
        return Err(MazeError::EntryOutside { line, name: name.to_string(), x, y });
    }
    Ok((x as i32, y as i32))
}

fn heading(line: usize, word: &str) -> Result<u16, MazeError> {
    let degrees = decimal(line, word)?;
    if !(0..=3_600_000).contains(&degrees) {
        return Err(MazeError::OutOfRange { line, word: excerpt(word), low: 0, high: 360 });
    }
    Ok((((degrees * 65_536 + 1_800_000) / 3_600_000) & 65_535) as u16)
}
