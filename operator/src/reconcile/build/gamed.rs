//! The game servers: Deployment, Service, PodDisruptionBudget.

use super::{container_security, labels, match_labels, pod_security};
use crate::names::{CONTAINER, ClusterName, KEY_ENTRY, REVISION_LABEL};
use api::{Redis, Service, TanxClusterSpec};
use serde_json::{Map, Value, json};

/// Players and browsers connect here.
const HTTP_PORT: u16 = 8080;
/// Other game servers connect here.
const PEER_PORT: u16 = 7946;
/// Kept of the grace period: between the kubelet's clock and the end of the process.
const GRACE_MARGIN_MS: i64 = 2_000;
/// Where the CA of an external Redis is mounted.
const CA_VOLUME: &str = "redis-ca";
const CA_FOLDER: &str = "/etc/tanx/redis";
const CA_FILE: &str = "ca.crt";
/// Where the cluster's key is mounted. As a whole folder: then the kubelet writes a new key there while the pod runs.
const KEY_VOLUME: &str = "cluster-key";
const KEY_FOLDER: &str = "/etc/tanx/key";
/// Its owner, which is root, and the pod's group read it.
const KEY_MODE: i32 = 0o440;
/// A pod counts as available so long after it is ready: kube-proxy needs about a second to send players to it.
const MIN_READY_SECONDS: i32 = 1;

/// All of the Deployment but image and replicas, which are not the main manager's.
pub fn deployment(name: &ClusterName, spec: &TanxClusterSpec) -> Value {
    let overrides = spec.pod_overrides.clone().unwrap_or_default();
    let mut pod_labels: Map<String, Value> =
        overrides.labels.into_iter().map(|(key, value)| (key, json!(value))).collect();
    pod_labels.extend(labels(name, "gamed").as_object().cloned().unwrap_or_default());
    let mut metadata = json!({"labels": pod_labels});
    if !overrides.annotations.is_empty() {
        metadata["annotations"] = json!(overrides.annotations);
    }

    let mut container = json!({
        "name": CONTAINER,
        "env": environment(name, spec),
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "peer", "containerPort": PEER_PORT, "protocol": "TCP"},
        ],
        // A draining member stays ready: deletion alone takes it out of the endpoints, and where all leave, players
        // still need one.
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 2},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 6},
        "resources": spec.resources,
        "securityContext": container_security(),
    });
    if let Some(policy) = spec.image_pull_policy {
        container["imagePullPolicy"] = json!(policy.as_str());
    }

    let mut mounts = vec![json!({"name": KEY_VOLUME, "mountPath": KEY_FOLDER, "readOnly": true})];
    let key = json!({"secretName": name.key_secret(), "defaultMode": KEY_MODE});
    let mut volumes = vec![json!({"name": KEY_VOLUME, "secret": key})];
    let ca = spec.redis.external.as_ref().and_then(|external| external.ca_secret_ref.as_ref());
    if let Some(ca) = ca {
        let items = json!([{"key": ca.key, "path": CA_FILE}]);
        mounts.push(json!({"name": CA_VOLUME, "mountPath": CA_FOLDER, "readOnly": true}));
        volumes.push(json!({"name": CA_VOLUME, "secret": {"secretName": ca.name, "items": items}}));
    }
    container["volumeMounts"] = json!(mounts);

    let mut pod = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": spec.grace_period_seconds,
        "securityContext": pod_security(),
        "containers": [container],
        "volumes": volumes,
        // Without matchLabelKeys the pods of the old revision count too, and the new ones end up on one node.
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": match_labels(name, "gamed")},
            "matchLabelKeys": [REVISION_LABEL],
        }],
    });
    if !spec.image_pull_secrets.is_empty() {
        pod["imagePullSecrets"] = json!(spec.image_pull_secrets);
    }
    if !overrides.node_selector.is_empty() {
        pod["nodeSelector"] = json!(overrides.node_selector);
    }
    if !overrides.tolerations.is_empty() {
        pod["tolerations"] = json!(overrides.tolerations);
    }
    if let Some(affinity) = overrides.affinity {
        pod["affinity"] = json!(affinity);
    }

    json!({
        "spec": {
            "minReadySeconds": MIN_READY_SECONDS,
            "selector": {"matchLabels": match_labels(name, "gamed")},
            // A new member comes before an old one goes: games move to it, once.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": metadata, "spec": pod},
        }
    })
}

