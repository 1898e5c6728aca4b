//! Who should own which game: a pure function of facts that every member and the operator can read.
//!
//! Owns the order of preference and nothing else: who lives, who leaves and which games exist are facts that the caller
//! brings. Members have no upper limit of games, so the target revision has room as soon as one member of it is ready.

use protocol::{GameId, MemberId};
use registry::{ClusterRecord, MemberRecord, MemberState};
use std::collections::BTreeMap;

/// A game, as far as placement cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedGame {
    /// Which game.
    pub id: GameId,
    /// Who runs it; none while it is parked.
    pub owner: Option<MemberId>,
    /// Whom it is assigned to already.
    pub next: Option<MemberId>,
    /// Rules version that it is stepped by.
    pub rules: u16,
}

/// A living member, as far as placement cares. Dead ones are left out by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedMember {
    /// Which member.
    pub id: MemberId,
    /// Ready, and not leaving: it may be given games. One that does not accept is to keep none of its own either.
    pub accepts: bool,
    /// Revision of its Deployment.
    pub revision: String,
    /// Lowest rules version it can step.
    pub rules_min: u16,
    /// Highest rules version it can step.
    pub rules_max: u16,
}

impl PlacedMember {
    /// It may be given games of that rules version.
    pub fn can_run(&self, rules: u16) -> bool {
        self.accepts && (self.rules_min..=self.rules_max).contains(&rules)
    }
}

/// Names a member for every game whose owner is gone, leaving or nobody. Games that can stay are not in the answer, nor
/// are those that no member can run at present. An assignment that still holds (its member accepts) is kept.
///
/// Prefers members of the target revision, then the least loaded, then an order that differs from game to game.
/// Deterministic: the same facts, in whatever order, give the same answer.
pub fn place(games: &[PlacedGame], members: &[PlacedMember], target: &str) -> BTreeMap<GameId, MemberId> {
    let by_id: BTreeMap<MemberId, &PlacedMember> = members.iter().map(|member| (member.id, member)).collect();
    let accepts = |id: Option<MemberId>, rules: u16| {
        id.filter(|id| by_id.get(id).is_some_and(|member| member.can_run(rules)))
    };
    let mut load: BTreeMap<MemberId, u32> = by_id.keys().map(|id| (*id, 0)).collect();
    let mut homeless: BTreeMap<GameId, &PlacedGame> = BTreeMap::new();
    let mut placed = BTreeMap::new();
    for game in games {
        let stays = game.owner.filter(|id| by_id.get(id).is_some_and(|member| member.accepts));
        let next = accepts(game.next, game.rules);
        if let (None, Some(next)) = (stays, next) {
            placed.insert(game.id, next);
        }
        match next.or(stays) {
            Some(holder) => *load.entry(holder).or_default() += 1,
            None => drop(homeless.insert(game.id, game)),
        }
    }
    for (id, game) in homeless {
        let can_run = by_id.values().filter(|member| member.can_run(game.rules));
        let best = can_run.min_by_key(|member| preference(member, target, &load, id));
        if let Some(best) = best {
            *load.entry(best.id).or_default() += 1;
            placed.insert(id, best.id);
        }
    }
    placed
}

/// As [`place`], for one game after the other: who holds which game is kept from one question to the next.
#[derive(Clone, Debug)]
pub struct Board {
    members: BTreeMap<MemberId, PlacedMember>,
    target: String,
    load: BTreeMap<MemberId, u32>,
    holders: BTreeMap<GameId, MemberId>,
}

impl Board {
    /// Nobody holds a game yet.
    pub fn new(members: &[PlacedMember], target: &str) -> Board {
        let members: BTreeMap<_, _> = members.iter().map(|member| (member.id, member.clone())).collect();
        Board { members, target: target.into(), load: BTreeMap::new(), holders: BTreeMap::new() }
    }

