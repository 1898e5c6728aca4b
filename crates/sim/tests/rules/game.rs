//! A game driven player by player, for the tests of rules.

use sim::{Delta, Entry, Event, Maze, Player, RULES, Rounds, Tank, World, action, delta};

/// A game in a maze. Player n has id n and session 1.
pub struct Game {
    pub maze: Maze,
    pub world: World,
    pub log: Vec<Entry>,
}

impl Game {
    /// A game of 8 slots with `players` joined, in slots 0, 1, ..., after one tick. Its round never ends.
    pub fn new(maze: &str, players: u64) -> Game {
        Game::with(maze, players, 0, Rounds::default())
    }

    pub fn with(maze: &str, players: u64, seed: u64, rounds: Rounds) -> Game {
        let maze = Maze::parse(maze).expect("the test's maze is right");
        let world = World::new(&maze, RULES, 8, seed, rounds);
        let mut game = Game { maze, world, log: Vec::new() };
        for player in 0..players {
            game.log.push(Entry::Join { player, name: format!("player {player}"), bot: false });
        }
        game.tick();
        game
    }

    /// An input of the player in the next tick.
    pub fn press(&mut self, player: u64, keys: u8, action: u8) -> &mut Game {
        let pending =
            self.log.iter().filter(|entry| matches!(entry, Entry::Input { player: of, .. } if *of == player));
        let seq = self.player(player).last_seq + pending.count() as u32 + 1;
        self.log.push(Entry::Input { player, session: 1, seq, keys, action, stale: false });
        self
    }

    /// The player launches from entry point `entry` in the next tick.
    pub fn launch(&mut self, player: u64, entry: u8) -> &mut Game {
        self.press(player, 0, action::LAUNCH_FROM + entry)
    }

    pub fn tick(&mut self) -> Delta {
        let before = self.world.clone();
        self.world.step(&self.maze, &std::mem::take(&mut self.log));
        delta(&before, &self.world, &self.maze)
    }

    pub fn ticks(&mut self, count: u32) -> Vec<Event> {
        (0..count).flat_map(|_| self.tick().events).collect()
    }

    /// The events of the tick that brings the first one that is wanted, at most 500 ticks on.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        for _ in 0..500 {
            let events = self.tick().events;
            if events.iter().any(&wanted) {
                return events;
            }
        }
        panic!("it does not happen within 500 ticks")
    }

    #[track_caller]
    pub fn player(&self, player: u64) -> &Player {
        self.world.player(player).expect("the player is in the game")
    }

    #[track_caller]
    pub fn tank(&self, player: u64) -> Tank {
        self.player(player).tank.expect("the player has a tank")
    }

    pub fn has_tank(&self, player: u64) -> bool {
        self.player(player).tank.is_some()
    }

    /// Armour that the player's tank lacks, 1.0 being a missile's impact.
    #[track_caller]
    pub fn damage(&self, player: u64) -> f64 {
        f64::from(sim::ARMOUR_MAX - self.tank(player).armour) / f64::from(sim::ONE)
    }
}

pub fn open_field(entries: &str) -> String {
    format!("name Field\n{entries}")
}

/// One player with a tank in the middle of an empty arena, facing +x.
pub fn alone() -> Game {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0"), 1);
    game.launch(0, 0).tick();
    game
}

/// A game of `players` in which player 0 has a tank with bounce at entry point 0, which is the only tank.
pub fn with_bounce(maze: &str, players: u64) -> Game {
    // What a destroyed tank leaves is drawn from the seed: one of the first few gives it.
    for seed in 0..64 {
        let mut game = Game::with(maze, players, seed, Rounds::default());
        game.launch(0, 0).press(0, 0, action::DESTRUCT).ticks(50);
        game.launch(0, 0).tick();
        if game.tank(0).bounce {
            return game;
        }
    }
    panic!("64 seeds give no bounce")
}
