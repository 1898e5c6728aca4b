//! Plan and build against objects in memory: what they write is merged in as an API server would, and looked at again.

mod pods;
mod rules;

use super::build::{Write, build};
use super::observe::{Observed, RedisUrl, RegistryView, image_of};
use super::plan::{DeploymentPlan, PlanError, RedisPlan, plan};
use super::publish::{self, PublishError};
use super::status::{Outcome, describe};
use crate::directories::RedisAddress;
use crate::names::Manager;
use api::{ImagePolicy, Moves, TanxCluster};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use protocol::peer::MoveNote;
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::{ClusterRecord, MoveLedger, MoveTally, NotedMove, RegistryError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// A cluster, and what there is of it.
struct World(Observed);

impl World {
    fn new(spec: Value) -> World {
        let cluster: TanxCluster = serde_json::from_value(json!({
            "apiVersion": "tanx.dev/v1alpha1", "kind": "TanxCluster",
            "metadata": {"name": "arena", "namespace": "games", "uid": "u1", "generation": 1}, "spec": spec,
        }))
        .unwrap();
        World(Observed {
            cluster: Arc::new(cluster),
            deployment: None,
            replica_sets: Vec::new(),
            pods: Vec::new(),
            service: None,
            budget: None,
            key: None,
            redis_pods: Vec::new(),
            redis_set: None,
            redis_service: None,
            redis_url: RedisUrl::Known(RedisAddress { url: "redis://there/".into(), ca: None }),
            registry: RegistryView::Away("not yet".into()),
        })
    }

    fn cluster(&mut self) -> &mut TanxCluster {
        Arc::make_mut(&mut self.0.cluster)
    }

    /// Plans, builds, takes the writes in, remembers; answers the writes.
    fn step(&mut self) -> Vec<Write> {
        let plan = plan(&self.0).unwrap();
        let writes = build(&self.0, &plan, &[7; 32]);
        for write in &writes {
            self.take(write);
        }
        let status = describe(&self.0, &Ok(()), &Outcome::Applied(&plan), &Time(Timestamp::UNIX_EPOCH));
        self.cluster().status = Some(status);
        writes
    }

    fn take(&mut self, write: &Write) {
        let observed = &mut self.0;
        match write {
            Write::Apply { resource, object, .. } | Write::Create { resource, object } => {
                let redis = object["metadata"]["name"] == "arena-redis";
                match resource.kind.as_str() {
                    "Deployment" => merge(&mut observed.deployment, object),
                    "Service" if redis => merge(&mut observed.redis_service, object),
                    "Service" => merge(&mut observed.service, object),
                    "StatefulSet" => merge(&mut observed.redis_set, object),
                    "PodDisruptionBudget" => merge(&mut observed.budget, object),
                    "Secret" => merge(&mut observed.key, object),
                    other => panic!("{other} is not an object of a cluster"),
                }
            }
            Write::Delete { resource, .. } if resource.kind == "StatefulSet" => observed.redis_set = None,
            Write::Delete { .. } => observed.redis_service = None,
            Write::DeletionCost { .. } => {}
        }
    }

    /// Somebody else changes the Deployment.
    fn change(&mut self, part: Value) {
        merge(&mut self.0.deployment, &json!({"spec": part}));
    }

    fn set_image(&mut self, image: &str) {
        self.change(json!({"template": {"spec": {"containers": [{"name": "gamed", "image": image}]}}}));
    }

    fn live(&self) -> (&str, i32) {
        (image_of(self.0.deployment.as_ref().unwrap()).unwrap(), self.0.live_replicas().unwrap())
    }
}

fn merge<K: Serialize + DeserializeOwned>(place: &mut Option<K>, object: &Value) {
    let mut root = json!({"object": place});
    super::build::merge(&mut root, object.clone(), "object");
    *place = Some(serde_json::from_value(root["object"].take()).unwrap());
}

/// Kind, manager and force of each write to a Deployment.
fn managers(writes: &[Write]) -> Vec<(Manager, bool)> {
    let of = |write: &Write| match write {
        Write::Apply { resource, manager, force, .. } if resource.kind == "Deployment" => {
            Some((*manager, *force))
        }
        _ => None,
    };
    writes.iter().filter_map(of).collect()
}

#[test]
fn a_plan_that_was_carried_out_is_followed_by_an_empty_one() {
    let volume = json!({"managed": {"storage": {"size": "1Gi", "class": "fast"}, "resources": {"limits": {"cpu": 1}}}});
    let overrides = json!({
        "labels": {"a": "b"}, "annotations": {"c": "d"}, "nodeSelector": {"e": "f"},
        "tolerations": [{"operator": "Exists"}], "affinity": {"nodeAffinity": {}},
    });
    for spec in [
        json!({"image": "g:1"}),
        json!({"image": "g:1", "replicas": 0, "service": {"type": "ClusterIP", "port": 8080, "annotations": {"g": "h"}}}),
        json!({"image": "g:1", "redis": volume, "imagePullSecrets": [{"name": "s"}], "imagePullPolicy": "Never"}),
        json!({"image": "g:1", "redis": {"external": {"urlSecretRef": {"name": "r"}}}, "podOverrides": overrides}),
        json!({"image": "g:1", "redis": {"external": {"urlSecretRef": {"name": "r"}, "caSecretRef": {"name": "c"}}}}),
        json!({"image": "g:1", "imagePolicy": "Spec", "resources": {"requests": {"cpu": "0.5", "memory": "128Mi"}}}),
    ] {
        let mut world = World::new(spec.clone());
        assert!(!world.step().is_empty());
        assert_eq!(world.step(), [], "{spec}");
    }
}

#[test]
fn both_images_are_pulled_with_the_secrets() {
    let mut world = World::new(json!({"image": "g:1", "imagePullSecrets": [{"name": "s"}]}));
    world.step();
    let set = world.0.redis_set.unwrap().spec.unwrap();
    let deployment = world.0.deployment.unwrap().spec.unwrap();
    for template in [set.template, deployment.template] {
        assert_eq!(template.spec.unwrap().image_pull_secrets.unwrap()[0].name, "s");
    }
}

#[test]
fn a_redis_that_was_made_to_start_in_order_stays_so() {
    let policy =
        |world: &World| world.0.redis_set.as_ref().unwrap().spec.clone().unwrap().pod_management_policy;
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    assert_eq!(
        policy(&world).as_deref(),
        Some("Parallel"),
        "a pod that is stuck would stay when it is corrected"
    );
    // Kubernetes refuses to change it.
    let older = "OrderedReady";
    merge(&mut world.0.redis_set, &json!({"spec": {"podManagementPolicy": older}}));
    world.cluster().spec.redis.managed.as_mut().unwrap().image = "there/redis:8".into();
    assert!(!world.step().is_empty());
    assert_eq!(policy(&world).as_deref(), Some(older));
}

#[test]
fn a_deployment_is_made_in_the_order_in_which_no_part_is_lost() {
    let mut world = World::new(json!({"image": "g:1"}));
    let made = managers(&world.step());
    let expect =
        [Manager::Image, Manager::Replicas, Manager::Main, Manager::Image].map(|manager| (manager, true));
    assert_eq!(made, expect);
}

#[test]
fn a_second_operator_that_sees_a_half_made_deployment_keeps_what_was_asked_for() {
    for seen in 1..=4 {
        let mut world = World::new(json!({"image": "g:1", "replicas": 3}));
        let made = build(&world.0, &plan(&world.0).unwrap(), &[7; 32]);
        let of_deployment =
            |write: &&Write| matches!(write, Write::Apply { resource, .. } if resource.kind == "Deployment");
        made.iter().filter(of_deployment).take(seen).for_each(|write| world.take(write));
        // As the API server does where nobody has said it.
        let spec = world.0.deployment.as_mut().unwrap().spec.as_mut().unwrap();
        spec.replicas.get_or_insert(1);
        world.step();
        assert_eq!(world.live(), ("g:1", 3), "seen after {seen} writes");
    }
}

#[test]
fn the_main_manager_never_writes_image_or_replicas() {
    let mut world = World::new(json!({"image": "g:1"}));
    for write in world.step() {
        if let Write::Apply { resource, object, manager: Manager::Main, .. } = write
            && resource.kind == "Deployment"
        {
            assert_eq!(object["spec"].get("replicas"), None);
            assert_eq!(object["spec"]["template"]["spec"]["containers"][0].get("image"), None);
        }
    }
}

#[test]
fn whoever_changed_image_and_replicas_last_has_the_last_word() {
    let mut world = World::new(json!({"image": "g:1", "replicas": 3}));
    world.step();
    world.set_image("g:2");
    world.change(json!({"replicas": 5}));
    assert_eq!(world.step(), []);
    assert_eq!(world.live(), ("g:2", 5));

    world.cluster().spec.image = "g:3".into();
    assert_eq!(managers(&world.step()), [(Manager::Image, true)]);
    assert_eq!(world.live(), ("g:3", 5));
    world.cluster().spec.replicas = 1;
    assert_eq!(managers(&world.step()), [(Manager::Replicas, true)]);
    assert_eq!(world.live(), ("g:3", 1));

    world.cluster().spec.image_policy = ImagePolicy::Spec;
    world.set_image("g:4");
    world.change(json!({"replicas": 7}));
    assert_eq!(managers(&world.step()), [(Manager::Image, true)]);
    assert_eq!(world.live(), ("g:3", 7));
}

#[test]
fn a_deployment_that_the_status_does_not_remember_keeps_its_image_and_replicas() {
    let mut world = World::new(json!({"image": "g:1", "replicas": 3}));
    world.step();
    world.set_image("g:2");
    world.change(json!({"replicas": 5}));
    world.cluster().status = None;
    let expect = [(Manager::Replicas, false), (Manager::Main, true), (Manager::Image, false)];
    assert_eq!(managers(&world.step()), expect);
    assert_eq!(world.live(), ("g:2", 5));
    assert_eq!(world.step(), []);
}

#[test]
fn a_field_that_is_no_longer_wanted_is_written_away() {
    let mut world = World::new(json!({"image": "g:1", "podOverrides": {"nodeSelector": {"a": "b"}}}));
    world.step();
    world.cluster().spec.pod_overrides = None;
    assert_eq!(managers(&world.step()), [(Manager::Main, true)]);
}

#[test]
fn what_somebody_changed_is_put_back() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    world.change(json!({"minReadySeconds": 77}));
    world.0.service = None;
    assert_eq!(world.step().len(), 2);
    assert_eq!(world.step(), []);
}

