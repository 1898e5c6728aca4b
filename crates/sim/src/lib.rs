//! The world of one game: a pure function from a world and a log entry to the next world.
//!
//! Owns the rules, mazes, snapshots and digests, and the difference between two worlds that follow each other
//! ([`Delta`]), by which a client goes from one to the next. Whole numbers throughout: the same snapshot and the same
//! log give the same world, bit for bit, on every build that knows the rules version. No I/O, no clock, no random
//! numbers but from the world's own seed. Does not know sockets, wire formats, ownership or durability.
//!
//! Invariant: [`World::step`] cannot fail, whatever the log holds: what the rules do not allow changes nothing.
#![no_std]

extern crate alloc;

mod blast;
mod chat;
mod collide;
mod delta;
mod digest;
mod fixed;
mod flight;
mod maze;
mod numbers;
mod round;
mod rules;
mod sine;
mod snapshot;
mod step;
mod wall;
mod world;

pub use chat::{ChatLine, ChatWhat};
pub use delta::{Delta, Event, Residual, delta};
pub use fixed::{DIRECTIONS, SINE, cos, sin, step_along};
pub use maze::{
    ENTRIES_MAX, EntryPoint, MAZE_NAME_CHARS_MAX, MAZE_TEXT_MAX, MAZES, Maze, MazeError, SEGMENTS_MAX,
    STANDARD_MAZE,
};
pub use numbers::*;
pub use rules::{RULES, RULES_OLDEST};
pub use snapshot::RestoreError;
pub use step::{Motion, drive};
pub use wall::Segment;
pub use world::{
    Blast, BlastKind, Entry, Item, ItemKind, Missile, Player, Round, Rounds, Tank, World, input_hash,
};
