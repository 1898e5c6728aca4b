//! Getting out of the way of missiles and of tanks that blow themselves up.
//!
//! Owns which keys help most. Reaction times and whether a bot notices at all are the brain's.

use super::aim::closest;
use super::plane::Spot;
use super::way::Ways;
use sim::keys::{BACK, FORWARD, LEFT, RIGHT};
use sim::{Motion, drive};

/// A missile that comes nearer than this hits, or nearly, in u.
const DANGER: f32 = 0.75;
/// Ticks ahead that are looked at: a missile flies 8 u in that time.
const AHEAD: f32 = 40.0;
/// A dodge has to make a miss larger by this to be worth it, in u.
const WORTH: f32 = 0.15;

/// What a tank can do about a missile.
const MOVES: [u8; 7] = [FORWARD, BACK, FORWARD | LEFT, FORWARD | RIGHT, BACK | LEFT, BACK | RIGHT, 0];

/// Something that flies, in u and u a tick.
#[derive(Clone, Copy, Debug)]
pub struct Flying {
    /// Where.
    pub at: Spot,
    /// How fast.
    pub speed: Spot,
}

/// Whether something that flies will come dangerously near to a tank that goes on with this speed.
pub fn threatens(flying: Flying, tank: Spot, speed: Spot) -> bool {
    let (distance, ticks) = closest(flying.at, flying.speed - speed, tank);
    distance < DANGER && ticks > 2.0 && ticks < AHEAD
}

/// The keys that take a tank out of the way of what flies, and for how many ticks. None where `held` is as good.
pub fn dodge(flying: Flying, tank: Motion, held: u8, ways: &Ways) -> Option<(u8, u64)> {
    let miss = |keys: u8| {
        let mut motion = tank;
        let mut nearest = f32::MAX;
        let mut when = 0;
        for tick in 1..=AHEAD as u64 {
            motion = drive(motion, keys);
            let distance = (flying.at + flying.speed * tick as f32 - place(motion)).length();
            if distance > nearest {
                break;
            }
            (nearest, when) = (distance, tick);
        }
        // What a wall stops is no way out.
        if !ways.is_open(place(tank), place(motion)) {
            nearest *= 0.5;
        }
        (nearest, when)
    };
    let (staying, _) = miss(held);
    if staying >= DANGER {
        return None;
    }
    let (keys, (best, ticks)) =
        MOVES.map(|keys| (keys, miss(keys))).into_iter().max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0))?;
    (best > staying + WORTH).then_some((keys, ticks + 2))
}

fn place(motion: Motion) -> Spot {
    Spot::of_units((motion.x, motion.y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::{MAZES, Maze};

    const SPEED: f32 = super::super::aim::MISSILE_SPEED;

    /// A tank in the upper right corner of the standard maze, where there is room, and a missile from the left.
    fn scene(heading: u16, from: f32) -> (Ways, Motion, Flying) {
        let ways = Ways::new(&Maze::parse(MAZES[0]).expect("it is shipped"));
        let at = Spot { x: 8.4, y: 8.4 };
        let (x, y) = at.units();
        let flying = Flying { at: at - Spot { x: from, y: 0.1 }, speed: Spot { x: SPEED, y: 0.0 } };
        (ways, Motion { x, y, heading }, flying)
    }

    #[test]
    fn a_tank_across_the_flight_drives_off_to_the_nearer_side() {
        let (ways, tank, flying) = scene(16_384, 6.0);
        assert!(threatens(flying, place(tank), Spot::default()));
        let (keys, ticks) = dodge(flying, tank, 0, &ways).expect("there is time");
        assert_eq!(keys & (FORWARD | BACK), FORWARD, "the missile passes below its middle");
        assert!((20..40).contains(&ticks), "until it has passed: {ticks}");
    }

    #[test]
    fn what_flies_away_or_past_is_no_threat() {
        let (_, tank, flying) = scene(0, 6.0);
        let away = Flying { speed: flying.speed * -1.0, ..flying };
        let past = Flying { at: flying.at + Spot { x: 0.0, y: 1.5 }, ..flying };
        for flying in [away, past] {
            assert!(!threatens(flying, place(tank), Spot::default()), "{flying:?}");
        }
    }

    #[test]
    fn there_is_no_dodge_without_time() {
        let (ways, tank, flying) = scene(16_384, 0.9);
        assert_eq!(dodge(flying, tank, 0, &ways), None);
    }
}
