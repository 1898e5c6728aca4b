//! Shots, flights, hits, bursts and bounces.

use crate::game::{Game, alone, open_field, with_bounce};
use sim::{
    ARMOUR_MAX, Event, MISSILE_STEP, RELOAD_TICKS, TANK_COLLISION_RADIUS, TANK_RADIUS, U, action, keys,
};

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

/// Shoots from the middle of the arena at a tank `x` to the right and `y` up, and returns the impact in Q14.
fn shot_at(x: &str, y: &str) -> i32 {
    let maze = open_field(&format!("entry a 0,0 facing 0\nentry b {x},{y} facing 90"));
    let mut game = Game::new(&maze, 2);
    game.press(0, keys::FIRE, 3).launch(1, 1).tick();
    let events = game.press(0, 0, 0).ticks(60);
    let armour = events.iter().find_map(|event| match event {
        Event::Hit { slot: 1, armour, .. } => Some(*armour),
        _ => None,
    });
    armour.map_or(0, |armour| i32::from(ARMOUR_MAX - armour))
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
    game.press(0, keys::FIRE, 3).launch(1, 1);
    let first = game.until(|event| matches!(event, Event::Hit { .. }));
    let [Event::Hit { missile: 0, slot: 1, armour: 16_384, .. }] = first.as_slice() else {
        panic!("{first:?}")
    };
    let second = game.until(|event| matches!(event, Event::Hit { .. }));
    let [Event::Hit { missile: 1, slot: 1, armour: 0, .. }, Event::Kill { slot: 1, by: 0, .. }] =
        second.as_slice()
    else {
        panic!("{second:?}")
    };
    let (killer, victim) = (game.player(0), game.player(1));
    assert_eq!((killer.score, killer.deaths), (1, 0));
    assert_eq!((victim.score, victim.deaths, victim.tank), (0, 1, None));
    game.launch(1, 1).tick();
    assert_eq!(game.tank(1).armour, ARMOUR_MAX, "the next life begins whole");
}

