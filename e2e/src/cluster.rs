//! The Kubernetes cluster, as somebody with kubectl sees it.
//!
//! Owns every call of kubectl and the reading of its answers. Knows nothing of games.
//!
//! Looks are taken through one `kubectl proxy`, and whatever else is run yields to everybody: starting kubectl is a tenth of a
//! second of work, and what is measured here shares the machine.

use crate::lobby::{ANSWER_TIMEOUT, Address};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, OnceCell};
use tokio::time::{Instant, sleep, timeout};

/// Longest wait for kubectl where nothing else is said.
const KUBECTL_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest wait until Kubernetes has started a container again.
const RESTARTED_WITHIN: Duration = Duration::from_secs(60);
/// Tries to read something of the API server.
const READ_TRIES: u32 = 4;
/// Longest wait for a condition of the TanxCluster: more than two looks of the operator.
const SAID_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks at a pod or a condition.
const POLL: Duration = Duration::from_millis(100);

/// Where game servers answer to whoever runs the cluster.
const METRICS_PORT: u16 = 8080;

/// How far kubectl yields: see nice(1).
const NICE: &str = "19";

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
    /// Started when it is needed first.
    proxy: Arc<OnceCell<Proxy>>,
}

/// `kubectl proxy`, which ends when this is dropped.
#[derive(Debug)]
struct Proxy {
    _kubectl: Child,
    address: Address,
}

/// A pod of game servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// The node it is on; empty while it waits for one.
    pub node: String,
    /// Its address; empty while it has none.
    pub address: String,
    /// Image of the container `gamed`.
    pub image: String,
    /// Takes players.
    pub ready: bool,
    /// Has a deletionTimestamp.
    pub deleting: bool,
}

/// What a game server measures of itself, as Prometheus reads it.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// A metric that is one whole number.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn number(&self, name: &str) -> Result<u64> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).with_context(|| format!("the game server has no {name}"))
    }
}

/// The Deployment of game servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Pods wanted.
    pub replicas: usize,
    /// Image wanted for the container `gamed`.
    pub image: String,
}

/// A watch on all pods of game servers; its kubectl ends when this is dropped.
#[derive(Debug)]
pub struct PodsWatch {
    _kubectl: Child,
    ends: Arc<Mutex<BTreeMap<String, PodEnd>>>,
    seen: Arc<Notify>,
}

/// When a pod's end was seen, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodEnd {
    /// It was ready some time before. One that never was has no players and no games; Kubernetes may take it back before its
    /// process can hear a signal.
    pub served: bool,
    /// It got a deletionTimestamp.
    pub deleting: Option<Instant>,
    /// How long it may take from then on.
    pub grace: Option<Duration>,
    /// The kubelet reported its process as ended.
    pub exited: Option<Instant>,
    /// With this code.
    pub exit_code: Option<i64>,
    /// The object is gone.
    pub gone: Option<Instant>,
}

impl Cluster {
    /// The TanxCluster of that name; `kubectl` is the program.
    pub fn new(kubectl: PathBuf, kubeconfig: Option<PathBuf>, namespace: String, name: String) -> Cluster {
        Cluster { kubectl, kubeconfig, namespace, name, proxy: Arc::default() }
    }

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

    /// That program, to be run in the background, with this cluster's access.
    pub fn yielding(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nice");
        command.args(["-n", NICE]).arg(program).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.yielding(&self.kubectl);
        command.args(["--namespace", &self.namespace]).args(arguments);
        command
    }

    async fn proxy(&self) -> Result<&Proxy> {
        let start = async {
            let mut command = self.command(&["proxy", "--port=0"]);
            let mut kubectl = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            let stdout = kubectl.stdout.take().context("kubectl's output is a pipe")?;
            let mut lines = BufReader::new(stdout).lines();
            let said =
                timeout(KUBECTL_TIMEOUT, lines.next_line()).await.context("kubectl proxy says nothing")??;
            let said = said.context("kubectl proxy has ended")?;
            let address = said.rsplit(' ').next().and_then(|address| address.parse().ok());
            let address = address.with_context(|| format!("kubectl proxy says no address: {said}"))?;
            anyhow::Ok(Proxy { _kubectl: kubectl, address })
        };
        self.proxy.get_or_try_init(|| start).await
    }

