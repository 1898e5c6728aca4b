//! Claiming games that nobody runs: of a dead owner, parked, or this member's own without its knowing.
//!
//! What goes wrong without: everybody claims at once, or nobody does. Placement names one member from facts that all can
//! read; the others step in one after the other, should it not act. If two claim, the epoch decides.

use super::{Call, Member};
use crate::placement::{Board, PlacedGame, PlacedMember, mix};
use crate::{Effect, MoveRecord, Time};
use protocol::peer::Control;
use protocol::{Epoch, GameId, MemberId, TICK_MICROS};
use registry::{Fence, GameRecord, MemberState, Reason, RegistryError, Reply, Request};
use std::collections::BTreeSet;

/// Between the member that placement names and the next one that steps in, and so on.
const STEP_IN_US: u64 = 500_000;
/// Between two looks at whom waiting games are left to, while others claim.
const LOOK_AGAIN_US: u64 = 20_000;
/// Claims of one member under way at once.
const CLAIMS_AT_ONCE: usize = 32;
/// A game that was moved to this member is claimed when the old owner's message has not come so long after the record
/// said so: three ticks.
const COMMIT_WAIT_US: u64 = 3 * TICK_MICROS;
/// After a claim that failed.
const RETRY_US: u64 = 100_000;

/// A game that this member may claim.
#[derive(Debug)]
pub(super) struct Claim {
    /// The ownership that it would replace.
    pub(super) epoch: Epoch,
    /// Nobody can have ticked under that epoch.
    untouched: bool,
    cause: &'static str,
    since: Time,
    /// Placement wants it claimed so long after that.
    delay_us: u64,
    /// A try failed a moment ago.
    not_before: Time,
    pub(super) in_flight: bool,
    /// A claim over `epoch` was not answered, as was known then: it may have been carried out, or may still arrive.
    pub(super) unanswered: Option<Time>,
}

/// What a claim was sent for.
#[derive(Debug)]
pub(super) struct Claiming {
    expect: Fence,
    untouched: bool,
    cause: &'static str,
    since: Time,
}

impl Claim {
    fn is_left_to_others(&self) -> bool {
        self.delay_us >= STEP_IN_US
    }

    fn due(&self) -> Time {
        self.since.plus(self.delay_us).max(self.not_before)
    }
}

/// Members that live, and the revision that games should move to.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) members: Vec<PlacedMember>,
    pub(super) target: String,
}

impl Member {
    pub(super) fn keep_claims(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.lease.valid(now) || !self.view.games_known() {
            self.look_for_claims = true;
            return;
        }
        let settle = self.others_settle_until(now);
        if let Some(until) = settle.filter(|_| self.view.is_another) {
            self.wake_at(until);
            self.look_for_claims = true;
            // What was found before is not claimed either.
            return;
        }
        if let Some(until) = settle.max((now < self.claims_from).then_some(self.claims_from)) {
            self.wake_at(until);
            // Of what the registry has given to this member nobody needs to be heard first: who gave it away knew this member
            // already, and would have told it what became of the game since.
            let given = self.view.games_of(Some(self.me.id)).filter(|game| !self.owned.contains_key(game));
            self.find_claims(now, given.collect(), false);
            self.look_for_claims = true;
        } else {
            let changed = std::mem::take(&mut self.view.changed);
            // Members do not see all claims of others at the same moment, and so one may leave to another what that one leaves
            // to it. What has been claimed meanwhile makes their facts the same again.
            if !changed.is_empty() && self.claims.values().any(|claim| claim.is_left_to_others()) {
                self.waiting_looked_at.get_or_insert(now.plus(LOOK_AGAIN_US));
            }
            let again = self.waiting_looked_at.take_if(|at| *at <= now).is_some();
            if let Some(at) = self.waiting_looked_at {
                self.wake_at(at);
            }
            let all = std::mem::take(&mut self.look_for_claims) || again;
            self.find_claims(now, changed, all);
        }
        while self.claiming < CLAIMS_AT_ONCE
            && let Some((due, game)) = self.claims_due.first().copied()
        {
            if now < due {
                self.wake_at(due);
                break;
            }
            self.claims_due.pop_first();
            self.claim(now, game, out);
        }
    }

