//! One reconciliation: observe, publish, plan, build, apply, say.
//!
//! Plan and build hold no client: they are functions of what was observed. Each step has
//! its own types and its own errors.

pub mod apply;
pub mod build;
pub mod observe;
pub mod plan;
pub mod publish;
pub mod rules;
pub mod status;
#[cfg(test)]
mod tests;

use crate::directories::Directories;
use crate::metrics::Metrics;
use crate::names::ClusterName;
use api::TanxCluster;
use apply::{Applied, ApplyError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::runtime::controller::Action;
use observe::{ObserveError, Observed};
use plan::{Plan, PlanError};
use publish::{BEAT, PublishError};
use status::{Outcome, StatusError};
use std::sync::Arc;
use std::time::Duration;

/// What reconciliations share.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// The registries.
    pub directories: Arc<Directories>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Between two looks at a cluster that changes.
    pub busy_poll: Duration,
    /// Between two looks at a cluster that does not.
    pub idle_poll: Duration,
}

/// A reconciliation failed; it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// See there.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// See there.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// See there.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// See there.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// See there.
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl ReconcileError {
    /// Which step failed; a label of a metric.
    pub fn step(&self) -> &'static str {
        match self {
            ReconcileError::Observe(_) => "observe",
            ReconcileError::Publish(_) => "publish",
            ReconcileError::Plan(_) => "plan",
            ReconcileError::Apply(_) => "apply",
            ReconcileError::Status(_) => "status",
        }
    }
}

/// Brings one cluster nearer to what is asked for, and says how things stand. Of a cluster at rest nothing is written to
/// Kubernetes.
///
/// # Errors
/// When a step fails; what the user can do about it is in the status too, where that could be written.
pub async fn reconcile(cluster: Arc<TanxCluster>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let name = ClusterName::of(&cluster);
    if cluster.metadata.deletion_timestamp.is_some() {
        context.directories.forget(&name);
        return Ok(Action::await_change());
    }

    // 1. What is there?
    let observed = observe::observe(&context.client, &context.directories, cluster).await?;

    // 2. Where should games go? Said whatever becomes of the rest.
    #[expect(
        clippy::disallowed_methods,
        reason = "conditions tell the time of day, and what they remember is by it"
    )]
    let now = Timestamp::now();
    let directory = context.directories.get(&name);
    let published = publish::publish(directory.as_deref(), &observed, now).await;

    // 3. to 5. What is to be done, what does that look like, and do it.
    let outcome = carry_out(&context, &name, &observed).await;

    // 6. How do things stand?
    let (said, failure) = match &outcome {
        Ok((plan, _)) => (Outcome::Applied(plan), None),
        Err(error) => (Outcome::Failed(error.to_string()), Some(())),
    };
    let status = status::describe(&observed, &published, &said, &Time(now));
    let written = status::write(&context.client, &observed.cluster, &status).await;
    if failure.is_none() {
        written?;
    } else if let Err(error) = written {
        tracing::warn!(%error, cluster = %name, "the status does not say what went wrong");
    }
    let (_, applied) = outcome?;
    published?;

    context.metrics.writes.inc_by(applied.writes as u64);
    let busy = applied.writes > 0 || status::is_busy(&status);
    Ok(Action::requeue(if busy { context.busy_poll } else { context.idle_poll }.min(BEAT)))
}

async fn carry_out(
    context: &Context,
    name: &ClusterName,
    observed: &Observed,
) -> Result<(Plan, Applied), ReconcileError> {
    let plan = plan::plan(observed)?;
    let writes = build::build(observed, &plan, &rand::random());
    let applied = apply::apply(&context.client, name, &writes).await?;
    Ok((plan, applied))
}