    /// What the API server has there.
    /// Asks again where the API server did not answer in time: on a busy machine it waits for its disk.
    async fn read(&self, path: &str) -> Result<Value> {
        let mut tries = 1;
        loop {
            let asked = Instant::now();
            let answer = self.proxy().await?.address.get(path).await;
            match answer {
                Err(error) if asked.elapsed() >= ANSWER_TIMEOUT && tries < READ_TRIES => {
                    tracing::warn!("asking again: {error:#}");
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn deployment_of(&self, namespace: &str, name: &str) -> Result<Value> {
        self.read(&format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}")).await
    }

    /// All pods of game servers, also those on their way out.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let selector = self.selector().replace('/', "%2F").replace('=', "%3D").replace(',', "%2C");
        let path = format!("/api/v1/namespaces/{}/pods?labelSelector={selector}", self.namespace);
        Ok(pods(&self.read(&path).await?))
    }

    /// The pod of the managed Redis.
    ///
    /// # Errors
    /// When the API server does not answer, or Redis is not managed.
    pub async fn redis_pod(&self) -> Result<String> {
        let list = self.read(&format!("/api/v1/namespaces/{}/pods", self.namespace)).await?;
        let redis = format!("{}-redis-", self.name);
        let pod = items(&list).map(|pod| text(pod, "/metadata/name")).find(|name| name.starts_with(&redis));
        pod.map(str::to_owned).with_context(|| format!("there is no pod {redis}*: is its Redis managed?"))
    }

    /// The address of the managed Redis' pod.
    ///
    /// # Errors
    /// As above.
    pub async fn redis_address(&self) -> Result<String> {
        let pod = self.redis_pod().await?;
        let pod = self.read(&format!("/api/v1/namespaces/{}/pods/{pod}", self.namespace)).await?;
        Ok(text(&pod, "/status/podIP").to_owned())
    }

    /// The address of the managed Redis' Service.
    ///
    /// # Errors
    /// When the API server does not answer, or Redis is not managed.
    pub async fn redis_service(&self) -> Result<String> {
        let path = format!("/api/v1/namespaces/{}/services/{}-redis", self.namespace, self.name);
        Ok(text(&self.read(&path).await?, "/spec/clusterIP").to_owned())
    }

    /// Runs redis-cli in that pod of the managed Redis, with this to read.
    ///
    /// # Errors
    /// When it fails, or Redis answers with an error.
    pub async fn redis_cli(&self, pod: &str, input: &str, arguments: &[&str]) -> Result<String> {
        let first = ["exec", "--stdin", pod, "--container", "redis", "--", "redis-cli", "-e"];
        self.kubectl_reading(input, &[&first[..], arguments].concat()).await
    }

    /// The addresses of the API server.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn api_addresses(&self) -> Result<Vec<String>> {
        let path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
        let slice = self.read(path).await?;
        let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
        let addresses = endpoints.iter().filter_map(|endpoint| endpoint["addresses"].as_array()).flatten();
        Ok(addresses.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// All nodes.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn nodes(&self) -> Result<Vec<String>> {
        let list = self.read("/api/v1/nodes").await?;
        Ok(items(&list).map(|node| text(node, "/metadata/name").to_owned()).collect())
    }

    /// Node and address of that pod, NAMESPACE/POD.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn place_of(&self, pod: &str) -> Result<(String, String)> {
        let (namespace, name) = pod.split_once('/').context("a pod is named by NAMESPACE/POD")?;
        let pod = self.read(&format!("/api/v1/namespaces/{namespace}/pods/{name}")).await?;
        Ok((text(&pod, "/spec/nodeName").to_owned(), text(&pod, "/status/podIP").to_owned()))
    }

    /// Waits until that condition of the TanxCluster is as wanted, by its state and message, and answers the message.
    ///
    /// # Errors
    /// When it takes longer than fifteen seconds, the API server does not answer, or there is no such condition.
    pub async fn said(&self, name: &str, wanted: impl Fn(&str, &str) -> bool) -> Result<String> {
        let deadline = Instant::now() + SAID_WITHIN;
        loop {
            let (state, message) = self.condition(name).await?;
            if wanted(&state, &message) {
                return Ok(message);
            }
            ensure!(Instant::now() < deadline, "after {SAID_WITHIN:?} {name} is {state}: {message}");
            sleep(POLL).await;
        }
    }

    /// State and message of that condition of the TanxCluster.
    async fn condition(&self, name: &str) -> Result<(String, String)> {
        let path =
            format!("/apis/tanx.dev/v1alpha1/namespaces/{}/tanxclusters/{}", self.namespace, self.name);
        let cluster = self.read(&path).await?;
        let conditions = cluster.pointer("/status/conditions").and_then(Value::as_array);
        let condition = conditions.into_iter().flatten().find(|condition| condition["type"] == name);
        let condition = condition.with_context(|| format!("there is no condition {name}"))?;
        Ok((text(condition, "/status").to_owned(), text(condition, "/message").to_owned()))
    }

    /// What the game server in that pod measures of itself.
    ///
    /// # Errors
    /// When the API server does not reach it.
    pub async fn metrics(&self, pod: &str) -> Result<Metrics> {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}:{METRICS_PORT}/proxy/metrics", self.namespace);
        Ok(Metrics(self.proxy().await?.address.text(&path).await?))
    }

    /// The keys in the cluster's Secret: the first signs.
    ///
    /// # Errors
    /// When kubectl fails, or they are no text.
    pub async fn keys(&self) -> Result<Vec<String>> {
        let format = "go-template={{.data.key | base64decode}}";
        let content = self.kubectl(&["get", "secret", &self.secret(), "--output", format]).await?;
        ensure!(content.is_ascii(), "the key in Secret {} is no text", self.secret());
        let lines = content.lines().map(str::trim);
        Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Puts these there instead.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn set_keys(&self, keys: &[String]) -> Result<()> {
        // Not as an argument: those are in the error.
        let patch = serde_json::json!({"stringData": {"key": keys.join("\n")}}).to_string();
        self.kubectl_reading(&patch, &["patch", "secret", &self.secret(), "--patch-file=/dev/stdin"]).await?;
        Ok(())
    }

    fn secret(&self) -> String {
        format!("{}-key", self.name)
    }

    /// Annotates all pods of game servers, which makes their kubelets look at their Secrets at once.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn annotate_pods(&self, annotation: &str) -> Result<()> {
        let selector = self.selector();
        self.kubectl(&["annotate", "pods", "--selector", &selector, "--overwrite", annotation]).await?;
        Ok(())
    }

    /// Why the container `gamed` of that pod ended last, in Kubernetes' words; empty if it never did.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn last_end(&self, pod: &str) -> Result<String> {
        let pod = self.read(&format!("/api/v1/namespaces/{}/pods/{pod}", self.namespace)).await?;
        Ok(text(&pod, "/status/containerStatuses/0/lastState/terminated/reason").to_owned())
    }