    /// Looks at these games, that something has changed about, and where it is said so at `all` that nobody may run.
    fn find_claims(&mut self, now: Time, mut look: BTreeSet<GameId>, all: bool) {
        if all {
            look.extend(self.claims.keys().copied());
            look.extend(self.promises.keys().copied());
            look.extend(self.view.dead_word.iter().copied());
            let me = self.me.id;
            let gone = |owner: &Option<MemberId>| owner.is_none_or(|owner| self.gone(now, owner).is_some());
            for owner in self.view.owners().filter(|owner| *owner != Some(me) && gone(owner)) {
                look.extend(self.view.games_of(owner));
            }
        }
        if look.is_empty() {
            return;
        }
        // Whom a game is left to is found anew, from the facts that others have by now, too.
        if all {
            self.board = None;
        }
        let last = self.is_last();
        for game in look {
            let record = self.view.game(game);
            let cause = record.and_then(|record| self.cause_to_claim(now, record, last));
            let (Some(record), Some(cause)) = (record, cause) else {
                if self.claims.get(&game).is_some_and(|claim| !claim.in_flight) && !self.is_unread(game) {
                    self.drop_claim(game);
                    self.put_on_board(game);
                }
                continue;
            };
            let (epoch, rules, untouched) = (record.epoch, record.rules, self.untouched(record));
            let known = self.claims.get(&game);
            let same = |claim: &Claim| !all && claim.epoch == epoch && claim.cause == cause;
            if known.is_some_and(|claim| claim.in_flight || same(claim)) {
                continue;
            }
            // What a claim over the same epoch has become known for goes on counting.
            let known = known.filter(|claim| claim.epoch == epoch);
            let since = known.map_or(now, |claim| claim.since);
            let (not_before, unanswered) =
                known.map_or((now, None), |claim| (claim.not_before, claim.unanswered));
            let delay_us = self.claim_delay(game, rules, cause);
            let claim =
                Claim { epoch, untouched, cause, since, delay_us, not_before, in_flight: false, unanswered };
            self.drop_claim(game);
            self.claims_due.insert((claim.due(), game));
            self.claims.insert(game, claim);
        }
    }

    /// How long this member leaves the game to others.
    fn claim_delay(&mut self, game: GameId, rules: u16, cause: &'static str) -> u64 {
        if cause == "move" {
            return if self.commit_may_come(game) { COMMIT_WAIT_US } else { 0 };
        }
        let me = self.me.id;
        let board = self.board();
        let named = board.holder(game).or_else(|| board.best(game, rules, |_| true));
        if let Some(named) = named {
            self.board().hold(game, named);
        }
        if named == Some(me) {
            return 0;
        }
        let before = self
            .placed
            .members
            .iter()
            .filter(|other| other.can_run(rules) && mix(other.id.0 ^ game.0) < mix(me.0 ^ game.0));
        STEP_IN_US * (1 + before.count() as u64)
    }

    pub(super) fn drop_claim(&mut self, game: GameId) {
        if let Some(claim) = self.claims.remove(&game) {
            self.claims_due.remove(&(claim.due(), game));
        }
    }

    /// Who holds which game, of those that live.
    pub(super) fn board(&mut self) -> &mut Board {
        let view = &self.view;
        let placed = &self.placed;
        self.board.get_or_insert_with(|| {
            let mut board = Board::new(&placed.members, &placed.target);
            for record in view.games().filter(|record| !record.quarantined) {
                board.put(&placed_game(record));
            }
            board
        })
    }

    /// A game is what its record says, whatever was meant to become of it.
    pub(super) fn put_on_board(&mut self, game: GameId) {
        if let Some(board) = &mut self.board {
            match self.view.game(game).filter(|record| !record.quarantined) {
                Some(record) => drop(board.put(&placed_game(record))),
                None => board.remove(game),
            }
        }
    }

    /// Finds out who lives.
    pub(super) fn keep_placed(&mut self, now: Time) {
        let members = self.placed_members(now);
        let target = crate::placement::target_revision(self.view.published(), self.view.members.values());
        if members != self.placed.members || target != self.placed.target {
            self.placed = Placed { members, target };
            self.board = None;
        }
    }

    /// Where all are leaving, each looks after the dead until the end; what was parked stays parked.
    fn is_last(&self) -> bool {
        self.me.state == MemberState::Draining && !self.placed.members.iter().any(|member| member.accepts)
    }

