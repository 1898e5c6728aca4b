//! Blasts, the ends of tanks, and what these leave.
//!
//! Owns damage by blasts, kills with their credit, and items. Missiles' own hits are in `flight`.

use crate::delta::Event;
use crate::fixed::{isqrt, random};
use crate::numbers::{ARMOUR_MAX, ITEM_HEALTH, ITEM_RADIUS, ITEM_TICKS, ITEMS_PER_SLOT, NOBODY, TANK_RADIUS};
use crate::step::Motion;
use crate::world::{Blast, BlastKind, Item, ItemKind, Tank, World};

impl World {
    pub(crate) fn explode(&mut self, kind: BlastKind, slot: u8, (x, y): (i32, i32)) {
        self.blasts.push(Blast { kind, slot, x, y, age: 0 });
    }

    /// Step 5 of a tick: blasts half way through their lives hurt all tanks in reach. What they destroy explodes in turn,
    /// later.
    pub(crate) fn hurt_tanks(&mut self) {
        for at in 0..self.blasts.len() {
            let blast = self.blasts[at];
            if blast.age + 1 != blast.kind.life() / 2 {
                continue;
            }
            for victim in 0..self.players.len() {
                let player = &mut self.players[victim];
                let Some(tank) = &mut player.tank else { continue };
                let damage = harm(&blast, tank);
                if damage <= 0 {
                    continue;
                }
                tank.armour = (i32::from(tank.armour) - damage).max(0) as u16;
                let armour = tank.armour;
                self.happened.events.push(Event::Hurt { slot: player.slot, armour });
                if armour == 0 {
                    self.kill(victim, blast.slot);
                }
            }
        }
    }

    /// Step 8 of a tick: time passes for blasts and items.
    pub(crate) fn age(&mut self) {
        self.blasts.retain_mut(|blast| {
            blast.age += 1;
            blast.age < blast.kind.life()
        });
        self.items.retain_mut(|item| {
            item.left -= 1;
            item.left > 0
        });
    }

    /// Ends a tank after the tick's motion: a death for its player, a kill for who caused it, unless that is the same.
    pub(crate) fn kill(&mut self, victim: usize, by: u8) {
        let Some(tank) = self.players[victim].tank else { return };
        let slot = self.players[victim].slot;
        let by = match self.players.iter_mut().find(|player| player.slot == by) {
            Some(killer) => {
                killer.score = killer.score.saturating_add(u32::from(by != slot));
                by
            }
            None => NOBODY,
        };
        self.happened.fallen.push((slot, Motion { x: tank.x, y: tank.y, heading: tank.heading }));
        let (item, kind) = self.end_tank(victim, tank);
        self.happened.events.push(Event::Kill { slot, by, item, kind });
        self.explode(BlastKind::Tank, by, (tank.x, tank.y));
    }

    /// A player's own end, before the tick's motion. Nothing without a tank.
    pub(crate) fn destruct(&mut self, at: usize) {
        let Some(tank) = self.players[at].tank else { return };
        let slot = self.players[at].slot;
        let (item, kind) = self.end_tank(at, tank);
        self.happened.events.push(Event::Destruct { slot, item, kind });
        self.explode(BlastKind::Destruct, slot, (tank.x, tank.y));
    }

    /// Takes the tank from its player and leaves an item in its place.
    fn end_tank(&mut self, victim: usize, tank: Tank) -> (u8, ItemKind) {
        let player = &mut self.players[victim];
        player.tank = None;
        player.deaths = player.deaths.saturating_add(1);
        let kind = if random(&mut self.random) & 1 == 0 { ItemKind::Health } else { ItemKind::Bounce };
        // Starting from the number of deaths, so that an id is not used again at once.
        let numbers = (0..ITEMS_PER_SLOT).map(|n| (player.deaths % u32::from(ITEMS_PER_SLOT)) as u8 + n);
        let mut ids = numbers.map(|n| player.slot * ITEMS_PER_SLOT + n % ITEMS_PER_SLOT);
        let id = ids
            .find(|id| self.items.iter().all(|item| item.id != *id))
            .expect("a tank was launched only where its item had a place");
        self.items.push(Item { id, kind, x: tank.x, y: tank.y, left: ITEM_TICKS });
        (id, kind)
    }

    /// Whether a slot's next tank could leave an item.
    pub(crate) fn has_room_for_item(&self, slot: u8) -> bool {
        let lying = self.items.iter().filter(|item| item.id / ITEMS_PER_SLOT == slot).count();
        lying < usize::from(ITEMS_PER_SLOT)
    }

    /// Step 6 of a tick: tanks, by rising slot, take the items that they touch, in the order in which these were left.
    pub(crate) fn pick_up(&mut self) {
        const REACH: i64 = (TANK_RADIUS + ITEM_RADIUS) as i64;
        for player in &mut self.players {
            let slot = player.slot;
            let Some(tank) = &mut player.tank else { continue };
            self.items.retain(|item| {
                let (dx, dy) = (i64::from(tank.x - item.x), i64::from(tank.y - item.y));
                if dx * dx + dy * dy > REACH * REACH {
                    return true;
                }
                match item.kind {
                    ItemKind::Health => tank.armour = (tank.armour + ITEM_HEALTH).min(ARMOUR_MAX),
                    ItemKind::Bounce => tank.bounce = true,
                }
                self.happened.events.push(Event::PickUp { slot, item: item.id });
                false
            });
        }
    }
}

/// The damage that the blast does to the tank, in Q14: its intensity in its middle, falling evenly to nothing where the
/// two circles only touch.
fn harm(blast: &Blast, tank: &Tank) -> i32 {
    let reach = i64::from(blast.kind.radius() + TANK_RADIUS);
    let (dx, dy) = (i64::from(tank.x - blast.x), i64::from(tank.y - blast.y));
    let square = dx * dx + dy * dy;
    if square >= reach * reach {
        return 0;
    }
    (i64::from(blast.kind.intensity()) * (reach - isqrt(square)) / reach) as i32
}
