//! Somebody sets the clock of Redis's machine, an hour ahead and then one behind, while a pod comes and goes.
//!
//! What goes wrong without the product: leases that Redis times end at once, or never. What repairs it: leases are counted
//! in renewals and measured by each member's own monotonic clock; epochs rise whatever the clock says.

use super::{Done, Stage, registry};
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep};

/// How far, in seconds.
const STEP: i64 = 3600;
/// How long each clock is watched: several leases.
const WATCH: Duration = Duration::from_secs(10);
/// How far the clock may be from what it was set to, in seconds.
const OFF: i64 = 5;

/// Nobody notices; the pod that comes has no games when it goes.
pub(super) const BARS: Bars = registry::BARS;

pub(super) async fn step(stage: &Stage<'_>) -> Result<Done> {
    let pod = stage.settings.cluster.redis_pod().await?;
    let replicas = stage.settings.cluster.deployment().await?.replicas;
    let what = format!(
        "the clock of Redis in pod {pod} is {STEP} s ahead while a pod comes, and {STEP} s behind while one goes"
    );
    let mut done = Done::new(what, Instant::now());
    let stepped = walk(stage, &pod, replicas, &mut done).await;
    // Whatever became of it: the next scenario needs its clock and its pods.
    let right = set(stage, &pod, 0).await;
    scale(stage, replicas).await?;
    stepped?;
    right?;
    done.step("the clock is right");
    Ok(done)
}

async fn walk(stage: &Stage<'_>, pod: &str, replicas: usize, done: &mut Done) -> Result<()> {
    set(stage, pod, STEP).await?;
    done.step("the clock is ahead");
    sleep(WATCH).await;
    scale(stage, replicas + 1).await?;
    stage.whole_with(replicas + 1).await.context("no pod came while the clock was ahead")?;
    set(stage, pod, -STEP).await?;
    done.step("the clock is behind");
    sleep(WATCH).await;
    scale(stage, replicas).await?;
    stage.whole_with(replicas).await.context("no pod went while the clock was behind")?;
    Ok(())
}

async fn scale(stage: &Stage<'_>, replicas: usize) -> Result<()> {
    let cluster = &stage.settings.cluster;
    let resource = format!("tanxcluster/{}", cluster.name);
    cluster.kubectl(&["scale", &resource, &format!("--replicas={replicas}")]).await?;
    Ok(())
}

/// So many seconds ahead of this machine.
async fn set(stage: &Stage<'_>, pod: &str, ahead: i64) -> Result<()> {
    let settings = stage.settings;
    settings.node(&["clock", &settings.in_full(pod), "redis", &ahead.to_string()]).await?;
    let told = settings.cluster.redis_cli(pod, "", &["TIME"]).await?;
    let told: i64 = told.lines().next().unwrap_or_default().trim().parse().context("Redis tells no time")?;
    let found = told - now();
    ensure!(
        (found - ahead).abs() <= OFF,
        "the clock of Redis is {found} s ahead, not {ahead}: was it stepped?"
    );
    Ok(())
}

/// This machine's clock, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "it is what the other clock is compared with")]
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64
}
