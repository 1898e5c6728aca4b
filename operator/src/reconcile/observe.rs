//! Every read of a reconciliation.
//!
//! Owns what is looked at and the form in which the other steps see it. What is missing is an observation, not an error:
//! an error here means that Kubernetes did not answer.

use crate::directories::{Directories, RedisAddress};
use crate::names::{COMPONENT_LABEL, ClusterName, REVISION_LABEL, ROLLOUT_ANNOTATION};
use api::{TanxCluster, TanxClusterStatus};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use registry::{ClusterRecord, GameRecord, MemberRecord, MoveLedger, RegistryError, Reply, Request};
use std::sync::Arc;

/// What there is.
#[derive(Clone, Debug)]
pub struct Observed {
    /// What the user asks for.
    pub cluster: Arc<TanxCluster>,
    /// The game servers' Deployment.
    pub deployment: Option<Deployment>,
    /// Its ReplicaSets.
    pub replica_sets: Vec<ReplicaSet>,
    /// The game servers' pods.
    pub pods: Vec<Pod>,
    /// How players reach them.
    pub service: Option<Service>,
    /// How many may be evicted at once.
    pub budget: Option<PodDisruptionBudget>,
    /// The cluster's key, without the key.
    pub key: Option<Secret>,
    /// Pods of the managed Redis.
    pub redis_pods: Vec<Pod>,
    /// The managed Redis.
    pub redis_set: Option<StatefulSet>,
    /// How it is reached.
    pub redis_service: Option<Service>,
    /// Where the registry is.
    pub redis_url: RedisUrl,
    /// What the registry says.
    pub registry: RegistryView,
}

/// Where the registry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisUrl {
    /// There.
    Known(RedisAddress),
    /// A Secret does not say; a sentence.
    Missing(String),
}

/// What the registry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryView {
    /// It answered.
    Seen {
        /// Everybody who is registered.
        members: Vec<MemberRecord>,
        /// All games.
        games: Vec<GameRecord>,
        /// What was published to the members.
        cluster: ClusterRecord,
        /// What it remembers of moves.
        moves: MoveLedger,
    },
    /// It did not; a sentence.
    Away(String),
}

/// Kubernetes did not answer.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {source}")]
pub struct ObserveError {
    what: &'static str,
    source: kube::Error,
}