#[test]
fn a_wall_stops_a_missile_and_shelters_the_tank_behind_it() {
    let maze = open_field("wall 2,-1 2.5,-1 2.5,1 2,1 2,-1\nentry a 0,0 facing 0\nentry b 4,0 facing 90");
    let mut game = Game::new(&maze, 2);
    game.press(0, keys::FIRE, 3).launch(1, 1).tick();
    let events = game.press(0, 0, 0).ticks(60);
    // 1.5 u from the rim to the wall: half of the eighth step.
    assert_eq!(events, [Event::Burst { missile: 0, at: 80 }]);
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
        let events = game.press(0, 0, 0).tick().events;
        assert!(
            matches!(events.as_slice(), [Event::Burst { missile: 0, at: 0..=1 }]),
            "{degrees}: {events:?}"
        );
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
fn the_arenas_edge_ends_a_missile_without_a_blast_whatever_it_could() {
    let mut game = with_bounce(&open_field("entry a 0,0 facing 0"), 1);
    game.press(0, keys::FIRE, 0).tick();
    assert_eq!(game.press(0, 0, 0).ticks(60), [Event::Gone { missile: 0 }]);
    assert!(game.world.blasts().is_empty());
}

/// A wall 2 u to the right of the tank, which has bounce and fires once.
fn shot_with_bounce(entry: &str) -> Game {
    let maze = open_field(&format!("wall 2,-9 3,-9 3,9 2,9 2,-9\n{entry}"));
    let mut game = with_bounce(&maze, 1);
    game.press(0, keys::FIRE, 0).tick();
    assert!(game.world.missiles()[0].bounce);
    game.press(0, 0, 0);
    game
}

#[test]
fn a_missile_with_bounce_turns_back_from_a_wall_once() {
    let mut game = shot_with_bounce("entry a 0,0 facing 0");
    // 19,200 units to the wall: half of the eighth step, less one step of 16.
    let events = game.until(|event| matches!(event, Event::Bounce { .. }));
    assert_eq!(events, [Event::Bounce { missile: 0, at: 79, heading: 32_768 }]);
    let missile = game.world.missiles()[0];
    assert_eq!((missile.x, missile.y), (2 * U - 16, 0), "it rests until the next tick");
    assert!(!missile.bounce);
    game.tick();
    assert_eq!(game.world.missiles()[0].x, 2 * U - 16 - MISSILE_STEP);
    assert!(game.world.blasts().is_empty());
}

#[test]
fn who_shoots_straight_at_a_wall_with_bounce_is_hit_without_a_kill_for_it() {
    let mut game = shot_with_bounce("entry a 0,0 facing 0");
    let events = game.until(|event| matches!(event, Event::Hit { .. }));
    assert!(matches!(events.as_slice(), [Event::Hit { slot: 0, armour: 16_384, .. }]), "{events:?}");
    game.press(0, keys::FIRE, 0);
    game.until(|event| matches!(event, Event::Kill { slot: 0, by: 0, .. }));
    // One death more than the self-destruct that left the item.
    assert_eq!((game.player(0).score, game.player(0).deaths), (0, 2));
}

#[test]
fn a_bounce_leaves_a_wall_at_the_angle_at_which_it_came() {
    for (degrees, back) in [(30, 150), (315, 225), (60, 120)] {
        let heading = |degrees: u32| ((degrees * 65_536 + 180) / 360) as u16;
        let mut game = shot_with_bounce(&format!("entry a 0,0 facing {degrees}"));
        let events = game.until(|event| matches!(event, Event::Bounce { .. }));
        let [Event::Bounce { heading: found, .. }] = events.as_slice() else { panic!("{events:?}") };
        let off = found.wrapping_sub(heading(back)).cast_signed();
        assert!(off.abs() <= 1, "{degrees}: {off}");
    }
}

#[test]
fn a_bounced_missile_bursts_at_the_next_wall() {
    let maze =
        open_field("wall 2,-9 3,-9 3,9 2,9 2,-9\nwall -2,-9 -3,-9 -3,9 -2,9 -2,-9\nentry a 0,-7 facing 45");
    let mut game = with_bounce(&maze, 1);
    game.press(0, keys::FIRE, 0).tick();
    let events = game.press(0, 0, 0).ticks(60);
    let [Event::Bounce { missile: 0, .. }, Event::Burst { missile: 0, at }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert!(*at <= 160);
}

#[test]
fn without_bounce_a_missile_bursts_at_the_first_wall() {
    let mut game = Game::new(&open_field("wall 2,-9 3,-9 3,9 2,9 2,-9\nentry a 0,0 facing 0"), 1);
    game.press(0, keys::FIRE, 3).tick();
    assert_eq!(game.press(0, 0, 0).ticks(30), [Event::Burst { missile: 0, at: 80 }]);
}

#[test]
fn a_shot_with_bounce_against_a_wall_that_the_rim_touches_does_not_pass_it_either() {
    let (mut bounced, mut burst) = (0, 0);
    for degrees in 0..360 {
        let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
        let corner = |ahead: f64, aside: f64| {
            format!("{:.4},{:.4}", ahead * cos - aside * sin, ahead * sin + aside * cos)
        };
        let (a, b, c) = (corner(1.0, -4.0), corner(1.0, 4.1), corner(2.0, 0.0));
        let maze = open_field(&format!("wall {a} {b} {c} {a}\nentry a 0,0 facing {degrees}"));
        let mut game = with_bounce(&maze, 1);
        game.press(0, keys::FORWARD, 0).ticks(60);
        game.press(0, keys::FORWARD | keys::FIRE, 0).tick();
        for event in game.press(0, 0, 0).tick().events {
            match event {
                Event::Bounce { .. } => bounced += 1,
                Event::Burst { .. } => burst += 1,
                _ => {}
            }
        }
        game.tick();
        for missile in game.world.missiles() {
            let ahead = f64::from(missile.x) * cos + f64::from(missile.y) * sin;
            assert!(ahead < f64::from(U), "{degrees}: {ahead}");
        }
    }
    assert!(bounced > 100 && burst > 20, "both happen: {bounced} {burst}");
}
