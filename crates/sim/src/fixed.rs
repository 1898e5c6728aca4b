//! Whole-number arithmetic: directions, steps along them and distances.
//!
//! Owns rounding: every rule rounds by the functions here, and the browser client repeats them to the unit (its
//! doubles hold every product below 2^53 exactly; the largest here is below 2^38, or 2^51 before a division).

use crate::sine::QUARTER;

/// Directions in the sine table.
pub const DIRECTIONS: usize = 4096;

/// Sine of all directions in Q14: `SINE[i] = round(sin(i / 4096 of a turn) * 16384)`, halves away from zero.
pub static SINE: [i16; DIRECTIONS] = full_turn();

const fn full_turn() -> [i16; DIRECTIONS] {
    let mut table = [0; DIRECTIONS];
    let mut i = 0;
    while i <= 1024 {
        table[i] = QUARTER[i];
        table[2048 - i] = QUARTER[i];
        table[2048 + i] = -QUARTER[i];
        table[(4096 - i) % 4096] = -QUARTER[i];
        i += 1;
    }
    table
}

/// Sine of a heading (65,536 to the full turn) in Q14. A heading's direction is `heading >> 4`.
pub fn sin(heading: u16) -> i32 {
    i32::from(SINE[usize::from(heading >> 4)])
}

/// Cosine of a heading in Q14: the sine a quarter turn on.
pub fn cos(heading: u16) -> i32 {
    sin(heading.wrapping_add(16_384))
}

/// The step of `length` units (negative: backwards) along `heading`, each axis rounded to the nearest unit.
/// `length` is at most 2^16 either way.
pub fn step_along(length: i32, heading: u16) -> (i32, i32) {
    let axis = |direction: i32| (length * direction + 8192) >> 14;
    (axis(cos(heading)), axis(sin(heading)))
}

/// `floor(sqrt(n))` of a squared distance. Squares of coordinates' differences stay below 2^37.
pub(crate) fn isqrt(n: i64) -> i64 {
    debug_assert!(n >= 0, "a squared distance is never negative");
    n.unsigned_abs().isqrt().cast_signed()
}

/// FNV-1a, 32 bits, continued from `hash` over `bytes`.
pub(crate) fn fnv1a(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// Where FNV-1a starts.
pub(crate) const FNV_START: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
