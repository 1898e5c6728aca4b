//! Worlds as bytes.
//!
//! Owns the snapshot's format: one byte with the format's number, then the world in postcard. A snapshot of another
//! format, of rules that this build does not step, or of another maze is refused, never guessed at.

use crate::maze::Maze;
use crate::numbers::{
    ARMOUR_MAX, ITEM_TICKS, MISSILE_STEP, NAME_CHARS_MAX, NOBODY, RELOAD_TICKS, SLOTS_MAX, keys,
};
use crate::world::{Round, World};
use crate::{RULES, RULES_OLDEST};
use alloc::vec::Vec;

/// The format that this build writes, and the only one that it reads: there has been no other. A build that writes another
/// reads this one, too.
const FORMAT: u8 = 1;

/// Why bytes are no world that this build can go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// No bytes.
    #[error("the snapshot is empty; send the whole of it")]
    Empty,
    /// Written by a build with another format.
    #[error(
        "the snapshot has format {0}, this build reads {FORMAT}; restore it with a build that reads its format"
    )]
    Format(u8),
    /// Stepped by rules that this build does not have.
    #[error(
        "the game has rules {0}, this build steps {RULES_OLDEST} to {RULES}; run it on a build that steps them"
    )]
    Rules(u16),
    /// A game in another maze.
    #[error("the snapshot belongs to another maze; give the maze that the game was created with")]
    OtherMaze,
    /// Cut short, padded, or not a snapshot.
    #[error("the bytes are not a snapshot; read it again from where it is kept")]
    Malformed,
    /// It decodes, but no world can be like that; the text names what is wrong.
    #[error("the snapshot holds {0}; read it again from where it is kept")]
    Impossible(&'static str),
}

impl World {
    /// The world as bytes for [`World::restore`]: 40 bytes, up to 60 for each player with a tank, 12 for each missile, 10
    /// for each blast and item, and up to 1,170 of chat.
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_extend(self, [FORMAT].into())
            .expect("a vector takes all bytes, and a world has plain fields only")
    }

    /// The world of a snapshot, ready to go on in its maze. Never panics, whatever the bytes.
    pub fn restore(maze: &Maze, bytes: &[u8]) -> Result<World, RestoreError> {
        let (format, state) = bytes.split_first().ok_or(RestoreError::Empty)?;
        if *format != FORMAT {
            return Err(RestoreError::Format(*format));
        }
        // The rules stand first: other rules may have other records behind them.
        let (rules, _) = postcard::take_from_bytes::<u16>(state).map_err(|_| RestoreError::Malformed)?;
        if !(RULES_OLDEST..=RULES).contains(&rules) {
            return Err(RestoreError::Rules(rules));
        }
        let (world, rest) = postcard::take_from_bytes::<World>(state).map_err(|_| RestoreError::Malformed)?;
        if !rest.is_empty() {
            return Err(RestoreError::Malformed);
        }
        if world.maze != maze.fingerprint() {
            return Err(RestoreError::OtherMaze);
        }
        match world.fault(maze) {
            Some(fault) => Err(RestoreError::Impossible(fault)),
            None => Ok(world),
        }
    }

    /// What in this world the rules could never have made.
    fn fault(&self, maze: &Maze) -> Option<&'static str> {
        let within = |x: i32, y: i32, more: i32| {
            x.unsigned_abs() <= (maze.half_width() + more).unsigned_abs()
                && y.unsigned_abs() <= (maze.half_height() + more).unsigned_abs()
        };
        // A missile that leaves the arena may meet a tank at its edge in that step, and explode beyond it.
        let around = |x: i32, y: i32| within(x, y, MISSILE_STEP);
        let players = || self.players.iter();
        let taken = |slot: u8| slot == NOBODY || self.player_in(slot).is_some();
        // In this order: what the first ones bound, the later ones can go through as often as they like.
        let rules: [(&'static str, &dyn Fn() -> bool); 14] = [
            ("a number of slots out of range", &|| !(1..=SLOTS_MAX).contains(&self.slots)),
            ("a tick that no game reaches", &|| self.tick > TICK_MAX),
            ("a round that is over already", &|| {
                let Round { number, resting, ends } = self.round;
                let endless = self.rounds.play_ticks == 0;
                let longest = if resting { self.rounds.rest_ticks.into() } else { self.rounds.play_ticks };
                let fits = ends > 0 && ends >= self.tick && ends - self.tick <= u64::from(longest);
                number == 0 || if endless { resting || ends != 0 } else { !fits }
            }),
            ("slots that do not rise or are too many", &|| {
                let rising = self.players.windows(2).all(|pair| pair[0].slot < pair[1].slot);
                !rising || self.players.last().is_some_and(|player| player.slot >= self.slots)
            }),
            ("one player twice", &|| is_any_twice(&self.players, |player| player.id)),
            ("a name that is too long", &|| {
                players().any(|player| player.name.chars().count() > NAME_CHARS_MAX)
            }),
            ("keys or counts out of range", &|| {
                players().any(|player| player.keys & !keys::ALL != 0 || player.applied > player.last_seq)
            }),
            ("a tank out of range", &|| {
                players().filter_map(|player| player.tank.as_ref()).any(|tank| {
                    !within(tank.x, tank.y, 0)
                        || !(1..=ARMOUR_MAX).contains(&tank.armour)
                        || tank.reload > RELOAD_TICKS
                })
            }),
            ("tanks while the round rests", &|| {
                self.round.resting && players().any(|player| player.tank.is_some())
            }),
            ("a missile out of range", &|| {
                self.missiles.len() > 256
                    || self.missiles.iter().any(|m| !around(m.x, m.y) || self.player_in(m.slot).is_none())
            }),
            ("one missile twice", &|| is_any_twice(&self.missiles, |missile| missile.id)),
            ("a blast out of range", &|| {
                self.blasts.iter().any(|blast| {
                    !around(blast.x, blast.y) || !taken(blast.slot) || blast.age >= blast.kind.life()
                })
            }),
            ("items out of range or without a place for another", &|| {
                self.items.len() > 256
                    || self
                        .items
                        .iter()
                        .any(|item| !within(item.x, item.y, 0) || !(1..=ITEM_TICKS).contains(&item.left))
                    || is_any_twice(&self.items, |item| item.id)
                    || players().any(|it| it.tank.is_some() && !self.has_room_for_item(it.slot))
            }),
            ("more chat than is kept", &|| !self.chat.is_bounded()),
        ];
        rules.into_iter().find_map(|(fault, is_found)| is_found().then_some(fault))
    }
}

