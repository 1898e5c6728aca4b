//! Worlds that panic, for tests alone: whoever says [`POISON`] makes the tick panic that would apply it.

use super::*;
use crate::admin::{Quarantine, quarantine};
use crate::client::{Client, hello, own};
use crate::member::{a_player, left, member};
use protocol::{ClientMessage, Hello};
use registry::memory::Memory;
use registry::{Registry, Reply, Request};
use serde_json::json;
use sim::Entry;
use tokio_util::sync::CancellationToken;

pub const POISON: &str = "poison";

pub fn taste(entries: &[Entry]) {
    let poison = |entry: &Entry| matches!(entry, Entry::Chat { text, .. } if text == POISON);
    assert!(!entries.iter().any(poison), "a poisoned input");
}

fn poison() -> ClientMessage {
    ClientMessage::Chat { text: POISON.to_owned() }
}

fn metric(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.expect("the metric is there").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_whose_world_panics_goes_on_and_is_quarantined_at_last_while_others_miss_nothing() {
    let registry = Memory::default();
    let members =
        [member(&registry, "one").await, member(&registry, "two").await, member(&registry, "three").await];
    let [one, two, three] = &members;
    // Both run on the same member and thread.
    let (game, other) = (one.a_game().await, one.a_game().await);
    let (mut neighbour, _, _) = a_player(one.address, other).await;
    let done = CancellationToken::new();
    let over = done.clone();
    let neighbour = tokio::spawn(async move {
        while !over.is_cancelled() {
            neighbour.next().await.expect("no close");
        }
        neighbour
    });
    let (mut player, id, token) = a_player(two.address, game).await;
    for _ in 0..2 {
        let (before, _) = player.world.expect("welcomed");
        player.send(poison()).await;
        // The socket stays, and ticks follow each other.
        while player.world.is_none_or(|(epoch, _)| epoch == before) {
            player.next().await.expect("no close");
        }
        player.pass(10).await;
    }
    player.world("the player", |world| own(world, id).is_some()).await;
    assert!(player.skipped.is_empty());
    player.send(poison()).await;
    player.closes_with(CloseCode::Quarantined).await;
    // Wherever somebody tries.
    for address in [one.address, two.address, three.address] {
        let token = Some(token.clone());
        let mut late = Client::connect(address).await;
        late.send(ClientMessage::Hello(Hello { token, session: 2, floor: player.world, ..hello(game) }))
            .await;
        late.closes_with(CloseCode::Quarantined).await;
    }
    let (_, games) = one.http("GET", "/api/games", "").await;
    let listed = games["games"].as_array().expect("a list").iter().find(|listed| listed["id"] == json!(game));
    assert_eq!(listed.map(|listed| &listed["quarantined"]), Some(&json!(true)));
    let mut failures = 0;
    for member in &members {
        let deadline = Instant::now() + crate::client::PATIENCE;
        while metric(&member.metrics().await, "gamed_games_quarantined") != 1 {
            assert!(Instant::now() < deadline, "{} does not know", member.server.name);
        }
        failures += metric(&member.metrics().await, "gamed_game_failures_total");
    }
    assert_eq!(failures, 3);
    // The client has checked that its ticks follow each other.
    done.cancel();
    let neighbour = neighbour.await.expect("no tick was missed");
    assert!(neighbour.skipped.is_empty() && neighbour.frames.len() > 20);

    // An administrator looks, and gives it back.
    let list = quarantine(&registry, &Quarantine::List).await.expect("it is listed");
    assert!(list.starts_with(&format!("{game} failures 3 ")), "{list}");
    assert!(quarantine(&registry, &Quarantine::End { game: other }).await.is_err(), "somebody runs it");
    quarantine(&registry, &Quarantine::Release { game }).await.expect("it is released");
    let again = Hello { token: Some(token), session: 3, ..hello(game) };
    let (mut back, welcome, _) = Client::enter(three.address, again).await;
    assert_eq!(welcome.player, id);
    back.pass(20).await;
    let Ok(Reply::Game(record)) = registry.call(Request::Game(game)).await else { panic!("it is gone") };
    assert_eq!((record.failures, record.quarantined), (0, false));
    drop((player, neighbour, back));
    for leaving in members.map(|member| member.leave()) {
        left(leaving).await;
    }
}
