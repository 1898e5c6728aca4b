//! The rules, one by one, with the numbers that players know.

use sim::{
    ARENA_HALF, ARMOUR_MAX, Delta, Entry, Event, GONE_TICKS, MISSILE_STEP, Maze, RELOAD_TICKS, RULES,
    RestoreError, STANDARD_MAZE, TANK_COLLISION_RADIUS, TANK_RADIUS, TICKS_PER_SECOND, Tank, U, World,
    action, cos, delta, input_hash, keys, sin, step_along,
};

/// A game in a maze, driven player by player. Player n has id n and session 1.
struct Game {
    maze: Maze,
    world: World,
    log: Vec<Entry>,
}

impl Game {
    /// A game with `players` joined, in slots 0, 1, ..., after one tick.
    fn new(maze: &str, players: u64) -> Game {
        let maze = Maze::parse(maze).expect("the test's maze is right");
        let world = World::new(&maze, RULES, 8, 0);
        let mut game = Game { maze, world, log: Vec::new() };
        for player in 0..players {
            game.log.push(Entry::Join { player, name: format!("player {player}") });
        }
        game.tick();
        game
    }

    /// An input of the player in the next tick.
    fn press(&mut self, player: u64, keys: u8, action: u8) -> &mut Game {
        let pending =
            self.log.iter().filter(|entry| matches!(entry, Entry::Input { player: of, .. } if *of == player));
        let seq = self.world.player(player).expect("the player is in the game").last_seq
            + pending.count() as u32
            + 1;
        self.log.push(Entry::Input { player, session: 1, seq, keys, action });
        self
    }

    fn tick(&mut self) -> Delta {
        let before = self.world.clone();
        self.world.step(&self.maze, &std::mem::take(&mut self.log));
        delta(&before, &self.world, &self.maze)
    }

    fn ticks(&mut self, count: u32) -> Vec<Event> {
        (0..count).flat_map(|_| self.tick().events).collect()
    }

    fn tank(&self, player: u64) -> Tank {
        self.world.player(player).expect("the player is in the game").tank.expect("the player has a tank")
    }

    fn has_tank(&self, player: u64) -> bool {
        self.world.player(player).expect("the player is in the game").tank.is_some()
    }
}

fn open_field(entries: &str) -> String {
    format!("name Field\n{entries}")
}

/// One player with a tank in the middle of an empty arena, facing +x.
fn alone() -> Game {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0"), 1);
    game.press(0, 0, action::LAUNCH_ANY).tick();
    game
}

#[test]
fn forward_is_two_units_of_length_a_second_and_backward_one() {
    let mut game = alone();
    game.press(0, keys::FORWARD, 0).ticks(TICKS_PER_SECOND.into());
    assert_eq!((game.tank(0).x, game.tank(0).y), (2 * U, 0));
    game.press(0, keys::BACK, 0).ticks(TICKS_PER_SECOND.into());
    assert_eq!((game.tank(0).x, game.tank(0).y), (U, 0));
}

#[test]
fn left_turns_counter_clockwise_by_two_radians_a_second_and_right_back() {
    let mut game = alone();
    game.press(0, keys::LEFT, 0).ticks(TICKS_PER_SECOND.into());
    let radians = f64::from(game.tank(0).heading) * std::f64::consts::TAU / 65_536.0;
    assert!((radians - 2.0).abs() < 0.002, "{radians}");
    game.press(0, keys::RIGHT, 0).ticks(TICKS_PER_SECOND.into());
    assert_eq!(game.tank(0).heading, 0);
    game.tick();
    assert_eq!(game.tank(0).heading, 65_536_u32.wrapping_sub(417) as u16);
}

#[test]
fn opposite_keys_cancel() {
    let mut game = alone();
    let before = game.tank(0);
    game.press(0, keys::LEFT | keys::RIGHT | keys::FORWARD | keys::BACK, 0).ticks(10);
    assert_eq!(game.tank(0), before);
}

