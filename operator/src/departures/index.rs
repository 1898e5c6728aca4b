//! What the watches of pods and nodes have told so far. Pure.
//!
//! Owns the facts about pods that moving games needs, and which news are a reason to look at a cluster's games.

use crate::names::{CONTAINER, ClusterName, INSTANCE_LABEL};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;
use kube::runtime::watcher::Event;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there to stay.
    Stays,
    /// It stays for now, but its node takes no new pods: as a rule because the node is being drained, one pod after the other.
    OnCordonedNode,
    /// It was told to go, or its object is gone. That is no proof that its process is.
    Leaves,
    /// The kubelet says that it has ended for good; how it knows.
    Ended(String),
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFact {
    /// Whether its games have to move.
    pub standing: Standing,
    /// Times that its game server was started anew, and whether the present one is ready.
    pub restarts: (i32, bool),
    /// Its object is gone.
    pub gone: bool,
    /// The node it is on, once it is on one.
    pub node: Option<String>,
}

/// Pods of a cluster by UID.
pub type Pods = BTreeMap<String, PodFact>;

/// Pods of all clusters.
#[derive(Debug, Default)]
pub struct PodIndex {
    clusters: BTreeMap<ClusterName, Pods>,
    /// Being filled while a watch starts anew.
    next: BTreeMap<ClusterName, Pods>,
    complete: bool,
    /// Nodes that take no new pods.
    cordoned: BTreeSet<String>,
    /// Being filled while that watch starts anew.
    next_cordoned: BTreeSet<String>,
}

impl PodIndex {
    /// Takes news in; the cluster whose games should be looked at because of it.
    pub fn take(&mut self, event: Event<Pod>) -> Option<ClusterName> {
        match event {
            Event::Init => {
                self.next.clear();
                None
            }
            Event::InitApply(pod) => {
                let (cluster, uid, fact) = read(&pod)?;
                self.next.entry(cluster.clone()).or_default().insert(uid.clone(), fact.clone());
                self.set(cluster, uid, fact)
            }
            Event::InitDone => {
                self.clusters = std::mem::take(&mut self.next);
                self.complete = true;
                None
            }
            Event::Apply(pod) => {
                let (cluster, uid, fact) = read(&pod)?;
                self.set(cluster, uid, fact)
            }
            Event::Delete(pod) => {
                let (cluster, uid, mut fact) = read(&pod)?;
                fact.gone = true;
                if fact.standing == Standing::Stays {
                    fact.standing = Standing::Leaves;
                }
                self.set(cluster, uid, fact)
            }
        }
    }

    /// Takes news of a node that takes no new pods in, of the watch that shows only such. They are no reason to look at games:
    /// pods stay until they are told to go.
    pub fn take_node(&mut self, event: Event<Node>) {
        match event {
            Event::Init => self.next_cordoned.clear(),
            Event::InitApply(node) => drop(self.next_cordoned.insert(node.name_any())),
            Event::InitDone => self.cordoned = std::mem::take(&mut self.next_cordoned),
            Event::Apply(node) => drop(self.cordoned.insert(node.name_any())),
            Event::Delete(node) => drop(self.cordoned.remove(&node.name_any())),
        }
    }

    /// All pods have been seen once.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The pods of a cluster.
    pub fn pods(&self, cluster: &ClusterName) -> Pods {
        let mut pods = self.clusters.get(cluster).cloned().unwrap_or_default();
        for fact in pods.values_mut().filter(|fact| fact.standing == Standing::Stays) {
            if fact.node.as_ref().is_some_and(|node| self.cordoned.contains(node)) {
                fact.standing = Standing::OnCordonedNode;
            }
        }
        pods
    }

    /// The games of these pods have been looked at: what is gone is forgotten.
    pub fn looked_at(&mut self, cluster: &ClusterName, pods: &Pods) {
        if let Some(known) = self.clusters.get_mut(cluster) {
            known.retain(|uid, fact| !(fact.gone && pods.get(uid).is_some_and(|looked_at| looked_at.gone)));
        }
        self.clusters.retain(|_, pods| !pods.is_empty());
    }

