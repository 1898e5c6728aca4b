//! Claiming games that nobody runs: of a dead owner, parked, or this member's own without its knowing.
//!
//! What goes wrong without: everybody claims at once, or nobody does. Placement names one member from facts that all can
//! read; the others step in one after the other, should it not act. If two claim, the epoch decides.

use super::{Call, Member};
use crate::placement::{PlacedGame, PlacedMember, mix, place};
use crate::{Effect, MoveRecord, Time};
use protocol::peer::Control;
use protocol::{Epoch, GameId, TICK_MICROS};
use registry::{Fence, GameRecord, MemberState, Reason, RegistryError, Reply, Request};

/// Between the member that placement names and the next one that steps in, and so on.
const STEP_IN_US: u64 = 500_000;
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
    epoch: Epoch,
    /// Nobody can have ticked under that epoch: the one of the world that players have. None: somebody may have.
    base: Option<Epoch>,
    cause: &'static str,
    since: Time,
    /// Placement wants it claimed so long after that.
    delay_us: u64,
    /// A try failed a moment ago.
    not_before: Time,
    in_flight: bool,
    /// A claim over `epoch` was not answered: it may still arrive.
    pub(super) unanswered: bool,
}

/// What a claim was sent for.
#[derive(Debug)]
pub(super) struct Claiming {
    expect: Fence,
    base: Option<Epoch>,
    cause: &'static str,
    since: Time,
}

impl Member {
    pub(super) fn keep_claims(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.lease.valid(now) || !self.view.games_known() {
            self.look_for_claims = true;
            return;
        }
        if std::mem::take(&mut self.look_for_claims) {
            self.find_claims(now);
        }
        let mut free =
            CLAIMS_AT_ONCE.saturating_sub(self.claims.values().filter(|claim| claim.in_flight).count());
        for game in self.claims.keys().copied().collect::<Vec<_>>() {
            let Some(claim) = self.claims.get_mut(&game).filter(|claim| !claim.in_flight) else { continue };
            let due = claim.since.plus(claim.delay_us).max(claim.not_before);
            if now < due {
                self.wake_at(due);
            } else if free > 0 {
                free -= 1;
                self.claim(now, game, out);
            }
        }
    }

    fn find_claims(&mut self, now: Time) {
        let members = self.placed_members(now);
        let last = self.is_last(&members);
        let mut causes: Vec<(GameId, Epoch, Option<Epoch>, u16, &'static str)> = Vec::new();
        for record in self.view.games() {
            if let Some(cause) = self.cause_to_claim(now, record, last) {
                causes.push((record.id, record.epoch, self.untouched_base(record), record.rules, cause));
            }
        }
        let others = causes.iter().any(|(.., cause)| *cause != "move");
        let places = if others {
            place(&self.placed_games(), &members, &self.target_revision())
        } else {
            Default::default()
        };
        let creating: Vec<GameId> = self
            .calls
            .values()
            .filter_map(|call| match call {
                Call::Create { game, .. } => Some(*game),
                _ => None,
            })
            .collect();
        self.claims.retain(|game, claim| claim.in_flight || causes.iter().any(|(other, ..)| other == game));
        for (game, epoch, base, rules, cause) in causes {
            if creating.contains(&game) {
                continue;
            }
            let delay = if cause == "move" {
                if self.commit_may_come(game) { COMMIT_WAIT_US } else { 0 }
            } else if places.get(&game) == Some(&self.me.id) {
                0
            } else {
                let before = members.iter().filter(|other| {
                    other.can_run(rules) && mix(other.id.0 ^ game.0) < mix(self.me.id.0 ^ game.0)
                });
                STEP_IN_US * (1 + before.count() as u64)
            };
            let fresh = Claim {
                epoch,
                base,
                cause,
                since: now,
                delay_us: 0,
                not_before: now,
                in_flight: false,
                unanswered: false,
            };
            let claim = self.claims.entry(game).or_insert(fresh);
            if claim.epoch != epoch && !claim.in_flight {
                (claim.epoch, claim.base, claim.since, claim.unanswered) = (epoch, base, now, false);
            }
            (claim.cause, claim.delay_us) = (cause, delay);
        }
    }

    /// Where all are leaving, each looks after the dead until the end; what was parked stays parked.
    fn is_last(&self, members: &[PlacedMember]) -> bool {
        self.me.state == MemberState::Draining && !members.iter().any(|member| member.accepts)
    }

    fn cause_to_claim(&self, now: Time, record: &GameRecord, last: bool) -> Option<&'static str> {
        let rules = (self.me.rules_min..=self.me.rules_max).contains(&record.rules);
        match record.owner {
            _ if self.owned.contains_key(&record.id) || !rules => None,
            // A leaving member, too, has to look after what it was given.
            Some(owner) if owner == self.me.id => {
                let promised = self.promises.get(&record.id).is_some_and(|promise| !promise.over);
                (!promised).then_some("move")
            }
            Some(_) if last => self.owner_gone(now, record),
            _ if self.me.state == MemberState::Ready => self.owner_gone(now, record),
            _ => None,
        }
    }

