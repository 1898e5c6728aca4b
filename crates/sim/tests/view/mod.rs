//! A client's view of a game, stepped by deltas alone: the reference for every client.
//!
//! Follows the steps in the documentation of `sim`'s delta module to the letter. Uses nothing of the simulation but
//! its records and numbers, free motion and steps along a heading.

use sim::{
    ARMOUR_MAX, Blast, BlastKind, CHAT_BYTES_MAX, CHAT_LINES_MAX, ChatLine, ChatWhat, Delta, Event,
    FLIGHT_STEP, ITEM_HEALTH, ITEM_TICKS, Item, ItemKind, MISSILE_STEP, Maze, Motion, NOBODY, RELOAD_TICKS,
    Round, TANK_RADIUS, Tank, World, drive, step_along,
};
use std::collections::BTreeMap;

/// What a client shows of a game.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub tick: u64,
    pub round: Round,
    /// By slot.
    pub players: BTreeMap<u8, Shown>,
    /// In the order of the shots.
    pub missiles: Vec<Flying>,
    /// In the order in which they began.
    pub blasts: Vec<Blast>,
    /// In the order in which they were left.
    pub items: Vec<Item>,
    /// Oldest first.
    pub chat: Vec<ChatLine>,
}

/// What a client shows of a player.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub id: u64,
    pub name: String,
    pub bot: bool,
    pub score: u32,
    pub deaths: u32,
    pub wins: u32,
    pub applied: u32,
    pub keys: u8,
    pub tank: Option<Tank>,
}

/// What a client shows of a missile.
#[derive(Clone, Debug, PartialEq)]
pub struct Flying {
    pub id: u8,
    pub slot: u8,
    pub x: i32,
    pub y: i32,
    pub heading: u16,
    pub bounce: bool,
}

impl View {
    /// As from a keyframe.
    pub fn of(world: &World) -> View {
        let players = world.players().map(|p| {
            let shown = Shown {
                id: p.id,
                name: p.name.clone(),
                bot: p.bot,
                score: p.score,
                deaths: p.deaths,
                wins: p.wins,
                applied: p.applied,
                keys: p.keys,
                tank: p.tank,
            };
            (p.slot, shown)
        });
        let missiles = world.missiles().iter().map(|m| Flying {
            id: m.id,
            slot: m.slot,
            x: m.x,
            y: m.y,
            heading: m.heading,
            bounce: m.bounce,
        });
        View {
            tick: world.tick(),
            round: world.round(),
            players: players.collect(),
            missiles: missiles.collect(),
            blasts: world.blasts().to_vec(),
            items: world.items().to_vec(),
            chat: world.chat().to_vec(),
        }
    }

