//! A pod is deleted by somebody with kubectl.
//!
//! What goes wrong without the product: the games of the pod die with it. What repairs it: the operator sees the
//! deletionTimestamp and assigns the games to other members, or the pod does so itself on SIGTERM.

use super::{Done, Stage};
use crate::report::Bars;
use anyhow::Result;
use tokio::time::Instant;

/// Its games move once, and those of other pods stay.
pub(super) const BARS: Bars = Bars { most_moves: Some(1), ..Bars::PLANNED };

pub(super) async fn delete(stage: &Stage<'_>) -> Result<Done> {
    let (pod, games) = stage.owners.busiest()?;
    let all = stage.owners.games.len();
    let mut done =
        Done::new(format!("kubectl delete pod {pod}, which owned {games} of {all} games"), Instant::now());
    stage.settings.cluster.kubectl(&["delete", "pod", pod, "--wait=false"]).await?;
    done.step("kubectl delete returned");
    done.doomed_pods.push(pod.to_owned());
    Ok(done)
}
