//! The life of a game over members: how it is created, its rounds, when it ends, and inputs that come late.

mod client;
mod member;

use client::{Client, hello, own};
use gamed::settings::Durability;
use member::{LAUNCH, Setup, a_player, left, member, member_with, place, spectator};
use protocol::{ClientMessage, CloseCode, FrameEvent, ServerMessage, Tick};
use registry::memory::Memory;
use registry::{Registry, Reply, Request};
use sim::Rounds;
use std::time::Duration;

const FORWARD: u8 = 1;
const FIRE: u8 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_game_is_created_in_the_maze_that_was_chosen() {
    let registry = Memory::default();
    let owner = member(&registry, "owner").await;
    let (_, known) = owner.http("GET", "/api/mazes", "").await;
    let known = known["mazes"].as_array().expect("a list").clone();
    assert!(known.len() >= 4);
    let last = known.last().expect("some");
    let body = format!(r#"{{"name":"test","maze":{},"bots":3}}"#, last["name"]);
    let game = owner.a_game_of(&body).await;
    let (_, welcome, _) = Client::enter(owner.address, spectator(game)).await;
    assert_eq!(Some(&welcome.maze[..]), last["text"].as_str());
    let (_, games) = owner.http("GET", "/api/games", "").await;
    assert_eq!(games["games"][0]["maze"], last["name"]);

    let (status, refusal) = owner.http("POST", "/api/games", r#"{"name":"test","maze":"Atlantis"}"#).await;
    let sentence = refusal["error"].as_str().expect("a sentence");
    assert_eq!(status, 422);
    for maze in &known {
        assert!(sentence.contains(maze["name"].as_str().expect("a name")), "{sentence}");
    }
    let (status, refusal) = owner.http("POST", "/api/games", r#"{"name":"test","bots":8}"#).await;
    let sentence = "8 bots leave no place for people; choose 0 to 7";
    assert_eq!((status, refusal["error"].as_str()), (422, Some(sentence)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_ended_before_a_move_is_followed_by_the_next_one_after_it() {
    let registry = Memory::default();
    let rounds = Rounds { play_ticks: 150, rest_ticks: 150 };
    let setup = Setup { rounds, ..Setup::default() };
    let owner = member_with(&registry, "owner", setup.clone()).await;
    let edge = member_with(&registry, "edge", setup).await;
    let game = owner.a_game().await;
    let (mut player, id, _) = a_player(edge.address, game).await;
    let (over, ticks) = player
        .event("the end of the round", |event| match event {
            FrameEvent::RoundOver { ticks, .. } => Some(*ticks),
            _ => None,
        })
        .await;
    let before = player.world.expect("welcomed").0;
    let leaving = owner.leave();
    let rest = player.world("the rest", |world| world.round.resting).await;
    assert_eq!((rest.round.number, rest.round.ends), (1, Tick(over.0 + u64::from(ticks) - 1)));
    assert_eq!(place(&rest, id), None, "nobody is in the arena");
    let (start, play) = player
        .event("the next round", |event| match event {
            FrameEvent::RoundStart { ticks } => Some(*ticks),
            _ => None,
        })
        .await;
    assert_eq!((start, play), (Tick(over.0 + u64::from(ticks)), 150));
    assert!(player.world.expect("welcomed").0 > before, "it begins under the new owner");
    assert!(player.skipped.is_empty());
    let world = player.world("round 2", |world| world.round.number == 2).await;
    assert!(!world.round.resting && own(&world, id).is_some());
    left(leaving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_ends_when_only_bots_have_been_left_for_a_while() {
    let registry = Memory::default();
    let setup = Setup { empty_game: Duration::from_secs(3), ..Setup::default() };
    let owner = member_with(&registry, "owner", setup.clone()).await;
    let edge = member_with(&registry, "edge", setup).await;
    let game = owner.a_game_of(r#"{"name":"test","bots":2}"#).await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let (mut elsewhere, _, _) = Client::enter(edge.address, spectator(game)).await;
    let (mut player, welcome, _) = Client::enter(owner.address, hello(game)).await;
    let bots = |world: &protocol::Keyframe| world.players.iter().filter(|player| player.bot).count();
    watcher.world("the player", |world| own(world, welcome.player).is_some()).await;
    player.pass(60).await;
    player.world("a bot", |world| bots(world) == 1).await;
    player.send(ClientMessage::Leave).await;
    let alone = watcher.world("bots alone", |world| own(world, welcome.player).is_none()).await;
    watcher.world("bots instead of the player", |world| bots(world) == 2).await;
    watcher.closes_with(CloseCode::GameOver).await;
    elsewhere.closes_with(CloseCode::GameOver).await;
    assert!(watcher.world.expect("welcomed").1 >= alone.tick);
    let (_, games) = owner.http("GET", "/api/games", "").await;
    assert_eq!(games["games"].as_array().map(Vec::len), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_comes_much_too_late_moves_the_tank_and_does_no_more() {
    let registry = Memory::default();
    let owner = member(&registry, "owner").await;
    let game = owner.a_game().await;
    let (mut player, welcome, _) = Client::enter(owner.address, hello(game)).await;
    let id = welcome.player;
    player.world("the player", |world| own(world, id).is_some()).await;
    player.reach(Tick(60)).await;
    player.input_for(Tick(1), 0, LAUNCH).await;
    let world = player.world("it applied", |world| own(world, id).is_some_and(|own| own.applied == 1)).await;
    assert_eq!(place(&world, id), None, "it is too late to launch");
    player.input(0, LAUNCH).await;
    let launched = player.world("the tank", |world| place(world, id).is_some()).await;
    player.input_for(Tick(1), FORWARD | FIRE, 0).await;
    let moved = player.world("the tank elsewhere", |world| place(world, id) != place(&launched, id)).await;
    assert_eq!(own(&moved, id).map(|player| player.keys), Some(FORWARD));
    assert!(moved.missiles.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_told_which_revision_serves_and_owns() {
    let registry = Memory::default();
    let (owner, edge) = (member(&registry, "owner").await, member(&registry, "edge").await);
    let game = owner.a_game().await;
    let mut client = Client::connect(edge.address).await;
    client.send(ClientMessage::Hello(spectator(game))).await;
    let host = loop {
        if let ServerMessage::Host(host) = client.next().await.expect("no close") {
            break host;
        }
    };
    assert_eq!((&host.owner_name[..], &host.owner_revision[..]), ("owner", "revision of owner"));
    assert_eq!((&host.edge_name[..], &host.edge_revision[..]), ("edge", "revision of edge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn worlds_are_stored_at_the_interval_of_the_setting() {
    let registry = Memory::default();
    let (durability, snapshot_interval) = (Durability::Snapshot, Duration::from_secs(2));
    let setup = Setup { durability, snapshot_interval, ..Setup::default() };
    let owner = member_with(&registry, "owner", setup).await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let mut stored = Vec::new();
    // The world of the creation, one at any time within the interval, and those that follow.
    while stored.len() < 4 {
        watcher.pass(1).await;
        let Ok(Reply::Game(record)) = registry.call(Request::Game(game)).await else { panic!("a record") };
        if stored.last() != Some(&record.snapshot_tick) {
            stored.push(record.snapshot_tick);
        }
    }
    let between = stored[3].0 - stored[2].0;
    assert!(between > 60, "100 ticks are 2 s, 40 the default: {stored:?}");
}
