//! A new version is rolled out by kubectl set image.
//!
//! What goes wrong without the product: every game dies, or moves from one old pod to the next. What repairs it: each
//! game moves once, to a pod of the new revision.

use super::{Done, Settings};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for the rollout.
const ROLLED_WITHIN: Duration = Duration::from_secs(300);

/// Rolls to whichever of the two images is not in force.
pub(super) async fn roll(settings: &Settings) -> Result<Done> {
    let cluster = &settings.cluster;
    let [v1, v2] = settings.images.as_ref().context("a rollout is not run without two images")?;
    let before = cluster.deployment().await?.image;
    let image = if before == *v2 { v1 } else { v2 };
    let doomed_pods = cluster.pods().await?.into_iter().map(|pod| pod.name).collect();
    let deployment = format!("deployment/{}", cluster.name);
    let at = Instant::now();
    cluster.kubectl(&["set", "image", &deployment, &format!("gamed={image}")]).await?;
    cluster.kubectl_within(ROLLED_WITHIN, &["rollout", "status", &deployment]).await?;
    Ok(Done {
        what: format!("kubectl set image {deployment} gamed={image} (was {before})"),
        at,
        doomed_pods,
        doomed_members: Vec::new(),
        image: Some(image.clone()),
        steps: vec![("kubectl rollout status: done", Some(Instant::now()))],
    })
}