    /// The operator's pods, as NAMESPACE/POD.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn operator_pods(&self, operator: &str) -> Result<Vec<String>> {
        let (namespace, name) = of_operator(operator)?;
        let list = self.read(&format!("/api/v1/namespaces/{namespace}/pods")).await?;
        let pods = items(&list).map(|pod| text(pod, "/metadata/name"));
        let pods = pods.filter(|pod| pod.starts_with(&format!("{name}-")));
        Ok(pods.map(|pod| format!("{namespace}/{pod}")).collect())
    }

    /// How often the containers of that pod were started again, and whether it is ready.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn restarts(&self, pod: &str) -> Result<(u64, bool)> {
        let pod = self.read(&format!("/api/v1/namespaces/{}/pods/{pod}", self.namespace)).await?;
        let statuses =
            pod.pointer("/status/containerStatuses").and_then(Value::as_array).cloned().unwrap_or_default();
        let restarts = statuses.iter().filter_map(|status| status["restartCount"].as_u64()).sum();
        Ok((restarts, statuses.iter().all(|status| status["ready"] == true)))
    }

    /// Waits until the containers of that pod were started again once more than `before`, and it is ready.
    ///
    /// # Errors
    /// When it takes longer than a minute, or the API server does not answer.
    pub async fn restarted(&self, pod: &str, before: u64) -> Result<()> {
        let deadline = Instant::now() + RESTARTED_WITHIN;
        while !matches!(self.restarts(pod).await?, (restarts, true) if restarts > before) {
            ensure!(Instant::now() < deadline, "pod {pod} was not started again within {RESTARTED_WITHIN:?}");
            sleep(POLL).await;
        }
        Ok(())
    }

    /// The nodes that hold pods of the managed Redis.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn redis_nodes(&self) -> Result<Vec<String>> {
        let list = self.read(&format!("/api/v1/namespaces/{}/pods", self.namespace)).await?;
        let redis = format!("{}-redis-", self.name);
        let pods = items(&list).filter(|pod| text(pod, "/metadata/name").starts_with(&redis));
        Ok(pods.map(|pod| text(pod, "/spec/nodeName").to_owned()).collect())
    }

    /// The Deployment.
    ///
    /// # Errors
    /// When the API server does not answer or there is no container `gamed`.
    pub async fn deployment(&self) -> Result<Deployment> {
        let deployment = self.deployment_of(&self.namespace, &self.name).await?;
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
        let service =
            self.read(&format!("/api/v1/namespaces/{}/services/{}", self.namespace, self.name)).await?;
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

    /// Watches all pods of game servers. Knows those that were there when it comes back.
    ///
    /// # Errors
    /// When kubectl does not start, or shows nothing in time.
    pub async fn watch_pods(&self) -> Result<PodsWatch> {
        let terminated =
            r#"{.object.status.containerStatuses[?(@.name=="gamed")].state.terminated.exitCode}"#;
        let ready = r#"{.object.status.conditions[?(@.type=="Ready")].status}"#;
        let metadata = ["name", "deletionTimestamp", "deletionGracePeriodSeconds"]
            .map(|field| format!("{{.object.metadata.{field}}}"));
        let format = format!("jsonpath={{.type}}|{}|{terminated}|{ready}{{\"\\n\"}}", metadata.join("|"));
        let selector = self.selector();
        let arguments =
            ["get", "pods", "--selector", &selector, "--watch", "--output-watch-events", "--output", &format];
        let mut kubectl = self.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = kubectl.stdout.take().context("kubectl's output is a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(KUBECTL_TIMEOUT, lines.next_line()).await;
        first.context("kubectl get --watch shows nothing")??.context("kubectl get --watch has ended")?;
        let (ends, seen) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Notify::new()));
        let (to, tell) = (ends.clone(), seen.clone());
        // Ends with kubectl's output, at the latest when the watch is dropped.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                note_pod(&mut to.lock().expect("nothing panics while it notes a pod"), &line, Instant::now());
                tell.notify_waiters();
            }
        });
        Ok(PodsWatch { _kubectl: kubectl, ends, seen })
    }

    /// Runs kubectl with something to read.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub async fn kubectl_reading(&self, input: &str, arguments: &[&str]) -> Result<String> {
        let what = format!("kubectl {}", arguments.join(" "));
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        let mut stdin = child.stdin.take().context("kubectl's input is a pipe")?;
        let output = async {
            stdin.write_all(input.as_bytes()).await?;
            drop(stdin);
            child.wait_with_output().await
        };
        let output =
            timeout(KUBECTL_TIMEOUT, output).await.with_context(|| format!("{what} took too long"))??;
        ensure!(output.status.success(), "{what}: {}", sentences(&String::from_utf8_lossy(&output.stderr)));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// How many operators there shall be, and how many pods of it there are; `operator` is NAMESPACE/DEPLOYMENT.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn operators(&self, operator: &str) -> Result<(u64, u64)> {
        let (namespace, name) = of_operator(operator)?;
        let deployment = self.deployment_of(namespace, name).await?;
        let number = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        Ok((number("/spec/replicas"), number("/status/replicas")))
    }

    /// Sets how many operators there shall be.
    ///
    /// # Errors
    /// When kubectl fails.
    pub async fn scale_operator(&self, operator: &str, replicas: u64) -> Result<()> {
        let (namespace, name) = of_operator(operator)?;
        let replicas = format!("--replicas={replicas}");
        let deployment = format!("deployment/{name}");
        self.kubectl(&["--namespace", namespace, "scale", &deployment, &replicas]).await?;
        Ok(())
    }

    /// Waits until the operator's Deployment is rolled out.
    ///
    /// # Errors
    /// When kubectl fails, or it takes longer than `limit`.
    pub async fn operator_rolled(&self, operator: &str, limit: Duration) -> Result<()> {
        let (namespace, name) = of_operator(operator)?;
        let deployment = format!("deployment/{name}");
        self.kubectl_within(limit, &["--namespace", namespace, "rollout", "status", &deployment]).await?;
        Ok(())
    }

    fn selector(&self) -> String {
        format!("app.kubernetes.io/name=gamed,app.kubernetes.io/instance={}", self.name)
    }
}