    /// To the next tick. Panics where a delta does not fit what is shown.
    pub fn apply(&mut self, maze: &Maze, delta: &Delta) {
        self.tick += 1;
        // 1. Rounds, comings and goings, names, chat, launches, self-destructs.
        for event in &delta.events {
            self.before_motion(maze, event);
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
        // 4. Missiles, but those that an event below ends or turns.
        for flying in &mut self.missiles {
            let named = delta.events.iter().any(|event| match event {
                Event::Hit { missile, .. } | Event::Burst { missile, .. } | Event::Bounce { missile, .. } => {
                    *missile == flying.id
                }
                _ => false,
            });
            if !named {
                (flying.x, flying.y) = flying.ahead(MISSILE_STEP);
            }
        }
        // 5. Ends of missiles, damage, ends of tanks, items, shots.
        for event in &delta.events {
            self.after_motion(event);
        }
        // 6. Time.
        self.blasts.retain_mut(|blast| {
            blast.age += 1;
            blast.age < blast.kind.life()
        });
        self.items.retain_mut(|item| {
            item.left -= 1;
            item.left > 0
        });
    }

    fn before_motion(&mut self, maze: &Maze, event: &Event) {
        match event {
            Event::RoundOver { winner, ticks } => {
                if *winner != NOBODY {
                    self.player(*winner).wins += 1;
                }
                for player in self.players.values_mut() {
                    player.tank = None;
                }
                self.missiles.clear();
                self.blasts.clear();
                self.items.clear();
                self.round.resting = true;
                self.round.ends = self.tick + u64::from(*ticks) - 1;
            }
            Event::RoundStart { ticks } => {
                for player in self.players.values_mut() {
                    (player.score, player.deaths) = (0, 0);
                }
                self.round.number += 1;
                self.round.resting = false;
                self.round.ends = if *ticks == 0 { 0 } else { self.tick + u64::from(*ticks) - 1 };
            }
            Event::Join { slot, player, bot, name } => {
                let shown = Shown {
                    id: *player,
                    name: name.clone(),
                    bot: *bot,
                    score: 0,
                    deaths: 0,
                    wins: 0,
                    applied: 0,
                    keys: 0,
                    tank: None,
                };
                assert!(self.players.insert(*slot, shown).is_none(), "slot {slot} was free");
                self.note(*slot, ChatWhat::Entered);
            }
            Event::Leave { slot } => {
                self.note(*slot, ChatWhat::Left);
                assert!(self.players.remove(slot).is_some(), "slot {slot} was taken");
                self.missiles.retain(|missile| missile.slot != *slot);
                for blast in self.blasts.iter_mut().filter(|blast| blast.slot == *slot) {
                    blast.slot = NOBODY;
                }
            }
            Event::Rename { slot, name } => {
                self.note(*slot, ChatWhat::Renamed { to: name.clone() });
                self.player(*slot).name.clone_from(name);
            }
            Event::Chat { slot, text } => self.add_line(*slot, ChatWhat::Said { text: text.clone() }),
            Event::Launch { slot, entry } => {
                let at = &maze.entries()[usize::from(*entry)];
                let (x, y, heading) = (at.x, at.y, at.heading);
                let tank = Tank { x, y, heading, armour: ARMOUR_MAX, reload: 0, bounce: false };
                assert!(self.player(*slot).tank.replace(tank).is_none(), "slot {slot} had no tank");
            }
            Event::Destruct { slot, item, kind } => {
                self.end_tank(*slot, BlastKind::Destruct, *slot, *item, *kind)
            }
            _ => {}
        }
    }

    fn after_motion(&mut self, event: &Event) {
        match event {
            Event::Hit { missile, slot, at, armour } => {
                self.burst(*missile, *at);
                self.tank(*slot).armour = *armour;
            }
            Event::Burst { missile, at } => self.burst(*missile, *at),
            Event::Bounce { missile, at, heading } => {
                let found = self.flying(*missile);
                let flying = &mut self.missiles[found];
                (flying.x, flying.y) = flying.ahead(FLIGHT_STEP * i32::from(*at));
                assert!(flying.bounce, "missile {missile} could bounce");
                (flying.heading, flying.bounce) = (*heading, false);
            }
            Event::Gone { missile } => {
                let found = self.flying(*missile);
                self.missiles.remove(found);
            }
            Event::Hurt { slot, armour } => self.tank(*slot).armour = *armour,
            Event::Kill { slot, by, item, kind } => {
                self.end_tank(*slot, BlastKind::Tank, *by, *item, *kind);
                if by != slot
                    && let Some(killer) = self.players.get_mut(by)
                {
                    killer.score += 1;
                }
            }
            Event::PickUp { slot, item } => {
                let found =
                    self.items.iter().position(|lying| lying.id == *item).expect("the item lay there");
                let kind = self.items.remove(found).kind;
                let tank = self.tank(*slot);
                match kind {
                    ItemKind::Health => tank.armour = ARMOUR_MAX.min(tank.armour + ITEM_HEALTH),
                    ItemKind::Bounce => tank.bounce = true,
                }
            }
            Event::Shot { slot, missile } => {
                assert!(self.missiles.iter().all(|flying| flying.id != *missile), "missile {missile} is new");
                let tank = self.tank(*slot);
                tank.reload = RELOAD_TICKS;
                let (dx, dy) = step_along(TANK_RADIUS, tank.heading);
                let (x, y, heading, bounce) = (tank.x + dx, tank.y + dy, tank.heading, tank.bounce);
                self.missiles.push(Flying { id: *missile, slot: *slot, x, y, heading, bounce });
            }
            _ => {}
        }
    }

    fn player(&mut self, slot: u8) -> &mut Shown {
        self.players.get_mut(&slot).unwrap_or_else(|| panic!("slot {slot} is taken"))
    }

    fn tank(&mut self, slot: u8) -> &mut Tank {
        self.player(slot).tank.as_mut().unwrap_or_else(|| panic!("slot {slot} has a tank"))
    }

    /// Where in the list the missile stands.
    fn flying(&self, id: u8) -> usize {
        let found = self.missiles.iter().position(|flying| flying.id == id);
        found.unwrap_or_else(|| panic!("missile {id} flew"))
    }

    fn burst(&mut self, missile: u8, at: u8) {
        let found = self.flying(missile);
        let ended = self.missiles.remove(found);
        let (x, y) = ended.ahead(FLIGHT_STEP * i32::from(at));
        self.blasts.push(Blast { kind: BlastKind::Missile, slot: ended.slot, x, y, age: 0 });
    }

    fn end_tank(&mut self, slot: u8, blast: BlastKind, by: u8, item: u8, kind: ItemKind) {
        let player = self.player(slot);
        let Tank { x, y, .. } = player.tank.take().unwrap_or_else(|| panic!("slot {slot} had a tank"));
        player.deaths += 1;
        self.blasts.push(Blast { kind: blast, slot: by, x, y, age: 0 });
        assert!(self.items.iter().all(|lying| lying.id != item), "item {item} is new");
        self.items.push(Item { id: item, kind, x, y, left: ITEM_TICKS });
    }

    /// A line of the chat that tells of a person.
    fn note(&mut self, slot: u8, what: ChatWhat) {
        if !self.player(slot).bot {
            self.add_line(slot, what);
        }
    }

    fn add_line(&mut self, slot: u8, what: ChatWhat) {
        let name = self.player(slot).name.clone();
        self.chat.push(ChatLine { tick: self.tick, slot, name, what });
        let bytes = |line: &ChatLine| {
            let text = match &line.what {
                ChatWhat::Renamed { to } => to,
                ChatWhat::Said { text } => text,
                ChatWhat::Entered | ChatWhat::Left => "",
            };
            line.name.len() + text.len()
        };
        while self.chat.len() > CHAT_LINES_MAX || self.chat.iter().map(bytes).sum::<usize>() > CHAT_BYTES_MAX
        {
            self.chat.remove(0);
        }
    }
}

impl Flying {
    fn ahead(&self, length: i32) -> (i32, i32) {
        let (dx, dy) = step_along(length, self.heading);
        (self.x + dx, self.y + dy)
    }
}
