//! The cluster's key is exchanged for another one by the three steps of docs/operations.md, while people play.
//!
//! What goes wrong without the product: servers of which some have the new key trust each other no more, or start again for
//! it, and players come back with tokens that nobody takes. What repairs it: a server accepts several keys and signs with
//! the first, reads them again by itself, and gives its players new tokens; links that stand are not proven anew.

use super::{Done, Owners, Stage, delete_pod};
use crate::bot::{self, Bot};
use crate::report::{Bars, Check};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait until all servers have read what a step has put there: twice what kubelets take.
const READ_WITHIN: Duration = Duration::from_secs(180);
/// Kubelets are asked again so often to look: one that has not heard of the change yet looks in vain.
const HURRY: Duration = Duration::from_secs(10);
/// Between two looks at what servers have read.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait until somebody who joins has a tank.
const JOINED_WITHIN: Duration = Duration::from_secs(20);

/// Nothing happens but what deleting a pod does.
pub(super) const BARS: Bars = delete_pod::BARS;

pub(super) async fn rotate(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let old = cluster.keys().await?;
    let new = vec![fresh()];
    let mut done = Done::new(String::new(), Instant::now());
    for (keys, step) in [
        ([&old[..], &new].concat(), "all accept the new key"),
        ([&new[..], &old].concat(), "all sign with it"),
        (new, "the old key is worth nothing"),
    ] {
        put(stage, &keys).await.context(step)?;
        done.step(step);
    }
    let owners = stage.whole_after(&done).await?;
    done.checks.push(stayed(&stage.owners, &owners));

    somebody_joins(stage).await?;
    done.step("somebody has joined");
    let deleted = delete_pod::delete(stage).await?;
    done.what = format!("the key of the cluster is exchanged in three steps; then {}", deleted.what);
    done.steps.extend(deleted.steps);
    done.doomed_pods = deleted.doomed_pods;
    stage.whole_after(&done).await.context("no pod came that has known the new key only")?;
    stage.all_linked().await?;
    done.step("the pod in its place is linked with all others");
    stage.arena.all_come_again().await?;
    done.step("all players have connected again");
    Ok(done)
}

/// As `openssl rand -hex 32` makes one.
fn fresh() -> String {
    rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When each pod has read the keys that it has, and how many these are.
async fn read(stage: &Stage<'_>) -> Result<BTreeMap<String, (u64, u64)>> {
    let cluster = &stage.settings.cluster;
    let mut read = BTreeMap::new();
    for pod in cluster.pods().await? {
        let metrics = cluster.metrics(&pod.name).await?;
        let at = metrics.number("gamed_cluster_key_read_timestamp_seconds")?;
        read.insert(pod.name, (at, metrics.number("gamed_cluster_keys")?));
    }
    Ok(read)
}

/// Puts these keys into the Secret, and waits until each server has read them.
async fn put(stage: &Stage<'_>, keys: &[String]) -> Result<()> {
    let cluster = &stage.settings.cluster;
    let before = read(stage).await?;
    cluster.set_keys(keys).await?;
    let begun = Instant::now();
    let mut hurried = None::<Instant>;
    loop {
        if hurried.is_none_or(|at| at.elapsed() > HURRY) {
            let now = Instant::now();
            cluster.annotate_pods(&format!("tanx-e2e/key={}", begun.elapsed().as_secs())).await?;
            hurried = Some(now);
        }
        let now = read(stage).await?;
        let late = behind(&before, &now, keys.len() as u64);
        if late.is_empty() {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < READ_WITHIN,
            "after {READ_WITHIN:?} {} have not read the {} keys in the Secret",
            late.join(", "),
            keys.len()
        );
        sleep(LOOK).await;
    }
}

/// Pods that have read nothing since `before`, or other keys than so many.
fn behind(
    before: &BTreeMap<String, (u64, u64)>,
    now: &BTreeMap<String, (u64, u64)>,
    keys: u64,
) -> Vec<String> {
    let has = |(pod, (at, count)): &(&String, &(u64, u64))| {
        *count == keys && before.get(*pod).is_none_or(|(earlier, _)| at > earlier)
    };
    now.iter().filter(|entry| !has(entry)).map(|(pod, _)| pod.clone()).collect()
}

/// No game has another owner than before.
fn stayed(before: &Owners, after: &Owners) -> Check {
    let owner = |owners: &Owners, id| {
        let game = owners.games.iter().find(|game| game.id == id)?;
        game.owner.as_ref().map(|owner| owner.id.clone())
    };
    let moved = before.games.iter().filter(|game| owner(before, game.id) != owner(after, game.id)).count();
    Check::new("games moved while the key was exchanged", moved.to_string(), "0".to_owned(), Some(moved == 0))
}

/// A new player comes, plays and goes.
async fn somebody_joins(stage: &Stage<'_>) -> Result<()> {
    let (settings, arena) = (stage.settings, stage.arena);
    let bot = Bot::start(bot::Settings {
        address: settings.address.clone(),
        game: *arena.games.first().context("there is no game")?,
        name: "newcomer".to_owned(),
        seed: settings.seed,
        start: arena.start,
    });
    let deadline = Instant::now() + JOINED_WITHIN;
    while !bot.logbook.progress().launched {
        ensure!(
            Instant::now() < deadline,
            "with the new key nobody could join in {JOINED_WITHIN:?}: {:?}",
            bot.logbook.progress()
        );
        sleep(Duration::from_millis(20)).await;
    }
    bot.stop().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lobby::{ListedGame, ListedMember};
    use protocol::GameId;

    #[test]
    fn a_pod_has_read_the_keys_when_it_has_as_many_and_they_are_new() {
        let read = |pods: &[(&str, u64, u64)]| -> BTreeMap<_, _> {
            pods.iter().map(|(pod, at, keys)| ((*pod).to_owned(), (*at, *keys))).collect()
        };
        let before = read(&[("a", 100, 2), ("b", 101, 2)]);
        assert_eq!(behind(&before, &before, 2), ["a", "b"], "as many as there were");
        assert_eq!(behind(&before, &read(&[("a", 110, 2), ("b", 101, 2)]), 2), ["b"]);
        assert_eq!(
            behind(&before, &read(&[("a", 110, 1), ("b", 111, 2)]), 1),
            ["b"],
            "those of the step before"
        );
        assert!(behind(&before, &read(&[("a", 110, 1), ("b", 111, 1), ("c", 90, 1)]), 1).is_empty());
    }

    #[test]
    fn a_key_is_long_and_never_the_same() {
        let (one, other) = (fresh(), fresh());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }

    #[test]
    fn a_game_with_another_owner_or_none_has_moved() {
        let owners = |owner: Option<&str>| {
            let owner = owner.map(|id| ListedMember { id: id.to_owned(), name: "pod".to_owned() });
            Owners { games: vec![ListedGame { id: GameId(1), owner, rules: 1 }], ..Owners::default() }
        };
        assert_eq!(stayed(&owners(Some("a")), &owners(Some("a"))).pass, Some(true));
        assert_eq!(stayed(&owners(Some("a")), &owners(Some("b"))).pass, Some(false));
        assert_eq!(stayed(&owners(Some("a")), &owners(None)).pass, Some(false));
    }
}
