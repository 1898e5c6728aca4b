//! This member's own lease: joining, renewing, and when it has lapsed.
//!
//! What goes wrong without: a member that was replaced goes on telling players that their inputs are safe. The lease is
//! counted from before its renewal was sent, on this member's own clock, so that it has lapsed here before it can have
//! lapsed for anybody who watches.

use super::{Call, Member};
use crate::{Effect, Time};
use protocol::TICK_MICROS;
use registry::{MemberState, RegistryError, Reply, Request};

/// After a refusal the next try comes so many microseconds later.
const RETRY_US: u64 = 100_000;

/// What members tell one that has just linked with them is waited for so long before it claims anything: some games may run
/// elsewhere than the registry says. The simulation has words come up to 150 ms late.
const GREETING_US: u64 = 8 * TICK_MICROS;

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) joined: bool,
    /// When the registry confirmed the joining.
    pub(super) joined_at: Time,
    until: Option<Time>,
    in_flight: bool,
    next: Time,
    /// The last renewal was not confirmed.
    pub(super) failing: bool,
    /// State and games that the last renewal told.
    told: Option<(MemberState, u32)>,
}

impl Lease {
    pub(super) fn new(now: Time) -> Lease {
        Lease {
            joined: false,
            joined_at: now,
            until: None,
            in_flight: false,
            next: now,
            failing: false,
            told: None,
        }
    }

    pub(super) fn renew_at(&mut self, at: Time) {
        self.next = self.next.min(at);
    }

    pub(super) fn valid(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

impl Member {
    pub(super) fn keep_lease(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.lease.in_flight {
            return;
        }
        self.me.games = u32::try_from(self.owned.live()).unwrap_or(u32::MAX);
        // A new state is told at once, a new number of games with the next renewal.
        let news = self.lease.told.is_some_and(|(state, _)| state != self.me.state);
        if now < self.lease.next && !news {
            self.wake_at(self.lease.next);
            return;
        }
        self.lease.in_flight = true;
        let record = self.me.clone();
        self.lease.told = Some((record.state, record.games));
        if self.lease.joined {
            let games = self.owned().collect();
            self.call(Call::Renew { sent: now }, Request::Renew { id: self.me.id, record, games }, out);
            self.lease.next = now.plus(self.settings.renew_us);
        } else {
            self.call(Call::Join, Request::Join(record), out);
        }
    }

    pub(super) fn joined(&mut self, now: Time, reply: Result<Reply, RegistryError>) {
        self.lease.in_flight = false;
        match reply {
            Ok(Reply::Joined { joined }) => {
                self.me.joined = joined;
                self.lease.joined = true;
                self.lease.joined_at = now;
                self.lease.next = now;
            }
            other => {
                tracing::warn!(member = %self.me.id, answer = ?other.err(), "joining again: the registry did not confirm it");
                self.lease.next = now.plus(RETRY_US);
            }
        }
    }

    pub(super) fn renewed(&mut self, now: Time, sent: Time, reply: Result<Reply, RegistryError>) {
        self.lease.in_flight = false;
        match reply {
            Ok(Reply::Renewed { renewals, run_id }) => {
                if renewals <= self.me.renewals {
                    self.lost_something(now);
                } else if run_id != self.view.run_id {
                    // The next list of members says so as well; but what is durable is told as soon as the lease goes on.
                    self.leave_untold();
                }
                self.me.renewals = renewals;
                self.lease.failing = false;
                self.lease.until = self.lease.until.max(Some(sent.plus(self.settings.lease_us)));
            }
            other => {
                tracing::debug!(member = %self.me.id, answer = ?other.err(), "the lease was not renewed");
                self.lease.told = None;
                self.lease.failing = true;
                self.lease.next = now.plus(RETRY_US);
            }
        }
    }

    /// Ready waits for links to the members that live, for a bounded time: else players would be sent to a member that
    /// cannot show them their game.
    pub(super) fn keep_readiness(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.me.state != MemberState::Joining
            || !self.lease.valid(now)
            || self.peers.is_none()
            || self.is_cut_off()
        {
            return;
        }
        let me = self.me.id;
        let waits = self.peers.iter().flatten().any(|(peer, _)| {
            !self.links.contains(peer) && !self.refused.get(peer).is_some_and(|by| by.contains(&me))
        });
        let until = self.lease.joined_at.plus(self.settings.link_wait_us);
        if waits && now < until {
            self.wake_at(until);
            return;
        }
        self.me.state = MemberState::Ready;
        self.ready = true;
        self.claims_from = now.plus(GREETING_US);
        self.members_changed = true;
        out.push(Effect::Ready);
    }
}