#[test]
fn a_tank_turns_before_it_moves() {
    let mut game = alone();
    game.press(0, keys::LEFT | keys::FORWARD, 0).tick();
    let tank = game.tank(0);
    assert_eq!((tank.x, tank.y), step_along(512, 417));
}

#[test]
fn a_full_circle_comes_back_near_its_beginning() {
    let mut game = alone();
    // Speed 512, 0.04 rad a tick: a circle of radius 1.0 u, closed after 157.2 ticks.
    game.press(0, keys::LEFT | keys::FORWARD, 0).ticks(157);
    let tank = game.tank(0);
    assert!(tank.x.abs() < 600 && tank.y.abs() < 600, "{tank:?}");
}

#[test]
fn speed_differs_by_heading_by_less_than_0_3_percent() {
    for heading in (0..=u16::MAX).step_by(16) {
        let (dx, dy) = step_along(512, heading);
        let speed = f64::from(dx).hypot(f64::from(dy));
        assert!((speed / 512.0 - 1.0).abs() < 0.003, "{heading}: {speed}");
        let square = sin(heading).pow(2) + cos(heading).pow(2);
        assert!((square - (1 << 28)).abs() < 1 << 15, "{heading}");
    }
}

#[test]
fn a_tank_stops_at_the_arenas_edge() {
    let mut game = alone();
    game.press(0, keys::FORWARD, 0).ticks(500);
    assert_eq!((game.tank(0).x, game.tank(0).y), (ARENA_HALF - TANK_RADIUS, 0));
}

#[test]
fn a_tank_stops_at_a_wall_and_slides_along_one() {
    let maze = open_field("wall 3,-5 4,-5 4,5 3,5 3,-5\nentry a 0,0 facing 0");
    let mut game = Game::new(&maze, 1);
    game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(200);
    assert_eq!((game.tank(0).x, game.tank(0).y), (3 * U - TANK_RADIUS, 0));
    // 20 ticks of left: 46 degrees.
    game.press(0, keys::LEFT | keys::FORWARD, 0).ticks(20);
    let before = game.tank(0).y;
    game.press(0, keys::FORWARD, 0).ticks(50);
    assert_eq!(game.tank(0).x, 3 * U - TANK_RADIUS);
    let slid = game.tank(0).y - before;
    assert!((17_000..19_000).contains(&slid), "sin(46 degrees) of 2 u: {slid}");
}

#[test]
fn a_tank_goes_round_a_walls_corner() {
    // The corner is 0.2 u beside the tank's way: it is pushed aside and passes.
    let maze = open_field("wall 3,-0.2 5,-3 3,-3 3,-0.2\nentry a 0,0 facing 0");
    let mut game = Game::new(&maze, 1);
    game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(250);
    let tank = game.tank(0);
    assert!(tank.x > 4 * U && tank.y > TANK_RADIUS / 2, "{tank:?}");
}

#[test]
fn a_tank_stops_in_an_inner_corner() {
    let maze = open_field("wall 4,-4 5,-4 5,5 -4,5 -4,4 4,4 4,-4\nentry a 2,2 facing 45");
    let mut game = Game::new(&maze, 1);
    game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(200);
    let tank = game.tank(0);
    assert_eq!((tank.x, tank.y), (4 * U - TANK_RADIUS, 4 * U - TANK_RADIUS));
}

#[test]
fn tanks_push_each_other_half_each() {
    let mut game = Game::new(&open_field("entry a -2,0 facing 0\nentry b 2,0 facing 180"), 2);
    game.press(0, keys::FORWARD, 3).press(1, 0, 4).ticks(150);
    let (a, b) = (game.tank(0), game.tank(1));
    assert!((b.x - a.x - 2 * TANK_RADIUS).abs() <= 2, "they touch: {a:?} {b:?}");
    let before = a.x;
    game.tick();
    assert!((game.tank(0).x - before - 256).abs() <= 1, "half of 512");
    game.press(1, keys::FORWARD, 0).tick();
    let before = game.tank(0).x;
    game.ticks(50);
    assert!((game.tank(0).x - before).abs() <= 2, "equal forces hold");
}

