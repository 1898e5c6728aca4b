//! Members in this process, linked over loopback, over one in-memory registry: what sockets get from the member that owns
//! the game, and from one that does not.

mod client;

use client::{Client, PATIENCE, hello, own};
use gamed::server::{Server, ServerConfig};
use protocol::{
    ClientMessage, CloseCode, ClusterKey, GameId, Hello, Keyframe, PlayerId, ServerMessage, Tick,
};
use registry::memory::Memory;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const FORWARD: u8 = 1;
const LAUNCH: u8 = 2;

struct Member {
    address: SocketAddr,
    server: Server,
}

async fn member(registry: &Memory, name: &str) -> Member {
    let http = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let peers = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = http.local_addr().expect("it is bound");
    let config = ServerConfig {
        name: name.to_owned(),
        revision: "1".to_owned(),
        build: "test".to_owned(),
        pod_uid: String::new(),
        container: String::new(),
        peer_address: peers.local_addr().expect("it is bound").to_string(),
        web: None,
        slots: 8,
        grace: Duration::from_secs(10),
        empty_game: Duration::from_secs(600),
        workers: 1,
        key: ClusterKey::parse(&[7; 32]).expect("32 bytes are a key"),
        roll: None,
    };
    let server = Server::start(config, Arc::new(registry.clone()), http, peers).expect("it starts");
    let mut stage = server.stage();
    timeout(PATIENCE, stage.wait_for(|stage| stage.ready)).await.expect("it gets ready").expect("it lives");
    Member { address, server }
}

impl Member {
    async fn a_game(&self) -> GameId {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let body = r#"{"name":"test"}"#;
        let length = body.len();
        let request = format!(
            "POST /api/games HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("it takes a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let id = answer.split('"').nth(3).expect("an id");
        id.parse().unwrap_or_else(|_| panic!("no game: {answer}"))
    }
}

fn spectator(game: GameId) -> Hello {
    Hello { spectate: true, name: String::new(), ..hello(game) }
}

fn place(world: &Keyframe, player: PlayerId) -> Option<(i32, i32)> {
    own(world, player).and_then(|player| player.tank).map(|tank| (tank.x, tank.y))
}

/// Joined, with a tank.
async fn a_player(address: SocketAddr, game: GameId) -> (Client, PlayerId, Vec<u8>) {
    let (mut client, welcome, _) = Client::enter(address, hello(game)).await;
    client.world("the player", |world| own(world, welcome.player).is_some()).await;
    client.input(0, LAUNCH).await;
    client.world("the player's tank", |world| place(world, welcome.player).is_some()).await;
    (client, welcome.player, welcome.token)
}

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
    let left = tokio::spawn(owner.server.leave(Duration::from_secs(10)));
    while player.world.is_none_or(|(now, _)| now == epoch) {
        player.next().await.expect("no close");
    }
    assert!(player.skipped.is_empty(), "a planned move costs no tick");
    player.pass(50).await;
    player.world("still no player", |_| true).await;
    let world = player.world("a world of the new owner", |world| world.epoch > epoch).await;
    assert!(own(&world, id).is_none());
    drop(player);
    timeout(PATIENCE, left).await.expect("it leaves").expect("no panic");
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
