//! The Kubernetes cluster, as somebody with kubectl sees it.
//!
//! Owns every call of kubectl and the reading of its answers. Knows nothing of games.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

/// Longest wait for kubectl where nothing else is said.
const KUBECTL_TIMEOUT: Duration = Duration::from_secs(30);

/// A TanxCluster and how to reach it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The program.
    pub kubectl: PathBuf,
    /// Passed to kubectl; none: kubectl's own choice.
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the TanxCluster.
    pub namespace: String,
    /// Name of the TanxCluster, and so of its Deployment and Service.
    pub name: String,
}

/// A pod of game servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The node it is on; empty while it waits for one.
    pub node: String,
    /// Image of the container `gamed`.
    pub image: String,
    /// Takes players.
    pub ready: bool,
    /// Has a deletionTimestamp.
    pub deleting: bool,
}

/// The Deployment of game servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Pods wanted.
    pub replicas: usize,
    /// Image wanted for the container `gamed`.
    pub image: String,
}

/// What a watch on one pod has seen; its process ends when this is dropped.
#[derive(Debug)]
pub struct PodWatch {
    _kubectl: Child,
    task: tokio::task::JoinHandle<PodEnd>,
}

/// When a pod's end was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodEnd {
    /// It got a deletionTimestamp.
    pub deleting: Option<Instant>,
    /// The object is gone.
    pub gone: Option<Instant>,
}

impl Cluster {
    /// Runs kubectl and gives what it prints.
    ///
    /// # Errors
    /// When it fails, with what it says, or takes longer than `limit`.
    pub async fn kubectl_within(&self, limit: Duration, arguments: &[&str]) -> Result<String> {
        let what = format!("kubectl {}", arguments.join(" "));
        let output = self.command(arguments).output();
        let output = timeout(limit, output)
            .await
            .with_context(|| format!("{what} took longer than {limit:?}"))?
            .with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        ensure!(output.status.success(), "{what}: {}", sentences(&String::from_utf8_lossy(&output.stderr)));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same with the usual limit.
    ///
    /// # Errors
    /// As above.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_within(KUBECTL_TIMEOUT, arguments).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        command.args(["--namespace", &self.namespace]).args(arguments);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.kubectl(&[arguments, &["--output", "json"]].concat()).await?;
        serde_json::from_str(&text).with_context(|| format!("kubectl {} gave no JSON", arguments.join(" ")))
    }

    /// All pods of game servers, also those on their way out.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let selector = format!("app.kubernetes.io/name=gamed,app.kubernetes.io/instance={}", self.name);
        let list = self.json(&["get", "pods", "--selector", &selector]).await?;
        Ok(pods(&list))
    }

    /// The nodes that hold pods of the managed Redis.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn redis_nodes(&self) -> Result<Vec<String>> {
        let list = self.json(&["get", "pods"]).await?;
        let redis = format!("{}-redis-", self.name);
        let pods = items(&list).filter(|pod| text(pod, "/metadata/name").starts_with(&redis));
        Ok(pods.map(|pod| text(pod, "/spec/nodeName").to_owned()).collect())
    }

    /// The Deployment.
    ///
    /// # Errors
    /// When kubectl fails or there is no container `gamed`.
    pub async fn deployment(&self) -> Result<Deployment> {
        let deployment = self.json(&["get", "deployment", &self.name]).await?;
        let image = image_of(&deployment["spec"]["template"]["spec"]);
        ensure!(!image.is_empty(), "deployment {} has no container named gamed", self.name);
        let replicas = deployment.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        Ok(Deployment { replicas: replicas.try_into()?, image: image.to_owned() })
    }

    /// Host and port of the Service's load balancer.
    ///
    /// # Errors
    /// When it has none.
    pub async fn address(&self) -> Result<String> {
        let service = self.json(&["get", "service", &self.name]).await?;
        let ingress = &service["status"]["loadBalancer"]["ingress"][0];
        let host = ["ip", "hostname"].iter().find_map(|field| ingress[field].as_str());
        let Some(host) = host else {
            bail!(
                "service {} has no address of a load balancer; give --address HOST:PORT, where players connect",
                self.name
            );
        };
        let port = service.pointer("/spec/ports/0/port").and_then(Value::as_u64).unwrap_or(80);
        Ok(format!("{host}:{port}"))
    }

    /// Watches a pod until it is gone.
    ///
    /// # Errors
    /// When kubectl does not start, or does not show the pod in time.
    pub async fn watch_pod(&self, pod: &str) -> Result<PodWatch> {
        let format = "jsonpath={.type} {.object.metadata.deletionTimestamp}{\"\\n\"}";
        let arguments = ["get", "pod", pod, "--watch", "--output-watch-events", "--output", format];
        let mut kubectl = self.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = kubectl.stdout.take().context("kubectl's output is a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(KUBECTL_TIMEOUT, lines.next_line()).await;
        first
            .context("kubectl get --watch shows nothing")??
            .with_context(|| format!("there is no pod {pod}"))?;
        let task = tokio::spawn(async move {
            let mut end = PodEnd::default();
            while let Ok(Some(line)) = lines.next_line().await {
                let now = Instant::now();
                let (event, deleting) = line.split_once(' ').unwrap_or((&line, ""));
                if !deleting.trim().is_empty() {
                    end.deleting.get_or_insert(now);
                }
                if event == "DELETED" {
                    end.gone = Some(now);
                    break;
                }
            }
            end
        });
        Ok(PodWatch { _kubectl: kubectl, task })
    }
}