#[test]
fn a_row_of_tanks_does_not_press_one_into_a_wall() {
    let maze = open_field(
        "wall 3,-5 4,-5 4,5 3,5 3,-5\nentry a 2.4,0 facing 0\nentry b 0.8,0 facing 0\nentry c -0.8,0 facing 0",
    );
    let mut game = Game::new(&maze, 3);
    game.press(0, keys::FORWARD, 3).press(1, keys::FORWARD, 4).press(2, keys::FORWARD, 5).ticks(200);
    for (player, x) in [(0, 3 * U - TANK_RADIUS), (1, 3 * U - 3 * TANK_RADIUS), (2, 3 * U - 5 * TANK_RADIUS)]
    {
        // Up to one step of room may stay between them: where a row cannot be packed closer, all wait.
        assert!((game.tank(player).x - x).abs() <= 512, "{:?}", game.tank(player));
    }
}

#[test]
fn fire_shoots_at_once_and_again_after_one_second() {
    let mut game = alone();
    game.press(0, keys::FIRE, 0);
    assert_eq!(game.tick().events, [Event::Shot { slot: 0, missile: 0 }]);
    assert_eq!(game.tank(0).reload, RELOAD_TICKS);
    let shots = |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Shot { .. })).count();
    assert_eq!(shots(&game.ticks(49)), 0);
    assert_eq!(shots(&game.tick().events), 1, "held: 50 ticks later");
    game.press(0, 0, 0).ticks(60);
    assert_eq!(game.tank(0).reload, 0);
    game.press(0, keys::FIRE, 0).press(0, 0, 0);
    assert_eq!(shots(&game.tick().events), 1, "pressed and released within a tick");
}

#[test]
fn a_missile_starts_at_the_rim_and_flies_ten_units_of_length_a_second() {
    let mut game = alone();
    game.press(0, keys::FIRE, 0).tick();
    let missile = game.world.missiles()[0];
    assert_eq!((missile.x, missile.y, missile.heading, missile.slot), (TANK_RADIUS, 0, 0, 0));
    game.press(0, 0, 0).ticks(25);
    assert_eq!(game.world.missiles()[0].x, TANK_RADIUS + 5 * U);
    // 122,000 units to the edge: gone in the step that passes it.
    let events = game.ticks(23);
    assert_eq!(events, [Event::Gone { missile: 0 }]);
    assert!(game.world.missiles().is_empty());
}

/// Shoots from the middle of the arena at a tank `x` to the right and `y` up, and returns the damage in Q14.
fn shot_at(x: &str, y: &str) -> i32 {
    let maze = open_field(&format!("entry a 0,0 facing 0\nentry b {x},{y} facing 90"));
    let mut game = Game::new(&maze, 2);
    game.press(0, keys::FIRE, 3).press(1, 0, 4).tick();
    game.press(0, 0, 0).ticks(60);
    i32::from(ARMOUR_MAX) - i32::from(game.tank(1).armour)
}

#[test]
fn a_hit_dead_centre_does_1_0_at_any_distance() {
    // Whichever part of a step the tank is at: no difference by phase.
    for x in ["4", "4.05", "4.1", "4.15", "4.17", "4.2"] {
        let damage = shot_at(x, "0");
        assert!((damage - 16_384).abs() <= 4, "{x}: {damage}");
    }
}

#[test]
fn a_grazing_hit_does_the_share_of_the_offset_along_the_flight() {
    for (y, share) in [("0.3", 0.75_f64.sqrt()), ("-0.48", 0.6), ("0.588", 0.198_997), ("0.59", 0.181_812)] {
        for x in ["4", "4.1", "4.17"] {
            let damage = f64::from(shot_at(x, y)) / 16_384.0;
            assert!((damage - share).abs() < 0.005, "{x},{y}: {damage} for {share}");
        }
    }
}

