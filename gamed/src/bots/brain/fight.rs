//! How a bot fights: it aims, fires, keeps its distance, and moves about while it reloads.

use super::{Brain, Dice, Own, Scene};
use crate::bots::hands::Turn;
use crate::bots::plane::{DEGREE, Spot, turn};
use crate::bots::sight::Seen;
use crate::bots::temper::Temper;
use crate::bots::{aim, bank};
use rand::Rng;
use sim::keys::{BACK, FORWARD};
use std::ops::Range;

/// Ticks for which it drives across the line of fire after some shots: 0.7 to 1.7 s.
const SIDESTEP: Range<u64> = 35..85;
/// For a shot on the way to something else it turns for so many ticks at most.
const PASSING_TURN: u64 = 6;
/// For a shot off a wall it turns for so many ticks at most.
const BANK_TURN: u64 = 40;

/// A shot to be fired.
#[derive(Clone, Copy)]
pub(super) struct Shot {
    /// Before it.
    pub(super) turn: Turn,
    /// The tick at which the fire key goes down.
    pub(super) at: u64,
}

impl Brain {
    /// Fights somebody to whom the line is clear: aims and fires, and moves about while it reloads.
    pub(super) fn fight(&mut self, scene: &Scene, own: &Own, foe: &Seen, dice: &mut Dice) {
        let now = scene.now;
        if now >= self.side.1 {
            self.side = (if dice.random_bool(0.5) { 1 } else { -1 }, now + dice.random_range(40..140));
        }
        let way = foe.at - own.at;
        let distance = way.length();
        let straight = turn(own.motion.heading, way.heading());
        let go = self.pace(scene, own, straight, distance);
        let horizon = now + self.temper.period + 3;
        let ready_at = self.ready_at(scene, own);
        let sidesteps = now < self.sidesteps_until;
        if !sidesteps && let Some(shot) = self.shot(scene, own, foe, go).filter(|shot| shot.at <= horizon) {
            return self.hands.turn_and_fire(now, shot.turn, go, shot.at);
        }
        let back = Turn::by(straight).ticks;
        if (sidesteps || ready_at > now + back + 10)
            && let Some(angle) = self.swerve(scene, own, way)
        {
            return self.hands.turn(now, Turn::by(angle), FORWARD);
        }
        let aimed = aim::lead(own.at, foe.at, foe.speed * self.temper.lead) - own.at;
        let angle = turn(own.motion.heading, aimed.heading()) + self.error as i32;
        self.hands.turn(now, Turn::by(angle), go);
    }

    /// Forward or back, to keep the distance that it likes.
    fn pace(&self, scene: &Scene, own: &Own, straight: i32, distance: f32) -> u8 {
        if straight.abs() > (70.0 * DEGREE) as i32 {
            return 0;
        }
        let wary = if own.armour < self.temper.caution { 1.5 } else { 0.0 };
        let go = match distance {
            d if d > self.temper.far + wary => FORWARD,
            d if d < self.temper.near + wary => BACK,
            // Somewhere in between: keeps moving.
            _ if self.side.0 > 0 => FORWARD,
            _ => BACK,
        };
        let ahead = Spot::along(own.motion.heading) * 0.8;
        let open =
            |go: u8| scene.ways.is_open(own.at, if go == FORWARD { own.at + ahead } else { own.at - ahead });
        match go {
            go if open(go) => go,
            BACK if distance > 1.6 && open(FORWARD) => FORWARD,
            FORWARD if open(BACK) => BACK,
            _ => 0,
        }
    }

    /// While it reloads: the turn to drive across the line of fire, where there is room.
    fn swerve(&self, scene: &Scene, own: &Own, way: Spot) -> Option<i32> {
        let distance = way.length();
        let across = match distance {
            d if d > self.temper.far => 40.0,
            d if d < self.temper.near => 110.0,
            _ => 75.0,
        };
        [self.side.0, -self.side.0].into_iter().find_map(|side| {
            let heading = way.heading().wrapping_add((side as f32 * across * DEGREE) as i32 as u16);
            let open = scene.ways.is_open(own.at, own.at + Spot::along(heading) * 1.3);
            open.then(|| turn(own.motion.heading, heading))
        })
    }

    fn ready_at(&self, scene: &Scene, own: &Own) -> u64 {
        (scene.now + own.reload).max(self.shoots_at)
    }

    /// The next shot at somebody if it drives on with `go`: the turn, and the tick at which to fire. None where a wall is in
    /// between by then.
    fn shot(&self, scene: &Scene, own: &Own, foe: &Seen, go: u8) -> Option<Shot> {
        let now = scene.now;
        let ready_in = self.ready_at(scene, own) - now;
        let mut shot = Shot { turn: Turn::default(), at: now };
        let mut from = own.at;
        let mut aimed = foe.at;
        // Where both will be when it fires depends on how long the turn takes, which depends on where they will be.
        for _ in 0..2 {
            let ticks = shot.turn.ticks.max(ready_in);
            from = own.after(shot.turn, go, ticks.min(12));
            let target = foe.at + foe.speed * ticks as f32;
            aimed = aim::lead(from, target, foe.speed);
            aimed = target + (aimed - target) * self.temper.lead;
            let heading = (aimed - from).heading().wrapping_add(self.error as i32 as u16);
            shot.turn = Turn::by(turn(own.motion.heading, heading));
            shot.at = now + shot.turn.ticks.max(ready_in);
        }
        scene.maze.clear_line(from.units(), aimed.units()).then_some(shot)
    }

    /// A shot at somebody on the way to something else, where it takes no time.
    pub(super) fn passing_shot(&self, scene: &Scene, own: &Own, foe: &Seen) -> Option<Shot> {
        let soon = |shot: &Shot| shot.turn.ticks <= PASSING_TURN && shot.at <= scene.now + self.temper.period;
        self.shot(scene, own, foe, FORWARD).filter(soon)
    }

    /// A shot off a wall at somebody who is behind another, where missiles bounce and it takes little time.
    pub(super) fn banked_shot(&self, scene: &Scene, own: &Own, foe: &Seen) -> Option<Shot> {
        let ready_in = self.ready_at(scene, own) - scene.now;
        if !own.bounce || ready_in > self.temper.period {
            return None;
        }
        let at = bank::bank(scene.maze, own.at, foe.at)?;
        let heading = (at - own.at).heading().wrapping_add(self.error as i32 as u16);
        let turn = Turn::by(turn(own.motion.heading, heading));
        (turn.ticks <= BANK_TURN).then(|| Shot { turn, at: scene.now + turn.ticks.max(ready_in) })
    }

    /// After each shot the next one gets an error of its own, and some time.
    pub(super) fn notice_shot(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) {
        let reloading = own.reload > 0;
        if reloading && !self.reloading {
            self.error = error(&self.temper, dice);
            self.shoots_at = scene.now + own.reload + dice.random_range(0..=self.temper.hesitation);
            if dice.random_bool(0.6) {
                self.sidesteps_until = scene.now + dice.random_range(SIDESTEP);
            }
        }
        self.reloading = reloading;
    }
}

/// How far off a shot will be: about normal, two of three within the temper's aim error.
pub(super) fn error(temper: &Temper, dice: &mut Dice) -> f32 {
    let sum: f32 = (0..3).map(|_| dice.random_range(-1.0..1.0f32)).sum();
    sum * temper.aim_error
}
