//! How a bot gets somewhere, and out of where it got stuck.

use super::{Brain, Dice, Own, Scene};
use crate::bots::hands::Turn;
use crate::bots::plane::{DEGREE, Spot, turn};
use rand::Rng;
use sim::keys::{BACK, FORWARD, LEFT, RIGHT};
use std::ops::Range;

/// Ticks without getting anywhere after which it does something about it.
const STUCK: u64 = 70;
/// How far it has to get within them, in u.
const SOMEWHERE: f32 = 0.35;
/// Ticks for which it backs out.
const BACK_OUT: Range<u64> = 18..34;

impl Brain {
    /// Drives along the way to a place; around tanks that stand in it, but for the one that is wanted.
    pub(super) fn go_to(&mut self, scene: &Scene, own: &Own, to: Spot, except: Option<u8>) {
        let next = scene.ways.next(own.at, to);
        let way = next - own.at;
        let mut heading = way.heading();
        let in_the_way = scene.sight.tanks().iter().find(|seen| {
            let off = seen.at - own.at;
            seen.slot != own.slot
                && Some(seen.slot) != except
                && off.length() < 1.5
                && turn(heading, off.heading()).abs() < (40.0 * DEGREE) as i32
        });
        if let Some(seen) = in_the_way {
            let side = turn(heading, (seen.at - own.at).heading());
            let around = (55.0 * DEGREE) as i32;
            heading = heading.wrapping_add((if side > 0 { -around } else { around }) as u16);
        }
        let angle = turn(own.motion.heading, heading);
        let far = way.length() > 1.2;
        let go = match angle.abs() as f32 / DEGREE {
            ..40.0 => FORWARD,
            ..80.0 if far => FORWARD,
            _ => 0,
        };
        self.hands.turn(scene.now, Turn::by(angle), go);
    }

    /// Nobody to fight: to some other place, for something may come.
    pub(super) fn roam(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) {
        let entries = scene.maze.entries();
        // The same place for a while.
        let n = (scene.now / 400 + u64::from(own.slot)) as usize % entries.len();
        let to = Spot::of_units((entries[n].x, entries[n].y));
        if (to - own.at).length() < 1.0 {
            let angle = dice.random_range(-8_000..8_000);
            self.hands.turn(scene.now, Turn::by(angle), FORWARD);
        } else {
            self.go_to(scene, own, to, None);
        }
    }

    /// Notices that it does not get anywhere, and drives out of where it is.
    pub(super) fn gets_unstuck(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) -> bool {
        let now = scene.now;
        if now < self.backs_out_until {
            return true;
        }
        let (place, since) = self.progress;
        if (own.at - place).length() > SOMEWHERE {
            self.progress = (own.at, now);
            return false;
        }
        if now - since < STUCK {
            return false;
        }
        self.progress = (own.at, now);
        let ahead = own.at + Spot::along(own.motion.heading);
        let behind = own.at - Spot::along(own.motion.heading);
        let go = match (scene.ways.is_open(own.at, ahead), scene.ways.is_open(own.at, behind)) {
            (true, false) => FORWARD,
            (false, true) => BACK,
            _ if own.keys & FORWARD != 0 => BACK,
            _ => FORWARD,
        };
        let side = [0, LEFT, RIGHT][dice.random_range(0..3)];
        let ticks = dice.random_range(BACK_OUT);
        self.backs_out_until = now + ticks;
        self.hands.hold(now, go | side, ticks);
        true
    }
}
