//! The arena as bots see it: places in u as floating-point numbers, and headings as the simulation has them.
//!
//! Bots may compute as they like: what they decide reaches the world as inputs, which are logged like everybody's.

use std::ops::{Add, Mul, Sub};

/// One degree in units of a heading (65,536 to the full turn).
pub const DEGREE: f32 = 65_536.0 / 360.0;

/// A place in u, origin in the middle of the arena, or the way from one place to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    /// To the right.
    pub x: f32,
    /// Upwards.
    pub y: f32,
}

impl Spot {
    /// The place with these coordinates in the simulation's units.
    pub fn of_units((x, y): (i32, i32)) -> Spot {
        Spot { x: x as f32, y: y as f32 } * (1.0 / sim::U as f32)
    }

    /// The same place in the simulation's units.
    pub fn units(self) -> (i32, i32) {
        let Spot { x, y } = self * sim::U as f32;
        (x as i32, y as i32)
    }

    /// One u along a heading.
    pub fn along(heading: u16) -> Spot {
        Spot { x: sim::cos(heading) as f32, y: sim::sin(heading) as f32 } * (1.0 / sim::ONE as f32)
    }

    /// The heading of this way.
    pub fn heading(self) -> u16 {
        let turns = self.y.atan2(self.x) / std::f32::consts::TAU;
        (turns * 65_536.0) as i32 as u16
    }

    /// How long it is, in u.
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The part of `other` that goes this way, times this length.
    pub fn dot(self, other: Spot) -> f32 {
        self.x * other.x + self.y * other.y
    }
}

/// The shorter turn from one heading to another: positive to the left, at most half a turn.
pub fn turn(from: u16, to: u16) -> i32 {
    i32::from(to.wrapping_sub(from).cast_signed())
}

impl Add for Spot {
    type Output = Spot;
    fn add(self, other: Spot) -> Spot {
        Spot { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Spot {
    type Output = Spot;
    fn sub(self, other: Spot) -> Spot {
        Spot { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul<f32> for Spot {
    type Output = Spot;
    fn mul(self, factor: f32) -> Spot {
        Spot { x: self.x * factor, y: self.y * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_ways_agree() {
        for heading in (0..=u16::MAX).step_by(997) {
            let back = Spot::along(heading).heading();
            assert!(turn(heading, back).abs() <= 16, "{heading} came back as {back}");
        }
    }

    #[test]
    fn the_shorter_turn_is_taken_across_the_zero() {
        assert_eq!(turn(65_000, 500), 1_036);
        assert_eq!(turn(500, 65_000), -1_036);
        assert_eq!(turn(0, 32_768), -32_768);
    }
}
