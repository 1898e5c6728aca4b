//! Geometry of missiles: where to aim so that one hits, and how close one will come.

use super::plane::Spot;
use sim::{MISSILE_STEP, TANK_RADIUS, U};

/// Speed of a missile, in u a tick.
pub const MISSILE_SPEED: f32 = MISSILE_STEP as f32 / U as f32;
/// Where a missile appears, from the middle of the tank that shoots it, in u.
const BARREL: f32 = TANK_RADIUS as f32 / U as f32;

/// Where a target will be when a missile shot now gets there, if it goes on with this speed (u a tick).
pub fn lead(from: Spot, target: Spot, speed: Spot) -> Spot {
    // |way + speed t| = BARREL + MISSILE_SPEED t, solved for the time t. Targets are slower than missiles: there is one.
    let way = target - from;
    let a = speed.dot(speed) - MISSILE_SPEED * MISSILE_SPEED;
    let b = 2.0 * (way.dot(speed) - BARREL * MISSILE_SPEED);
    let c = way.dot(way) - BARREL * BARREL;
    if c <= 0.0 || a >= 0.0 {
        return target;
    }
    let ticks = (-b - (b * b - 4.0 * a * c).sqrt()) / (2.0 * a);
    target + speed * ticks
}

/// The closest that something at `from` with this speed (u a tick) comes to a standing place, and after how many ticks.
pub fn closest(from: Spot, speed: Spot, place: Spot) -> (f32, f32) {
    let way = place - from;
    let ticks = (way.dot(speed) / speed.dot(speed)).max(0.0);
    ((way - speed * ticks).length(), ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(x: f32, y: f32) -> Spot {
        Spot { x, y }
    }

    #[test]
    fn a_standing_target_is_aimed_at_itself() {
        assert_eq!(lead(spot(0.0, 0.0), spot(5.0, 1.0), spot(0.0, 0.0)), spot(5.0, 1.0));
    }

    #[test]
    fn a_missile_and_a_moving_target_meet() {
        for (target, speed) in [
            (spot(6.0, 0.0), spot(0.0, 0.04)),
            (spot(-3.0, 4.0), spot(0.03, -0.02)),
            (spot(0.0, -9.0), spot(0.0, 0.04)),
        ] {
            let from = spot(1.0, 0.5);
            let aimed = lead(from, target, speed);
            let ticks = ((aimed - from).length() - BARREL) / MISSILE_SPEED;
            assert!((target + speed * ticks - aimed).length() < 0.01, "{target:?} {speed:?}");
            assert!(aimed != target);
        }
    }

    #[test]
    fn a_target_in_front_of_the_barrel_is_aimed_at_itself() {
        assert_eq!(lead(spot(0.0, 0.0), spot(0.2, 0.0), spot(0.0, 0.04)), spot(0.2, 0.0));
    }

    #[test]
    fn how_close_a_missile_comes() {
        let (distance, ticks) = closest(spot(-4.0, 0.3), spot(0.2, 0.0), spot(0.0, 0.0));
        assert!((distance - 0.3).abs() < 0.001 && (ticks - 20.0).abs() < 0.001);
        let (distance, ticks) = closest(spot(1.0, 0.0), spot(0.2, 0.0), spot(0.0, 0.0));
        assert_eq!((distance, ticks), (1.0, 0.0), "it flies away");
    }
}
