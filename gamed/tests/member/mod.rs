//! Members in this process, linked over loopback, over one in-memory registry.

#![allow(dead_code, reason = "each test uses a part of it")]

use crate::client::{Client, PATIENCE, hello, http, own, text};
use gamed::creation::Creation;
use gamed::keys::{Key, fixed};
use gamed::mazes::Mazes;
use gamed::server::{STEPPED, Server, ServerConfig};
use gamed::settings::Durability;
use gamed::visitors::{AddressLimits, GameLimits};
use protocol::{ClusterKey, GameId, Hello, Keyframe, PlayerId};
use registry::Registry;
use serde_json::Value;
use sim::Rounds;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

pub const LAUNCH: u8 = 2;

/// What tests choose about members.
#[derive(Clone)]
pub struct Setup {
    pub rounds: Rounds,
    pub empty_game: Duration,
    pub game_limits: GameLimits,
    pub limits: AddressLimits,
    /// Oldest and newest.
    pub rules: (u16, u16),
    pub key: Key,
    pub durability: Durability,
    pub snapshot_interval: Duration,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            rounds: Rounds { play_ticks: 0, rest_ticks: 0 },
            empty_game: Duration::from_secs(600),
            game_limits: GameLimits { sockets: 512, joins_per_minute: 120, chat_per_minute: 600 },
            limits: AddressLimits::default(),
            rules: STEPPED,
            key: fixed(ClusterKey::parse(&[7; 32]).expect("32 bytes are a key")),
            durability: Durability::Tick,
            snapshot_interval: Duration::from_millis(800),
        }
    }
}

pub struct Member {
    pub address: SocketAddr,
    pub server: Server,
}

pub async fn member(registry: &(impl Registry + Clone + 'static), name: &str) -> Member {
    member_with(registry, name, Setup::default()).await
}

pub async fn member_with(registry: &(impl Registry + Clone + 'static), name: &str, setup: Setup) -> Member {
    let http = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let peers = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = http.local_addr().expect("it is bound");
    let mazes = Mazes::load(None).expect("the shipped ones");
    let config = ServerConfig {
        name: name.to_owned(),
        revision: format!("revision of {name}"),
        build: "test".to_owned(),
        pod_uid: String::new(),
        container: String::new(),
        peer_address: peers.local_addr().expect("it is bound").to_string(),
        web: None,
        creation: Creation { slots: 8, bots: 0, rounds: setup.rounds, mazes },
        empty_game: setup.empty_game,
        game_limits: setup.game_limits,
        listeners: 100,
        address_limits: setup.limits,
        origins: vec!["https://site.example".parse().expect("an origin")],
        durability: setup.durability,
        snapshot_interval: setup.snapshot_interval,
        input_log: Duration::from_millis(40),
        quarantine_after: 3,
        workers: 1,
        rules: setup.rules,
        key: setup.key,
        roll: None,
    };
    let server = Server::start(config, Arc::new(registry.clone()), http, peers).expect("it starts");
    let mut stage = server.stage();
    timeout(PATIENCE, stage.wait_for(|stage| stage.ready)).await.expect("it gets ready").expect("it lives");
    Member { address, server }
}

impl Member {
    pub async fn http(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        http(self.address, method, path, body).await.expect("it answers")
    }

    pub async fn metrics(&self) -> String {
        text(self.address, "GET", "/metrics", "").await.expect("it answers").1
    }

    pub async fn a_game(&self) -> GameId {
        self.a_game_of(r#"{"name":"test"}"#).await
    }

    pub async fn a_game_of(&self, body: &str) -> GameId {
        let (status, answer) = self.http("POST", "/api/games", body).await;
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().expect("an id").parse().expect("an id")
    }

    /// Leaves in the background; to be awaited with [`left`].
    pub fn leave(self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.server.leave(Duration::from_secs(10)))
    }
}

pub async fn left(leaving: tokio::task::JoinHandle<()>) {
    timeout(PATIENCE, leaving).await.expect("it leaves").expect("no panic");
}

pub fn spectator(game: GameId) -> Hello {
    Hello { spectate: true, name: String::new(), ..hello(game) }
}

pub fn place(world: &Keyframe, player: PlayerId) -> Option<(i32, i32)> {
    own(world, player).and_then(|player| player.tank).map(|tank| (tank.x, tank.y))
}

/// Joined, with a tank.
pub async fn a_player(address: SocketAddr, game: GameId) -> (Client, PlayerId, Vec<u8>) {
    let (mut client, welcome, _) = Client::enter(address, hello(game)).await;
    client.world("the player", |world| own(world, welcome.player).is_some()).await;
    client.input(0, LAUNCH).await;
    client.world("the player's tank", |world| place(world, welcome.player).is_some()).await;
    (client, welcome.player, welcome.token)
}
