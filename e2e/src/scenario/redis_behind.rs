//! Redis comes back with what it knew before: a replica takes over that had not heard the last second, or somebody restores
//! a backup.
//!
//! What goes wrong without the product: games are where they were then, at owners that may be gone, and go back with it.
//! What repairs it: owners that live go on with what they have, under epochs that the old record does not know, and put
//! their games back.

use super::{Done, Stage, delete_pod, registry};
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What a replica had not heard.
const LOST: Duration = Duration::from_secs(1);
/// Longest wait until Redis is as it was, and is killed: it answers nobody until then.
const PAUSE_MS: u64 = 20_000;

/// Copies all keys to another database of the same Redis.
const COPY: &str = "redis.call('SELECT', 1) redis.call('FLUSHDB') redis.call('SELECT', 0) \
    for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 1) end";
/// Is set after the copy was made: who still finds it there was not taken back.
const MARK: &str = "tanx-e2e-mark";

/// Games on living owners notice nothing, and none has to move.
pub(super) const BARS: Bars = registry::BARS;

/// What it was told in the last second is lost.
pub(super) async fn fail_over(stage: &Stage<'_>) -> Result<Done> {
    let pod = stage.settings.cluster.redis_pod().await?;
    copy(stage, &pod).await?;
    sleep(LOST).await;
    let done =
        Done::new(format!("Redis in pod {pod} starts again without its last {LOST:?}"), Instant::now());
    back_to_copy(stage, &pod, done).await
}

/// A pod has left since the backup was made.
pub(super) async fn restore(stage: &Stage<'_>) -> Result<Done> {
    let pod = stage.settings.cluster.redis_pod().await?;
    copy(stage, &pod).await?;
    let copied = Instant::now();
    let left = delete_pod::delete(stage).await?;
    stage.whole_after(&left).await.context("the pod that was to leave after the backup did not")?;
    let old = copied.elapsed().as_secs();
    let what =
        format!("Redis in pod {pod} is restored from a backup of {old} s ago; since then: {}", left.what);
    back_to_copy(stage, &pod, Done { doomed_pods: left.doomed_pods, ..Done::new(what, Instant::now()) }).await
}

async fn copy(stage: &Stage<'_>, pod: &str) -> Result<()> {
    let cluster = &stage.settings.cluster;
    cluster.redis_cli(pod, "", &["EVAL", COPY, "0"]).await?;
    cluster.redis_cli(pod, "", &["SET", MARK, "later"]).await?;
    Ok(())
}

/// It answers nobody, is as it was, dies, and starts again from its disk.
async fn back_to_copy(stage: &Stage<'_>, pod: &str, mut done: Done) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let swap = format!("MULTI\nCLIENT PAUSE {PAUSE_MS} ALL\nSWAPDB 0 1\nEXEC\n");
    cluster.redis_cli(pod, &swap, &[]).await?;
    done.step("Redis is as it was, and answers nobody");
    registry::kill_pod(stage, pod).await?;
    done.step("Redis is ready again");
    let mark = cluster.redis_cli(pod, "", &["EXISTS", MARK]).await?;
    ensure!(mark.trim() == "0", "Redis still knows what came after the copy: {}", mark.trim());
    cluster.redis_cli(pod, "", &["-n", "1", "FLUSHDB"]).await?;
    Ok(done)
}
