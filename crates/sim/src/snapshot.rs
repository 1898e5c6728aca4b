//! Worlds as bytes, and their digest.
//!
//! Owns the snapshot's format: one byte with the format's number, then the world in postcard. A snapshot of another
//! format, of rules that this build does not step, or of another maze is refused, never guessed at.

use crate::fixed::{FNV_START, fnv1a};
use crate::maze::Maze;
use crate::numbers::{
    ARMOUR_MAX, FLIGHT_STEP, ITEM_TICKS, NAME_CHARS_MAX, NOBODY, RELOAD_TICKS, SLOTS_MAX, keys,
};
use crate::world::{Item, Missile, Round, World};
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
        match world.fault(maze) {
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
    fn fault(&self, maze: &Maze) -> Option<&'static str> {
        let within = |x: i32, y: i32, more: i32| {
            x.unsigned_abs() <= (maze.half_width() + more).unsigned_abs()
                && y.unsigned_abs() <= (maze.half_height() + more).unsigned_abs()
        };
        let players = || self.players.iter();
        let taken = |slot: u8| slot == NOBODY || self.player_in(slot).is_some();
        let rules: [(&'static str, bool); 14] = [
            ("a number of slots out of range", !(1..=SLOTS_MAX).contains(&self.slots)),
            ("a tick that no game reaches", self.tick > TICK_MAX),
            ("a round that is over already", {
                let Round { number, resting, ends } = self.round;
                let endless = !resting && self.rounds.play_ticks == 0;
                let longest = if resting { self.rounds.rest_ticks.into() } else { self.rounds.play_ticks };
                let fits = ends >= self.tick && ends - self.tick <= u64::from(longest);
                number == 0 || if endless { ends != 0 } else { !fits }
            }),
            ("slots that do not rise or are too many", {
                let rising = self.players.windows(2).all(|pair| pair[0].slot < pair[1].slot);
                !rising || self.players.last().is_some_and(|player| player.slot >= self.slots)
            }),
            ("one player twice", is_any_twice(&self.players, |player| player.id)),
            ("a name that is too long", {
                players().any(|player| player.name.chars().count() > NAME_CHARS_MAX)
            }),
            ("keys or counts out of range", {
                players().any(|player| player.keys & !keys::ALL != 0 || player.applied > player.last_seq)
            }),
            ("a tank out of range", {
                players().filter_map(|player| player.tank.as_ref()).any(|tank| {
                    !within(tank.x, tank.y, 0)
                        || !(1..=ARMOUR_MAX).contains(&tank.armour)
                        || tank.reload > RELOAD_TICKS
                })
            }),
            ("tanks while the round rests", {
                self.round.resting && players().any(|player| player.tank.is_some())
            }),
            ("a missile out of range", {
                let impossible =
                    |m: &Missile| !within(m.x, m.y, FLIGHT_STEP) || self.player_in(m.slot).is_none();
                self.missiles.len() > 256 || self.missiles.iter().any(impossible)
            }),
            ("one missile twice", is_any_twice(&self.missiles, |missile| missile.id)),
            ("a blast out of range", {
                self.blasts.iter().any(|blast| {
                    !within(blast.x, blast.y, FLIGHT_STEP)
                        || !taken(blast.slot)
                        || blast.age >= blast.kind.life()
                })
            }),
            ("items out of range or without a place for another", {
                let impossible =
                    |item: &Item| !within(item.x, item.y, 0) || !(1..=ITEM_TICKS).contains(&item.left);
                let full = players().any(|it| it.tank.is_some() && !self.has_room_for_item(it.slot));
                self.items.len() > 256
                    || self.items.iter().any(impossible)
                    || is_any_twice(&self.items, |item| item.id)
                    || full
            }),
            ("more chat than is kept", !self.chat.is_bounded()),
        ];
        rules.into_iter().find_map(|(fault, found)| found.then_some(fault))
    }
}

/// A tick that no game reaches.
const TICK_MAX: u64 = u64::MAX / 4;

fn is_any_twice<T, K: PartialEq>(all: &[T], key: impl Fn(&T) -> K) -> bool {
    (1..all.len()).any(|n| all[..n].iter().any(|other| key(other) == key(&all[n])))
}
