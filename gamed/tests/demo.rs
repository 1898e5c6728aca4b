//! The demo from outside: three real members in this process, reached through the balancer as players reach them.

mod client;

use clap::Parser;
use client::{Client, PATIENCE, hello, http, own};
use futures_util::SinkExt;
use gamed::settings::Settings;
use protocol::{
    ClientMessage, CloseCode, ClusterKey, Epoch, GameId, Hello, Keyframe, PlayerId, ServerMessage, Tick,
    Token,
};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

struct Demo {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<anyhow::Result<()>>,
}

impl Demo {
    async fn start(flags: &[&str]) -> Demo {
        let all = ["gamed", "--demo"].iter().chain(flags);
        let settings = Settings::try_parse_from(all).expect("flags of a test");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stop = CancellationToken::new();
        let ended = tokio::spawn(gamed::demo::run(settings, listener, stop.clone()));
        Demo { address, stop, ended }
    }

    async fn end(self) {
        self.stop.cancel();
        let ended = timeout(PATIENCE, self.ended).await.expect("the demo ends when it is told to");
        ended.expect("no panic").expect("no error");
    }

    /// One request, one answer: status and JSON.
    async fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match http(self.address, method, path, body).await {
                Ok(answer) => return answer,
                // Right after the start there is nobody behind the balancer.
                Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{method} {path}: {error}"),
            }
        }
    }

    async fn a_game(&self) -> GameId {
        let (status, answer) = self.http("POST", "/api/games", r#"{"name":"test","bots":0}"#).await;
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().expect("an id").parse().expect("an id")
    }

    async fn socket(&self) -> Client {
        Client::connect(self.address).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_joins_launches_and_drives() {
    let demo = Demo::start(&["--demo-games", "1", "--demo-bots", "0"]).await;
    let game = demo.a_game().await;
    let mut client = demo.socket().await;
    client.send(ClientMessage::Hello(hello(game))).await;
    let (welcome, _) = client.welcome().await;
    client.world("the player in it", |world| own(world, welcome.player).is_some()).await;
    client.input(0, 2).await;
    let has_tank = |world: &Keyframe| own(world, welcome.player).is_some_and(|player| player.tank.is_some());
    let launched = client.world("the player's tank", has_tank).await;
    client.input(1, 0).await;
    let place = |world: &Keyframe| {
        own(world, welcome.player).and_then(|player| player.tank).map(|tank| (tank.x, tank.y))
    };
    client.world("the tank elsewhere", |world| place(world) != place(&launched)).await;
    demo.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_with_its_code() {
    let demo = Demo::start(&["--demo-games", "1", "--demo-bots", "0", "--max-players", "1"]).await;
    let game = demo.a_game().await;
    let stranger = ClusterKey::parse(&[7; 32]).expect("32 bytes are a key");
    let forged = Token { game, player: PlayerId(1) }.sign(&stranger);
    let cases = [
        (Hello { name: "x".repeat(17), ..hello(game) }, CloseCode::Name),
        (Hello { name: "  ".into(), ..hello(game) }, CloseCode::Name),
        (Hello { token: Some(forged), ..hello(game) }, CloseCode::Token),
        (hello(GameId(1)), CloseCode::NoSuchGame),
    ];
    for (hello, code) in cases {
        let mut client = demo.socket().await;
        client.send(ClientMessage::Hello(hello)).await;
        client.closes_with(code).await;
    }
    let mut client = demo.socket().await;
    let mut version = ClientMessage::Hello(hello(game)).encode().to_vec();
    version[1] = 99;
    client.send_raw(version.into()).await;
    client.closes_with(CloseCode::Version).await;

    for (raw, code) in [(vec![0x77], CloseCode::Malformed), (vec![2; 5000], CloseCode::TooLong)] {
        let mut client = demo.socket().await;
        client.send_raw(raw.into()).await;
        client.closes_with(code).await;
    }
    let mut client = demo.socket().await;
    client.socket.send(Message::text("hello")).await.expect("the socket takes a message");
    client.closes_with(CloseCode::NotBinary).await;

    let mut first = demo.socket().await;
    first.send(ClientMessage::Hello(hello(game))).await;
    let (welcome, _) = first.welcome().await;
    first.world("the player in it", |world| own(world, welcome.player).is_some()).await;
    let mut second = demo.socket().await;
    second.send(ClientMessage::Hello(hello(game))).await;
    second.closes_with(CloseCode::Full).await;

    for _ in 0..1000 {
        first.send(ClientMessage::Seen { tick: Tick(1) }).await;
    }
    first.closes_with(CloseCode::TooManyMessages).await;

    let (status, answer) = demo.http("POST", "/api/games", r#"{"name":""}"#).await;
    assert_eq!((status, answer["error"].as_str()), (422, Some("a name is needed: use 1 to 32 characters")));
    demo.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_all_servers_costs_no_tick() {
    let demo = Demo::start(&["--demo-games", "3", "--demo-bots", "2"]).await;
    let game = demo.a_game().await;
    let mut client = demo.socket().await;
    client.send(ClientMessage::Hello(hello(game))).await;
    let (welcome, keyframe) = client.welcome().await;
    let (status, _) = demo.http("POST", "/api/demo/roll", "").await;
    assert_eq!(status, 202);
    assert_eq!(demo.http("POST", "/api/demo/roll", "").await.0, 409, "one roll at a time");
    assert_eq!(demo.http("GET", "/api/cluster", "").await.1["rolling"], true);

    let (mut epoch, mut tick, mut session) = (keyframe.epoch, keyframe.tick, 1);
    let mut epochs = vec![epoch];
    let mut seen_elsewhere = None::<(Epoch, Tick)>;
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        match client.next().await.expect("no close during a roll") {
            ServerMessage::Frame { header, .. } => {
                assert_eq!(header.tick(tick), tick.next(), "ticks follow each other");
                tick = tick.next();
                if let Some(new) = header.epoch.filter(|new| *new != epoch) {
                    assert!(new > epoch, "epochs rise");
                    epoch = new;
                    epochs.push(new);
                }
            }
            ServerMessage::GoAway { .. } => {
                session += 1;
                let floor = Some((epoch, tick));
                let mut next = demo.socket().await;
                let token = Some(welcome.token.clone());
                next.send(ClientMessage::Hello(Hello { session, token, floor, ..hello(game) })).await;
                let (again, world) = next.welcome().await;
                assert_eq!(again.player, welcome.player, "a token resumes as the same player");
                assert!(world.epoch >= epoch, "never a lower epoch than was shown");
                (epoch, tick) = (world.epoch, world.tick);
                seen_elsewhere = floor;
                client = next;
            }
            _ => {}
        }
        let caught_up = seen_elsewhere.is_none_or(|(_, floor)| tick >= floor);
        let (_, cluster) = if tick.0.is_multiple_of(50) {
            demo.http("GET", "/api/cluster", "").await
        } else {
            (0, Value::Null)
        };
        let members = cluster["members"].as_array().cloned().unwrap_or_default();
        if caught_up && members.len() == 3 && members.iter().all(|member| member["revision"] == "2") {
            assert!(epochs.len() >= 2, "the game moved");
            let world = client.world("the player in it", |world| own(world, welcome.player).is_some()).await;
            assert!(world.tick >= tick);
            assert_eq!(cluster["games"].as_array().map(Vec::len), Some(4), "all games are there");
            return demo.end().await;
        }
    }
    panic!("the roll did not end");
}