    fn cause_to_claim(&self, now: Time, record: &GameRecord, last: bool) -> Option<&'static str> {
        let rules = self.steps(record.rules);
        match record.owner {
            _ if record.quarantined => None,
            _ if self.owned.contains_key(&record.id) || self.creating.contains(&record.id) || !rules => None,
            _ if self.is_ceded_to_another(now, record) => None,
            // A leaving member, too, has to look after what it was given.
            Some(owner) if owner == self.me.id => {
                let promised = self.promises.get(&record.id).is_some_and(|promise| !promise.over);
                (!promised).then_some("move")
            }
            _ if self.is_cut_off() => None,
            Some(_) if last => self.owner_gone(now, record),
            _ if self.me.state == MemberState::Ready => self.owner_gone(now, record),
            _ => None,
        }
    }

    /// Under an epoch that was given to nobody, or to this member without its knowing, nobody has ticked: nothing is lost.
    /// That is known of the record as the old owner wrote it, and of what an earlier claim of this member over such a record
    /// was given; a claim that somebody else may have run goes back to a snapshot.
    fn untouched(&self, record: &GameRecord) -> bool {
        if record.owner.is_some_and(|owner| owner != self.me.id) || self.promises.contains_key(&record.id) {
            return false;
        }
        match self.claims.get(&record.id) {
            Some(claim) if claim.epoch == record.epoch => claim.untouched,
            Some(claim) if claim.epoch == record.base && claim.untouched => true,
            // A world that failed had run beyond what is stored.
            _ => record.attempts == 0 && record.failures == 0,
        }
    }

    /// The record has not been read since a claim of this member was not answered: it may have been given the game, and is to
    /// know then that nobody has ticked it. Who begins to leave meanwhile has to wait for that, too.
    fn is_unread(&self, game: GameId) -> bool {
        let unanswered = self.claims.get(&game).and_then(|claim| claim.unanswered);
        unanswered.is_some_and(|at| !self.view.was_read_since(game, at))
    }

    /// The old owner's message is expected: it froze the game and its link stands.
    fn commit_may_come(&self, game: GameId) -> bool {
        self.incoming.get(&game).is_some_and(|incoming| self.links.contains(&incoming.from))
    }

    fn claim(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let (salt, floor, owner) = (self.salt(), self.highest, self.me.id);
        // Found a while ago, perhaps before this member stood still: what was proof then may be none now.
        let last = self.is_last();
        let record = self.view.game(game);
        let record = record.filter(|record| self.cause_to_claim(now, record, last).is_some());
        let Some(expect) = record.map(|record| Fence { epoch: record.epoch, owner: record.owner }) else {
            self.view.changed.insert(game);
            let unread = self.is_unread(game);
            if let Some(claim) = self.claims.get_mut(&game).filter(|_| unread) {
                claim.not_before = now.plus(RETRY_US);
                self.claims_due.insert((claim.due(), game));
            } else {
                self.claims.remove(&game);
            }
            return;
        };
        let Some(claim) = self.claims.get_mut(&game).filter(|claim| claim.epoch == expect.epoch) else {
            self.view.changed.insert(game);
            return;
        };
        claim.in_flight = true;
        self.claiming += 1;
        let claiming =
            Claiming { expect, untouched: claim.untouched, cause: claim.cause, since: claim.since };
        // One that was restored from an older copy may have answered before this member knows that it is another one.
        let run_id = Some(self.view.run_id.clone());
        let request = Request::Claim { game, expect, owner, salt, floor, run_id };
        self.call(Call::Claim { game, claiming }, request, out);
    }

    pub(super) fn claim_answered(
        &mut self,
        now: Time,
        game: GameId,
        claiming: Claiming,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(claim) = self.claims.get_mut(&game) {
            claim.in_flight = false;
            claim.not_before = now.plus(RETRY_US);
            if let Err(RegistryError::Unanswered(_)) = reply {
                claim.unanswered = Some(now);
            }
            self.claims_due.insert((claim.due(), game));
        }
        self.claiming -= 1;
        let Claiming { expect, untouched, cause, since } = claiming;
        self.view.changed.insert(game);
        match reply {
            Ok(Reply::Claimed { record, settings, snapshot, log }) => {
                let (rewind, base) = (!untouched, log.last().map_or(snapshot.epoch, |batch| batch.epoch));
                let (epoch, tick, bytes) = (record.epoch, record.durable, snapshot.world.len());
                self.learn(now, record, out);
                // An answer that took longer than a lease: others may have claimed since. The record tells.
                if !self.lease.valid(now) || self.owned.contains_key(&game) {
                    return;
                }
                let from = self.incoming.get(&game).map(|incoming| incoming.from);
                self.own(now, game, epoch, settings.clone(), tick);
                // That one may be old, and whoever claims next is to go back no further.
                if let Some(owned) = self.owned.get_mut(&game) {
                    owned.snapshot_due = now;
                }
                out.push(Effect::Start {
                    game,
                    epoch,
                    settings,
                    base,
                    snapshot: Some(snapshot),
                    log,
                    durable: tick,
                    due: now,
                    rewind,
                });
                if let Some(from) = from {
                    out.push(Effect::Send(from, Control::Started { game, epoch }));
                }
                let to = self.me.id;
                let from = expect.owner.filter(|owner| *owner != to).or(from);
                let pause_us = now.since(since);
                out.push(Effect::Moved(MoveRecord { game, from, to, epoch, tick, pause_us, cause, bytes }));
            }
            Ok(Reply::Stale(record)) => self.learn(now, record, out),
            // Carried out or not: the record tells.
            _ => self.ask_for(game, out),
        }
    }

    /// What placement needs to know about members: those that live.
    pub(super) fn placed_members(&self, now: Time) -> Vec<PlacedMember> {
        let living = self
            .view
            .members
            .values()
            .filter(|member| self.lives(member) && self.gone(now, member.id).is_none());
        living
            .map(|member| {
                let state = if member.id == self.me.id { self.me.state } else { member.state };
                PlacedMember {
                    id: member.id,
                    accepts: state == MemberState::Ready,
                    revision: member.revision.clone(),
                    rules_min: member.rules_min,
                    rules_max: member.rules_max,
                }
            })
            .collect()
    }
}

/// What placement needs to know about a game: one whose owner is dead on the operator's word has none.
fn placed_game(record: &GameRecord) -> PlacedGame {
    PlacedGame {
        id: record.id,
        owner: record.owner.filter(|_| !matches!(record.next, Some((_, Reason::Dead(_))))),
        next: record.next.as_ref().map(|(member, _)| *member),
        rules: record.rules,
    }
}
