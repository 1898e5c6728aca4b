//! What a tick costs: 8 tanks, 20 missiles, a maze of some 90 segments, and a full chat.
//!
//! `cargo bench -p sim`. `step` is the simulation alone; `whole tick` is what the server pays for each tick of a game: it
//! keeps the world before, steps, makes the delta and takes the digest.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use sim::{Entry, Maze, RULES, Rounds, STANDARD_MAZE, World, action, delta, keys, step_along};
use std::hint::black_box;

const TANKS: u64 = 8;
const MISSILES: usize = 20;
/// Different worlds, so that no branch is always taken the same way.
const WORLDS: u64 = 64;

/// Numbers from a seed (an LCG's upper bits).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A busy world: eight tanks that have driven about for a while, and twenty missiles in flight.
fn busy(maze: &Maze, seed: u64) -> World {
    let mut random = Random(seed);
    let mut world = World::new(maze, RULES, TANKS as u8, seed, Rounds { play_ticks: 9_000, rest_ticks: 400 });
    let mut log: Vec<Entry> = (1..=TANKS)
        .map(|player| Entry::Join { player: player << 56, name: format!("somebody {player}"), bot: false })
        .collect();
    log.extend(
        (0..16).map(|_| Entry::Chat { player: 1 << 56, text: "words that are said in a game, again".into() }),
    );
    let mut seqs = [0; TANKS as usize];
    for _ in 0..200 {
        for player in 1..=TANKS {
            let is_in = world.player(player << 56).is_some_and(|player| player.tank.is_some());
            if is_in && random.below(12) != 0 {
                continue;
            }
            let turn = [0, 0, keys::LEFT, keys::RIGHT][random.below(4) as usize];
            let seq = &mut seqs[player as usize - 1];
            *seq += 1;
            log.push(Entry::Input {
                player: player << 56,
                session: 1,
                seq: *seq,
                keys: keys::FORWARD | turn,
                action: action::LAUNCH_ANY,
                stale: false,
            });
        }
        world.step(maze, &std::mem::take(&mut log));
    }
    with_missiles(&mut random, maze, &world)
}

/// The world with missiles where nothing is in their way for a tick. No game has so many often enough to wait for it.
fn with_missiles(random: &mut Random, maze: &Maze, world: &World) -> World {
    let mut missiles = Vec::new();
    while missiles.len() < MISSILES {
        let mut place = || random.below(240_001) as i32 - 120_000;
        let (x, y) = (place(), place());
        let heading = random.below(65_536) as u16;
        let (dx, dy) = step_along(2_560, heading);
        let far = world
            .players()
            .filter_map(|player| player.tank)
            .all(|tank| f64::from(tank.x - x).hypot(f64::from(tank.y - y)) > 12_000.0);
        if far && maze.clear_line((x, y), (x + dx, y + dy)) {
            let (id, slot) = (missiles.len(), random.below(TANKS));
            missiles.push(json!({
                "id": id, "slot": slot, "x": x, "y": y, "heading": heading.to_le_bytes(), "bounce": id % 2 == 0, "fresh": false,
            }));
        }
    }
    let mut value = serde_json::to_value(world).expect("a world has plain fields only");
    value["missiles"] = Value::Array(missiles);
    let world: World = serde_json::from_value(value).expect("it is a world again");
    World::restore(maze, &world.snapshot()).expect("and one that the rules could have made")
}

fn ticks(criterion: &mut Criterion) {
    let maze = Maze::parse(STANDARD_MAZE).expect("the standard maze is right");
    let worlds: Vec<World> = (0..WORLDS).map(|seed| busy(&maze, seed)).collect();
    for world in &worlds {
        assert_eq!(world.players().filter(|player| player.tank.is_some()).count(), TANKS as usize);
        assert_eq!(world.missiles().len(), MISSILES);
    }
    println!("{} segments, snapshots of {} bytes", maze.segments().len(), worlds[0].snapshot().len());
    let mut turn = worlds.iter().cycle();
    let mut next = || turn.next().expect("a cycle has no end");

    criterion.bench_function("step", |bench| {
        bench.iter_batched(
            || next().clone(),
            |mut world| {
                world.step(&maze, &[]);
                world
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("clone", |bench| bench.iter(|| black_box(next().clone())));
    criterion.bench_function("digest", |bench| bench.iter(|| next().digest()));
    criterion.bench_function("snapshot", |bench| bench.iter(|| next().snapshot()));
    criterion.bench_function("whole tick", |bench| {
        bench.iter(|| {
            let before = next();
            let mut world = before.clone();
            world.step(&maze, &[]);
            (delta(before, &world, &maze), world.digest(), world)
        });
    });
}

criterion_group!(benches, ticks);
criterion_main!(benches);
