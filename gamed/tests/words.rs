//! Names and chat: who sees them, what is kept, what is refused.

mod client;
mod member;

use client::{Client, hello, own};
use member::{Setup, left, member, member_with, spectator};
use protocol::{ChatWhat, ClientMessage, FrameEvent, Hello, Keyframe, ServerMessage};
use registry::memory::Memory;

fn says(text: &str) -> ClientMessage {
    ClientMessage::Chat { text: text.to_owned() }
}

fn takes(name: &str) -> ClientMessage {
    ClientMessage::Rename { name: name.to_owned() }
}

/// Name and text of what was said, in the history of a world.
fn said(world: &Keyframe) -> Vec<(String, String)> {
    let said = |line: &protocol::ChatLine| match &line.what {
        ChatWhat::Said { text } => Some((line.name.clone(), text.clone())),
        _ => None,
    };
    world.chat.iter().filter_map(said).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_seen_at_other_edges_and_survives_a_move_and_a_reconnect() {
    let registry = Memory::default();
    let (owner, edge) = (member(&registry, "owner").await, member(&registry, "edge").await);
    let game = owner.a_game().await;
    let (mut player, welcome, _) = Client::enter(edge.address, hello(game)).await;
    let (mut watcher, _, _) = Client::enter(edge.address, spectator(game)).await;
    player.world("the player", |world| own(world, welcome.player).is_some()).await;
    player.send(says("  hello there ")).await;
    let (_, text) = watcher
        .event("the chat", |event| match event {
            FrameEvent::Chat { text, .. } => Some(text.clone()),
            _ => None,
        })
        .await;
    assert_eq!(text, "hello there");
    player.send(takes("Ada")).await;
    let (_, name) = watcher
        .event("the rename", |event| match event {
            FrameEvent::Rename { name, .. } => Some(name.clone()),
            _ => None,
        })
        .await;
    assert_eq!(name, "Ada");
    player.send(says("it is me")).await;
    let lines = [("Tester".to_owned(), "hello there".to_owned()), ("Ada".to_owned(), "it is me".to_owned())];
    let before = player.world("both lines", |world| said(world) == lines).await;

    // The game moves to the edge; the chat goes with it.
    let leaving = owner.leave();
    let after = player.world("a world of the new owner", |world| world.epoch > before.epoch).await;
    assert_eq!((said(&after), &after.chat), (lines.to_vec(), &before.chat));
    assert!(player.skipped.is_empty());

    // A new socket of the player, and a new spectator, find it.
    let floor = player.world;
    drop(player);
    let token = Some(welcome.token);
    let again = Hello { session: 2, token, floor, name: "Ada".to_owned(), ..hello(game) };
    for hello in [again, spectator(game)] {
        let (_, _, world) = Client::enter(edge.address, hello).await;
        assert_eq!(said(&world), lines);
        assert_eq!(own(&world, welcome.player).map(|player| &player.name[..]), Some("Ada"));
    }
    left(leaving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_told_and_the_socket_stays() {
    let registry = Memory::default();
    let mut setup = Setup::default();
    setup.game_limits.chat_per_minute = 3;
    let owner = member_with(&registry, "owner", setup).await;
    let game = owner.a_game().await;
    let (mut player, welcome, _) = Client::enter(owner.address, hello(game)).await;
    player.world("the player", |world| own(world, welcome.player).is_some()).await;
    for (message, sentence) in [
        (takes("   "), "a name is needed: use 1 to 16 characters"),
        (takes(&"x".repeat(17)), "the name has 17 characters; use at most 16"),
        (
            says("a\u{7}b"),
            "the message holds U+0007, a control character; use only characters that can be seen",
        ),
    ] {
        player.send(message).await;
        assert_eq!(notice(&mut player).await, sentence);
    }
    for text in ["one", "two", "three", "four"] {
        player.send(says(text)).await;
    }
    let sentence = notice(&mut player).await;
    assert_eq!(sentence, "that was too fast: say at most 3 things a minute, and wait a moment now");
    // At most two of them in a tick: the third was refused or waited for the next.
    let world = player.world("what was said", |world| said(world).len() >= 2).await;
    assert!(said(&world).iter().all(|(_, text)| text != "four"));

    let (mut watcher, _, _) = Client::enter(owner.address, spectator(game)).await;
    watcher.send(says("hello")).await;
    assert_eq!(notice(&mut watcher).await, "whoever only watches has no voice: join the game first");
    watcher.pass(5).await;
    player.pass(5).await;
}

async fn notice(client: &mut Client) -> String {
    loop {
        if let ServerMessage::Notice { sentence } = client.next().await.expect("no close") {
            return sentence;
        }
    }
}
