//! What a world is made of, and what a log entry can hold.
//!
//! Owns the records; how they change is in `step`, how they are stored in `snapshot`.

use crate::delta::Event;
use crate::fixed::{FNV_START, fnv1a};
use crate::maze::Maze;
use crate::numbers::{NAME_CHARS_MAX, SLOTS_MAX};
use crate::{RULES, RULES_OLDEST};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One game at one tick. Two worlds are equal when everything that the rules can ever see of them is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    pub(crate) rules: u16,
    /// [`Maze::fingerprint`] of the maze that the game is played in.
    pub(crate) maze: u32,
    pub(crate) tick: u64,
    pub(crate) slots: u8,
    /// State of the game's random numbers. No rule of version 1 draws one.
    pub(crate) random: u64,
    /// Rising slots.
    pub(crate) players: Vec<Player>,
    /// In the order of the shots.
    pub(crate) missiles: Vec<Missile>,
    /// Where the search for the next missile's id starts: ids go round, so that none is used again at once.
    pub(crate) next_missile: u8,
    /// What happened in the tick that led here: what `delta` cannot see in the records themselves.
    pub(crate) happened: Happened,
}

/// What a tick did, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Happened {
    /// Rising slots; the keys after each applied input of the player who has the slot now.
    pub(crate) inputs: Vec<(u8, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
}

/// Someone who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// The player's own id, the same over all sockets.
    pub id: u64,
    /// The player's place, below `World::slots`.
    pub slot: u8,
    /// As joined with, cut to 16 characters.
    pub name: String,
    /// The newest socket that an input came from or whose end is known.
    pub session: u32,
    /// The tick in which the newest socket went; none while it is there, which every input from it shows.
    pub gone_at: Option<u64>,
    /// Kills of others.
    pub score: u32,
    /// Own deaths.
    pub deaths: u32,
    /// `seq` of the last applied input; 0 before the first.
    pub last_seq: u32,
    /// Inputs applied so far.
    pub applied: u32,
    /// [`input_hash`] over all applied inputs.
    pub applied_hash: u32,
    /// Level of all keys ([`crate::keys`]) as of the last applied input; without a socket nobody holds them.
    pub keys: u8,
    /// None between lives.
    pub tank: Option<Tank>,
}

/// A tank in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tank {
    /// Units from the middle, to the right.
    pub x: i32,
    /// Units from the middle, upwards.
    pub y: i32,
    /// 65,536 to the full turn, 0 towards +x, counter-clockwise.
    pub heading: u16,
    /// Armour left in Q14, 1 to 32,768.
    pub armour: u16,
    /// Ticks until it can fire.
    pub reload: u8,
}

/// A missile in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missile {
    /// Unique among the missiles in flight.
    pub id: u8,
    /// Whose it is.
    pub slot: u8,
    /// Units from the middle, to the right.
    pub x: i32,
    /// Units from the middle, upwards.
    pub y: i32,
    /// Direction of flight.
    pub heading: u16,
    /// Shot in the tick that led here: it has not moved yet, and its first flight is checked for walls from the
    /// middle of the tank that shot it, or it would pass a wall that the tank's rim touches.
    pub fresh: bool,
}

/// One thing that changes a world besides time. A tick's log entry is a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// Take part: the lowest free slot. Nothing when the player takes part already or no slot is free.
    Join {
        /// The player's own id.
        player: u64,
        /// Cut to 16 characters.
        name: String,
    },
    /// Leave for good: the player, its tank and its missiles vanish.
    Leave {
        /// Who leaves.
        player: u64,
    },
    /// The socket of this session is gone. Nothing when a newer one is known.
    Gone {
        /// Whose socket.
        player: u64,
        /// Which of them: higher is newer.
        session: u32,
    },
    /// An input. Nothing when `seq` is not the one after the last applied.
    Input {
        /// Who gave it.
        player: u64,
        /// The socket it came from; takes effect with its first input that is applied.
        session: u32,
        /// Counts the player's inputs from 1.
        seq: u32,
        /// Level of all keys from now on.
        keys: u8,
        /// See [`crate::action`].
        action: u8,
    },
}

impl World {
    /// The world at tick 0, without players. `slots` is held to 1..=32; `seed` starts the game's random numbers.
    ///
    /// # Panics
    /// When this build does not step `rules`: check against [`RULES_OLDEST`] and [`RULES`] first.
    pub fn new(maze: &Maze, rules: u16, slots: u8, seed: u64) -> World {
        assert!((RULES_OLDEST..=RULES).contains(&rules), "a world needs rules that this build steps");
        World {
            rules,
            maze: maze.fingerprint(),
            tick: 0,
            slots: slots.clamp(1, SLOTS_MAX),
            random: seed,
            players: Vec::new(),
            missiles: Vec::new(),
            next_missile: 0,
            happened: Happened::default(),
        }
    }

    /// Ticks stepped since the game began.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The rules version that it is stepped by.
    pub fn rules(&self) -> u16 {
        self.rules
    }

    /// Places for players.
    pub fn slots(&self) -> u8 {
        self.slots
    }

    /// Everyone who takes part, by rising slot.
    pub fn players(&self) -> core::slice::Iter<'_, Player> {
        self.players.iter()
    }

    /// The player with this id.
    pub fn player(&self, id: u64) -> Option<&Player> {
        self.players.iter().find(|player| player.id == id)
    }

    /// The player in this slot.
    pub fn player_in(&self, slot: u8) -> Option<&Player> {
        self.players.iter().find(|player| player.slot == slot)
    }

    /// Missiles in flight, in the order of the shots.
    pub fn missiles(&self) -> &[Missile] {
        &self.missiles
    }
}

impl Player {
    /// The keys that the player's tank obeys.
    pub(crate) fn held_keys(&self) -> u8 {
        if self.gone_at.is_some() { 0 } else { self.keys }
    }

    pub(crate) fn new(id: u64, slot: u8, name: &str) -> Player {
        Player {
            id,
            slot,
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            session: 0,
            gone_at: None,
            score: 0,
            deaths: 0,
            last_seq: 0,
            applied: 0,
            applied_hash: FNV_START,
            keys: 0,
            tank: None,
        }
    }
}

/// The rolling hash over a player's applied inputs: 32-bit FNV-1a, starting at 0x811c9dc5, continued for each input
/// over `seq` (little endian, 4 bytes), `keys` and `action` as the input gave them.
pub fn input_hash(hash: u32, seq: u32, keys: u8, action: u8) -> u32 {
    let [a, b, c, d] = seq.to_le_bytes();
    fnv1a(hash, &[a, b, c, d, keys, action])
}
