//! One tick: the rules, in the order that every client repeats.
//!
//! Owns [`World::step`]. Pushes are in `collide`, records in `world`, numbers in `numbers`.

use crate::collide::{Body, settle};
use crate::delta::Event;
use crate::fixed::{cos, isqrt, sin, step_along};
use crate::maze::Maze;
use crate::numbers::{
    ARENA_HALF, ARMOUR_MAX, BACKWARD_STEP, ENTRY_ZONE, FORWARD_STEP, MISSILE_IMPACT, MISSILE_STEP,
    RELOAD_TICKS, TANK_COLLISION_RADIUS, TANK_RADIUS, TURN_STEP, action, keys,
};
use crate::world::{Entry, Happened, Missile, Player, Tank, World, input_hash};
use alloc::vec::Vec;

/// A place and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motion {
    /// Units from the middle, to the right.
    pub x: i32,
    /// Units from the middle, upwards.
    pub y: i32,
    /// 65,536 to the full turn.
    pub heading: u16,
}

/// One tick of free motion under `keys`: first the turn, then the step along the new heading. Opposite keys cancel.
pub fn drive(from: Motion, keys: u8) -> Motion {
    let held = |key: u8| keys & key != 0;
    let heading = match (held(keys::LEFT), held(keys::RIGHT)) {
        (true, false) => from.heading.wrapping_add(TURN_STEP),
        (false, true) => from.heading.wrapping_sub(TURN_STEP),
        _ => from.heading,
    };
    let length = match (held(keys::FORWARD), held(keys::BACK)) {
        (true, false) => FORWARD_STEP,
        (false, true) => -BACKWARD_STEP,
        _ => 0,
    };
    let (dx, dy) = step_along(length, heading);
    Motion { x: from.x + dx, y: from.y + dy, heading }
}

/// What a missile's flight ends at.
enum End {
    Tank { player: usize, damage: i32 },
    Wall,
    Outside,
}

impl World {
    /// Steps one tick under its log entry. Cannot fail: entries that the rules do not allow change nothing.
    ///
    /// The order, which clients repeat:
    /// 1. Entries as they come: players join and leave, launches put tanks at their entry points, keys get their levels.
    /// 2. Each tank reloads by one tick, turns, then moves freely. A tank whose player has no socket stands: its keys keep
    ///    their level for the clients, who get the difference as a residual.
    /// 3. Tanks are pushed out of each other, of walls and of the arena's edge.
    /// 4. Missiles in the order of their shots fly one step: each ends at the nearest tank or wall on its way, or
    ///    outside the arena. A tank without armour is gone at once, and later missiles pass its place.
    /// 5. Tanks with the fire key down, or pressed in this tick, and reloaded, shoot: the missile appears at the
    ///    tank's rim and flies from the next tick on.
    pub fn step(&mut self, maze: &Maze, log: &[Entry]) {
        debug_assert_eq!(self.maze, maze.fingerprint(), "a world goes on in the maze that it began in");
        self.tick += 1;
        self.happened = Happened::default();
        // 1.
        for entry in log {
            self.enter(maze, entry);
        }
        self.happened.inputs.sort_unstable_by_key(|(slot, _)| *slot);
        // 2. and 3.
        self.move_tanks(maze);
        // 4.
        self.fly_missiles(maze);
        // 5.
        self.shoot();
    }

    fn enter(&mut self, maze: &Maze, entry: &Entry) {
        match entry {
            Entry::Join { player, name } => self.join(*player, name),
            Entry::Leave { player } => self.leave(*player),
            Entry::Gone { player, session } => {
                let tick = self.tick;
                if let Some(player) = self.find(*player)
                    && *session >= player.session
                {
                    player.session = *session;
                    player.gone_at.get_or_insert(tick);
                }
            }
            Entry::Input { player, session, seq, keys, action } => {
                self.input(maze, *player, *session, *seq, *keys, *action);
            }
        }
    }

    fn find(&mut self, id: u64) -> Option<&mut Player> {
        self.players.iter_mut().find(|player| player.id == id)
    }

    fn join(&mut self, id: u64, name: &str) {
        if self.player(id).is_some() {
            return;
        }
        // Players stand in rising order of slots: the first gap is the lowest free one.
        let taken = self.players.iter().zip(0..).take_while(|(player, slot)| player.slot == *slot).count();
        if taken >= usize::from(self.slots) {
            return;
        }
        let player = Player::new(id, taken as u8, name);
        let event = Event::Join { slot: player.slot, player: id, name: player.name.clone() };
        self.players.insert(taken, player);
        self.happened.events.push(event);
    }

