//! A bot's hands: keys that are pressed now, and those of the next moments.
//!
//! Owns the plan between two thoughts. A thought says "turn left for four ticks, then fire": people plan as much ahead.

use sim::keys;

/// Changes of keys that one thought can plan.
const STROKES: usize = 4;
/// Ticks for which the fire key is held.
const PRESS: u64 = 2;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    /// Tick, and the keys from then on. Rising ticks.
    strokes: [(u64, u8); STROKES],
    count: usize,
}

/// A turn to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// LEFT, RIGHT or nothing.
    pub key: u8,
    /// For how many ticks.
    pub ticks: u64,
}

impl Turn {
    /// The turn by an angle in units of a heading; positive to the left.
    pub fn by(angle: i32) -> Turn {
        let step = i32::from(sim::TURN_STEP);
        let ticks = ((angle.abs() + step / 2) / step) as u64;
        let key = match angle {
            _ if ticks == 0 => 0,
            1.. => keys::LEFT,
            _ => keys::RIGHT,
        };
        Turn { key, ticks }
    }
}

impl Hands {
    /// From tick `now`: turns, holding `go` meanwhile and afterwards.
    pub fn turn(&mut self, now: u64, turn: Turn, go: u8) {
        self.count = 0;
        if turn.ticks > 0 {
            self.then(now, turn.key | go);
        }
        self.then(now + turn.ticks, go);
    }

    /// From tick `now`: turns, holding `go`, and fires at tick `at`.
    pub fn turn_and_fire(&mut self, now: u64, turn: Turn, go: u8, at: u64) {
        self.count = 0;
        if turn.ticks > 0 {
            self.then(now, turn.key | go);
        }
        if now + turn.ticks < at {
            self.then(now + turn.ticks, go);
        }
        self.then(at, go | keys::FIRE);
        self.then(at + PRESS, go);
    }

    /// From tick `now`: these keys for so many ticks, then none.
    pub fn hold(&mut self, now: u64, keys: u8, ticks: u64) {
        self.count = 0;
        self.then(now, keys);
        self.then(now + ticks, 0);
    }

    /// The keys for a tick, where the plan says any.
    pub fn keys(&self, tick: u64) -> Option<u8> {
        self.strokes[..self.count].iter().rev().find(|(from, _)| *from <= tick).map(|(_, keys)| *keys)
    }

    fn then(&mut self, tick: u64, keys: u8) {
        debug_assert!(self.count < STROKES, "no thought plans more");
        self.strokes[self.count] = (tick, keys);
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::keys::{FIRE, FORWARD, LEFT, RIGHT};

    fn played(hands: &Hands, ticks: std::ops::Range<u64>) -> Vec<u8> {
        ticks.filter_map(|tick| hands.keys(tick)).collect()
    }

    #[test]
    fn a_turn_takes_the_ticks_that_its_angle_needs() {
        assert_eq!(Turn::by(417 * 3), Turn { key: LEFT, ticks: 3 });
        assert_eq!(Turn::by(-417 * 2 - 100), Turn { key: RIGHT, ticks: 2 });
        assert_eq!(Turn::by(208), Turn { key: 0, ticks: 0 });
    }

    #[test]
    fn a_shot_is_fired_at_its_tick_and_the_key_let_go() {
        let mut hands = Hands::default();
        hands.turn_and_fire(10, Turn { key: LEFT, ticks: 2 }, FORWARD, 13);
        assert_eq!(
            played(&hands, 9..17),
            [LEFT | FORWARD, LEFT | FORWARD, FORWARD, FIRE | FORWARD, FIRE | FORWARD, FORWARD, FORWARD]
        );
        hands.turn_and_fire(20, Turn::default(), 0, 20);
        assert_eq!(played(&hands, 20..23), [FIRE, FIRE, 0]);
    }

    #[test]
    fn a_new_plan_takes_the_place_of_the_old_one() {
        let mut hands = Hands::default();
        hands.hold(5, FORWARD, 10);
        hands.turn(7, Turn { key: RIGHT, ticks: 1 }, 0);
        assert_eq!(played(&hands, 7..10), [RIGHT, 0, 0]);
    }
}
