//! Whole-number arithmetic: directions, steps along them, distances, hashes and random numbers.
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

/// The heading of a vector, within 1 of the exact one: found in the sine table and interpolated between two directions.
pub(crate) fn heading_of(dx: i32, dy: i32) -> u16 {
    // The half turn from +x counter-clockwise to -x; the other half is opposite.
    if dy < 0 || (dy == 0 && dx < 0) {
        return heading_of(-dx, -dy).wrapping_add(32_768);
    }
    let (dx, dy) = (i64::from(dx), i64::from(dy));
    // Positive where the vector lies to the left of the direction.
    let left_of = |direction: u16| {
        let heading = direction << 4;
        i64::from(cos(heading)) * dy - i64::from(sin(heading)) * dx
    };
    // The last direction that the vector is not to the right of.
    let (mut low, mut high) = (0, DIRECTIONS as u16 / 2);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if left_of(middle) >= 0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    let (before, after) = (left_of(low), left_of(high));
    let part = if before == after { 0 } else { (16 * before + (before - after) / 2) / (before - after) };
    (low << 4) + part as u16
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

/// The next of a game's random numbers: splitmix64, whose state counts up by a constant.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_of_a_vector_is_within_1_and_exact_along_the_axes_and_diagonals() {
        for (n, (dx, dy)) in
            [(7, 0), (7, 7), (0, 7), (-7, 7), (-7, 0), (-7, -7), (0, -7), (7, -7)].iter().enumerate()
        {
            assert_eq!(heading_of(*dx, *dy), 8_192 * n as u16);
        }
        let mut state = 1;
        for _ in 0..20_000 {
            let mut length = || (random(&mut state) % 512_001) as i32 - 256_000;
            let (dx, dy) = (length(), length());
            // Tests alone may use a float: they compare with what it should be.
            let exact = libm_atan2(dy, dx);
            let off = heading_of(dx, dy).wrapping_sub(exact).cast_signed();
            assert!(off.abs() <= 1, "{dx},{dy}: {off} off");
        }
    }

    fn libm_atan2(dy: i32, dx: i32) -> u16 {
        extern crate std;
        let turns = f64::from(dy).atan2(f64::from(dx)) / core::f64::consts::TAU;
        (turns * 65_536.0).round() as i64 as u16
    }
}
