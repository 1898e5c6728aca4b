//! All pods are replaced by others of the same image.
//!
//! What goes wrong without the product: as with a new version; and nothing but the revision tells old pods from new ones.
//! What repairs it: games go by revision, not by image.

use super::{Done, Stage, set_image};
use crate::report::Bars;
use anyhow::Result;
use tokio::time::Instant;

/// As for a new version.
pub(super) const BARS: Bars = Bars::ROLLOUT;

pub(super) async fn restart(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let deployment = set_image::deployment(cluster);
    let mut done = Done::new(format!("kubectl rollout restart {deployment}"), Instant::now());
    done.doomed_pods = stage.owners.pods();
    cluster.kubectl(&["rollout", "restart", &deployment]).await?;
    set_image::rolled(cluster).await?;
    done.step("kubectl rollout status: done");
    Ok(done)
}