#[test]
fn a_missile_outside_of_the_collision_radius_passes() {
    assert_eq!(shot_at("4", "0.6"), 0);
    assert_eq!(shot_at("4", "-0.61"), 0);
}

#[test]
fn a_tank_within_the_rims_reach_is_hit_by_what_is_left_of_the_offset() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0\nentry b 2,0 facing 0"), 2);
    game.press(0, keys::FORWARD, 3).press(1, 0, 4).ticks(60);
    game.press(0, keys::FIRE, 0).ticks(2);
    // The missile starts 0.5 u from the other's middle: 0.5 / 0.6.
    let damage = f64::from(i32::from(ARMOUR_MAX) - i32::from(game.tank(1).armour)) / 16_384.0;
    assert!((damage - f64::from(TANK_RADIUS) / f64::from(TANK_COLLISION_RADIUS)).abs() < 0.001, "{damage}");
    assert_eq!(game.tank(0).armour, ARMOUR_MAX, "nobody shoots itself");
}

#[test]
fn two_hits_destroy_a_tank_with_a_kill_for_one_and_a_death_for_the_other() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0\nentry b 4,0 facing 90"), 2);
    game.press(0, keys::FIRE, 3).press(1, 0, 4);
    let events = game.ticks(80);
    let fates: Vec<_> =
        events.iter().filter(|event| matches!(event, Event::Hit { .. } | Event::Kill { .. })).collect();
    let [
        Event::Hit { missile: 0, slot: 1, armour: 16_384 },
        Event::Hit { missile: 1, slot: 1, armour: 0 },
        Event::Kill { slot: 1, by: 0 },
    ] = fates.as_slice()
    else {
        panic!("{fates:?}")
    };
    let (killer, victim) = (game.world.player(0).unwrap(), game.world.player(1).unwrap());
    assert_eq!((killer.score, killer.deaths), (1, 0));
    assert_eq!((victim.score, victim.deaths, victim.tank), (0, 1, None));
    game.press(1, 0, 4).tick();
    assert_eq!(game.tank(1).armour, ARMOUR_MAX, "the next life begins whole");
}

#[test]
fn a_wall_stops_a_missile_and_shelters_the_tank_behind_it() {
    let maze = open_field("wall 2,-1 2.5,-1 2.5,1 2,1 2,-1\nentry a 0,0 facing 0\nentry b 4,0 facing 90");
    let mut game = Game::new(&maze, 2);
    game.press(0, keys::FIRE, 3).press(1, 0, 4).tick();
    game.press(0, 0, 0);
    let events = game.ticks(60);
    assert_eq!(events, [Event::Gone { missile: 0 }]);
    assert_eq!(game.tank(1).armour, ARMOUR_MAX);
}

#[test]
fn a_shot_against_a_wall_that_the_rim_touches_does_not_pass_it() {
    // At every angle: the tank stands at the wall, and rounding puts its rim beyond at some of them.
    let mut beyond = 0;
    for degrees in 0..360 {
        let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
        let corner = |ahead: f64, aside: f64| {
            format!("{:.4},{:.4}", ahead * cos - aside * sin, ahead * sin + aside * cos)
        };
        let (a, b, c) = (corner(1.0, -4.0), corner(1.0, 4.1), corner(2.0, 0.0));
        let maze = open_field(&format!("wall {a} {b} {c} {a}\nentry a 0,0 facing {degrees}"));
        let mut game = Game::new(&maze, 1);
        game.press(0, keys::FORWARD, action::LAUNCH_ANY).ticks(60);
        game.press(0, keys::FORWARD | keys::FIRE, 0).tick();
        let missile = game.world.missiles()[0];
        let ahead = f64::from(missile.x) * cos + f64::from(missile.y) * sin;
        beyond += u32::from(ahead > f64::from(U) + 1.0);
        assert_eq!(game.press(0, 0, 0).tick().events, [Event::Gone { missile: 0 }], "{degrees}");
    }
    assert!(beyond > 0, "the test is about rims beyond the wall");
}

