//! Worlds as bytes, and their digest.
//!
//! Owns the snapshot's format: one byte with the format's number, then the world in postcard. A snapshot of another
//! format, of rules that this build does not step, or of another maze is refused, never guessed at.

use crate::fixed::{FNV_START, fnv1a};
use crate::maze::Maze;
use crate::numbers::{ARENA_HALF, ARMOUR_MAX, NAME_CHARS_MAX, RELOAD_TICKS, SLOTS_MAX, keys};
use crate::world::World;
use crate::{RULES, RULES_OLDEST};
use alloc::vec::Vec;

/// The format that this build writes, and the only one that it reads.
const FORMAT: u8 = 1;

/// Why bytes are no world that this build can go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// No bytes.
    #[error("the snapshot is empty; send the whole of it")]
    Empty,
    /// Written by a build with another format.
    #[error(
        "the snapshot has format {0}, this build reads {FORMAT}; restore it with a build that reads its format"
    )]
    Format(u8),
    /// Stepped by rules that this build does not have.
    #[error(
        "the game has rules {0}, this build steps {RULES_OLDEST} to {RULES}; run it on a build that steps them"
    )]
    Rules(u16),
    /// A game in another maze.
    #[error("the snapshot belongs to another maze; give the maze that the game was created with")]
    OtherMaze,
    /// Cut short, padded, or not a snapshot.
    #[error("the bytes are not a snapshot; read it again from where it is kept")]
    Malformed,
    /// It decodes, but no world can be like that; the text names what is wrong.
    #[error("the snapshot holds {0}; read it again from where it is kept")]
    Impossible(&'static str),
}

impl World {
    /// The world as bytes for [`World::restore`]: 40 bytes and about 45 for each player, 12 for each missile.
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_extend(self, [FORMAT].into())
            .expect("a vector takes all bytes, and a world has plain fields only")
    }

    /// The world of a snapshot, ready to go on in its maze. Never panics, whatever the bytes.
    pub fn restore(maze: &Maze, bytes: &[u8]) -> Result<World, RestoreError> {
        let (format, state) = bytes.split_first().ok_or(RestoreError::Empty)?;
        if *format != FORMAT {
            return Err(RestoreError::Format(*format));
        }
        // The rules stand first: other rules may have other records behind them.
        let (rules, _) = postcard::take_from_bytes::<u16>(state).map_err(|_| RestoreError::Malformed)?;
        if !(RULES_OLDEST..=RULES).contains(&rules) {
            return Err(RestoreError::Rules(rules));
        }
        let (world, rest) = postcard::take_from_bytes::<World>(state).map_err(|_| RestoreError::Malformed)?;
        if !rest.is_empty() {
            return Err(RestoreError::Malformed);
        }
        if world.maze != maze.fingerprint() {
            return Err(RestoreError::OtherMaze);
        }
        match world.fault() {
            Some(fault) => Err(RestoreError::Impossible(fault)),
            None => Ok(world),
        }
    }

    /// A 32-bit digest of everything in the world: FNV-1a over the snapshot. Differs between worlds that differ, but
    /// for one chance in 2^32; it finds faults and is no defence against forgers.
    pub fn digest(&self) -> u32 {
        fnv1a(FNV_START, &self.snapshot())
    }

    /// What in this world the rules could never have made.
    fn fault(&self) -> Option<&'static str> {
        let inside = |x: i32, y: i32| {
            (-ARENA_HALF..=ARENA_HALF).contains(&x) && (-ARENA_HALF..=ARENA_HALF).contains(&y)
        };
        let rules: [(&'static str, bool); 9] = [
            ("a number of slots out of range", !(1..=SLOTS_MAX).contains(&self.slots)),
            ("a tick that no game reaches", self.tick > u64::MAX / 2),
            ("slots that do not rise or are too many", {
                let rising = self.players.windows(2).all(|pair| pair[0].slot < pair[1].slot);
                !rising || self.players.last().is_some_and(|player| player.slot >= self.slots)
            }),
            ("one player twice", {
                (1..self.players.len())
                    .any(|n| self.players[..n].iter().any(|player| player.id == self.players[n].id))
            }),
            ("a name that is too long", {
                self.players.iter().any(|player| player.name.chars().count() > NAME_CHARS_MAX)
            }),
            ("keys or counts out of range", {
                self.players
                    .iter()
                    .any(|player| player.keys & !keys::ALL != 0 || player.applied > player.last_seq)
            }),
            ("a tank out of range", {
                self.players.iter().filter_map(|player| player.tank.as_ref()).any(|tank| {
                    !inside(tank.x, tank.y)
                        || !(1..=ARMOUR_MAX).contains(&tank.armour)
                        || tank.reload > RELOAD_TICKS
                })
            }),
            ("a missile out of range", {
                self.missiles
                    .iter()
                    .any(|missile| !inside(missile.x, missile.y) || self.player_in(missile.slot).is_none())
            }),
            ("one missile twice", {
                self.missiles.len() > 256
                    || (1..self.missiles.len())
                        .any(|n| self.missiles[..n].iter().any(|missile| missile.id == self.missiles[n].id))
            }),
        ];
        rules.into_iter().find_map(|(fault, found)| found.then_some(fault))
    }
}
