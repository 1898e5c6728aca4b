//! What holds in every game: random ones, each from a seed that a failure prints.

mod play;
mod view;

use play::{Play, Random};
use proptest::prelude::*;
use sim::{Event, MAZES, Maze, PENETRATION_MAX, RULES, Rounds, TANK_RADIUS, World, delta};
use view::View;

/// Rounds of 8 s, so that a thousand ticks see two.
const ROUNDS: Rounds = Rounds { play_ticks: 400, rest_ticks: 40 };

/// A pit of 5 u by 5 u with a gap that is too narrow for tanks: where many are, most shots hit.
const PIT: &str = "name Pit
wall 3,0.2 3,3 -3,3 -3,-3 3,-3 3,-0.2 2.5,-0.2 2.5,-2.5 -2.5,-2.5 -2.5,2.5 2.5,2.5 2.5,0.2 3,0.2
entry a 1.6,1.6 facing 270
entry b -1.6,1.6 facing 270
entry c -1.6,-1.6 facing 90
entry d 1.6,-1.6 facing 90
";

/// Sharp, narrow and crossing walls, which no sane maze has.
const NASTY: &str = "name Nasty
wall -6,0 -2,0.3 -6,0.6 -6,0
wall -6,-0.7 -2,0.2 -6,-1.5 -6,-0.7
wall 0,-9 0.01,9 -0.01,9 0,-9
wall 3,3 4,7 5,3 6,7 7,3 5,9 3,3
wall 3,-3 7,-7 7,-3 3,-7 3,-3
wall -10,-10 -8,-4 -10,-4 -10,-10
entry a -4,4 facing 270
entry b 1.5,0 facing 180
entry c 5,0.5 facing 90
entry d 2,-5 facing 0
";

/// A small arena that is not square, with walls on its edge.
const LOW: &str = "name Low
arena 14.5 8
wall -7.25,-4 -6,-1 -7.25,2 -7.25,-4
wall -2,-0.5 2,-0.5 2,0.5 -2,0.5 -2,-0.5
wall 7.25,4 5,4 7.25,2.5 7.25,4
entry a -4,2 facing 0
entry b 4,-2 facing 180
entry c 0,3 facing 90
entry d 6.65,-3.4 facing 135
";

/// Three that no sane maze is like, and one that ships.
fn mazes(seed: u64) -> [Maze; 4] {
    let shipped = MAZES[(seed % MAZES.len() as u64) as usize];
    [NASTY, PIT, LOW, shipped].map(|text| Maze::parse(text).expect("the test's mazes are right"))
}

/// Long, sharp and crossing walls anywhere in an arena of any size, with an entry point or more where there is room.
fn random_maze(seed: u64) -> Maze {
    let mut random = Random(seed);
    loop {
        let mut side = || 8 + random.below(13);
        let (width, height) = (side(), side());
        let mut corner = || {
            let mut place = |side: u64| random.below(side * 10_000 + 1) as f64 / 10_000.0 - side as f64 / 2.0;
            format!("{:.4},{:.4}", place(width), place(height))
        };
        let mut text = format!("name Random\narena {width} {height}");
        for _ in 0..5 {
            let [a, b, c] = [corner(), corner(), corner()];
            text += &format!("\nwall {a} {b} {c} {a}");
        }
        for n in 0..16 {
            let entry = format!("\nentry e{n} {} facing {}", corner(), n * 22);
            if Maze::parse(&(text.clone() + &entry)).is_ok() {
                text += &entry;
            }
        }
        if let Ok(maze) = Maze::parse(&text) {
            return maze;
        }
    }
}

fn started(maze: &Maze, slots: u8) -> World {
    World::new(maze, RULES, slots, 7, ROUNDS)
}

