//! Who plays as a bot: bots fill a game up to a number of players, and make way for people.
//!
//! Owns comings and goings of bots, as entries of the tick's log. People always get in: where all places are taken, a bot
//! leaves in the tick in which somebody joins. Otherwise at most one bot a second comes or goes.

use super::Dice;
use super::temper::Temper;
use rand::Rng;
use rand::seq::IndexedRandom;
use sim::{Entry, SLOTS_MAX, TICKS_PER_SECOND, World};

/// What bots are called. More than there are places, so that one is always free.
const NAMES: [&str; 48] = [
    "Ada", "Alva", "Bert", "Bo", "Cleo", "Cosmo", "Dirk", "Dotty", "Edda", "Emil", "Finn", "Flora", "Gitta",
    "Gus", "Hedy", "Hugo", "Ida", "Ines", "Jost", "Juno", "Kaja", "Kit", "Lotte", "Lutz", "Mara", "Milo",
    "Nell", "Nico", "Olga", "Otto", "Pip", "Polly", "Quentin", "Quila", "Rosa", "Rudi", "Selma", "Sven",
    "Tilda", "Tom", "Ulla", "Uwe", "Vera", "Viggo", "Wanda", "Willi", "Yara", "Zeno",
];
const _: () = assert!(NAMES.len() > SLOTS_MAX as usize);

/// Ticks between two comings or goings.
const EVERY: u64 = TICKS_PER_SECOND as u64;
/// For so many ticks a bot that is to go is waited for to be between lives.
const PATIENCE: u64 = 10 * EVERY;

/// See the module.
pub struct Roster {
    /// No coming or going before.
    next_change: u64,
    /// Since when there have been too many.
    too_many_since: Option<u64>,
}

/// The places of a game after the entries that are known for the tick.
struct Places {
    people: usize,
    bots: usize,
}

impl Roster {
    /// For a game at this tick.
    pub fn new(now: u64) -> Roster {
        Roster { next_change: now, too_many_since: None }
    }

    /// Adds the comings and goings of bots to the entries for the tick after `world`. `wanted`: people and bots together.
    pub fn fill(&mut self, world: &World, wanted: u8, entries: &mut Vec<Entry>, dice: &mut Dice) {
        let tick = world.tick() + 1;
        let slots = usize::from(world.slots());
        let mut places = Places::after(world, entries);
        while places.people + places.bots > slots
            && let Some(bot) = expendable(world, entries, false)
        {
            // Before whoever takes the place.
            entries.insert(0, Entry::Leave { player: bot });
            places.bots -= 1;
            self.next_change = tick + EVERY;
        }
        // One place stays free, so that whoever looks for a game finds that there is one.
        let wanted = usize::from(wanted).min(slots - 1).saturating_sub(places.people);
        if places.bots <= wanted {
            self.too_many_since = None;
        }
        if tick < self.next_change || places.bots == wanted {
            return;
        }
        if places.bots < wanted {
            if let Some(name) = free_name(world, entries, dice) {
                entries.push(Entry::Join { player: new_id(world, dice), name, bot: true });
                self.next_change = tick + EVERY;
            }
        } else {
            let since = *self.too_many_since.get_or_insert(tick);
            let between_lives = tick < since + PATIENCE;
            if let Some(bot) = expendable(world, entries, between_lives) {
                entries.push(Entry::Leave { player: bot });
                self.next_change = tick + EVERY;
            }
        }
    }
}

impl Places {
    fn after(world: &World, entries: &[Entry]) -> Places {
        let staying =
            |bot| world.players().filter(|player| player.bot == bot && !leaves(player.id, entries)).count();
        let coming = |bots| {
            let joins = entries.iter().filter(|entry| {
                matches!(entry, Entry::Join { player, bot, .. } if *bot == bots && world.player(*player).is_none())
            });
            joins.count()
        };
        Places { people: staying(false) + coming(false), bots: staying(true) + coming(true) }
    }
}

