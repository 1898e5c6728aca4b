//! Clients that want too much, lie, or act in somebody else's name: what they get, and that nobody else notices.

mod client;
mod member;

use client::{Client, PATIENCE, hello, own};
use futures_util::SinkExt;
use gamed::visitors::AddressLimits;
use member::{Member, Setup, a_player, member, member_with, spectator};
use protocol::{ClientMessage, CloseCode, ClusterKey, Hello, ServerMessage, Tick, Token};
use registry::memory::Memory;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

async fn limited(limits: AddressLimits) -> Member {
    member_with(&Memory::default(), "owner", Setup { limits, ..Setup::default() }).await
}

/// One request with these further headers: status, and the answer's head in lower case.
async fn ask(address: SocketAddr, request: &str, headers: &[&str], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it takes a request");
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let read =
            timeout(PATIENCE, stream.read(&mut part)).await.expect("an answer in time").expect("an answer");
        assert!(read > 0, "the connection ended within the head");
        answer.extend(&part[..read]);
    }
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    let status = answer.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, answer)
}

const NEW_GAME: &str = r#"{"name":"test"}"#;
const OPENING: [&str; 4] = [
    "upgrade: websocket",
    "connection: upgrade",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

async fn opens(address: SocketAddr, header: &str) -> u16 {
    let headers: Vec<_> = OPENING.into_iter().chain((!header.is_empty()).then_some(header)).collect();
    ask(address, "GET /play", &headers, "").await.0
}

async fn counts(member: &Member, metric: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !member.metrics().await.lines().any(|line| line.starts_with(metric)) {
        assert!(Instant::now() < deadline, "no {metric} in {}", member.metrics().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_an_address_are_bounded_and_probes_are_answered_all_the_same() {
    let owner = limited(AddressLimits { connections: 3, ..AddressLimits::default() }).await;
    let game = owner.a_game().await;
    let (mut player, _, _) = a_player(owner.address, game).await;
    let mut others = vec![Client::connect(owner.address).await, Client::connect(owner.address).await];
    let (status, head) = ask(owner.address, "GET /api/games", &[], "").await;
    assert_eq!(status, 429);
    assert!(head.contains("\r\nretry-after: 5\r\n"), "{head}");
    assert_eq!(opens(owner.address, "").await, 429);
    for probe in ["GET /healthz", "GET /readyz", "GET /metrics"] {
        assert_eq!(ask(owner.address, probe, &[], "").await.0, 200);
    }
    counts(&owner, "gamed_refused_total{limit=\"connections\"}").await;
    player.pass(5).await;

    others.pop();
    let deadline = Instant::now() + PATIENCE;
    while ask(owner.address, "GET /api/games", &[], "").await.0 != 200 {
        assert!(Instant::now() < deadline, "its place is free again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_games_and_requests_of_an_address_are_bounded() {
    let owner = limited(AddressLimits { games_per_minute: 2, ..AddressLimits::default() }).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(ask(owner.address, "POST /api/games", &[], NEW_GAME).await);
    }
    assert_eq!(told.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [201, 201, 429]);
    assert!(told[2].1.contains("\r\nretry-after: 30\r\n"), "{}", told[2].1);
    counts(&owner, "gamed_refused_total{limit=\"games\"} 1").await;

    let owner = limited(AddressLimits { requests_per_second: 1, ..AddressLimits::default() }).await;
    let mut refused = 0;
    while refused == 0 {
        let (status, head) = ask(owner.address, "GET /api/mazes", &[], "").await;
        refused += u32::from(status == 429 && head.contains("\r\nretry-after: 1\r\n"));
    }
    counts(&owner, "gamed_refused_total{limit=\"requests\"}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_behind_a_trusted_proxy_are_told_apart() {
    let header = Some("x-forwarded-for".parse().expect("a header"));
    let owner = limited(AddressLimits { games_per_minute: 1, header, ..AddressLimits::default() }).await;
    let mut told = Vec::new();
    for client in ["10.0.0.1", "10.0.0.2", "10.9.9.9, 10.0.0.1"] {
        let header = format!("X-Forwarded-For: {client}");
        told.push(ask(owner.address, "POST /api/games", &[&header], NEW_GAME).await.0);
    }
    assert_eq!(told, [201, 201, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_hosts_can_neither_play_nor_create_games_unless_that_is_allowed() {
    let owner = member(&Memory::default(), "owner").await;
    let own = format!("Origin: http://{}", owner.address);
    for (origin, allowed) in [
        ("", true),
        (&own[..], true),
        ("Origin: https://site.example", true),
        ("Origin: https://evil.example", false),
        ("Origin: null", false),
    ] {
        assert_eq!(opens(owner.address, origin).await, if allowed { 101 } else { 403 }, "{origin}");
        let headers: Vec<_> = (!origin.is_empty()).then_some(origin).into_iter().collect();
        let (status, _) = ask(owner.address, "POST /api/games", &headers, NEW_GAME).await;
        assert_eq!(status, if allowed { 201 } else { 403 }, "{origin}");
    }
    counts(&owner, "gamed_refused_total{limit=\"origin\"} 4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_does_not_come_is_not_waited_for() {
    let owner = member(&Memory::default(), "owner").await;
    let (status, _) = ask(owner.address, "POST /api/games", &[], "").await;
    assert_eq!(status, 400, "no body is no game");
    let (status, _) = ask(owner.address, "POST /api/games", &[], &"x".repeat(4097)).await;
    assert_eq!(status, 413);
    let mut stream = TcpStream::connect(owner.address).await.expect("it listens");
    stream
        .write_all(b"POST /api/games HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        .await
        .expect("sent");
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("in time").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_pieces_of_a_message_and_floods_end_the_socket_and_no_tick_waits() {
    let owner = member(&Memory::default(), "owner").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let piece = |code, last| Message::Frame(Frame::message(Vec::new(), OpCode::Data(code), last));

    let (mut pieces, _, _) = Client::enter(owner.address, spectator(game)).await;
    pieces.socket.send(piece(Data::Binary, false)).await.expect("sent");
    let flood = async {
        // Once it is closed it takes no more.
        while pieces.socket.feed(piece(Data::Continue, false)).await.is_ok()
            && pieces.socket.flush().await.is_ok()
        {}
    };
    timeout(PATIENCE, flood).await.expect("it is closed");
    counts(&owner, "gamed_refused_total{limit=\"bytes\"} 1").await;

    // The same before a Hello.
    let mut early = Client::connect(owner.address).await;
    early.socket.send(piece(Data::Binary, false)).await.expect("sent");
    for _ in 0..20_000 {
        if early.socket.feed(piece(Data::Continue, false)).await.is_err() {
            break;
        }
    }
    let _ = early.socket.flush().await;
    early.closes_with(CloseCode::TooManyMessages).await;
    counts(&owner, "gamed_refused_total{limit=\"bytes\"} 2").await;

    let (mut pings, _, _) = Client::enter(owner.address, spectator(game)).await;
    for _ in 0..500 {
        pings.socket.feed(Message::Ping(bytes::Bytes::new())).await.expect("the socket takes a ping");
    }
    pings.socket.flush().await.expect("sent");
    pings.closes_with(CloseCode::TooManyMessages).await;
    counts(&owner, "gamed_refused_total{limit=\"messages\"} 1").await;
    watcher.pass(20).await;
    assert!(watcher.skipped.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_is_closed_though_it_says_that_it_has_seen_everything() {
    let owner = member(&Memory::default(), "owner").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2048).expect("a small buffer");
    let stream = socket.connect(owner.address).await.expect("it listens");
    let url = format!("ws://{}/play", owner.address);
    let (mut liar, _) = tokio_tungstenite::client_async(url, stream).await.expect("a websocket");
    let say = |message: ClientMessage| Message::Binary(message.encode());
    liar.send(say(ClientMessage::Hello(spectator(game)))).await.expect("sent");
    let began = Instant::now();
    let lies = async {
        loop {
            let seen = say(ClientMessage::Seen { tick: Tick(u64::MAX) });
            let please = say(ClientMessage::KeyframePlease);
            if liar.send(seen).await.is_err() || liar.send(please).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let closed = async {
        tokio::join!(counts(&owner, "gamed_sockets_closed_total{code=\"4008\"} 1"), watcher.pass(300))
    };
    tokio::select! {
        _ = async { lies.await; std::future::pending::<()>().await } => {}
        _ = closed => {}
    }
    assert!(began.elapsed() < PATIENCE);
    assert!(watcher.skipped.is_empty(), "the others missed nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_has_as_many_sockets_as_it_may_is_full() {
    let mut setup = Setup::default();
    setup.game_limits.sockets = 2;
    let owner = member_with(&Memory::default(), "owner", setup).await;
    let (game, other) = (owner.a_game().await, owner.a_game().await);
    let first = Client::enter(owner.address, spectator(game)).await;
    let _second = Client::enter(owner.address, hello(game)).await;
    let mut third = Client::connect(owner.address).await;
    third.send(ClientMessage::Hello(spectator(game))).await;
    third.closes_with(CloseCode::Full).await;
    counts(&owner, "gamed_refused_total{limit=\"sockets\"} 1").await;
    Client::enter(owner.address, spectator(other)).await;
    drop(first);
    let entered = async {
        loop {
            let mut again = Client::connect(owner.address).await;
            again.send(ClientMessage::Hello(spectator(game))).await;
            if again.next().await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, entered).await.expect("a place is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_players_from_one_address_are_bounded_in_each_game() {
    let mut setup = Setup::default();
    setup.game_limits.joins_per_minute = 5;
    let owner = member_with(&Memory::default(), "owner", setup).await;
    let (game, other) = (owner.a_game().await, owner.a_game().await);
    let (_player, welcome, _) = Client::enter(owner.address, hello(game)).await;
    let mut refused = 0;
    for _ in 0..6 {
        let mut client = Client::connect(owner.address).await;
        client.send(ClientMessage::Hello(hello(game))).await;
        client.send(ClientMessage::Leave).await;
        match client.next().await {
            Err(code) if code == CloseCode::TooManyMessages.code() => refused += 1,
            _ => continue,
        }
        break;
    }
    assert_eq!(refused, 1);
    counts(&owner, "gamed_refused_total{limit=\"joins\"} 1").await;
    // Those who come back, and other games, are not meant.
    let again = Hello { session: 2, token: Some(welcome.token), ..hello(game) };
    Client::enter(owner.address, again).await;
    Client::enter(owner.address, hello(other)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_worth_nothing_for_another_game_or_player_or_cluster() {
    let owner = member(&Memory::default(), "owner").await;
    let (game, other) = (owner.a_game().await, owner.a_game().await);
    let (mut player, id, token) = a_player(owner.address, game).await;
    let (_, second, seconds) = a_player(owner.address, game).await;
    // The signature of one token under the ids of another.
    let signed = token.len() - 32;
    let spliced = [&seconds[..signed], &token[signed..]].concat();
    let foreign = Token { game, player: id }.sign(&ClusterKey::parse(&[8; 32]).expect("a key"));
    for (game, token) in [(other, token.clone()), (game, spliced), (game, foreign), (game, Vec::new())] {
        let mut client = Client::connect(owner.address).await;
        client.send(ClientMessage::Hello(Hello { session: 9, token: Some(token), ..hello(game) })).await;
        client.closes_with(CloseCode::Token).await;
    }
    assert_ne!(id, second);
    // Whoever says that it only watches is nobody, whatever its token.
    let watcher = Hello { token: Some(token), ..spectator(game) };
    let (mut watcher, welcome, _) = Client::enter(owner.address, watcher).await;
    assert_eq!((welcome.player.0, welcome.token.len()), (0, 0));
    watcher.input(1, 0).await;
    player.pass(10).await;
    let world = player.world("the player", |world| own(world, id).is_some()).await;
    assert_eq!(own(&world, id).map(|own| (own.last_seq, own.keys)), Some((1, 0)), "moved by nobody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_player_who_has_left_gives_nothing_of_that_player_back() {
    let registry = Memory::default();
    let owner = member(&registry, "owner").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let (mut player, id, token) = a_player(owner.address, game).await;
    player.send(ClientMessage::Leave).await;
    watcher.world("nobody", |world| world.players.is_empty()).await;
    // The socket that left only watches.
    player.input(1, 2).await;
    player.pass(10).await;
    player.world("nobody still", |world| world.players.is_empty()).await;

    let again = Hello { session: 2, token: Some(token), name: "Again".into(), ..hello(game) };
    let (mut client, welcome, _) = Client::enter(owner.address, again).await;
    let world = client.world("a new player", |world| own(world, welcome.player).is_some()).await;
    let new = own(&world, id).expect("by the same id, as nobody else can have it");
    assert_eq!((&new.name[..], new.last_seq, new.score, new.deaths), ("Again", 0, 0, 0));
    assert!(new.tank.is_none());
    // What the old socket says reaches nobody.
    player.send(ClientMessage::Rename { name: "Ghost".into() }).await;
    loop {
        if let ServerMessage::Notice { .. } = player.next().await.expect("no close") {
            break;
        }
    }
    let world = client.world("the player", |world| own(world, id).is_some()).await;
    assert_eq!(own(&world, id).map(|own| &own.name[..]), Some("Again"));
}
