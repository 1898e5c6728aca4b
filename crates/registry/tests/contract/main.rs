//! What a registry promises, held against memory and a real Redis.
//!
//! Needs `redis-server` (with TLS) and `openssl` in the path: each test starts its own server on a free port.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used)] // Tests.

mod addresses;
mod faults;
mod golden;
mod listing;
mod requests;
mod server;
mod spoilt;
mod twins;
mod ways;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use protocol::peer::{GameSettings, MoveNote};
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::{
    Fence, GameRecord, Hint, MemberRecord, MemberState, Registry, RegistryError, Reply, Request, Snapshot,
};
use std::time::{Duration, Instant};

/// Anything that is waited for must come within this.
const DEADLINE: Duration = Duration::from_secs(10);

/// An empty listing.
const NONE: [u64; 0] = [];

fn member(id: u64) -> MemberRecord {
    MemberRecord {
        id: MemberId(id),
        name: format!("server-{id} \"ü\""),
        address: format!("127.0.0.1:{id}"),
        pod_uid: String::new(),
        container: "gamed".into(),
        revision: "abc".into(),
        build: "1".into(),
        state: MemberState::Ready,
        games: 0,
        players: 3,
        rules_min: 1,
        rules_max: 2,
        renewals: 0,
        joined: 0,
        settled: "some life".into(),
    }
}

fn settings() -> GameSettings {
    GameSettings {
        name: "Arena \"ü\"".into(),
        maze: "maze\n".repeat(100),
        maze_name: "Courtyard \"ß\"".into(),
        slots: 8,
        rules: 3,
        bots: 4,
        stays: true,
    }
}

fn snapshot(tick: u64) -> Snapshot {
    let world: Vec<u8> = (0..100).map(|at| (tick as u8).wrapping_mul(at)).collect();
    Snapshot {
        epoch: Epoch(tick << 16),
        tick: Tick(tick),
        players: (tick % 9) as u16,
        bots: (tick % 5) as u16,
        world: world.into(),
    }
}

fn create(game: u64, owner: u64) -> Request {
    Request::Create {
        game: GameId(game),
        owner: MemberId(owner),
        settings: settings(),
        snapshot: snapshot(0),
        salt: 0xfffe,
        floor: Epoch(0),
    }
}

fn claim(game: u64, expect: Fence, owner: u64) -> Request {
    Request::Claim {
        game: GameId(game),
        expect,
        owner: MemberId(owner),
        salt: 7,
        floor: Epoch(0),
        run_id: None,
    }
}

fn fence(epoch: Epoch, owner: u64) -> Fence {
    Fence { epoch, owner: Some(MemberId(owner)) }
}

/// The `n`-th move of a game. Pauses and causes repeat.
fn note(game: u64, n: u64) -> MoveNote {
    MoveNote {
        game: GameId(game),
        from: Some(MemberId(1)),
        to: MemberId(2),
        epoch: Epoch(n),
        tick: Tick(n),
        pause_us: n * 7919 % 1000,
        between_us: 20_000,
        bytes: 2_048,
        cause: if n.is_multiple_of(3) { "lease" } else { "move" }.into(),
        ago_ms: 0,
    }
}

async fn ask(registry: &dyn Registry, request: Request) -> Reply {
    registry.call(request).await.unwrap()
}

async fn granted(registry: &dyn Registry, request: Request) -> Epoch {
    match ask(registry, request).await {
        Reply::Granted { epoch } => epoch,
        other => panic!("no epoch was granted: {other:?}"),
    }
}

async fn record(registry: &dyn Registry, game: u64) -> GameRecord {
    match ask(registry, Request::Game(GameId(game))).await {
        Reply::Game(record) => record,
        other => panic!("not a game: {other:?}"),
    }
}

/// Ids of the games that a listing answers.
async fn listed(registry: &dyn Registry, listing: Request) -> Vec<u64> {
    match ask(registry, listing).await {
        Reply::Games(games) => games.into_iter().map(|record| record.id.0).collect(),
        other => panic!("not a list: {other:?}"),
    }
}

/// Asks until there is an answer.
async fn eventually(registry: &dyn Registry, request: Request) -> Reply {
    let start = Instant::now();
    loop {
        match registry.call(request.clone()).await {
            Ok(reply) => return reply,
            Err(error) => assert!(start.elapsed() < DEADLINE, "no answer in time: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn next_hint(hints: &mut BoxStream<'static, Hint>) -> Hint {
    tokio::time::timeout(DEADLINE, hints.next()).await.expect("a hint in time").expect("hints never end")
}

fn is_unanswered(answer: &Result<Reply, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::Unanswered(_)))
}

fn is_refused(answer: &Result<Reply, RegistryError>) -> bool {
    matches!(answer, Err(RegistryError::Refused(_)))
}
