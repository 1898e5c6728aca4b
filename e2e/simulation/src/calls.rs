//! Calls to the registry: the real one in memory, behind a line that delays, loses and repeats nothing by itself but does
//! so as the seed has it.

use crate::broken::Broken;
use crate::cluster::{Action, Cluster};
use crate::coverage;
use crate::oracle::{fence, fence_mut};
use crate::plan::Blow;
use ownership::{CallId, Event};
use protocol::{GameId, MemberId};
use rand::Rng;
use registry::{Fence, GameRecord, Hint, Reason, RegistryError, Reply, Request, Snapshot};

/// A call to the registry that is not answered in this time never is.
const CALL_TIMEOUT_US: u64 = 500_000;
/// Milliseconds since 1970 at the beginning of a run.
const BEGAN_MS: u64 = 1_700_000_000_000;
/// A move whose call went wrong may take so much longer than the call.
const CALL_AGAIN_US: u64 = 150_000;
/// Whoever takes a ceded game waits for the registry for so long at most.
const CEDE_US: u64 = 20_000;
/// Least and most time that an answer of a slow registry takes.
const SLOW_US: (u64, u64) = (50_000, 300_000);
/// A replica that stands still now and then is that old at most.
const REPLICA_US: u64 = 3_800_000;

/// Who called, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub id: MemberId,
    pub call: CallId,
}

/// What became of a call, on its way back.
#[derive(Debug)]
pub struct Answer {
    pub caller: Caller,
    pub what: What,
    /// The ownership that the request expected.
    pub fence: Option<(GameId, Fence)>,
    pub reply: Result<Reply, RegistryError>,
    /// The registry refused the write, whatever the caller is told.
    pub refused: bool,
}

/// Requests that are followed one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Commit,
    Bump,
    Claim,
    Park,
    /// A fresh epoch that a broken rule makes a mere write of.
    KeptEpoch,
    Other,
}

impl What {
    fn of(request: &Request) -> What {
        match request {
            Request::CommitMove { .. } => What::Commit,
            Request::Bump { .. } => What::Bump,
            Request::Claim { .. } => What::Claim,
            Request::Park { .. } => What::Park,
            _ => What::Other,
        }
    }
}

