//! The operator is upgraded with Helm in the middle of a rollout.
//!
//! What goes wrong without the product: the new operator does not know what the old one had assigned, and assigns anew.
//! What repairs it: all that counts is in the registry and in Kubernetes objects; a second assignment of a game that is on
//! its way changes nothing.

use super::{Done, Stage, set_image};
use crate::report::Bars;
use anyhow::{Context, Result, ensure};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

/// Longest wait for the first game on a new pod.
const FIRST_WITHIN: Duration = Duration::from_secs(120);
/// Longest wait for Helm, and for the operator after it.
const UPGRADED_WITHIN: Duration = Duration::from_secs(120);

/// As for any rollout.
pub(super) const BARS: Bars = Bars::ROLLOUT;

pub(super) async fn upgrade(stage: &Stage<'_>) -> Result<Done> {
    let cluster = &stage.settings.cluster;
    let operator = stage.settings.operator.as_ref().context("not run without --operator")?;
    let mut done = set_image::begin(stage).await?;
    stage.first_game_on_a_new_pod(FIRST_WITHIN).await?;
    done.step("a game is on a new pod");
    helm(stage).await?;
    done.step("helm upgrade returned");
    set_image::rolled(cluster).await?;
    done.step("kubectl rollout status: done");
    cluster.operator_rolled(operator, UPGRADED_WITHIN).await?;
    done.step("the new operator runs");
    done.what += ", and helm upgrade of the operator meanwhile";
    Ok(done)
}

#[expect(clippy::disallowed_methods, reason = "an annotation that no upgrade had before")]
async fn helm(stage: &Stage<'_>) -> Result<()> {
    let command = stage.settings.helm_command.as_ref().context("not run without --helm-command")?;
    let (program, arguments) = command.split_first().context("--helm-command is empty")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let annotation = format!("podAnnotations.tanx-e2e={now}");
    let mut helm = stage.settings.cluster.yielding(program);
    helm.args(arguments).args(["--set-string", &annotation]);
    let output = timeout(UPGRADED_WITHIN, helm.output())
        .await
        .with_context(|| format!("{program} took longer than {UPGRADED_WITHIN:?}"))?
        .with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", command.join(" "), said.trim());
    Ok(())
}
