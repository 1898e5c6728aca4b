//! What one bot wants: whom to fight, what to fetch, where to go, and the keys for it.
//!
//! Owns one bot's mind from tick to tick. It reads the world and changes nothing; all that it knows beyond the world may be
//! lost at any time, and is when the game moves to another owner.

mod choice;
mod danger;
mod drive;
mod fight;

use super::Dice;
use super::hands::{Hands, Turn};
use super::plane::Spot;
use super::sight::Sight;
use super::temper::Temper;
use super::way::Ways;
use rand::Rng;
use sim::keys::FORWARD;
use sim::{Maze, Motion, Player, Tank, World, action, drive};
use std::ops::Range;

/// What all bots of a game look at.
pub struct Scene<'a> {
    /// The tick that keys pressed now are for.
    pub now: u64,
    /// The world before it.
    pub world: &'a World,
    /// Where it is.
    pub maze: &'a Maze,
    /// How to get around there.
    pub ways: &'a Ways,
    /// What was seen so far.
    pub sight: &'a Sight,
}

/// An input to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Levels of all keys.
    pub keys: u8,
    /// See [`sim::action`].
    pub action: u8,
}

/// The own tank as the bot thinks of it.
#[derive(Clone, Copy)]
struct Own {
    slot: u8,
    at: Spot,
    motion: Motion,
    /// Of 2.0.
    armour: f32,
    /// Ticks until it can fire, if the key is pressed then.
    reload: u64,
    bounce: bool,
    /// Keys that it obeys now.
    keys: u8,
}

/// See the module.
pub struct Brain {
    id: u64,
    temper: Temper,
    hands: Hands,
    thinks_at: u64,
    launches_at: Option<u64>,
    /// The slot of whom it fights.
    target: Option<u8>,
    /// The line to the target was clear at the last thought.
    sees: bool,
    /// How far off the next shot will be, in units of a heading.
    error: f32,
    /// It does not want to shoot before.
    shoots_at: u64,
    /// Was reloading at the last thought.
    reloading: bool,
    /// To which side it likes to go while it reloads: 1 left, -1 right; until when.
    side: (i32, u64),
    /// Where it was when it last got anywhere, and when that was.
    progress: (Spot, u64),
    /// After a shot it drives across the line of fire until then, whether it could shoot or not.
    sidesteps_until: u64,
    /// It backs out until then.
    backs_out_until: u64,
    /// In this life it has thought of taking others with it.
    considered_spite: bool,
}

/// Ticks between death and the next launch: 1 to 3 s.
const BETWEEN_LIVES: Range<u64> = 50..150;
/// Ticks from the moment at which it may launch for the first time, in the game or the round.
const AT_FIRST: Range<u64> = 15..75;
/// Ticks between two tries to launch.
const LAUNCH_AGAIN: u64 = 20;
/// An entry point is free for sure when all tanks are farther away than this, in u.
const ENTRY_ROOM: f32 = 1.6;

impl Brain {
    /// The bot with this id, as of tick `now`.
    pub fn new(id: u64, now: u64, dice: &mut Dice) -> Brain {
        let temper = Temper::of(id);
        let error = fight::error(&temper, dice);
        Brain {
            id,
            hands: Hands::default(),
            // Not all bots of a game in the same tick.
            thinks_at: now + dice.random_range(0..temper.period),
            temper,
            launches_at: Some(now + dice.random_range(AT_FIRST)),
            target: None,
            sees: false,
            error,
            shoots_at: 0,
            reloading: false,
            side: (1, 0),
            progress: (Spot::default(), now),
            sidesteps_until: 0,
            backs_out_until: 0,
            considered_spite: false,
        }
    }

    /// Whose brain it is.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The input for the tick that comes, if there is one.
    pub fn act(&mut self, scene: &Scene, me: &Player, dice: &mut Dice) -> Option<Deed> {
        let Some(tank) = &me.tank else { return self.between_lives(scene, me, dice) };
        if self.launches_at.take().is_some() {
            self.begin_life(scene, tank);
        }
        let mut action = action::NONE;
        if scene.now >= self.thinks_at {
            self.thinks_at = scene.now + self.temper.period;
            action = self.think(scene, &Own::new(me, tank), dice);
        }
        let keys = self.hands.keys(scene.now).unwrap_or(me.keys);
        (keys != me.keys || action != action::NONE).then_some(Deed { keys, action })
    }

