//! The game's numbers, in the simulation's whole units.
//!
//! Owns every figure that a rule uses; the rules themselves are in `step` and `collide`. Distances are in units
//! (12,800 to the arena's own length unit u), times in ticks of 20 ms, armour and damage in Q14.

/// Units in one u.
pub const U: i32 = 12_800;
/// Half of the longest side that an arena can have (20 u): coordinates fit 18 bits with their sign.
pub const ARENA_HALF_MAX: i32 = 10 * U;
/// Half of the shortest side that an arena can have (8 u).
pub const ARENA_HALF_MIN: i32 = 4 * U;
/// Ticks in a second.
pub const TICKS_PER_SECOND: u16 = 50;

/// 1.0 of armour, damage or a sine.
pub const ONE: i32 = 16_384;

/// A tank's radius against walls and other tanks: 0.5 u.
pub const TANK_RADIUS: i32 = U / 2;
/// A tank's radius against missiles: 0.6 u.
pub const TANK_COLLISION_RADIUS: i32 = U * 6 / 10;
/// Armour of a tank at launch, and the most that it can have: 2.0.
pub const ARMOUR_MAX: u16 = 32_768;
/// Forward speed: 2 u/s in units a tick.
pub const FORWARD_STEP: i32 = 512;
/// Backward speed: 1 u/s in units a tick.
pub const BACKWARD_STEP: i32 = 256;
/// Turn in a tick: 1.999 rad/s.
pub const TURN_STEP: u16 = 417;
/// Ticks from one shot to the next: 1.0 s.
pub const RELOAD_TICKS: u8 = 50;

/// Missile speed: 10 u/s in units a tick.
pub const MISSILE_STEP: i32 = 2_560;
/// Damage of a missile that hits dead centre: 1.0.
pub const MISSILE_IMPACT: i32 = ONE;
/// Where a flight ends is told in whole steps of so many units.
pub const FLIGHT_STEP: i32 = 16;

/// An item's radius: a tank takes it when its own circle touches that one. 0.4 u.
pub const ITEM_RADIUS: i32 = U * 4 / 10;
/// Ticks that an item lies: 10 s.
pub const ITEM_TICKS: u16 = 500;
/// Armour that a health item gives, up to [`ARMOUR_MAX`]: 1.0.
pub const ITEM_HEALTH: u16 = 16_384;
/// Items that a slot's destroyed tanks have lying at a time, at most: nobody launches while there is no room for what
/// the tank will leave. Eight deaths in 10 s are no play; and an item's number, 8 * slot + n, stays below 256.
pub const ITEMS_PER_SLOT: u8 = 8;

/// An entry point is taken while a tank's middle is nearer than this: 1.5 u.
pub const ENTRY_ZONE: i32 = U * 3 / 2;
/// Free room that an entry point needs around its middle, to walls and to the arena's edge: 0.6 u.
pub const ENTRY_CLEARANCE: i32 = TANK_COLLISION_RADIUS;

/// Deepest that a tank may stand in a wall after a tick, in units (0.0015 u): what rounding leaves.
pub const PENETRATION_MAX: i32 = 19;

/// Places for tanks in a game, at most.
pub const SLOTS_MAX: u8 = 32;
/// Characters of a player's name, at most.
pub const NAME_CHARS_MAX: usize = 16;
/// Characters of a chat message, at most.
pub const CHAT_TEXT_CHARS_MAX: usize = 120;
/// Lines of the chat's history, at most.
pub const CHAT_LINES_MAX: usize = 16;
/// Bytes of all names and texts in the chat's history together, at most.
pub const CHAT_BYTES_MAX: usize = 1_024;
/// An input that is applied so many ticks after the one that it was meant for is stale (0.5 s): see `Entry::Input`.
pub const STALE_TICKS: u64 = 25;
/// A player whose socket has been gone for so long (60 s) is to be removed, by a `Leave` of whoever runs the game.
pub const GONE_TICKS: u64 = 3_000;
/// Where a slot is named: nobody.
pub const NOBODY: u8 = 255;

/// Keys as bits of an input.
pub mod keys {
    /// Drive forward.
    pub const FORWARD: u8 = 1;
    /// Drive backward.
    pub const BACK: u8 = 2;
    /// Turn left (counter-clockwise).
    pub const LEFT: u8 = 4;
    /// Turn right.
    pub const RIGHT: u8 = 8;
    /// Fire: at once when reloaded, and again whenever reloaded while it is held.
    pub const FIRE: u8 = 16;
    /// All keys that there are; other bits of an input are dropped.
    pub const ALL: u8 = 31;
}

/// Actions of an input. Numbers that the rules do not know, and actions that they do not allow just then, are consumed
/// as nothing: the input counts as applied and its keys hold.
pub mod action {
    /// Nothing.
    pub const NONE: u8 = 0;
    /// Blow the own tank up.
    pub const DESTRUCT: u8 = 1;
    /// Launch from whichever entry point is free.
    pub const LAUNCH_ANY: u8 = 2;
    /// Launch from entry point n of the maze: this + n.
    pub const LAUNCH_FROM: u8 = 3;
}

// A tank launched into a free zone must not touch the tank that stands just outside of it.
const _: () = assert!(ENTRY_ZONE >= 2 * TANK_RADIUS);
// Numbers of items must fit a byte.
const _: () = assert!(SLOTS_MAX as usize * ITEMS_PER_SLOT as usize <= 256);
// The end of a flight must fit a byte, in whole steps.
const _: () = assert!(MISSILE_STEP % FLIGHT_STEP == 0 && MISSILE_STEP / FLIGHT_STEP <= 255);
// An entry point must be a place where a tank may stand.
const _: () = assert!(ENTRY_CLEARANCE >= TANK_RADIUS);
