//! What a world is made of, and what a log entry can hold.
//!
//! Owns the records; how they change is in `step` and what it calls, how they are stored in `snapshot`. Numbers that fill
//! their bytes are stored as they are, the others with as many bytes as they need.

use crate::chat::{Chat, ChatLine};
use crate::delta::Event;
use crate::fixed::{FNV_START, fnv1a};
use crate::maze::Maze;
use crate::numbers::{ONE, SLOTS_MAX, U};
use crate::step::Motion;
use crate::{RULES, RULES_OLDEST};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// One game at one tick. Two worlds are equal when everything that the rules can ever see of them is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    pub(crate) rules: u16,
    /// [`Maze::fingerprint`] of the maze that the game is played in.
    #[serde(with = "postcard::fixint::le")]
    pub(crate) maze: u32,
    pub(crate) tick: u64,
    pub(crate) slots: u8,
    /// State of the game's random numbers (splitmix64). Only what destroyed tanks leave is drawn.
    #[serde(with = "postcard::fixint::le")]
    pub(crate) random: u64,
    pub(crate) rounds: Rounds,
    pub(crate) round: Round,
    /// Rising slots.
    pub(crate) players: Vec<Player>,
    /// In the order of the shots.
    pub(crate) missiles: Vec<Missile>,
    /// Where the search for the next missile's id starts: ids go round, so that none is used again at once.
    pub(crate) next_missile: u8,
    /// In the order in which they began.
    pub(crate) blasts: Vec<Blast>,
    /// In the order in which they were left.
    pub(crate) items: Vec<Item>,
    pub(crate) chat: Chat,
    /// What happened in the tick that led here: what `delta` cannot see in the records themselves.
    pub(crate) happened: Happened,
}

/// What a tick did, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Happened {
    /// Rising slots; the keys after each applied input of the player who has the slot now.
    pub(crate) inputs: Vec<(u8, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    /// Where tanks that moved in this tick and were then destroyed stood in the end. Each slot once.
    pub(crate) fallen: Vec<(u8, Motion)>,
}

/// How long rounds are, fixed for a game's whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    /// Ticks of play in a round; 0: the only round never ends.
    pub play_ticks: u32,
    /// Ticks from the end of a round to the beginning of the next.
    pub rest_ticks: u16,
}

/// Where the game is in its rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Counts from 1.
    pub number: u32,
    /// The round is over and the next has not begun: nobody is in the arena.
    pub resting: bool,
    /// The last tick of play, or of the rest; 0: never.
    pub ends: u64,
}

/// Someone who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// The player's own id, the same over all sockets.
    #[serde(with = "postcard::fixint::le")]
    pub id: u64,
    /// The player's place, below `World::slots`.
    pub slot: u8,
    /// As joined with or renamed to, cut to 16 characters.
    pub name: String,
    /// Played by a program of the server: no line of the chat tells of its coming and going.
    pub bot: bool,
    /// The newest socket that an input came from or whose end is known.
    pub session: u32,
    /// The tick in which the newest socket went; none while it is there, which every input from it shows.
    pub gone_at: Option<u64>,
    /// Kills of others in this round.
    pub score: u32,
    /// Own deaths in this round.
    pub deaths: u32,
    /// Rounds won.
    pub wins: u32,
    /// `seq` of the last applied input; 0 before the first.
    pub last_seq: u32,
    /// Inputs applied so far.
    pub applied: u32,
    /// [`input_hash`] over all applied inputs.
    #[serde(with = "postcard::fixint::le")]
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
    #[serde(with = "postcard::fixint::le")]
    pub heading: u16,
    /// Armour left in Q14, 1 to 32,768.
    #[serde(with = "postcard::fixint::le")]
    pub armour: u16,
    /// Ticks until it can fire.
    pub reload: u8,
    /// Its missiles bounce off a wall once.
    pub bounce: bool,
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
    #[serde(with = "postcard::fixint::le")]
    pub heading: u16,
    /// It will bounce off the next wall.
    pub bounce: bool,
    /// Shot in the tick that led here: it has not moved yet, and its first flight is checked for walls from the
    /// middle of the tank that shot it, or it would pass a wall that the tank's rim touches.
    pub fresh: bool,
}

/// An explosion. It does its damage once, half way through its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blast {
    /// Of what.
    pub kind: BlastKind,
    /// Whose it is: who is credited with what it destroys, or 255 when that player has left.
    pub slot: u8,
    /// Units from the middle, to the right.
    pub x: i32,
    /// Units from the middle, upwards.
    pub y: i32,
    /// Ticks since it began, below [`BlastKind::life`].
    pub age: u8,
}