impl Cluster {
    /// A request leaves a server (or the operator) for the registry.
    pub fn call(&mut self, caller: Option<Caller>, mut request: Request) {
        let now = self.now;
        let mut what = What::of(&request);
        if let Some(caller) = caller {
            self.judge_call(caller.id, &request);
            self.distort_request(caller.id, &mut request, &mut what);
        } else if let (Some(Broken::AssignIsDeath), Request::Assign { reason, .. }) =
            (self.plan.broken, &mut request)
        {
            *reason = Reason::Dead("it is to move".into());
        }
        let asked = fence(&request);
        // What is late about a game, writes and looks at its record alike, explains why it stands still.
        let about = match &request {
            Request::Game(game) | Request::Create { game, .. } => Some(*game),
            _ => asked.map(|(game, _)| game),
        };
        let mut way = self.rng.random_range(100..1_500);
        let dice = self.rng.random_range(0..1_000);
        let (lost, unheard, late) = if now < self.plan.faults_until {
            (self.plan.request_lost, self.plan.answer_lost, self.plan.request_late)
        } else {
            (0, 0, 0)
        };
        let doomed = asked.filter(|_| what != What::Other).and_then(|(game, _)| self.doomed.remove(&game));
        let blind = caller
            .and_then(|caller| self.servers.get(&caller.id))
            .map_or(0, |server| server.blind_until)
            .max(self.away_until);
        let fate = match doomed {
            _ if now < blind => None,
            Some(Blow::LoseWrite) => Some(0),
            Some(Blow::LoseAnswer) => Some(1),
            Some(_) => Some(2),
            None if dice < lost => Some(0),
            None if dice < lost + unheard => Some(1),
            None if dice < lost + unheard + late => Some(2),
            None => None,
        };
        let answer = |reply| Answer {
            caller: Caller { id: MemberId(0), call: CallId(0) },
            what,
            fence: asked,
            reply,
            refused: false,
        };
        if now < blind {
            let error = if dice < 500 {
                RegistryError::Refused("away".into())
            } else {
                RegistryError::Unanswered("away".into())
            };
            // A game that was ceded waits for no registry.
            let waits = what != What::Bump
                || !about.is_some_and(|game| self.takes_ceded(caller.map(|it| it.id), game));
            self.excuse(about, if waits { blind - now + CALL_AGAIN_US } else { CEDE_US });
            self.answer(caller, now + 1_000, answer(Err(error)));
            return;
        }
        if let Some(fate) = fate {
            self.excuse(about, CALL_TIMEOUT_US + CALL_AGAIN_US);
            self.answer(caller, now + CALL_TIMEOUT_US, answer(Err(RegistryError::Unanswered("lost".into()))));
            let at = match fate {
                0 => return self.coverage.count("requests lost"),
                1 => {
                    self.coverage.count("answers lost");
                    now + way
                }
                _ => {
                    self.coverage.count("requests late");
                    now + CALL_TIMEOUT_US + way * 400
                }
            };
            self.at(at, Action::Arrives { caller, what, request, answered: false, sent: now });
            return;
        }
        let mut answered = true;
        if now < self.slow_until {
            let more = self.rng.random_range(SLOW_US.0..SLOW_US.1);
            self.coverage.count("slow calls");
            self.excuse(about, more + CALL_AGAIN_US);
            way += more;
            // The answer takes the other half, and may come too late.
            answered = self.rng.random_range(0..10) > 0;
            if !answered {
                self.excuse(about, CALL_TIMEOUT_US);
                self.answer(
                    caller,
                    now + CALL_TIMEOUT_US,
                    answer(Err(RegistryError::Unanswered("slow".into()))),
                );
            }
        }
        self.at(now + way, Action::Arrives { caller, what, request, answered, sent: now });
    }

    fn answer(&mut self, caller: Option<Caller>, at: u64, answer: Answer) {
        if let Some(caller) = caller {
            self.at(at, Action::Answer(Box::new(Answer { caller, ..answer })));
        }
    }

    /// What the registry holds about a game, for the judge: no call.
    pub fn record(&mut self, game: GameId) -> Option<GameRecord> {
        match self.store.apply(0, Request::Game(game)).0 {
            Reply::Game(record) => Some(record),
            _ => None,
        }
    }

    /// It has not reached the registry since that lost what it had, nor is it linked with that one: which cannot know more of it
    /// than that a record names it.
    fn is_unheard_of(&mut self, old: MemberId, by: MemberId) -> bool {
        let Reply::Members { members, .. } = self.store.apply(0, Request::Members).0 else { return false };
        let listed = members.iter().any(|member| member.id == old);
        self.restored_at > 0 && !listed && !self.links_of(by).contains(&old)
    }