#[test]
fn a_missile_hits_the_nearer_of_two_tanks() {
    let mut game =
        Game::new(&open_field("entry c 5.5,0 facing 0\nentry a 0,0 facing 0\nentry b 4,0 facing 90"), 3);
    game.press(0, keys::FIRE, 4).press(1, 0, 3).press(2, 0, 5).tick();
    game.press(0, 0, 0).ticks(60);
    assert_eq!(game.tank(1).armour, ARMOUR_MAX);
    assert!(game.tank(2).armour < ARMOUR_MAX);
}

#[test]
fn a_destroyed_tank_does_not_shoot_in_its_last_tick() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0\nentry b 4,0 facing 90"), 2);
    game.press(0, keys::FIRE, 3).press(1, 0, 4);
    while game.has_tank(1) {
        // The victim's own shots go up and meet nobody. Its gun is ready when it is destroyed.
        let about_to_die = game.tank(1).armour < ARMOUR_MAX;
        game.press(1, if about_to_die { keys::FIRE } else { 0 }, 0);
        let events = game.tick().events;
        if let Some(kill) = events.iter().position(|event| matches!(event, Event::Kill { .. })) {
            assert!(!events[kill..].iter().any(|event| matches!(event, Event::Shot { slot: 1, .. })));
        }
    }
}

#[test]
fn launch_needs_a_free_entry_point_and_is_consumed_as_nothing_without_one() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 90\nentry b 5,5 facing 0"), 3);
    assert_eq!(game.press(0, 0, 3).tick().events, [Event::Launch { slot: 0, entry: 0 }]);
    let tank = game.tank(0);
    assert_eq!((tank.x, tank.y, tank.heading, tank.armour, tank.reload), (0, 0, 16_384, ARMOUR_MAX, 0));

    assert_eq!(game.press(1, keys::FORWARD, 3).tick().events, [], "taken");
    assert!(!game.has_tank(1));
    assert_eq!(game.world.player(1).unwrap().last_seq, 1, "the input counts all the same");
    assert_eq!(game.world.player(1).unwrap().keys, keys::FORWARD);

    assert_eq!(game.press(1, 0, action::LAUNCH_ANY).tick().events, [Event::Launch { slot: 1, entry: 1 }]);
    assert_eq!(game.press(2, 0, action::LAUNCH_ANY).tick().events, [], "all are taken");
    assert_eq!(game.press(1, 0, action::LAUNCH_ANY).tick().events, [], "one tank is enough");

    // The zone is 1.5 u, 37.5 ticks of 512: the 38th tick's motion comes after its entries.
    game.press(0, keys::FORWARD, 0).ticks(37);
    assert_eq!(game.press(2, 0, 3).tick().events, [], "still in the zone");
    assert_eq!(game.press(2, 0, 3).tick().events, [Event::Launch { slot: 2, entry: 0 }]);
}

#[test]
fn actions_that_the_rules_do_not_know_are_consumed_as_nothing() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0"), 1);
    for action in [1, 4, 5, 18, 19, 200, 255] {
        assert_eq!(game.press(0, 0, action).tick().events, []);
        assert!(!game.has_tank(0));
    }
    assert_eq!(game.world.player(0).unwrap().applied, 7);
    game.press(0, 0, 3).tick();
    let armour = game.tank(0).armour;
    game.press(0, 0, 1).ticks(100);
    assert_eq!(game.tank(0).armour, armour, "self-destruction is no part of these rules");
}

