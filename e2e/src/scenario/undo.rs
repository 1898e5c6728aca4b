//! A rollout is undone in the middle, when some games are on new pods already.
//!
//! What goes wrong without the product: games follow the pods to and fro, and a fresh pod that leaves again at once loses
//! those that are just being handed to it. What repairs it: a game moves back at most once, and a leaving target either
//! takes a game that is on its way, or says that it does not, and then the old owner keeps it.

use super::{Done, Stage, set_image};
use crate::report::{Bars, Moved};
use anyhow::{Context, Result};
use std::time::Duration;

/// Longest wait for the first game on a new pod.
const FIRST_WITHIN: Duration = Duration::from_secs(120);

/// To a new pod and back, at most.
pub(super) const BARS: Bars = Bars { most_moves: Some(2), moved: Moved::Some, ..Bars::PLANNED };

pub(super) async fn undo(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let before = cluster.deployment().await?.image;
    let mut done = set_image::begin(stage).await?;
    stage.first_game_on_a_new_pod(FIRST_WITHIN).await.context("the rollout was not undone")?;
    done.step("a game is on a new pod");
    cluster.kubectl(&["rollout", "undo", &set_image::deployment(cluster)]).await?;
    done.step("kubectl rollout undo returned");
    set_image::rolled(cluster).await?;
    done.step("kubectl rollout status: done");
    done.what += ", then kubectl rollout undo";
    // Pods of the old revision that had not been replaced by then stay.
    done.doomed_pods.clear();
    done.image = Some(before);
    Ok(done)
}
