//! What a user asks for.

use crate::TanxClusterStatus;
use k8s_openapi::api::core::v1::{Affinity, LocalObjectReference, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A cluster of game servers whose games outlive their pods.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "tanx.dev",
    version = "v1alpha1",
    kind = "TanxCluster",
    plural = "tanxclusters",
    namespaced,
    doc = "A cluster of game servers whose games outlive their pods.",
    shortname = "tanx",
    category = "all",
    derive = "PartialEq",
    status = "TanxClusterStatus",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')")
        .message("metadata.name must start with a letter, have only lower-case letters, digits and '-', and at most 40 characters: the Service, which has the same name, wants it so"),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.replicas", description = "Game servers that exist"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.ready", description = "Game servers that serve"),
    printcolumn(name = "Games", type_ = "integer", json_path = ".status.games", description = "Games that run"),
    printcolumn(name = "Players", type_ = "integer", json_path = ".status.players", description = "Players who are connected"),
    printcolumn(name = "Moves", type_ = "integer", json_path = ".status.moves.inRollout", description = "Games that were handed over since the present revision is wanted"),
    printcolumn(name = "Image", type_ = "string", json_path = ".status.image", description = "Image in force"),
    printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status", description = "Whether players can play"),
    printcolumn(name = "Progressing", type_ = "string", json_path = ".status.conditions[?(@.type=='Progressing')].status", description = "Whether pods are being replaced, added or removed", priority = 1),
    printcolumn(name = "Registry", type_ = "string", json_path = ".status.conditions[?(@.type=='RegistryAvailable')].status", description = "Whether Redis answers"),
    printcolumn(name = "Degraded", type_ = "string", json_path = ".status.conditions[?(@.type=='Degraded')].status", description = "Whether somebody has to look at it"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[cfg_attr(test, kube(cel))]
#[serde(rename_all = "camelCase")]
pub struct TanxClusterSpec {
    /// Image of the game server, such as `registry.example/tanx/gamed:v1`.
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new(r"self.matches('^([a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[a-f0-9]{64})?$')")
        .message("image is not an image name: write it as HOST/PATH:TAG, such as registry.example/tanx/gamed:v1"))]
    pub image: String,

    /// Who decides about the image of the running pods. `Deployment`: whoever changed it last, this object or
    /// `kubectl set image`. `Spec`: always `spec.image`.
    #[serde(default)]
    pub image_policy: ImagePolicy,

    /// How many game servers. Like the image it belongs to whoever changed it last: this object, `kubectl scale`, or an
    /// autoscaler. 0 stops all; their games are kept in Redis.
    #[serde(default = "default_replicas")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 1000")
        .message("replicas must be between 0 and 1000; 0 stops all game servers and keeps their games in Redis"))]
    pub replicas: i32,

    /// How players reach the cluster.
    #[serde(default)]
    pub service: Service,

    /// Where the directory of games is kept.
    #[serde(default)]
    pub redis: Redis,

    /// The games themselves.
    #[serde(default)]
    pub game: Game,

    /// How new versions of the game server are taken up.
    #[serde(default)]
    pub rollout: Rollout,

    /// How long a leaving pod may take to hand over its games and let its players go, in seconds.
    #[serde(default = "default_grace_period_seconds")]
    #[x_kube(validation = Rule::new("self >= 5 && self <= 3600")
        .message("gracePeriodSeconds must be between 5 and 3600: a leaving pod needs a few seconds to hand over its games"))]
    pub grace_period_seconds: i64,

    /// What a crash may cost. `Tick`: nothing that players were told is kept, and some tens of milliseconds of other play where
    /// nobody is left who was shown it. `Snapshot`: play since the last one, see `snapshotIntervalMs`, for less work in Redis.
    /// `None`: all play since the game was created or moved, or people came or went. Planned moves cost nothing in any case.
    #[serde(default)]
    pub durability: Durability,

    /// Unless `durability` is `None`, each game is written to Redis as a whole this often, in milliseconds. With `Snapshot` a crash
    /// costs as much play as that, and what writing takes; with `Tick` as many ticks are run again.
    #[serde(default = "default_snapshot_interval_ms")]
    #[x_kube(validation = Rule::new("self >= 200 && self <= 2000")
        .message("snapshotIntervalMs must be between 200 and 2000: players are told that Redis is away when nothing was written for 3 seconds"))]
    pub snapshot_interval_ms: i32,

    /// When nodes pull the image; Kubernetes' own rule where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,

    /// Secrets to pull the images with: the game servers', and that of a managed Redis.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// Processor and memory of each game server; `{}` for none. A server that requests no processor stands still whenever
    /// others on its node are busy.
    #[serde(default = "default_resources")]
    pub resources: ResourceRequirements,

    /// What else the pods shall carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_overrides: Option<PodOverrides>,
}

