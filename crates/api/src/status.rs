//! What the operator says about a cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
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
    /// Games among them that nobody runs, because their worlds failed again and again.
    pub quarantined: i32,
    /// Players who are connected, when the registry last answered.
    pub players: i32,
    /// Games that went from one game server to another, when the registry last answered.
    pub moves: Moves,
    /// Image in force, whoever set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Revision that games move to: the `pod-template-hash` of the Deployment's current pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Rules version that new games get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<i32>,
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

/// Games that went from one game server to another. What the registry remembers: a new Redis begins to count anew.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Moves {
    /// Planned moves: handed over by a game server that left.
    pub total: i64,
    /// Planned moves since `revision` is the one that games move to.
    pub in_rollout: i64,
    /// The longest that a game stood still in one of those in `inRollout`, in milliseconds, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_pause_ms: Option<i64>,
    /// When the last planned move was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Time>,
    /// Games that were taken over from a game server that died.
    pub take_overs: i64,
}