    pub fn arrives(
        &mut self,
        caller: Option<Caller>,
        what: What,
        mut request: Request,
        answered: bool,
        sent: u64,
    ) {
        let now = self.now;
        let asked = fence(&request);
        if sent < self.restored_at {
            // It went to the one that is gone.
            if answered {
                let at = now.max(sent + CALL_TIMEOUT_US);
                let reply = Err(RegistryError::Unanswered("restored".into()));
                let caller_of = caller.unwrap_or(Caller { id: MemberId(0), call: CallId(0) });
                self.answer(
                    caller,
                    at,
                    Answer { caller: caller_of, what, fence: asked, reply, refused: false },
                );
            }
            return;
        }
        let original = asked.map(|_| request.clone());
        let created = match &request {
            Request::Create { game, .. } => Some(*game),
            _ => None,
        };
        let before = asked.and_then(|(game, _)| self.record(game));
        if let (Some(Broken::EpochNotChecked), Some(before), Some(expect)) =
            (self.plan.broken, &before, fence_mut(&mut request))
        {
            *expect = Fence { epoch: before.epoch, owner: before.owner };
        }
        let to_count = (original.is_some() || created.is_some()).then(|| request.clone());
        if let (Some(Broken::LogWithHole), Some(before), Request::Append { after, .. }) =
            (self.plan.broken, &before, &mut request)
        {
            *after = before.durable.min(*after);
        }
        if let (Some(Broken::LossUnheard), Request::Claim { run_id, .. }) = (self.plan.broken, &mut request) {
            *run_id = None;
        }
        if let (Some(Broken::PutBackOverNewer), Some(game)) = (self.plan.broken, created)
            && caller.is_some_and(|caller| self.epoch_on(caller.id, game).is_some())
            && let Some(GameRecord { epoch, owner, .. }) = self.record(game)
        {
            self.store.apply(BEGAN_MS, Request::End { game, expect: Fence { epoch, owner } });
        }
        let reads_members = matches!(request, Request::Members);
        let (mut reply, hints) = self.store.apply(BEGAN_MS + now / 1_000, request);
        // One that has lost the ownership says nothing about it.
        let refused = matches!(&reply, Reply::Stale(record)
            if asked.is_some_and(|(_, expect)| record.epoch >= expect.epoch));
        if let (
            Some(game),
            Reply::Granted { epoch } | Reply::Claimed { record: GameRecord { epoch, .. }, .. },
        ) = (created.or(asked.map(|(game, _)| game)), &reply)
        {
            self.granted.insert((game, *epoch));
            if created.is_some() && !answered && now - sent >= CALL_TIMEOUT_US {
                self.given_late.insert((game, *epoch));
            }
        }
        if let (Some(request), Some((game, _))) = (&original, asked) {
            let after = self.record(game);
            self.oracle.written(now, request, &reply, before.as_ref(), after.as_ref());
            self.count_write(caller, request, &reply, answered, sent);
            self.distort_reply(caller, request, &mut reply);
        }
        if let (Some(request), Some(caller)) = (&to_count, caller) {
            self.count_put_back(caller.id, request, &reply);
        }
        if let (Some(Broken::LossUnheard), Reply::Members { run_id, .. } | Reply::Renewed { run_id, .. }) =
            (self.plan.broken, &mut reply)
        {
            *run_id = "run-1".into();
        }
        if self.plan.broken == Some(Broken::RefusalUnheard) {
            self.hide_replacement(caller, &mut reply);
        }
        if reads_members && self.plan.broken == Some(Broken::StaleExpiry) {
            self.old_members(caller, &mut reply);
        }
        if answered {
            let at = now + self.rng.random_range(100..1_500);
            if let Some(caller) = caller {
                let answer = Answer { caller, what, fence: asked, reply: Ok(reply), refused };
                self.answer(Some(caller), at, answer);
            }
        }
        for hint in hints {
            self.publish(hint);
        }
    }

    fn publish(&mut self, hint: Hint) {
        let listening = self.servers.values().filter(|server| server.alive && self.now >= server.blind_until);
        let ids: Vec<MemberId> = listening.map(|server| server.id).collect();
        for id in ids {
            if self.plan.broken == Some(Broken::RefusalUnheard) {
                continue;
            }
            if !self.rng.random_ratio(self.plan.hint_lost.min(1_000), 1_000) {
                let at = self.now + self.rng.random_range(100..3_000);
                self.deliver(id, at, Event::Hint(hint));
            }
        }
    }