fn default_replicas() -> i32 {
    3
}

fn default_grace_period_seconds() -> i64 {
    60
}

fn default_snapshot_interval_ms() -> i32 {
    800
}

/// What 80 players and 20 games took of a 2-core machine in the end-to-end tests (`e2e/run full`).
fn default_resources() -> ResourceRequirements {
    requests("250m", "64Mi")
}

fn requests(cpu: &str, memory: &str) -> ResourceRequirements {
    let requests = [("cpu", cpu), ("memory", memory)];
    let requests = requests.map(|(resource, least)| (resource.to_owned(), Quantity(least.to_owned())));
    ResourceRequirements { requests: Some(requests.into()), ..ResourceRequirements::default() }
}

/// Who decides about the image of the running pods.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Default, JsonSchema)]
pub enum ImagePolicy {
    /// Whoever changed it last: `spec.image`, or `kubectl set image` and the like on the Deployment.
    #[default]
    Deployment,
    /// Always `spec.image`.
    Spec,
}

/// What is written to Redis, so that it outlives the server that runs a game.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Default, JsonSchema)]
pub enum Durability {
    /// Each tick.
    #[default]
    Tick,
    /// Whole games, every `spec.snapshotIntervalMs`.
    Snapshot,
    /// Whole games when they are created or moved, and when people come or go.
    None,
}

impl Durability {
    /// As the game server's flag has it.
    pub fn as_flag(self) -> &'static str {
        match self {
            Durability::Tick => "tick",
            Durability::Snapshot => "snapshot",
            Durability::None => "none",
        }
    }
}

/// When nodes pull an image.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum ImagePullPolicy {
    /// At each start of a pod.
    Always,
    /// When the node does not have it.
    IfNotPresent,
    /// The node must have it.
    Never,
}

impl ImagePullPolicy {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            ImagePullPolicy::Always => "Always",
            ImagePullPolicy::IfNotPresent => "IfNotPresent",
            ImagePullPolicy::Never => "Never",
        }
    }
}

/// How players reach the cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Kind of Service.
    #[serde(default, rename = "type")]
    pub type_: ServiceType,
    /// Port that players connect to.
    #[serde(default = "default_port")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 65535").message("service.port must be between 1 and 65535"))]
    pub port: i32,
    /// For the cloud's load balancer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

fn default_port() -> i32 {
    80
}

impl Default for Service {
    fn default() -> Self {
        Service { type_: ServiceType::default(), port: default_port(), annotations: BTreeMap::new() }
    }
}

/// Kind of Service.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Default, JsonSchema)]
pub enum ServiceType {
    /// An address from the cloud.
    #[default]
    LoadBalancer,
    /// A port on each node.
    NodePort,
    /// Within the Kubernetes cluster only, for an Ingress or a Gateway in front.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
}

impl ServiceType {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceType::LoadBalancer => "LoadBalancer",
            ServiceType::NodePort => "NodePort",
            ServiceType::ClusterIp => "ClusterIP",
        }
    }
}

/// Where the directory of games is kept: exactly one of the two.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.managed) != has(self.external)")
    .message("redis wants exactly one of managed and external; to change from one to the other, set the old one to null"))]
pub struct Redis {
    /// A Redis that the operator runs: one pod, append-only file, no eviction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedRedis>,
    /// A Redis of yours. Clusters may share it; each has its own prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRedis>,
}

impl Default for Redis {
    fn default() -> Self {
        Redis { managed: Some(ManagedRedis::default()), external: None }
    }
}

/// A Redis that the operator runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.storage) == has(oldSelf.storage) && (!has(self.storage) || self.storage == oldSelf.storage)")
    .message("redis.managed.storage cannot be changed: Kubernetes does not move a running Redis to another volume; use an external Redis, or create another TanxCluster"))]
pub struct ManagedRedis {
    /// Image with a `redis-server` of version 7 or later.
    #[serde(default = "default_redis_image")]
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// A volume for its append-only file. Absent: the file lives as long as the pod, and the game servers put their games
    /// back when an empty Redis comes up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Processor and memory; `{}` for none.
    #[serde(default = "default_redis_resources")]
    pub resources: ResourceRequirements,
}

fn default_redis_image() -> String {
    "docker.io/library/redis:7.2-alpine".into()
}

fn default_redis_resources() -> ResourceRequirements {
    requests("100m", "64Mi")
}

impl Default for ManagedRedis {
    fn default() -> Self {
        ManagedRedis { image: default_redis_image(), storage: None, resources: default_redis_resources() }
    }
}