fn of_operator(operator: &str) -> Result<(&str, &str)> {
    operator
        .split_once('/')
        .with_context(|| format!("{operator:?}: give the operator as NAMESPACE/DEPLOYMENT"))
}

/// One line of the watch: event, name, deletionTimestamp, grace period in seconds, exit code, whether it is ready; all but the
/// first two may be empty.
fn note_pod(ends: &mut BTreeMap<String, PodEnd>, line: &str, now: Instant) {
    let mut fields = line.split('|');
    let mut field = || fields.next().unwrap_or_default().trim();
    let (event, name, deleting, grace, code, ready) = (field(), field(), field(), field(), field(), field());
    let end = ends.entry(name.to_owned()).or_default();
    end.served |= ready == "True";
    if !deleting.is_empty() {
        end.deleting.get_or_insert(now);
        // A deletion with a shorter grace may follow; the first one counts.
        end.grace = end.grace.or(grace.parse().ok().map(Duration::from_secs));
        if let Ok(code) = code.parse() {
            end.exited.get_or_insert(now);
            end.exit_code = end.exit_code.or(Some(code));
        }
    }
    if event == "DELETED" {
        end.gone.get_or_insert(now);
    }
}

impl PodsWatch {
    /// Pods that were deleted since the watch began, and how they ended so far.
    pub fn ends(&self) -> BTreeMap<String, PodEnd> {
        let mut ends = self.ends.lock().expect("nothing panics while it notes a pod").clone();
        ends.retain(|_, end| end.deleting.is_some());
        ends
    }