/// The exact distance (to double precision) from a tank's middle to the nearest wall.
fn distance_to_walls(maze: &Maze, x: i32, y: i32) -> f64 {
    let (px, py) = (f64::from(x), f64::from(y));
    let distances = maze.segments().iter().map(|s| {
        let (ax, ay) = (f64::from(s.a.0), f64::from(s.a.1));
        let (dx, dy) = (f64::from(s.b.0) - ax, f64::from(s.b.1) - ay);
        let along = (((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        (px - ax - along * dx).hypot(py - ay - along * dy)
    });
    distances.fold(f64::INFINITY, f64::min)
}

fn side(a: (i32, i32), b: (i32, i32), p: (i32, i32)) -> i64 {
    let d = |p: i32, q: i32| i64::from(p) - i64::from(q);
    (d(b.0, a.0) * d(p.1, a.1) - d(b.1, a.1) * d(p.0, a.0)).signum()
}

/// Does the way from `p` to `q` go through a wall? A way along the wall's own line, but beside it, does not.
fn passes_wall(maze: &Maze, p: (i32, i32), q: (i32, i32)) -> bool {
    let apart = |a: i32, b: i32, c: i32, d: i32| a.max(b) < c.min(d) || c.max(d) < a.min(b);
    maze.segments().iter().any(|s| {
        !apart(p.0, q.0, s.a.0, s.b.0)
            && !apart(p.1, q.1, s.a.1, s.b.1)
            && side(s.a, s.b, p) * side(s.a, s.b, q) <= 0
            && side(p, q, s.a) * side(p, q, s.b) <= 0
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_world_goes_on_as_if_it_had_never_stopped(
        seed: u64, players in 1..9_u64, slots in 1..9_u8, stop in 1..300_u64,
    ) {
        for maze in mazes(seed) {
            let mut play = Play::new(seed, players, true);
            let mut world = started(&maze, slots);
            for tick in 1..=stop {
                world.step(&maze, &play.log(tick));
            }
            let mut restored = World::restore(&maze, &world.snapshot()).unwrap();
            prop_assert_eq!(&restored, &world);
            for tick in stop + 1..stop + 100 {
                let log = play.log(tick);
                let (before, restored_before) = (world.clone(), restored.clone());
                world.step(&maze, &log);
                restored.step(&maze, &log);
                prop_assert_eq!(restored.digest(), world.digest());
                prop_assert_eq!(
                    delta(&restored_before, &restored, &maze),
                    delta(&before, &world, &maze)
                );
            }
            prop_assert_eq!(restored, world);
        }
    }

    #[test]
    fn a_client_that_applies_deltas_sees_the_world_exactly(
        seed: u64, players in 1..9_u64, slots in 1..9_u8, unruly: bool,
    ) {
        for maze in mazes(seed) {
            let mut play = Play::new(seed, players, unruly);
            let mut world = started(&maze, slots);
            let mut view = View::of(&world);
            for tick in 1..=1_000 {
                let before = world.clone();
                world.step(&maze, &play.log(tick));
                let delta = delta(&before, &world, &maze);
                prop_assert!(delta.residuals.iter().all(|r| r.dx.abs() <= 6_512 && r.dy.abs() <= 6_512 && r.dh.unsigned_abs() <= 417));
                view.apply(&maze, &delta);
                prop_assert_eq!(&view, &View::of(&world), "tick {}", tick);
                prop_assert_eq!(World::restore(&maze, &world.snapshot()), Ok(world.clone()));
            }
        }
    }

    #[test]
    fn no_tank_leaves_the_arena_stands_in_a_wall_or_another_tank_or_passes_a_wall(seed: u64, players in 1..33_u64) {
        for maze in mazes(seed).into_iter().chain([random_maze(seed)]) {
            let mut play = Play::new(seed, players, false);
            let mut world = started(&maze, 32);
            for tick in 1..=1_000 {
                let before = world.clone();
                world.step(&maze, &play.log(tick));
                for player in world.players() {
                    let Some(tank) = player.tank else { continue };
                    let (width, height) = (maze.half_width() - TANK_RADIUS, maze.half_height() - TANK_RADIUS);
                    prop_assert!(tank.x.abs() <= width && tank.y.abs() <= height, "{:?}", tank);
                    let depth = f64::from(TANK_RADIUS) - distance_to_walls(&maze, tank.x, tank.y);
                    prop_assert!(depth <= f64::from(PENETRATION_MAX), "tick {}: {} deep, {:?}", tick, depth, tank);
                    for other in world.players().filter(|other| other.slot > player.slot) {
                        let Some(other) = other.tank else { continue };
                        let distance = f64::from(tank.x - other.x).hypot(f64::from(tank.y - other.y));
                        let depth = f64::from(2 * TANK_RADIUS) - distance;
                        prop_assert!(depth <= f64::from(PENETRATION_MAX), "{:?} in {:?}", tank, other);
                    }
                    if let Some(old) = before.player(player.id).and_then(|player| player.tank) {
                        prop_assert!(!passes_wall(&maze, (old.x, old.y), (tank.x, tank.y)));
                    }
                }
            }
        }
    }

    #[test]
    fn no_missile_passes_a_wall_and_one_that_bounces_stays_on_its_side(seed: u64, players in 1..17_u64) {
        for maze in mazes(seed).into_iter().chain([random_maze(seed)]) {
            let mut play = Play::new(seed, players, false);
            let mut world = started(&maze, 16);
            for tick in 1..=1_000 {
                let before = world.clone();
                world.step(&maze, &play.log(tick));
                for missile in world.missiles() {
                    let Some(old) = before.missiles().iter().find(|old| old.id == missile.id) else { continue };
                    let from = if old.fresh {
                        // Its way began at the middle of the tank that shot it.
                        let tank = before.player_in(old.slot).and_then(|player| player.tank).expect("it just shot");
                        (tank.x, tank.y)
                    } else {
                        (old.x, old.y)
                    };
                    let to = (missile.x, missile.y);
                    prop_assert!(!passes_wall(&maze, from, to), "tick {}: {:?} {:?}", tick, old, missile);
                    let inside = to.0.abs() <= maze.half_width() && to.1.abs() <= maze.half_height();
                    prop_assert!(inside, "tick {}: {:?}", tick, missile);
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_restored_and_never_panic(bytes: Vec<u8>, head in 0..4_u8) {
        let [.., maze] = mazes(0);
        // Some with a right beginning, so that the records behind it are reached.
        let mut bytes = bytes;
        let beginning = started(&maze, 4).snapshot();
        match head {
            0 => {}
            1 => { bytes.splice(..0, [1, 1]); }
            _ => { bytes.splice(..0, beginning[..beginning.len() - usize::from(head)].iter().copied()); }
        }
        if let Ok(mut world) = World::restore(&maze, &bytes) {
            world.step(&maze, &[]);
        }
    }

    #[test]
    fn spoilt_snapshots_are_refused_or_go_on_and_never_panic(
        seed: u64, at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let [maze, ..] = mazes(seed);
        let mut play = Play::new(seed, 4, true);
        let mut world = started(&maze, 4);
        for tick in 1..=60 {
            world.step(&maze, &play.log(tick));
        }
        let whole = world.snapshot();
        for cut in 0..whole.len() {
            prop_assert!(World::restore(&maze, &whole[..cut]).is_err());
        }
        let mut spoilt = whole;
        for (index, byte) in at {
            let index = index.index(spoilt.len());
            spoilt[index] = byte;
        }
        if let Ok(mut world) = World::restore(&maze, &spoilt) {
            for tick in 61..=120 {
                let before = world.clone();
                world.step(&maze, &play.log(tick));
                delta(&before, &world, &maze);
            }
        }
    }
}

/// The name of an event's kind.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Join { .. } => "join",
        Event::Leave { .. } => "leave",
        Event::Launch { .. } => "launch",
        Event::Shot { .. } => "shot",
        Event::Hit { .. } => "hit",
        Event::Gone { .. } => "gone",
        Event::Kill { .. } => "kill",
        Event::Burst { .. } => "burst",
        Event::Bounce { .. } => "bounce",
        Event::Hurt { .. } => "hurt",
        Event::PickUp { .. } => "pick-up",
        Event::Destruct { .. } => "destruct",
        Event::Rename { .. } => "rename",
        Event::Chat { .. } => "chat",
        Event::RoundOver { .. } => "round over",
        Event::RoundStart { .. } => "round start",
    }
}

/// The other tests would hold in a game where nothing happens.
#[test]
fn random_games_have_all_that_the_properties_are_about() {
    let [_, pit, low, _] = mazes(0);
    let mut counts = std::collections::BTreeMap::new();
    for maze in [pit, low] {
        let mut play = Play::new(1, 9, true);
        let mut world = started(&maze, 8);
        for tick in 1..=3_000 {
            let before = world.clone();
            world.step(&maze, &play.log(tick));
            let delta = delta(&before, &world, &maze);
            *counts.entry("push").or_insert(0) += delta.residuals.len();
            for event in &delta.events {
                *counts.entry(kind(event)).or_insert(0) += 1;
            }
        }
    }
    for name in [
        "join",
        "leave",
        "launch",
        "shot",
        "hit",
        "gone",
        "kill",
        "burst",
        "bounce",
        "hurt",
        "pick-up",
        "destruct",
        "rename",
        "chat",
        "round over",
        "round start",
        "push",
    ] {
        assert!(counts.get(name).is_some_and(|count| *count >= 4), "few of {name}: {counts:?}");
    }
}