/// What explodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum BlastKind {
    /// A missile.
    Missile = 0,
    /// A tank that was destroyed.
    Tank = 1,
    /// A tank that its player blew up.
    Destruct = 2,
}

impl BlastKind {
    /// Damage in its middle in Q14: 0.25, 1.0, 4.0.
    pub const fn intensity(self) -> i32 {
        match self {
            BlastKind::Missile => ONE / 4,
            BlastKind::Tank => ONE,
            BlastKind::Destruct => 4 * ONE,
        }
    }

    /// Radius in units: 0.5 u, 1.0 u, 2.5 u. It reaches tanks whose circle touches its own.
    pub const fn radius(self) -> i32 {
        match self {
            BlastKind::Missile => U / 2,
            BlastKind::Tank => U,
            BlastKind::Destruct => U * 5 / 2,
        }
    }

    /// Ticks that it lasts: 0.4 s, 0.6 s, 1.0 s.
    pub const fn life(self) -> u8 {
        match self {
            BlastKind::Missile => 20,
            BlastKind::Tank => 30,
            BlastKind::Destruct => 50,
        }
    }
}

/// A power-up that lies in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Unique among the items that lie: [`crate::ITEMS_PER_SLOT`] times the slot whose tank left it, and 0 to 7.
    pub id: u8,
    /// What it gives.
    pub kind: ItemKind,
    /// Units from the middle, to the right.
    pub x: i32,
    /// Units from the middle, upwards.
    pub y: i32,
    /// Ticks until it is gone, at least 1.
    pub left: u16,
}

/// What an item gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum ItemKind {
    /// 1.0 of armour, up to the most that a tank can have.
    Health = 0,
    /// Missiles that bounce off a wall once, until the tank is destroyed.
    Bounce = 1,
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
        /// Played by a program of the server.
        bot: bool,
    },
    /// Take another name. Nothing when it is the same or empty.
    Rename {
        /// Who.
        player: u64,
        /// Cut to 16 characters.
        name: String,
    },
    /// Say something to all. Nothing when it is empty.
    Chat {
        /// Who.
        player: u64,
        /// Cut to 120 characters.
        text: String,
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
        /// It came more than [`crate::STALE_TICKS`] ticks after the one that it was meant for: its keys hold but for fire,
        /// and its action is nothing. It counts and is hashed as given.
        stale: bool,
    },
}

impl World {
    /// The world at tick 0, without players. `slots` is held to 1..=32; `seed` starts the game's random numbers. Round 1
    /// begins at once.
    ///
    /// # Panics
    /// When this build does not step `rules`: check against [`RULES_OLDEST`] and [`RULES`] first.
    pub fn new(maze: &Maze, rules: u16, slots: u8, seed: u64, rounds: Rounds) -> World {
        assert!((RULES_OLDEST..=RULES).contains(&rules), "a world needs rules that this build steps");
        World {
            rules,
            maze: maze.fingerprint(),
            tick: 0,
            slots: slots.clamp(1, SLOTS_MAX),
            random: seed,
            rounds,
            round: Round { number: 1, resting: false, ends: rounds.play_ticks.into() },
            players: Vec::new(),
            missiles: Vec::new(),
            next_missile: 0,
            blasts: Vec::new(),
            items: Vec::new(),
            chat: Chat::default(),
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

    /// Explosions, in the order in which they began.
    pub fn blasts(&self) -> &[Blast] {
        &self.blasts
    }

    /// Power-ups, in the order in which they were left.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Where the game is in its rounds.
    pub fn round(&self) -> Round {
        self.round
    }

    /// How long its rounds are.
    pub fn rounds(&self) -> Rounds {
        self.rounds
    }

    /// The chat's newest lines, oldest first.
    pub fn chat(&self) -> &[ChatLine] {
        self.chat.lines()
    }
}

impl Player {
    /// The keys that the player's tank obeys.
    pub(crate) fn held_keys(&self) -> u8 {
        if self.gone_at.is_some() { 0 } else { self.keys }
    }

    pub(crate) fn new(id: u64, slot: u8, name: String, bot: bool) -> Player {
        Player {
            id,
            slot,
            name,
            bot,
            session: 0,
            gone_at: None,
            score: 0,
            deaths: 0,
            wins: 0,
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
