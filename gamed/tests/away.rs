//! The registry goes away and comes back: games go on, and say so.

mod client;
mod member;

use async_trait::async_trait;
use client::{Client, PATIENCE, hello};
use futures_util::stream::BoxStream;
use member::{left, member, spectator};
use protocol::{ClientMessage, CloseCode, GameId, Hello, ServerMessage, Tick};
use registry::memory::Memory;
use registry::{GameRecord, Hint, Registry, RegistryError, Reply, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// A registry with a switch.
#[derive(Clone, Default)]
struct Switched {
    registry: Memory,
    off: Arc<AtomicBool>,
    /// It knows no game.
    empty: Arc<AtomicBool>,
    /// How often it has said so.
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Registry for Switched {
    async fn call(&self, request: Request) -> Result<Reply, RegistryError> {
        if self.off.load(Ordering::SeqCst) {
            return Err(RegistryError::Refused("switched off".to_owned()));
        }
        if self.empty.load(Ordering::SeqCst) && matches!(request, Request::Game(_)) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            return Ok(Reply::Gone);
        }
        self.registry.call(request).await
    }

    async fn call_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>> {
        let mut replies = Vec::new();
        for request in requests {
            replies.push(self.call(request).await);
        }
        replies
    }

    fn hints(&self) -> BoxStream<'static, Hint> {
        self.registry.hints()
    }
}

impl Switched {
    /// The same registry behind another switch.
    fn again(&self) -> Switched {
        Switched { registry: self.registry.clone(), ..Switched::default() }
    }
}

