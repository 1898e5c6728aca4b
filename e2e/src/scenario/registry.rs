//! The registry is killed, stands still, is away, or forgets everything.
//!
//! What goes wrong without the product: no Redis, no games. What repairs it: owners go on, say so in their frames, and put
//! their games back when it answers again; the TanxCluster's condition says so, too.

use super::{Done, Stage, drain_node};
use crate::report::{Bars, Check, Moved};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it stands still, or is full.
const FROZEN: Duration = Duration::from_secs(10);
/// How long nobody reaches it.
const AWAY: Duration = Duration::from_secs(30);
/// Where Redis listens.
pub(super) const PORT: u16 = 6379;
/// Where nothing listens.
const NOTHING: u16 = 1;
/// The condition that says whether it is there.
pub(super) const CONDITION: &str = "RegistryAvailable";

/// Games on living owners notice nothing, and none has to move.
pub(super) const BARS: Bars = Bars { most_moves: Some(0), ..Bars::PLAY };
/// As above, and all players are told.
pub(super) const AWAY_BARS: Bars = Bars { told_away: true, ..BARS };
/// The games of the drained node move. Redis is gone meanwhile: their pauses are not those of planned moves.
pub(super) const DRAIN_BARS: Bars = Bars { moved: Moved::Any, pauses: false, ..Bars::PLANNED };

/// SIGKILL: Kubernetes starts it again, and it has what reached its disk.
pub(super) async fn kill(stage: &Stage<'_>) -> Result<Done> {
    let pod = stage.settings.cluster.redis_pod().await?;
    let mut done = Done::new(format!("SIGKILL to Redis in pod {pod}"), Instant::now());
    kill_pod(stage, &pod).await?;
    done.step("Redis is ready again");
    Ok(done)
}

/// The same, until it is ready again.
pub(super) async fn kill_pod(stage: &Stage<'_>, pod: &str) -> Result<()> {
    let (before, _) = stage.settings.cluster.restarts(pod).await?;
    stage.settings.signal(pod, "redis", "KILL").await?;
    stage.settings.cluster.restarted(pod, before).await
}

/// SIGSTOP, SIGCONT.
pub(super) async fn freeze(stage: &Stage<'_>) -> Result<Done> {
    let pod = stage.settings.cluster.redis_pod().await?;
    let what = format!("SIGSTOP to Redis in pod {pod}, and SIGCONT after {FROZEN:?}");
    let mut done = Done::new(what, Instant::now());
    stage.settings.signal(&pod, "redis", "STOP").await?;
    done.step("it stands still");
    let told = told_for(stage, FROZEN).await;
    // Whatever became of it: the next scenario needs Redis.
    stage.settings.signal(&pod, "redis", "CONT").await?;
    done.step("it goes on");
    done.checks.push(told?);
    available_again(stage, &mut done).await?;
    Ok(done)
}

/// Whoever connects is refused, and whoever was connected is cut.
pub(super) async fn away(stage: &Stage<'_>) -> Result<Done> {
    let (settings, cluster) = (stage.settings, &stage.settings.cluster);
    let (redis, service) = (cluster.redis_address().await?, cluster.redis_service().await?);
    let nodes = cluster.nodes().await?;
    let (nothing, addresses) =
        (format!("{redis}:{NOTHING}"), [&service, &redis].map(|at| format!("{at}:{PORT}")));
    let mut done = Done::new(format!("nobody reaches Redis for {AWAY:?}"), Instant::now());
    let told = async {
        for node in &nodes {
            settings.node(&["redirect", node, &nothing, &addresses[0], &addresses[1]]).await?;
        }
        done.step("Redis is away");
        told_for(stage, AWAY).await
    }
    .await;
    // Whatever became of it: the next scenario needs Redis.
    settings.heal(&nodes).await?;
    done.step("Redis is back");
    done.checks.push(told?);
    available_again(stage, &mut done).await?;
    Ok(done)
}

/// So long, and at least until the condition says that Redis is not available.
async fn told_for(stage: &Stage<'_>, time: Duration) -> Result<Check> {
    let began = Instant::now();
    let said = said(stage, "False").await;
    let value = format!("after {:.1} s", began.elapsed().as_secs_f64());
    sleep(time.saturating_sub(began.elapsed())).await;
    said?;
    Ok(Check::new("RegistryAvailable is False", value, "while it is away".to_owned(), Some(true)))
}

async fn available_again(stage: &Stage<'_>, done: &mut Done) -> Result<()> {
    said(stage, "True").await?;
    done.step("RegistryAvailable is True again");
    Ok(())
}

/// Waits until the condition is in that state, and answers its message.
pub(super) async fn said(stage: &Stage<'_>, state: &str) -> Result<String> {
    stage.settings.cluster.said(CONDITION, |found, _| found == state).await
}

/// FLUSHALL.
pub(super) async fn flush(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let pod = cluster.redis_pod().await?;
    let mut done = Done::new(format!("redis-cli FLUSHALL in pod {pod}"), Instant::now());
    cluster.redis_cli(&pod, "", &["FLUSHALL"]).await?;
    done.step("all keys are gone");
    Ok(done)
}

/// The memory limit is reached: it answers, and takes nothing any more.
pub(super) async fn fill(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let pod = cluster.redis_pod().await?;
    let what = format!("Redis in pod {pod} is full (CONFIG SET maxmemory 1) for {FROZEN:?}");
    let mut done = Done::new(what, Instant::now());
    let set = async |limit| cluster.redis_cli(&pod, "", &["CONFIG", "SET", "maxmemory", limit]).await;
    set("1").await?;
    done.step("it takes nothing more");
    let told = told_for(stage, FROZEN).await;
    // Whatever became of it: the next scenario needs Redis.
    set("0").await?;
    done.step("it has room again");
    done.checks.push(told?);
    available_again(stage, &mut done).await?;
    Ok(done)
}

/// The node that it is on is drained. What it keeps without a volume is gone with its pod; games of that node move before.
pub(super) async fn drain(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let node = cluster.redis_nodes().await?.into_iter().next().context("there is no managed Redis")?;
    drain_node::drain_of(stage, &node).await
}
