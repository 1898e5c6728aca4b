//! The disk of Redis is full: it answers, and takes nothing any more.
//!
//! What goes wrong without the product: games end with what cannot be written, or nobody is told. What repairs it: owners go
//! on, the TanxCluster says what is wrong in Redis's words, and games are put back when there is room.

use super::registry::{self, CONDITION, said};
use super::{Done, Stage};
use crate::report::{Bars, Check};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Room for a Redis of some dozen games, and soon filled.
const SIZE: &str = "64m";
/// Its volume.
const VOLUME: &str = "data";
/// In Redis's words.
const REDIS_SAYS: &str = "No space left on device";
/// How long it is full.
const FULL: Duration = Duration::from_secs(10);

/// Games on living owners notice nothing, and none has to move.
pub(super) const BARS: Bars = registry::AWAY_BARS;

pub(super) async fn fill(stage: &Stage<'_>) -> Result<Done> {
    let (settings, cluster) = (stage.settings, &stage.settings.cluster);
    let pod = cluster.redis_pod().await?;
    let named = settings.in_full(&pod);
    settings.node(&["small-disk", &named, VOLUME, SIZE]).await?;
    registry::kill_pod(stage, &pod).await.context("Redis did not come back with a small disk")?;
    let ready = Done::new(String::new(), Instant::now());
    stage.whole_after(&ready).await?;
    said(stage, "True").await?;

    let mut done = Done::new(format!("the disk of Redis in pod {pod} is full for {FULL:?}"), Instant::now());
    let full = async {
        settings.node(&["disk", &named, VOLUME, "full"]).await?;
        let (filled, message) = (Instant::now(), said(stage, "False").await?);
        let value = format!("after {:.1} s", filled.elapsed().as_secs_f64());
        sleep(FULL.saturating_sub(filled.elapsed())).await;
        let why = message.contains(REDIS_SAYS);
        let check =
            Check::new("RegistryAvailable is False", value, format!("says {REDIS_SAYS:?}"), Some(why));
        anyhow::Ok((check, message))
    }
    .await;
    done.step("the disk has been full");
    // Whatever became of it: the next scenario needs Redis.
    settings.node(&["disk", &named, VOLUME, "roomy"]).await?;
    done.step("it has room again");
    let (check, message) = full?;
    done.checks.push(check);
    done.what += &format!("; {CONDITION} says: {message}");
    said(stage, "True").await?;
    done.step("RegistryAvailable is True again");
    Ok(done)
}