    fn leave(&mut self, id: u64) {
        let Some(at) = self.players.iter().position(|player| player.id == id) else { return };
        let slot = self.players.remove(at).slot;
        self.missiles.retain(|missile| missile.slot != slot);
        self.happened.inputs.retain(|(of, _)| *of != slot);
        self.happened.events.push(Event::Leave { slot });
    }

    fn input(&mut self, maze: &Maze, id: u64, session: u32, seq: u32, levels: u8, act: u8) {
        let Some(at) = self.players.iter().position(|player| player.id == id) else { return };
        let player = &mut self.players[at];
        if player.last_seq.checked_add(1) != Some(seq) {
            return;
        }
        player.last_seq = seq;
        player.applied += 1;
        player.applied_hash = input_hash(player.applied_hash, seq, levels, act);
        player.keys = levels & keys::ALL;
        if session >= player.session {
            player.session = session;
            player.gone_at = None;
        }
        let (slot, levels) = (player.slot, player.keys);
        match self.happened.inputs.iter_mut().find(|(of, _)| *of == slot) {
            Some((_, applied)) => applied.push(levels),
            None => self.happened.inputs.push((slot, [levels].into())),
        }
        self.act(maze, at, act);
    }

    /// The action of an input. Numbers that these rules do not know change nothing.
    fn act(&mut self, maze: &Maze, at: usize, act: u8) {
        if act < action::LAUNCH_ANY || self.players[at].tank.is_some() {
            return;
        }
        let count = maze.entries().len();
        let slot = self.players[at].slot;
        let entry = if act == action::LAUNCH_ANY {
            // Not always the same one, and without drawing a random number.
            let first = usize::from(slot);
            (first..first + count).map(|n| n % count).find(|n| self.entry_is_free(maze, *n))
        } else {
            let n = usize::from(act - action::LAUNCH_FROM);
            (n < count && self.entry_is_free(maze, n)).then_some(n)
        };
        let Some(entry) = entry else { return };
        let point = &maze.entries()[entry];
        let (x, y, heading) = (point.x, point.y, point.heading);
        self.players[at].tank = Some(Tank { x, y, heading, armour: ARMOUR_MAX, reload: 0 });
        self.happened.events.push(Event::Launch { slot, entry: entry as u8 });
    }

    fn entry_is_free(&self, maze: &Maze, entry: usize) -> bool {
        const ZONE: i64 = ENTRY_ZONE as i64;
        let point = &maze.entries()[entry];
        !self.players.iter().filter_map(|player| player.tank.as_ref()).any(|tank| {
            let (dx, dy) = (i64::from(tank.x - point.x), i64::from(tank.y - point.y));
            dx * dx + dy * dy < ZONE * ZONE
        })
    }

    fn move_tanks(&mut self, maze: &Maze) {
        let mut bodies = Vec::with_capacity(self.players.len());
        for player in &mut self.players {
            let held = player.held_keys();
            let Some(tank) = &mut player.tank else { continue };
            tank.reload = tank.reload.saturating_sub(1);
            let moved = drive(Motion { x: tank.x, y: tank.y, heading: tank.heading }, held);
            tank.heading = moved.heading;
            bodies.push(Body { from: (tank.x, tank.y), at: (moved.x, moved.y) });
        }
        settle(maze, &mut bodies);
        let tanks = self.players.iter_mut().filter_map(|player| player.tank.as_mut());
        for (tank, body) in tanks.zip(bodies) {
            (tank.x, tank.y) = body.at;
        }
    }

    fn fly_missiles(&mut self, maze: &Maze) {
        let mut missiles = core::mem::take(&mut self.missiles);
        missiles.retain_mut(|missile| {
            let end = self.flight(maze, missile);
            let (dx, dy) = step_along(MISSILE_STEP, missile.heading);
            (missile.x, missile.y, missile.fresh) = (missile.x + dx, missile.y + dy, false);
            match end {
                None => return true,
                Some(End::Tank { player, damage }) => self.hit(missile, player, damage),
                Some(End::Wall | End::Outside) => {
                    self.happened.events.push(Event::Gone { missile: missile.id })
                }
            }
            false
        });
        self.missiles = missiles;
    }

