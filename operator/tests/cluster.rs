//! The operator against a real API server, and a real Redis where games matter.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_server;
#[path = "../../gamed/tests/leaks/mod.rs"]
mod leaks;

use api::{TanxCluster, TanxClusterStatus};
use api_server::{ApiServer, RedisServer, free_port, spawn, token, until};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use leaks::{Secret as Hidden, Shown, leaks};
use operator::controller;
use operator::settings::{Cli, RunSettings};
use protocol::peer::{GameSettings, MoveNote};
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::redis::{Redis, RedisSettings};
use registry::{ClusterRecord, MemberRecord, MemberState, Reason, Registry, Reply, Request, Snapshot};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A namespace of the shared API server, with an operator that looks after it.
struct World {
    server: Arc<ApiServer>,
    client: Client,
    namespace: String,
    operator: JoinHandle<()>,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        self.operator.abort();
    }
}

async fn run_operator(
    server: &ApiServer,
    namespace: Option<&str>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let mut settings: RunSettings = <Cli as clap::Parser>::parse_from(["operator", "--busy-poll-ms=100"]).run;
    settings.idle_poll_ms = 300;
    settings.namespace = namespace.map(str::to_owned);
    let client = server.client("operator").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tokio::spawn(async move { controller::run(client, &settings, listener, stop).await.unwrap() })
}