#[test]
fn the_key_is_made_once() {
    let mut world = World::new(json!({"image": "g:1"}));
    let made =
        |writes: Vec<Write>| writes.iter().filter(|write| matches!(write, Write::Create { .. })).count();
    assert_eq!(made(world.step()), 1);
    world.0.key.as_mut().unwrap().string_data = None;
    assert_eq!(made(world.step()), 0);
}

#[test]
fn game_servers_read_the_key_from_a_folder_that_follows_its_secret() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    let pod = json!(world.0.deployment)["spec"]["template"]["spec"].take();
    let container = &pod["containers"][0];
    let mount = &container["volumeMounts"][0];
    // A file that is mounted by itself, or a variable, would stay as it was at the start of the pod.
    assert!(mount.get("subPath").is_none(), "{mount}");
    assert_eq!(mount["name"], pod["volumes"][0]["name"]);
    assert_eq!(pod["volumes"][0]["secret"]["secretName"], "arena-key");
    let file = format!("{}/key", mount["mountPath"].as_str().unwrap());
    let environment = container["env"].as_array().unwrap();
    assert!(
        environment.contains(&json!({"name": "GAMED_CLUSTER_KEY_FILE", "value": file})),
        "{environment:?}"
    );
    assert!(!environment.iter().any(|entry| entry["name"] == "GAMED_CLUSTER_KEY"));
}