    /// Says how things stand with a game. True where it has a place: the member that it is assigned to, else its owner, if
    /// that one accepts games.
    pub fn put(&mut self, game: &PlacedGame) -> bool {
        let next =
            game.next.filter(|id| self.members.get(id).is_some_and(|member| member.can_run(game.rules)));
        let stays = game.owner.filter(|id| self.members.get(id).is_some_and(|member| member.accepts));
        match next.or(stays) {
            Some(holder) => self.hold(game.id, holder),
            None => self.remove(game.id),
        }
        next.or(stays).is_some()
    }

    /// That member will have the game.
    pub fn hold(&mut self, game: GameId, holder: MemberId) {
        self.remove(game);
        self.holders.insert(game, holder);
        *self.load.entry(holder).or_default() += 1;
    }

    /// Nobody has the game.
    pub fn remove(&mut self, game: GameId) {
        if let Some(load) = self.holders.remove(&game).and_then(|holder| self.load.get_mut(&holder)) {
            *load -= 1;
        }
    }

    /// Who holds the game.
    pub fn holder(&self, game: GameId) -> Option<MemberId> {
        self.holders.get(&game).copied()
    }

    /// Whether games should move to that member's revision.
    pub fn is_of_target(&self, member: MemberId) -> bool {
        self.members.get(&member).is_some_and(|member| of_target(member, &self.target))
    }

    /// Who should have a game that nobody holds, among those members.
    pub fn best(&self, game: GameId, rules: u16, may: impl Fn(MemberId) -> bool) -> Option<MemberId> {
        let members = self.members.values().filter(|member| member.can_run(rules) && may(member.id));
        members
            .min_by_key(|member| preference(member, &self.target, &self.load, game))
            .map(|member| member.id)
    }
}

/// The lowest one gets the game.
fn preference(
    member: &PlacedMember,
    target: &str,
    load: &BTreeMap<MemberId, u32>,
    game: GameId,
) -> (bool, u32, u64, MemberId) {
    let other_revision = !of_target(member, target);
    let load = load.get(&member.id).copied().unwrap_or(0);
    (other_revision, load, mix(game.0 ^ member.id.0), member.id)
}

/// Of the target revision, or none is known.
fn of_target(member: &PlacedMember, target: &str) -> bool {
    target.is_empty() || member.revision == target
}

/// The revision that games should move to: what the operator published, else that of the member that joined last. A
/// container that restarts in place says nothing about a rollout and is not counted.
///
/// What was published is overtaken by members that stay and are of a revision that there was not when it was said: a rollout has
/// begun that whoever publishes does not see, or cannot tell of. A pod of an older revision may join late; its revision is
/// known.
pub fn target_revision<'a>(
    cluster: &ClusterRecord,
    members: impl Iterator<Item = &'a MemberRecord> + Clone,
) -> String {
    if !cluster.target_revision.is_empty() {
        let since = members.clone().filter(|member| {
            let known = cluster.revisions.is_empty() || cluster.revisions.contains(&member.revision);
            !known && member.state != MemberState::Draining
        });
        let newest = since.max_by_key(|member| member.joined);
        return newest.map_or(&cluster.target_revision, |member| &member.revision).clone();
    }
    let restarted = |one: &MemberRecord| members.clone().any(|other| restarted_in_place(other, one));
    let newest = members.clone().filter(|member| !restarted(member)).max_by_key(|member| member.joined);
    newest.map(|member| member.revision.clone()).unwrap_or_default()
}

/// The rules version that new games get: the published one, or the one nearest to it that all these members step, oldest and
/// newest of each; where nothing is published (0), the newest that all step. None where they have none in common.
pub fn rules_for_new_games(published: u16, members: impl Iterator<Item = (u16, u16)>) -> Option<u16> {
    let (oldest, newest) = members
        .reduce(|all, member| (all.0.max(member.0), all.1.min(member.1)))
        .filter(|all| all.0 <= all.1)?;
    Some(if published == 0 { newest } else { published.clamp(oldest, newest) })
}