/// The Deployment's spec with nothing in it but the image.
pub fn image(image: &str) -> Value {
    json!({"template": {"spec": {"containers": [{"name": CONTAINER, "image": image}]}}})
}

/// The container's environment: what a game server must know that its image does not.
fn environment(name: &ClusterName, spec: &TanxClusterSpec) -> Vec<Value> {
    let value = |key: &str, value: String| json!({"name": key, "value": value});
    let field =
        |key: &str, path: String| json!({"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let secret = |key: &str, secret: &str, entry: &str| json!({"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": entry}}});
    let mut environment = vec![
        field("POD_NAME", "metadata.name".into()),
        field("POD_UID", "metadata.uid".into()),
        field("POD_IP", "status.podIP".into()),
        field("GAMED_REVISION", format!("metadata.labels['{REVISION_LABEL}']")),
        value("GAMED_CONTAINER", CONTAINER.into()),
        match &spec.redis {
            Redis { external: Some(external), .. } => {
                secret("GAMED_REDIS", &external.url_secret_ref.name, &external.url_secret_ref.key)
            }
            _ => value("GAMED_REDIS", format!("redis://{}:6379/", name.redis())),
        },
        value("GAMED_REDIS_PREFIX", name.redis_prefix()),
        value("GAMED_CLUSTER_KEY_FILE", format!("{KEY_FOLDER}/{KEY_ENTRY}")),
        value("GAMED_LISTEN", format!("0.0.0.0:{HTTP_PORT}")),
        value("GAMED_PEER_LISTEN", format!("0.0.0.0:{PEER_PORT}")),
        value("GAMED_DURABILITY", spec.durability.as_flag().into()),
        value("GAMED_SNAPSHOT_INTERVAL_MS", spec.snapshot_interval_ms.to_string()),
        value("GAMED_MAX_PLAYERS", spec.game.max_players.to_string()),
        value("GAMED_EMPTY_GAME_MS", (i64::from(spec.game.empty_game_seconds) * 1_000).to_string()),
        value("GAMED_BOTS", spec.game.bots.to_string()),
        value("GAMED_ROUND_SECONDS", spec.game.round_seconds.to_string()),
        value("GAMED_REST_SECONDS", spec.game.rest_seconds.to_string()),
        value("GAMED_GRACE_MS", grace_ms(spec.grace_period_seconds).to_string()),
    ];
    if spec.redis.external.as_ref().is_some_and(|external| external.ca_secret_ref.is_some()) {
        environment.push(value("GAMED_REDIS_CA_FILE", format!("{CA_FOLDER}/{CA_FILE}")));
    }
    environment
}

/// What a game server may use of the grace period, in milliseconds: all but a margin, at least half.
fn grace_ms(grace_period_seconds: i64) -> i64 {
    let whole = grace_period_seconds * 1_000;
    (whole - GRACE_MARGIN_MS).max(whole / 2)
}

/// How players reach the game servers.
pub fn service(name: &ClusterName, service: &Service) -> Value {
    let mut body = json!({
        "spec": {
            "type": service.type_.as_str(),
            "selector": match_labels(name, "gamed"),
            "ports": [{"name": "http", "port": service.port, "targetPort": "http", "protocol": "TCP"}],
        }
    });
    if !service.annotations.is_empty() {
        body["metadata"] = json!({"annotations": service.annotations});
    }
    body
}

/// How many game servers may be evicted at once.
pub fn budget(name: &ClusterName) -> Value {
    json!({
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": match_labels(name, "gamed")},
            // One that never became ready has no games and must not hold up a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_server_ends_before_the_kubelet_ends_it() {
        for (seconds, expect) in [(5, 3_000), (60, 58_000), (3_600, 3_598_000)] {
            assert_eq!(grace_ms(seconds), expect);
            assert!(grace_ms(seconds) < seconds * 1_000);
        }
    }
}
