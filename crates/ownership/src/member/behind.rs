//! A registry that has lost what it had: emptied, restored from an older copy, or failed over without its tail.
//!
//! What goes wrong without: a record that names an owner long gone is taken for the truth, and a game is claimed that
//! somebody else runs; everybody is shown its past. Owners look through what a registry that is another one has of their
//! games and put back what it lacks; only then do they call themselves settled, and until they do, others claim nothing.

use super::Member;
use super::handover::Owned;
use crate::Time;
use protocol::{Epoch, GameId, MemberId};
use registry::{MemberRecord, MemberState};
use std::collections::BTreeMap;

/// Owners that have not settled are waited for so long after the registry was found to be another one, and answers: five looks.
const PUT_BACK_US: u64 = 1_000_000;

impl Member {
    /// The registry is another one, or does not know this member any more: it may have lost what it had.
    pub(super) fn lost_something(&mut self, now: Time) {
        self.me.settled.clear();
        self.reach.count_anew();
        self.view.read_again(now);
        self.leave_untold();
    }

    /// What was asked for at `sent` is all that the registry has, under these epochs: what it lacks of this member's games is
    /// stored at once, and so is what it has lost one by one.
    pub(super) fn settle_with(&mut self, now: Time, sent: Time, listed: &BTreeMap<GameId, Epoch>) {
        if sent < self.view.lost_at {
            return;
        }
        // What was granted after the question was sent is newer than its answer.
        let lacks = |(game, owned): &(&GameId, &Owned)| {
            let has = listed.get(game).is_some_and(|epoch| *epoch >= owned.epoch);
            !has && owned.since < sent && !owned.phase.is_over()
        };
        let lacking: Vec<GameId> = self.owned.iter().filter(lacks).map(|(game, _)| *game).collect();
        if lacking.is_empty() && !self.is_settled() {
            self.me.settled.clone_from(&self.view.run_id);
            // Others wait for that.
            self.lease.renew_at(now);
        }
        // Its answer tells what the registry has instead.
        for game in lacking {
            if let Some(owned) = self.owned.get_mut(&game) {
                owned.snapshot_due = now;
            }
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.me.settled == self.view.run_id
    }

    /// Until when others may still have to put back what the registry has lost; none if all have.
    pub(super) fn others_settle_until(&self, now: Time) -> Option<Time> {
        let until = self.view.lost_at.max(self.view.answers_since).plus(PUT_BACK_US);
        if now >= until {
            return None;
        }
        let settled = |id| {
            self.view.members.get(id).is_some_and(|other| {
                other.settled == self.view.run_id || other.state == MemberState::Joining || !self.lives(other)
            })
        };
        let others = self.view.members.keys().chain(&self.links).filter(|id| **id != self.me.id);
        others.into_iter().any(|id| !settled(id)).then_some(until)
    }

    /// That member has put back what the registry has lost of its games, and nobody else may still have to, who may have got one
    /// of them from it.
    pub(super) fn has_put_back(&self, now: Time, member: MemberId) -> bool {
        // What was listed before the loss was noticed says who has settled with the registry as it was.
        let listed = self.view.members_sent().is_some_and(|sent| sent >= self.view.lost_at);
        let settled = |known: &MemberRecord| known.settled == self.view.run_id;
        listed
            && self.view.members.get(&member).is_some_and(settled)
            && self.others_settle_until(now).is_none()
    }

    /// The registry lacks a game that this member ran before it stood still, `since` when it runs again: who has replaced it
    /// meanwhile, if anybody has, may still have to put it back.
    pub(super) fn may_be_replaced(&self, now: Time, since: Time) -> bool {
        !self.lease.valid(now)
            || !self.view.fresh(now, self.settings.lease_us / 2)
            || now < self.view.lost_at.max(self.view.answers_since).max(since).plus(PUT_BACK_US)
    }
}
