//! The registry goes away and comes back: games go on, and say so.

mod client;
mod member;

use async_trait::async_trait;
use client::Client;
use futures_util::stream::BoxStream;
use member::{member, spectator};
use protocol::{ServerMessage, Tick};
use registry::memory::Memory;
use registry::{Hint, Registry, RegistryError, Reply, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A registry with a switch.
#[derive(Clone, Default)]
struct Switched {
    registry: Memory,
    off: Arc<AtomicBool>,
}

#[async_trait]
impl Registry for Switched {
    async fn call(&self, request: Request) -> Result<Reply, RegistryError> {
        if self.off.load(Ordering::SeqCst) {
            return Err(RegistryError::Refused("switched off".to_owned()));
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
