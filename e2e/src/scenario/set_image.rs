//! A new version is rolled out by kubectl set image.
//!
//! What goes wrong without the product: every game dies, or moves from one old pod to the next. What repairs it: each
//! game moves once, to a pod of the new revision, and to the one with the fewest games.

use super::{Done, Stage};
use crate::cluster::Cluster;
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for the rollout.
const ROLLED_WITHIN: Duration = Duration::from_secs(300);

/// Each game moves exactly once, and the pods end up with the same number of games.
pub(super) const BARS: Bars = Bars::ROLLOUT;

/// Rolls to whichever of the two images is not in force.
pub(super) async fn roll(stage: &Stage<'_>) -> Result<Done> {
    let mut done = begin(stage).await?;
    rolled(&stage.settings.cluster).await?;
    done.step("kubectl rollout status: done");
    Ok(done)
}

/// Begins a rollout; what remains is to wait for it.
pub(super) async fn begin(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let [v1, v2] = stage.settings.images.as_ref().context("a rollout is not run without two images")?;
    let image = if cluster.deployment().await?.image == *v2 { v1 } else { v2 };
    begin_to(stage, image).await
}

/// Begins a rollout to that image.
pub(super) async fn begin_to(stage: &Stage<'_>, image: &str) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let before = cluster.deployment().await?.image;
    ensure!(before != image, "{image} is in force already: nothing would be rolled out");
    let deployment = deployment(cluster);
    let mut done =
        Done::new(format!("kubectl set image {deployment} gamed={image} (was {before})"), Instant::now());
    cluster.kubectl(&["set", "image", &deployment, &format!("gamed={image}")]).await?;
    done.doomed_pods = stage.owners.pods();
    done.image = Some(image.to_owned());
    Ok(done)
}

/// Waits for the end of a rollout.
pub(super) async fn rolled(cluster: &Cluster) -> Result<()> {
    cluster.kubectl_within(ROLLED_WITHIN, &["rollout", "status", &deployment(cluster)]).await?;
    Ok(())
}

pub(super) fn deployment(cluster: &Cluster) -> String {
    format!("deployment/{}", cluster.name)
}
