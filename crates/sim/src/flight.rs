//! Missiles: how they are shot, fly, and end.
//!
//! Owns steps 4 and 7 of a tick. What blasts do is in `blast`.

use crate::delta::Event;
use crate::fixed::{cos, isqrt, sin, step_along};
use crate::maze::Maze;
use crate::numbers::{FLIGHT_STEP, MISSILE_STEP, RELOAD_TICKS, TANK_COLLISION_RADIUS, TANK_RADIUS, keys};
use crate::rules::missile_impact;
use crate::wall::Segment;
use crate::world::{BlastKind, Missile, Tank, World};

/// What a missile's flight ends at, and after how many [`FLIGHT_STEP`]s.
enum End<'a> {
    Tank { player: usize, damage: i32, at: u8 },
    Wall { wall: &'a Segment, at: u8 },
    Outside,
}

impl World {
    /// Step 4 of a tick.
    pub(crate) fn fly_missiles(&mut self, maze: &Maze) {
        let mut missiles = core::mem::take(&mut self.missiles);
        missiles.retain_mut(|missile| {
            let id = missile.id;
            match self.flight(maze, missile) {
                None => {
                    (missile.x, missile.y) = ahead(missile, MISSILE_STEP);
                    missile.fresh = false;
                    return true;
                }
                Some(End::Tank { player, damage, at }) => self.hit(missile, player, damage, at),
                Some(End::Wall { wall, at }) => {
                    if let Some(rest) = rest(maze, missile, at) {
                        (missile.x, missile.y) = ahead(missile, i32::from(rest) * FLIGHT_STEP);
                        missile.heading = wall.direction.wrapping_mul(2).wrapping_sub(missile.heading);
                        (missile.bounce, missile.fresh) = (false, false);
                        let heading = missile.heading;
                        self.happened.events.push(Event::Bounce { missile: id, at: rest, heading });
                        return true;
                    }
                    self.happened.events.push(Event::Burst { missile: id, at });
                    self.explode(
                        BlastKind::Missile,
                        missile.slot,
                        ahead(missile, i32::from(at) * FLIGHT_STEP),
                    );
                }
                Some(End::Outside) => self.happened.events.push(Event::Gone { missile: id }),
            }
            false
        });
        self.missiles = missiles;
    }

    /// What the missile's next step ends at, if anything: the nearest on its way; a tank before a wall at one distance.
    fn flight<'a>(&self, maze: &'a Maze, missile: &Missile) -> Option<End<'a>> {
        let from = (missile.x, missile.y);
        let to = ahead(missile, MISSILE_STEP);
        let barrel = barrel(missile);
        let start = ahead(missile, -barrel);
        let mut wall: Option<(i32, &Segment)> = None;
        for segment in maze.segments_near_flight(start, barrel) {
            if let Some(distance) = segment.crossing(start, to, barrel + MISSILE_STEP)
                && wall.is_none_or(|(nearest, _)| distance < nearest)
            {
                wall = Some((distance, segment));
            }
        }
        let wall = wall.map(|(distance, segment)| (i64::from(distance - barrel), segment));

        let impact = missile_impact(self.rules);
        let mut tank: Option<(i64, usize, i32)> = None;
        for (player, it) in self.players.iter().enumerate() {
            if let Some(other) = &it.tank
                && let Some((distance, damage)) = strike(from, missile.heading, other, impact)
                && tank.is_none_or(|(nearest, ..)| distance < nearest)
            {
                tank = Some((distance, player, damage));
            }
        }

        let steps = |distance: i64| (distance.max(0) / i64::from(FLIGHT_STEP)) as u8;
        match (tank, wall) {
            (Some((distance, player, damage)), wall) if wall.is_none_or(|(wall, _)| distance <= wall) => {
                Some(End::Tank { player, damage, at: steps(distance) })
            }
            (_, Some((distance, wall))) => Some(End::Wall { wall, at: steps(distance) }),
            _ => (to.0.abs() > maze.half_width() || to.1.abs() > maze.half_height()).then_some(End::Outside),
        }
    }

    fn hit(&mut self, missile: &Missile, victim: usize, damage: i32, at: u8) {
        let player = &mut self.players[victim];
        let slot = player.slot;
        let Some(tank) = &mut player.tank else { return };
        tank.armour = (i32::from(tank.armour) - damage).max(0) as u16;
        let armour = tank.armour;
        self.happened.events.push(Event::Hit { missile: missile.id, slot, at, armour });
        self.explode(BlastKind::Missile, missile.slot, ahead(missile, i32::from(at) * FLIGHT_STEP));
        if armour == 0 {
            self.kill(victim, missile.slot);
        }
    }

    /// Step 7 of a tick.
    pub(crate) fn shoot(&mut self) {
        for player in &mut self.players {
            let held = player.held_keys();
            let Some(tank) = &mut player.tank else { continue };
            if tank.reload > 0 {
                continue;
            }
            let slot = player.slot;
            // A press and release within one tick still fires.
            let pressed =
                self.happened.inputs.iter().any(|(of, applied)| {
                    *of == slot && applied.iter().any(|levels| levels & keys::FIRE != 0)
                });
            if !pressed && held & keys::FIRE == 0 {
                continue;
            }
            let flying = |id: &u8| self.missiles.iter().any(|missile| missile.id == *id);
            let ids = (0..=u8::MAX).map(|n| self.next_missile.wrapping_add(n));
            // With all 256 ids in flight the gun waits. A missile flies at most twice across the arena, 5.7 s, so that 32
            // tanks have 192 of them.
            let Some(id) = ids.into_iter().find(|id| !flying(id)) else { continue };
            self.next_missile = id.wrapping_add(1);
            tank.reload = RELOAD_TICKS;
            let (dx, dy) = step_along(TANK_RADIUS, tank.heading);
            let (x, y, heading, bounce) = (tank.x + dx, tank.y + dy, tank.heading, tank.bounce);
            self.missiles.push(Missile { id, slot, x, y, heading, bounce, fresh: true });
            self.happened.events.push(Event::Shot { slot, missile: id });
        }
    }
}

