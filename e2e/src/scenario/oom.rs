//! A game server reaches the memory limit of its pod, and the kernel kills it.
//!
//! What goes wrong without the product, and what repairs it: as at a SIGKILL, which it is; Kubernetes calls it OOMKilled, and the
//! TanxCluster says which pod it was.

use super::{Done, Stage, sigkill};
use crate::report::{Bars, Check};
use anyhow::Result;
use tokio::time::Instant;

/// As for a SIGKILL.
pub(super) const BARS: Bars = sigkill::BARS;

pub(super) async fn squeeze(stage: &Stage<'_>) -> Result<Done> {
    let (settings, owners) = (stage.settings, &stage.owners);
    let (pod, games) = owners.busiest()?;
    let all = owners.games.len();
    let (before, _) = settings.cluster.restarts(pod).await?;
    let what =
        format!("the memory limit of gamed in {pod}, which owned {games} of {all} games, is what it uses");
    let mut done = Done::new(what, Instant::now());
    done.broken.servers.push(pod.to_owned());
    settings.node(&["squeeze", &settings.in_full(pod), "gamed"]).await?;
    done.step("the kernel has killed it");
    done.doomed_members = owners.members_of(pod);
    settings.cluster.restarted(pod, before).await?;
    done.step("it is ready again");
    let why = settings.cluster.last_end(pod).await?;
    let bar = "OOMKilled";
    done.checks.push(Check::new(
        "why it ended, says Kubernetes",
        why.clone(),
        bar.to_owned(),
        Some(why == bar),
    ));
    let said = settings.cluster.said("Degraded", |_, why| why.contains(pod) && why.contains(bar)).await?;
    done.what += &format!("; Degraded says: {said}");
    Ok(done)
}
