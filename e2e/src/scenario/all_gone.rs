//! All pods leave at once, and others come later.
//!
//! What goes wrong without the product: there is nobody to hand a game to, so all end. What repairs it: shortly before its
//! grace period is over each pod stores its games in the registry without an owner, and the next pod that is ready takes
//! them up where they stood. Players lose their sockets, come back with their tokens, and are the same players.

use super::{Done, Stage};
use crate::report::{Bars, Loss, Moved};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for the last pod: a grace period, and some more.
const GONE_WITHIN: Duration = Duration::from_secs(180);

/// No game is lost and no tick of play; sockets do break.
pub(super) const BARS: Bars = Bars { moved: Moved::All, loss: Loss::Parked, ..Bars::PLANNED };

pub(super) async fn leave(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let replicas = cluster.deployment().await?.replicas;
    let resource = format!("tanxcluster/{}", cluster.name);
    let mut done = Done::new(format!("kubectl scale {resource} to 0 and back to {replicas}"), Instant::now());
    done.doomed_pods = stage.owners.pods();
    let gone = async {
        cluster.kubectl(&["scale", &resource, "--replicas=0"]).await?;
        let all_gone = stage.pods.until(GONE_WITHIN, |ends| {
            done.doomed_pods.iter().all(|pod| ends.get(pod).is_some_and(|end| end.gone.is_some()))
        });
        all_gone.await.context("the pods did not leave")
    }
    .await;
    done.step("all pods are gone, scaled up again");
    // Whatever became of it: the next scenario needs the pods.
    cluster.kubectl(&["scale", &resource, &format!("--replicas={replicas}")]).await?;
    gone?;
    Ok(done)
}