#[test]
fn players_take_the_lowest_free_slot_and_joining_again_changes_nothing() {
    let mut game = Game::new(STANDARD_MAZE, 3);
    game.log = vec![
        Entry::Leave { player: 1 },
        Entry::Join { player: 77, name: "a name of more than sixteen characters".into() },
        Entry::Join { player: 77, name: "another".into() },
        Entry::Join { player: 78, name: "x".into() },
        Entry::Leave { player: 12_345 },
    ];
    let name = String::from("a name of more t");
    let events = game.tick().events;
    assert_eq!(
        events,
        [
            Event::Leave { slot: 1 },
            Event::Join { slot: 1, player: 77, name },
            Event::Join { slot: 3, player: 78, name: "x".into() },
        ]
    );
    assert_eq!(
        game.world.players().map(|player| (player.slot, player.id)).collect::<Vec<_>>(),
        [(0, 0), (1, 77), (2, 2), (3, 78)]
    );
}

#[test]
fn a_full_game_takes_nobody() {
    let mut game = Game::new(STANDARD_MAZE, 9);
    assert_eq!(game.world.players().count(), 8);
    assert!(game.world.player(8).is_none());
    game.log.push(Entry::Join { player: 8, name: "late".into() });
    assert_eq!(game.tick().events, []);
}

#[test]
fn who_leaves_takes_tank_and_missiles_along() {
    let mut game = alone();
    game.press(0, keys::FIRE, 0).tick();
    game.log.push(Entry::Leave { player: 0 });
    assert_eq!(game.tick().events, [Event::Leave { slot: 0 }]);
    assert!(game.world.missiles().is_empty() && game.world.players().next().is_none());
}

#[test]
fn an_input_out_of_sequence_changes_nothing() {
    let mut game = alone();
    let before = game.world.player(0).unwrap().clone();
    for seq in [0, 1, 3, u32::MAX] {
        game.log.push(Entry::Input { player: 0, session: 9, seq, keys: 31, action: 2 });
    }
    let delta = game.tick();
    assert_eq!(game.world.player(0).unwrap(), &before);
    assert_eq!(delta, Delta::default());
}

#[test]
fn inputs_of_a_tick_apply_in_order_and_are_all_told() {
    let mut game = alone();
    let hash = game.world.player(0).unwrap().applied_hash;
    game.press(0, keys::FORWARD, 0).press(0, keys::LEFT | 0b1110_0000, 0);
    assert_eq!(game.tick().inputs, [(0, vec![keys::FORWARD, keys::LEFT])]);
    let player = game.world.player(0).unwrap();
    assert_eq!((player.keys, player.last_seq, player.applied), (keys::LEFT, 3, 3));
    let hash = input_hash(input_hash(hash, 2, keys::FORWARD, 0), 3, keys::LEFT | 0b1110_0000, 0);
    assert_eq!(player.applied_hash, hash);
}

#[test]
fn the_input_hash_is_fnv_1a() {
    // Published test values of the 32-bit FNV-1a: "" and "foobar".
    assert_eq!(alone_before_inputs().applied_hash, 0x811c_9dc5);
    let [f, o, p, b, a, r] = *b"foobar";
    assert_eq!(input_hash(0x811c_9dc5, u32::from_le_bytes([f, o, p, b]), a, r), 0xbf9c_f968);
}

fn alone_before_inputs() -> sim::Player {
    Game::new(STANDARD_MAZE, 1).world.player(0).expect("joined").clone()
}

#[test]
fn a_tank_without_a_socket_stands_and_the_residuals_say_so() {
    let mut game = alone();
    game.press(0, sim::keys::FORWARD | sim::keys::LEFT | sim::keys::FIRE, 0).tick();
    let session = game.world.player(0).unwrap().session;
    game.log.push(Entry::Gone { player: 0, session });
    for _ in 0..2 * u64::from(RELOAD_TICKS) {
        let before = game.world.player(0).unwrap().clone();
        let delta = game.tick();
        let after = game.world.player(0).unwrap();
        let pose = |player: &sim::Player| player.tank.map(|tank| (tank.x, tank.y, tank.heading));
        assert_eq!(pose(after), pose(&before));
        assert_eq!(after.keys, before.keys, "clients do not learn of it, and count no input");
        assert!(delta.inputs.is_empty());
        assert!(!delta.residuals.is_empty());
        assert!(!delta.events.iter().any(|event| matches!(event, Event::Shot { .. })));
    }
}

