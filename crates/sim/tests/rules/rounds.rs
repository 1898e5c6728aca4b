//! Rounds: their length, their winner, and what begins anew.

use crate::game::{Game, open_field};
use sim::{Entry, Event, NOBODY, Round, Rounds, action, keys};

/// 4 s of play, 1 s of rest.
const ROUNDS: Rounds = Rounds { play_ticks: 200, rest_ticks: 50 };

/// Four pairs of entry points in the corners, just within each other's deadly reach; pairs are far apart.
const PAIRS: &str = "name Pairs
entry a -8,-8 facing 90
entry b -6.5,-8 facing 90
entry c 8,-8 facing 90
entry d 6.5,-8 facing 90
entry e -8,8 facing 270
entry f -6.5,8 facing 270
entry g 8,8 facing 270
entry h 6.5,8 facing 270
";

fn game(players: u64) -> Game {
    Game::with(PAIRS, players, 0, ROUNDS)
}

/// The player launches, somebody else beside it, and blows both up: a kill and a death for it, a death for the other.
fn blow_up(game: &mut Game, player: u64, other: u64, pair: u8) {
    game.launch(player, 2 * pair).launch(other, 2 * pair + 1).press(player, 0, action::DESTRUCT);
}

fn finish(game: &mut Game) -> Vec<Event> {
    game.until(|event| matches!(event, Event::RoundOver { .. }))
}

#[test]
fn a_round_lasts_as_many_ticks_as_the_game_says_and_so_does_the_rest() {
    let mut game = game(1);
    assert_eq!(game.world.round(), Round { number: 1, resting: false, ends: 200 });
    game.launch(0, 0);
    assert_eq!(game.ticks(199), [Event::Launch { slot: 0, entry: 0 }]);
    assert_eq!(game.world.tick(), 200);
    assert_eq!(game.tick().events, [Event::RoundOver { winner: NOBODY, ticks: 50 }]);
    assert_eq!(game.world.round(), Round { number: 1, resting: true, ends: 250 });
    assert_eq!(game.ticks(49), []);
    assert_eq!(game.tick().events, [Event::RoundStart { ticks: 200 }]);
    assert_eq!(game.world.round(), Round { number: 2, resting: false, ends: 450 });
    game.ticks(199);
    assert_eq!(game.tick().events, [Event::RoundOver { winner: NOBODY, ticks: 50 }]);
}

#[test]
fn at_a_rounds_end_all_tanks_missiles_blasts_and_items_vanish_and_nobody_dies() {
    let mut game = game(2);
    game.ticks(190);
    game.launch(0, 0).press(1, keys::FIRE, 3 + 2).press(0, 0, action::DESTRUCT).ticks(9);
    let world = &game.world;
    assert!(game.has_tank(1) && !world.missiles().is_empty() && !world.blasts().is_empty());
    assert!(!world.items().is_empty());
    game.tick();
    let world = &game.world;
    assert!(!game.has_tank(1) && world.missiles().is_empty() && world.blasts().is_empty());
    assert!(world.items().is_empty());
    assert_eq!(game.player(1).deaths, 0);
}

#[test]
fn nobody_launches_while_the_game_rests() {
    let mut game = game(1);
    game.ticks(199);
    for _ in 0..50 {
        let events = game.press(0, 0, action::LAUNCH_ANY).tick().events;
        assert!(!events.iter().any(|event| matches!(event, Event::Launch { .. })));
    }
    let events = game.press(0, 0, action::LAUNCH_ANY).tick().events;
    assert_eq!(events, [Event::RoundStart { ticks: 200 }, Event::Launch { slot: 0, entry: 0 }]);
}

#[test]
fn the_most_kills_win() {
    let mut game = game(4);
    blow_up(&mut game, 1, 0, 0);
    game.ticks(60);
    blow_up(&mut game, 2, 0, 1);
    game.ticks(60);
    blow_up(&mut game, 2, 3, 2);
    game.ticks(40);
    assert_eq!(finish(&mut game), [Event::RoundOver { winner: 2, ticks: 50 }]);
    let score = |game: &Game| game.world.players().map(|p| (p.score, p.deaths, p.wins)).collect::<Vec<_>>();
    assert_eq!(score(&game), [(0, 2, 0), (1, 1, 0), (2, 2, 1), (0, 1, 0)], "to be read while the game rests");
    game.ticks(50);
    assert_eq!(score(&game), [(0, 0, 0), (0, 0, 0), (0, 0, 1), (0, 0, 0)], "wins stay");
}

#[test]
fn of_equal_kills_the_fewest_deaths_win() {
    let mut game = game(4);
    // One death for 1, two for 0.
    game.launch(0, 6).press(0, 0, action::DESTRUCT).ticks(60);
    blow_up(&mut game, 0, 2, 0);
    blow_up(&mut game, 1, 3, 1);
    game.ticks(40);
    assert_eq!(finish(&mut game), [Event::RoundOver { winner: 1, ticks: 50 }]);
}

#[test]
fn of_equal_kills_and_deaths_the_lowest_slot_wins() {
    let mut game = game(4);
    blow_up(&mut game, 3, 0, 0);
    blow_up(&mut game, 2, 1, 1);
    game.ticks(40);
    assert_eq!(finish(&mut game), [Event::RoundOver { winner: 2, ticks: 50 }]);
}

#[test]
fn a_round_without_kills_has_no_winner() {
    let mut game = game(2);
    game.launch(0, 0).press(0, 0, action::DESTRUCT);
    assert_eq!(finish(&mut game), [Event::RoundOver { winner: NOBODY, ticks: 50 }]);
    assert!(game.world.players().all(|player| player.wins == 0));
}

#[test]
fn an_endless_round_does_not_end() {
    let mut game = Game::new(&open_field("entry a 0,0 facing 0"), 1);
    assert_eq!(game.ticks(2_000), []);
    assert_eq!(game.world.round(), Round { number: 1, resting: false, ends: 0 });
}

#[test]
fn without_a_rest_the_next_round_begins_in_the_tick_that_ends_the_last() {
    let mut game = Game::with(PAIRS, 2, 0, Rounds { play_ticks: 100, rest_ticks: 0 });
    blow_up(&mut game, 0, 1, 0);
    game.ticks(99);
    let both = [Event::RoundOver { winner: 0, ticks: 0 }, Event::RoundStart { ticks: 100 }];
    assert_eq!(game.tick().events, both);
    assert_eq!(game.world.round(), Round { number: 2, resting: false, ends: 200 });
    assert_eq!((game.player(0).score, game.player(0).wins), (0, 1));
}

#[test]
fn who_joins_while_the_game_rests_plays_the_next_round() {
    let mut game = game(1);
    game.ticks(210);
    game.log.push(Entry::Join { player: 9, name: "late".into(), bot: false });
    game.ticks(41);
    game.press(9, 0, action::LAUNCH_ANY).tick();
    assert!(game.has_tank(9));
}
