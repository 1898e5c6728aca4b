//! The managed Redis: one pod, append-only file, no eviction.

use super::{container_security, labels, match_labels, pod_security};
use crate::names::{ClusterName, REDIS_CONTAINER};
use api::ManagedRedis;
use k8s_openapi::api::core::v1::LocalObjectReference;
use serde_json::{Value, json};

const PORT: u16 = 6379;
/// A pod that never became ready is replaced once what it is made from was corrected. `OrderedReady` would wait for it.
const POLICY: &str = "Parallel";

/// The StatefulSet. Its volume is a claim where storage is asked for, else as long-lived as the pod. `policy`: that of the
/// StatefulSet which is there; Kubernetes lets nobody change it.
pub fn stateful_set(
    name: &ClusterName,
    redis: &ManagedRedis,
    pull_secrets: &[LocalObjectReference],
    policy: Option<&str>,
) -> Value {
    let container = json!({
        "name": REDIS_CONTAINER,
        "image": redis.image,
        "command": ["redis-server"],
        "args": [
            "--port", PORT.to_string(),
            "--dir", "/data",
            "--appendonly", "yes",
            "--appendfsync", "everysec",
            // The append-only file holds all; a dump beside it would only cost.
            "--save", "",
            // A registry that forgets a game to make room would lose it.
            "--maxmemory-policy", "noeviction",
            // Would refuse the other pods, for there is no password.
            "--protected-mode", "no",
        ],
        "ports": [{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 1, "timeoutSeconds": 2},
        "livenessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 6},
        "resources": redis.resources,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "securityContext": container_security(),
    });
    let mut pod = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": pod_security(),
        "containers": [container],
    });
    if !pull_secrets.is_empty() {
        pod["imagePullSecrets"] = json!(pull_secrets);
    }
    let mut spec = json!({
        "replicas": 1,
        "podManagementPolicy": policy.unwrap_or(POLICY),
        "serviceName": name.redis(),
        "selector": {"matchLabels": match_labels(name, "redis")},
    });
    match &redis.storage {
        None => pod["volumes"] = json!([{"name": "data", "emptyDir": {}}]),
        Some(storage) => {
            let mut claim = json!({
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage.size}}},
            });
            if let Some(class) = &storage.class {
                claim["spec"]["storageClassName"] = json!(class);
            }
            spec["volumeClaimTemplates"] = json!([claim]);
        }
    }
    spec["template"] = json!({"metadata": {"labels": labels(name, "redis")}, "spec": pod});
    json!({"spec": spec})
}

/// An address that outlives the pod.
pub fn service(name: &ClusterName) -> Value {
    json!({
        "spec": {
            "type": "ClusterIP",
            "selector": match_labels(name, "redis"),
            "ports": [{"name": "redis", "port": PORT, "targetPort": "redis", "protocol": "TCP"}],
        }
    })
}
