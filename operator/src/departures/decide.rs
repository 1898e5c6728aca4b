//! Which games have to go where. Pure.
//!
//! Owns what the operator may call a dead member (rule 3). It does so in two cases, both beyond doubt without comparing
//! any clocks:
//!
//! - the kubelet says that the member's pod has ended for good: nothing of it runs or will run;
//! - another member registered later with the same pod UID and container: the earlier process of that container is gone.
//!
//! A container that ended while its pod stays is *not* such a case: a member's record cannot say which of the pod's
//! containers it is, the next one may have registered already, and taking its games would be wrong. The others' refused
//! redial, or the registration of the next one, tells those apart.

use super::index::{Pods, Standing};
use ownership::placement::{PlacedGame, PlacedMember, place};
use protocol::MemberId;
use registry::{Fence, GameRecord, MemberRecord, MemberState, Reason, Request};
use std::collections::{BTreeMap, HashMap};

/// Whether a member takes games.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accepts {
    No,
    /// Where nobody else does: it may be the next one to go, and they would have to move again.
    AtNeed,
    Yes,
}

/// What a member's games should do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// Stay; the member takes others'.
    Stay {
        accepts: Accepts,
    },
    Go(Reason),
}

/// Assignments for all games whose owner leaves or is dead, but for those that are assigned so already. A game that nobody
/// can take is left: its owner keeps it and waits.
pub fn decide(pods: &Pods, members: &[MemberRecord], games: &[GameRecord], target: &str) -> Vec<Request> {
    let newest = newest_of_each_container(members);
    let verdicts: HashMap<MemberId, Verdict> =
        members.iter().map(|member| (member.id, judge(member, pods, &newest))).collect();
    let accepts = |takes: Accepts| {
        let stays = Verdict::Stay { accepts: takes };
        members.iter().any(|member| verdicts.get(&member.id) == Some(&stays)).then_some(stays)
    };
    let takers = accepts(Accepts::Yes).or_else(|| accepts(Accepts::AtNeed));
    let placed_games: Vec<PlacedGame> = games
        .iter()
        .map(|game| PlacedGame {
            id: game.id,
            owner: game.owner,
            next: game.next.as_ref().map(|(next, _)| *next),
            rules: game.rules,
        })
        .collect();
    let placed_members: Vec<PlacedMember> = members
        .iter()
        .map(|member| PlacedMember {
            id: member.id,
            accepts: takers.is_some() && verdicts.get(&member.id) == takers.as_ref(),
            revision: member.revision.clone(),
            rules_min: member.rules_min,
            rules_max: member.rules_max,
        })
        .collect();
    let placed = place(&placed_games, &placed_members, target);
    games
        .iter()
        .filter_map(|game| {
            let owner = game.owner?;
            let Some(Verdict::Go(reason)) = verdicts.get(&owner) else { return None };
            let next = *placed.get(&game.id)?;
            let known = game.next.as_ref().is_some_and(|(assigned, why)| {
                // Which words prove a death does not matter once one has.
                *assigned == next
                    && matches!((why, reason), (Reason::Dead(_), _) | (Reason::Move, Reason::Move))
            });
            (!known).then(|| Request::Assign {
                game: game.id,
                expect: Fence { epoch: game.epoch, owner: Some(owner) },
                next,
                reason: reason.clone(),
            })
        })
        .collect()
}

/// The member that registered last with each pod UID and container.
fn newest_of_each_container(members: &[MemberRecord]) -> BTreeMap<(&str, &str), &MemberRecord> {
    let mut newest: BTreeMap<(&str, &str), &MemberRecord> = BTreeMap::new();
    for member in members.iter().filter(|member| !member.pod_uid.is_empty()) {
        let place = newest.entry((member.pod_uid.as_str(), member.container.as_str())).or_insert(member);
        if member.joined > place.joined {
            *place = member;
        }
    }
    newest
}

