//! A server that is cut off from the others says so to its players and to those who come, and takes them again afterwards.

mod client;
mod member;

use client::{Client, PATIENCE, hello};
use gamed::keys::fixed;
use member::{Setup, a_player, member_with, spectator};
use protocol::{ClientMessage, CloseCode, ClusterKey, GRACE_CUT_OFF, Hello, ServerMessage};
use registry::memory::Memory;
use tokio::sync::watch;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn players_of_a_server_that_is_cut_off_are_told_so_and_served_again_when_it_is_not() {
    let (first, second) = ("a key as long as a key has to be", "another key, as long as it has to be");
    let read = |keys: &[&str]| ClusterKey::parse(keys.join("\n").as_bytes()).expect("keys");
    let registry = Memory::default();
    let (key, its) = watch::channel(read(&[first]));
    let alone = member_with(&registry, "alone", Setup { key: its, ..Setup::default() }).await;
    let game = alone.a_game().await;
    let (mut player, id, token) = a_player(alone.address, game).await;
    let told = tokio::spawn(async move {
        loop {
            if let ServerMessage::GoAway { grace_ms } = player.next().await.expect("no close") {
                return (grace_ms, player);
            }
        }
    });
    // It cannot link with them: what they sign with is no key of its.
    let theirs = Setup { key: fixed(read(&[second, first])), ..Setup::default() };
    let (one, _two) =
        tokio::join!(member_with(&registry, "one", theirs.clone()), member_with(&registry, "two", theirs));
    let (grace_ms, mut player) = timeout(PATIENCE, told).await.expect("it is told").expect("no panic");
    assert_eq!(grace_ms, GRACE_CUT_OFF);

    let returns = Hello { token: Some(token), session: 2, floor: player.world, ..hello(game) };
    for comes in [hello(game), spectator(game), returns.clone()] {
        let mut client = Client::connect(alone.address).await;
        client.send(ClientMessage::Hello(comes)).await;
        client.closes_with(CloseCode::CutOff).await;
    }
    let (mut elsewhere, welcome, _) = Client::enter(one.address, returns).await;
    assert_eq!(welcome.player, id);
    elsewhere.pass(10).await;

    let mut stage = alone.server.stage();
    key.send_replace(read(&[second, first]));
    timeout(PATIENCE, stage.wait_for(|stage| stage.ready)).await.expect("it is linked").expect("it lives");
    // Who found no other server is shown the game again where it is.
    player.pass(10).await;
    let (mut late, _, _) = Client::enter(alone.address, spectator(game)).await;
    late.pass(10).await;
}