    /// What the missile's next step ends at, if anything: the nearest on its way; a tank before a wall at one distance.
    fn flight(&self, maze: &Maze, missile: &Missile) -> Option<End> {
        let from = (missile.x, missile.y);
        let (dx, dy) = step_along(MISSILE_STEP, missile.heading);
        let to = (from.0 + dx, from.1 + dy);

        // A fresh missile's way begins at the middle of its tank (see `Missile::fresh`).
        let barrel = if missile.fresh { TANK_RADIUS } else { 0 };
        let (bx, by) = step_along(-barrel, missile.heading);
        let start = (from.0 + bx, from.1 + by);
        let wall = maze
            .segments_near(start)
            .filter_map(|segment| segment.crossing(start, to, barrel + MISSILE_STEP))
            .map(|distance| i64::from(distance - barrel))
            .min();

        let tank = (0..self.players.len())
            .filter_map(|player| {
                let tank = self.players[player].tank.as_ref()?;
                let (distance, damage) = strike(from, missile.heading, tank)?;
                Some((distance, player, damage))
            })
            .min_by_key(|(distance, player, _)| (*distance, *player));

        let outside = to.0.abs() > ARENA_HALF || to.1.abs() > ARENA_HALF;
        match (tank, wall) {
            (Some((at, player, damage)), wall) if wall.is_none_or(|wall| at <= wall) => {
                Some(End::Tank { player, damage })
            }
            (_, Some(_)) => Some(End::Wall),
            _ => outside.then_some(End::Outside),
        }
    }

    fn hit(&mut self, missile: &Missile, victim: usize, damage: i32) {
        let player = &mut self.players[victim];
        let slot = player.slot;
        let Some(tank) = &mut player.tank else { return };
        tank.armour = (i32::from(tank.armour) - damage).max(0) as u16;
        let armour = tank.armour;
        self.happened.events.push(Event::Hit { missile: missile.id, slot, armour });
        if armour == 0 {
            self.kill(victim, missile.slot);
        }
    }

    /// Ends a tank: a death for its player, a kill for who caused it, unless that is the same.
    fn kill(&mut self, victim: usize, by: u8) {
        let victim = &mut self.players[victim];
        victim.tank = None;
        victim.deaths = victim.deaths.saturating_add(1);
        let slot = victim.slot;
        if by != slot
            && let Some(killer) = self.players.iter_mut().find(|player| player.slot == by)
        {
            killer.score = killer.score.saturating_add(1);
        }
        self.happened.events.push(Event::Kill { slot, by });
    }

    fn shoot(&mut self) {
        for player in &mut self.players {
            let held = player.held_keys();
            let Some(tank) = &mut player.tank else { continue };
            let slot = player.slot;
            // A press and release within one tick still fires.
            let pressed =
                self.happened.inputs.iter().any(|(of, applied)| {
                    *of == slot && applied.iter().any(|levels| levels & keys::FIRE != 0)
                });
            if tank.reload > 0 || !(pressed || held & keys::FIRE != 0) {
                continue;
            }
            let flying = |id: &u8| self.missiles.iter().any(|missile| missile.id == *id);
            let ids = (0..=u8::MAX).map(|n| self.next_missile.wrapping_add(n));
            // With all 256 ids in flight the gun waits; 32 tanks have 96 at most.
            let Some(id) = ids.into_iter().find(|id| !flying(id)) else { continue };
            self.next_missile = id.wrapping_add(1);
            tank.reload = RELOAD_TICKS;
            let (dx, dy) = step_along(TANK_RADIUS, tank.heading);
            let (x, y, heading) = (tank.x + dx, tank.y + dy, tank.heading);
            self.missiles.push(Missile { id, slot, x, y, heading, fresh: true });
            self.happened.events.push(Event::Shot { slot, missile: id });
        }
    }
}

/// Whether a missile at `from` strikes the tank within its next step: the distance to where it enters the collision
/// circle (0 when it is inside already), and the damage in Q14: the part of the offset to the tank's middle that lies
/// along the flight, measured there, over the collision radius, times the impact. Flying away from a tank strikes
/// nothing, so that nobody shoots itself.
fn strike(from: (i32, i32), heading: u16, tank: &Tank) -> Option<(i64, i32)> {
    const RADIUS: i64 = TANK_COLLISION_RADIUS as i64;
    const NEAR: i32 = TANK_COLLISION_RADIUS + MISSILE_STEP + 1;
    let (dx, dy) = (tank.x - from.0, tank.y - from.1);
    if dx.abs() > NEAR || dy.abs() > NEAR {
        return None;
    }
    let (dx, dy) = (i64::from(dx), i64::from(dy));
    let (c, s) = (i64::from(cos(heading)), i64::from(sin(heading)));
    let along = (dx * c + dy * s) >> 14;
    let across = (dy * c - dx * s) >> 14;
    if along <= 0 || across.abs() >= RADIUS {
        return None;
    }
    let half_chord = isqrt(RADIUS * RADIUS - across * across);
    let distance = (along - half_chord).max(0);
    let offset = along.min(half_chord);
    let damage = (offset * i64::from(MISSILE_IMPACT) / RADIUS) as i32;
    (distance <= i64::from(MISSILE_STEP)).then_some((distance, damage))
}
