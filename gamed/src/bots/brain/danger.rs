//! What a bot does when it is about to be hit: out of the way, or not alone.

use super::{Brain, Dice, Own, Scene};
use crate::bots::aim::MISSILE_SPEED;
use crate::bots::dodge::{self, Flying};
use crate::bots::hands::Turn;
use crate::bots::plane::{Spot, turn};
use crate::bots::sight::Seen;
use rand::Rng;
use sim::keys::{BACK, FORWARD};
use sim::{BlastKind, Motion, drive};

/// How far a tank that blows up reaches to the middle of another, in u.
const DESTRUCT_REACH: f32 = (BlastKind::Destruct.radius() + sim::TANK_RADIUS) as f32 / sim::U as f32;

impl Brain {
    /// About to lose, with somebody near who would go as well.
    pub(super) fn takes_others_with_it(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) -> bool {
        // The damage comes half a second later; that far they drive meanwhile.
        const HEAD_START: f32 = 0.7;
        if !self.temper.spiteful || self.considered_spite || own.armour > 0.7 {
            return false;
        }
        let intensity = BlastKind::Destruct.intensity() as f32 / sim::ONE as f32;
        let dies = |foe: &&Seen| {
            let distance = (foe.at - own.at).length() + HEAD_START;
            foe.slot != own.slot && foe.armour < intensity * (DESTRUCT_REACH - distance) / DESTRUCT_REACH
        };
        if !scene.sight.tanks().iter().any(|foe| dies(&foe)) {
            return false;
        }
        self.considered_spite = true;
        dice.random_bool(0.5)
    }

    /// Out of the reach of somebody who blows up, or out of the way of a missile.
    pub(super) fn gets_away(&mut self, scene: &Scene, own: &Own) -> bool {
        self.leaves_blast(scene, own) || self.dodges(scene, own)
    }

    /// Away from a tank that its player blew up, until it has done its damage.
    fn leaves_blast(&mut self, scene: &Scene, own: &Own) -> bool {
        let away = scene.world.blasts().iter().find_map(|blast| {
            let age = u64::from(blast.age);
            let comes = age >= self.temper.reaction && blast.age < blast.kind.life() / 2;
            let away = own.at - Spot::of_units((blast.x, blast.y));
            (blast.kind == BlastKind::Destruct && comes && away.length() < DESTRUCT_REACH + 0.2)
                .then_some(away)
        });
        let Some(away) = away else { return false };
        let ahead = turn(own.motion.heading, away.heading());
        // Backwards where that is less of a turn.
        let (angle, go) = if ahead.abs() < 16_384 {
            (ahead, FORWARD)
        } else {
            (turn(own.motion.heading, (away * -1.0).heading()), BACK)
        };
        self.hands.turn(scene.now, Turn::by(angle), go);
        true
    }

    fn dodges(&mut self, scene: &Scene, own: &Own) -> bool {
        let speed = speed_of(own.motion, own.keys);
        let threat = scene.world.missiles().iter().find_map(|missile| {
            let flying = Flying {
                at: Spot::of_units((missile.x, missile.y)),
                speed: Spot::along(missile.heading) * MISSILE_SPEED,
            };
            let since = scene.sight.missile_since(missile.id);
            let seen = scene.now >= since + self.temper.reaction && self.notices(missile.id, since);
            let comes = seen
                && dodge::threatens(flying, own.at, speed)
                && scene.maze.clear_line((missile.x, missile.y), own.at.units());
            comes.then_some(flying)
        });
        let way_out = threat.and_then(|flying| dodge::dodge(flying, own.motion, own.keys, scene.ways));
        if let Some((keys, ticks)) = way_out {
            self.hands.hold(scene.now, keys, ticks);
        }
        way_out.is_some()
    }

    /// Of each missile anew, and the same at each thought.
    fn notices(&self, missile: u8, since: u64) -> bool {
        let mixed = (self.id ^ (since << 8) ^ u64::from(missile)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 40) as f32) < self.temper.alertness * (1u64 << 24) as f32
    }
}

/// How fast a tank goes with these keys, in u a tick.
fn speed_of(motion: Motion, keys: u8) -> Spot {
    let next = drive(motion, keys);
    Spot::of_units((next.x - motion.x, next.y - motion.y))
}
