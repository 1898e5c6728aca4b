//! How the objects of a cluster are called and labelled, and who writes which of their fields.
//!
//! Invariant: every name is the cluster's name, or that and a suffix, in the cluster's namespace; so two clusters of one
//! name in two namespaces never meet, and everything of one cluster is found by its labels.

use kube::ResourceExt;
use std::fmt;

/// Name of the game server's container: what `kubectl set image deployment/NAME gamed=...` names.
pub const CONTAINER: &str = "gamed";
/// Name of the managed Redis' container.
pub const REDIS_CONTAINER: &str = "redis";
/// Label that Kubernetes puts on a Deployment's pods; its value is our revision.
pub const REVISION_LABEL: &str = "pod-template-hash";
/// Annotation on a Deployment and its ReplicaSets that counts roll-outs.
pub const ROLLOUT_ANNOTATION: &str = "deployment.kubernetes.io/revision";
/// Pods with a lower value go first when a Deployment shrinks.
pub const DELETION_COST_ANNOTATION: &str = "controller.kubernetes.io/pod-deletion-cost";
/// Digest of what the operator last built for an object; finds fields that it no longer wants.
pub const BUILT_ANNOTATION: &str = "tanx.dev/built";
/// What the operator made, of all clusters.
pub const OWNED_SELECTOR: &str = "app.kubernetes.io/managed-by=tanx-operator";
/// Pods of game servers of all clusters.
pub const POD_SELECTOR: &str = "app.kubernetes.io/managed-by=tanx-operator,app.kubernetes.io/name=gamed";
/// Label that says which cluster an object is of.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// Label that says what an object is there for: `gamed`, `redis`, or `key`.
pub const COMPONENT_LABEL: &str = "app.kubernetes.io/name";
/// Entry of the key's Secret.
pub const KEY_ENTRY: &str = "key";

/// Which cluster: namespace and name of its TanxCluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ClusterName {
    /// Of that object.
    pub fn of(cluster: &api::TanxCluster) -> Self {
        ClusterName { namespace: cluster.namespace().unwrap_or_default(), name: cluster.name_any() }
    }

    /// Prefix of its keys in Redis, so that clusters can share one.
    pub fn redis_prefix(&self) -> String {
        format!("tanx:{}/{}", self.namespace, self.name)
    }

    /// The Secret with the cluster's key.
    pub fn key_secret(&self) -> String {
        format!("{}-key", self.name)
    }

    /// StatefulSet and Service of a managed Redis.
    pub fn redis(&self) -> String {
        format!("{}-redis", self.name)
    }

    /// Selects the game servers' pods.
    pub fn selector(&self) -> String {
        format!("{COMPONENT_LABEL}=gamed,{INSTANCE_LABEL}={}", self.name)
    }

    /// Selects all pods: the game servers', and that of a managed Redis.
    pub fn selector_of_all(&self) -> String {
        format!("{OWNED_SELECTOR},{INSTANCE_LABEL}={}", self.name)
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Field managers of server-side apply.
///
/// Image and replicas of the Deployment belong to whoever changed them last, so each has a manager of its own that
/// writes only when the TanxCluster changed; the main one never holds either, or each of its writes would revert
/// `kubectl set image` and `kubectl scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Everything else.
    Main,
    /// The image of the game servers.
    Image,
    /// The number of game servers.
    Replicas,
    /// The status of the TanxCluster.
    Status,
}

impl Manager {
    /// As Kubernetes records it.
    pub fn as_str(self) -> &'static str {
        match self {
            Manager::Main => "tanx-operator",
            Manager::Image => "tanx-operator-image",
            Manager::Replicas => "tanx-operator-replicas",
            Manager::Status => "tanx-operator-status",
        }
    }
}