impl PodWatch {
    /// What it saw, once the pod is gone; what it can say by then, where that takes longer than `limit`.
    pub async fn end(self, limit: Duration) -> PodEnd {
        match timeout(limit, self.task).await {
            Ok(Ok(end)) => end,
            _ => PodEnd::default(),
        }
    }
}

/// What kubectl says to people, without the lines of its log (a letter and the date as four digits).
fn sentences(said: &str) -> String {
    let log = |line: &&str| {
        let bytes = line.as_bytes();
        bytes.len() > 5 && b"EWIF".contains(&bytes[0]) && bytes[1..5].iter().all(u8::is_ascii_digit)
    };
    said.lines().filter(|line| !log(line)).collect::<Vec<_>>().join("; ")
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn image_of(spec: &Value) -> &str {
    let containers = spec["containers"].as_array().into_iter().flatten();
    let gamed = containers.into_iter().find(|container| container["name"] == "gamed");
    gamed.and_then(|container| container["image"].as_str()).unwrap_or_default()
}

fn pods(list: &Value) -> Vec<Pod> {
    let ready = |pod: &Value| {
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
    };
    items(list)
        .map(|pod| Pod {
            name: text(pod, "/metadata/name").to_owned(),
            node: text(pod, "/spec/nodeName").to_owned(),
            image: image_of(&pod["spec"]).to_owned(),
            ready: ready(pod),
            deleting: pod.pointer("/metadata/deletionTimestamp").is_some(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_are_read_from_what_kubectl_prints() {
        let list = json!({"items": [
            {"metadata": {"name": "tanx-1"},
             "spec": {"nodeName": "n1", "containers": [{"name": "gamed", "image": "tanx/gamed:v1"}]},
             "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {"metadata": {"name": "tanx-2", "deletionTimestamp": "2026-01-01T00:00:00Z"},
             "spec": {"containers": [{"name": "other", "image": "x"}, {"name": "gamed", "image": "tanx/gamed:v2"}]},
             "status": {"conditions": [{"type": "Ready", "status": "False"}]}},
        ]});
        let pods = pods(&list);
        let one = Pod {
            name: "tanx-1".into(),
            node: "n1".into(),
            image: "tanx/gamed:v1".into(),
            ready: true,
            deleting: false,
        };
        let two = Pod {
            name: "tanx-2".into(),
            node: String::new(),
            image: "tanx/gamed:v2".into(),
            ready: false,
            deleting: true,
        };
        assert_eq!(pods, [one, two]);
    }

    fn cluster_with(script: &str, folder: &std::path::Path) -> Cluster {
        let kubectl = folder.join("kubectl");
        // Another process writes it: a file that this one has open for writing might be inherited by a fork of another
        // test just now, and could not be run.
        let write = ["-c", r#"printf '#!/bin/sh\n%s\n' "$1" >"$2" && chmod +x "$2""#, "sh", script];
        assert!(std::process::Command::new("sh").args(write).arg(&kubectl).status().unwrap().success());
        Cluster { kubectl, kubeconfig: None, namespace: "default".into(), name: "tanx".into() }
    }

    #[tokio::test]
    async fn what_kubectl_says_when_it_fails_is_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let cluster =
            cluster_with("echo E1123 19:54:56 noise >&2; echo no such thing >&2; exit 1", folder.path());
        let error = cluster.pods().await.unwrap_err().to_string();
        assert!(error.contains("kubectl get pods") && error.ends_with(": no such thing"), "{error}");
    }

    #[tokio::test]
    async fn the_end_of_a_pod_is_timed() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo 'ADDED '; echo 'MODIFIED 2026-01-01T00:00:00Z'; echo 'DELETED 2026-01-01T00:00:00Z'; sleep 60";
        let cluster = cluster_with(script, folder.path());
        let end = cluster.watch_pod("tanx-1").await.unwrap().end(Duration::from_secs(10)).await;
        assert!(end.deleting.unwrap() <= end.gone.unwrap());
    }

    #[tokio::test]
    async fn a_service_without_an_address_asks_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo '{"spec":{"ports":[{"port":80}]},"status":{"loadBalancer":{}}}'"#;
        let error = cluster_with(script, folder.path()).address().await.unwrap_err().to_string();
        assert!(error.contains("--address"), "{error}");
        let script = r#"echo '{"spec":{"ports":[{"port":81}]},"status":{"loadBalancer":{"ingress":[{"ip":"198.18.1.1"}]}}}'"#;
        assert_eq!(cluster_with(script, folder.path()).address().await.unwrap(), "198.18.1.1:81");
    }
}
