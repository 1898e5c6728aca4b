//! A node is drained for maintenance.
//!
//! What goes wrong without the product: as with a deleted pod, for every pod of the node at once. What repairs it: the
//! PodDisruptionBudget lets one pod go at a time, and each hands its games over.

use super::{Done, Owners, Stage, not_here};
use crate::cluster::Pod;
use crate::report::Bars;
use anyhow::Result;
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for kubectl drain.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);

/// Games of the node's pods move, and none twice, even where a node had several.
pub(super) const BARS: Bars = Bars { most_moves: Some(1), ..Bars::PLANNED };

/// Drains the node whose pods own most games. Redis is one pod, and a drain of its node would test the loss of Redis
/// instead: that node is left alone.
pub(super) async fn drain(stage: &Stage<'_>) -> Result<Done> {
    let (cluster, owners) = (&stage.settings.cluster, &stage.owners);
    let redis = cluster.redis_nodes().await?;
    let pods = cluster.pods().await?;
    let candidates = pods.iter().filter(|pod| !redis.contains(&pod.node) && owners.games_of(&pod.name) > 0);
    let games_on = |node: &str| games_on(owners, &pods, node);
    let Some(node) = candidates.map(|pod| pod.node.clone()).max_by_key(|node| games_on(node)) else {
        return Err(not_here("every node with games also holds Redis: use more nodes or an external Redis"));
    };
    drain_of(stage, &node).await
}

fn games_on(owners: &Owners, pods: &[Pod], node: &str) -> usize {
    let here = pods.iter().filter(|pod| pod.node == node);
    here.map(|pod| owners.games_of(&pod.name)).sum()
}

/// Drains that node.
pub(super) async fn drain_of(stage: &Stage<'_>, node: &str) -> Result<Done> {
    let (cluster, owners) = (&stage.settings.cluster, &stage.owners);
    let pods = cluster.pods().await?;
    let (games, all) = (games_on(owners, &pods, node), owners.games.len());
    let mut done =
        Done::new(format!("kubectl drain {node}, whose pods owned {games} of {all} games"), Instant::now());
    done.doomed_pods = pods.iter().filter(|pod| pod.node == node).map(|pod| pod.name.clone()).collect();
    let arguments =
        ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=170s"];
    let drained = cluster.kubectl_within(DRAINED_WITHIN, &arguments).await;
    done.step("kubectl drain returned");
    // Whatever became of it: the next scenario needs the node.
    let uncordoned = cluster.kubectl(&["uncordon", node]).await;
    drained?;
    uncordoned?;
    Ok(done)
}