    /// Counts what the registry did, and asks the judge about claims.
    fn count_write(
        &mut self,
        caller: Option<Caller>,
        request: &Request,
        reply: &Reply,
        answered: bool,
        sent: u64,
    ) {
        let (now, me) = (self.now, caller.map(|caller| caller.id));
        match (request, reply) {
            (Request::Fail { game, .. }, Reply::Game(record)) => self.judge_failure(*game, record),
            (Request::CommitMove { game, to, .. }, Reply::Granted { epoch }) => {
                self.judge_move(*game, *to);
                if !answered && now - sent >= CALL_TIMEOUT_US {
                    self.given_late.insert((*game, *epoch));
                }
            }
            (Request::CommitMove { .. }, Reply::Stale(_)) if !answered => {
                self.coverage.branch(coverage::MOVE_LATE);
            }
            (Request::Claim { game, owner, expect, .. }, Reply::Claimed { .. }) => {
                self.claimed_at.insert(*game, now);
                if !answered && now - sent >= CALL_TIMEOUT_US {
                    self.coverage.branch(coverage::CLAIM_LATE);
                    // Who has asked for it has ended since, and whoever claims next cannot know that it never ran it.
                    if self.servers.get(owner).is_none_or(|server| !server.alive) {
                        self.orphans.insert(*game);
                    }
                }
                if expect.owner.is_some_and(|old| self.is_unheard_of(old, *owner)) {
                    self.orphans.insert(*game);
                }
                if expect.owner != Some(*owner) {
                    self.of_kind().moves += 1;
                }
                let terminating =
                    me.and_then(|me| self.servers.get(&me)).is_some_and(|server| server.terminating);
                match expect.owner {
                    None => self.coverage.branch(coverage::PARKED_CLAIMED),
                    Some(over) if over == *owner && terminating => {
                        self.coverage.branch(coverage::CLAIM_LEAVING);
                    }
                    Some(over) if over == *owner => self.coverage.branch(coverage::CLAIM_OWN),
                    Some(_) => {}
                }
            }
            (Request::Bump { game, expect, .. }, _) if self.takes_ceded(me, *game) => {
                let late = self.oracle.ceded_to(*game, expect.epoch).is_none();
                if late && matches!(reply, Reply::Granted { .. }) {
                    self.coverage.branch(coverage::CEDE_OVER_LATE);
                }
            }
            (Request::Bump { game, expect, .. }, Reply::Granted { .. }) => {
                let epoch = me
                    .and_then(|me| self.servers.get(&me))
                    .and_then(|server| server.hubs.get(game))
                    .and_then(|hub| hub.own.as_ref())
                    .map(|own| own.epoch);
                self.coverage.branch(if epoch == Some(expect.epoch) {
                    coverage::MOVE_LOST
                } else {
                    coverage::BUMP_OVER_OWN
                });
            }
            (Request::Bump { .. }, Reply::Stale(record)) if record.owner.is_some() && record.owner != me => {
                self.coverage.branch(coverage::MOVE_CARRIED_OUT);
            }
            (Request::Park { game, .. }, Reply::Granted { .. }) => {
                self.coverage.branch(coverage::PARKED);
                self.judge_parking(*game, me);
            }
            _ => {}
        }
        if matches!(reply, Reply::Stale(_)) {
            self.coverage.count("stale writes refused");
        }
    }

    /// The game was ceded to that member, and the registry has not given it to it.
    fn takes_ceded(&self, member: Option<MemberId>, game: GameId) -> bool {
        let server = member.and_then(|member| self.servers.get(&member));
        let hub = server.and_then(|server| server.hubs.get(&game));
        hub.is_some_and(|hub| hub.ceded.is_some() || hub.own.as_ref().is_some_and(|own| own.provisional))
    }

    /// What a caller asks for when a rule is broken on purpose.
    fn distort_request(&mut self, id: MemberId, request: &mut Request, what: &mut What) {
        match (self.plan.broken, &mut *request) {
            (Some(Broken::FailuresNotCounted), request) => Cluster::distort_failure(request),
            (Some(Broken::TwoWritesOneEpoch), Request::Bump { game, expect, snapshot, .. })
                if expect.owner == Some(id) =>
            {
                *what = What::KeptEpoch;
                *request =
                    Request::StoreSnapshot { game: *game, expect: *expect, snapshot: snapshot.clone() };
            }
            (Some(Broken::CommitWithoutWorld), Request::CommitMove { game, snapshot, .. }) => {
                if let Some(prepared) = self.prepared.get(game) {
                    *snapshot = prepared.clone();
                }
            }
            _ => {}
        }
    }