#[test]
fn game_servers_read_the_ca_of_an_external_redis_from_its_secret() {
    let external = json!({"urlSecretRef": {"name": "r"}, "caSecretRef": {"name": "c", "key": "k"}});
    let mut world = World::new(json!({"image": "g:1", "redis": {"external": external}}));
    world.step();
    let pod = json!(world.0.deployment)["spec"]["template"]["spec"].take();
    let container = &pod["containers"][0];
    let mount = container["volumeMounts"][1]["mountPath"].as_str().unwrap();
    let volume = &pod["volumes"][1];
    assert_eq!(container["volumeMounts"][1]["name"], volume["name"]);
    assert_eq!(volume["secret"]["secretName"], "c");
    assert_eq!(volume["secret"]["items"][0]["key"], "k");
    let file = format!("{mount}/{}", volume["secret"]["items"][0]["path"].as_str().unwrap());
    let environment = container["env"].as_array().unwrap();
    assert!(environment.contains(&json!({"name": "GAMED_REDIS_CA_FILE", "value": file})), "{environment:?}");
}

#[test]
fn a_managed_redis_goes_when_an_external_one_comes() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    world.cluster().spec.redis =
        serde_json::from_value(json!({"external": {"urlSecretRef": {"name": "r"}}})).unwrap();
    assert_eq!(plan(&world.0).unwrap().redis, RedisPlan::Remove { set: true, service: true });
    world.step();
    assert_eq!(plan(&world.0).unwrap().redis, RedisPlan::Absent);
    assert_eq!(world.step(), []);
}