    /// Under an epoch that was given to nobody, or to this member without its knowing, nobody has ticked: the chain goes
    /// on from the epoch before. That is known of the record as the old owner wrote it, and of what an earlier claim of
    /// this member over such a record was given; a claim that somebody else may have run goes back to a snapshot.
    fn untouched_base(&self, record: &GameRecord) -> Option<Epoch> {
        if record.owner.is_some_and(|owner| owner != self.me.id) || self.promises.contains_key(&record.id) {
            return None;
        }
        match self.claims.get(&record.id) {
            Some(claim) if claim.epoch == record.epoch => claim.base,
            Some(claim) if claim.epoch == record.base && claim.base.is_some() => claim.base,
            _ => (record.attempts == 0).then_some(record.base),
        }
    }

    /// The old owner's message is expected: it froze the game and its link stands.
    fn commit_may_come(&self, game: GameId) -> bool {
        self.incoming.get(&game).is_some_and(|incoming| self.links.contains(&incoming.from))
    }

    fn claim(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let (salt, floor, owner) = (self.salt(), self.highest, self.me.id);
        let record = self.view.game(game);
        // Found a while ago, perhaps before this member stood still: what was proof then may be none now.
        let last = self.me.state == MemberState::Draining && self.is_last(&self.placed_members(now));
        let Some(record) = record.filter(|record| self.cause_to_claim(now, record, last).is_some()) else {
            self.claims.remove(&game);
            return;
        };
        let expect = Fence { epoch: record.epoch, owner: record.owner };
        let Some(claim) = self.claims.get_mut(&game).filter(|claim| claim.epoch == expect.epoch) else {
            return;
        };
        claim.in_flight = true;
        let claiming = Claiming { expect, base: claim.base, cause: claim.cause, since: claim.since };
        self.call(Call::Claim { game, claiming }, Request::Claim { game, expect, owner, salt, floor }, out);
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
            claim.unanswered |= matches!(reply, Err(RegistryError::Unanswered(_)));
        }
        let Claiming { expect, base, cause, since } = claiming;
        self.look_again();
        match reply {
            Ok(Reply::Claimed { record, settings, snapshot }) => {
                let (rewind, base) = (base.is_none(), base.unwrap_or(record.base));
                let epoch = record.epoch;
                self.learn(now, record, out);
                // An answer that took longer than a lease: others may have claimed since. The record tells.
                if !self.lease.valid(now) || self.owned.contains_key(&game) {
                    return;
                }
                let from = self.incoming.get(&game).map(|incoming| incoming.from);
                let (tick, bytes) = (snapshot.tick, snapshot.world.len());
                self.own(now, game, epoch, settings.clone(), tick);
                out.push(Effect::Start {
                    game,
                    epoch,
                    settings,
                    base,
                    snapshot: Some(snapshot),
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

    /// What placement needs to know about games: one whose owner is dead on the operator's word has none.
    pub(super) fn placed_games(&self) -> Vec<PlacedGame> {
        let placed = |record: &GameRecord| PlacedGame {
            id: record.id,
            owner: record.owner.filter(|_| !matches!(record.next, Some((_, Reason::Dead(_))))),
            next: record.next.as_ref().map(|(member, _)| *member),
            rules: record.rules,
        };
        self.view.games().map(placed).collect()
    }
}
