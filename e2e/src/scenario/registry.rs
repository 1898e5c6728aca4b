//! The registry is killed, stands still, or forgets everything.
//!
//! What goes wrong without the product: no Redis, no games. What repairs it: owners go on, say so in their frames, and put
//! their games back when it answers again.

use super::{Done, Stage, drain_node};
use crate::report::{Bars, Moved};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it stands still.
const FROZEN: Duration = Duration::from_secs(10);

/// Games on living owners notice nothing, and none has to move.
pub(super) const BARS: Bars = Bars { most_moves: Some(0), ..Bars::PLAY };
/// The games of the drained node move.
pub(super) const DRAIN_BARS: Bars = Bars { moved: Moved::Any, ..Bars::PLANNED };

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
    sleep(FROZEN).await;
    stage.settings.signal(&pod, "redis", "CONT").await?;
    done.step("it goes on");
    Ok(done)
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
    sleep(FROZEN).await;
    // Whatever became of it: the next scenario needs Redis.
    set("0").await?;
    done.step("it has room again");
    Ok(done)
}

/// The node that it is on is drained. What it keeps without a volume is gone with its pod; games of that node move before.
pub(super) async fn drain(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let node = cluster.redis_nodes().await?.into_iter().next().context("there is no managed Redis")?;
    drain_node::drain_of(stage, &node).await
}
