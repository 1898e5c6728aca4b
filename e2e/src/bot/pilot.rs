//! What a bot wants to do: drive about and shoot, at random.
//!
//! Owns the choice of keys. Knows no protocol beyond the bits of an input.

use rand::Rng;

const FORWARD: u8 = 1;
const BACK: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;
const FIRE: u8 = 16;

const NOTHING: u8 = 0;
/// Launch from any entry point that is free.
const LAUNCH: u8 = 2;

/// Ticks between two tries to launch.
const LAUNCH_EVERY: u32 = 25;

/// See the module. One decision a tick.
#[derive(Debug)]
pub(super) struct Pilot {
    /// As the newest world says.
    pub(super) has_tank: bool,
    keys: u8,
    wait: u32,
}

impl Pilot {
    pub(super) fn new(rng: &mut impl Rng) -> Pilot {
        Pilot { has_tank: false, keys: 0, wait: rng.random_range(0..LAUNCH_EVERY) }
    }

    /// Keys and action of this tick's input; None: the last one still holds.
    pub(super) fn decide(&mut self, rng: &mut impl Rng) -> Option<(u8, u8)> {
        self.wait = self.wait.saturating_sub(1);
        if self.wait > 0 {
            return None;
        }
        if !self.has_tank {
            self.wait = LAUNCH_EVERY;
            self.keys = 0;
            return Some((0, LAUNCH));
        }
        self.wait = rng.random_range(5..30);
        let drive = [FORWARD, FORWARD, FORWARD, BACK, 0][rng.random_range(0..5)];
        let turn = [LEFT, RIGHT, 0][rng.random_range(0..3)];
        let fire = if rng.random_bool(0.4) { FIRE } else { 0 };
        let keys = drive | turn | fire;
        if keys == self.keys {
            return None;
        }
        self.keys = keys;
        Some((keys, NOTHING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    fn moves(seed: u64) -> Vec<Option<(u8, u8)>> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut pilot = Pilot::new(&mut rng);
        (0..1_000)
            .map(|tick| {
                pilot.has_tank = tick > 100;
                pilot.decide(&mut rng)
            })
            .collect()
    }

    #[test]
    fn a_seed_gives_the_same_play_again() {
        assert_eq!(moves(5), moves(5));
        assert_ne!(moves(5), moves(6));
    }

    #[test]
    fn a_pilot_launches_while_it_has_no_tank_then_drives_and_shoots() {
        let moves = moves(1);
        assert!(moves[..100].iter().flatten().all(|decision| *decision == (0, LAUNCH)));
        assert!(moves[..100].iter().flatten().count() >= 3);
        let driven: Vec<u8> =
            moves[101..].iter().flatten().filter(|one| one.1 == NOTHING).map(|one| one.0).collect();
        for key in [FORWARD, BACK, LEFT, RIGHT, FIRE] {
            assert!(driven.iter().any(|keys| keys & key != 0), "key {key} is used");
        }
    }
}
