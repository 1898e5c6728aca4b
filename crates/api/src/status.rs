//! What the operator says about a cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator says about a cluster. There is no phase: the conditions say it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TanxClusterStatus {
    /// Generation of the object that the rest speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Game servers that exist, leaving ones included as far as Kubernetes counts them.
    pub replicas: i32,
    /// Game servers that serve.
    pub ready: i32,
    /// Games in the registry, when it last answered.
    pub games: i32,
    /// Players who are connected, when the registry last answered.
    pub players: i32,
    /// Image in force, whoever set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Revision that games move to: the `pod-template-hash` of the Deployment's current pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Selects the game servers' pods; autoscalers read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The operator's memory: the `spec.image` that it wrote last. While `spec.image` equals it, the Deployment's image
    /// belongs to whoever changed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_image: Option<String>,
    /// The operator's memory: the `spec.replicas` that it wrote last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_replicas: Option<i32>,
    /// Available, Progressing, RegistryAvailable, Degraded.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
