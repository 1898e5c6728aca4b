//! Whether this member is the one that is cut off from the others.
//!
//! What goes wrong without: its lease goes on, so nobody claims its games, and none of the players who are elsewhere see
//! them; or its lease lapses, others claim its games, and it goes on with them for players who reach only it. A member that
//! reaches the registry knows that others live by their renewals: if it has no link to most of those that do, it parks its
//! games for them, claims none, and is not ready for players until it reaches them again. One that does not reach the
//! registry either stands still.

use super::Member;
use super::handover::Then;
use crate::{Effect, Time};
use protocol::{GameId, MemberId};
use registry::MemberState;
use std::collections::BTreeMap;

/// A link that was missing for less may have been broken for a moment, or its other end has just left.
const UNLINKED_US: u64 = 500_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Members without a link.
    unlinked: BTreeMap<MemberId, Unlinked>,
    cut_off: bool,
    /// When that was last so.
    cut_off_at: Option<Time>,
}

#[derive(Debug)]
struct Unlinked {
    /// When it was found to have none.
    since: Time,
    /// How often it had renewed by the first answer to a question that was asked after that, of the registry that answers now.
    renewals: Option<u64>,
    /// There was a link until then.
    broke: bool,
}

impl Reach {
    /// It is out of reach from now on.
    pub(super) fn link_broke(&mut self, now: Time, member: MemberId) {
        self.unlinked.insert(member, Unlinked { since: now, renewals: None, broke: true });
    }

    /// Another registry counts renewals anew, or from where they were.
    pub(super) fn count_anew(&mut self) {
        for unlinked in self.unlinked.values_mut() {
            unlinked.renewals = None;
        }
    }
}

impl Member {
    /// Most of the members that live cannot be reached from here.
    pub(super) fn is_cut_off(&self) -> bool {
        self.reach.cut_off
    }

    /// It is so, or was until a moment ago: words of others may be on their way to this member.
    pub(super) fn may_have_missed_words(&self, now: Time) -> bool {
        self.reach.cut_off_at.is_some_and(|at| now < at.plus(UNLINKED_US))
    }

    pub(super) fn keep_reach(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.ready {
            return;
        }
        let cut_off = self.finds_itself_cut_off(now);
        if cut_off {
            self.reach.cut_off_at = Some(now);
        }
        if cut_off != self.reach.cut_off {
            self.reach.cut_off = cut_off;
            self.look_for_claims = true;
            if cut_off && self.me.state == MemberState::Ready && self.lease.valid(now) {
                // Nobody is to leave games to it.
                self.me.state = MemberState::Joining;
                self.members_changed = true;
            }
            out.push(Effect::CutOff(cut_off));
        }
        // One that leaves goes on serving until the end, and parks then.
        if cut_off && self.drain.is_none() {
            // What this very event has changed: a world that has just failed rests no longer.
            self.settle();
            for game in self.owned.resting.iter().copied().collect::<Vec<GameId>>() {
                self.freeze(game, Then::Park, out);
            }
        }
    }

    fn finds_itself_cut_off(&mut self, now: Time) -> bool {
        let gone: Vec<MemberId> =
            self.view.members.values().filter(|other| !self.lives(other)).map(|other| other.id).collect();
        let Member { me, view, links, reach, .. } = self;
        reach.unlinked.retain(|member, _| view.members.contains_key(member) && !links.contains(member));
        let asked = view.members_sent();
        // With itself; those that are known to live, and those that were not known to be dead when the registry answered last.
        let (mut living, mut unreached) = (1, 0);
        let (mut known, mut unlinked) = (1, 0);
        let mut wake = None;
        for other in view.members.values().filter(|other| other.id != me.id) {
            if links.contains(&other.id) {
                living += 1;
                known += 1;
                continue;
            }
            let first = Unlinked { since: now, renewals: None, broke: false };
            let first = reach.unlinked.entry(other.id).or_insert(first);
            if first.renewals.is_none() && asked.is_some_and(|asked| asked >= first.since.max(view.lost_at)) {
                first.renewals = Some(other.renewals);
            }
            let refuses = self.refused.get(&other.id).is_some_and(|by| by.contains(&me.id));
            // One that is joining waits for links, as does one that is cut off itself; but what was read before its link broke
            // is old.
            let waits = other.state == MemberState::Joining && (!first.broke || first.renewals.is_some());
            if gone.contains(&other.id) || refuses || waits {
                continue;
            }
            known += 1;
            let late = first.since.plus(UNLINKED_US);
            if now < late {
                wake = Some(wake.map_or(late, |wake: Time| wake.min(late)));
                continue;
            }
            unlinked += 1;
            if first.renewals.is_some_and(|first| other.renewals > first) {
                living += 1;
                unreached += 1;
            }
        }
        if let Some(wake) = wake {
            self.wake_at(wake);
        }
        match self.view.fresh(now, self.settings.lease_us / 2) {
            // One that was cut off waits for links, or for the others' leases to lapse: while the registry was away nobody renewed.
            true => 2 * unreached > living || self.reach.cut_off && 2 * unlinked > known,
            // As long as the lease goes on nobody claims anything.
            false => (self.reach.cut_off || !self.lease.valid(now)) && 2 * unlinked > known,
        }
    }
}
