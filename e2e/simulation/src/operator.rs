//! The operator, and the controller that carries a rollout out. The operator is the real one's pure part: it sees which
//! pods leave and which containers ended, places their games, and publishes the revision that is wanted.

use crate::broken::Broken;
use crate::cluster::{Action, Cluster};
use crate::faults::Fault;
use crate::plan::Operator;
use ownership::placement::{PlacedGame, PlacedMember, place};
use protocol::{GameId, MemberId};
use rand::Rng;
use registry::{ClusterRecord, Fence, MemberState, Reason, Reply, Request};

/// What an operator that is gone published holds for members for at most so long.
pub const STALE_US: u64 = 13_000_000;
/// The record is published again after so long, changed or not.
const PUBLISH_US: u64 = 5_000_000;

impl Cluster {
    fn operator_runs(&self) -> bool {
        match self.plan.operator {
            Operator::Always => true,
            Operator::Never => false,
            Operator::Dies { at, back } => self.now < at || back.is_some_and(|back| self.now >= back),
        }
    }

    /// One look at everything, and the next one after a moment.
    pub fn operate(&mut self) {
        let at = self.now + self.rng.random_range(20_000..150_000);
        self.at(at, Action::Operator);
        if !self.operator_runs() || self.now < self.away_until {
            return;
        }
        let Reply::Members { members, cluster, .. } = self.store.apply(0, Request::Members).0 else { return };
        let target = match self.plan.broken {
            Some(Broken::OldRevisionPreferred) if self.target == "v2" => "v1",
            _ => self.target,
        };
        let placed: Vec<PlacedMember> = members
            .iter()
            .filter(|member| self.servers.get(&member.id).is_some_and(|server| server.alive))
            .map(|member| PlacedMember {
                id: member.id,
                accepts: member.state == MemberState::Ready && !self.servers[&member.id].terminating,
                revision: member.revision.clone(),
                rules_min: member.rules_min,
                rules_max: member.rules_max,
            })
            .collect();
        let games: Vec<PlacedGame> = self.games_in_registry();
        for (id, next) in place(&games, &placed, target) {
            let Some(game) = games.iter().find(|game| game.id == id && game.next != Some(next)) else {
                continue;
            };
            let Some(owner) = game.owner.and_then(|owner| self.servers.get(&owner)) else { continue };
            let reason =
                if owner.alive { Reason::Move } else { Reason::Dead("its container has ended".into()) };
            self.assign(id, next, reason);
        }
        if cluster.target_revision != target || self.now >= self.publish_at {
            self.publish_at = self.now + PUBLISH_US;
            // A revision's ReplicaSet is there before its pods.
            let revisions: &[&str] = match self.plan.broken {
                Some(Broken::RevisionsUntold) => &[],
                _ if self.target == "v1" && self.undone_at.is_none() => &["v1"],
                _ => &["v1", "v2"],
            };
            let record = ClusterRecord {
                target_revision: target.into(),
                rules: 1,
                revisions: revisions.iter().map(|revision| (*revision).into()).collect(),
                ..ClusterRecord::default()
            };
            self.call(None, Request::PublishCluster(record));
        }
    }

    fn games_in_registry(&mut self) -> Vec<PlacedGame> {
        let Reply::Games(records) = self.store.apply(0, Request::Games).0 else { return Vec::new() };
        let placed = |record: registry::GameRecord| PlacedGame {
            id: record.id,
            owner: record.owner,
            next: record.next.map(|(next, _)| next),
            rules: record.rules,
        };
        records.into_iter().map(placed).collect()
    }

    /// Says in the registry who is to own a game next.
    pub fn assign(&mut self, game: GameId, next: MemberId, reason: Reason) {
        let Some(record) = self.record(game) else { return };
        let expect = Fence { epoch: record.epoch, owner: record.owner };
        self.call(None, Request::Assign { game, expect, next, reason });
    }

    /// One more server than wanted comes; when all of the wanted revision are ready, one of the others leaves: the one with
    /// the fewest games.
    pub fn roll(&mut self) {
        let Some(rollout) = self.plan.rollout else { return };
        if self.undone_at.is_none() {
            self.target = "v2";
        }
        let (now, target) = (self.now, self.target);
        let stays = self.stays();
        let of_target = |id: &&MemberId| self.servers[id].revision == target;
        let (new, old): (Vec<&MemberId>, Vec<&MemberId>) = stays.iter().partition(of_target);
        let ready = new.iter().filter(|id| self.servers[id].member.is_ready()).count();
        if old.is_empty() && new.len() >= self.plan.servers {
            self.rolled = true;
            return;
        }
        self.at(now + rollout.step, Action::Fault(Fault::Roll));
        if stays.len() <= self.plan.servers && new.len() < self.plan.servers {
            self.new_server(None, target);
        } else if ready == new.len() && stays.len() > self.plan.servers {
            let games = |id: &MemberId| {
                let hubs = self.servers[id].hubs.values();
                hubs.filter(|hub| hub.own.is_some()).count()
            };
            if let Some(leaves) = old.iter().min_by_key(|id| (games(id), id.0)).map(|id| **id) {
                self.fault(Fault::Leave(leaves));
            }
        }
    }

    /// `kubectl rollout undo`.
    pub fn undo(&mut self) {
        self.count("undo");
        self.undone_at = Some(self.now);
        self.target = "v1";
        if std::mem::take(&mut self.rolled) {
            let now = self.now;
            self.at(now, Action::Fault(Fault::Roll));
        }
    }
}
