//! A version with other rules is rolled out, and a server dies on the way, or it is rolled back.
//!
//! What goes wrong without the product: running games go on under rules that they were not begun under, and part from what
//! players hold; or the image before finds games that it does not know the rules of, and they are gone. What repairs it: a
//! game keeps its rules whoever runs it, each version runs those of the one before, and new games get the new rules only
//! some time after the rollout is complete.

use super::{Done, Settings, Stage, set_image, sigkill};
use crate::lobby::ListedGame;
use crate::report::{Bars, Check, Moved};
use anyhow::{Context, Result, ensure};
use protocol::GameId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for the first game on a new pod.
const FIRST_WITHIN: Duration = Duration::from_secs(120);
/// Longest wait for the lobby to list a new game.
const LISTED_WITHIN: Duration = Duration::from_secs(5);

/// As for any crash.
pub(super) const CRASH_BARS: Bars = sigkill::BARS;
/// To a new pod and back, at most.
pub(super) const ROLL_BACK_BARS: Bars = Bars { most_moves: Some(2), moved: Moved::Some, ..Bars::PLANNED };
/// To a new pod and back.
pub(super) const LATE_ROLL_BACK_BARS: Bars = Bars { most_moves: Some(2), ..Bars::ROLLOUT };

/// Kills the old server that owns most games, of those that have not begun to leave.
pub(super) async fn crash(stage: &Stage<'_>) -> Result<Done> {
    let (settings, cluster) = (stage.settings, &stage.settings.cluster);
    let mut done = begin(stage).await?;
    stage.first_game_on_a_new_pod(FIRST_WITHIN).await?;
    done.step("a game is on a new pod");
    let (old, pods) = (stage.owners.pods(), cluster.pods().await?);
    let stays = |name: &str| pods.iter().any(|pod| pod.name == name && !pod.deleting);
    let mut games: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for owner in settings.address.games().await?.into_iter().filter_map(|game| game.owner) {
        if old.contains(&owner.name) && stays(&owner.name) {
            let (count, id) = games.entry(owner.name).or_default();
            (*count, *id) = (*count + 1, owner.id);
        }
    }
    let victim = games.into_iter().max_by_key(|(_, (count, _))| *count);
    let (pod, (count, member)) = victim.context("all old pods have begun to leave")?;
    done.at = Instant::now();
    settings.signal(&pod, "gamed", "KILL").await?;
    done.step("an old server is killed");
    done.doomed_members.push(member);
    done.broken.servers.push(pod.clone());
    done.what += &format!(", and SIGKILL to gamed in {pod}, which owned {count} games");
    set_image::rolled(cluster).await?;
    done.step("kubectl rollout status: done");
    keep_their_rules(stage, &mut done).await?;
    Ok(done)
}

/// Back in the middle of the rollout.
pub(super) async fn roll_back(stage: &Stage<'_>) -> Result<Done> {
    let before = stage.settings.cluster.deployment().await?.image;
    let mut done = begin(stage).await?;
    stage.first_game_on_a_new_pod(FIRST_WITHIN).await?;
    done.step("a game is on a new pod");
    back_to(stage, &mut done, before).await?;
    // Pods of the old revision that had not been replaced by then stay.
    done.doomed_pods.clear();
    Ok(done)
}

/// Back when the rollout is complete, and games have been created since.
pub(super) async fn roll_back_late(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let before = cluster.deployment().await?.image;
    let mut done = begin(stage).await?;
    set_image::rolled(cluster).await?;
    done.step("kubectl rollout status: done");
    let owners = stage.whole_with(stage.owners.by_pod.len()).await?;
    done.step("all games are on new pods");
    let rules = rules_of_a_new_game(stage).await?;
    let known = stage.owners.games.first().map_or(0, |game| game.rules);
    let bar = format!("{known}, as before");
    done.checks.push(Check::new("rules of a new game", rules.to_string(), bar, Some(rules == known)));
    done.doomed_pods.extend(owners.pods());
    back_to(stage, &mut done, before).await?;
    Ok(done)
}

/// Takes a version with other rules back that a scenario left in force: later on new games would have its rules, and the other
/// versions could not run these.
pub(super) async fn take_back(settings: &Settings) -> Result<()> {
    let (Some(next), Some([first, _])) = (&settings.next_image, &settings.images) else { return Ok(()) };
    let cluster = &settings.cluster;
    if cluster.deployment().await?.image != *next {
        return Ok(());
    }
    cluster.kubectl(&["set", "image", &set_image::deployment(cluster), &format!("gamed={first}")]).await?;
    set_image::rolled(cluster).await
}

async fn begin(stage: &Stage<'_>) -> Result<Done> {
    let next = stage.settings.next_image.as_ref().context("not run without --image-next")?;
    set_image::begin_to(stage, next).await
}

async fn back_to(stage: &Stage<'_>, done: &mut Done, image: String) -> Result<()> {
    let cluster = &stage.settings.cluster;
    cluster.kubectl(&["set", "image", &set_image::deployment(cluster), &format!("gamed={image}")]).await?;
    done.step("kubectl set image, back, returned");
    set_image::rolled(cluster).await?;
    done.step("kubectl rollout status: done, back");
    done.what += ", then back";
    done.image = Some(image);
    keep_their_rules(stage, done).await
}

/// All games are there, and each has the rules that it began with.
async fn keep_their_rules(stage: &Stage<'_>, done: &mut Done) -> Result<()> {
    let known: BTreeMap<GameId, u16> = stage.owners.games.iter().map(|game| (game.id, game.rules)).collect();
    ensure!(known.values().all(|rules| *rules > 0), "the lobby does not tell the rules of games");
    let games = stage.settings.address.games().await?;
    let same = |game: &&ListedGame| known.get(&game.id) == Some(&game.rules);
    let (kept, all) = (games.iter().filter(same).count(), known.len());
    done.checks.push(Check::new(
        "games with their rules",
        kept.to_string(),
        all.to_string(),
        Some(kept == all),
    ));
    Ok(())
}

/// Nobody plays it: it ends by itself.
async fn rules_of_a_new_game(stage: &Stage<'_>) -> Result<u16> {
    let address = &stage.settings.address;
    let id = address.create_game("a new one").await?;
    let deadline = Instant::now() + LISTED_WITHIN;
    loop {
        if let Some(game) = address.games().await?.into_iter().find(|game| game.id == id) {
            return Ok(game.rules);
        }
        ensure!(Instant::now() < deadline, "game {id} is not listed in {LISTED_WITHIN:?}");
        sleep(super::POLL_LOBBY).await;
    }
}
