//! The cluster's key is exchanged while people play: no link breaks for it, no player's socket closes, and a token holds until
//! the key that signed it is dropped.

mod client;
mod member;

use client::{Client, PATIENCE, hello, own};
use gamed::keys::follow;
use member::{Setup, a_player, left, member_with, spectator};
use protocol::{ClientMessage, CloseCode, ClusterKey, GameId, Hello, Welcome};
use registry::memory::Memory;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const EVERY: Duration = Duration::from_millis(20);

fn written(file: &Path, keys: &[&str]) {
    // As a kubelet does: a reader finds the old content or the new one.
    let new = file.with_extension("new");
    std::fs::write(&new, keys.join("\n")).expect("the folder is there");
    std::fs::rename(new, file).expect("the folder is there");
}

/// What a server reads from that file, and goes on reading.
fn read(file: &Path) -> watch::Receiver<ClusterKey> {
    let content = std::fs::read(file).expect("it was written");
    let (sender, key) = watch::channel(ClusterKey::parse(&content).expect("a key"));
    tokio::spawn(follow(file.to_owned(), EVERY, sender));
    key
}

async fn comes_back(address: SocketAddr, game: GameId, token: &[u8], session: u32) -> Client {
    let mut client = Client::connect(address).await;
    let token = Some(token.to_vec());
    client.send(ClientMessage::Hello(Hello { token, session, ..hello(game) })).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_on_one_socket_while_the_key_is_exchanged_keeps_its_place() {
    let [old, new] = ["old", "new"].map(|key| key.repeat(11));
    let read = |keys: &[&str]| ClusterKey::parse(keys.join("\n").as_bytes()).expect("keys");
    let (key, its) = watch::channel(read(&[&old]));
    let registry = Memory::default();
    let member = member_with(&registry, "one", Setup { key: its, ..Setup::default() }).await;
    let game = member.a_game().await;
    let (mut player, id, token) = a_player(member.address, game).await;
    let (mut watcher, _, _) = Client::enter(member.address, spectator(game)).await;
    assert_eq!((player.welcomes.len(), watcher.welcomes.len()), (1, 1));

    key.send_replace(read(&[&old, &new]));
    player.pass(10).await;
    assert_eq!(player.welcomes.len(), 1, "what signs is the same");
    key.send_replace(read(&[&new, &old]));
    while player.welcomes.len() < 2 {
        player.next().await.expect("no close");
    }
    let [first, second] = &player.welcomes[..] else { panic!("too many: {:?}", player.welcomes) };
    assert_ne!(first.token, second.token);
    assert_eq!(*first, Welcome { token: token.clone(), ..second.clone() }, "nothing else has changed");
    let newest = second.token.clone();
    player.pass(10).await;
    watcher.pass(10).await;
    assert_eq!(watcher.welcomes.len(), 1, "who only watches has no token");

    key.send_replace(read(&[&new]));
    player.pass(10).await;
    assert_eq!(player.welcomes.len(), 2);
    drop(player);
    comes_back(member.address, game, &token, 2).await.closes_with(CloseCode::Token).await;
    let mut again = comes_back(member.address, game, &newest, 3).await;
    let (welcome, world) = again.welcome().await;
    assert_eq!(welcome.player, id);
    assert!(own(&world, id).is_some(), "it is in the game still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_exchanged_under_live_players() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = ("an old key, as long as a key has to be", "a new key, as long as a key has to be");
    let files = ["one", "two", "three"].map(|name| folder.path().join(name));
    files.iter().for_each(|file| written(file, &[old]));
    let keys = files.each_ref().map(|file| read(file));
    let registry = Memory::default();
    let mut members = Vec::new();
    for (name, key) in ["one", "two", "three"].into_iter().zip(&keys) {
        let setup = Setup { key: key.clone(), ..Setup::default() };
        members.push(member_with(&registry, name, setup).await);
    }
    let game = members[0].a_game().await;
    let edge = members[1].address;
    let (mut player, id, token) = a_player(edge, game).await;
    let mut newest = token.clone();
    for (step, lines) in [&[old, new][..], &[new, old], &[new]].into_iter().enumerate() {
        let session = 2 + 2 * step as u32;
        // One server after the other reads it: whoever has not yet, and whoever has, take each other's tokens.
        for (file, key) in files.iter().zip(&keys) {
            written(file, lines);
            let read =
                |read: &ClusterKey| *read == ClusterKey::parse(lines.join("\n").as_bytes()).expect("keys");
            timeout(PATIENCE, key.clone().wait_for(read)).await.expect("it is read").expect("it is followed");
            // Frames come to the edge over a link.
            player.pass(3).await;
        }
        let by = if step < 2 { &token } else { &newest };
        let mut again = comes_back(members[2].address, game, by, session).await;
        let (welcome, _) = again.welcome().await;
        assert_eq!(welcome.player, id);
        newest = welcome.token;
        // Who starts meanwhile links with all, and is linked with.
        let setup = Setup { key: read(&files[0]), ..Setup::default() };
        let late = member_with(&registry, &format!("late {step}"), setup).await;
        let mut here = comes_back(late.address, game, &newest, session + 1).await;
        assert_eq!(here.welcome().await.0.player, id);
        let metrics = late.metrics().await;
        assert!(metrics.contains("gamed_links 3\n"), "{metrics}");
        drop(here);
        left(late.leave()).await;
    }
    assert!(player.skipped.is_empty());
    comes_back(edge, game, &token, 20).await.closes_with(CloseCode::Token).await;
    // What cannot be used changes nothing, and is no reason to end.
    written(&files[1], &["too short"]);
    sleep(3 * EVERY).await;
    comes_back(edge, game, &newest, 21).await.welcome().await;
    let metrics = members[1].metrics().await;
    assert!(metrics.contains("gamed_cluster_keys 1\n"), "{metrics}");
    assert!(![old, new].iter().any(|key| metrics.contains(key)));
    player.pass(3).await;
    drop(player);
    for leaving in members.into_iter().map(|member| member.leave()).collect::<Vec<_>>() {
        left(leaving).await;
    }
}
