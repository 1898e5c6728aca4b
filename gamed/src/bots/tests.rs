//! Whole games of bots, played without a clock: a world, its bots, and nothing else. Each test prints its seed.

use super::plane::Spot;
use super::temper::{Skill, Temper};
use super::way::Ways;
use super::{Bots, Dice};
use protocol::PlayerId;
use rand::{Rng, SeedableRng};
use sim::{Entry, Event, ItemKind, MAZES, Maze, RULES, Rounds, World};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const MINUTE: u64 = 3_000;
/// Nobody stands still for longer, in ticks.
const STILL: u64 = 150;
/// Somebody who got no farther than 1 u in so many ticks, and did not fight, is stuck.
const LONG: usize = 500;

/// What happened in a game.
#[derive(Debug, Default)]
struct Story {
    launches: u32,
    shots: u32,
    hits: u32,
    kills: u32,
    deaths: u32,
    destructs: u32,
    health: u32,
    bounce: u32,
    inputs: u32,
    /// Longest that a tank stood still, in ticks.
    still: u64,
    /// Times that a tank was stuck.
    stuck: u32,
    /// Kills by slot.
    by: BTreeMap<u8, u32>,
}

/// Where a tank was in its present life.
#[derive(Default)]
struct Life {
    path: Vec<Spot>,
    shot: Vec<bool>,
    stood: u64,
}

struct Arena {
    maze: Maze,
    world: World,
    bots: Bots,
    story: Story,
    lives: BTreeMap<u8, Life>,
}

impl Arena {
    fn new(maze: &str, slots: u8, wanted: u8, seed: u64) -> Arena {
        println!("seed {seed}");
        let maze = Maze::parse(maze).unwrap();
        let world = World::new(&maze, RULES, slots, seed, Rounds::default());
        let bots = Bots::seeded(&world, wanted, seed);
        Arena { maze, world, bots, story: Story::default(), lives: BTreeMap::new() }
    }

    /// A game of these bots alone.
    fn duel(maze: &str, bots: &[u64], seed: u64) -> Arena {
        let mut arena = Arena::new(maze, 8, bots.len() as u8, seed);
        let joins: Vec<_> =
            bots.iter().map(|id| Entry::Join { player: *id, name: id.to_string(), bot: true }).collect();
        arena.step(joins);
        arena
    }

    fn step(&mut self, mut entries: Vec<Entry>) {
        let tick = self.world.tick() + 1;
        let world = &self.world;
        let mut inputs = Vec::new();
        self.bots.take_part(world, &self.maze, &mut entries, |PlayerId(player), input| {
            assert_eq!(input.for_tick.0, tick);
            assert_eq!(input.seq, world.player(player).unwrap().last_seq + 1, "no hole and no repeat");
            let (seq, keys, action) = (input.seq, input.keys, input.action);
            inputs.push(Entry::Input { player, session: 0, seq, keys, action, stale: false });
        });
        entries.extend(inputs);
        let before = self.world.clone();
        self.world.step(&self.maze, &entries);
        self.story.inputs +=
            entries.iter().filter(|entry| matches!(entry, Entry::Input { .. })).count() as u32;
        self.tell(&before);
    }

    fn tell(&mut self, before: &World) {
        let mut shooters = Vec::new();
        for event in sim::delta(before, &self.world, &self.maze).events {
            let story = &mut self.story;
            match event {
                Event::Launch { slot, .. } => {
                    story.launches += 1;
                    self.lives.insert(slot, Life::default());
                }
                Event::Shot { slot, .. } => {
                    story.shots += 1;
                    shooters.push(slot);
                }
                Event::Hit { .. } => story.hits += 1,
                Event::Kill { slot, by, .. } => {
                    story.deaths += 1;
                    if by != slot && by != sim::NOBODY {
                        story.kills += 1;
                        *story.by.entry(by).or_default() += 1;
                    }
                }
                Event::Destruct { .. } => story.destructs += 1,
                Event::PickUp { item, .. } => {
                    let kind = before.items().iter().find(|lying| lying.id == item).map(|item| item.kind);
                    match kind {
                        Some(ItemKind::Health) => story.health += 1,
                        _ => story.bounce += 1,
                    }
                }
                _ => {}
            }
        }
        for player in self.world.players() {
            let Some(tank) = &player.tank else { continue };
            let at = Spot::of_units((tank.x, tank.y));
            let life = self.lives.entry(player.slot).or_default();
            let moved = life.path.last().is_none_or(|last| (*last - at).length() > 0.0005);
            life.stood = if moved { 0 } else { life.stood + 1 };
            self.story.still = self.story.still.max(life.stood);
            life.path.push(at);
            life.shot.push(shooters.contains(&player.slot));
            if life.path.len().is_multiple_of(100) && life.path.len() >= LONG {
                let lately = &life.path[life.path.len() - LONG..];
                let extent = |of: fn(&Spot) -> f32| {
                    let (low, high) = lately
                        .iter()
                        .map(of)
                        .fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
                    high - low
                };
                let fought = life.shot[life.shot.len() - LONG..].iter().any(|shot| *shot);
                if !fought && extent(|at| at.x).max(extent(|at| at.y)) < 1.0 {
                    self.story.stuck += 1;
                }
            }
        }
    }

