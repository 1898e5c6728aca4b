//! What sets one bot apart from another: how well it aims, how fast it reacts, how bold it is.
//!
//! Owns the numbers; all of them follow from the bot's id, so that a bot plays on as itself wherever its game runs.

use super::plane::DEGREE;

/// How well a bot plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skill {
    /// Beginners win against it.
    Clumsy,
    /// As good as people after some games.
    Fair,
    /// Hard to beat, not perfect.
    Sharp,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Temper {
    /// How well it plays.
    pub skill: Skill,
    /// Ticks from one thought to the next: 5 to 8.
    pub period: u64,
    /// Ticks until it sees that a missile comes: 8 to 15 (160 to 300 ms).
    pub reaction: u64,
    /// Spread of its aim, in units of a heading: two of three shots are within it.
    pub aim_error: f32,
    /// How much of the lead that a moving target needs it gives.
    pub lead: f32,
    /// Part of the missiles that it tries to get out of the way of.
    pub alertness: f32,
    /// Ticks that it takes between having reloaded and wanting to shoot again, at most.
    pub hesitation: u64,
    /// The distance to a target that it likes, in u: from `near` to `far`.
    pub near: f32,
    /// See `near`.
    pub far: f32,
    /// Armour (of 2.0) below which it would rather be elsewhere.
    pub caution: f32,
    /// Takes others with it when it is about to lose.
    pub spiteful: bool,
}

impl Temper {
    /// The temper of the bot with this id.
    pub fn of(id: u64) -> Temper {
        let skill = match part(id, 0) {
            part if part < 1.0 / 3.0 => Skill::Clumsy,
            part if part < 2.0 / 3.0 => Skill::Fair,
            _ => Skill::Sharp,
        };
        let boldness = part(id, 1);
        let within = |low: f32, high: f32, n: u64| low + (high - low) * part(id, n);
        let base = Temper {
            skill,
            period: 7,
            reaction: within(11.0, 13.0, 2) as u64,
            aim_error: within(7.0, 10.0, 3) * DEGREE,
            lead: within(0.7, 0.95, 4),
            alertness: 0.55,
            hesitation: 35,
            near: 5.0 - 2.0 * boldness,
            far: 7.5 - 2.0 * boldness,
            caution: 1.0 - 0.7 * boldness,
            spiteful: part(id, 5) < 0.4,
        };
        match skill {
            Skill::Clumsy => Temper {
                period: 8,
                reaction: within(13.0, 15.0, 2) as u64,
                aim_error: within(12.0, 16.0, 3) * DEGREE,
                lead: within(0.2, 0.6, 4),
                alertness: 0.25,
                hesitation: 70,
                ..base
            },
            Skill::Fair => base,
            Skill::Sharp => Temper {
                period: 5,
                reaction: within(8.0, 10.0, 2) as u64,
                aim_error: within(4.0, 6.0, 3) * DEGREE,
                lead: 1.0,
                alertness: 0.85,
                hesitation: 12,
                ..base
            },
        }
    }
}

/// The `n`-th number that an id stands for, from 0 to less than 1 (splitmix64).
fn part(id: u64, n: u64) -> f32 {
    let mut z = id.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z >> 40) as f32 / (1u64 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_for_all_skills_about_equally_often() {
        let count = |skill| (0..3_000).filter(|id| Temper::of(*id).skill == skill).count();
        for skill in [Skill::Clumsy, Skill::Fair, Skill::Sharp] {
            assert!((900..1_100).contains(&count(skill)), "{skill:?}: {}", count(skill));
        }
    }

    #[test]
    fn everybody_reacts_and_thinks_as_fast_as_people_do() {
        for temper in (0..1_000).map(Temper::of) {
            assert!((8..=15).contains(&temper.reaction) && (5..=8).contains(&temper.period), "{temper:?}");
            assert!(temper.near < temper.far, "{temper:?}");
        }
    }
}