impl World {
    async fn new(namespace: &str) -> World {
        let server = ApiServer::shared().await;
        let client = server.client("admin").await;
        let object: Namespace = from(json!({"metadata": {"name": namespace}}));
        Api::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
        let stop = CancellationToken::new();
        let operator = run_operator(&server, Some(namespace), stop.clone()).await;
        World { server, client, namespace: namespace.into(), operator, stop }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn create(&self, name: &str, spec: Value) {
        self.try_create(name, spec).await.unwrap();
    }

    /// Sends the object as it is, unlike the types would; answers the sentence of a refusal.
    async fn try_create(&self, name: &str, spec: Value) -> Result<(), String> {
        let object = json!({
            "apiVersion": "tanx.dev/v1alpha1", "kind": "TanxCluster",
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        let resource = kube::api::ApiResource::erase::<TanxCluster>(&());
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let params = PostParams::default();
        let object = serde_json::from_value(object).unwrap();
        api.create(&params, &object).await.map(drop).map_err(|error| error.to_string())
    }

    async fn patch_spec(&self, name: &str, spec: Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.api::<TanxCluster>().patch(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Waits until the object is there and `holds`.
    async fn wait<K>(&self, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + Debug,
    {
        let api = self.api::<K>();
        until(what, || async { api.get_opt(name).await.unwrap().filter(|object| holds(object)) }).await
    }

    async fn wait_status(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&TanxClusterStatus) -> bool,
    ) -> TanxCluster {
        self.wait(name, what, |cluster: &TanxCluster| cluster.status.as_ref().is_some_and(&holds)).await
    }

    /// Waits until the operator has looked at the newest form of the object and has nothing more to write.
    async fn at_rest(&self, name: &str) -> TanxCluster {
        let cluster = self
            .wait(name, "status speaks of the newest generation", |cluster: &TanxCluster| {
                let status = cluster.status.clone().unwrap_or_default();
                status.observed_generation == cluster.metadata.generation
                    && status.spec_image.as_ref() == Some(&cluster.spec.image)
                    && status.spec_replicas == Some(cluster.spec.replicas)
            })
            .await;
        // Several looks later nothing has moved.
        let version = |cluster: &TanxCluster| cluster.resource_version();
        let before = version(&cluster);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let after = self.api::<TanxCluster>().get(name).await.unwrap();
        if version(&after) == before { after } else { Box::pin(self.at_rest(name)).await }
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let mut all = vec!["--namespace", &self.namespace];
        all.extend(arguments);
        self.server.kubectl(&all).unwrap()
    }
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn image(deployment: &Deployment) -> String {
    operator::reconcile::observe::image_of(deployment).unwrap().to_owned()
}

fn replicas(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().unwrap().replicas.unwrap()
}

fn condition(status: &TanxClusterStatus, type_: &str) -> (String, String, String) {
    let found = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
    (found.status.clone(), found.reason.clone(), found.message.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_clusters_are_refused_with_a_sentence() {
    let world = World::new("refused").await;
    let both = json!({"managed": {}, "external": {"urlSecretRef": {"name": "r"}}});
    for (name, spec, expect) in [
        ("arena", json!({}), "spec.image: Required value"),
        ("arena", json!({"image": "a b"}), "image is not an image name"),
        ("arena", json!({"image": "a:b", "replicas": -1}), "replicas must be between 0 and 1000"),
        ("arena", json!({"image": "a:b", "redis": both}), "exactly one of managed and external"),
        ("1arena", json!({"image": "a:b"}), "metadata.name must start with a letter"),
    ] {
        let refusal = world.try_create(name, spec.clone()).await.unwrap_err();
        assert!(refusal.contains(expect), "{spec}: {refusal}");
    }
    world.create("arena", json!({"image": "a:b"})).await;
    let scaled = world.server.kubectl(&["--namespace", "refused", "scale", "tanx/arena", "--replicas=-1"]);
    assert!(scaled.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_alone_becomes_a_whole_cluster_and_then_rests() {
    let world = World::new("whole").await;
    world.create("arena", json!({"image": "example/gamed:v1"})).await;
    let cluster = world.at_rest("arena").await;

    let deployment = world.api::<Deployment>().get("arena").await.unwrap();
    assert_eq!((image(&deployment), replicas(&deployment)), ("example/gamed:v1".into(), 3));
    let service = world.api::<Service>().get("arena").await.unwrap();
    assert_eq!(service.spec.unwrap().type_.as_deref(), Some("LoadBalancer"));
    world.api::<PodDisruptionBudget>().get("arena").await.unwrap();
    world.api::<StatefulSet>().get("arena-redis").await.unwrap();
    world.api::<Service>().get("arena-redis").await.unwrap();
    let key = world.api::<Secret>().get("arena-key").await.unwrap().data.unwrap()["key"].0.clone();
    assert_eq!(key.len(), 64);

    // Each manager holds its part and no more.
    let managers = deployment.metadata.managed_fields.unwrap();
    let held = |name: &str| {
        let entry = managers.iter().find(|entry| entry.manager.as_deref() == Some(name)).unwrap();
        serde_json::to_string(&entry.fields_v1).unwrap()
    };
    assert!(!held("tanx-operator").contains("f:image\"") && !held("tanx-operator").contains("f:replicas"));
    assert!(
        held("tanx-operator-image").contains("f:image\"") && !held("tanx-operator-image").contains("f:env")
    );
    assert_eq!(held("tanx-operator-replicas"), r#"{"f:spec":{"f:replicas":{}}}"#);

    // At rest nothing is written, though it is looked at several times a second.
    let version = |deployment: &Deployment| deployment.resource_version();
    let before = world.api::<Deployment>().get("arena").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(version(&world.api::<Deployment>().get("arena").await.unwrap()), version(&before));

    let status = cluster.status.unwrap();
    assert_eq!(condition(&status, "RegistryAvailable").0, "False");
    assert_eq!(condition(&status, "Available").0, "False");
    assert_eq!(condition(&status, "Progressing").0, "True");
    assert_eq!(status.image.as_deref(), Some("example/gamed:v1"));
    let columns = world.kubectl(&["get", "tanx"]);
    assert!(columns.contains("PODS") && columns.contains("example/gamed:v1"), "{columns}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn image_and_replicas_belong_to_whoever_changed_them_last() {
    let world = World::new("last-word").await;
    world.create("arena", json!({"image": "gamed:v1"})).await;
    world.at_rest("arena").await;

    // kubectl set image and kubectl scale win and stay, also when something else of the spec changes.
    world.kubectl(&["set", "image", "deployment/arena", "gamed=gamed:v2"]);
    world.kubectl(&["scale", "deployment/arena", "--replicas=5"]);
    world.patch_spec("arena", json!({"gracePeriodSeconds": 30})).await;
    let grace = |deployment: &Deployment| {
        deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap().termination_grace_period_seconds
    };
    world.wait("arena", "the grace period is written", |d: &Deployment| grace(d) == Some(30)).await;
    world.at_rest("arena").await;
    let deployment = world.api::<Deployment>().get("arena").await.unwrap();
    assert_eq!((image(&deployment), replicas(&deployment)), ("gamed:v2".into(), 5));
    world
        .wait_status("arena", "status shows the image in force", |s| s.image.as_deref() == Some("gamed:v2"))
        .await;

    // The spec wins once it changes.
    world.patch_spec("arena", json!({"image": "gamed:v3"})).await;
    world.wait("arena", "spec.image wins", |d: &Deployment| image(d) == "gamed:v3").await;
    world.kubectl(&["scale", "tanx/arena", "--replicas=2"]);
    world.wait("arena", "spec.replicas wins", |d: &Deployment| replicas(d) == 2).await;
    world.at_rest("arena").await;

    // Under imagePolicy Spec nobody else has a say.
    world.patch_spec("arena", json!({"imagePolicy": "Spec"})).await;
    world.at_rest("arena").await;
    world.kubectl(&["set", "image", "deployment/arena", "gamed=gamed:v4"]);
    world.wait("arena", "set image is seen", |d: &Deployment| image(d) == "gamed:v3").await;
    world.at_rest("arena").await;
    assert_eq!(image(&world.api::<Deployment>().get("arena").await.unwrap()), "gamed:v3");
}

/// What the Deployment's controller would make of its present template.
async fn roll_out(world: &World, name: &str, rollout: u32) -> ReplicaSet {
    let deployments = world.api::<Deployment>();
    let annotation =
        json!({"metadata": {"annotations": {"deployment.kubernetes.io/revision": rollout.to_string()}}});
    let deployment =
        deployments.patch(name, &PatchParams::default(), &Patch::Merge(annotation)).await.unwrap();
    let hash = format!("hash{rollout}");
    let mut template = serde_json::to_value(&deployment.spec.as_ref().unwrap().template).unwrap();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let labels = template["metadata"]["labels"].clone();
    let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": deployment.uid().unwrap(), "controller": true}]);
    let annotations = deployment.annotations();
    let set: ReplicaSet = from(json!({
        "metadata": {"name": format!("{name}-{hash}"), "labels": labels, "annotations": annotations, "ownerReferences": owner},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }));
    let set = world.api::<ReplicaSet>().create(&PostParams::default(), &set).await.unwrap();
    let status = json!({"status": {"observedGeneration": deployment.metadata.generation}});
    deployments.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    set
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rollout_undo_is_not_defeated() {
    let world = World::new("undo").await;
    world.create("arena", json!({"image": "gamed:v1"})).await;
    world.at_rest("arena").await;
    roll_out(&world, "arena", 1).await;
    world.patch_spec("arena", json!({"image": "gamed:v2"})).await;
    world.wait("arena", "spec.image is in force", |d: &Deployment| image(d) == "gamed:v2").await;
    world.at_rest("arena").await;
    roll_out(&world, "arena", 2).await;

    world.kubectl(&["rollout", "undo", "deployment/arena"]);
    world.at_rest("arena").await;
    assert_eq!(image(&world.api::<Deployment>().get("arena").await.unwrap()), "gamed:v1");
    world
        .wait_status("arena", "status shows the image in force", |s| s.image.as_deref() == Some("gamed:v1"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changes_or_removes_is_put_back_but_the_key_stays() {
    let world = World::new("drift").await;
    world.create("arena", json!({"image": "gamed:v1"})).await;
    world.at_rest("arena").await;
    let key = world.api::<Secret>().get("arena-key").await.unwrap().data;

    let patch = Patch::Merge(json!({"spec": {"minReadySeconds": 77}}));
    world.api::<Deployment>().patch("arena", &PatchParams::default(), &patch).await.unwrap();
    world
        .wait("arena", "minReadySeconds is put back", |d: &Deployment| {
            d.spec.as_ref().unwrap().min_ready_seconds == Some(1)
        })
        .await;
    world.api::<Service>().delete("arena", &DeleteParams::default()).await.unwrap();
    world.wait("arena", "the Service is made anew", |_: &Service| true).await;
    world.api::<PodDisruptionBudget>().delete("arena", &DeleteParams::default()).await.unwrap();
    world.wait("arena", "the budget is made anew", |_: &PodDisruptionBudget| true).await;
    world.api::<Deployment>().delete("arena", &DeleteParams::background()).await.unwrap();
    world.wait("arena", "the Deployment is made anew", |d: &Deployment| image(d) == "gamed:v1").await;
    world.at_rest("arena").await;
    assert_eq!(world.api::<Secret>().get("arena-key").await.unwrap().data, key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_of_the_same_name_is_left_alone_and_named() {
    let world = World::new("stranger").await;
    let service: Service = from(json!({"metadata": {"name": "arena"}, "spec": {"ports": [{"port": 1}]}}));
    world.api::<Service>().create(&PostParams::default(), &service).await.unwrap();
    world.create("arena", json!({"image": "gamed:v1"})).await;
    let degraded = |s: &TanxClusterStatus| !s.conditions.is_empty() && condition(s, "Degraded").0 == "True";
    let cluster = world.wait_status("arena", "the status names what is in the way", degraded).await;
    let message = condition(&cluster.status.unwrap(), "Degraded").2;
    assert!(message.contains("Service arena exists and belongs to nobody"), "{message}");
    assert!(world.api::<Deployment>().get_opt("arena").await.unwrap().is_none());
    world.api::<Service>().delete("arena", &DeleteParams::default()).await.unwrap();
    world.at_rest("arena").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_of_one_name_in_two_namespaces_do_not_meet() {
    let (one, two) = (World::new("twin-one").await, World::new("twin-two").await);
    one.create("arena", json!({"image": "gamed:v1"})).await;
    two.create("arena", json!({"image": "gamed:v2", "replicas": 1})).await;
    // A third operator looks after all namespaces, beside the two: several are safe.
    let stop = CancellationToken::new();
    let third = run_operator(&one.server, None, stop.clone()).await;
    one.at_rest("arena").await;
    two.at_rest("arena").await;
    let of = async |world: &World| {
        let deployment = world.api::<Deployment>().get("arena").await.unwrap();
        let prefix = serde_json::to_string(&deployment.spec).unwrap();
        assert!(prefix.contains(&format!("tanx:{}/arena", world.namespace)), "{prefix}");
        (image(&deployment), replicas(&deployment))
    };
    assert_eq!(of(&one).await, ("gamed:v1".into(), 3));
    assert_eq!(of(&two).await, ("gamed:v2".into(), 1));
    stop.cancel();
    third.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_redis_goes_when_an_external_one_comes() {
    let world = World::new("external").await;
    world.create("arena", json!({"image": "gamed:v1"})).await;
    world.at_rest("arena").await;
    world
        .patch_spec(
            "arena",
            json!({"redis": {"managed": null, "external": {"urlSecretRef": {"name": "redis"}}}}),
        )
        .await;
    let sets = world.api::<StatefulSet>();
    until("the StatefulSet is gone", || async {
        sets.get_opt("arena-redis").await.unwrap().is_none().then_some(())
    })
    .await;
    let missing = |s: &TanxClusterStatus| condition(s, "Degraded").1 == "NoRedisUrl";
    let cluster = world.wait_status("arena", "the missing Secret is named", missing).await;
    assert!(condition(&cluster.status.unwrap(), "Degraded").2.contains("there is no such Secret"));
    let secret: Secret =
        from(json!({"metadata": {"name": "redis"}, "stringData": {"url": "rediss://:hunter2@127.0.0.1:1"}}));
    world.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();
    world.patch_spec("arena", json!({"redis": {"external": {"caSecretRef": {"name": "redis"}}}})).await;
    let no_ca = |s: &TanxClusterStatus| condition(s, "Degraded").2.contains("Secret redis, entry ca.crt");
    world.wait_status("arena", "the missing CA is named", no_ca).await;
    let wrong = json!({"stringData": {"ca.crt": "hello"}});
    world.api::<Secret>().patch("redis", &PatchParams::default(), &Patch::Merge(wrong)).await.unwrap();
    let refused =
        |s: &TanxClusterStatus| condition(s, "RegistryAvailable").2.contains("not the CA of a Redis");
    let cluster = world.wait_status("arena", "the wrong CA is named", refused).await;
    assert!(!serde_json::to_string(&cluster).unwrap().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_operator_shows_holds_no_secret() {
    let world = World::new("secrets").await;
    // Another one looks after it, as people run it, and says everything.
    world.stop.cancel();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut command = Command::new(env!("CARGO_BIN_EXE_operator"));
    command
        .args(["--namespace=secrets", "--busy-poll-ms=100", "--idle-poll-ms=300"])
        .arg(format!("--metrics-listen=127.0.0.1:{port}"))
        .env("KUBECONFIG", world.server.kubeconfig("operator"))
        .env("RUST_LOG", "trace");
    let _operator = spawn(folder.path(), "operator", &mut command);

    let passwords = [(); 2].map(|()| format!("{:032x}", rand::random::<u128>()));
    let [right, wrong] = &passwords;
    let redis = RedisServer::start_with(Some(right)).await;
    let url = |password| json!({"stringData": {"url": redis.url.replace(&**right, password)}});
    let mut secret: Secret = from(url(wrong));
    secret.metadata.name = Some("redis".into());
    world.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();
    let external = json!({"external": {"urlSecretRef": {"name": "redis"}}});
    world.create("arena", json!({"image": "gamed:v1", "redis": external})).await;
    let registry = |s: &TanxClusterStatus, status: &str, message: &str| {
        s.conditions.iter().any(|condition| {
            condition.type_ == "RegistryAvailable"
                && condition.status == status
                && condition.message.contains(message)
        })
    };
    let mut shown = Vec::new();
    let refused = |s: &TanxClusterStatus| registry(s, "False", "does not accept this user and password");
    let cluster = world.wait_status("arena", "the wrong password is named", refused).await;
    shown.push(Shown::new("the status", serde_json::to_string(&cluster).unwrap()));
    let patch = Patch::Merge(url(right));
    world.api::<Secret>().patch("redis", &PatchParams::default(), &patch).await.unwrap();
    world.wait_status("arena", "Redis answers", |s| registry(s, "True", "Redis answers")).await;
    roll_out(&world, "arena", 1).await;
    world.wait_status("arena", "the revision is published", |s| s.revision.as_deref() == Some("hash1")).await;

    let objects = "tanx,deployments,replicasets,services,poddisruptionbudgets,events";
    shown.push(Shown::new("an object", world.kubectl(&["get", objects, "--output=json"])));
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).unwrap();
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    shown.push(Shown::new("/metrics", metrics));
    let log = std::fs::read_to_string(folder.path().join("operator.log")).unwrap();
    assert!(log.contains("TRACE") && log.contains("games go to this revision"), "{log}");
    shown.push(Shown::new("the log", log));

    let key = world.api::<Secret>().get("arena-key").await.unwrap().data.unwrap()["key"].0.clone();
    let mut secrets = vec![Hidden::new("the operator's token", token("operator"))];
    secrets.extend(passwords.map(|password| Hidden::new("a password of Redis", password)));
    secrets.push(Hidden::new("the key", data_encoding::HEXLOWER.decode(&key).unwrap()));
    secrets.push(Hidden::new("the text of the key", key));
    let found = leaks(&secrets, &shown);
    assert!(found.is_empty(), "{found:#?}");
}

fn member(id: u64, pod: &Pod, revision: &str) -> MemberRecord {
    MemberRecord {
        id: MemberId(id),
        name: pod.name_any(),
        address: "127.0.0.1:1".into(),
        pod_uid: pod.uid().unwrap(),
        container: "gamed".into(),
        revision: revision.into(),
        build: "test".into(),
        state: MemberState::Ready,
        games: 0,
        players: 2,
        rules_min: 1,
        rules_max: 1,
        renewals: 0,
        joined: 0,
        settled: String::new(),
    }
}

async fn game_record(redis: &Redis, id: u64) -> registry::GameRecord {
    match redis.call(Request::Game(GameId(id))).await.unwrap() {
        Reply::Game(record) => record,
        other => panic!("{other:?}"),
    }
}

impl World {
    /// A cluster at rest with that Redis, and a handle to its registry.
    async fn with_redis(&self, server: &RedisServer, image: &str) -> Redis {
        let secret: Secret = from(json!({"metadata": {"name": "redis"}, "stringData": {"url": server.url}}));
        self.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();
        let external = json!({"external": {"urlSecretRef": {"name": "redis"}}});
        self.create("arena", json!({"image": image, "redis": external})).await;
        self.at_rest("arena").await;
        let prefix = format!("tanx:{}/arena", self.namespace);
        Redis::connect(RedisSettings::new(&server.url, prefix)).await.unwrap()
    }
}

/// Waits until what the operator has published `holds`.
async fn published(redis: &Redis, what: &str, holds: impl Fn(&ClusterRecord) -> bool) -> ClusterRecord {
    until(what, || async {
        match redis.call(Request::Members).await.unwrap() {
            Reply::Members { cluster, .. } => holds(&cluster).then_some(cluster),
            other => panic!("{other:?}"),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_members_are_told_again_and_again_where_games_should_go() {
    let (world, server) = (World::new("beat").await, RedisServer::start().await);
    let redis = world.with_redis(&server, "gamed:v1").await;
    roll_out(&world, "arena", 1).await;
    published(&redis, "the revision is published", |cluster| cluster.target_revision == "hash1").await;
    let version = world.at_rest("arena").await.resource_version();
    let before = published(&redis, "what is published", |_| true).await;
    let later =
        published(&redis, "nothing changes, and it is told", |cluster| cluster.beat > before.beat + 2).await;
    assert_eq!(ClusterRecord { beat: before.beat, ..later.clone() }, before);
    assert_eq!(world.api::<TanxCluster>().get("arena").await.unwrap().resource_version(), version);

    // Nor does it depend on anything else that is to be written.
    let stranger = Patch::Merge(json!({"metadata": {"ownerReferences": null}}));
    world.api::<PodDisruptionBudget>().patch("arena", &PatchParams::default(), &stranger).await.unwrap();
    let degraded = |s: &TanxClusterStatus| condition(s, "Degraded").0 == "True";
    world.wait_status("arena", "the status names what is in the way", degraded).await;
    published(&redis, "it is told all the same", |cluster| cluster.beat > later.beat + 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_tells_how_many_games_moved_and_what_it_cost() {
    let (world, server) = (World::new("ledger").await, RedisServer::start().await);
    let redis = world.with_redis(&server, "registry.example/tanx/gamed:v1").await;
    roll_out(&world, "arena", 1).await;
    published(&redis, "the revision is published", |cluster| cluster.target_revision == "hash1").await;
    let note = |game, cause: &str, pause_us| MoveNote {
        game: GameId(game),
        from: Some(MemberId(1)),
        to: MemberId(2),
        epoch: Epoch(1),
        tick: Tick(100),
        pause_us,
        between_us: 0,
        bytes: 30,
        cause: cause.into(),
        ago_ms: 1_000,
    };
    let mut notes: Vec<MoveNote> = (1..=60).map(|game| note(game, "move", game * 100)).collect();
    notes.push(note(61, "lease", 2_700_000));
    assert_eq!(redis.call(Request::NoteMoves(notes)).await.unwrap(), Reply::Done);
    let told = |s: &TanxClusterStatus| {
        let moves = &s.moves;
        (moves.total, moves.in_rollout, moves.worst_pause_ms, moves.take_overs) == (60, 60, Some(6), 1)
            && moves.last_at.is_some()
    };
    world.wait_status("arena", "the moves are told", told).await;
    let table = world.kubectl(&["get", "tanx"]);
    println!("{table}");
    let (head, line) = table.trim_end().split_once('\n').unwrap();
    let at = head.find("MOVES").unwrap();
    assert!(line[at..].starts_with("60 "), "{table}");
    assert!(table.lines().all(|line| line.trim_end().len() <= 120), "{table}");

    // The next rollout is counted anew.
    world.patch_spec("arena", json!({"image": "registry.example/tanx/gamed:v2"})).await;
    world.wait("arena", "the image is in force", |d: &Deployment| image(d).ends_with(":v2")).await;
    world.at_rest("arena").await;
    roll_out(&world, "arena", 2).await;
    let anew =
        |s: &TanxClusterStatus| (s.moves.total, s.moves.in_rollout, s.moves.worst_pause_ms) == (60, 0, None);
    world.wait_status("arena", "a new rollout begins", anew).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn games_of_a_deleted_pod_are_assigned_within_a_second() {
    const GAMES: u64 = 50;
    let (world, server) = (World::new("moves").await, RedisServer::start().await);
    let redis = world.with_redis(&server, "gamed:v1").await;
    let set = roll_out(&world, "arena", 1).await;

    // Three members, the first with all games.
    let template = set.spec.as_ref().unwrap().template.as_ref().unwrap();
    let mut pods = Vec::new();
    for (id, node) in [(1, "n1"), (2, "n2"), (3, "n3")] {
        let mut spec = serde_json::to_value(&template.spec).unwrap();
        // A pod on a node stays until its kubelet lets it go; here there is none.
        spec["nodeName"] = json!(node);
        let metadata =
            json!({"name": format!("arena-{id}"), "labels": template.metadata.as_ref().unwrap().labels});
        let pod: Pod = from(json!({"metadata": metadata, "spec": spec}));
        let pod = world.api::<Pod>().create(&PostParams::default(), &pod).await.unwrap();
        redis.call(Request::Join(member(id, &pod, "hash1"))).await.unwrap();
        pods.push(pod);
    }
    for id in 1..=GAMES {
        let snapshot = Snapshot {
            epoch: Epoch(0),
            tick: Tick(0),
            players: 0,
            bots: 0,
            world: bytes::Bytes::from_static(b"world"),
        };
        let settings = GameSettings {
            name: "test".into(),
            maze: "standard".into(),
            maze_name: "Standard".into(),
            slots: 8,
            rules: 1,
            bots: 4,
            stays: false,
        };
        let create = Request::Create {
            game: GameId(id),
            owner: MemberId(1),
            settings,
            snapshot,
            salt: 1,
            floor: Epoch(0),
        };
        assert!(matches!(redis.call(create).await.unwrap(), Reply::Granted { .. }));
    }

    // The operator sees all of it, says so, and tells the members and the pods.
    let counted =
        |s: &TanxClusterStatus| (s.games, s.players, s.revision.as_deref()) == (50, 6, Some("hash1"));
    let cluster = world.wait_status("arena", "status counts games and players", counted).await;
    assert_eq!(condition(&cluster.status.unwrap(), "RegistryAvailable").0, "True");
    published(&redis, "the target revision is published", |cluster| cluster.target_revision == "hash1").await;
    let cost = |pod: &Pod| pod.annotations().get("controller.kubernetes.io/pod-deletion-cost").cloned();
    world.wait("arena-1", "the deletion cost is set", |pod: &Pod| cost(pod).as_deref() == Some("50")).await;
    assert_eq!(cost(&world.api::<Pod>().get("arena-2").await.unwrap()), None);

    // The pod is told to go.
    let begun = Instant::now();
    world.api::<Pod>().delete("arena-1", &DeleteParams::default()).await.unwrap();
    let told = begun.elapsed();
    until("the last game is assigned", || async { game_record(&redis, GAMES).await.next }).await;
    let taken = begun.elapsed();
    println!("{GAMES} games: delete answered after {told:?}, all assigned after {taken:?}");
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    let mut to = [0; 4];
    for id in 1..=GAMES {
        let (next, reason) =
            until("each game is assigned", || async { game_record(&redis, id).await.next }).await;
        assert_eq!(reason, Reason::Move);
        to[usize::try_from(next.0).unwrap()] += 1;
    }
    assert_eq!(to, [0, 0, 25, 25], "games per member");

    // The kubelet says that it has ended: whatever has not moved may be claimed.
    let ended = json!({"status": {"phase": "Failed", "containerStatuses": [{
        "name": "gamed", "image": "gamed:v1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 137, "containerID": "containerd://1"}},
    }]}});
    world.api::<Pod>().patch_status("arena-1", &PatchParams::default(), &Patch::Merge(ended)).await.unwrap();
    until("the end is proof of death", || async {
        let next = game_record(&redis, 1).await.next;
        next.filter(|(_, reason)| matches!(reason, Reason::Dead(why) if why.contains("exit code 137")))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chart_installs_with_a_first_cluster_upgrades_and_leaves_the_definition() {
    let world = World::new("chart").await;
    let chart = "../charts/tanx";
    let first = ["--namespace=chart", "--set=watchNamespace=chart,cluster.create=true,cluster.name=first"];
    let image = |image: &str| format!("--set=cluster.spec.image={image}");
    let helm = |verb: &[&str]| {
        let arguments: Vec<&str> = verb.iter().chain(&first).copied().collect();
        world.server.helm(&arguments).unwrap()
    };
    let notes = helm(&["install", "second", chart, &image("gamed:v1")]);
    assert!(notes.contains("kubectl --namespace chart get tanx first"), "{notes}");
    world.at_rest("first").await;
    helm(&["upgrade", "second", chart, &image("gamed:v2")]);
    world
        .wait("first", "the upgrade's image is in force", |d: &Deployment| self::image(d) == "gamed:v2")
        .await;
    world.server.helm(&["uninstall", "second", "--namespace=chart"]).unwrap();
    let clusters = world.api::<TanxCluster>();
    until("the first cluster goes with its release", || async {
        clusters.get_opt("first").await.unwrap().is_none().then_some(())
    })
    .await;
    world.kubectl(&["get", "crd", "tanxclusters.tanx.dev"]);
}
