//! Every write of a reconciliation, but for the status.

use super::build::Write;
use crate::names::{ClusterName, DELETION_COST_ANNOTATION, Manager};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "only what was written may be remembered"]
pub struct Applied {
    /// How many writes it took.
    pub writes: usize,
}

/// Kubernetes refused a write or did not answer; those before it are done, those after it are not.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {kind} {name}: {source}")]
pub struct ApplyError {
    /// What was written.
    kind: String,
    /// What it is called.
    name: String,
    /// Why not.
    source: Box<kube::Error>,
}

/// Carries the writes out in their order.
///
/// # Errors
/// At the first write that fails. All are made anew from fresh observations at the next reconciliation.
pub async fn apply(client: &Client, cluster: &ClusterName, writes: &[Write]) -> Result<Applied, ApplyError> {
    for write in writes {
        kubernetes(client, &cluster.namespace, write).await?;
    }
    Ok(Applied { writes: writes.len() })
}

async fn kubernetes(client: &Client, namespace: &str, write: &Write) -> Result<(), ApplyError> {
    let (kind, name) = match write {
        Write::Apply { resource, object, .. } | Write::Create { resource, object } => {
            (resource.kind.clone(), object["metadata"]["name"].as_str().unwrap_or_default().to_owned())
        }
        Write::Delete { resource, name } => (resource.kind.clone(), name.clone()),
        Write::DeletionCost { pod, .. } => ("Pod".to_owned(), pod.clone()),
    };
    let api = |resource| Api::<DynamicObject>::namespaced_with(client.clone(), namespace, resource);
    let done = match write {
        Write::Apply { resource, object, manager, force } => {
            let params =
                PatchParams { force: *force, ..PatchParams::apply(manager.as_str()) }.validation_strict();
            tracing::info!(kind, name, manager = manager.as_str(), "apply");
            api(resource).patch(&name, &params, &Patch::Apply(object)).await.map(drop)
        }
        Write::Create { resource, object } => {
            let params =
                PostParams { field_manager: Some(Manager::Main.as_str().into()), ..PostParams::default() };
            tracing::info!(kind, name, "create");
            match serde_json::from_value::<DynamicObject>(object.clone()) {
                Ok(object) => api(resource).create(&params, &object).await.map(drop),
                Err(error) => Err(kube::Error::SerdeError(error)),
            }
        }
        Write::Delete { resource, .. } => {
            tracing::info!(kind, name, "delete");
            api(resource).delete(&name, &DeleteParams::background()).await.map(drop)
        }
        Write::DeletionCost { cost, .. } => {
            let patch = json!({"metadata": {"annotations": {DELETION_COST_ANNOTATION: cost.to_string()}}});
            let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
            pods.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
        }
    };
    match done {
        // Somebody else made it or removed it between our look and our write: as wanted.
        Err(kube::Error::Api(status)) if already(write, status.code) => Ok(()),
        done => done.map_err(|source| ApplyError { kind, name, source: Box::new(source) }),
    }
}

fn already(write: &Write, code: u16) -> bool {
    match write {
        Write::Create { .. } => code == 409,
        Write::Delete { .. } | Write::DeletionCost { .. } => code == 404,
        Write::Apply { .. } => false,
    }
}
