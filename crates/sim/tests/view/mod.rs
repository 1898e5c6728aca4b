//! A client's view of a game, stepped by deltas alone: the reference for every client.
//!
//! Follows the steps in the documentation of `sim`'s delta module to the letter. Uses nothing of the simulation but
//! free motion and steps along a heading.

use sim::{
    ARMOUR_MAX, Delta, Event, MISSILE_STEP, Maze, Motion, RELOAD_TICKS, TANK_RADIUS, Tank, World, drive,
    step_along,
};
use std::collections::BTreeMap;

/// What a client shows of a game.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// By slot.
    pub players: BTreeMap<u8, Shown>,
    /// By id.
    pub missiles: BTreeMap<u8, Flying>,
}

/// What a client shows of a player.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub id: u64,
    pub name: String,
    pub score: u32,
    pub deaths: u32,
    pub applied: u32,
    pub keys: u8,
    pub tank: Option<Tank>,
}

/// What a client shows of a missile.
#[derive(Clone, Debug, PartialEq)]
pub struct Flying {
    pub slot: u8,
    pub x: i32,
    pub y: i32,
    pub heading: u16,
}

impl View {
    /// As from a keyframe.
    pub fn of(world: &World) -> View {
        let players = world.players().map(|p| {
            let shown = Shown {
                id: p.id,
                name: p.name.clone(),
                score: p.score,
                deaths: p.deaths,
                applied: p.applied,
                keys: p.keys,
                tank: p.tank,
            };
            (p.slot, shown)
        });
        let missiles = world.missiles().iter().map(|m| {
            let flying = Flying { slot: m.slot, x: m.x, y: m.y, heading: m.heading };
            (m.id, flying)
        });
        View { players: players.collect(), missiles: missiles.collect() }
    }

    fn player(&mut self, slot: u8) -> &mut Shown {
        self.players.get_mut(&slot).expect("deltas name slots that are taken")
    }

    fn tank(&mut self, slot: u8) -> &mut Tank {
        self.player(slot).tank.as_mut().expect("deltas name tanks that are there")
    }

    /// One tick.
    pub fn apply(&mut self, maze: &Maze, delta: &Delta) {
        // 1. Joins, leaves, launches.
        for event in &delta.events {
            match event {
                Event::Join { slot, player, name } => {
                    let shown = Shown {
                        id: *player,
                        name: name.clone(),
                        score: 0,
                        deaths: 0,
                        applied: 0,
                        keys: 0,
                        tank: None,
                    };
                    assert!(self.players.insert(*slot, shown).is_none(), "slot {slot} was free");
                }
                Event::Leave { slot } => {
                    assert!(self.players.remove(slot).is_some(), "slot {slot} was taken");
                    self.missiles.retain(|_, missile| missile.slot != *slot);
                }
                Event::Launch { slot, entry } => {
                    let at = &maze.entries()[usize::from(*entry)];
                    let tank = Tank { x: at.x, y: at.y, heading: at.heading, armour: ARMOUR_MAX, reload: 0 };
                    assert!(self.player(*slot).tank.replace(tank).is_none(), "slot {slot} had no tank");
                }
                _ => {}
            }
        }
        // 2. Keys.
        for (slot, applied) in &delta.inputs {
            let player = self.player(*slot);
            player.applied += applied.len() as u32;
            player.keys = *applied.last().expect("inputs of a slot are never empty");
        }
        // 3. Tanks.
        for player in self.players.values_mut() {
            if let Some(tank) = &mut player.tank {
                tank.reload = tank.reload.saturating_sub(1);
                let moved = drive(Motion { x: tank.x, y: tank.y, heading: tank.heading }, player.keys);
                (tank.x, tank.y, tank.heading) = (moved.x, moved.y, moved.heading);
            }
        }
        for residual in &delta.residuals {
            let tank = self.tank(residual.slot);
            tank.x += residual.dx;
            tank.y += residual.dy;
            tank.heading = tank.heading.wrapping_add_signed(residual.dh);
        }
        // 4. Missiles.
        for missile in self.missiles.values_mut() {
            let (dx, dy) = step_along(MISSILE_STEP, missile.heading);
            (missile.x, missile.y) = (missile.x + dx, missile.y + dy);
        }
        // 5. Hits, ends, kills, shots.
        for event in &delta.events {
            match event {
                Event::Hit { missile, slot, armour } => {
                    assert!(self.missiles.remove(missile).is_some(), "missile {missile} flew");
                    self.tank(*slot).armour = *armour;
                }
                Event::Gone { missile } => {
                    assert!(self.missiles.remove(missile).is_some(), "missile {missile} flew");
                }
                Event::Kill { slot, by } => {
                    let victim = self.player(*slot);
                    assert!(victim.tank.take().is_some(), "slot {slot} had a tank");
                    victim.deaths += 1;
                    if by != slot
                        && let Some(killer) = self.players.get_mut(by)
                    {
                        killer.score += 1;
                    }
                }
                Event::Shot { slot, missile } => {
                    let tank = self.tank(*slot);
                    tank.reload = RELOAD_TICKS;
                    let (dx, dy) = step_along(TANK_RADIUS, tank.heading);
                    let flying =
                        Flying { slot: *slot, x: tank.x + dx, y: tank.y + dy, heading: tank.heading };
                    assert!(self.missiles.insert(*missile, flying).is_none(), "missile {missile} is new");
                }
                _ => {}
            }
        }
    }
}
