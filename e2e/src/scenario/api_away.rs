//! Nobody reaches the API server for a minute: its machine, its etcd or the network to it is gone.
//!
//! What goes wrong without the product: nothing that runs needs the API server, unless somebody has made it so. What keeps
//! it that way: game servers never ask it, and the operator has nothing to say that cannot wait.

use super::{Done, Stage, registry};
use crate::report::Bars;
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long.
const AWAY: Duration = Duration::from_secs(60);

/// Nobody notices, and no game moves.
pub(super) const BARS: Bars = registry::BARS;

pub(super) async fn away(stage: &Stage<'_>) -> Result<Done> {
    let mut done = Done::new(format!("nobody reaches the API server for {AWAY:?}"), Instant::now());
    let begun = stage.settings.node(&["api", "away"]).await;
    if begun.is_ok() {
        done.step("the API server is away");
        sleep(AWAY).await;
    }
    // Whatever became of it: the next scenario needs it.
    stage.settings.node(&["api", "back"]).await?;
    begun?;
    done.step("it is back");
    Ok(done)
}
