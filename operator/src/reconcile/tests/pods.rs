//! What is said about pods that were killed, or do not start.

use super::*;
use k8s_openapi::api::core::v1::Pod;

/// A pod with that limit of memory, in that state now, and in that one before.
fn pod(name: &str, limit: Option<&str>, state: Value, last: Value) -> Pod {
    let limits = limit.map(|limit| json!({ "memory": limit }));
    let container = json!({
        "name": "gamed", "image": "g", "imageID": "", "ready": false, "restartCount": 3, "state": state, "lastState": last,
    });
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "gamed", "resources": {"limits": limits}}]},
        "status": {"containerStatuses": [container]},
    }))
    .unwrap()
}

/// How a container ended in that second of an hour.
fn ended(reason: &str, second: i64) -> Value {
    let at = Time(Timestamp::from_second(second).unwrap());
    json!({"terminated": {"reason": reason, "exitCode": 137, "finishedAt": at}})
}

fn running() -> Value {
    json!({"running": {}})
}

fn crash_loop() -> Value {
    json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}})
}

/// State, reason and message of Degraded in that second.
fn degraded(pods: Vec<Pod>, second: i64) -> (String, String, String) {
    condition("Degraded", pods, Vec::new(), second)
}

/// State, reason and message of that condition in that second, with those pods of game servers and of Redis.
fn condition(type_: &str, pods: Vec<Pod>, redis_pods: Vec<Pod>, second: i64) -> (String, String, String) {
    let mut world = World::new(json!({"image": "g:1"}));
    world.step();
    (world.0.pods, world.0.redis_pods) = (pods, redis_pods);
    let plan = plan(&world.0).unwrap();
    let now = Time(Timestamp::from_second(second).unwrap());
    let status = describe(&world.0, &Ok(()), &Outcome::Applied(&plan), &now);
    let condition = status.conditions.into_iter().find(|condition| condition.type_ == type_).unwrap();
    (condition.status, condition.reason, condition.message)
}

/// The pod of Redis, in that state now, and in that one before.
fn redis_pod(state: Value, last: Value) -> Pod {
    let mut pod = pod("arena-redis-0", Some("64Mi"), state, last);
    pod.spec.as_mut().unwrap().containers[0].name = "redis".into();
    pod.status.as_mut().unwrap().container_statuses.as_mut().unwrap()[0].name = "redis".into();
    pod
}

#[test]
fn a_pod_that_was_killed_for_want_of_memory_is_spoken_of_for_ten_minutes() {
    let check = |limit, state: Value, last: Value, second, expect: &[&str]| {
        let (_, reason, message) = degraded(vec![pod("a", limit, state, last)], second);
        let wanted = if expect.is_empty() { "AsWanted" } else { "OutOfMemory" };
        assert_eq!(reason, wanted, "{second}: {message}");
        assert!(expect.iter().all(|part| message.contains(part)), "{message}");
    };
    let limited: &[&str] = &[
        "Pod a reached its memory limit of 64Mi at 1970-01-01T00:01:00Z",
        "Raise spec.resources.limits.memory",
    ];
    let killed = || ended("OOMKilled", 60);
    check(Some("64Mi"), killed(), json!({}), 60, limited);
    check(Some("64Mi"), crash_loop(), killed(), 70, limited);
    check(Some("64Mi"), running(), killed(), 660, limited);
    check(Some("64Mi"), running(), killed(), 661, &[]);
    check(None, running(), killed(), 70, &["not by a limit of its own", "spec.resources.requests.memory"]);
    // Every crash and every roll-out has ends of other kinds.
    check(Some("64Mi"), running(), ended("Error", 60), 70, &[]);
    check(Some("64Mi"), ended("Completed", 60), json!({}), 70, &[]);
}

#[test]
fn of_pods_that_were_killed_for_want_of_memory_the_last_one_is_named() {
    let killed = |name, second| pod(name, Some("64Mi"), running(), ended("OOMKilled", second));
    let (state, _, message) = degraded(vec![killed("a", 50), killed("b", 60), killed("c", 40)], 70);
    assert_eq!(state, "True");
    assert!(message.contains("Pod b "), "{message}");
}

#[test]
fn a_pod_that_ends_again_and_again_is_named_with_its_exit_code() {
    let (_, reason, message) = degraded(vec![pod("a", None, crash_loop(), ended("Error", 60))], 70);
    assert_eq!(reason, "PodsFail");
    assert_eq!(
        message,
        "Pod a cannot start: CrashLoopBackOff: back-off 40s; restarts: 3, last exit code: 137."
    );
}

#[test]
fn an_image_that_cannot_be_had_is_named_with_the_field_to_correct() {
    let state = || json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"there/redis:0\"."}});
    let sentence = "Pod arena-redis-0 cannot start: ImagePullBackOff: Back-off pulling image \"there/redis:0\". Correct \
                    spec.redis.managed.image, or spec.imagePullSecrets.";
    let of = |type_| condition(type_, Vec::new(), vec![redis_pod(state(), json!({}))], 70);
    assert_eq!(of("Degraded"), ("True".into(), "PodsFail".into(), sentence.into()));
    let (state_of_registry, reason, message) = of("RegistryAvailable");
    assert_eq!((state_of_registry.as_str(), reason.as_str()), ("False", "Starting"));
    assert_eq!(
        message,
        "The managed Redis is not ready: its pod cannot start; Degraded says why. Games go on meanwhile."
    );
    let (_, reason, message) = degraded(vec![pod("a", None, state(), json!({}))], 70);
    assert_eq!(reason, "PodsFail");
    assert!(message.contains("Correct spec.image or what `kubectl set image` names,"), "{message}");
}

#[test]
fn a_redis_that_ran_out_of_memory_is_named_with_its_own_limit() {
    let killed = redis_pod(running(), ended("OOMKilled", 60));
    let (_, reason, message) = condition("Degraded", Vec::new(), vec![killed], 70);
    assert_eq!(reason, "OutOfMemory");
    assert!(message.contains("Pod arena-redis-0 reached its memory limit of 64Mi"), "{message}");
    assert!(message.contains("Raise spec.redis.managed.resources.limits.memory."), "{message}");
}

#[test]
fn a_pod_that_finds_no_node_is_spoken_of_after_a_minute() {
    let pod = |name: &str| -> Pod {
        let since = Time(Timestamp::from_second(60).unwrap());
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "status": {"conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since,
                "message": "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            }]},
        }))
        .unwrap()
    };
    let said = "finds no node since 1970-01-01T00:01:00Z: 0/3 nodes are available: pod has unbound immediate \
                PersistentVolumeClaims.";
    for (second, expect) in [(119, "AsWanted"), (120, "PodsFail")] {
        for (pods, redis_pods) in [(vec![pod("a")], Vec::new()), (Vec::new(), vec![pod("a")])] {
            let (_, reason, message) = condition("Degraded", pods, redis_pods, second);
            assert_eq!(reason, expect, "{second}: {message}");
            assert!(expect == "AsWanted" || message == format!("Pod a {said}"), "{message}");
        }
    }
}
