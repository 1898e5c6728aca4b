//! The operator is killed in the middle of a rollout, of which two run at once.
//!
//! What goes wrong without the product: what it had begun is left half done, or done twice. What repairs it: it writes down
//! what it decides before others act on it, one of them leads, and the game servers need it for nothing that cannot wait.

use super::{Done, Stage, set_image};
use crate::report::Bars;
use anyhow::{Context, Result};
use std::time::Duration;

/// Longest wait for the first game on a new pod.
const FIRST_WITHIN: Duration = Duration::from_secs(120);
/// Longest wait for the operators.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// As for any rollout.
pub(super) const BARS: Bars = Bars::ROLLOUT;

pub(super) async fn kill(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let operator = stage.settings.operator.as_ref().context("not run without --operator")?;
    let (replicas, _) = cluster.operators(operator).await?;
    cluster.scale_operator(operator, 2).await?;
    let rolled = async {
        cluster.operator_rolled(operator, BACK_WITHIN).await?;
        let mut done = set_image::begin(stage).await?;
        stage.first_game_on_a_new_pod(FIRST_WITHIN).await?;
        done.step("a game is on a new pod");
        for pod in cluster.operator_pods(operator).await? {
            stage.settings.signal_in(&pod, "operator", "KILL").await?;
        }
        done.step("both operators are killed");
        set_image::rolled(cluster).await?;
        done.step("kubectl rollout status: done");
        done.what += ", and SIGKILL to both operators meanwhile";
        anyhow::Ok(done)
    }
    .await;
    // Whatever became of it: the next scenario wants what it found.
    let back = cluster.scale_operator(operator, replicas).await;
    let done = rolled?;
    back?;
    cluster.operator_rolled(operator, BACK_WITHIN).await?;
    Ok(done)
}