#[test]
fn an_object_of_somebody_else_stops_the_plan() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    let uid = |world: &mut World, uid: &str| {
        world.0.service.as_mut().unwrap().meta_mut().owner_references.as_mut().unwrap()[0].uid = uid.into();
    };
    uid(&mut world, "u0");
    let PlanError::NotOurs { kind, owner, .. } = plan(&world.0).unwrap_err() else { panic!("another error") };
    assert_eq!(kind, "Service");
    assert!(owner.contains("earlier TanxCluster"), "{owner}");
    uid(&mut world, "u1");
    plan(&world.0).unwrap();
}

#[test]
fn the_current_revision_is_published_once_the_deployments_controller_has_seen_it() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    world.0.registry = RegistryView::Seen {
        members: Vec::new(),
        games: Vec::new(),
        cluster: ClusterRecord { rules: 4, ..Default::default() },
        moves: MoveLedger::default(),
    };
    let rollout = json!({"deployment.kubernetes.io/revision": "2"});
    merge(
        &mut world.0.deployment,
        &json!({"metadata": {"uid": "d1", "generation": 5, "annotations": rollout}}),
    );
    let set = |rollout: &str, hash: &str, (wanted, there): (i32, i32)| {
        let (spec, status) = (json!({"replicas": wanted, "selector": {}}), json!({"replicas": there}));
        serde_json::from_value(json!({"spec": spec, "status": status, "metadata": {
            "labels": {"pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": rollout},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "arena", "uid": "d1"}],
        }}))
        .unwrap()
    };
    world.0.replica_sets = vec![
        set("1", "retired", (0, 0)),
        set("2", "new", (0, 0)),
        set("3", "old", (0, 2)),
        set("4", "late", (1, 0)),
    ];
    let seen = |world: &mut World, generation: i64| {
        merge(&mut world.0.deployment, &json!({"status": {"observedGeneration": generation}}));
        publish::record(&world.0, Timestamp::UNIX_EPOCH)
    };
    assert_eq!(seen(&mut world, 4), None);
    let revisions = vec!["late".into(), "new".into(), "old".into()];
    let wanted = ClusterRecord { target_revision: "new".into(), rules: 4, revisions, beat: 0 };
    assert_eq!(seen(&mut world, 5), Some(wanted.clone()));
    // Again though nothing is new, and though an object is in the way of everything else.
    let RegistryView::Seen { cluster, .. } = &mut world.0.registry else { unreachable!() };
    *cluster = ClusterRecord { beat: 9, ..wanted.clone() };
    world.0.service.as_mut().unwrap().meta_mut().owner_references = None;
    assert!(plan(&world.0).is_err());
    assert_eq!(publish::record(&world.0, Timestamp::UNIX_EPOCH), Some(ClusterRecord { beat: 9, ..wanted }));
}

fn noted(epoch: u64, cause: &str, at_ms: u64) -> NotedMove {
    let note = MoveNote {
        game: GameId(1),
        from: None,
        to: MemberId(1),
        epoch: Epoch(epoch),
        tick: Tick(1),
        pause_us: 0,
        between_us: 0,
        bytes: 0,
        cause: cause.into(),
        ago_ms: 0,
    };
    NotedMove { at_ms, note }
}

#[test]
fn planned_moves_are_told_apart_from_take_overs() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    let moves = |world: &World| world.0.status().moves;
    assert_eq!(moves(&world), Moves::default());
    let tally = |count, worst_pause_us| MoveTally { count, worst_pause_us };
    let ledger = MoveLedger {
        ever: [
            ("move".into(), tally(7, 90_000)),
            ("lease".into(), tally(2, 3_000_000)),
            ("refused".into(), tally(1, 1)),
        ]
        .into(),
        rollout: [("move".into(), tally(3, 12_001)), ("lease".into(), tally(1, 3_000_000))].into(),
        last: vec![noted(3, "lease", 9_000), noted(2, "move", 5_999), noted(1, "move", 1_000)],
    };
    let see = |world: &mut World, moves: MoveLedger| {
        let cluster = ClusterRecord::default();
        world.0.registry = RegistryView::Seen { members: Vec::new(), games: Vec::new(), cluster, moves };
        world.step();
    };
    see(&mut world, ledger.clone());
    let seconds = |seconds| Some(Time(Timestamp::from_second(seconds).unwrap()));
    let expected =
        Moves { total: 7, in_rollout: 3, worst_pause_ms: Some(13), last_at: seconds(5), take_overs: 3 };
    assert_eq!(moves(&world), expected);
    // A new rollout, and crashes since.
    see(&mut world, MoveLedger { rollout: [].into(), last: vec![noted(4, "lease", 9_999)], ..ledger });
    assert_eq!(moves(&world), Moves { in_rollout: 0, worst_pause_ms: None, ..expected.clone() });
    world.0.registry = RegistryView::Away("no".into());
    world.step();
    assert_eq!(moves(&world).total, 7);
}

