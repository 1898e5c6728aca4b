//! The writes that carry a plan out. Pure.
//!
//! Owns the shape of every object ([`gamed`], [`redis`]), under which field manager each part of it is written, and the
//! order. Leaves out every write that would change nothing, so that a cluster at rest is only read.

mod covers;
mod gamed;
mod redis;

#[cfg(test)]
pub(super) use covers::merge;

use super::observe::Observed;
use super::plan::{DeploymentPlan, Plan, RedisPlan};
use crate::names::{BUILT_ANNOTATION, COMPONENT_LABEL, ClusterName, INSTANCE_LABEL, KEY_ENTRY, Manager};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ApiResource;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Server-side apply of the fields in `object`.
    Apply {
        /// Of which kind it is.
        resource: ApiResource,
        /// The fields.
        object: Value,
        /// Who wants them.
        manager: Manager,
        /// Takes fields away from other managers. Without, somebody else's different value is an error.
        force: bool,
    },
    /// Make it unless it is there already; never change it.
    Create {
        /// Of which kind it is.
        resource: ApiResource,
        /// All of it.
        object: Value,
    },
    /// Remove it.
    Delete {
        /// Of which kind it is.
        resource: ApiResource,
        /// What it is called.
        name: String,
    },
    /// Set a pod's deletion cost.
    DeletionCost {
        /// Which pod.
        pod: String,
        /// Games that would have to move.
        cost: u32,
    },
}

/// Builds the writes of `plan`, in their order. `key` is used where the plan makes a cluster key: 32 random bytes.
pub fn build(observed: &Observed, plan: &Plan, key: &[u8; 32]) -> Vec<Write> {
    let cluster = &observed.cluster;
    let name = ClusterName::of(cluster);
    let mut writes = Vec::new();
    if plan.make_key {
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = json!({"type": "Opaque", "stringData": {KEY_ENTRY: hex}});
        let object = owned::<Secret>(observed, &name.key_secret(), "key", body);
        writes.push(Write::Create { resource: ApiResource::erase::<Secret>(&()), object });
    }
    match (plan.redis, &cluster.spec.redis.managed) {
        (RedisPlan::Run, Some(managed)) => {
            let live = observed.redis_set.as_ref();
            let policy = live.and_then(|set| set.spec.as_ref()?.pod_management_policy.as_deref());
            let body = redis::stateful_set(&name, managed, &cluster.spec.image_pull_secrets, policy);
            repair(&mut writes, owned::<StatefulSet>(observed, &name.redis(), "redis", body), live);
            let service = owned::<Service>(observed, &name.redis(), "redis", redis::service(&name));
            repair(&mut writes, service, observed.redis_service.as_ref());
        }
        (RedisPlan::Remove { set, service }, _) => {
            let mut remove = |there: bool, resource: ApiResource| {
                there.then(|| writes.push(Write::Delete { resource, name: name.redis() }));
            };
            remove(set, ApiResource::erase::<StatefulSet>(&()));
            remove(service, ApiResource::erase::<Service>(&()));
        }
        (RedisPlan::Run | RedisPlan::Absent, _) => {}
    }
    let budget = owned::<PodDisruptionBudget>(observed, &name.name, "gamed", gamed::budget(&name));
    repair(&mut writes, budget, observed.budget.as_ref());
    let service =
        owned::<Service>(observed, &name.name, "gamed", gamed::service(&name, &cluster.spec.service));
    repair(&mut writes, service, observed.service.as_ref());
    // Before the Deployment: where that is about to shrink, pods are chosen by what they cost at that moment.
    writes.extend(
        plan.deletion_costs.iter().map(|(pod, cost)| Write::DeletionCost { pod: pod.clone(), cost: *cost }),
    );
    deployment(observed, plan, &name, &mut writes);
    writes
}

