//! Pods that go: from the watch's news to assignments in the registry, within milliseconds.
//!
//! Owns streams of its own beside the queue of reconciliations, so that a busy queue delays no move. News go into an
//! index ([`index`]), a pure core says which games go where ([`decide`]), the registry is told. Looks at one cluster are
//! never two at once; news that come meanwhile cause one more look.
//!
//! Invariant: nothing here is needed for safety. A member whose games nobody assigns places them itself, and every
//! assignment names the ownership that it saw, so that a late or doubled one changes nothing.

pub mod decide;
pub mod index;

use crate::directories::Directories;
use crate::metrics::{Cause, Metrics};
use crate::names::{ClusterName, POD_SELECTOR};
use futures_util::stream::{self, BoxStream, FuturesUnordered};
use futures_util::{StreamExt, TryStreamExt, future};
use index::PodIndex;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use registry::{Reason, Registry, RegistryError, Reply, Request};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause before a failed look is repeated, doubled each time up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(20);
/// See [`RETRY_MIN`].
const RETRY_MAX: Duration = Duration::from_secs(1);
/// A look that fails for so long is given up: by then the members have placed their games themselves, or parked them.
const GIVE_UP: Duration = Duration::from_secs(120);

/// Watches pods and moves games.
pub struct Departures {
    /// Pods of the clusters that this operator looks after.
    pub pods: Api<Pod>,
    /// Nodes, where the operator may see them.
    pub nodes: Option<Api<Node>>,
    /// The registries. A cluster's is opened by its first reconciliation.
    pub directories: Arc<Directories>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Set once all pods have been seen.
    pub ready: Arc<AtomicBool>,
}

/// Why a look failed; it is repeated.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error("the registry is not open yet")]
    NotOpen,
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("{0} games changed hands meanwhile")]
    Changed(usize),
    #[error("the registry answers what was not asked")]
    Confused,
}

impl Departures {
    /// Runs until dropped. The streams of pods and nodes repair themselves; they have no end.
    pub async fn run(self) {
        let index = Arc::new(Mutex::new(PodIndex::default()));
        let config = watcher::Config::default().labels(POD_SELECTOR);
        let mut news = watched("pods", self.pods.clone(), config);
        let cordoned = watcher::Config::default().fields("spec.unschedulable=true");
        let mut nodes = match self.nodes.clone() {
            Some(nodes) => watched("nodes", nodes, cordoned),
            None => stream::pending().boxed(),
        };
        let mut looks = FuturesUnordered::new();
        let (mut looking, mut again) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let cluster = tokio::select! {
                event = news.next() => {
                    let Some(event) = event else { return };
                    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
                    let cluster = index.take(event);
                    self.ready.store(index.is_complete(), Ordering::Relaxed);
                    cluster
                }
                Some(event) = nodes.next() => {
                    index.lock().unwrap_or_else(PoisonError::into_inner).take_node(event);
                    None
                }
                Some(cluster) = looks.next() => {
                    looking.remove(&cluster);
                    again.remove(&cluster).then_some(cluster)
                }
            };
            let Some(cluster) = cluster else { continue };
            if looking.insert(cluster.clone()) {
                looks.push(self.look(cluster, index.clone()));
            } else {
                again.insert(cluster);
            }
        }
    }

    /// Assigns games of the cluster until all that have to go are assigned. Answers which cluster it was.
    async fn look(&self, cluster: ClusterName, index: Arc<Mutex<PodIndex>>) -> ClusterName {
        let begun = Instant::now();
        let mut pause = RETRY_MIN;
        loop {
            let pods = index.lock().unwrap_or_else(PoisonError::into_inner).pods(&cluster);
            let error = match self.assign(&cluster, &pods).await {
                Ok(0) => None,
                Ok(games) => {
                    let taken = begun.elapsed();
                    self.metrics.assign_seconds.observe(taken.as_secs_f64());
                    tracing::info!(%cluster, games, ms = taken.as_secs_f64() * 1e3, "assigned the games of pods that go");
                    None
                }
                Err(error) => Some(error),
            };
            match error {
                Some(error) if begun.elapsed() < GIVE_UP => {
                    tracing::debug!(%cluster, %error, "games are not assigned yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
                given_up => {
                    if let Some(error) = given_up {
                        tracing::warn!(%cluster, %error, "could not assign the games of pods that go; they do it themselves");
                    }
                    index.lock().unwrap_or_else(PoisonError::into_inner).looked_at(&cluster, &pods);
                    return cluster;
                }
            }
        }
    }

    /// One attempt; how many games were assigned.
    async fn assign(&self, cluster: &ClusterName, pods: &index::Pods) -> Result<usize, LookError> {
        let directory = self.directories.get(cluster).ok_or(LookError::NotOpen)?;
        let (members, games, target) = facts(directory.as_ref()).await?;
        let requests = decide::decide(pods, &members, &games, &target);
        let causes: Vec<&'static str> = requests.iter().map(cause).collect();
        let (mut assigned, mut changed) = (0, 0);
        for (reply, cause) in directory.call_all(requests).await.into_iter().zip(causes) {
            match reply? {
                Reply::Done => {
                    assigned += 1;
                    self.metrics.assignments.get_or_create(&Cause { cause }).inc();
                }
                Reply::Gone => {}
                _ => changed += 1,
            }
        }
        if changed > 0 { Err(LookError::Changed(changed)) } else { Ok(assigned) }
    }
}

/// News of objects of that kind. The stream repairs itself; it has no end.
fn watched<K>(
    kind: &'static str,
    api: Api<K>,
    config: watcher::Config,
) -> BoxStream<'static, watcher::Event<K>>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watcher::watcher(api, config)
        .default_backoff()
        .inspect_err(move |error| tracing::warn!(%error, "the watch of {kind} broke; it is started anew"))
        .filter_map(|event| future::ready(event.ok()))
        .boxed()
}

/// Members, games, and the target revision.
async fn facts(
    directory: &dyn Registry,
) -> Result<(Vec<registry::MemberRecord>, Vec<registry::GameRecord>, String), LookError> {
    let mut replies = directory.call_all(vec![Request::Members, Request::Games]).await.into_iter();
    let (Some(members), Some(games)) = (replies.next(), replies.next()) else {
        return Err(LookError::Confused);
    };
    match (members?, games?) {
        (Reply::Members { members, cluster, .. }, Reply::Games(games)) => {
            let target = ownership::placement::target_revision(&cluster, members.iter());
            Ok((members, games, target))
        }
        _ => Err(LookError::Confused),
    }
}

fn cause(request: &Request) -> &'static str {
    match request {
        Request::Assign { reason: Reason::Dead(_), .. } => "dead",
        _ => "move",
    }
}
