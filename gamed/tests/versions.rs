//! Members of two builds: an older one that steps rules version 1, and a newer one that steps 2 as well. The newer one is this
//! build, with the rules that upgrades are tested with; the older one is it, too, but says that it steps version 1 alone.

mod client;
mod member;

use client::{Client, PATIENCE, hello, own};
use member::{Member, Setup, a_player, left, member_with, spectator};
use protocol::{GameId, Hello};
use registry::memory::Memory;
use registry::{ClusterRecord, Registry, Reply, Request};
use tokio::time::{Duration, sleep, timeout};

const OLD: (u16, u16) = (1, 1);
const NEW: (u16, u16) = (1, 2);

const FORWARD: u8 = 1;

async fn a_member(registry: &Memory, name: &str, rules: (u16, u16)) -> Member {
    member_with(registry, name, Setup { rules, ..Setup::default() }).await
}

async fn publish(registry: &Memory, rules: u16) {
    let record = ClusterRecord { rules, ..ClusterRecord::default() };
    assert_eq!(registry.call(Request::PublishCluster(record)).await, Ok(Reply::Done));
}

/// Rules version and owner's name of a game, as the lobby shows them.
async fn listed(at: &Member, game: GameId) -> (u64, Option<String>) {
    let wait = async {
        loop {
            let (_, answer) = at.http("GET", "/api/games", "").await;
            let games = answer["games"].as_array().expect("a list").clone();
            if let Some(listed) = games.into_iter().find(|listed| listed["id"] == game.to_string()) {
                return listed;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let listed = timeout(PATIENCE, wait).await.expect("it is listed in time");
    (listed["rules"].as_u64().expect("a version"), listed["owner"]["name"].as_str().map(str::to_owned))
}

async fn is_owned_by(at: &Member, game: GameId, owner: Option<&str>) {
    let wait = async {
        while listed(at, game).await.1.as_deref() != owner {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it is owned as expected, in time");
}

/// Reads all the time until the game has another owner: one that waits for something else would be a slow reader.
async fn moves(player: &mut Client) {
    let (before, _) = player.world.expect("welcomed");
    while player.world.is_none_or(|(now, _)| now == before) {
        player.next().await.expect("no close");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_goes_to_a_newer_build_and_back_under_its_own_rules() {
    let registry = Memory::default();
    publish(&registry, 1).await;
    let old = a_member(&registry, "old", OLD).await;
    let game = old.a_game().await;
    let new = a_member(&registry, "new", NEW).await;
    let (mut player, id, token) = a_player(new.address, game).await;
    player.input(FORWARD, 0).await;
    let leaving = old.leave();
    moves(&mut player).await;
    player.pass(20).await;
    assert_eq!(player.world("the player", |world| own(world, id).is_some()).await.rules, 1);
    assert!(player.skipped.is_empty(), "a planned move costs no tick");
    let floor = player.world;
    drop(player);
    left(leaving).await;
    let while_new = new.a_game().await;
    assert_eq!(listed(&new, while_new).await.0, 1, "nobody has said that new games may have new rules");

    let back = a_member(&registry, "back", OLD).await;
    let hello = Hello { session: 2, token: Some(token), floor, ..hello(game) };
    let (mut again, welcome, _) = Client::enter(back.address, hello).await;
    assert_eq!(welcome.player, id);
    let leaving = new.leave();
    moves(&mut again).await;
    again.pass(20).await;
    let world = again.world("the player", |world| own(world, id).is_some()).await;
    assert_eq!(
        (world.rules, own(&world, id).expect("there").last_seq),
        (1, 2),
        "its inputs are in every world"
    );
    assert!(again.skipped.is_empty(), "a planned move costs no tick");
    drop(again);
    is_owned_by(&back, while_new, Some("back")).await;
    left(leaving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_games_get_new_rules_when_that_is_published_and_the_older_build_is_gone() {
    let registry = Memory::default();
    publish(&registry, 2).await;
    let (old, new) = (a_member(&registry, "old", OLD).await, a_member(&registry, "new", NEW).await);
    for member in [&old, &new] {
        assert_eq!(listed(&new, member.a_game().await).await.0, 1, "the older one does not step version 2");
    }
    left(old.leave()).await;
    let created = async {
        while listed(&new, new.a_game().await).await.0 != 2 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, created).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_nobody_steps_waits_for_one_that_does() {
    let registry = Memory::default();
    let new = a_member(&registry, "new", NEW).await;
    let game = new.a_game().await;
    assert_eq!(listed(&new, game).await, (2, Some("new".into())));
    let (mut player, id, token) = a_player(new.address, game).await;
    player.input(FORWARD, 0).await;
    player.pass(10).await;
    let floor = player.world;
    let old = a_member(&registry, "old", OLD).await;
    drop(player);
    let leaving = tokio::spawn(new.server.leave(Duration::from_secs(4)));
    is_owned_by(&old, game, None).await;
    left(leaving).await;
    // Longer than a claim takes.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(listed(&old, game).await, (2, None));

    let again = a_member(&registry, "again", NEW).await;
    is_owned_by(&old, game, Some("again")).await;
    let (mut watcher, ..) = Client::enter(old.address, spectator(game)).await;
    watcher.pass(5).await;
    let hello = Hello { session: 2, token: Some(token), floor, ..hello(game) };
    let (_, welcome, world) = Client::enter(again.address, hello).await;
    assert_eq!((welcome.player, world.rules), (id, 2));
    assert_eq!(own(&world, id).expect("there").last_seq, 2, "nothing of it is lost");
}
