//! The chat's history, and names.

use crate::game::Game;
use sim::{CHAT_BYTES_MAX, CHAT_LINES_MAX, ChatLine, ChatWhat, Entry, Event, STANDARD_MAZE, World};

fn say(game: &mut Game, player: u64, text: &str) -> Vec<Event> {
    game.log.push(Entry::Chat { player, text: text.into() });
    game.tick().events
}

fn rename(game: &mut Game, player: u64, name: &str) -> Vec<Event> {
    game.log.push(Entry::Rename { player, name: name.into() });
    game.tick().events
}

fn line(tick: u64, slot: u8, name: &str, what: ChatWhat) -> ChatLine {
    ChatLine { tick, slot, name: name.into(), what }
}

#[test]
fn the_chat_tells_who_entered_left_was_renamed_and_said_what() {
    let mut game = Game::new(STANDARD_MAZE, 2);
    assert_eq!(say(&mut game, 1, "hello"), [Event::Chat { slot: 1, text: "hello".into() }]);
    assert_eq!(rename(&mut game, 1, "Zoë"), [Event::Rename { slot: 1, name: "Zoë".into() }]);
    assert_eq!(game.player(1).name, "Zoë");
    say(&mut game, 1, "again");
    game.log.push(Entry::Leave { player: 1 });
    game.tick();
    assert_eq!(
        game.world.chat(),
        [
            line(1, 0, "player 0", ChatWhat::Entered),
            line(1, 1, "player 1", ChatWhat::Entered),
            line(2, 1, "player 1", ChatWhat::Said { text: "hello".into() }),
            line(3, 1, "player 1", ChatWhat::Renamed { to: "Zoë".into() }),
            line(4, 1, "Zoë", ChatWhat::Said { text: "again".into() }),
            line(5, 1, "Zoë", ChatWhat::Left),
        ]
    );
}

#[test]
fn bots_come_go_and_are_renamed_without_a_line_but_may_speak() {
    let mut game = Game::new(STANDARD_MAZE, 0);
    game.log.push(Entry::Join { player: 7, name: "bot".into(), bot: true });
    let events = game.tick().events;
    assert_eq!(events, [Event::Join { slot: 0, player: 7, bot: true, name: "bot".into() }]);
    assert!(game.player(7).bot);
    rename(&mut game, 7, "robot");
    say(&mut game, 7, "beep");
    game.log.push(Entry::Leave { player: 7 });
    game.tick();
    assert_eq!(game.world.chat(), [line(4, 0, "robot", ChatWhat::Said { text: "beep".into() })]);
}

#[test]
fn the_last_16_lines_are_kept() {
    let mut game = Game::new(STANDARD_MAZE, 1);
    for n in 0..20 {
        say(&mut game, 0, &n.to_string());
    }
    let texts: Vec<_> = game.world.chat().iter().map(|line| line.what.clone()).collect();
    assert_eq!(texts.len(), CHAT_LINES_MAX);
    assert_eq!(texts[0], ChatWhat::Said { text: "4".into() });
    assert_eq!(texts[15], ChatWhat::Said { text: "19".into() });
}

#[test]
fn at_most_1024_bytes_of_names_and_texts_are_kept() {
    let mut game = Game::new(STANDARD_MAZE, 1);
    for _ in 0..20 {
        // 120 characters, 240 bytes, and 8 of the name.
        say(&mut game, 0, &"ä".repeat(120));
    }
    assert_eq!(game.world.chat().len(), CHAT_BYTES_MAX / 248);
    // 16 lines of 64 bytes are just so many.
    for _ in 0..16 {
        say(&mut game, 0, &"x".repeat(56));
    }
    assert_eq!(game.world.chat().len(), 16);
    say(&mut game, 0, &"x".repeat(57));
    assert_eq!(game.world.chat().len(), 15, "one byte more than fits");
}

#[test]
fn what_is_said_is_cut_to_120_characters_and_nothing_is_no_message() {
    let mut game = Game::new(STANDARD_MAZE, 1);
    assert_eq!(say(&mut game, 0, ""), []);
    assert_eq!(say(&mut game, 99, "not in the game"), []);
    let text = "ß".repeat(120);
    assert_eq!(say(&mut game, 0, &"ß".repeat(121)), [Event::Chat { slot: 0, text }]);
}

#[test]
fn a_name_is_cut_to_16_characters_and_the_same_or_none_is_no_change() {
    let mut game = Game::new(STANDARD_MAZE, 1);
    assert_eq!(rename(&mut game, 0, ""), []);
    assert_eq!(rename(&mut game, 0, "player 0"), []);
    assert_eq!(rename(&mut game, 99, "not in the game"), []);
    let name = String::from("12345678901234ß6");
    assert_eq!(rename(&mut game, 0, "12345678901234ß67"), [Event::Rename { slot: 0, name }]);
    assert_eq!(game.world.chat().len(), 2);
}

#[test]
fn the_chat_survives_a_snapshot() {
    let mut game = Game::new(STANDARD_MAZE, 1);
    say(&mut game, 0, "still here?");
    let restored = World::restore(&game.maze, &game.world.snapshot()).expect("it is a snapshot");
    assert_eq!(restored.chat(), game.world.chat());
    assert_eq!(restored.chat().len(), 2);
}

#[test]
fn what_is_said_in_the_tick_of_a_renaming_has_the_name_of_its_moment() {
    let mut game = Game::new(STANDARD_MAZE, 1);
    game.log.push(Entry::Chat { player: 0, text: "a".into() });
    game.log.push(Entry::Rename { player: 0, name: "new".into() });
    game.log.push(Entry::Chat { player: 0, text: "b".into() });
    game.tick();
    let names: Vec<_> = game.world.chat().iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["player 0", "player 0", "player 0", "new"]);
}
