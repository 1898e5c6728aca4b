//! What destroyed tanks leave.

use crate::game::{Game, open_field, with_bounce};
use sim::{ARMOUR_MAX, Event, ITEMS_PER_SLOT, ItemKind, Rounds, U, action, keys};

/// Player 0 has left an item of this kind at the entry point `a`, and has no tank.
fn with_item(maze: &str, players: u64, kind: ItemKind) -> Game {
    for seed in 0..64 {
        let mut game = Game::with(maze, players, seed, Rounds::default());
        game.launch(0, 0).press(0, 0, action::DESTRUCT).tick();
        if game.world.items()[0].kind == kind {
            return game;
        }
    }
    panic!("64 seeds give no {kind:?}")
}

#[test]
fn a_destroyed_tank_leaves_an_item_for_10_seconds() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0\nentry b 4,3 facing 0"), 1);
    game.launch(0, 1).press(0, 0, action::DESTRUCT).tick();
    let item = game.world.items()[0];
    assert_eq!((item.x, item.y, item.left), (4 * U, 3 * U, 499));
    game.ticks(498);
    assert_eq!(game.world.items()[0].left, 1);
    game.tick();
    assert_eq!(game.world.items(), [], "500 ticks");
}

#[test]
fn both_kinds_of_items_are_equally_likely() {
    let kinds = (0..400).map(|seed| {
        let mut game = Game::with(&open_field("entry a 0,0 facing 0"), 1, seed, Rounds::default());
        game.launch(0, 0).press(0, 0, action::DESTRUCT).tick();
        game.world.items()[0].kind
    });
    let health = kinds.filter(|kind| *kind == ItemKind::Health).count();
    assert!((160..=240).contains(&health), "{health} of 400");
}

#[test]
fn the_next_item_of_a_game_is_drawn_anew() {
    let maze = open_field("entry a 0,0 facing 0");
    let mut kinds = Vec::new();
    let mut game = Game::new(&maze, 1);
    for _ in 0..20 {
        let events = game.launch(0, 0).press(0, 0, action::DESTRUCT).ticks(50);
        kinds.extend(events.iter().filter_map(|event| match event {
            Event::Destruct { kind, .. } => Some(*kind),
            _ => None,
        }));
        game.ticks(450);
    }
    assert_eq!(kinds.len(), 20);
    assert!(kinds.contains(&ItemKind::Health) && kinds.contains(&ItemKind::Bounce), "{kinds:?}");
}

#[test]
fn an_item_is_taken_at_half_a_unit_of_length_and_0_4() {
    // Driving towards it: 3 u, 512 units a tick, until 0.9 u are left: after 52.5 ticks.
    let maze = open_field("entry a 0,0 facing 0\nentry b 3,0 facing 180");
    let mut game = with_item(&maze, 2, ItemKind::Bounce);
    let item = game.world.items()[0].id;
    game.ticks(50);
    game.press(1, keys::FORWARD, 4);
    assert_eq!(game.ticks(52), [Event::Launch { slot: 1, entry: 1 }]);
    assert_eq!(game.tick().events, [Event::PickUp { slot: 1, item }]);
    assert!(game.tank(1).bounce);
    assert_eq!(game.world.items(), []);
}

#[test]
fn an_item_touched_at_exactly_0_9_units_of_length_is_taken() {
    let maze = open_field("entry a 0,0 facing 0\nentry b 0.9,0 facing 0\nentry c -0.9001,0 facing 0");
    let mut game = with_item(&maze, 2, ItemKind::Bounce);
    assert_eq!(game.launch(1, 2).tick().events.len(), 1, "too far away");
    let mut game = with_item(&maze, 2, ItemKind::Bounce);
    let events = game.launch(1, 1).tick().events;
    assert!(matches!(events.as_slice(), [Event::Launch { .. }, Event::PickUp { slot: 1, .. }]), "{events:?}");
}

#[test]
fn health_gives_1_0_of_armour_up_to_2_0() {
    // The item lies at 0,0. Player 1 is hurt at 2,0 by that self-destruct, by 1.333, and drives there.
    let maze = open_field("entry a 0,0 facing 0\nentry b 2,0 facing 180");
    let mut game = with_item(&maze, 3, ItemKind::Health);
    game.launch(1, 1).ticks(30);
    assert!((game.damage(1) - 4.0 / 3.0).abs() < 0.001);
    game.press(1, keys::FORWARD, 0).until(|event| matches!(event, Event::PickUp { slot: 1, .. }));
    assert!((game.damage(1) - 1.0 / 3.0).abs() < 0.001);
    // Another one, taken by a tank that lacks less than 1.0.
    let mut game = with_item(&maze, 2, ItemKind::Health);
    game.ticks(50);
    game.launch(1, 1).press(1, keys::FORWARD, 0).until(|event| matches!(event, Event::PickUp { .. }));
    assert_eq!(game.tank(1).armour, ARMOUR_MAX);
}

#[test]
fn bounce_lasts_until_the_tank_is_destroyed() {
    let mut game = with_bounce(&open_field("entry a 0,0 facing 0\nentry b 8,8 facing 0"), 1);
    game.ticks(1_000);
    assert!(game.tank(0).bounce);
    game.press(0, keys::FIRE, 0).tick();
    game.press(0, 0, action::DESTRUCT).tick();
    assert!(game.world.missiles()[0].bounce, "what flies keeps it");
    game.ticks(50);
    game.launch(0, 1).tick();
    assert!(!game.tank(0).bounce);
}

#[test]
fn of_two_tanks_that_touch_an_item_the_lower_slot_takes_it() {
    // Both drive to it from the same distance.
    let maze = open_field("entry a 0,0 facing 0\nentry b 3,0 facing 180\nentry c -3,0 facing 0");
    let mut game = with_item(&maze, 3, ItemKind::Bounce);
    game.press(2, keys::FORWARD, 4).press(1, keys::FORWARD, 5);
    let events = game.until(|event| matches!(event, Event::PickUp { .. }));
    assert!(matches!(events.as_slice(), [Event::PickUp { slot: 1, .. }]), "{events:?}");
}

#[test]
fn who_left_8_items_waits_for_room_and_their_numbers_are_its_own() {
    // A field of entry points, far enough from each other that none of the items is taken.
    let entries = (0..16).map(|n| format!("entry e{n} {},{} facing 0\n", 4 * (n % 4) - 6, 4 * (n / 4) - 6));
    let mut game = Game::new(&open_field(&entries.collect::<String>()), 2);
    for n in 0..ITEMS_PER_SLOT {
        let events = game.launch(1, n).press(1, 0, action::DESTRUCT).tick().events;
        let [Event::Launch { slot: 1, .. }, Event::Destruct { slot: 1, item, .. }] = events.as_slice() else {
            panic!("{n}: {events:?}")
        };
        assert!((ITEMS_PER_SLOT..2 * ITEMS_PER_SLOT).contains(item));
        game.ticks(49);
    }
    assert_eq!(game.world.items().len(), 8);
    assert_eq!(game.launch(1, 8).tick().events, [], "no room for a ninth");
    assert!(!game.launch(0, 9).tick().events.is_empty(), "which is no matter of the others");
    game.ticks(98);
    assert_eq!(game.world.items().len(), 7, "the first is gone after 10 s");
    assert!(!game.launch(1, 8).tick().events.is_empty());
}
