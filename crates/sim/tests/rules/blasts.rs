//! Blasts: what they reach, when, and to whose credit.

use crate::game::{Game, alone, open_field};
use sim::{ARMOUR_MAX, Blast, BlastKind, Entry, Event, ITEM_TICKS, NOBODY, U, action, keys};

/// A blast's damage at a distance in u, in armour: what GAME's formula says.
fn expected(intensity: f64, radius: f64, distance: f64) -> f64 {
    (intensity * (1.0 - distance / (radius + 0.5))).max(0.0)
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 0.002, "{found}, not {expected}");
}

#[test]
fn a_missile_explodes_with_0_25_over_half_a_unit_of_length_for_0_4_seconds() {
    // The shot bursts at 4,0; the other tank stands beside the missile's way.
    let maze = open_field("wall 4,-1 5,-1 5,1 4,1 4,-1\nentry a 0,0 facing 0\nentry b 3.4,0.65 facing 0");
    let mut game = Game::new(&maze, 2);
    game.press(0, keys::FIRE, 3).launch(1, 1).tick();
    game.press(0, 0, 0).until(|event| matches!(event, Event::Burst { .. }));
    assert_eq!(game.world.blasts(), [Blast { kind: BlastKind::Missile, slot: 0, x: 4 * U, y: 0, age: 1 }]);
    assert_eq!(game.ticks(8), [], "not yet half way");
    let armour = ARMOUR_MAX - game_damage(0.25, 0.5, 0.6_f64.hypot(0.65));
    assert_eq!(game.tick().events, [Event::Hurt { slot: 1, armour }], "half way: the tenth tick");
    assert_eq!(game.ticks(9), [], "once");
    assert_eq!(game.world.blasts()[0].age, 19);
    assert_eq!(game.tick().events, []);
    assert_eq!(game.world.blasts(), [], "0.4 s");
}

/// `expected` in Q14, where distances have no fractions of units to round.
fn game_damage(intensity: f64, radius: f64, distance: f64) -> u16 {
    let distance = (distance * f64::from(U)).floor() / f64::from(U);
    (expected(intensity, radius, distance) * 16_384.0).floor() as u16
}

#[test]
fn a_hit_explodes_where_the_missile_met_the_tank() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0\nentry b 4,0 facing 90"), 2);
    game.press(0, keys::FIRE, 3).launch(1, 1).tick();
    game.press(0, 0, 0).until(|event| matches!(event, Event::Hit { .. }));
    let blast = game.world.blasts()[0];
    // The collision circle, less what is left of a step of 16.
    assert!((4 * U - 7_680 - 16..=4 * U - 7_680).contains(&blast.x), "{blast:?}");
    assert_eq!((blast.kind, blast.slot, blast.y), (BlastKind::Missile, 0, 0));
    game.ticks(10);
    assert_close(game.damage(1), 1.0 + expected(0.25, 0.5, 0.6));
}

#[test]
fn a_missile_that_bursts_close_by_hurts_who_shot_it() {
    let mut game = Game::new(&open_field("wall 1,-1 2,-1 2,1 1,1 1,-1\nentry a 0,0 facing 0"), 1);
    game.press(0, keys::FIRE, 3).tick();
    game.press(0, 0, 0).ticks(30);
    assert_close(game.damage(0), 0.0);
    game.press(0, keys::FORWARD, 0).ticks(20);
    game.press(0, keys::FORWARD | keys::FIRE, 0).tick();
    game.press(0, 0, 0).ticks(30);
    assert_close(game.damage(0), expected(0.25, 0.5, 0.5));
}

#[test]
fn a_self_destruct_is_4_0_over_2_5_units_of_length_for_a_second() {
    for (x, distance) in [("1.6", 1.6), ("2", 2.0), ("2.4", 2.4), ("2.9", 2.9), ("3", 3.0), ("5", 5.0)] {
        let mut game = Game::new(&open_field(&format!("entry a 0,0 facing 0\nentry b {x},0 facing 0")), 2);
        game.launch(0, 0).launch(1, 1).tick();
        game.press(0, 0, action::DESTRUCT).tick();
        assert_eq!(game.world.blasts(), [Blast { kind: BlastKind::Destruct, slot: 0, x: 0, y: 0, age: 1 }]);
        game.ticks(23);
        assert_close(game.damage(1), 0.0);
        game.tick();
        assert_close(game.damage(1), expected(4.0, 2.5, distance));
        game.ticks(24);
        assert_eq!(game.world.blasts()[0].age, 49);
        assert_close(game.damage(1), expected(4.0, 2.5, distance));
        game.tick();
        assert_eq!(game.world.blasts(), []);
    }
}

