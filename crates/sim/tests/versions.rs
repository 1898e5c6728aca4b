//! A game of each rules version as a build that had it stored it: snapshot, log, and what they lead to.
//!
//! `vectors/rules-N.json` is of version N, for as long as a build steps it: `maze`, its text; `snapshot`, bytes in hexadecimal
//! digits; `log`, for each tick after it its entries (postcard, in the same digits; empty where nothing happened); `digests`,
//! `[tick, digest]`; `end`, the snapshot after the last tick. `TANX_WRITE_VECTORS=1` writes those that are missing, and none
//! anew: games that players are in depend on them.

mod play;

use play::{CROWD, Play};
use serde_json::{Value, json};
use sim::{Entry, Maze, RULES, RULES_OLDEST, Rounds, World, delta};
use std::path::PathBuf;

/// What to do when a game goes on otherwise than it did.
const ADVICE: &str = "A build must read and step what the one before it stored. Do not change this file: leave that rules version \
     as it was, and make the change one of a new version (crates/sim/src/rules.rs says how).";

/// Ticks that are run again.
const TICKS: u64 = 800;
/// Between two digests.
const DIGEST_TICKS: u64 = 20;

fn file(rules: u16) -> PathBuf {
    format!("vectors/rules-{rules}.json").into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a text");
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("two hexadecimal digits");
    (0..text.len()).step_by(2).map(digits).collect()
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    if bytes.is_empty() {
        return Vec::new();
    }
    postcard::from_bytes(bytes).unwrap_or_else(|error| panic!("an entry of the log: {error}. {ADVICE}"))
}

/// A game in which everything happens that can.
fn written(rules: u16) -> String {
    let maze = Maze::parse(CROWD).expect("the test's maze is right");
    let mut world = World::new(&maze, rules, 5, 1, Rounds { play_ticks: 400, rest_ticks: 25 });
    let mut play = Play::new(1, 7, true);
    let first = 300;
    for tick in 1..=first {
        world.step(&maze, &play.log(tick));
    }
    let snapshot = hex(&world.snapshot());
    let (mut log, mut digests) = (Vec::new(), Vec::new());
    let mut kinds = std::collections::BTreeSet::new();
    for tick in first + 1..=first + TICKS {
        let before = world.clone();
        let entries = play.log(tick);
        world.step(&maze, &entries);
        kinds.extend(
            delta(&before, &world, &maze)
                .events
                .iter()
                .map(std::mem::discriminant)
                .map(|kind| format!("{kind:?}")),
        );
        kinds.extend(entries.iter().map(std::mem::discriminant).map(|kind| format!("entry {kind:?}")));
        log.push(match entries.is_empty() {
            true => String::new(),
            false => hex(&postcard::to_allocvec(&entries).expect("plain data")),
        });
        if tick % DIGEST_TICKS == 0 {
            digests.push((tick, world.digest()));
        }
    }
    assert_eq!(kinds.len(), 16 + 6, "every kind of event and of entry happens: {kinds:?}");
    let about = format!(
        "A game of rules version {rules}. The format is described at the top of crates/sim/tests/versions.rs."
    );
    let all = json!({
        "about": about, "maze": CROWD, "snapshot": snapshot, "log": log, "digests": digests,
        "end": hex(&world.snapshot()),
    });
    format!("{all:#}\n")
}

/// Versions that games are played by.
fn released() -> std::ops::RangeInclusive<u16> {
    RULES_OLDEST..=RULES - u16::from(cfg!(feature = "next-rules"))
}

#[test]
fn games_of_each_version_go_on_as_they_always_did() {
    for rules in released() {
        let path = file(rules);
        if !path.exists() && std::env::var_os("TANX_WRITE_VECTORS").is_some_and(|value| value == "1") {
            std::fs::write(&path, written(rules)).expect("the vectors' folder can be written");
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; TANX_WRITE_VECTORS=1 writes it, where the version is new", path.display())
        });
        let game: Value = serde_json::from_str(&text).expect("the file is JSON");
        replays(rules, &game);
    }
}

fn replays(rules: u16, game: &Value) {
    let maze = Maze::parse(game["maze"].as_str().expect("a text"))
        .unwrap_or_else(|error| panic!("the maze of a game of rules version {rules}: {error}. {ADVICE}"));
    let snapshot = unhex(&game["snapshot"]);
    let mut world = World::restore(&maze, &snapshot)
        .unwrap_or_else(|error| panic!("the snapshot of a game of rules version {rules}: {error}. {ADVICE}"));
    assert_eq!(world.rules(), rules);
    assert_eq!(
        hex(&world.snapshot()),
        hex(&snapshot),
        "a world of rules version {rules} is stored otherwise. {ADVICE}"
    );
    let mut digests = game["digests"].as_array().expect("a list").iter();
    let mut digest = digests.next();
    for entry in game["log"].as_array().expect("a list") {
        let bytes = unhex(entry);
        let entries = entries(&bytes);
        if !entries.is_empty() {
            let again = postcard::to_allocvec(&entries).expect("plain data");
            assert_eq!(
                hex(&again),
                hex(&bytes),
                "a log of rules version {rules} is written otherwise. {ADVICE}"
            );
        }
        world.step(&maze, &entries);
        if digest.is_some_and(|digest| digest[0] == world.tick()) {
            let same = digest.is_some_and(|digest| digest[1] == world.digest());
            assert!(
                same,
                "a game of rules version {rules} goes another way before tick {}. {ADVICE}",
                world.tick()
            );
            digest = digests.next();
        }
    }
    assert_eq!(digest, None, "each digest is looked at");
    assert_eq!(
        json!(hex(&world.snapshot())),
        game["end"],
        "a game of rules version {rules} ends otherwise. {ADVICE}"
    );
}

/// The tests of upgrades rest on it.
#[cfg(feature = "next-rules")]
#[test]
fn the_next_rules_are_other_rules() {
    let mut game: Value = serde_json::from_str(&written(RULES_OLDEST)).expect("it was just written");
    let next: Value = serde_json::from_str(&written(RULES)).expect("it was just written");
    assert_eq!(game["log"], next["log"]);
    assert_ne!(game["end"], next["end"]);
    replays(RULES, &next);
    // The log of one version under the other leads elsewhere.
    game["snapshot"] = next["snapshot"].clone();
    assert!(std::panic::catch_unwind(|| replays(RULES, &game)).is_err());
}

/// A build without them refuses their games, and says so.
#[cfg(not(feature = "next-rules"))]
#[test]
fn a_game_of_rules_to_come_is_refused_with_a_sentence() {
    let maze = Maze::parse(CROWD).expect("the test's maze is right");
    let mut bytes = World::new(&maze, RULES, 5, 1, Rounds::default()).snapshot();
    // The format's number, then the rules'.
    assert_eq!(u16::from(bytes[1]), RULES);
    bytes[1] += 1;
    let refusal = World::restore(&maze, &bytes).expect_err("nobody knows these rules");
    assert_eq!(refusal, sim::RestoreError::Rules(RULES + 1));
    assert!(refusal.to_string().contains("run it on a build that steps them"), "{refusal}");
}