    fn play(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.step(Vec::new());
        }
    }
}

/// An id with this skill.
fn id_of(skill: Skill, dice: &mut Dice) -> u64 {
    loop {
        let id = dice.random();
        if Temper::of(id).skill == skill {
            return id;
        }
    }
}

#[test]
fn games_of_bots_are_lively_in_every_maze() {
    const MINUTES: u64 = 5;
    for maze in MAZES {
        let mut arena = Arena::new(maze, 8, 4, 1);
        arena.play(MINUTES * MINUTE);
        let story = &arena.story;
        println!(
            "{}: {:.1} kills a minute, {story:?}",
            arena.maze.name(),
            f64::from(story.kills) / MINUTES as f64
        );
        assert!(u64::from(story.kills) >= 6 * MINUTES, "too quiet");
        assert!(story.still <= STILL, "somebody stood still");
        assert_eq!(story.stuck, 0, "somebody was stuck");
        assert!(story.health > 0 && story.bounce > 0, "items lay unused");
        let keys = f64::from(story.inputs) / (4 * MINUTES * MINUTE / 50) as f64;
        assert!(keys < 10.0, "more changes of keys than people make: {keys} a second");
    }
}

#[test]
fn a_full_game_of_bots_gets_nobody_stuck() {
    for maze in MAZES {
        let mut arena = Arena::new(maze, 32, 16, 2);
        arena.play(2 * MINUTE);
        let story = &arena.story;
        println!("{}: {story:?}", arena.maze.name());
        assert!(story.still <= STILL && story.stuck == 0);
    }
}

#[test]
fn the_better_win_and_the_worse_do_not_always_lose() {
    let seed = 5;
    let mut dice = Dice::seed_from_u64(seed);
    for (better, worse) in
        [(Skill::Sharp, Skill::Fair), (Skill::Fair, Skill::Clumsy), (Skill::Sharp, Skill::Clumsy)]
    {
        let (mut wins, mut losses) = (0, 0);
        for _ in 0..6 {
            let bots = [id_of(better, &mut dice), id_of(worse, &mut dice)];
            let mut arena = Arena::duel(MAZES[0], &bots, seed);
            arena.play(3 * MINUTE);
            wins += arena.story.by.get(&0).copied().unwrap_or_default();
            losses += arena.story.by.get(&1).copied().unwrap_or_default();
        }
        println!("{better:?} {wins} : {losses} {worse:?}");
        assert!(f64::from(wins) > 1.25 * f64::from(losses), "skill does not tell");
        assert!(f64::from(losses) > 0.1 * f64::from(wins), "no chance against them");
    }
}

#[test]
fn bots_wait_between_rounds_and_come_back() {
    let rounds = Rounds { play_ticks: 1_000, rest_ticks: 200 };
    let mut arena = Arena::new(MAZES[0], 8, 4, 3);
    arena.world = World::new(&arena.maze, RULES, 8, 3, rounds);
    let mut rested = 0;
    while arena.world.round().number < 3 {
        rested = if arena.world.round().resting { rested + 1 } else { 0 };
        let (inputs, launches) = (arena.story.inputs, arena.story.launches);
        arena.step(Vec::new());
        if rested > 0 && arena.world.round().resting {
            assert_eq!(arena.story.launches, launches);
            // Whoever held a key when the round ended lets go of it at once.
            assert!(rested == 1 || arena.story.inputs == inputs, "an input at rest");
        }
    }
    assert!(arena.story.launches > 8, "{:?}", arena.story);
}

#[test]
#[ignore = "prints times: cargo test --release -p gamed --lib bots::tests::cost -- --ignored --nocapture"]
fn cost_of_eight_bots() {
    for maze in MAZES {
        let maze = Maze::parse(maze).unwrap();
        let mut world = World::new(&maze, RULES, 9, 1, Rounds::default());
        let mut bots = Bots::seeded(&world, 8, 1);
        let began = Instant::now();
        let ways = Ways::of(&maze);
        let ways_took = began.elapsed();
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..20 * MINUTE {
            let (mut entries, mut inputs) = (Vec::new(), Vec::new());
            let began = Instant::now();
            bots.take_part(&world, &maze, &mut entries, |PlayerId(player), input| {
                let (seq, keys, action) = (input.seq, input.keys, input.action);
                inputs.push(Entry::Input { player, session: 0, seq, keys, action, stale: false });
            });
            took.push(began.elapsed());
            entries.extend(inputs);
            world.step(&maze, &entries);
        }
        let mean = took.iter().sum::<Duration>() / took.len() as u32;
        took.sort_unstable();
        let (p99, p999) = (took[took.len() * 99 / 100], took[took.len() * 999 / 1000]);
        println!("{}: ways {ways_took:?}, a tick {mean:?}, p99 {p99:?}, p99.9 {p999:?}", maze.name());
        drop(ways);
    }
}