    fn set(&mut self, cluster: ClusterName, uid: String, fact: PodFact) -> Option<ClusterName> {
        let before = self.clusters.entry(cluster.clone()).or_default().insert(uid, fact.clone());
        let before_standing = before.as_ref().map_or(&Standing::Stays, |before| &before.standing);
        let goes = fact.standing != Standing::Stays && fact.standing != *before_standing;
        let started_anew = fact.restarts.0 > 0
            && fact.restarts.1
            && before.as_ref().is_none_or(|before| before.restarts != fact.restarts);
        // An object that goes after its pod has left is news only in that it can be forgotten.
        let forget = fact.gone && before.is_none_or(|before| !before.gone);
        (goes || started_anew || forget).then_some(cluster)
    }
}

/// Cluster, UID and fact of a pod; none for a pod that is not ours after all.
fn read(pod: &Pod) -> Option<(ClusterName, String, PodFact)> {
    let name = pod.labels().get(INSTANCE_LABEL)?.clone();
    let cluster = ClusterName { namespace: pod.namespace()?, name };
    let status = pod.status.as_ref();
    let container = status
        .and_then(|status| status.container_statuses.as_ref())
        .and_then(|containers| containers.iter().find(|container| container.name == CONTAINER));
    let standing = match ended(pod) {
        Some(evidence) => Standing::Ended(evidence),
        None if pod.metadata.deletion_timestamp.is_some() => Standing::Leaves,
        None => Standing::Stays,
    };
    let restarts = container.map_or((0, false), |container| (container.restart_count, container.ready));
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    Some((cluster, pod.uid()?, PodFact { standing, restarts, gone: false, node }))
}

