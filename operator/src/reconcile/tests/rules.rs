//! Rules of new games over rollouts and roll-backs, and games that nobody steps.

use super::*;
use crate::reconcile::rules;
use k8s_openapi::api::core::v1::Pod;
use registry::{GameRecord, MemberRecord, MemberState};

fn member(pod: &str, rules_min: u16, rules_max: u16) -> MemberRecord {
    MemberRecord {
        id: MemberId(1),
        name: pod.into(),
        address: String::new(),
        pod_uid: pod.into(),
        container: "gamed".into(),
        revision: String::new(),
        build: String::new(),
        state: MemberState::Ready,
        games: 0,
        players: 0,
        rules_min,
        rules_max,
        renewals: 0,
        joined: 0,
        settled: String::new(),
    }
}

fn game(rules: u16) -> GameRecord {
    GameRecord { id: GameId(1), epoch: Epoch(1), rules, ..GameRecord::default() }
}

/// A cluster of three, that is looked at from time to time.
struct Watched {
    world: World,
    now: i64,
    published: u16,
}

impl Watched {
    fn new() -> Watched {
        let mut world = World::new(json!({"image": "g:1", "rollout": {"rulesDelaySeconds": 60}}));
        world.step();
        Watched { world, now: 1_000, published: 0 }
    }

    /// Looks at it for some seconds while such members run on living pods, all of the newest revision or not; returns the
    /// version that was published last.
    fn look(&mut self, seconds: i64, members: &[MemberRecord], complete: bool) -> u16 {
        let newest = if complete { 3 } else { 1 };
        let status =
            json!({"replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": newest});
        merge(&mut self.world.0.deployment, &json!({ "status": status }));
        let pod = |member: &MemberRecord| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": member.name, "uid": member.pod_uid}})).unwrap()
        };
        self.world.0.pods = members.iter().map(pod).collect();
        for _ in 0..seconds {
            self.now += 1;
            self.see(members.to_vec(), Vec::new());
            let now = Timestamp::from_second(self.now).unwrap();
            self.published = rules::for_new_games(&self.world.0, now);
            let plan = plan(&self.world.0).unwrap();
            let status = describe(&self.world.0, &Ok(()), &Outcome::Applied(&plan), &Time(now));
            assert_eq!(status.rules, (self.published > 0).then_some(self.published.into()));
            self.world.cluster().status = Some(status);
        }
        self.published
    }

    fn see(&mut self, members: Vec<MemberRecord>, games: Vec<GameRecord>) {
        let cluster = ClusterRecord { rules: self.published, ..Default::default() };
        self.world.0.registry = RegistryView::Seen { members, games, cluster, moves: MoveLedger::default() };
    }
}

#[test]
fn new_games_get_newer_rules_only_when_a_rollout_has_been_complete_for_as_long_as_the_spec_says() {
    let mut watched = Watched::new();
    let (old, new) = (|pod| member(pod, 1, 1), |pod| member(pod, 1, 2));
    assert_eq!(watched.look(1, &[], false), 0, "nobody knows any rules");
    assert_eq!(watched.look(1, &[old("a")], false), 1, "nothing was ever complete, and nothing is older");
    assert_eq!(watched.look(100, &[old("a"), old("b"), old("c")], true), 1);
    assert_eq!(watched.look(100, &[old("a"), new("d"), old("c")], false), 1);
    let rolled = [new("d"), new("e"), new("f")];
    assert_eq!(watched.look(60, &rolled, true), 1);
    // Pods come and go: it begins anew.
    assert_eq!(watched.look(1, &rolled, false), 1);
    assert_eq!(watched.look(60, &rolled, true), 1);
    // The registry loses what it had, and what the status remembers holds.
    watched.published = 0;
    assert_eq!(watched.look(0, &rolled, true), 0);
    watched.see(rolled.to_vec(), Vec::new());
    assert_eq!(rules::for_new_games(&watched.world.0, Timestamp::from_second(watched.now).unwrap()), 1);
    assert_eq!(watched.look(1, &rolled, true), 2);
}

#[test]
fn a_roll_back_gives_new_games_the_old_rules_at_once() {
    let mut watched = Watched::new();
    let rolled = ["d", "e", "f"].map(|pod| member(pod, 1, 2));
    assert_eq!(watched.look(100, &rolled, true), 2);
    let half = [member("a", 1, 1), rolled[1].clone(), rolled[2].clone()];
    assert_eq!(watched.look(1, &half, false), 1);
    assert_eq!(watched.look(100, &["a", "b", "c"].map(|pod| member(pod, 1, 1)), true), 1);
    // Nobody runs: what was said stays.
    assert_eq!(watched.look(100, &[], true), 1);
}

#[test]
fn games_that_no_server_steps_are_told_of() {
    let mut watched = Watched::new();
    let degraded = |watched: &Watched| {
        let plan = plan(&watched.world.0).unwrap();
        let status =
            describe(&watched.world.0, &Ok(()), &Outcome::Applied(&plan), &Time(Timestamp::UNIX_EPOCH));
        let condition = status.conditions.into_iter().find(|it| it.type_ == "Degraded").unwrap();
        (condition.reason, condition.message)
    };
    let old = member("a", 1, 1);
    watched.look(1, std::slice::from_ref(&old), true);
    // The new one's pod is gone; it stays registered, for its games run nowhere.
    let dead = member("d", 1, 2);
    watched.see(vec![old.clone(), dead.clone()], vec![game(1), game(2), game(2)]);
    let (reason, message) = degraded(&watched);
    assert_eq!(reason, "GamesWait");
    assert!(
        message.contains("2, of rules version 2.") && message.contains("set an image that does"),
        "{message}"
    );
    watched.look(1, &[old.clone(), dead.clone()], true);
    watched.see(vec![old, dead], vec![game(1), game(2)]);
    assert_eq!(degraded(&watched).0, "AsWanted");
}
