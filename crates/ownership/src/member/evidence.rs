//! How this member knows that another one is gone.
//!
//! What goes wrong without: a game is claimed from an owner that runs it, because it was slow, or because only we could
//! not reach it. Silence is proof only after a whole lease; a refused connection only when two members see it; a peer that
//! answers on its link is never gone.

use super::{Call, Member};
use crate::placement::restarted_in_place;
use crate::{Effect, Time};
use protocol::MemberId;
use protocol::peer::Control;
use registry::{GameRecord, MemberRecord, Reason, Request};
use std::collections::{BTreeMap, BTreeSet};

/// Members that have to see a refused connection, or all where fewer are left who are not refused here as well.
const WITNESSES: usize = 2;

impl Member {
    pub(super) fn link_up(&mut self, now: Time, member: MemberId, out: &mut Vec<Effect>) {
        self.links.insert(member);
        self.heard.insert(member, now);
        self.members_changed = true;
        let me = self.me.id;
        if self.refused.remove(&member).is_some_and(|by| by.contains(&me)) {
            self.send_to_all(Control::Reachable { member }, out);
        }
        self.tell_of_cedes(member, out);
        for (gone, by) in &self.refused {
            if by.contains(&me) {
                out.push(Effect::Send(member, Control::Unreachable { member: *gone }));
            }
        }
        self.link_up_to_target(now, member);
    }

    pub(super) fn link_down(&mut self, now: Time, member: MemberId, refused: bool, out: &mut Vec<Effect>) {
        if self.links.remove(&member) {
            self.reach.link_broke(now, member);
        }
        self.heard.remove(&member);
        self.link_down_to_target(now, member, out);
        self.members_changed = true;
        let known = self.refused.get_mut(&member).is_some_and(|by| by.remove(&self.me.id));
        // What a lost member said about others may have been taken back unheard.
        for by in self.refused.values_mut() {
            by.remove(&member);
        }
        if refused {
            self.refused.entry(member).or_default().insert(self.me.id);
            if !known {
                self.tell_of_cedes_by(member, out);
            }
            self.send_to_all(Control::Unreachable { member }, out);
        }
    }

    pub(super) fn send_to_all(&self, message: Control, out: &mut Vec<Effect>) {
        for member in &self.links {
            out.push(Effect::Send(*member, message.clone()));
        }
    }

    /// How it is known that this member is gone; none if it is not.
    pub(super) fn gone(&self, now: Time, member: MemberId) -> Option<&'static str> {
        if member == self.me.id || self.links.contains(&member) {
            return None;
        }
        if self.restarted(member) {
            return Some("restarted");
        }
        // What was seen before this member stood still itself says nothing about now: neither that a lease has lapsed, nor
        // that there are no more witnesses than are known.
        if !self.view.fresh(now, self.settings.lease_us / 2) {
            return None;
        }
        if self.view.expired(member) {
            return Some("lease");
        }
        // Another one that refuses, too, is no witness: the two may have died together.
        let refuses = |other: MemberId| self.refused.get(&other).is_some_and(|by| by.contains(&self.me.id));
        let others = self.view.members.values().filter(|other| other.id != member);
        let living: Vec<&MemberRecord> =
            others.filter(|other| self.lives(other) && !refuses(other.id)).collect();
        let by = self.refused.get(&member)?;
        let witnesses = living.iter().filter(|other| by.contains(&other.id)).count();
        (witnesses >= WITNESSES.min(living.len()) && witnesses > 0).then_some("refused")
    }

    /// As [`Member::gone`], for the owner of a game: the operator may know better.
    pub(super) fn owner_gone(&self, now: Time, record: &GameRecord) -> Option<&'static str> {
        let Some(owner) = record.owner else {
            return Some(if record.failures > 0 { "failed" } else { "parked" });
        };
        match &record.next {
            Some((_, Reason::Dead(_))) if owner != self.me.id && !self.links.contains(&owner) => {
                Some("operator")
            }
            _ => self.gone(now, owner),
        }
    }

    /// The lease lives, and no later start of the same container is known.
    pub(super) fn lives(&self, member: &MemberRecord) -> bool {
        !self.view.expired(member.id) && !self.restarted(member.id)
    }

    fn restarted(&self, member: MemberId) -> bool {
        let Some(record) = self.view.members.get(&member) else { return false };
        // One that has not renewed yet may be a dead one, whose request to join arrives late.
        self.view.members.values().any(|newer| newer.renewals > 0 && restarted_in_place(record, newer))
    }

    /// Strikes members off the list whose lease has lapsed and who own nothing any more: nobody else would, and people who
    /// look at the cluster would take them for living. One that was only slow puts itself back with its next renewal.
    pub(super) fn bury(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.view.games_known() || !self.view.fresh(now, self.settings.lease_us / 2) {
            return;
        }
        let holders = self.cessions.values().map(|cession| cession.to);
        let owners: BTreeSet<MemberId> = self.view.owners().flatten().chain(holders).collect();
        let dead: Vec<MemberId> = self
            .view
            .members
            .keys()
            .copied()
            .filter(|member| {
                self.view.expired(*member) && *member != self.me.id && !self.links.contains(member)
            })
            .filter(|member| !owners.contains(member) && !self.buried.contains(member))
            .collect();
        for member in dead {
            self.buried.insert(member);
            self.call(Call::Bury, Request::Leave(member), out);
        }
    }

    /// Links are wanted to all that live. One that stands is kept even when the lease behind it lapses: whoever answers on
    /// it is not gone.
    pub(super) fn keep_peers(&mut self, out: &mut Vec<Effect>) {
        if !self.view.members.contains_key(&self.me.id) {
            return;
        }
        let others = self.view.members.values().filter(|other| other.id != self.me.id);
        let mut peers: BTreeMap<MemberId, String> = others
            .filter(|other| self.lives(other) || self.links.contains(&other.id))
            .map(|other| (other.id, other.address.clone()))
            .collect();
        for (peer, address) in self.peers.iter().flatten().filter(|(peer, _)| self.links.contains(peer)) {
            peers.entry(*peer).or_insert_with(|| address.clone());
        }
        let peers: Vec<(MemberId, String)> = peers.into_iter().collect();
        if self.peers.as_ref() != Some(&peers) {
            self.peers = Some(peers.clone());
            out.push(Effect::Peers(peers));
        }
    }
}