#[test]
fn a_self_destruct_destroys_who_is_within_half_its_reach_for_a_kill_each() {
    let maze = open_field("entry a 0,0 facing 0\nentry b 1.5,0 facing 0\nentry c 0,-1.52 facing 0");
    let mut game = Game::new(&maze, 3);
    game.launch(0, 0).launch(1, 1).launch(2, 2).tick();
    game.press(0, 0, action::DESTRUCT).tick();
    let events = game.until(|event| matches!(event, Event::Hurt { .. }));
    let [
        Event::Hurt { slot: 1, armour: 0 },
        Event::Kill { slot: 1, by: 0, .. },
        Event::Hurt { slot: 2, armour },
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert!((1..1_000).contains(armour), "a little further out, a little is left: {armour}");
    assert_eq!((game.player(0).score, game.player(0).deaths), (1, 1), "none for oneself");
    assert_eq!((game.player(1).score, game.player(1).deaths), (0, 1));
}

#[test]
fn a_self_destruct_takes_place_before_the_ticks_motion_and_needs_a_tank() {
    let mut game = alone();
    game.press(0, keys::FORWARD, 0).tick();
    let x = game.tank(0).x;
    let events = game.press(0, keys::FORWARD, action::DESTRUCT).tick().events;
    let [Event::Destruct { slot: 0, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((game.world.blasts()[0].x, game.world.items()[0].x), (x, x));
    assert!(!game.has_tank(0));
    assert_eq!(game.press(0, 0, action::DESTRUCT).tick().events, [], "it needs a tank");
    assert_eq!(game.player(0).deaths, 1);
    assert_eq!(game.player(0).applied, 4, "the input counts all the same");
}

#[test]
fn a_destroyed_tank_explodes_with_1_0_over_1_unit_of_length_for_0_6_seconds() {
    // Two hits destroy 1; 2 stands 1.2 u beside it, after a drive from where it may launch.
    let maze = open_field("entry a 0,0 facing 0\nentry b 4,0 facing 0\nentry c 4,1.6 facing 270");
    let mut game = Game::new(&maze, 3);
    game.press(0, keys::FIRE, 3).launch(1, 1).press(2, keys::FORWARD, 5).ticks(10);
    game.press(2, 0, 0).until(|event| matches!(event, Event::Kill { slot: 1, .. }));
    let before = game.damage(2);
    let is_tanks = |blast: &&Blast| blast.kind == BlastKind::Tank;
    let blast = *game.world.blasts().iter().find(is_tanks).expect("it explodes");
    assert_eq!(blast, Blast { kind: BlastKind::Tank, slot: 0, x: 4 * U, y: 0, age: 1 });
    // The missile's own blast is at 3.4,0, too far away.
    game.press(0, 0, 0).ticks(13);
    assert_close(game.damage(2) - before, 0.0);
    game.tick();
    assert_close(game.damage(2) - before, expected(1.0, 1.0, 1.2));
    game.ticks(14);
    assert_eq!(game.world.blasts().iter().find(is_tanks).map(|blast| blast.age), Some(29));
    game.tick();
    assert_eq!(game.world.blasts().iter().find(is_tanks), None);
}

/// 0 in the middle; 1 and 2 around it, so that its blast destroys 1, and leaves 2 so little that 1's blast is enough.
fn chain(more: u64) -> Game {
    let maze = open_field(
        "entry a 0,0 facing 0\nentry b 0.8,2.4 facing 270\nentry c 1.6,0 facing 0\nentry d -8,-8 facing 0",
    );
    let mut game = Game::new(&maze, 3 + more);
    game.launch(0, 0).press(1, keys::FORWARD, 4).launch(2, 2).ticks(38);
    game.press(1, 0, 0).press(0, 0, action::DESTRUCT).tick();
    game
}

#[test]
fn blasts_chain_to_the_credit_of_who_began() {
    let mut game = chain(0);
    let first = game.until(|event| matches!(event, Event::Kill { .. }));
    let [Event::Hurt { slot: 1, .. }, Event::Kill { slot: 1, by: 0, .. }, Event::Hurt { slot: 2, .. }] =
        first.as_slice()
    else {
        panic!("{first:?}")
    };
    assert_eq!(game.ticks(13), [], "a tank's blast is half way after 15 ticks");
    let second = game.tick().events;
    let [Event::Hurt { slot: 2, armour: 0 }, Event::Kill { slot: 2, by: 0, .. }] = second.as_slice() else {
        panic!("{second:?}")
    };
    assert_eq!((game.player(0).score, game.player(0).deaths), (2, 1));
    assert_eq!(game.world.items().iter().filter(|item| item.left < ITEM_TICKS).count(), 3);
}

#[test]
fn who_leaves_leaves_blasts_to_nobody() {
    let mut game = chain(1);
    game.log.push(Entry::Leave { player: 0 });
    game.log.push(Entry::Join { player: 77, name: "heir".into(), bot: false });
    game.tick();
    assert_eq!(game.world.blasts()[0].slot, NOBODY);
    let events = game.ticks(60);
    let kills: Vec<_> = events.iter().filter(|event| matches!(event, Event::Kill { .. })).collect();
    let [Event::Kill { slot: 1, by: NOBODY, .. }, Event::Kill { slot: 2, by: NOBODY, .. }] = kills.as_slice()
    else {
        panic!("{kills:?}")
    };
    assert_eq!(game.player(77).slot, 0);
    assert!(game.world.players().all(|player| player.score == 0), "nor to who comes after");
}

#[test]
fn a_blast_reaches_behind_walls() {
    let maze = open_field("wall 1,-1 1.1,-1 1.1,1 1,1 1,-1\nentry a 0,0 facing 0\nentry b 2,0 facing 0");
    let mut game = Game::new(&maze, 2);
    game.launch(0, 0).launch(1, 1).press(0, 0, action::DESTRUCT).ticks(30);
    assert_close(game.damage(1), expected(4.0, 2.5, 2.0));
}

#[test]
fn who_blew_itself_up_comes_back_when_that_blast_is_over() {
    let mut game = alone();
    game.press(0, 0, action::DESTRUCT).tick();
    for _ in 0..49 {
        assert_eq!(game.press(0, 0, action::LAUNCH_ANY).tick().events, []);
    }
    let events = game.press(0, 0, action::LAUNCH_ANY).tick().events;
    assert_eq!(events[0], Event::Launch { slot: 0, entry: 0 }, "1 s after");
}