/// Whether a player leaves by these entries.
pub fn leaves(player: u64, entries: &[Entry]) -> bool {
    entries.iter().any(|entry| matches!(entry, Entry::Leave { player: leaving } if *leaving == player))
}

/// The bot that is missed least: between lives rather than fighting, then the lowest score.
fn expendable(world: &World, entries: &[Entry], only_between_lives: bool) -> Option<u64> {
    world
        .players()
        .filter(|player| player.bot && !leaves(player.id, entries))
        .filter(|player| !only_between_lives || player.tank.is_none())
        .min_by_key(|player| (player.tank.is_some(), player.score))
        .map(|player| player.id)
}

/// A name that nobody in the game has or will have.
fn free_name(world: &World, entries: &[Entry], dice: &mut Dice) -> Option<String> {
    let joining = entries.iter().filter_map(|entry| match entry {
        Entry::Join { name, .. } | Entry::Rename { name, .. } => Some(name.as_str()),
        _ => None,
    });
    let taken: Vec<&str> = world.players().map(|player| player.name.as_str()).chain(joining).collect();
    let free: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| !taken.iter().any(|taken| taken.trim().eq_ignore_ascii_case(name)))
        .collect();
    free.choose(dice).map(|name| (*name).to_owned())
}

/// A new bot's id. Of a few, the one whose skill the game has least of: a bit of everything for everybody.
fn new_id(world: &World, dice: &mut Dice) -> u64 {
    let ids: [u64; 4] = std::array::from_fn(|_| dice.random());
    let alike = |id: &u64| {
        let skill = Temper::of(*id).skill;
        world.players().filter(|player| player.bot && Temper::of(player.id).skill == skill).count()
    };
    ids.into_iter().min_by_key(alike).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use sim::{MAZES, Maze, RULES, Rounds};
    use std::collections::BTreeSet;

    struct Game {
        maze: Maze,
        world: World,
        roster: Roster,
        wanted: u8,
        dice: Dice,
        people: u64,
    }

    impl Game {
        fn new(slots: u8, wanted: u8) -> Game {
            let maze = Maze::parse(MAZES[0]).unwrap();
            let world = World::new(&maze, RULES, slots, 1, Rounds::default());
            let roster = Roster::new(0);
            Game { maze, world, roster, wanted, dice: Dice::seed_from_u64(1), people: 0 }
        }

        /// One tick with these doings of people.
        fn step(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
            self.roster.fill(&self.world, self.wanted, &mut entries, &mut self.dice);
            self.world.step(&self.maze, &entries);
            entries
        }

        fn seconds(&mut self, seconds: u64) {
            for _ in 0..seconds * EVERY {
                let changes = self.step(Vec::new()).len();
                assert!(changes <= 1, "at most one a second");
            }
        }

        fn somebody(&mut self) -> Entry {
            self.people += 1;
            Entry::Join { player: self.people, name: format!("person {}", self.people), bot: false }
        }

        /// People and bots.
        fn heads(&self) -> (usize, usize) {
            let bots = self.world.players().filter(|player| player.bot).count();
            (self.world.players().count() - bots, bots)
        }
    }

    #[test]
    fn bots_come_one_a_second_until_the_game_is_filled() {
        let mut game = Game::new(8, 4);
        for bots in 1..=4 {
            game.seconds(1);
            assert_eq!(game.heads(), (0, bots));
        }
        game.seconds(10);
        assert_eq!(game.heads(), (0, 4));
    }

    #[test]
    fn people_take_the_places_of_bots_and_give_them_back() {
        let mut game = Game::new(8, 4);
        game.seconds(5);
        let joins = vec![game.somebody(), game.somebody()];
        game.step(joins);
        assert_eq!(game.heads(), (2, 3), "the first of two too many");
        game.seconds(1);
        assert_eq!(game.heads(), (2, 2), "bots above the fill leave");
        game.step(vec![Entry::Leave { player: 1 }]);
        game.seconds(1);
        assert_eq!(game.heads(), (1, 3));
        let many = (0..5).map(|_| game.somebody()).collect();
        game.step(many);
        game.seconds(5);
        assert_eq!(game.heads(), (6, 0));
    }

    #[test]
    fn people_always_get_in_while_a_place_is_not_a_persons() {
        let mut game = Game::new(8, 7);
        game.seconds(10);
        assert_eq!(game.heads(), (0, 7), "one place stays free");
        let many = (0..8).map(|_| game.somebody()).collect();
        game.step(many);
        assert_eq!(game.heads(), (8, 0));
        game.seconds(2);
        let step = game.step(vec![Entry::Leave { player: 3 }]);
        assert_eq!(step.len(), 1, "7 people are enough");
        assert_eq!(game.heads(), (7, 0));
    }

    /// Three places: two people and a bot, which is to leave as well, but not in this second.
    fn full_game() -> Game {
        let mut game = Game::new(3, 2);
        game.seconds(3);
        let joins = vec![game.somebody(), game.somebody()];
        let entries = game.step(joins);
        assert!(
            matches!(entries[..], [Entry::Leave { .. }, Entry::Join { .. }, Entry::Join { .. }]),
            "{entries:?}"
        );
        assert_eq!(game.heads(), (2, 1));
        game
    }

    #[test]
    fn a_bot_leaves_at_once_for_somebody_who_finds_no_other_place() {
        let mut game = full_game();
        let join = vec![game.somebody()];
        game.step(join);
        assert_eq!(game.heads(), (3, 0));
    }

    #[test]
    fn a_place_that_is_freed_in_the_same_tick_costs_no_bot() {
        let mut game = full_game();
        let change = vec![Entry::Leave { player: 1 }, game.somebody()];
        assert_eq!(game.step(change).len(), 2);
        assert_eq!(game.heads(), (2, 1));
    }

    #[test]
    fn who_joins_again_takes_no_second_place() {
        let mut game = full_game();
        game.step(vec![Entry::Join { player: 1, name: "again".to_owned(), bot: false }]);
        assert_eq!(game.heads(), (2, 1));
    }

    #[test]
    fn bots_that_fight_may_finish_their_lives_before_they_leave() {
        let mut game = Game::new(8, 2);
        game.seconds(2);
        let launches = game.world.players().map(|bot| Entry::Input {
            player: bot.id,
            session: 0,
            seq: 1,
            keys: 0,
            action: sim::action::LAUNCH_ANY,
            stale: false,
        });
        let launches = launches.collect();
        game.step(launches);
        let joins = vec![game.somebody(), game.somebody()];
        game.step(joins);
        assert!(game.world.players().filter(|player| player.bot).all(|bot| bot.tank.is_some()));
        game.seconds(PATIENCE / EVERY - 1);
        assert_eq!(game.heads(), (2, 2), "nobody leaves in the middle of a fight");
        game.seconds(3);
        assert_eq!(game.heads(), (2, 0), "but not for ever");
    }

    #[test]
    fn a_game_of_one_place_and_one_without_bots_have_none() {
        for (slots, wanted) in [(1, 4), (8, 0)] {
            let mut game = Game::new(slots, wanted);
            game.seconds(3);
            assert_eq!(game.heads(), (0, 0));
        }
    }

    #[test]
    fn names_are_short_and_none_is_twice_in_a_game() {
        let mut game = Game::new(32, 31);
        let ada = Entry::Join { player: 1, name: "ada ".to_owned(), bot: false };
        game.step(vec![ada]);
        game.seconds(31);
        let names: BTreeSet<String> =
            game.world.players().map(|player| player.name.trim().to_lowercase()).collect();
        assert_eq!((game.heads(), names.len()), ((1, 30), 31));
        assert!(NAMES.iter().all(|name| name.len() <= 8));
        assert_eq!(NAMES.iter().collect::<BTreeSet<_>>().len(), NAMES.len());
    }

    #[test]
    fn a_game_has_bots_of_different_skills() {
        let mut game = Game::new(8, 4);
        game.seconds(4);
        let skills: BTreeSet<_> = game.world.players().map(|bot| Temper::of(bot.id).skill).collect();
        assert!(skills.len() >= 2, "{skills:?}");
    }
}