/// A volume.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Its size, such as `1Gi`.
    pub size: Quantity,
    /// Its storage class; the cluster's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// A Redis of yours.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRedis {
    /// The Secret that holds its URL, such as `rediss://:PASSWORD@redis.example:6379/0`, or
    /// `redis+sentinel://:PASSWORD@HOST:26379,HOST:26379/MASTER`. A Secret, because the URL may hold a password.
    pub url_secret_ref: SecretKey,
    /// The Secret that holds the CA that signed its certificate (PEM), for a URL of TLS. Absent: the public CAs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<CaSecretKey>,
}

/// One entry of a Secret in the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in its data.
    #[serde(default = "default_url_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn default_url_key() -> String {
    "url".into()
}

/// One entry of a Secret in the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CaSecretKey {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in its data.
    #[serde(default = "default_ca_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn default_ca_key() -> String {
    "ca.crt".into()
}

/// The games themselves.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Game {
    /// Players that one game takes. For games created from now on.
    #[serde(default = "default_max_players")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 32").message("game.maxPlayers must be between 1 and 32"))]
    pub max_players: i32,
    /// A game without people ends after so many seconds; bots do not keep it.
    #[serde(default = "default_empty_game_seconds")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 86400").message("game.emptyGameSeconds must be between 1 and 86400"))]
    pub empty_game_seconds: i32,
    /// Bots play along until a game has so many players, people and bots together; one place is always left to people.
    /// For games created from now on.
    #[serde(default = "default_bots")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 32").message("game.bots must be between 0 (no bots) and 32"))]
    pub bots: i32,
    /// A round lasts so many seconds; then the scores begin anew. 0: one round without an end. For games created from
    /// now on.
    #[serde(default = "default_round_seconds")]
    #[x_kube(validation = Rule::new("self == 0 || (self >= 30 && self <= 3600)")
        .message("game.roundSeconds must be 0 (one round without an end) or between 30 and 3600"))]
    pub round_seconds: i32,
    /// The winner is shown for so many seconds before the next round. For games created from now on.
    #[serde(default = "default_rest_seconds")]
    #[x_kube(validation = Rule::new("self >= 3 && self <= 60").message("game.restSeconds must be between 3 and 60"))]
    pub rest_seconds: i32,
}

fn default_empty_game_seconds() -> i32 {
    60
}

fn default_max_players() -> i32 {
    8
}

fn default_bots() -> i32 {
    4
}

fn default_round_seconds() -> i32 {
    180
}

fn default_rest_seconds() -> i32 {
    8
}

impl Default for Game {
    fn default() -> Self {
        Game {
            max_players: default_max_players(),
            empty_game_seconds: default_empty_game_seconds(),
            bots: default_bots(),
            round_seconds: default_round_seconds(),
            rest_seconds: default_rest_seconds(),
        }
    }
}

/// How new versions of the game server are taken up.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// New games get the new image's rules so many seconds after a rollout is complete; games that run keep theirs. Until
    /// then a roll-back finds no game that the old image does not step.
    #[serde(default = "default_rules_delay_seconds")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 604800")
        .message("rollout.rulesDelaySeconds must be between 0 and 604800 (a week)"))]
    pub rules_delay_seconds: i32,
}

fn default_rules_delay_seconds() -> i32 {
    600
}

impl Default for Rollout {
    fn default() -> Self {
        Rollout { rules_delay_seconds: default_rules_delay_seconds() }
    }
}

