//! The running operator: its streams, its queue, its end.

use crate::departures::Departures;
use crate::directories::Directories;
use crate::http;
use crate::metrics::{Metrics, Step};
use crate::names::{ClusterName, OWNED_SELECTOR};
use crate::reconcile::{Context, ReconcileError, reconcile};
use crate::settings::RunSettings;
use api::TanxCluster;
use futures_util::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::runtime::controller::{Action, Config, Controller, Error as QueueError};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A failed reconciliation is repeated after this.
const RETRY: Duration = Duration::from_secs(2);
/// Clusters that are reconciled at once.
const CONCURRENCY: u16 = 16;

/// The operator ended though nobody told it to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// See there.
    #[error("the queue of reconciliations ended")]
    Queue,
    /// See there.
    #[error("the watch of pods ended")]
    Pods,
    /// See there.
    #[error("the HTTP server ended")]
    Http,
}

/// Runs until `shutdown`. `listener` is where health and metrics are served.
///
/// **Guarantees**: reconciliations that have begun when `shutdown` comes are finished, and games of pods that go are assigned
/// for as long as [`RunSettings::linger`] says.
///
/// # Errors
/// When a part ends by itself; the process should end then.
pub async fn run(
    client: Client,
    settings: &RunSettings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::default());
    let directories = Arc::new(Directories::default());
    let ready = Arc::new(AtomicBool::new(false));
    let namespace = settings.namespace.as_deref();
    let departures = Departures {
        pods: scoped(&client, namespace),
        // Rights in one namespace say nothing about nodes.
        nodes: namespace.is_none().then(|| Api::all(client.clone())),
        directories: directories.clone(),
        metrics: metrics.clone(),
        ready: ready.clone(),
    };
    let context = Arc::new(Context {
        client: client.clone(),
        directories,
        metrics: metrics.clone(),
        busy_poll: settings.busy_poll(),
        idle_poll: settings.idle_poll(),
    });
    let stopped = shutdown.clone();
    let http = async {
        http::serve(listener, metrics, ready, shutdown.clone().cancelled_owned()).await;
        if stopped.is_cancelled() {
            // The queue ends the process once it has finished what it began.
            std::future::pending::<()>().await;
        }
    };
    let queue = async {
        queue(&client, namespace, context, shutdown.clone()).await;
        if shutdown.is_cancelled() {
            tokio::time::sleep(settings.linger()).await;
        }
    };
    let ended = tokio::select! {
        () = queue => RunError::Queue,
        () = departures.run() => RunError::Pods,
        () = http => RunError::Http,
    };
    if shutdown.is_cancelled() { Ok(()) } else { Err(ended) }
}

/// Reconciles until `shutdown`.
async fn queue(client: &Client, namespace: Option<&str>, context: Arc<Context>, shutdown: CancellationToken) {
    let owned = || watcher::Config::default().labels(OWNED_SELECTOR);
    let outcomes = Controller::new(scoped::<TanxCluster>(client, namespace), watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .owns(scoped::<Deployment>(client, namespace), owned())
        .owns(scoped::<StatefulSet>(client, namespace), owned())
        .owns(scoped::<Service>(client, namespace), owned())
        .owns(scoped::<PodDisruptionBudget>(client, namespace), owned())
        .graceful_shutdown_on(shutdown.cancelled_owned())
        .run(reconcile, on_failure, context.clone());
    let outcomes = outcomes.for_each(|outcome| {
        match outcome {
            Ok(_) => drop(context.metrics.reconciliations.inc()),
            Err(QueueError::ObjectNotFound(object)) => {
                let namespace = object.namespace.unwrap_or_default();
                context.directories.forget(&ClusterName { namespace, name: object.name });
            }
            // Said by `on_failure`.
            Err(QueueError::ReconcilerFailed(..)) => {}
            Err(error) => tracing::warn!(%error, "a watch broke; it is started anew"),
        }
        std::future::ready(())
    });
    outcomes.await;
}

fn on_failure(cluster: Arc<TanxCluster>, error: &ReconcileError, context: Arc<Context>) -> Action {
    tracing::warn!(cluster = %ClusterName::of(&cluster), step = error.step(), %error, "reconciliation failed");
    context.metrics.failures.get_or_create(&Step { step: error.step() }).inc();
    Action::requeue(RETRY)
}

/// Objects of one namespace, or of all.
fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}