#[test]
fn a_registry_that_answers_and_takes_nothing_is_not_available() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.0.registry = RegistryView::Seen {
        members: Vec::new(),
        games: Vec::new(),
        cluster: ClusterRecord::default(),
        moves: MoveLedger::default(),
    };
    let plan = plan(&world.0).unwrap();
    let said = |published| {
        let status = describe(&world.0, &published, &Outcome::Applied(&plan), &Time(Timestamp::UNIX_EPOCH));
        let mut conditions = status.conditions.into_iter();
        let condition = conditions.find(|condition| condition.type_ == "RegistryAvailable").unwrap();
        (condition.status, condition.message)
    };
    assert_eq!(said(Ok(())).0, "True");
    let full = RegistryError::Refused("No space left on device".into());
    let (state, message) = said(Err(PublishError::Registry(full)));
    assert_eq!(state, "False");
    assert!(message.contains("No space left on device") && message.contains("Games go on"), "{message}");
}

#[test]
fn quarantined_games_are_counted_and_one_is_named() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    let game = |id: u64, quarantined: bool| {
        let record = json!({
            "id": format!("{id:016x}"), "epoch": "0000000000000007", "owner": null, "base": "0000000000000006",
            "next": null, "durable": 9, "snapshot_tick": 9, "snapshot_epoch": "0000000000000006", "rules": 1,
            "name": "Arena", "maze": "Standard", "players": 2, "bots": 0, "attempts": 1, "failures": 3,
            "calm_from": 300, "quarantined": quarantined,
        });
        serde_json::from_value(record).unwrap()
    };
    let mut degraded = |games| {
        let (members, cluster, moves) = (Vec::new(), ClusterRecord::default(), MoveLedger::default());
        world.0.registry = RegistryView::Seen { members, games, cluster, moves };
        world.step();
        let status = world.0.status();
        let condition = status.conditions.iter().find(|condition| condition.type_ == "Degraded").unwrap();
        (status.games, status.quarantined, condition.reason.clone(), condition.message.clone())
    };
    let (games, quarantined, reason, message) = degraded(vec![game(1, false), game(2, true), game(3, true)]);
    assert_eq!((games, quarantined, &reason[..]), (3, 2, "GamesQuarantined"));
    assert!(message.contains("2 games") && message.contains("0000000000000002 (Arena)"), "{message}");
    assert_eq!(degraded(vec![game(1, false)]).2, "AsWanted");
}

#[test]
fn pods_are_weighed_before_the_deployment_shrinks() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    let pod = |name: &str, uid: &str, cost: Option<&str>| {
        let annotations = cost.map(|cost| json!({"controller.kubernetes.io/pod-deletion-cost": cost}));
        serde_json::from_value(json!({"metadata": {"name": name, "uid": uid, "annotations": annotations}}))
            .unwrap()
    };
    world.0.pods = vec![pod("a", "ua", Some("9")), pod("b", "ub", None)];
    world.0.registry = RegistryView::Seen {
        members: Vec::new(),
        games: Vec::new(),
        cluster: ClusterRecord::default(),
        moves: MoveLedger::default(),
    };
    world.cluster().spec.replicas = 1;
    let writes = world.step();
    let cost = Write::DeletionCost { pod: "a".into(), cost: 0 };
    assert_eq!(writes[0], cost);
    assert!(matches!(&writes[1], Write::Apply { manager: Manager::Replicas, .. }), "{writes:?}");
    assert_eq!(writes.len(), 2);
}

#[test]
fn a_plan_for_a_deployment_without_our_container_names_the_way_out() {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    let template = &mut world.0.deployment.as_mut().unwrap().spec.as_mut().unwrap().template;
    template.spec.as_mut().unwrap().containers[0].name = "other".into();
    assert_eq!(plan(&world.0).unwrap_err(), PlanError::NoContainer("arena".into()));
}

#[test]
fn what_could_not_be_written_is_not_remembered() {
    let mut world = World::new(json!({"image": "g:1"}));
    assert!(matches!(plan(&world.0).unwrap().deployment, DeploymentPlan::Create { .. }));
    world.step();
    world.cluster().spec.image = "g:2".into();
    let failed = describe(&world.0, &Ok(()), &Outcome::Failed("no".into()), &Time(Timestamp::UNIX_EPOCH));
    assert_eq!((failed.spec_image.as_deref(), failed.spec_replicas), (Some("g:1"), Some(3)));
    assert_eq!(managers(&world.step()), [(Manager::Image, true)]);
}