fn judge(member: &MemberRecord, pods: &Pods, newest: &BTreeMap<(&str, &str), &MemberRecord>) -> Verdict {
    let successor = newest.get(&(member.pod_uid.as_str(), member.container.as_str()));
    if let Some(successor) = successor.filter(|successor| successor.id != member.id) {
        let evidence =
            format!("member {} registered later in the same container of pod {}", successor.id, member.name);
        return Verdict::Go(Reason::Dead(evidence));
    }
    let if_ready = |accepts| match member.state {
        MemberState::Ready => Verdict::Stay { accepts },
        _ => Verdict::Stay { accepts: Accepts::No },
    };
    match pods.get(&member.pod_uid).map(|pod| &pod.standing) {
        Some(Standing::Ended(evidence)) => Verdict::Go(Reason::Dead(evidence.clone())),
        Some(Standing::Leaves) => Verdict::Go(Reason::Move),
        Some(Standing::OnCordonedNode) => if_ready(Accepts::AtNeed),
        Some(Standing::Stays) => if_ready(Accepts::Yes),
        // Not a pod of ours, or one that the watch has not shown: leave its games, and give it none.
        None => Verdict::Stay { accepts: Accepts::No },
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::PodFact;
    use super::*;
    use protocol::{Epoch, GameId};

    fn member(id: u64, pod: &str, joined: u64) -> MemberRecord {
        MemberRecord {
            id: MemberId(id),
            name: pod.into(),
            address: String::new(),
            pod_uid: pod.into(),
            container: "gamed".into(),
            revision: "r1".into(),
            build: String::new(),
            state: MemberState::Ready,
            games: 0,
            players: 0,
            rules_min: 1,
            rules_max: 1,
            renewals: 0,
            joined,
            settled: String::new(),
        }
    }

    fn game(id: u64, owner: u64, next: Option<(u64, Reason)>) -> GameRecord {
        GameRecord {
            id: GameId(id),
            epoch: Epoch(7),
            owner: Some(MemberId(owner)),
            base: Epoch(7),
            next: next.map(|(next, reason)| (MemberId(next), reason)),
            snapshot_epoch: Epoch(7),
            rules: 1,
            ..GameRecord::default()
        }
    }

    fn pods(facts: &[(&str, Standing)]) -> Pods {
        let fact = |standing: &Standing| PodFact {
            standing: standing.clone(),
            restarts: (0, true),
            gone: false,
            node: None,
        };
        facts.iter().map(|(uid, standing)| ((*uid).to_owned(), fact(standing))).collect()
    }

    /// Game, next member, and whether the owner is called dead.
    fn decided(requests: Vec<Request>) -> Vec<(u64, u64, bool)> {
        let read = |request| match request {
            Request::Assign { game, next, reason, .. } => (game.0, next.0, matches!(reason, Reason::Dead(_))),
            other => panic!("{other:?}"),
        };
        requests.into_iter().map(read).collect()
    }

    #[test]
    fn games_of_a_leaving_pod_move_to_one_that_stays_and_others_do_not() {
        let pods = pods(&[("a", Standing::Leaves), ("b", Standing::Leaves), ("c", Standing::Stays)]);
        let members = [member(1, "a", 1), member(2, "b", 2), member(3, "c", 3)];
        let games = [game(10, 1, None), game(11, 2, None), game(12, 3, None)];
        assert_eq!(decided(decide(&pods, &members, &games, "r1")), [(10, 3, false), (11, 3, false)]);
    }

    #[test]
    fn the_target_revision_is_preferred() {
        let pods = pods(&[("a", Standing::Leaves), ("b", Standing::Stays), ("c", Standing::Stays)]);
        let mut members = [member(1, "a", 1), member(2, "b", 2), member(3, "c", 3)];
        members[2].revision = "r2".into();
        assert_eq!(decided(decide(&pods, &members, &[game(10, 1, None)], "r2")), [(10, 3, false)]);
    }

    #[test]
    fn what_is_assigned_is_not_assigned_again() {
        let pods = pods(&[("a", Standing::Leaves), ("b", Standing::Stays)]);
        let members = [member(1, "a", 1), member(2, "b", 2)];
        assert!(decide(&pods, &members, &[game(10, 1, Some((2, Reason::Move)))], "").is_empty());
        let gone = game(10, 1, Some((9, Reason::Move)));
        assert_eq!(decided(decide(&pods, &members, &[gone], "")), [(10, 2, false)]);
    }

    #[test]
    fn an_ended_pod_proves_death_even_where_a_move_was_assigned() {
        let pods = pods(&[("a", Standing::Ended("exit".into())), ("b", Standing::Stays)]);
        let members = [member(1, "a", 1), member(2, "b", 2)];
        let games = [game(10, 1, None), game(11, 1, Some((2, Reason::Move)))];
        assert_eq!(decided(decide(&pods, &members, &games, "")), [(10, 2, true), (11, 2, true)]);
    }

    #[test]
    fn the_next_process_of_a_container_proves_the_death_of_the_one_before() {
        let pods = pods(&[("a", Standing::Stays)]);
        let members = [member(1, "a", 1), member(2, "a", 5)];
        let games = [game(10, 1, None), game(11, 2, None)];
        assert_eq!(decided(decide(&pods, &members, &games, "")), [(10, 2, true)]);
    }

    #[test]
    fn a_game_that_nobody_can_take_is_left_where_it_is() {
        let leaving = pods(&[("a", Standing::Leaves)]);
        assert!(decide(&leaving, &[member(1, "a", 1)], &[game(10, 1, None)], "").is_empty());
        let both = pods(&[("a", Standing::Leaves), ("b", Standing::Stays)]);
        let mut joining = member(2, "b", 2);
        joining.state = MemberState::Joining;
        assert!(decide(&both, &[member(1, "a", 1), joining], &[game(10, 1, None)], "").is_empty());
    }

    #[test]
    fn where_a_node_is_drained_games_do_not_move_to_the_pod_that_goes_next() {
        let members = [member(1, "a", 1), member(2, "b", 2), member(3, "c", 3)];
        let games = [game(10, 1, None), game(11, 1, None), game(12, 2, None)];
        let drained =
            pods(&[("a", Standing::Leaves), ("b", Standing::OnCordonedNode), ("c", Standing::Stays)]);
        assert_eq!(decided(decide(&drained, &members, &games, "r1")), [(10, 3, false), (11, 3, false)]);
        let all = pods(&[("a", Standing::Leaves), ("b", Standing::OnCordonedNode), ("c", Standing::Leaves)]);
        assert_eq!(decided(decide(&all, &members, &games, "r1")), [(10, 2, false), (11, 2, false)]);
    }

    #[test]
    fn members_outside_the_watch_are_neither_dead_nor_given_games() {
        let pods = pods(&[("a", Standing::Leaves)]);
        let members = [member(1, "a", 1), member(2, "elsewhere", 2), member(3, "", 3), member(4, "", 4)];
        assert!(
            decide(&pods, &members, &[game(10, 1, None), game(11, 2, None), game(12, 3, None)], "")
                .is_empty()
        );
    }
}