/// `newer` is the same container of the same pod as `older`, started again: `older` is gone.
pub fn restarted_in_place(older: &MemberRecord, newer: &MemberRecord) -> bool {
    !older.pod_uid.is_empty()
        && older.pod_uid == newer.pod_uid
        && older.container == newer.container
        && older.id != newer.id
        && newer.joined > older.joined
}

/// Spreads ids over 64 bits (the finaliser of splitmix64).
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(id: u64, accepts: bool, revision: &str) -> PlacedMember {
        PlacedMember { id: MemberId(id), accepts, revision: revision.into(), rules_min: 1, rules_max: 1 }
    }

    fn game(id: u64, owner: Option<u64>) -> PlacedGame {
        PlacedGame { id: GameId(id), owner: owner.map(MemberId), next: None, rules: 1 }
    }

    #[test]
    fn a_game_of_a_living_member_stays() {
        let members = [member(1, true, "a"), member(2, true, "b")];
        assert!(place(&[game(7, Some(1))], &members, "b").is_empty());
    }

    #[test]
    fn games_of_a_leaving_member_spread_evenly_over_the_target_revision() {
        let members =
            [member(1, false, "a"), member(2, true, "a"), member(3, true, "b"), member(4, true, "b")];
        let games: Vec<_> = (0..10).map(|id| game(id, Some(1))).collect();
        let placed = place(&games, &members, "b");
        let of = |id| placed.values().filter(|member| **member == MemberId(id)).count();
        assert_eq!((placed.len(), of(3), of(4)), (10, 5, 5));
    }

    #[test]
    fn games_that_nobody_can_run_are_not_placed() {
        let members = [member(1, false, "a"), member(2, true, "a")];
        let newer = PlacedGame { rules: 2, ..game(1, None) };
        assert!(place(&[newer], &members, "a").is_empty());
        assert!(place(&[game(1, None)], &members[..1], "a").is_empty());
    }

    #[test]
    fn an_assignment_that_holds_is_kept_and_counts_as_load() {
        let members = [member(1, false, "a"), member(2, true, "a"), member(3, true, "a")];
        let assigned = PlacedGame { next: Some(MemberId(2)), ..game(1, Some(1)) };
        let placed = place(&[assigned, game(2, Some(1))], &members, "a");
        assert_eq!(placed, BTreeMap::from([(GameId(1), MemberId(2)), (GameId(2), MemberId(3))]));
    }

    fn record(id: u64, joined: u64, pod: &str, revision: &str) -> MemberRecord {
        MemberRecord {
            id: MemberId(id),
            name: String::new(),
            address: String::new(),
            pod_uid: pod.into(),
            container: "gamed".into(),
            revision: revision.into(),
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

    #[test]
    fn a_restart_in_place_does_not_name_the_target_revision() {
        let members = [record(1, 1, "p", "old"), record(2, 2, "q", "new"), record(3, 3, "p", "old")];
        assert_eq!(target_revision(&ClusterRecord::default(), members.iter()), "new");
        let cluster = ClusterRecord { target_revision: "old".into(), ..ClusterRecord::default() };
        assert_eq!(target_revision(&cluster, members.iter()), "old");
    }

    #[test]
    fn a_revision_that_is_newer_than_what_was_published_is_the_target() {
        let published = ClusterRecord {
            target_revision: "b".into(),
            revisions: vec!["a".into(), "b".into()],
            ..ClusterRecord::default()
        };
        let mut members = vec![record(1, 1, "p", "b"), record(2, 2, "q", "a")];
        assert_eq!(target_revision(&published, members.iter()), "b", "an older one that came late");
        members.push(record(3, 3, "r", "c"));
        members.push(record(4, 4, "s", "b"));
        assert_eq!(target_revision(&published, members.iter()), "c");
        members[2].state = MemberState::Draining;
        assert_eq!(target_revision(&published, members.iter()), "b", "that one was taken back");
    }

    #[test]
    fn new_games_get_the_published_rules_or_those_next_to_them_that_all_members_step() {
        let of = |published, members: &[(u16, u16)]| rules_for_new_games(published, members.iter().copied());
        let rollout = [(1, 2), (2, 3), (1, 2)];
        assert_eq!(of(2, &rollout), Some(2));
        assert_eq!(
            of(1, &rollout),
            Some(2),
            "one of the new ones does not step the published version any more"
        );
        assert_eq!(of(3, &rollout), Some(2), "one of the old ones does not step it yet");
        assert_eq!(of(0, &rollout), Some(2));
        assert_eq!(of(1, &[(1, 2)]), Some(1), "what is published is not raised by members that step more");
        assert_eq!(of(1, &[(1, 1), (2, 3)]), None);
        assert_eq!(of(1, &[]), None);
    }

    proptest! {
        #[test]
        fn a_board_that_is_asked_game_by_game_places_as_the_whole_does(
            games in proptest::collection::vec(
                (proptest::option::of(0u64..6), proptest::option::of(0u64..6), 1u16..3), 0..24),
            accepts in proptest::collection::vec((any::<bool>(), 1u16..3), 5),
            earlier in proptest::collection::vec((0u64..24, 0u64..6), 0..24),
        ) {
            let members: Vec<_> = accepts
                .iter()
                .zip(0..)
                .map(|((yes, rules), id)| PlacedMember {
                    rules_max: *rules,
                    ..member(id, *yes, if id % 2 == 0 { "a" } else { "b" })
                })
                .collect();
            let games: Vec<_> = games
                .iter()
                .zip(0..)
                .map(|((owner, next, rules), id)| {
                    PlacedGame { next: next.map(MemberId), rules: *rules, ..game(id, *owner) }
                })
                .collect();
            let mut board = Board::new(&members, "b");
            // What was said before leaves nothing behind.
            for (id, owner) in earlier {
                board.put(&game(id, Some(owner)));
            }
            for id in 0..24 {
                board.remove(GameId(id));
            }
            let homeless: Vec<_> = games.iter().filter(|game| !board.put(game)).collect();
            let mut placed = BTreeMap::new();
            for game in homeless {
                if let Some(best) = board.best(game.id, game.rules, |_| true) {
                    board.hold(game.id, best);
                    placed.insert(game.id, best);
                }
            }
            let whole = place(&games, &members, "b");
            let homeless = |id: &GameId| placed.contains_key(id);
            let whole: BTreeMap<_, _> = whole.into_iter().filter(|(id, _)| homeless(id)).collect();
            prop_assert_eq!(&placed, &whole);
        }

        #[test]
        fn placement_does_not_depend_on_the_order_of_facts_and_is_stable_once_carried_out(
            owners in proptest::collection::vec(proptest::option::of(0u64..6), 0..24),
            accepts in proptest::collection::vec(any::<bool>(), 5),
            turn in 0usize..24,
        ) {
            let members: Vec<_> =
                accepts.iter().zip(0..).map(|(yes, id)| member(id, *yes, if id % 2 == 0 { "a" } else { "b" })).collect();
            let games: Vec<_> = owners.iter().zip(0..).map(|(owner, id)| game(id, *owner)).collect();
            let placed = place(&games, &members, "b");
            let mut turned = games.clone();
            if !turned.is_empty() {
                let by = turn % turned.len();
                turned.rotate_left(by);
            }
            let mut back = members.clone();
            back.reverse();
            prop_assert_eq!(&placed, &place(&turned, &back, "b"));
            let moved: Vec<_> = games
                .iter()
                .map(|game| PlacedGame { owner: placed.get(&game.id).copied().or(game.owner), ..game.clone() })
                .collect();
            prop_assert!(place(&moved, &members, "b").is_empty() || accepts.iter().all(|yes| !yes));
        }
    }
}