/// The Deployment's writes: image and replicas under managers of their own, in the one order in which neither is lost.
fn deployment(observed: &Observed, plan: &Plan, name: &ClusterName, writes: &mut Vec<Write>) {
    let main =
        owned::<Deployment>(observed, &name.name, "gamed", gamed::deployment(name, &observed.cluster.spec));
    let part = |spec: Value| {
        let metadata = json!({"name": name.name, "namespace": name.namespace});
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    };
    let image_of = |image: &str| part(gamed::image(image));
    let replicas_of = |replicas: i32| part(json!({"replicas": replicas}));
    let apply = |object: Value, manager: Manager, force: bool| Write::Apply {
        resource: ApiResource::erase::<Deployment>(&()),
        object,
        manager,
        force,
    };
    match &plan.deployment {
        DeploymentPlan::Create { image, replicas } => {
            // A Deployment cannot exist without an image, so the image's manager makes it whole, and lets go of all but
            // the image once the others hold their parts. A field that its only holder lets go of would be lost. With its
            // number of replicas, too: another operator that sees it before the next write would keep the default for good.
            let mut whole = main.clone();
            covers::merge(&mut whole, gamed::image(image), "spec");
            covers::merge(&mut whole, json!({"replicas": replicas}), "spec");
            writes.push(apply(whole, Manager::Image, true));
            writes.push(apply(replicas_of(*replicas), Manager::Replicas, true));
            writes.push(apply(main, Manager::Main, true));
            writes.push(apply(image_of(image), Manager::Image, true));
        }
        DeploymentPlan::Adopt { image, replicas } => {
            // Without force: a value that changed since it was read stays, and this is tried again.
            writes.push(apply(replicas_of(*replicas), Manager::Replicas, false));
            writes.push(apply(main, Manager::Main, true));
            writes.push(apply(image_of(image), Manager::Image, false));
        }
        DeploymentPlan::Keep { image, replicas } => {
            repair(writes, main, observed.deployment.as_ref());
            writes.extend(image.as_deref().map(|image| apply(image_of(image), Manager::Image, true)));
            writes.extend(replicas.map(|replicas| apply(replicas_of(replicas), Manager::Replicas, true)));
        }
    }
}

/// Applies `wanted` unless it is there as wanted.
fn repair<K>(writes: &mut Vec<Write>, wanted: Value, live: Option<&K>)
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let same_build = |live: &K| {
        live.annotations().get(BUILT_ANNOTATION).map(String::as_str)
            == wanted["metadata"]["annotations"][BUILT_ANNOTATION].as_str()
    };
    let unchanged = live.is_some_and(|live| {
        same_build(live) && covers::covers(&serde_json::to_value(live).unwrap_or_default(), &wanted)
    });
    if !unchanged {
        let resource = ApiResource::erase::<K>(&());
        writes.push(Write::Apply { resource, object: wanted, manager: Manager::Main, force: true });
    }
}

/// Adds to `body` what all objects of a cluster have: kind, name, labels, owner, and the digest of what was built.
fn owned<K: Resource<DynamicType = ()>>(
    observed: &Observed,
    object: &str,
    component: &str,
    mut body: Value,
) -> Value {
    let name = ClusterName::of(&observed.cluster);
    let owner = observed.cluster.controller_owner_ref(&());
    body["apiVersion"] = json!(K::api_version(&()));
    body["kind"] = json!(K::kind(&()));
    covers::merge(
        &mut body,
        json!({
            "name": object,
            "namespace": name.namespace,
            "labels": labels(&name, component),
            "ownerReferences": owner.map(|owner| vec![owner]),
        }),
        "metadata",
    );
    let digest = Sha256::digest(body.to_string());
    let short: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    covers::merge(&mut body, json!({"annotations": {BUILT_ANNOTATION: short}}), "metadata");
    body
}

/// Labels of an object, or of a pod.
fn labels(name: &ClusterName, component: &str) -> Value {
    json!({
        COMPONENT_LABEL: component,
        INSTANCE_LABEL: name.name,
        "app.kubernetes.io/part-of": "tanx",
        "app.kubernetes.io/managed-by": "tanx-operator",
    })
}

/// Labels by which workloads find their pods; they can never change.
fn match_labels(name: &ClusterName, component: &str) -> Value {
    json!({COMPONENT_LABEL: component, INSTANCE_LABEL: name.name})
}

/// What pods may do: nothing.
fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// What containers may do: nothing.
fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
    })
}
