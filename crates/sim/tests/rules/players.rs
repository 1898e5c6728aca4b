//! Who takes part, and what inputs do.

use crate::game::{Game, alone, open_field};
use sim::{
    ARMOUR_MAX, Delta, Entry, Event, GONE_TICKS, RELOAD_TICKS, STANDARD_MAZE, TICKS_PER_SECOND, action,
    input_hash, keys,
};

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
fn players_take_the_lowest_free_slot_and_joining_again_changes_nothing() {
    let mut game = Game::new(STANDARD_MAZE, 3);
    game.log = vec![
        Entry::Leave { player: 1 },
        Entry::Join { player: 77, name: "a name of more than sixteen characters".into(), bot: false },
        Entry::Join { player: 77, name: "another".into(), bot: false },
        Entry::Join { player: 78, name: "x".into(), bot: false },
        Entry::Leave { player: 12_345 },
    ];
    let name = String::from("a name of more t");
    let events = game.tick().events;
    assert_eq!(
        events,
        [
            Event::Leave { slot: 1 },
            Event::Join { slot: 1, player: 77, bot: false, name },
            Event::Join { slot: 3, player: 78, bot: false, name: "x".into() },
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
    game.log.push(Entry::Join { player: 8, name: "late".into(), bot: false });
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
        game.log.push(Entry::Input { player: 0, session: 9, seq, keys: 31, action: 2, stale: false });
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
    let input = |session, seq| Entry::Input { player: 0, session, seq, keys: 0, action: 0, stale: false };
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
fn quiet_ticks_need_nothing() {
    let mut game = alone();
    game.press(0, keys::FORWARD | keys::LEFT, 0).tick();
    for _ in 0..100 {
        assert_eq!(game.tick(), Delta::default());
    }
}

#[test]
fn actions_that_the_rules_do_not_know_are_consumed_as_nothing() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0"), 1);
    for action in [4, 5, 18, 19, 200, 255] {
        assert_eq!(game.press(0, 0, action).tick().events, []);
        assert!(!game.has_tank(0));
    }
    assert_eq!(game.player(0).applied, 6);
}

#[test]
fn of_a_stale_input_only_the_keys_to_move_hold() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0\nentry b 5,0 facing 0"), 2);
    let stale =
        |player, seq, keys, action| Entry::Input { player, session: 1, seq, keys, action, stale: true };
    game.launch(0, 0).tick();
    let hash = game.player(0).applied_hash;

    game.log.push(stale(0, 2, keys::FORWARD | keys::FIRE, action::DESTRUCT));
    game.log.push(stale(1, 1, keys::LEFT, action::LAUNCH_FROM + 1));
    let delta = game.tick();
    assert_eq!(delta.events, [], "no shot, no self-destruct, no launch");
    assert_eq!(delta.inputs, [(0, vec![keys::FORWARD]), (1, vec![keys::LEFT])]);
    assert_eq!(game.tank(0).x, 512);
    let player = game.player(0);
    assert_eq!((player.last_seq, player.applied, player.session), (2, 2, 1), "it counts as any other");
    let given = input_hash(hash, 2, keys::FORWARD | keys::FIRE, action::DESTRUCT);
    assert_eq!(player.applied_hash, given, "and is hashed as it was given");
    assert_eq!(game.ticks(60), [], "fire is not held either");
}

#[test]
fn a_stale_input_out_of_sequence_changes_nothing() {
    let mut game = alone();
    let before = game.player(0).clone();
    game.log.push(Entry::Input { player: 0, session: 1, seq: 3, keys: 31, action: 0, stale: true });
    assert_eq!(game.tick(), Delta::default());
    assert_eq!(game.player(0), &before);
}