    /// What a granted request says when a rule is broken on purpose.
    fn distort_reply(&mut self, caller: Option<Caller>, request: &Request, reply: &mut Reply) {
        let stored = match (request, &*reply) {
            (Request::StoreSnapshot { game, snapshot, .. }, Reply::Done) => Some((*game, snapshot)),
            (Request::CommitMove { game, snapshot, .. }, Reply::Granted { .. }) => Some((*game, snapshot)),
            _ => None,
        };
        if let (Some(Broken::ClaimOldWorld), Some((game, snapshot))) = (self.plan.broken, stored) {
            let before = self.stored.remove(&game).map(|(newest, _)| newest);
            self.stored.insert(game, (snapshot.clone(), before));
        }
        if let (
            Some(Broken::ClaimOldWorld),
            Request::Claim { game, expect, .. },
            Reply::Claimed { snapshot, .. },
        ) = (self.plan.broken, request, &mut *reply)
            && expect.owner != caller.map(|caller| caller.id)
            && let Some((_, Some(older))) = self.stored.get(game)
        {
            *snapshot = older.clone();
        }
    }

    /// A member that runs a game reads nothing else in its record either.
    fn hide_replacement(&self, caller: Option<Caller>, reply: &mut Reply) {
        let Some(server) = caller.and_then(|caller| self.servers.get(&caller.id)) else { return };
        let records = match reply {
            Reply::Game(record) => std::slice::from_mut(record),
            Reply::Games(records) => records.as_mut_slice(),
            _ => return,
        };
        for record in records {
            let own = server.hubs.get(&record.id).and_then(|hub| hub.own.as_ref());
            if let Some(own) = own.filter(|own| !own.frozen && own.epoch < record.epoch) {
                (record.epoch, record.owner) = (own.epoch, Some(server.id));
            }
        }
    }

    /// Half of the members read from a replica that stands still now and then.
    fn old_members(&mut self, caller: Option<Caller>, reply: &mut Reply) {
        if caller.is_some_and(|caller| caller.id.0.is_multiple_of(2)) {
            match &self.replica {
                Some((read, old)) if self.now - read < REPLICA_US => *reply = old.clone(),
                _ => self.replica = Some((self.now, reply.clone())),
            }
        }
    }

    /// An answer reaches its caller.
    pub fn answered(&mut self, answer: Answer) {
        let Answer { caller: Caller { id, call }, what, fence, mut reply, refused } = answer;
        let own = fence.is_some_and(|(_, expect)| expect.owner == Some(id));
        match (what, &reply) {
            (What::Park, Err(RegistryError::Unanswered(_))) => {
                self.coverage.branch(coverage::PARK_UNANSWERED);
            }
            (What::Claim, Err(RegistryError::Unanswered(_))) => {
                self.coverage.branch(coverage::CLAIM_UNANSWERED);
            }
            (What::Bump, Err(_)) => self.coverage.branch(coverage::BUMP_AGAIN),
            (What::Commit, Err(RegistryError::Refused(_))) => self.coverage.branch(coverage::MOVE_REFUSED),
            _ => {}
        }
        let takes_for_not_made = match self.plan.broken {
            Some(Broken::GoOnAfterLostCommit) => what == What::Commit,
            _ => false,
        };
        reply = match reply {
            Err(RegistryError::Unanswered(text)) if takes_for_not_made => Err(RegistryError::Refused(text)),
            Ok(Reply::Done) if what == What::KeptEpoch => match fence {
                Some((_, expect)) => Ok(Reply::Granted { epoch: expect.epoch }),
                None => Ok(Reply::Done),
            },
            other => other,
        };
        if self.plan.broken == Some(Broken::RefusalUnheard) && refused && own {
            reply = Err(RegistryError::Unanswered("unheard".into()));
        }
        if let (true, true, Some((game, expect))) = (refused, own, fence) {
            self.oracle.refused(game, expect.epoch, id);
        }
        self.claims_own = what == What::Claim && own;
        self.tell(id, Event::Reply(call, reply));
        self.claims_own = false;
    }

    /// Before: what the world was that a target was prepared with.
    pub fn remember_prepared(&mut self, game: GameId, snapshot: Snapshot) {
        if self.plan.broken == Some(Broken::CommitWithoutWorld) {
            self.prepared.insert(game, snapshot);
        }
    }
}
