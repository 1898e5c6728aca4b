//! What sockets get from the member that owns the game, and from one that does not: frames, resumes, moves, slow readers.

mod client;
mod member;

use client::{Client, PATIENCE, hello, own};
use member::{a_player, left, member, place, spectator};
use protocol::{ClientMessage, CloseCode, Hello, Keyframe, ServerMessage, Tick};
use registry::memory::Memory;
use registry::{Registry, Reply, Request};
use tokio::time::{Duration, Instant, timeout};

const FORWARD: u8 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_serves_players_of_a_game_that_it_does_not_own_and_all_see_the_same_frames() {
    let registry = Memory::default();
    let (owner, edge) = (member(&registry, "owner").await, member(&registry, "edge").await);
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let (mut player, id, _) = a_player(edge.address, game).await;
    let start = player.world("a tank", |world| place(world, id).is_some()).await;
    player.input(FORWARD, 0).await;
    player.world("the tank elsewhere", |world| place(world, id) != place(&start, id)).await;
    let until = player.world.expect("welcomed").1;
    watcher.reach(until).await;
    let mut compared = 0;
    for (tick, bytes) in &player.frames {
        if let Some((_, other)) = watcher.frames.iter().find(|(other, _)| other == tick) {
            assert_eq!(bytes, other, "{tick:?}");
            compared += 1;
        }
    }
    assert!(compared > 5, "they watched the same ticks");
    player.send(ClientMessage::Ping { nonce: 9, tick: until }).await;
    while !matches!(player.next().await.expect("no close"), ServerMessage::Pong { nonce: 9, .. }) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_whose_socket_breaks_stands_still_and_resumes_as_the_same() {
    let registry = Memory::default();
    let (owner, edge) = (member(&registry, "owner").await, member(&registry, "edge").await);
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let (mut player, id, token) = a_player(edge.address, game).await;
    player.input(FORWARD, 0).await;
    player.pass(5).await;
    let floor = player.world;
    let mut again = Client::connect(owner.address).await;
    again.go_on_from(&player);
    drop(player);
    let gone = |world: &Keyframe| own(world, id).is_some_and(|player| !player.connected);
    let stopped = watcher.world("the player without a socket", gone).await;
    let later = watcher.world("a later tick", |world| world.tick > stopped.tick).await;
    assert_eq!(place(&later, id), place(&stopped, id), "nobody holds its keys");

    again.send(ClientMessage::Hello(Hello { session: 2, token: Some(token), floor, ..hello(game) })).await;
    let (welcome, _) = again.welcome().await;
    assert_eq!(welcome.player, id);
    // It is led there from a keyframe of before its socket broke, in which it is not gone yet.
    again.reach(later.tick).await;
    again.input(FORWARD, 0).await;
    let back = again.world("the player back", |world| own(world, id).is_some_and(|own| own.connected)).await;
    assert_eq!(own(&back, id).expect("there").last_seq, 3, "its inputs count on");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_two_sockets_overlap_the_end_of_the_older_one_stops_nothing() {
    let registry = Memory::default();
    let (owner, edge) = (member(&registry, "owner").await, member(&registry, "edge").await);
    let game = owner.a_game().await;
    let (mut older, id, token) = a_player(edge.address, game).await;
    let newer = Hello { session: 2, token: Some(token.clone()), floor: older.world, ..hello(game) };
    let (mut newer, _, _) = Client::enter(owner.address, newer).await;
    newer.go_on_from(&older);
    newer.pass(5).await;
    older.pass(5).await;
    // The older socket goes before the newer one gave an input.
    drop(older);
    newer.pass(50).await;
    let world = newer.world("the player", |world| own(world, id).is_some()).await;
    assert!(own(&world, id).expect("there").connected);

    let hello = |session| Hello { session, token: Some(token.clone()), ..hello(game) };
    let (mut third, _, _) = Client::enter(owner.address, hello(3)).await;
    let (_fourth, _, _) = Client::enter(owner.address, hello(4)).await;
    newer.closes_with(CloseCode::Replaced).await;
    third.pass(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_floor_keeps_nobody_else_waiting() {
    let registry = Memory::default();
    let owner = member(&registry, "owner").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let mut liar = Client::connect(owner.address).await;
    let floor = Some((protocol::Epoch(u64::MAX), Tick(u64::MAX)));
    liar.send(ClientMessage::Hello(Hello { floor, ..spectator(game) })).await;
    watcher.pass(50).await;
    Client::enter(owner.address, spectator(game)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_out_of_the_game_and_does_not_come_back_with_a_move() {
    let registry = Memory::default();
    let (owner, edge) = (member(&registry, "owner").await, member(&registry, "edge").await);
    let game = owner.a_game().await;
    let (mut player, id, _) = a_player(edge.address, game).await;
    player.send(ClientMessage::Leave).await;
    player.world("no player", |world| own(world, id).is_none()).await;
    let (epoch, _) = player.world.expect("welcomed");
    let leaving = owner.leave();
    while player.world.is_none_or(|(now, _)| now == epoch) {
        player.next().await.expect("no close");
    }
    assert!(player.skipped.is_empty(), "a planned move costs no tick");
    player.pass(50).await;
    player.world("still no player", |_| true).await;
    let world = player.world("a world of the new owner", |world| world.epoch > epoch).await;
    assert!(own(&world, id).is_none());
    drop(player);
    left(leaving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edges_ask_the_next_owner_only_once_it_can_answer() {
    let registry = Memory::default();
    let (owner, one) = (member(&registry, "owner").await, member(&registry, "one").await);
    let two = member(&registry, "two").await;
    let mut players = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let game = owner.a_game().await;
        for address in [owner.address, one.address, two.address] {
            let mut player = Client::enter(address, spectator(game)).await.0;
            // All read all the time: one that waits for its turn would be a slow reader.
            players.spawn(async move {
                let (before, _) = player.world.expect("welcomed");
                while player.world.is_none_or(|(now, _)| now == before) {
                    player.next().await.expect("no close");
                }
                assert!(player.skipped.is_empty(), "a planned move costs no tick");
                player
            });
        }
    }
    let leaving = owner.leave();
    let players = players.join_all().await;
    for member in [&one, &two] {
        let metrics = member.metrics().await;
        assert!(metrics.contains("gamed_subscriptions_refused_total 0\n"), "{metrics}");
    }
    // Each move is told to everybody once its first tick has run, with what it cost, and to the registry.
    let told = timeout(PATIENCE, async {
        loop {
            let (_, answer) = two.http("GET", "/api/moves", "").await;
            let Ok(Reply::Moves(ledger)) = registry.call(Request::Moves).await else { panic!("a ledger") };
            let moves = answer["moves"].as_array().expect("a list").clone();
            if moves.len() == 5 && ledger.last.len() == 5 {
                return moves;
            }
        }
    });
    for note in told.await.expect("all moves are told") {
        assert_eq!(
            note["between_us"].as_u64(),
            note["pause_us"].as_u64().map(|late| late + 20_000),
            "{note}"
        );
        assert!(note["bytes"].as_u64() > Some(20), "{note}");
    }
    drop(players);
    left(leaving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_a_leaving_member_are_sent_away_one_by_one_however_few_are_in_each_game() {
    let registry = Memory::default();
    let (leaver, _stays) = (member(&registry, "leaver").await, member(&registry, "stays").await);
    let mut watchers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let game = leaver.a_game().await;
        let (mut watcher, _, _) = Client::enter(leaver.address, spectator(game)).await;
        watchers.spawn(async move {
            while !matches!(watcher.next().await.expect("no close"), ServerMessage::GoAway { .. }) {}
            assert!(watcher.skipped.is_empty());
            Instant::now()
        });
    }
    let began = Instant::now();
    let leaving = leaver.leave();
    let mut told = watchers.join_all().await;
    told.sort();
    assert!(told[0] - began >= Duration::from_secs(1), "load balancers have noticed");
    assert!(told[15] - told[0] > Duration::from_secs(1), "{told:?}");
    left(leaving).await;
    assert!(began.elapsed() < Duration::from_secs(9), "the member ends with its last socket");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_is_told_what_it_missed_and_one_that_stops_is_closed() {
    let registry = Memory::default();
    let owner = member(&registry, "owner").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let (mut slow, _, _) = Client::enter(owner.address, spectator(game)).await;
    slow.pass(20).await;
    let paused_at = slow.world.expect("welcomed").1;
    watcher.reach(Tick(paused_at.0 + 200)).await;
    slow.reach(Tick(paused_at.0 + 250)).await;
    let [(from, to)] = slow.skipped[..] else { panic!("skipped once, not {:?}", slow.skipped) };
    assert!(paused_at < from && from <= to);

    watcher.pass(400).await;
    slow.closes_with(CloseCode::TooSlow).await;
    assert!(watcher.skipped.is_empty(), "the others missed nothing");
}