/// A tick that no game reaches.
const TICK_MAX: u64 = u64::MAX / 4;

fn is_any_twice<T, K: PartialEq>(all: &[T], key: impl Fn(&T) -> K) -> bool {
    (1..all.len()).any(|n| all[..n].iter().any(|other| key(other) == key(&all[n])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{ChatLine, ChatWhat};
    use crate::delta::Event;
    use crate::maze::STANDARD_MAZE;
    use crate::world::{Blast, BlastKind, Item, ItemKind, Missile, Player, Rounds, Tank};
    use alloc::format;
    use alloc::string::{String, ToString};

    const SLOTS: u8 = 8;

    fn standard() -> Maze {
        Maze::parse(STANDARD_MAZE).unwrap()
    }

    /// A game of an hour with much in it: 8 tanks, 20 missiles, blasts, items, and as much chat as is kept.
    fn full(maze: &Maze) -> World {
        let mut world = World::new(
            maze,
            RULES,
            SLOTS,
            0xfedc_ba98_7654_3210,
            Rounds { play_ticks: 9_000, rest_ticks: 400 },
        );
        world.tick = 180_000;
        world.round = Round { number: 20, resting: false, ends: 188_000 };
        for slot in 0..SLOTS {
            let name = format!("sixteen letters{slot}");
            let mut player = Player::new(u64::MAX - u64::from(slot), slot, name, slot > 4);
            (player.session, player.score, player.deaths, player.wins) = (2, 12, 34, 5);
            (player.last_seq, player.applied, player.applied_hash) = (20_000, 20_000, u32::MAX);
            (player.keys, player.gone_at) = (31, (slot == 0).then_some(179_000));
            let (x, y) = (-100_000 + 25_000 * i32::from(slot), -99_999);
            player.tank = Some(Tank { x, y, heading: 65_535, armour: 32_768, reload: 50, bounce: true });
            world.players.push(player);
        }
        for id in 0..20 {
            let (x, y) = (-110_000, 110_000 + i32::from(id));
            world.missiles.push(Missile {
                id: id + 200,
                slot: 7,
                x,
                y,
                heading: 65_535,
                bounce: true,
                fresh: true,
            });
        }
        world.happened.inputs.push((0, [1, 2].into()));
        world.happened.events.push(Event::Hurt { slot: 1, armour: 32_768 });
        for age in 0..6 {
            world.blasts.push(Blast { kind: BlastKind::Destruct, slot: 7, x: -110_000, y: 110_000, age });
        }
        for id in 0..8 {
            world.items.push(Item { id: 8 * id, kind: ItemKind::Bounce, x: -110_000, y: 110_000, left: 499 });
        }
        for tick in 179_900..179_916 {
            let what = ChatWhat::Said { text: "x".repeat(48) };
            world.chat.add(ChatLine { tick, slot: 7, name: "sixteen letters7".to_string(), what });
        }
        assert_eq!(world.chat().len(), 16);
        world
    }

    #[test]
    fn a_full_world_takes_at_most_2_kilobytes() {
        let maze = standard();
        let world = full(&maze);
        let bytes = world.snapshot();
        assert!(bytes.len() <= 2_048, "{} bytes", bytes.len());
        assert_eq!(World::restore(&maze, &bytes), Ok(world));
    }

    /// The refusal of a full world that something was done to.
    #[track_caller]
    fn check(spoil: impl FnOnce(&mut World), expected: &'static str) {
        let maze = standard();
        let mut world = full(&maze);
        spoil(&mut world);
        assert_eq!(World::restore(&maze, &world.snapshot()), Err(RestoreError::Impossible(expected)));
    }

    #[test]
    fn what_the_rules_could_never_have_made_is_refused() {
        check(|world| world.slots = 33, "a number of slots out of range");
        check(|world| world.tick = u64::MAX, "a tick that no game reaches");
        check(|world| world.players.swap(0, 1), "slots that do not rise or are too many");
        check(|world| world.players[3].id = world.players[4].id, "one player twice");
        check(|world| world.players[3].name.push_str("longer"), "a name that is too long");
        check(|world| world.players[3].keys = 32, "keys or counts out of range");
        check(|world| world.players[3].applied += 1, "keys or counts out of range");
    }

    #[test]
    fn rounds_that_the_rules_could_never_have_made_are_refused() {
        const FAULT: &str = "a round that is over already";
        check(|world| world.round.ends = 179_999, FAULT);
        check(|world| world.round.ends = 189_001, FAULT);
        check(|world| world.round.ends = 0, FAULT);
        check(|world| world.round.number = 0, FAULT);
        check(|world| world.rounds.play_ticks = 0, FAULT);
        check(|world| world.round.resting = true, FAULT);
        check(
            |world| (world.round.resting, world.round.ends) = (true, 180_400),
            "tanks while the round rests",
        );
    }

    #[test]
    fn tanks_missiles_blasts_and_items_that_the_rules_could_never_have_made_are_refused() {
        let tank =
            |spoil: fn(&mut Tank)| move |world: &mut World| spoil(world.players[2].tank.as_mut().unwrap());
        check(tank(|tank| tank.x = 128_001), "a tank out of range");
        check(tank(|tank| tank.y = i32::MIN), "a tank out of range");
        check(tank(|tank| tank.armour = 0), "a tank out of range");
        check(tank(|tank| tank.armour = 32_769), "a tank out of range");
        check(tank(|tank| tank.reload = 51), "a tank out of range");

        check(|world| world.missiles[2].y = 200_000, "a missile out of range");
        check(|world| world.missiles[2].slot = 8, "a missile out of range");
        check(|world| world.missiles[2].slot = NOBODY, "a missile out of range");
        check(|world| world.missiles[2].id = 201, "one missile twice");

        check(|world| world.blasts[2].x = -200_000, "a blast out of range");
        check(|world| world.blasts[2].slot = 8, "a blast out of range");
        check(|world| world.blasts[2].age = 50, "a blast out of range");
        check(
            |world| (world.blasts[5].kind, world.blasts[5].age) = (BlastKind::Missile, 20),
            "a blast out of range",
        );

        const ITEMS: &str = "items out of range or without a place for another";
        check(|world| world.items[2].x = 200_000, ITEMS);
        check(|world| world.items[2].left = 0, ITEMS);
        check(|world| world.items[2].left = 501, ITEMS);
        check(|world| world.items[2].id = 8, ITEMS);
        check(|world| (0..8).for_each(|n| world.items[n].id = n as u8), ITEMS);
    }

    #[test]
    fn more_chat_than_is_kept_is_refused() {
        let maze = standard();
        let mut world = full(&maze);
        world.blasts[0].slot = NOBODY;
        assert!(World::restore(&maze, &world.snapshot()).is_ok());
        let line =
            |text: String| ChatLine { tick: 1, slot: 0, name: String::new(), what: ChatWhat::Said { text } };
        world.chat = unbounded([(); 17].map(|()| line("x".into())).as_slice());
        assert_eq!(refusal(&maze, &world), "more chat than is kept");
        world.chat = unbounded(&[line("x".repeat(1_025))]);
        assert_eq!(refusal(&maze, &world), "more chat than is kept");
    }

    /// A history of these lines, without the bounds that adding them would keep.
    fn unbounded(lines: &[ChatLine]) -> crate::chat::Chat {
        let bytes = postcard::to_allocvec(lines).unwrap();
        postcard::from_bytes(&bytes).unwrap()
    }

    fn refusal(maze: &Maze, world: &World) -> &'static str {
        match World::restore(maze, &world.snapshot()) {
            Err(RestoreError::Impossible(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }
}
