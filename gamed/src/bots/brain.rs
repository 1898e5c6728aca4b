//! What one bot wants: whom to fight, what to fetch, where to go, and the keys for it.
//!
//! Owns one bot's mind from tick to tick. It reads the world and changes nothing; all that it knows beyond the world may be
//! lost at any time, and is when the game moves to another owner.

use super::Dice;
use super::aim;
use super::bank;
use super::dodge::{self, Flying};
use super::hands::{Hands, Turn};
use super::plane::{DEGREE, Spot, turn};
use super::sight::{Seen, Sight};
use super::temper::Temper;
use super::way::Ways;
use rand::Rng;
use sim::keys::{BACK, FORWARD, LEFT, RIGHT};
use sim::{BlastKind, ItemKind, Maze, Motion, Player, Tank, World, action, drive};

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
const BETWEEN_LIVES: std::ops::Range<u64> = 50..150;
/// Ticks from the moment at which it may launch for the first time, in the game or the round.
const AT_FIRST: std::ops::Range<u64> = 15..75;
/// Ticks between two tries to launch.
const LAUNCH_AGAIN: u64 = 20;
/// Ticks without getting anywhere after which it does something about it.
const STUCK: u64 = 70;
/// How far it has to get within them, in u.
const SOMEWHERE: f32 = 0.35;
/// Ticks for which it backs out.
const BACK_OUT: std::ops::Range<u64> = 18..34;
/// Ticks for which it drives across the line of fire after some shots: 0.7 to 1.7 s.
const SIDESTEP: std::ops::Range<u64> = 35..85;
/// For a shot off a wall it turns for so many ticks at most.
const BANK_TURN: u64 = 40;
/// An entry point is free for sure when all tanks are farther away than this, in u.
const ENTRY_ROOM: f32 = 1.6;

impl Brain {
    /// The bot with this id, as of tick `now`.
    pub fn new(id: u64, now: u64, dice: &mut Dice) -> Brain {
        let temper = Temper::of(id);
        let error = error(&temper, dice);
        Brain {
            id,
            hands: Hands::default(),
            // Not all bots of a game in the same tick.
            thinks_at: now + dice.random_range(0..temper.period),
            temper,
            launches_at: Some(now + dice.random_range(AT_FIRST)),
            target: None,
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
        self.target = None;
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
        let item = self.errand(scene, own, target);
        match (target, item) {
            (Some((foe, true)), None) => self.fight(scene, own, &foe, dice),
            (foe, Some(item)) => {
                let shot = foe
                    .filter(|(_, visible)| *visible)
                    .and_then(|(foe, _)| self.shot(scene, own, &foe, FORWARD));
                match shot {
                    // On the way, where it takes no time.
                    Some(shot)
                        if shot.turn.ticks <= self.temper.period
                            && shot.at <= scene.now + self.temper.period =>
                    {
                        self.hands.turn_and_fire(scene.now, shot.turn, FORWARD, shot.at);
                    }
                    _ => self.go_to(scene, own, item, None),
                }
            }
            (Some((foe, false)), None) => match self.banked_shot(scene, own, &foe) {
                Some(shot) => self.hands.turn_and_fire(scene.now, shot.turn, 0, shot.at),
                None => self.go_to(scene, own, foe.at, Some(foe.slot)),
            },
            (None, None) => self.roam(scene, own, dice),
        }
        action::NONE
    }

    /// After each shot the next one gets an error of its own, and some time.
    fn notice_shot(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) {
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

    // --- danger

    /// About to lose, with somebody near who would go as well.
    fn takes_others_with_it(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) -> bool {
        const REACH: f32 = (BlastKind::Destruct.radius() + sim::TANK_RADIUS) as f32 / sim::U as f32;
        // The damage comes half a second later; that far they drive meanwhile.
        const HEAD_START: f32 = 0.7;
        if !self.temper.spiteful || self.considered_spite || own.armour > 0.7 {
            return false;
        }
        let intensity = BlastKind::Destruct.intensity() as f32 / sim::ONE as f32;
        let dies = |foe: &&Seen| {
            let distance = (foe.at - own.at).length() + HEAD_START;
            foe.slot != own.slot && foe.armour < intensity * (REACH - distance) / REACH
        };
        if !scene.sight.tanks().iter().any(|foe| dies(&foe)) {
            return false;
        }
        self.considered_spite = true;
        dice.random_bool(0.5)
    }

    fn gets_away(&mut self, scene: &Scene, own: &Own) -> bool {
        let now = scene.now;
        for blast in scene.world.blasts() {
            let at = Spot::of_units((blast.x, blast.y));
            let due = u64::from(blast.kind.life() / 2).saturating_sub(u64::from(blast.age));
            let noticed = u64::from(blast.age) >= self.temper.reaction;
            let away = own.at - at;
            if matches!(blast.kind, BlastKind::Destruct) && noticed && due > 0 && away.length() < 3.2 {
                let turn_away = turn(own.motion.heading, away.heading());
                let (angle, go) = if turn_away.abs() < 16_384 {
                    (turn_away, FORWARD)
                } else {
                    (turn(own.motion.heading, (at - own.at).heading()), BACK)
                };
                self.hands.turn(now, Turn::by(angle), go);
                return true;
            }
        }
        let speed = speed_of(own.motion, own.keys);
        let threat = scene.world.missiles().iter().find_map(|missile| {
            let flying = Flying {
                at: Spot::of_units((missile.x, missile.y)),
                speed: Spot::along(missile.heading) * aim::MISSILE_SPEED,
            };
            let since = scene.sight.missile_since(missile.id);
            let seen = now >= since + self.temper.reaction && self.notices(missile.id, since);
            let comes = seen
                && dodge::threatens(flying, own.at, speed)
                && scene.maze.clear_line((missile.x, missile.y), own.at.units());
            comes.then_some(flying)
        });
        let Some((keys, ticks)) =
            threat.and_then(|flying| dodge::dodge(flying, own.motion, own.keys, scene.ways))
        else {
            return false;
        };
        self.hands.hold(now, keys, ticks);
        true
    }

    /// Of each missile anew, and the same at each thought.
    fn notices(&self, missile: u8, since: u64) -> bool {
        let mixed = (self.id ^ (since << 8) ^ u64::from(missile)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 40) as f32) < self.temper.alertness * (1u64 << 24) as f32
    }

    /// Notices that it does not get anywhere, and drives out of where it is.
    fn gets_unstuck(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) -> bool {
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

    // --- what to do

    /// Whom to fight, and whether there is a clear line.
    fn choose(&mut self, scene: &Scene, own: &Own) -> Option<(Seen, bool)> {
        let mut best: Option<(f32, Seen, bool)> = None;
        for foe in scene.sight.tanks().iter().filter(|foe| foe.slot != own.slot) {
            let distance = (foe.at - own.at).length();
            let mut badness = distance + foe.armour;
            if self.target == Some(foe.slot) {
                badness -= 1.5;
            }
            // What cannot be better than the best even if it is visible needs no look.
            if best.as_ref().is_some_and(|(least, ..)| badness >= *least) {
                continue;
            }
            let visible = scene.maze.clear_line(own.at.units(), foe.at.units());
            if !visible {
                // The way there counts, not the wall between.
                badness += 3.0 + scene.ways.length(own.at, foe.at).map_or(40.0, |length| length - distance);
            }
            if best.as_ref().is_none_or(|(least, ..)| badness < *least) {
                best = Some((badness, *foe, visible));
            }
        }
        let (_, foe, visible) = best?;
        self.target = Some(foe.slot);
        Some((foe, visible))
    }

    /// An item that is worth fetching now.
    fn errand(&self, scene: &Scene, own: &Own, target: Option<(Seen, bool)>) -> Option<Spot> {
        let fights = target.is_some_and(|(_, visible)| visible);
        let hurt = 2.0 - own.armour;
        let wanted = scene.world.items().iter().filter_map(|item| {
            let reach = match item.kind {
                ItemKind::Health if hurt < 0.3 => return None,
                ItemKind::Health if fights && own.armour > self.temper.caution => 1.0 + 1.5 * hurt,
                ItemKind::Health => 3.0 + 5.0 * hurt,
                ItemKind::Bounce if own.bounce => return None,
                ItemKind::Bounce if fights => 2.0,
                ItemKind::Bounce => 5.0,
            };
            let at = Spot::of_units((item.x, item.y));
            if (at - own.at).length() > reach {
                return None;
            }
            let length = scene.ways.length(own.at, at)?;
            let ticks = length / SPEED;
            (length <= reach && ticks < f32::from(item.left)).then_some((length, at))
        });
        wanted.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, at)| at)
    }

