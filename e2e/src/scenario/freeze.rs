//! A game server stands still for ten seconds, and then goes on as if nothing had been: a paused machine, a full disk.
//!
//! What goes wrong without the product: nobody notices, or two servers run the same games. What repairs it: its lease ends,
//! others claim its games, and when it wakes it finds that nothing is its own any more before it shows or writes anything.

use super::{Done, Stage};
use crate::report::{Bars, CRASH_LOST_TICKS, Crash, Loss};
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it stands still.
const FROZEN: Duration = Duration::from_secs(10);

/// Games go on a second after the lease of two seconds; players of the server itself find another one meanwhile.
pub(super) const BARS: Bars = Bars {
    loss: Loss::Crash(Crash {
        served_p99_ms: 3_000.0,
        served_ms: 3_000.0,
        anybody_ms: 4_000.0,
        lost_ticks: CRASH_LOST_TICKS,
    }),
    exits: false,
    ..Bars::PLANNED
};

pub(super) async fn freeze(stage: &Stage<'_>) -> Result<Done> {
    let owners = &stage.owners;
    let (pod, games) = owners.busiest()?;
    let all = owners.games.len();
    let what = format!(
        "SIGSTOP to gamed in pod {pod}, which owned {games} of {all} games, and SIGCONT after {FROZEN:?}"
    );
    let mut done = Done::new(what, Instant::now());
    done.broken.servers.push(pod.to_owned());
    stage.settings.signal(pod, "gamed", "STOP").await?;
    done.step("it stands still");
    sleep(FROZEN).await;
    stage.settings.signal(pod, "gamed", "CONT").await?;
    done.step("it goes on");
    done.doomed_members = owners.members_of(pod);
    Ok(done)
}