/// Reads on until frames say that the registry is away, or that it is not; answers when, and how far durability was behind.
async fn says(client: &mut Client, away: bool) -> (Tick, u8) {
    loop {
        if let ServerMessage::Frame { header, .. } = client.next().await.expect("no close")
            && header.flags.registry_away == away
        {
            return (client.world.expect("welcomed").1, header.lag);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_say_while_nothing_becomes_durable() {
    let registry = Switched::default();
    let owner = member(&registry, "owner").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    let (before, _) = says(&mut watcher, false).await;
    registry.off.store(true, Ordering::SeqCst);
    let (gone, lag) = says(&mut watcher, true).await;
    assert_eq!(lag, 151);
    assert!(gone.0 - before.0 > 100, "a moment without it is nothing to speak of");
    watcher.pass(50).await;
    registry.off.store(false, Ordering::SeqCst);
    let (_, lag) = says(&mut watcher, false).await;
    assert!(lag <= 150);
    assert!(watcher.skipped.is_empty(), "no tick was missed");
}

impl Switched {
    /// What the registry holds, off or not.
    async fn record(&self, game: GameId) -> GameRecord {
        match self.registry.call(Request::Game(game)).await {
            Ok(Reply::Game(record)) => record,
            other => panic!("no record: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_without_the_registry_cedes_its_games_and_nobody_misses_a_tick() {
    let registry = Switched::default();
    let (owner, heir) = (member(&registry, "owner").await, member(&registry, "heir").await);
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(heir.address, spectator(game)).await;
    watcher.pass(10).await;
    let (before, _) = watcher.world.expect("welcomed");
    registry.off.store(true, Ordering::SeqCst);
    let leaving = tokio::spawn(owner.server.leave(Duration::from_secs(5)));
    while watcher.world.is_none_or(|(now, _)| now == before) {
        watcher.next().await.expect("no close");
    }
    let (provisional, _) = watcher.world.expect("welcomed");
    left(leaving).await;
    assert_eq!(registry.record(game).await.epoch, before, "the registry knows nothing of it");
    let (_, lag) = says(&mut watcher, true).await;
    assert!(lag > 150, "what is not durable is not called so");

    registry.off.store(false, Ordering::SeqCst);
    says(&mut watcher, false).await;
    let (granted, _) = watcher.world.expect("welcomed");
    assert!(granted > provisional);
    let record = registry.record(game).await;
    assert_eq!((record.owner, record.epoch), (Some(heir.server.me), granted));
    assert!(watcher.skipped.is_empty(), "no tick was missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_who_comes_while_the_registry_is_away_finds_a_game_that_was_ceded() {
    let registry = Switched::default();
    let (owner, one) = (member(&registry, "owner").await, member(&registry, "one").await);
    let two = member(&registry, "two").await;
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(one.address, spectator(game)).await;
    let (before, _) = watcher.world.expect("welcomed");
    registry.off.store(true, Ordering::SeqCst);
    let leaving = tokio::spawn(owner.server.leave(Duration::from_secs(5)));
    while watcher.world.is_none_or(|(now, _)| now == before) {
        watcher.next().await.expect("no close");
    }
    left(leaving).await;
    for address in [one.address, two.address] {
        let came = timeout(PATIENCE, Client::enter(address, spectator(game)));
        let (mut late, _, _) = came.await.expect("it is found");
        late.pass(10).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_on_for_players_at_a_server_that_cannot_read_of_the_new_one() {
    let registry = Switched::default();
    let cut_off = registry.again();
    let owner = member(&registry, "owner").await;
    // Of two members the one with the lower id dials. Ids are drawn: an edge with a low one soon finds an heir with a higher.
    let edge = loop {
        let edge = member(&cut_off, "edge").await;
        if edge.server.me.0 < 1 << 63 {
            break edge;
        }
        left(edge.leave()).await;
    };
    let game = owner.a_game().await;
    let (mut watcher, _, _) = Client::enter(edge.address, spectator(game)).await;
    watcher.pass(10).await;
    cut_off.off.store(true, Ordering::SeqCst);
    // It reads all the while: who does not is skipped ahead, and sent away after 5 s.
    let watching = tokio::spawn(async move {
        loop {
            if let ServerMessage::Host(host) = watcher.next().await.expect("no close")
                && host.owner_name == "heir"
            {
                return watcher;
            }
        }
    });
    let heir = loop {
        let heir = member(&registry, "heir").await;
        if heir.server.me > edge.server.me {
            break heir;
        }
        left(heir.leave()).await;
    };
    left(owner.leave()).await;
    assert_eq!(registry.record(game).await.owner, Some(heir.server.me));
    let mut watcher = timeout(PATIENCE, watching).await.expect("it is told").expect("no panic");
    watcher.pass(10).await;
    assert!(watcher.skipped.is_empty(), "no tick was missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_been_in_a_game_is_kept_waiting_for_a_registry_that_does_not_know_it() {
    let registry = Switched::default();
    let empty = registry.again();
    let (owner, edge) = (member(&registry, "owner").await, member(&empty, "edge").await);
    let game = owner.a_game().await;
    let (mut first, welcome, _) = Client::enter(owner.address, hello(game)).await;
    first.pass(10).await;
    empty.empty.store(true, Ordering::SeqCst);
    let mut stranger = Client::connect(edge.address).await;
    stranger.send(ClientMessage::Hello(hello(game))).await;
    stranger.closes_with(CloseCode::NoSuchGame).await;

    let returns = Hello { token: Some(welcome.token), session: 2, ..hello(game) };
    let mut second = Client::connect(edge.address).await;
    second.send(ClientMessage::Hello(returns.clone())).await;
    let before = empty.asked.load(Ordering::SeqCst);
    while empty.asked.load(Ordering::SeqCst) < before + 3 {
        assert!(timeout(Duration::from_millis(20), second.next()).await.is_err(), "it is told nothing");
    }
    empty.empty.store(false, Ordering::SeqCst);
    let (again, _) = second.welcome().await;
    assert_eq!(again.player, welcome.player);

    empty.empty.store(true, Ordering::SeqCst);
    let nowhere = Hello { game: GameId(1), token: None, floor: first.world, ..returns };
    let mut third = Client::connect(edge.address).await;
    third.send(ClientMessage::Hello(nowhere)).await;
    third.closes_with(CloseCode::GameOver).await;
}