    /// Nobody to fight: to some other place, for something may come.
    fn roam(&mut self, scene: &Scene, own: &Own, dice: &mut Dice) {
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

    // --- how to do it

    /// Drives along the way to a place; around tanks that stand in it, but for the one that is wanted.
    fn go_to(&mut self, scene: &Scene, own: &Own, to: Spot, except: Option<u8>) {
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

    /// Fights somebody to whom the line is clear: aims and fires, and moves about while it reloads.
    fn fight(&mut self, scene: &Scene, own: &Own, foe: &Seen, dice: &mut Dice) {
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

    /// A shot off a wall at somebody who is behind another, where missiles bounce and it takes little time.
    fn banked_shot(&self, scene: &Scene, own: &Own, foe: &Seen) -> Option<Shot> {
        let ready_in = self.ready_at(scene, own) - scene.now;
        if !own.bounce || ready_in > self.temper.period {
            return None;
        }
        let at = bank::bank(scene.maze, own.at, foe.at)?;
        let heading = (at - own.at).heading().wrapping_add(self.error as i32 as u16);
        let turn = Turn::by(turn(own.motion.heading, heading));
        (turn.ticks <= BANK_TURN).then(|| Shot { turn, at: scene.now + turn.ticks.max(ready_in) })
    }
}

/// A shot to be fired.
#[derive(Clone, Copy)]
struct Shot {
    turn: Turn,
    /// The tick at which the fire key goes down.
    at: u64,
}

/// Forward speed in u a tick.
const SPEED: f32 = sim::FORWARD_STEP as f32 / sim::U as f32;

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

/// How fast a tank goes with these keys, in u a tick.
fn speed_of(motion: Motion, keys: u8) -> Spot {
    let next = drive(motion, keys);
    Spot::of_units((next.x - motion.x, next.y - motion.y))
}

/// How far off a shot will be: about normal, two of three within the temper's aim error.
fn error(temper: &Temper, dice: &mut Dice) -> f32 {
    let sum: f32 = (0..3).map(|_| dice.random_range(-1.0..1.0f32)).sum();
    sum * temper.aim_error
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
