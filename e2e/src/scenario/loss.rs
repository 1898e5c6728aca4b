//! A pod is deleted while one of a hundred packets between pods is lost.
//!
//! What goes wrong without the product: whoever waits for one answer after the other waits for each loss. What repairs it:
//! ticks wait for nobody, and what was lost is sent again by TCP before anybody takes the other for dead.

use super::{Done, Stage, delete_pod};
use crate::report::Bars;
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How much.
const PERCENT: &str = "1";
/// How long before and after the move.
const WATCH: Duration = Duration::from_secs(10);

/// As for any pod that is deleted.
pub(super) const BARS: Bars = Bars { pauses: false, ..delete_pod::BARS };

pub(super) async fn lose(stage: &Stage<'_>) -> Result<Done> {
    let settings = stage.settings;
    let nodes = settings.cluster.nodes().await?;
    let lossy = async {
        let begun = Instant::now();
        for node in &nodes {
            settings.node(&["lose", node, PERCENT]).await?;
        }
        sleep(WATCH).await;
        let mut done = delete_pod::delete(stage).await?;
        done.what += &format!(", while {PERCENT} % of the packets between pods are lost");
        stage.whole_after(&done).await?;
        done.step("the games have moved");
        sleep(WATCH).await;
        done.at = begun;
        anyhow::Ok(done)
    }
    .await;
    // Whatever became of it: the next scenario needs a network at its best.
    settings.heal(&nodes).await?;
    let mut done = lossy?;
    done.step("nothing is lost any more");
    Ok(done)
}
