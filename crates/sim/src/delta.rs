//! What a client needs to go from one world to the next.
//!
//! Owns [`Delta`] and the steps by which it is applied. Its bytes are the players' protocol's.
//!
//! # How a client applies a delta
//!
//! It holds the players (slot, id, name, score, deaths, keys, tank with pose, armour and reload) and the missiles (id,
//! slot, pose), from a keyframe and the deltas since. For each tick, in this order:
//!
//! 1. Events [`Event::Join`], [`Event::Leave`], [`Event::Launch`] in the order given. Join: a player with nothing scored,
//!    no keys, no tank. Leave: the player, its tank and all its missiles vanish. Launch: a tank at that entry point's
//!    pose, full armour, reload 0.
//! 2. `inputs`: the last of a slot's keys are its player's keys from now on; their number is how many inputs were applied.
//! 3. Each tank: reload goes down by 1 if above 0, the pose takes one step of [`drive`] under the player's keys, and the
//!    slot's residual, if any, is added (coordinates plainly, heading modulo 65,536).
//! 4. Each missile goes [`crate::step_along`] `(2560, heading)`.
//! 5. The other events in the order given. Hit: the missile is gone and the tank's armour is what the event says. Gone:
//!    the missile is gone. Kill: the tank is gone, its player has one death more, and `by`, if it is another player, one
//!    kill more. Shot: reload 50, and a missile with the tank's heading at its pose plus
//!    [`crate::step_along`] `(6400, heading)`.

use crate::maze::Maze;
use crate::step::{Motion, drive};
use crate::world::World;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// All that a client cannot work out itself about one tick. Most ticks need nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// For each slot with applied inputs, rising, the keys after each of them: never empty.
    pub inputs: Vec<(u8, Vec<u8>)>,
    /// Rising slots; only tanks that free motion does not explain, and that lived to the end of the tick.
    pub residuals: Vec<Residual>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
}

/// Where a tank is, minus where free motion would have put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residual {
    /// Whose tank.
    pub slot: u8,
    /// Units, at most 6,512 either way: what pushes may carry a tank, and its own step.
    pub dx: i32,
    /// Units, at most 6,512 either way: what pushes may carry a tank, and its own step.
    pub dy: i32,
    /// 65,536 to the full turn. Not 0 only where a player without a socket held a turning key: the tank stands.
    pub dh: i16,
}

/// Something that happened in a tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A player has taken the slot.
    Join {
        /// The place.
        slot: u8,
        /// The player's own id.
        player: u64,
        /// 0 to 16 characters, as the log gave them.
        name: String,
    },
    /// The slot's player has left, with tank and missiles.
    Leave {
        /// The place.
        slot: u8,
    },
    /// A tank has come in; it moves in this tick already.
    Launch {
        /// Whose.
        slot: u8,
        /// Number of the entry point in the maze.
        entry: u8,
    },
    /// A tank has shot.
    Shot {
        /// Whose.
        slot: u8,
        /// The new missile's id.
        missile: u8,
    },
    /// A missile has ended at a tank.
    Hit {
        /// The missile's id.
        missile: u8,
        /// Whose tank.
        slot: u8,
        /// Armour that is left, in Q14; a `Kill` follows on 0.
        armour: u16,
    },
    /// A missile has ended at a wall or the arena's edge.
    Gone {
        /// The missile's id.
        missile: u8,
    },
    /// A tank was destroyed.
    Kill {
        /// Whose.
        slot: u8,
        /// The slot of whoever caused it, or 255: nobody.
        by: u8,
    },
}

/// The delta from `prev` to `next`, the world one tick later. A pure function of the two: whoever restores `prev` and
/// steps it sends the same.
pub fn delta(prev: &World, next: &World, maze: &Maze) -> Delta {
    debug_assert_eq!(prev.tick + 1, next.tick, "a delta is between worlds that follow each other");
    let events = &next.happened.events;
    let residuals = next.players.iter().filter_map(|player| {
        let slot = player.slot;
        let tank = player.tank.as_ref()?;
        let launch = events.iter().rev().find_map(|event| match event {
            Event::Launch { slot: of, entry } if *of == slot => maze.entries().get(usize::from(*entry)),
            _ => None,
        });
        let from = match launch {
            Some(point) => Motion { x: point.x, y: point.y, heading: point.heading },
            None => {
                let tank = prev.player_in(slot)?.tank?;
                Motion { x: tank.x, y: tank.y, heading: tank.heading }
            }
        };
        let free = drive(from, player.keys);
        let residual = Residual {
            slot,
            dx: tank.x - free.x,
            dy: tank.y - free.y,
            dh: tank.heading.wrapping_sub(free.heading).cast_signed(),
        };
        (residual != Residual { slot, dx: 0, dy: 0, dh: 0 }).then_some(residual)
    });
    Delta { inputs: next.happened.inputs.clone(), residuals: residuals.collect(), events: events.clone() }
}
