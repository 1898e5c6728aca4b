//! Whether this member is the one that is cut off from the others, though not from the registry.
//!
//! What goes wrong without: its lease goes on, so nobody claims its games, and none of the players who are elsewhere see
//! them. Members that renew their leases and cannot be linked to are alive: a member that most living ones cannot reach
//! parks its games for the others, claims none, and is not ready for players until it reaches them again.

use super::Member;
use super::handover::Then;
use crate::{Effect, Time};
use protocol::{GameId, MemberId};
use registry::MemberState;
use std::collections::BTreeMap;

/// So many renewals since its link was lost prove that a member lives; the first may have been on its way before.
const RENEWALS: u64 = 2;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Members without a link, and how often each had renewed when it was first found without one.
    unlinked: BTreeMap<MemberId, u64>,
    cut_off: bool,
}

impl Member {
    /// Most of the members that live cannot be reached from here.
    pub(super) fn is_cut_off(&self) -> bool {
        self.reach.cut_off
    }

    pub(super) fn keep_reach(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Member { me, view, links, reach, .. } = self;
        reach.unlinked.retain(|member, _| view.members.contains_key(member) && !links.contains(member));
        // With itself.
        let (mut living, mut unreached) = (1, 0);
        for other in view.members.values().filter(|other| other.id != me.id) {
            if links.contains(&other.id) {
                living += 1;
                continue;
            }
            let first = *reach.unlinked.entry(other.id).or_insert(other.renewals);
            if other.renewals >= first.saturating_add(RENEWALS) && !view.expired(other.id) {
                living += 1;
                unreached += 1;
            }
        }
        // What was read long ago says nothing about now: who cannot ask the registry stays what it is.
        if !self.view.fresh(now, self.settings.lease_us / 2) {
            return;
        }
        let cut_off = 2 * unreached > living && self.me.state != MemberState::Joining;
        if cut_off != self.reach.cut_off {
            self.reach.cut_off = cut_off;
            self.look_for_claims = true;
            out.push(Effect::CutOff(cut_off));
        }
        // One that leaves goes on serving until the end, and parks then.
        if cut_off && self.drain.is_none() {
            for game in self.owned.resting.iter().copied().collect::<Vec<GameId>>() {
                self.freeze(game, Then::Park, out);
            }
        }
    }
}