    /// Waits until something is true of the pods that were deleted.
    ///
    /// # Errors
    /// When it is not after `limit`.
    pub async fn until(
        &self,
        limit: Duration,
        condition: impl Fn(&BTreeMap<String, PodEnd>) -> bool,
    ) -> Result<()> {
        let wait = async {
            loop {
                let seen = self.seen.notified();
                if condition(&self.ends()) {
                    return;
                }
                seen.await;
            }
        };
        timeout(limit, wait).await.with_context(|| format!("the pods did not end as awaited in {limit:?}"))
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
            address: text(pod, "/status/podIP").to_owned(),
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
            address: String::new(),
            name: "tanx-1".into(),
            node: "n1".into(),
            image: "tanx/gamed:v1".into(),
            ready: true,
            deleting: false,
        };
        let two = Pod {
            address: String::new(),
            name: "tanx-2".into(),
            node: String::new(),
            image: "tanx/gamed:v2".into(),
            ready: false,
            deleting: true,
        };
        assert_eq!(pods, [one, two]);
    }

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# TYPE gamed_links gauge\ngamed_links_lost 7\ngamed_links 2\n# EOF\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!(metrics.number("gamed_links").unwrap(), 2);
        assert!(metrics.number("gamed_link").is_err());
    }

    fn cluster_with(script: &str, folder: &std::path::Path) -> Cluster {
        let kubectl = folder.join("kubectl");
        // Another process writes it: a file that this one has open for writing might be inherited by a fork of another
        // test just now, and could not be run.
        let write = ["-c", r#"printf '#!/bin/sh\n%s\n' "$1" >"$2" && chmod +x "$2""#, "sh", script];
        assert!(std::process::Command::new("sh").args(write).arg(&kubectl).status().unwrap().success());
        Cluster::new(kubectl, None, "default".into(), "tanx".into())
    }

    /// A cluster whose API server answers everything with this, behind a kubectl that has been proxying for it.
    async fn cluster_that_has(status: &str, object: Value, folder: &std::path::Path) -> Cluster {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let body = object.to_string();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|length| length > 2) {
                    line.clear();
                }
                stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
            }
        });
        cluster_with(&format!("echo Starting to serve on {address}; sleep 60"), folder)
    }

    #[tokio::test]
    async fn what_kubectl_says_when_it_fails_is_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let cluster =
            cluster_with("echo E1123 19:54:56 noise >&2; echo no such thing >&2; exit 1", folder.path());
        let error = cluster.kubectl(&["get", "pods"]).await.unwrap_err().to_string();
        assert!(error.contains("kubectl get pods") && error.ends_with(": no such thing"), "{error}");
    }

    #[tokio::test]
    async fn the_end_of_a_pod_is_timed_with_its_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = "2026-01-01T00:00:00Z";
        let lines = [
            "ADDED|old||||True".to_owned(),
            "ADDED|stays||||True".to_owned(),
            "ADDED|starting||||".to_owned(),
            format!("MODIFIED|starting|{stamp}|60||False"),
            format!("MODIFIED|old|{stamp}|60||True"),
            format!("MODIFIED|old|{stamp}|60|137|False"),
            format!("DELETED|old|{stamp}|0|137|False"),
            "MODIFIED|stays|||1|False".to_owned(),
        ];
        let echo = lines.map(|line| format!("echo '{line}'")).join("; ");
        let cluster = cluster_with(&format!("{echo}; sleep 60"), folder.path());
        let watch = cluster.watch_pods().await.unwrap();
        watch.until(Duration::from_secs(10), |ends| ends.contains_key("old")).await.unwrap();
        let gone = |ends: &BTreeMap<String, PodEnd>| ends["old"].gone.is_some();
        watch.until(Duration::from_secs(10), gone).await.unwrap();
        let ends = watch.ends();
        assert_eq!(
            ends.keys().collect::<Vec<_>>(),
            ["old", "starting"],
            "a crash of a pod that stays is no end"
        );
        assert!(ends["old"].served && !ends["starting"].served);
        let end = ends["old"];
        assert_eq!((end.grace, end.exit_code), (Some(Duration::from_secs(60)), Some(137)));
        assert!(end.deleting <= end.exited && end.exited <= end.gone);
    }

    #[tokio::test]
    async fn kubectl_reads_what_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster_with("cat", folder.path());
        assert_eq!(cluster.kubectl_reading("an eviction", &["create"]).await.unwrap(), "an eviction");
    }

    #[tokio::test]
    async fn a_service_without_an_address_asks_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let service = |port: u16, status: Value| json!({"spec": {"ports": [{"port": port}]}, "status": {"loadBalancer": status}});
        let without = cluster_that_has("200 OK", service(80, json!({})), folder.path()).await;
        let error = without.address().await.unwrap_err().to_string();
        assert!(error.contains("--address"), "{error}");
        let with = service(81, json!({"ingress": [{"ip": "198.18.1.1"}]}));
        let with = cluster_that_has("200 OK", with, folder.path()).await;
        assert_eq!(with.address().await.unwrap(), "198.18.1.1:81");
    }

    #[tokio::test]
    async fn what_the_api_server_says_when_it_refuses_is_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let status = json!({"kind": "Status", "message": "deployments.apps \"tanx\" not found"});
        let cluster = cluster_that_has("404 Not Found", status, folder.path()).await;
        let error = cluster.deployment().await.unwrap_err().to_string();
        assert!(error.ends_with("404 Not Found: deployments.apps \"tanx\" not found"), "{error}");
    }
}
