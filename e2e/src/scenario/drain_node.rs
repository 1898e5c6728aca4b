//! A node is drained for maintenance.
//!
//! What goes wrong without the product: as with a deleted pod, for every pod of the node at once. What repairs it: the
//! PodDisruptionBudget lets one pod go at a time, and each hands its games over.

use super::{Done, Owners, Settings};
use anyhow::Result;
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for kubectl drain.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);

/// Drains the node whose pods own most games. The inner error says why there is none to drain: Redis is one pod, and a
/// drain of its node would test the loss of Redis instead.
pub(super) async fn drain(settings: &Settings, owners: &Owners) -> Result<Result<Done, String>> {
    let cluster = &settings.cluster;
    let redis = cluster.redis_nodes().await?;
    let pods = cluster.pods().await?;
    let candidates = pods.iter().filter(|pod| !redis.contains(&pod.node) && owners.games_of(&pod.name) > 0);
    let games_on = |node: &str| {
        let here = pods.iter().filter(|pod| pod.node == node);
        here.map(|pod| owners.games_of(&pod.name)).sum::<usize>()
    };
    let Some(node) = candidates.map(|pod| pod.node.clone()).max_by_key(|node| games_on(node)) else {
        return Ok(Err(
            "every node with games also holds Redis: use more nodes or an external Redis".to_owned()
        ));
    };
    let games = games_on(&node);
    let doomed: Vec<String> =
        pods.iter().filter(|pod| pod.node == node).map(|pod| pod.name.clone()).collect();
    let at = Instant::now();
    let arguments =
        ["drain", &node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=170s"];
    let drained = cluster.kubectl_within(DRAINED_WITHIN, &arguments).await;
    let drained_at = Instant::now();
    // Whatever became of it: the next scenario needs the node.
    let uncordoned = cluster.kubectl(&["uncordon", &node]).await;
    drained?;
    uncordoned?;
    Ok(Ok(Done {
        what: format!("kubectl drain {node}, whose pods owned {games} of {} games", owners.games.len()),
        at,
        doomed_pods: doomed,
        doomed_members: Vec::new(),
        image: None,
        steps: vec![("kubectl drain returned", Some(drained_at))],
    }))
}
