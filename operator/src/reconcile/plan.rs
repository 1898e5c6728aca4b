//! What is to be done about what there is. Pure.
//!
//! Owns the decisions: who has the last word on image and replicas, which Redis there shall be, what pods cost.
//! Does not know how objects look: that is `build`.

use super::observe::{Observed, RegistryView};
use crate::names::{CONTAINER, ClusterName, DELETION_COST_ANNOTATION};
use api::ImagePolicy;
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// About the Deployment.
    pub deployment: DeploymentPlan,
    /// Make the cluster's key: there is none.
    pub make_key: bool,
    /// About the managed Redis.
    pub redis: RedisPlan,
    /// Deletion costs of pods, where they are new.
    pub deletion_costs: BTreeMap<String, u32>,
    /// What the status shall remember once all is done.
    pub memory: Memory,
}

/// About the Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentPlan {
    /// There is none.
    Create {
        /// Its image.
        image: String,
        /// Its number of pods.
        replicas: i32,
    },
    /// There is one, but the status does not remember what was last written to it: a creation was cut short, or the status
    /// was lost. Image and replicas stay as they are, each under the manager that is meant for it.
    Adopt {
        /// Image as it is.
        image: String,
        /// Number of pods as it is.
        replicas: i32,
    },
    /// There is one.
    Keep {
        /// An image to put in force.
        image: Option<String>,
        /// A number of pods to put in force.
        replicas: Option<i32>,
    },
}

/// About the managed Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisPlan {
    /// There shall be one.
    Run,
    /// There shall be none, and is none.
    Absent,
    /// There shall be none any more.
    Remove {
        /// Its StatefulSet is there.
        set: bool,
        /// Its Service is there.
        service: bool,
    },
}

/// What was last written from the TanxCluster's spec: the spec has the last word only where it differs from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its image.
    pub image: String,
    /// Its replicas.
    pub replicas: i32,
}

/// There is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An object of the wanted name belongs to somebody else.
    #[error("{kind} {name} exists and belongs to {owner}; rename this TanxCluster, or remove that {kind}")]
    NotOurs {
        /// What it is.
        kind: &'static str,
        /// What it is called.
        name: String,
        /// Whose it is.
        owner: String,
    },
    /// The Deployment cannot be one that this operator made.
    #[error(
        "Deployment {0} has no container `{CONTAINER}` with an image; remove the Deployment, and it is made anew"
    )]
    NoContainer(String),
}

/// Decides what is to be done.
///
/// **Guarantees**: carried out, remembered and observed again, the next plan keeps everything as it is.
///
/// # Errors
/// When an object is in the way.
pub fn plan(observed: &Observed) -> Result<Plan, PlanError> {
    all_ours(observed)?;
    let (spec, status) = (&observed.cluster.spec, observed.status());
    let deployment = match (&observed.deployment, observed.live_image(), observed.live_replicas()) {
        (None, ..) => DeploymentPlan::Create { image: spec.image.clone(), replicas: spec.replicas },
        (Some(_), Some(image), Some(replicas)) => match (&status.spec_image, status.spec_replicas) {
            (Some(remembered_image), Some(remembered_replicas)) => {
                let ours = spec.image_policy == ImagePolicy::Spec || spec.image != *remembered_image;
                DeploymentPlan::Keep {
                    image: (ours && image != spec.image).then(|| spec.image.clone()),
                    replicas: (spec.replicas != remembered_replicas && replicas != spec.replicas)
                        .then_some(spec.replicas),
                }
            }
            _ => DeploymentPlan::Adopt { image: image.to_owned(), replicas },
        },
        (Some(deployment), ..) => return Err(PlanError::NoContainer(deployment.name_any())),
    };
    let redis = match (&spec.redis.managed, observed.redis_set.is_some(), observed.redis_service.is_some()) {
        (Some(_), ..) => RedisPlan::Run,
        (None, false, false) => RedisPlan::Absent,
        (None, set, service) => RedisPlan::Remove { set, service },
    };
    Ok(Plan {
        deployment,
        make_key: observed.key.is_none(),
        redis,
        deletion_costs: deletion_costs(observed),
        memory: Memory { image: spec.image.clone(), replicas: spec.replicas },
    })
}

/// A pod costs as much as it has games, so that a Deployment that shrinks takes the emptiest.
fn deletion_costs(observed: &Observed) -> BTreeMap<String, u32> {
    let RegistryView::Seen { members, games, .. } = &observed.registry else { return BTreeMap::new() };
    let mut costs = BTreeMap::new();
    for pod in observed.pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let Some(uid) = pod.metadata.uid.as_deref() else { continue };
        let owned = |game: &&registry::GameRecord| {
            members.iter().any(|member| member.pod_uid == uid && game.owner == Some(member.id))
        };
        let cost = u32::try_from(games.iter().filter(owned).count()).unwrap_or(u32::MAX);
        let found = pod.annotations().get(DELETION_COST_ANNOTATION).map_or("0", String::as_str);
        if found != cost.to_string() {
            costs.insert(pod.name_any(), cost);
        }
    }
    costs
}

/// Server-side apply with force would quietly take over an object that somebody else made.
fn all_ours(observed: &Observed) -> Result<(), PlanError> {
    let uid = observed.cluster.metadata.uid.as_deref().unwrap_or_default();
    fn check<K: Resource<DynamicType = ()>>(
        object: Option<&K>,
        kind: &'static str,
        cluster: &ClusterName,
        uid: &str,
    ) -> Result<(), PlanError> {
        let Some(object) = object else { return Ok(()) };
        let owner = match object.owner_references().iter().find(|owner| owner.controller == Some(true)) {
            Some(owner) if owner.uid == uid => return Ok(()),
            Some(owner) if owner.kind == "TanxCluster" && owner.name == cluster.name => {
                "an earlier TanxCluster of this name, with which it goes in a moment".into()
            }
            Some(owner) => format!("{} {}", owner.kind, owner.name),
            None => "nobody that Kubernetes knows of".into(),
        };
        Err(PlanError::NotOurs { kind, name: object.name_any(), owner })
    }
    let cluster = ClusterName::of(&observed.cluster);
    check(observed.deployment.as_ref(), "Deployment", &cluster, uid)?;
    check(observed.service.as_ref(), "Service", &cluster, uid)?;
    check(observed.budget.as_ref(), "PodDisruptionBudget", &cluster, uid)?;
    check(observed.key.as_ref(), "Secret", &cluster, uid)?;
    if observed.cluster.spec.redis.managed.is_some() {
        check(observed.redis_set.as_ref(), "StatefulSet", &cluster, uid)?;
        check(observed.redis_service.as_ref(), "Service", &cluster, uid)?;
    }
    Ok(())
}
