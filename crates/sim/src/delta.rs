//! What a client needs to go from one world to the next.
//!
//! Owns [`Delta`] and the steps by which it is applied. Its bytes are the players' protocol's.
//!
//! # How a client applies a delta
//!
//! It holds the round (number, resting, the phase's last tick), the players (slot, id, name, bot, score, deaths, wins,
//! keys, tank with pose, armour, reload and bounce), the missiles (id, slot, pose, bounce), the blasts (kind, slot, place,
//! age), the items (id, kind, place, ticks left) and the chat's lines, from a keyframe and the deltas since. Lists keep
//! their order; what is new goes to the end. For each tick n, in this order:
//!
//! 1. These events in the order given.
//!    - [`Event::RoundOver`]: the winner, if any, has one win more; all tanks, missiles, blasts and items vanish; the game
//!      rests, until n + `ticks` - 1.
//!    - [`Event::RoundStart`]: scores and deaths become 0, the number rises by 1, the game does not rest any more; the
//!      round lasts until n + `ticks` - 1, or for ever where `ticks` is 0.
//!    - [`Event::Join`]: a player with nothing scored, no keys, no tank. A person's adds a line Entered to the chat.
//!    - [`Event::Leave`]: a person's adds a line Left to the chat. The player, its tank and all its missiles vanish; its
//!      blasts become nobody's (slot 255).
//!    - [`Event::Rename`]: a person's adds a line Renamed, under the old name, to the chat. The player has the new name.
//!    - [`Event::Chat`]: adds a line Said to the chat.
//!    - [`Event::Launch`]: a tank at that entry point's pose, full armour, reload 0, no bounce.
//!    - [`Event::Destruct`]: the tank is gone, its player has one death more; where it stood (before this tick's motion)
//!      a blast of kind Destruct, of its slot, begins at age 0, and the item lies with [`crate::ITEM_TICKS`] left.
//!
//!    A new line has tick n, and the slot and name of whom it is about. Then the oldest lines go until there are at most
//!    [`crate::CHAT_LINES_MAX`], with at most [`crate::CHAT_BYTES_MAX`] bytes of names and texts together.
//! 2. `inputs`: the last of a slot's keys are its player's keys from now on; their number is how many inputs were applied.
//! 3. Each tank: reload goes down by 1 if above 0, the pose takes one step of [`drive`] under the player's keys, and the
//!    slot's residual, if any, is added (coordinates plainly, heading modulo 65,536).
//! 4. Each missile goes [`crate::step_along`] `(2560, heading)`. Those that Hit, Burst and Bounce name are handled from
//!    the place before: where one ended is that place plus [`crate::step_along`] `(16 * at, heading)`.
//! 5. The other events in the order given.
//!    - [`Event::Hit`]: the missile is gone and the tank's armour is what the event says; a blast of kind Missile, of the
//!      missile's slot, begins at age 0 where the missile ended.
//!    - [`Event::Burst`]: the same without a tank.
//!    - [`Event::Bounce`]: the missile is where it ended, with the new heading, without bounce.
//!    - [`Event::Gone`]: the missile is gone.
//!    - [`Event::Hurt`]: the tank's armour is what the event says.
//!    - [`Event::Kill`]: the tank is gone, its player has one death more, and `by`, if it is another player, one kill more.
//!      Where the tank stood a blast of kind Tank, of `by`, begins at age 0, and the item lies with
//!      [`crate::ITEM_TICKS`] left.
//!    - [`Event::PickUp`]: the item is gone. Health: armour + 16,384, at most 32,768. Bounce: the tank has bounce.
//!    - [`Event::Shot`]: reload 50, and a missile with the tank's heading and bounce at its pose plus
//!      [`crate::step_along`] `(6400, heading)`.
//! 6. Each blast's age goes up by 1; at its kind's life it is gone. Each item's time left goes down by 1; at 0 it is gone.

use crate::maze::Maze;
use crate::step::{Motion, drive};
use crate::world::{Happened, ItemKind, World};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// All that a client cannot work out itself about one tick. Most ticks need nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// For each slot with applied inputs, rising, the keys after each of them: never empty.
    pub inputs: Vec<(u8, Vec<u8>)>,
    /// Rising slots; only tanks that free motion does not explain. Also of tanks that moved and were then destroyed.
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
        /// Played by a program of the server.
        bot: bool,
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
        /// How far the missile flew in this tick, in steps of 16 units: 0 to 160.
        at: u8,
        /// Armour that is left, in Q14; a `Kill` follows on 0.
        armour: u16,
    },
    /// A missile has left the arena.
    Gone {
        /// The missile's id.
        missile: u8,
    },
    /// A tank was destroyed.
    Kill {
        /// Whose.
        slot: u8,
        /// The slot of whoever caused it, or 255: nobody who is there.
        by: u8,
        /// The id of the item that it left.
        item: u8,
        /// What that gives.
        kind: ItemKind,
    },
    /// A missile has ended at a wall.
    Burst {
        /// The missile's id.
        missile: u8,
        /// How far the missile flew in this tick, in steps of 16 units: 0 to 160.
        at: u8,
    },
    /// A missile has bounced off a wall and rests there until the next tick.
    Bounce {
        /// The missile's id.
        missile: u8,
        /// How far the missile flew in this tick, in steps of 16 units: 0 to 159.
        at: u8,
        /// Where it flies from here.
        heading: u16,
    },
    /// A blast has damaged a tank.
    Hurt {
        /// Whose.
        slot: u8,
        /// Armour that is left, in Q14; a `Kill` follows on 0.
        armour: u16,
    },
    /// A tank has taken an item.
    PickUp {
        /// Whose.
        slot: u8,
        /// The item's id.
        item: u8,
    },
    /// A player has blown the own tank up.
    Destruct {
        /// Whose.
        slot: u8,
        /// The id of the item that it left.
        item: u8,
        /// What that gives.
        kind: ItemKind,
    },
    /// A player has another name.
    Rename {
        /// Whose.
        slot: u8,
        /// 1 to 16 characters.
        name: String,
    },
    /// A player has said something.
    Chat {
        /// Who.
        slot: u8,
        /// 1 to 120 characters.
        text: String,
    },
    /// The round is over.
    RoundOver {
        /// The slot of who has won it, or 255: nobody has scored.
        winner: u8,
        /// Ticks until the next round begins.
        ticks: u16,
    },
    /// A round has begun.
    RoundStart {
        /// Ticks that it lasts, this one included; 0: it never ends.
        ticks: u32,
    },
}

/// The delta from `prev` to `next`, the world one tick later. A pure function of the two: whoever restores `prev` and
/// steps it sends the same.
pub fn delta(prev: &World, next: &World, maze: &Maze) -> Delta {
    debug_assert_eq!(prev.tick + 1, next.tick, "a delta is between worlds that follow each other");
    let Happened { inputs, events, fallen } = &next.happened;
    let residuals = next.players.iter().filter_map(|player| {
        let slot = player.slot;
        // Where the tank stood after the tick's motion, also if it was destroyed then.
        let at = match &player.tank {
            Some(tank) => Motion { x: tank.x, y: tank.y, heading: tank.heading },
            None => fallen.iter().find(|(of, _)| *of == slot)?.1,
        };
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
            dx: at.x - free.x,
            dy: at.y - free.y,
            dh: at.heading.wrapping_sub(free.heading).cast_signed(),
        };
        (residual != Residual { slot, dx: 0, dy: 0, dh: 0 }).then_some(residual)
    });
    Delta { inputs: inputs.clone(), residuals: residuals.collect(), events: events.clone() }
}