/// Whether the kubelet says that no container of this pod runs or will run: the pod's phase is final, and the container's
/// own state says how it ended. A phase that the garbage collector set for a lost node is no proof: nobody has looked.
fn ended(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let phase = status.phase.as_deref().filter(|phase| matches!(*phase, "Succeeded" | "Failed"))?;
    let collected = status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "DisruptionTarget" && condition.reason.as_deref() == Some("DeletionByPodGC")
    });
    let container =
        status.container_statuses.iter().flatten().find(|container| container.name == CONTAINER)?;
    let terminated = container.state.as_ref()?.terminated.as_ref()?;
    let id = terminated.container_id.as_deref().filter(|id| !id.is_empty())?;
    (!collected).then(|| {
        format!(
            "pod {} is {phase}: container {id} ended with exit code {}",
            pod.name_any(),
            terminated.exit_code
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(uid: &str, leaving: bool, status: Value) -> Pod {
        let mut pod = json!({
            "metadata": {"name": uid, "namespace": "games", "uid": uid, "labels": {"app.kubernetes.io/instance": "arena"}},
            "status": status,
        });
        if leaving {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        serde_json::from_value(pod).unwrap()
    }

    fn ran(phase: &str, state: Value, restarts: i32, ready: bool) -> Value {
        let container = json!({
            "name": "gamed", "image": "g", "imageID": "", "ready": ready, "restartCount": restarts, "state": state,
        });
        json!({"phase": phase, "containerStatuses": [container]})
    }

    fn terminated() -> Value {
        json!({"terminated": {"exitCode": 137, "containerID": "containerd://1"}})
    }

    fn arena() -> ClusterName {
        ClusterName { namespace: "games".into(), name: "arena".into() }
    }

    #[test]
    fn a_pod_that_is_told_to_go_is_news_once() {
        let mut index = PodIndex::default();
        let running = || ran("Running", json!({"running": {}}), 0, true);
        assert_eq!(index.take(Event::Apply(pod("a", false, running()))), None);
        assert_eq!(index.take(Event::Apply(pod("a", true, running()))), Some(arena()));
        assert_eq!(index.take(Event::Apply(pod("a", true, running()))), None);
        assert_eq!(index.pods(&arena())["a"].standing, Standing::Leaves);
    }

    #[test]
    fn only_a_final_phase_with_an_ended_container_is_an_end() {
        let check = |status: Value, expect: bool| {
            assert_eq!(ended(&pod("a", true, status.clone())).is_some(), expect, "{status}");
        };
        check(ran("Failed", terminated(), 0, false), true);
        check(ran("Succeeded", terminated(), 0, false), true);
        check(ran("Running", terminated(), 0, false), false);
        check(ran("Failed", json!({"running": {}}), 0, false), false);
        check(json!({"phase": "Failed"}), false);
        let mut collected = ran("Failed", terminated(), 0, false);
        collected["conditions"] =
            json!([{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}]);
        check(collected, false);
    }

    #[test]
    fn a_game_server_that_was_started_anew_is_news_when_it_is_ready() {
        let mut index = PodIndex::default();
        let status = |restarts, ready| ran("Running", json!({"running": {}}), restarts, ready);
        assert_eq!(index.take(Event::Apply(pod("a", false, status(0, true)))), None);
        assert_eq!(index.take(Event::Apply(pod("a", false, status(1, false)))), None);
        assert_eq!(index.take(Event::Apply(pod("a", false, status(1, true)))), Some(arena()));
        assert_eq!(index.take(Event::Apply(pod("a", false, status(1, true)))), None);
    }

    #[test]
    fn a_pod_whose_object_goes_leaves_and_is_forgotten_once_looked_at() {
        let mut index = PodIndex::default();
        index.take(Event::Apply(pod("a", false, json!({}))));
        assert_eq!(index.take(Event::Delete(pod("a", false, json!({})))), Some(arena()));
        let pods = index.pods(&arena());
        assert_eq!(pods["a"].standing, Standing::Leaves);
        index.looked_at(&arena(), &pods);
        assert!(index.pods(&arena()).is_empty());
    }

    #[test]
    fn pods_of_a_cordoned_node_stay_for_now_and_for_good_once_it_is_back() {
        let mut index = PodIndex::default();
        for (uid, node) in [("a", "n1"), ("b", "n2")] {
            let mut pod = pod(uid, false, json!({}));
            pod.spec = serde_json::from_value(json!({"containers": [], "nodeName": node})).unwrap();
            index.take(Event::Apply(pod));
        }
        let node = |name| serde_json::from_value::<Node>(json!({"metadata": {"name": name}})).unwrap();
        let standings = |index: &PodIndex| {
            index.pods(&arena()).into_values().map(|fact| fact.standing).collect::<Vec<_>>()
        };
        index.take_node(Event::Apply(node("n1")));
        assert_eq!(standings(&index), [Standing::OnCordonedNode, Standing::Stays]);
        index.take_node(Event::Delete(node("n1")));
        assert_eq!(standings(&index), [Standing::Stays, Standing::Stays]);
        index.take_node(Event::Apply(node("n1")));
        for event in [Event::Init, Event::InitApply(node("n2")), Event::InitDone] {
            index.take_node(event);
        }
        assert_eq!(standings(&index), [Standing::Stays, Standing::OnCordonedNode]);
        assert_eq!(index.take(Event::Apply(pod("b", true, json!({})))), Some(arena()));
        assert_eq!(standings(&index), [Standing::Stays, Standing::Leaves]);
    }

    #[test]
    fn a_watch_that_starts_anew_forgets_what_went_meanwhile_and_finds_what_leaves() {
        let mut index = PodIndex::default();
        index.take(Event::Apply(pod("a", false, json!({}))));
        index.take(Event::Init);
        assert_eq!(index.take(Event::InitApply(pod("b", true, json!({})))), Some(arena()));
        assert!(!index.is_complete());
        index.take(Event::InitDone);
        assert!(index.is_complete());
        assert_eq!(index.pods(&arena()).keys().collect::<Vec<_>>(), ["b"]);
    }
}
