//! A new version is rolled out while no operator runs.
//!
//! What goes wrong without the product: nobody says which revision is the new one, and games move from old pod to old pod.
//! What repairs it: leaving pods choose by themselves, and when the operator's word on the revision is no longer renewed,
//! the pod that joined last is the newest.

use super::{Done, POLL, Stage, set_image};
use crate::lobby::Address;
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait until the operator's pods are gone.
const AWAY_WITHIN: Duration = Duration::from_secs(60);
/// The servers take the operator for gone when its sign of life has stood still for 12 s; and a little more.
const STOOD_STILL: Duration = Duration::from_secs(14);
/// Longest wait until it is back.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// As with an operator.
pub(super) const BARS: Bars = Bars::ROLLOUT;

pub(super) async fn roll(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let operator = stage.settings.operator.as_ref().context("not run without --operator")?;
    let (replicas, _) = cluster.operators(operator).await?;
    ensure!(replicas > 0, "{operator} has no replicas: there is no operator to take away");
    let rolled = async {
        cluster.scale_operator(operator, 0).await?;
        let deadline = Instant::now() + AWAY_WITHIN;
        while cluster.operators(operator).await?.1 > 0 {
            ensure!(Instant::now() < deadline, "the operator is still there after {AWAY_WITHIN:?}");
            sleep(POLL).await;
        }
        noticed(&stage.settings.address).await?;
        set_image::roll(stage).await
    }
    .await;
    // Whatever became of it: the next scenario needs the operator.
    let back = cluster.scale_operator(operator, replicas).await;
    let mut done = rolled?;
    back?;
    cluster.operator_rolled(operator, BACK_WITHIN).await?;
    done.step("the operator is back");
    done.what += ", with the operator scaled to 0";
    Ok(done)
}

/// Waits until the servers must have noticed. Those that tell nothing of the operator are not waited for.
async fn noticed(address: &Address) -> Result<()> {
    let (mut last, mut since) = (address.operator_beat().await?, Instant::now());
    let deadline = since + AWAY_WITHIN;
    while last.is_some() && since.elapsed() < STOOD_STILL {
        ensure!(Instant::now() < deadline, "the operator is gone, and its sign of life still rises");
        sleep(POLL).await;
        let beat = address.operator_beat().await?;
        if beat != last {
            (last, since) = (beat, Instant::now());
        }
    }
    Ok(())
}