/// How far behind a missile its way begins: a fresh one's at the middle of its tank (see [`Missile::fresh`]).
fn barrel(missile: &Missile) -> i32 {
    if missile.fresh { TANK_RADIUS } else { 0 }
}

fn ahead(missile: &Missile, length: i32) -> (i32, i32) {
    let (dx, dy) = step_along(length, missile.heading);
    (missile.x + dx, missile.y + dy)
}

/// Where a missile whose flight ends at a wall after `at` steps rests when it bounces: one step before, and further back
/// where the flight is so flat that rounding would put it beyond a wall. None if it does not bounce, or if it was shot
/// with its rim beyond a wall already.
fn rest(maze: &Maze, missile: &Missile, at: u8) -> Option<u8> {
    if !missile.bounce {
        return None;
    }
    let barrel = barrel(missile);
    let start = ahead(missile, -barrel);
    (0..=at.saturating_sub(1)).rev().find(|rest| {
        let place = ahead(missile, i32::from(*rest) * FLIGHT_STEP);
        maze.segments_near_flight(start, barrel)
            .all(|segment| segment.crossing(start, place, MISSILE_STEP).is_none())
    })
}

/// Whether a missile at `from` strikes the tank within its next step: the distance to where it enters the collision
/// circle (0 when it is inside already), and the damage in Q14: the part of the offset to the tank's middle that lies
/// along the flight, measured there, over the collision radius, times the impact. Flying away from a tank strikes
/// nothing, so that nobody shoots itself.
fn strike(from: (i32, i32), heading: u16, tank: &Tank, impact: i32) -> Option<(i64, i32)> {
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
    let damage = (offset * i64::from(impact) / RADIUS) as i32;
    (distance <= i64::from(MISSILE_STEP)).then_some((distance, damage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::random;
    use crate::maze::MAZES;
    use crate::world::{Player, Rounds};
    use crate::{RULES, Segment};
    use alloc::string::String;
    use alloc::vec::Vec;

    /// Sharp, narrow and crossing walls, which no sane maze has.
    const NASTY: &str = "name Nasty
wall -6,0 -2,0.3 -6,0.6 -6,0
wall -6,-0.7 -2,0.2 -6,-1.5 -6,-0.7
wall 0,-9 0.01,9 -0.01,9 0,-9
wall 3,3 4,7 5,3 6,7 7,3 5,9 3,3
wall -10,-10 -8,-4 -10,-4 -10,-10
wall -9,4 9,5 9,5.02 -9,4.01 -9,4
entry a 2,-5 facing 0
";

    #[test]
    fn a_missile_that_bounces_passes_no_wall_however_flat_it_meets_it() {
        let (mut bounces, mut bursts, mut state) = (0, 0, 1);
        for text in MAZES.iter().chain([&NASTY]) {
            let maze = Maze::parse(text).unwrap();
            let mut world = World::new(&maze, RULES, 1, 0, Rounds::default());
            world.players.push(Player::new(1, 0, String::new(), false));
            for _ in 0..40 {
                world.missiles = (0..=u8::MAX).map(|id| any(&mut state, &maze, id)).collect();
                while !world.missiles.is_empty() {
                    let before = world.missiles.clone();
                    world.step(&maze, &[]);
                    for event in &world.happened.events {
                        bounces += u32::from(matches!(event, Event::Bounce { .. }));
                        bursts += u32::from(matches!(event, Event::Burst { .. }));
                    }
                    for missile in &world.missiles {
                        let old = before.iter().find(|old| old.id == missile.id).unwrap();
                        let (from, to) = ((old.x, old.y), (missile.x, missile.y));
                        assert!(maze.clear_line(from, to), "{}: {old:?} {missile:?}", maze.name());
                    }
                }
            }
        }
        assert!(bounces > 10_000 && bursts > 10_000, "{bounces} {bursts}");
    }

    /// A missile with bounce beside some wall: mostly along it, within a degree.
    fn any(state: &mut u64, maze: &Maze, id: u8) -> Missile {
        let mut below = |n: i32| (random(state) % n as u64) as i32;
        let segments: Vec<&Segment> = maze.segments().iter().collect();
        let segment = segments[below(segments.len() as i32) as usize];
        let part = i64::from(below(1_001));
        let on = |a: i32, b: i32| a + (i64::from(b - a) * part / 1_000) as i32;
        let (mut x, mut y) = (on(segment.a.0, segment.b.0), on(segment.a.1, segment.b.1));
        x += below(801) - 400;
        y += below(801) - 400;
        let off = if below(4) == 0 { below(65_536) } else { below(401) - 200 };
        let heading = segment.direction.wrapping_add(32_768 * below(2) as u16).wrapping_add(off as u16);
        let inside = x.abs() <= maze.half_width() && y.abs() <= maze.half_height();
        // Onto a wall no missile comes.
        if inside && maze.segments().iter().all(|other| other.closest((x, y)) != (x, y)) {
            Missile { id, slot: 0, x, y, heading, bounce: true, fresh: false }
        } else {
            any(state, maze, id)
        }
    }
}
