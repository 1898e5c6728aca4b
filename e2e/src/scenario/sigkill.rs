//! A game server's process is killed without a word.
//!
//! What goes wrong without the product: its games are gone. What repairs it: other members claim them and go on from the
//! newest snapshot, the log and what players elsewhere were shown, who see nothing taken back; players of the dead server
//! come back with their tokens.

use super::{Done, Stage, set_image};
use crate::cluster::Cluster;
use crate::oracle::Verdict;
use crate::report::{Bars, CRASH_LOST_TICKS, Check, Crash, Loss};
use anyhow::{Result, ensure};
use futures_util::future::{select_all, try_join_all};
use std::time::Duration;
use tokio::time::Instant;

/// Where all were killed, players are back so long after the first server is ready again, in milliseconds.
const BACK_MS: f64 = 2_000.0;

/// Back within a second and a half; nothing is taken back from players whose server lives on.
pub(super) const BARS: Bars = Bars {
    loss: Loss::Crash(Crash {
        served_p99_ms: 500.0,
        served_ms: 1_500.0,
        anybody_ms: 1_500.0,
        lost_ticks: CRASH_LOST_TICKS,
    }),
    exits: false,
    ..Bars::PLANNED
};

/// Nobody has a server for as long as Kubernetes takes to start a container again.
pub(super) const ALL_BARS: Bars = Bars {
    loss: Loss::Crash(Crash {
        served_p99_ms: 500.0,
        served_ms: 1_500.0,
        anybody_ms: 10_000.0,
        lost_ticks: CRASH_LOST_TICKS,
    }),
    ..BARS
};

/// Kubernetes lets a container that has ended once before wait for 10 s or more until it starts it again: where one of the
/// pods has such a container all are replaced.
pub(super) async fn freshen(cluster: &Cluster) -> Result<()> {
    let pods = cluster.pods().await?;
    let staying = pods.iter().filter(|pod| !pod.deleting);
    let restarts = try_join_all(staying.map(|pod| cluster.restarts(&pod.name))).await?;
    if restarts.iter().any(|(restarts, _)| *restarts > 0) {
        cluster.kubectl(&["rollout", "restart", &set_image::deployment(cluster)]).await?;
        set_image::rolled(cluster).await?;
    }
    Ok(())
}

/// As many processes as that, of those that own most games, at once.
pub(super) async fn kill(stage: &Stage<'_>, count: usize) -> Result<Done> {
    let owners = &stage.owners;
    let victims: Vec<&(String, usize)> = owners.by_pod.iter().take(count).collect();
    let games: usize = victims.iter().map(|(_, games)| games).sum();
    ensure!(victims.len() == count && games > 0, "there are not {count} pods with games");
    let pods = victims.iter().map(|(pod, _)| pod.as_str()).collect::<Vec<_>>().join(", ");
    let all = owners.games.len();
    let mut done =
        Done::new(format!("SIGKILL to gamed in {pods}, which owned {games} of {all} games"), Instant::now());
    let restarts = victims.iter().map(|(pod, _)| async move {
        anyhow::Ok((pod.as_str(), stage.settings.cluster.restarts(pod).await?.0))
    });
    let before = try_join_all(restarts).await?;
    done.at = Instant::now();
    try_join_all(victims.iter().map(|(pod, _)| stage.settings.signal(pod, "gamed", "KILL"))).await?;
    done.step("the killing command returned");
    done.doomed_members = victims.iter().flat_map(|(pod, _)| owners.members_of(pod)).collect();
    done.broken.servers = victims.iter().map(|(pod, _)| pod.clone()).collect();
    if count == owners.by_pod.len() {
        let back = before.iter().map(|(pod, restarts)| stage.settings.cluster.restarted(pod, *restarts));
        select_all(back.map(Box::pin)).await.0?;
        done.step("the first server is ready again");
        done.ready_again = Some(Instant::now());
    }
    Ok(done)
}

/// How long after the first server was ready again the last player had a tick.
pub(super) fn back(verdict: &Verdict, ready: Duration) -> Check {
    let after = (verdict.gap_ms.max - ready.as_secs_f64() * 1e3).max(0.0);
    let measure = "last player back, after the first server was ready";
    Check::new(measure, format!("{after:.0} ms"), format!("<= {BACK_MS:.0} ms"), Some(after <= BACK_MS))
}