/// Looks at everything that belongs to `cluster`.
///
/// # Errors
/// When the API server refuses or cannot be reached.
pub async fn observe(
    client: &Client,
    directories: &Directories,
    cluster: Arc<TanxCluster>,
) -> Result<Observed, ObserveError> {
    let name = ClusterName::of(&cluster);
    let namespace = name.namespace.as_str();
    let (redis, key) = (name.redis(), name.key_secret());
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let replica_sets: Api<ReplicaSet> = Api::namespaced(client.clone(), namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(client.clone(), namespace);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let servers = ListParams::default().labels(&name.selector());
    let all = ListParams::default().labels(&name.selector_of_all());
    let cannot = |what| move |source| ObserveError { what, source };

    // One after the other these would take eight round trips.
    let kubernetes = async {
        tokio::try_join!(
            async { deployments.get_opt(&name.name).await.map_err(cannot("the Deployment")) },
            async { replica_sets.list(&servers).await.map_err(cannot("the ReplicaSets")) },
            async { pods.list(&all).await.map_err(cannot("the pods")) },
            async { services.get_opt(&name.name).await.map_err(cannot("the Service")) },
            async { budgets.get_opt(&name.name).await.map_err(cannot("the PodDisruptionBudget")) },
            async { secrets.get_opt(&key).await.map_err(cannot("the key's Secret")) },
            async { sets.get_opt(&redis).await.map_err(cannot("the StatefulSet of Redis")) },
            async { services.get_opt(&redis).await.map_err(cannot("the Service of Redis")) },
        )
    };
    let registry = async {
        let redis_url = redis_url(&secrets, &cluster, &name).await?;
        let view = match &redis_url {
            RedisUrl::Known(address) => look(directories, &name, address).await,
            RedisUrl::Missing(sentence) => RegistryView::Away(sentence.clone()),
        };
        Ok((redis_url, view))
    };
    let (kubernetes, registry) = tokio::try_join!(kubernetes, registry)?;
    let (deployment, replica_sets, pods, service, budget, key, redis_set, redis_service) = kubernetes;
    let (redis_url, registry) = registry;
    let (redis_pods, pods) = pods
        .items
        .into_iter()
        .partition(|pod| pod.labels().get(COMPONENT_LABEL).is_some_and(|component| component == "redis"));
    Ok(Observed {
        cluster,
        deployment,
        replica_sets: replica_sets.items,
        pods,
        service,
        budget,
        key: key.map(|secret| Secret { data: None, ..secret }),
        redis_pods,
        redis_set,
        redis_service,
        redis_url,
        registry,
    })
}

/// Where the registry of that cluster is.
async fn redis_url(
    secrets: &Api<Secret>,
    cluster: &TanxCluster,
    name: &ClusterName,
) -> Result<RedisUrl, ObserveError> {
    let Some(external) = &cluster.spec.redis.external else {
        let url = format!("redis://{}.{}.svc:6379/", name.redis(), name.namespace);
        return Ok(RedisUrl::Known(RedisAddress { url, ca: None }));
    };
    let wanted = &external.url_secret_ref;
    let url = match entry(secrets, name, &wanted.name, &wanted.key, "the URL of the Redis").await? {
        Ok(url) => url.trim().to_owned(),
        Err(sentence) => return Ok(RedisUrl::Missing(sentence)),
    };
    let Some(wanted) = &external.ca_secret_ref else {
        return Ok(RedisUrl::Known(RedisAddress { url, ca: None }));
    };
    Ok(match entry(secrets, name, &wanted.name, &wanted.key, "the CA of the Redis").await? {
        Ok(ca) => RedisUrl::Known(RedisAddress { url, ca: Some(ca) }),
        Err(sentence) => RedisUrl::Missing(sentence),
    })
}

/// What stands in a Secret, or a sentence that says why nothing does.
async fn entry(
    secrets: &Api<Secret>,
    name: &ClusterName,
    secret: &str,
    key: &str,
    wanted: &'static str,
) -> Result<Result<String, String>, ObserveError> {
    let what = format!("Secret {secret}, entry {key}");
    let found = secrets.get_opt(secret).await.map_err(|source| ObserveError { what: wanted, source })?;
    let Some(data) = found.and_then(|found| found.data) else {
        return Ok(Err(format!(
            "{what}: there is no such Secret in namespace {}; create it with {wanted}",
            name.namespace
        )));
    };
    Ok(match data.get(key).map(|bytes| std::str::from_utf8(&bytes.0)) {
        Some(Ok(text)) => Ok(text.to_owned()),
        Some(Err(_)) => Err(format!("{what}: it is not text; {wanted} is wanted")),
        None => Err(format!("{what}: the Secret has no such entry; add {wanted} under it")),
    })
}

/// Asks the registry.
async fn look(directories: &Directories, name: &ClusterName, address: &RedisAddress) -> RegistryView {
    let directory = match directories.open(name, address).await {
        Ok(directory) => directory,
        Err(error) => return RegistryView::Away(error.to_string()),
    };
    let requests = vec![Request::Members, Request::Games, Request::Moves];
    let replies: Result<Vec<Reply>, RegistryError> = directory.call_all(requests).await.into_iter().collect();
    match replies.map(<[Reply; 3]>::try_from) {
        Ok(Ok([Reply::Members { members, cluster, .. }, Reply::Games(games), Reply::Moves(moves)])) => {
            RegistryView::Seen { members, games, cluster, moves }
        }
        Err(error) => RegistryView::Away(error.to_string()),
        Ok(_) => RegistryView::Away("the registry answers what was not asked".into()),
    }
}

impl Observed {
    /// What the operator said last.
    pub fn status(&self) -> TanxClusterStatus {
        self.cluster.status.clone().unwrap_or_default()
    }

    /// Image of the running Deployment.
    pub fn live_image(&self) -> Option<&str> {
        self.deployment.as_ref().and_then(image_of)
    }

    /// Number of game servers that the running Deployment wants.
    pub fn live_replicas(&self) -> Option<i32> {
        self.deployment.as_ref().and_then(|deployment| deployment.spec.as_ref()?.replicas)
    }

    /// Revision of the Deployment's current pods: the `pod-template-hash` of its newest ReplicaSet. None until the
    /// Deployment's controller has seen its newest form.
    pub fn revision(&self) -> Option<&str> {
        let deployment = self.deployment.as_ref()?;
        let seen = deployment.status.as_ref().and_then(|status| status.observed_generation);
        if seen < deployment.metadata.generation {
            return None;
        }
        let rollout = deployment.annotations().get(ROLLOUT_ANNOTATION)?;
        let current =
            self.own_replica_sets().find(|set| set.annotations().get(ROLLOUT_ANNOTATION) == Some(rollout))?;
        revision_of(current)
    }

    /// Revisions that the Deployment's pods may have: of its ReplicaSets that have pods or are to have some. One that has none
    /// gets pods only when somebody rolls back to it.
    pub fn revisions(&self) -> Vec<String> {
        let current = self.revision();
        let some = |set: &&ReplicaSet| {
            let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            let there = set.status.as_ref().map_or(0, |status| status.replicas);
            wanted.max(there) > 0 || revision_of(set) == current
        };
        let mut revisions: Vec<_> =
            self.own_replica_sets().filter(some).filter_map(revision_of).map(str::to_owned).collect();
        revisions.sort_unstable();
        revisions
    }

    fn own_replica_sets(&self) -> impl Iterator<Item = &ReplicaSet> {
        let uid = self.deployment.as_ref().and_then(|deployment| deployment.metadata.uid.as_deref());
        let owned = move |set: &&ReplicaSet| {
            set.owner_references().iter().any(|owner| Some(owner.uid.as_str()) == uid)
        };
        self.replica_sets.iter().filter(owned)
    }
}

fn revision_of(set: &ReplicaSet) -> Option<&str> {
    set.labels().get(REVISION_LABEL).map(String::as_str)
}

/// Image of the game server in that Deployment.
pub fn image_of(deployment: &Deployment) -> Option<&str> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let container = pod.containers.iter().find(|container| container.name == crate::names::CONTAINER)?;
    container.image.as_deref()
}
