//! One tick: the rules, in the order that every client repeats.
//!
//! Owns [`World::step`], entries and the motion of tanks. The round clock is in `round`, pushes in `collide`, missiles in
//! `flight`, blasts and items in `blast`, records in `world`, numbers in `numbers`.

use crate::chat::{ChatLine, ChatWhat};
use crate::collide::{Body, settle};
use crate::delta::Event;
use crate::fixed::step_along;
use crate::maze::Maze;
use crate::numbers::{
    ARMOUR_MAX, BACKWARD_STEP, CHAT_TEXT_CHARS_MAX, ENTRY_ZONE, FORWARD_STEP, NAME_CHARS_MAX, NOBODY,
    TURN_STEP, action, keys,
};
use crate::world::{Blast, BlastKind, Entry, Happened, Player, Tank, World, input_hash};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A place and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl World {
    /// Steps one tick under its log entry. Cannot fail: entries that the rules do not allow change nothing.
    ///
    /// The order, which clients repeat:
    /// 1. The round ends or begins if it is time. Entries as they come: players join, leave, rename themselves and chat;
    ///    launches put tanks at their entry points, self-destructs take them where they stand; keys get their levels.
    /// 2. Each tank reloads by one tick, turns, then moves freely. A tank whose player has no socket stands: its keys keep
    ///    their level for the clients, who get the difference as a residual.
    /// 3. Tanks are pushed out of each other, of walls and of the arena's edge.
    /// 4. Missiles in the order of their shots fly one step: each ends at the nearest tank or wall on its way, which
    ///    begins a blast there, or bounces off the wall, or ends outside the arena. A tank without armour is gone at once,
    ///    and later missiles pass its place.
    /// 5. Blasts that are half way through their lives hurt the tanks in reach, by rising slot.
    /// 6. Tanks, by rising slot, take the items that they touch.
    /// 7. Tanks with the fire key down, or pressed in this tick, and reloaded, shoot: the missile appears at the
    ///    tank's rim and flies from the next tick on.
    /// 8. Blasts age, items are a tick nearer to their end.
    pub fn step(&mut self, maze: &Maze, log: &[Entry]) {
        debug_assert_eq!(self.maze, maze.fingerprint(), "a world goes on in the maze that it began in");
        self.tick += 1;
        self.happened = Happened::default();
        // 1.
        self.keep_rounds();
        for entry in log {
            self.enter(maze, entry);
        }
        self.happened.inputs.sort_unstable_by_key(|(slot, _)| *slot);
        // 2. and 3.
        self.move_tanks(maze);
        // 4.
        self.fly_missiles(maze);
        // 5.
        self.hurt_tanks();
        // 6.
        self.pick_up();
        // 7.
        self.shoot();
        // 8.
        self.age();
    }

    fn enter(&mut self, maze: &Maze, entry: &Entry) {
        match entry {
            Entry::Join { player, name, bot } => self.join(*player, name, *bot),
            Entry::Rename { player, name } => self.rename(*player, name),
            Entry::Chat { player, text } => self.say(*player, text),
            Entry::Leave { player } => self.leave(*player),
            Entry::Gone { player, session } => {
                let tick = self.tick;
                if let Some(at) = self.position(*player)
                    && *session >= self.players[at].session
                {
                    self.players[at].session = *session;
                    self.players[at].gone_at.get_or_insert(tick);
                }
            }
            Entry::Input { player, session, seq, keys, action, stale } => {
                let Some(at) = self.position(*player) else { return };
                if self.input(at, *session, *seq, *keys, *action, *stale) && !stale {
                    self.act(maze, at, *action);
                }
            }
        }
    }

    /// Where in the list the player stands.
    fn position(&self, id: u64) -> Option<usize> {
        self.players.iter().position(|player| player.id == id)
    }

    fn join(&mut self, id: u64, name: &str, bot: bool) {
        if self.position(id).is_some() {
            return;
        }
        // Players stand in rising order of slots: the first gap is the lowest free one.
        let taken = self.players.iter().zip(0..).take_while(|(player, slot)| player.slot == *slot).count();
        if taken >= usize::from(self.slots) {
            return;
        }
        let player = Player::new(id, taken as u8, cut(name, NAME_CHARS_MAX), bot);
        let event = Event::Join { slot: player.slot, player: id, bot, name: player.name.clone() };
        self.players.insert(taken, player);
        self.happened.events.push(event);
        self.note(taken, ChatWhat::Entered);
    }

    fn rename(&mut self, id: u64, name: &str) {
        let Some(at) = self.position(id) else { return };
        let name = cut(name, NAME_CHARS_MAX);
        if name.is_empty() || name == self.players[at].name {
            return;
        }
        self.note(at, ChatWhat::Renamed { to: name.clone() });
        self.players[at].name.clone_from(&name);
        self.happened.events.push(Event::Rename { slot: self.players[at].slot, name });
    }

    fn say(&mut self, id: u64, text: &str) {
        let Some(at) = self.position(id) else { return };
        let text = cut(text, CHAT_TEXT_CHARS_MAX);
        if text.is_empty() {
            return;
        }
        self.happened.events.push(Event::Chat { slot: self.players[at].slot, text: text.clone() });
        self.add_line(at, ChatWhat::Said { text });
    }

    fn leave(&mut self, id: u64) {
        let Some(at) = self.position(id) else { return };
        self.note(at, ChatWhat::Left);
        let slot = self.players.remove(at).slot;
        self.missiles.retain(|missile| missile.slot != slot);
        for blast in self.blasts.iter_mut().filter(|blast| blast.slot == slot) {
            blast.slot = NOBODY;
        }
        self.happened.inputs.retain(|(of, _)| *of != slot);
        self.happened.events.push(Event::Leave { slot });
    }

    /// Adds a line about a person to the chat. Bots' comings and goings are no news.
    fn note(&mut self, at: usize, what: ChatWhat) {
        if !self.players[at].bot {
            self.add_line(at, what);
        }
    }

    fn add_line(&mut self, at: usize, what: ChatWhat) {
        let player = &self.players[at];
        self.chat.add(ChatLine { tick: self.tick, slot: player.slot, name: player.name.clone(), what });
    }

    /// Takes an input, if it is the next one; its action is the caller's.
    fn input(&mut self, at: usize, session: u32, seq: u32, levels: u8, act: u8, stale: bool) -> bool {
        let player = &mut self.players[at];
        if player.last_seq.checked_add(1) != Some(seq) {
            return false;
        }
        player.last_seq = seq;
        player.applied += 1;
        player.applied_hash = input_hash(player.applied_hash, seq, levels, act);
        player.keys = levels & if stale { keys::ALL & !keys::FIRE } else { keys::ALL };
        if session >= player.session {
            player.session = session;
            player.gone_at = None;
        }
        let (slot, levels) = (player.slot, player.keys);
        match self.happened.inputs.iter_mut().find(|(of, _)| *of == slot) {
            Some((_, applied)) => applied.push(levels),
            None => self.happened.inputs.push((slot, [levels].into())),
        }
        true
    }

    /// The action of an input. Numbers that these rules do not know change nothing.
    fn act(&mut self, maze: &Maze, at: usize, act: u8) {
        match act {
            action::NONE => {}
            action::DESTRUCT => self.destruct(at),
            _ => self.launch(maze, at, act),
        }
    }

    fn launch(&mut self, maze: &Maze, at: usize, act: u8) {
        let slot = self.players[at].slot;
        // Who blew itself up comes back when that blast is over: or doing so again and again would be a gun that needs no
        // reloading.
        let burns = |blast: &Blast| blast.kind == BlastKind::Destruct && blast.slot == slot;
        if self.players[at].tank.is_some()
            || self.round.resting
            || self.blasts.iter().any(burns)
            || !self.has_room_for_item(slot)
        {
            return;
        }
        let count = maze.entries().len();
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
        self.players[at].tank = Some(Tank { x, y, heading, armour: ARMOUR_MAX, reload: 0, bounce: false });
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
}

/// The first `chars` characters.
fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