    fn between_lives(&mut self, scene: &Scene, me: &Player, dice: &mut Dice) -> Option<Deed> {
        let launch = match self.launches_at {
            _ if scene.world.round().resting => {
                self.launches_at = Some(scene.now + dice.random_range(AT_FIRST));
                false
            }
            None => {
                self.launches_at = Some(scene.now + dice.random_range(BETWEEN_LIVES));
                false
            }
            Some(at) => scene.now >= at,
        };
        if launch {
            self.launches_at = Some(scene.now + LAUNCH_AGAIN);
            return Some(Deed { keys: 0, action: entry(scene, dice) });
        }
        // Whoever is dead lets go of the keys.
        (me.keys != 0).then_some(Deed { keys: 0, action: action::NONE })
    }

    fn begin_life(&mut self, scene: &Scene, tank: &Tank) {
        self.hands = Hands::default();
        self.thinks_at = scene.now;
        (self.target, self.sees) = (None, false);
        self.progress = (Spot::of_units((tank.x, tank.y)), scene.now);
        self.backs_out_until = 0;
        self.sidesteps_until = 0;
        self.considered_spite = false;
    }

    /// Plans what the hands do until the next thought. What matters most comes first.
    fn think(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) -> u8 {
        self.notice_shot(scene, own, dice);
        if self.takes_others_with_it(scene, own, dice) {
            return action::DESTRUCT;
        }
        if self.gets_away(scene, own) || self.gets_unstuck(scene, own, dice) {
            return action::NONE;
        }
        let target = self.choose(scene, own);
        let item = self.errand(scene, own, target.is_some_and(|(_, visible)| visible));
        match (target, item) {
            (Some((foe, true)), None) => self.fight(scene, own, &foe, dice),
            (Some((foe, true)), Some(item)) => match self.passing_shot(scene, own, &foe) {
                Some(shot) => self.hands.turn_and_fire(scene.now, shot.turn, FORWARD, shot.at),
                None => self.go_to(scene, own, item, None),
            },
            (_, Some(item)) => self.go_to(scene, own, item, None),
            (Some((foe, false)), None) => match self.banked_shot(scene, own, &foe) {
                Some(shot) => self.hands.turn_and_fire(scene.now, shot.turn, 0, shot.at),
                None => self.go_to(scene, own, foe.at, Some(foe.slot)),
            },
            (None, None) => self.roam(scene, own, dice),
        }
        action::NONE
    }
}

impl Own {
    fn new(me: &Player, tank: &Tank) -> Own {
        Own {
            slot: me.slot,
            at: Spot::of_units((tank.x, tank.y)),
            motion: Motion { x: tank.x, y: tank.y, heading: tank.heading },
            armour: f32::from(tank.armour) / sim::ONE as f32,
            // A tank reloads by one before it fires in the same tick.
            reload: u64::from(tank.reload).saturating_sub(1),
            bounce: tank.bounce,
            keys: me.keys,
        }
    }

    /// Where it will be after so many ticks, if it turns and drives freely.
    fn after(&self, turn: Turn, go: u8, ticks: u64) -> Spot {
        let mut motion = self.motion;
        for tick in 0..ticks {
            motion = drive(motion, if tick < turn.ticks { turn.key | go } else { go });
        }
        Spot::of_units((motion.x, motion.y))
    }
}

/// The action that launches from a free entry point, rather one away from others.
fn entry(scene: &Scene, dice: &mut Dice) -> u8 {
    let room = |n: usize| {
        let point = &scene.maze.entries()[n];
        let at = Spot::of_units((point.x, point.y));
        scene.sight.tanks().iter().map(|seen| (seen.at - at).length()).fold(f32::MAX, f32::min)
    };
    let count = scene.maze.entries().len();
    let pick = [dice.random_range(0..count), dice.random_range(0..count)];
    let best = if room(pick[0]) >= room(pick[1]) { pick[0] } else { pick[1] };
    if room(best) > ENTRY_ROOM { action::LAUNCH_FROM + best as u8 } else { action::LAUNCH_ANY }
}
