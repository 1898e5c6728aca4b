//! A pod is evicted through the API, as by a node that is drained or an autoscaler of nodes.
//!
//! What goes wrong without the product: as with a deleted pod. What repairs it: the PodDisruptionBudget says when, and then
//! an eviction is a deletion.

use super::{Done, Stage};
use crate::report::Bars;
use anyhow::Result;
use serde_json::json;
use tokio::time::Instant;

/// As for a deleted pod.
pub(super) const BARS: Bars = super::delete_pod::BARS;

pub(super) async fn evict(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let (pod, games) = stage.owners.busiest()?;
    let all = stage.owners.games.len();
    let namespace = &cluster.namespace;
    let eviction = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    let mut done =
        Done::new(format!("an eviction of pod {pod}, which owned {games} of {all} games"), Instant::now());
    cluster.kubectl_reading(&eviction.to_string(), &["create", "--raw", &path, "--filename", "-"]).await?;
    done.step("the eviction was accepted");
    done.doomed_pods.push(pod.to_owned());
    Ok(done)
}