#[test]
fn a_session_takes_effect_with_its_first_input_and_the_end_of_an_older_one_is_ignored() {
    let mut game = alone();
    let gone = |session| Entry::Gone { player: 0, session };
    let input = |session, seq| Entry::Input { player: 0, session, seq, keys: 0, action: 0 };
    let state = |game: &Game| {
        let player = game.world.player(0).unwrap();
        (player.session, player.gone_at)
    };
    assert_eq!(state(&game), (1, None));
    game.log.push(input(2, 2));
    game.tick();
    game.log.push(gone(1));
    game.tick();
    assert_eq!(state(&game), (2, None), "the older socket");
    // Inputs of the older socket that were under way still count.
    game.log.push(input(1, 3));
    game.tick();
    assert_eq!(state(&game), (2, None));
    assert_eq!(game.world.player(0).unwrap().last_seq, 3);
    game.log.push(gone(2));
    game.tick();
    let at = game.world.tick();
    game.log.push(gone(2));
    game.tick();
    assert_eq!(state(&game), (2, Some(at)));
    game.log.push(input(1, 4));
    game.tick();
    assert_eq!(state(&game), (2, Some(at)), "the older socket");
    game.log.push(input(2, 5));
    game.tick();
    assert_eq!(state(&game), (2, None), "it was not gone, only out of reach");
    game.log.push(gone(2));
    game.log.push(input(3, 6));
    game.tick();
    assert_eq!(state(&game), (3, None));
    assert_eq!(GONE_TICKS, 60 * u64::from(TICKS_PER_SECOND));
}

#[test]
fn missile_ids_go_round() {
    let mut game = alone();
    game.press(0, keys::FIRE, 0);
    let mut shots = Vec::new();
    while shots.len() < 258 {
        shots.extend(game.tick().events.into_iter().filter_map(|event| match event {
            Event::Shot { missile, .. } => Some(missile),
            _ => None,
        }));
    }
    let expected: Vec<u8> = (0..258_u32).map(|n| n as u8).collect();
    assert_eq!(shots, expected);
}

#[test]
fn quiet_ticks_need_nothing() {
    let mut game = alone();
    game.press(0, keys::FORWARD | keys::LEFT, 0).tick();
    for _ in 0..100 {
        assert_eq!(game.tick(), Delta::default());
    }
}

#[test]
fn snapshots_of_another_format_maze_or_rules_are_refused_with_a_sentence() {
    let game = alone();
    let bytes = game.world.snapshot();
    let standard = Maze::parse(STANDARD_MAZE).unwrap();
    let refusal = |maze: &Maze, bytes: &[u8]| World::restore(maze, bytes).expect_err("refused");
    assert_eq!(refusal(&standard, &bytes), RestoreError::OtherMaze);
    assert_eq!(refusal(&game.maze, &[]), RestoreError::Empty);
    let mut other = bytes.clone();
    other[0] = 9;
    assert_eq!(refusal(&game.maze, &other), RestoreError::Format(9));
    other = bytes.clone();
    other[1] = 0;
    assert_eq!(refusal(&game.maze, &other), RestoreError::Rules(0));
    other[1] = 2;
    assert_eq!(
        refusal(&game.maze, &other).to_string(),
        "the game has rules 2, this build steps 1 to 1; run it on a build that steps them"
    );
    other = bytes;
    other.push(0);
    assert_eq!(refusal(&game.maze, &other), RestoreError::Malformed);
}

#[test]
fn worlds_that_differ_have_other_digests() {
    let mut a = alone();
    let mut b = alone();
    assert_eq!(a.world.digest(), b.world.digest());
    a.press(0, keys::FORWARD, 0).tick();
    b.press(0, keys::BACK, 0).tick();
    assert_ne!(a.world.digest(), b.world.digest());
}

const _: () = assert!(MISSILE_STEP * 5 == U);
