//! A pod is deleted while Redis answers late.
//!
//! What goes wrong without the product: ticks wait for what is written, or a game stands still for as long as each of the
//! many things that are asked at a move takes. What repairs it: nothing that ticks waits for Redis, and a game that moves
//! stands still for one answer only; where it would take longer than servers wait, it moves without asking.

use super::registry::PORT;
use super::{Done, Stage, delete_pod};
use crate::oracle::Spread;
use crate::proxy::Proxy;
use crate::report::{Bars, Check};
use anyhow::{Context, Result, ensure};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So much later than else.
pub(super) const SLOW: Duration = Duration::from_millis(50);
/// As long as game servers wait for an answer.
pub(super) const SLOWER: Duration = Duration::from_millis(200);

/// Longest wait until every game server has come through the proxy.
const THROUGH_WITHIN: Duration = Duration::from_secs(15);
/// Longest wait for the deleted pod: its grace, and a little more.
const LEFT_WITHIN: Duration = Duration::from_secs(80);
/// How long it is slow before and after the move.
const WATCH: Duration = Duration::from_secs(10);
/// What a move may take besides: a tick, in milliseconds.
const MOST_BESIDES_MS: f64 = 20.0;
/// Of all moves in percent: with 20 to 30 games that move, of which the machine may delay one or two, no higher percentile says
/// anything about the rest.
const OF_MOVES: usize = 90;

/// As for any pod that is deleted.
pub(super) const BARS: Bars = Bars { pauses: false, ..delete_pod::BARS };

pub(super) async fn slow(stage: &Stage<'_>, delay: Duration) -> Result<Done> {
    let (settings, cluster) = (stage.settings, &stage.settings.cluster);
    let (redis, service) = (cluster.redis_address().await?, cluster.redis_service().await?);
    let nodes = cluster.nodes().await?;
    let to: IpAddr = redis.parse().with_context(|| format!("the pod of Redis has no address ({redis:?})"))?;
    let proxy = Proxy::start(SocketAddr::new(to, PORT)).await?;
    proxy.delay(Duration::ZERO, delay);
    let through = proxy.address.to_string();
    let slowed: Result<(Instant, Done)> = async {
        for node in &nodes {
            let (service, redis) = (format!("{service}:{PORT}"), format!("{redis}:{PORT}"));
            settings.node(&["redirect", node, &through, &service, &redis]).await?;
        }
        let (deadline, pods) = (Instant::now() + THROUGH_WITHIN, stage.owners.by_pod.len());
        while proxy.accepted() < pods {
            ensure!(
                Instant::now() < deadline,
                "only {} connections came through the proxy",
                proxy.accepted()
            );
            sleep(Duration::from_millis(50)).await;
        }
        let begun = Instant::now();
        sleep(WATCH).await;
        let mut done = delete_pod::delete(stage).await?;
        done.what += &format!(", while each answer of Redis takes {delay:?} more");
        // Not for the one in its place: who starts where Redis is as good as away waits for it.
        let left = stage.pods.until(LEFT_WITHIN, |ends| {
            done.doomed_pods.iter().all(|pod| ends.get(pod).is_some_and(|end| end.gone.is_some()))
        });
        left.await.context("the pod did not leave")?;
        done.step("the pod has left");
        sleep(WATCH).await;
        Ok((begun, done))
    }
    .await;
    // Whatever became of it: the next scenario needs a Redis at its best.
    settings.heal(&nodes).await?;
    let (begun, mut done) = slowed?;
    drop(proxy);
    done.step("Redis answers at once again");
    stage.whole_after(&done).await?;
    done.checks.push(pauses(stage, &done, delay, "one answer").await?);
    done.at = begun;
    Ok(done)
}

/// How long nobody ran the games that moved, as the servers say. `what` takes `delay`.
pub(super) async fn pauses(stage: &Stage<'_>, done: &Done, delay: Duration, what: &str) -> Result<Check> {
    let since_ms = done.at.elapsed().as_millis() as u64;
    let noted = stage.settings.address.moves().await?;
    let ours = noted.iter().filter(|one| one.ago_ms <= since_ms && stage.arena.games.contains(&one.game));
    let mut pauses: Vec<f64> = ours.map(|one| one.pause_us as f64 / 1e3).collect();
    ensure!(!pauses.is_empty(), "the servers have noted no move");
    pauses.sort_by(f64::total_cmp);
    let judged = pauses[(pauses.len() * OF_MOVES).div_ceil(100) - 1];
    let Spread { median, max, .. } = Spread::of(pauses);
    let most = delay.as_secs_f64() * 1e3 + MOST_BESIDES_MS;
    let value = format!("median {median:.1} ms, p{OF_MOVES} {judged:.1} ms, worst {max:.1} ms");
    let bar = format!("p{OF_MOVES} <= {most:.0} ms: {what}");
    Ok(Check::new("first tick at a new owner, late by", value, bar, Some(judged <= most)))
}
