//! A pod is deleted while game servers are far apart: all that they send each other comes late.
//!
//! What goes wrong without the product: whoever hears nothing for a moment takes the other for dead, or a game stands still for
//! each of the many words of a move. What repairs it: frames go on at their pace, only later; a game that moves stands
//! still for one word only; who is slow is not dead.

use super::redis_slow::pauses;
use super::{Done, Stage, delete_pod};
use crate::proxy::Proxy;
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where game servers listen for each other.
const PORT: u16 = 7946;
/// Longest wait until each two of them have linked anew, through the proxies.
const THROUGH_WITHIN: Duration = Duration::from_secs(15);
/// How long before and after the move.
const WATCH: Duration = Duration::from_secs(10);

/// As for any pod that is deleted.
pub(super) const BARS: Bars = Bars { pauses: false, ..delete_pod::BARS };

pub(super) async fn slow(stage: &Stage<'_>, delay: Duration) -> Result<Done> {
    let (settings, cluster) = (stage.settings, &stage.settings.cluster);
    let (nodes, pods) = (cluster.nodes().await?, cluster.pods().await?);
    let mut proxies = Vec::new();
    for pod in &pods {
        let to: IpAddr = pod
            .address
            .parse()
            .with_context(|| format!("pod {} has no address ({:?})", pod.name, pod.address))?;
        let to = SocketAddr::new(to, PORT);
        proxies.push((Proxy::start(to).await?, to));
    }
    let slowed: Result<(Instant, Done)> = async {
        for node in &nodes {
            for (proxy, to) in &proxies {
                settings.node(&["redirect", node, &proxy.address.to_string(), &to.to_string()]).await?;
            }
        }
        let (deadline, pairs) = (Instant::now() + THROUGH_WITHIN, pods.len() * (pods.len() - 1) / 2);
        let through = || proxies.iter().map(|(proxy, _)| proxy.accepted()).sum::<usize>();
        while through() < pairs {
            ensure!(Instant::now() < deadline, "only {} links came through the proxies", through());
            sleep(Duration::from_millis(50)).await;
        }
        // Links were cut for this, and are slow only when they stand again: for as long as that takes nobody is shown other servers'
        // games, and games may leave servers that have lost all of theirs.
        stage.all_linked().await?;
        for (proxy, _) in &proxies {
            proxy.delay(delay, delay);
        }
        let owners = stage.whole_with(pods.len()).await?;
        let stage = &Stage { settings, arena: stage.arena, owners, pods: stage.pods };
        let begun = Instant::now();
        sleep(WATCH).await;
        let mut done = delete_pod::delete(stage).await?;
        done.what += &format!(", while all that game servers send each other comes {delay:?} later");
        stage.whole_after(&done).await?;
        done.step("the games have moved");
        sleep(WATCH).await;
        Ok((begun, done))
    }
    .await;
    // Whatever became of it: the next scenario needs links at their best.
    settings.heal(&nodes).await?;
    let (begun, mut done) = slowed?;
    done.checks.push(pauses(stage, &done, delay, "one word").await?);
    drop(proxies);
    done.step("links are quick again");
    stage.whole_after(&done).await?;
    done.at = begun;
    Ok(done)
}
