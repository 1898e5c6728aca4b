//! A pod is deleted by somebody with kubectl.
//!
//! What goes wrong without the product: the games of the pod die with it. What repairs it: the operator sees the
//! deletionTimestamp and assigns the games to other members, or the pod does so itself on SIGTERM.

use super::{Done, Owners, Settings};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for the pod's end, for the timeline: its grace period and some more.
const GONE_WITHIN: Duration = Duration::from_secs(120);

pub(super) async fn delete(settings: &Settings, owners: &Owners) -> Result<Done> {
    let (pod, games) = owners.by_pod.first().context("no pod owns a game")?;
    let watch = settings.cluster.watch_pod(pod).await?;
    let at = Instant::now();
    settings.cluster.kubectl(&["delete", "pod", pod, "--wait=false"]).await?;
    let answered = Instant::now();
    let end = watch.end(GONE_WITHIN).await;
    Ok(Done {
        what: format!("kubectl delete pod {pod}, which owned {games} of {} games", owners.games.len()),
        at,
        doomed_pods: vec![pod.clone()],
        doomed_members: Vec::new(),
        image: None,
        steps: vec![
            ("deletionTimestamp seen by a watch", end.deleting),
            ("kubectl delete returned", Some(answered)),
            ("pod gone", end.gone),
        ],
    })
}