/// What else the pods shall carry.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct PodOverrides {
    /// Labels besides the operator's own, which win.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels of the nodes to run on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that do not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Nearness to other pods and to kinds of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn cluster(spec: Value) -> TanxCluster {
        let object = json!({
            "apiVersion": "tanx.dev/v1alpha1", "kind": "TanxCluster",
            "metadata": {"name": "arena", "namespace": "default"}, "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    /// Checks that an object is accepted (`expect` empty) or refused with a sentence that contains `expect`.
    fn check(spec: Value, expect: &str) {
        let found = cluster(spec.clone()).validate_cel().err().map(|e| e.to_string()).unwrap_or_default();
        assert!(
            if expect.is_empty() { found.is_empty() } else { found.contains(expect) },
            "{spec}: expected {expect:?}, found {found:?}"
        );
    }

    #[test]
    fn image_names_are_accepted() {
        for image in [
            "gamed",
            "gamed:v1",
            "local/gamed:v1",
            "localhost:5000/tanx/gamed",
            "Registry.example/a/b_c/d-e.f:1.2_3-x",
            "gamed@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            check(json!({"image": image}), "");
        }
    }

    #[test]
    fn bad_image_names_are_refused_with_a_sentence() {
        for image in [
            "",
            "a b",
            "gamed:",
            "UPPER",
            "a/Case",
            "gamed:v1:v2",
            "/gamed",
            "gamed/",
            "gamed@sha256:12",
            "gamed\n",
        ] {
            check(json!({"image": image}), "image is not an image name");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_a_sentence() {
        check(json!({"image": "g", "replicas": -1}), "replicas must be between 0 and 1000");
        check(json!({"image": "g", "replicas": 1001}), "replicas must be between 0 and 1000");
        check(json!({"image": "g", "replicas": 0}), "");
        check(json!({"image": "g", "service": {"port": 0}}), "service.port must be between");
        check(
            json!({"image": "g", "rollout": {"rulesDelaySeconds": -1}}),
            "rollout.rulesDelaySeconds must be",
        );
        check(json!({"image": "g", "rollout": {"rulesDelaySeconds": 0}}), "");
        check(json!({"image": "g", "gracePeriodSeconds": 4}), "gracePeriodSeconds must be between");
        check(json!({"image": "g", "snapshotIntervalMs": 199}), "snapshotIntervalMs must be between");
        check(json!({"image": "g", "snapshotIntervalMs": 2001}), "snapshotIntervalMs must be between");
        check(json!({"image": "g", "snapshotIntervalMs": 2000}), "");
        check(json!({"image": "g", "game": {"maxPlayers": 33}}), "game.maxPlayers must be between");
        check(json!({"image": "g", "game": {"bots": 33}}), "game.bots must be between");
        check(json!({"image": "g", "game": {"bots": -1}}), "game.bots must be between");
        check(json!({"image": "g", "game": {"roundSeconds": 29}}), "game.roundSeconds must be 0");
        check(json!({"image": "g", "game": {"roundSeconds": 3601}}), "game.roundSeconds must be 0");
        check(json!({"image": "g", "game": {"restSeconds": 2}}), "game.restSeconds must be between");
        check(json!({"image": "g", "game": {"bots": 0, "roundSeconds": 0, "restSeconds": 60}}), "");
    }

    #[test]
    fn two_kinds_of_redis_or_none_are_refused_with_a_sentence() {
        let external = json!({"urlSecretRef": {"name": "redis"}});
        check(json!({"image": "g", "redis": {"external": external}}), "");
        let external_tls = json!({"urlSecretRef": {"name": "redis"}, "caSecretRef": {"name": "redis"}});
        check(json!({"image": "g", "redis": {"external": external_tls}}), "");
        check(json!({"image": "g", "redis": {"managed": {}}}), "");
        check(
            json!({"image": "g", "redis": {"managed": {}, "external": external}}),
            "exactly one of managed and external",
        );
        check(json!({"image": "g", "redis": {}}), "exactly one of managed and external");
    }

    #[test]
    fn storage_of_a_managed_redis_stays_as_it_is() {
        let with =
            |storage: Value| cluster(json!({"image": "g", "redis": {"managed": {"storage": storage}}}));
        let none = cluster(json!({"image": "g"}));
        let one = with(json!({"size": "1Gi"}));
        for (new, old) in [(&one, &none), (&none, &one), (&with(json!({"size": "2Gi"})), &one)] {
            let refusal = new.validate_cel_update(old).unwrap_err().to_string();
            assert!(refusal.contains("redis.managed.storage cannot be changed"), "{refusal}");
        }
        one.validate_cel_update(&one).unwrap();
    }

    #[test]
    fn names_that_a_service_cannot_have_are_refused_with_a_sentence() {
        for (name, fine) in [("arena", true), ("a", true), ("1a", false), ("a.b", false), ("a-", false)] {
            let mut object = cluster(json!({"image": "g"}));
            object.metadata.name = Some(name.into());
            assert_eq!(object.validate_cel().is_ok(), fine, "{name}");
        }
        let mut long = cluster(json!({"image": "g"}));
        long.metadata.name = Some("a".repeat(41));
        assert!(long.validate_cel().unwrap_err().to_string().contains("at most 40 characters"));
    }

    #[test]
    fn an_image_alone_is_a_whole_cluster() {
        let spec = cluster(json!({"image": "g"})).spec;
        assert_eq!((spec.replicas, spec.service.port, spec.grace_period_seconds), (3, 80, 60));
        assert_eq!(spec.service.type_, ServiceType::LoadBalancer);
        assert_eq!(spec.redis, Redis::default());
        assert_eq!((spec.game.bots, spec.game.round_seconds, spec.game.rest_seconds), (4, 180, 8));
        assert_eq!(spec.rollout.rules_delay_seconds, 600);
        assert_eq!((spec.durability, spec.snapshot_interval_ms), (Durability::Tick, 800));
    }
}
