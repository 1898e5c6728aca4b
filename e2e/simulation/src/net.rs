//! Links between servers: in order, with delay; what is under way when one breaks is lost.

use crate::broken::Broken;
use crate::cluster::{Action, Cluster};
use crate::plan::Kind;
use ownership::Event;
use protocol::MemberId;
use protocol::peer::{Control, PeerMessage};
use rand::Rng;
use std::collections::BTreeMap;

/// A move whose parties lost their link may take so much longer.
const LINK_LOST_US: u64 = 500_000;
/// What takes longer on a link is late.
const FAST_US: u64 = 1_500;

/// The latest that anything comes where no tick may be missed: an edge that lacks the next tick for longer than three ticks
/// within a move starts anew.
const HICCUP_US: u64 = 150_000;
/// The latest that anything comes elsewhere.
const LATE_US: u64 = 150_000;

#[derive(Debug, Default)]
pub struct Link {
    pub up: bool,
    /// Counts its lives.
    pub generation: u64,
    /// It was closed by one end: what was sent before still arrives.
    pub flushes: bool,
    /// Cannot be set up again before.
    pub blocked_until: u64,
    /// Last arrival in each direction: messages do not overtake each other.
    last: BTreeMap<MemberId, u64>,
}

pub fn pair(a: MemberId, b: MemberId) -> (MemberId, MemberId) {
    (a.min(b), a.max(b))
}

impl Cluster {
    pub fn send(&mut self, from: MemberId, to: MemberId, message: PeerMessage) {
        self.send_bundle(from, to, [message]);
    }

    /// They arrive together.
    pub fn send_bundle<M>(&mut self, from: MemberId, to: MemberId, messages: M)
    where
        M: AsRef<[PeerMessage]> + IntoIterator<Item = PeerMessage>,
    {
        let (now, delay) = (self.now, self.link_delay());
        let Some(link) = self.links.get_mut(&pair(from, to)).filter(|link| link.up) else {
            // Who gives a game away for good does not know yet that the link is gone.
            for message in messages {
                if let PeerMessage::Control(Control::Cede { game, .. }) = message {
                    self.excuse(Some(game), LINK_LOST_US);
                }
            }
            return;
        };
        let at = link.last.entry(to).or_default();
        *at = (now + delay).max(*at + 1);
        let (at, generation) = (*at, link.generation);
        if at - now > FAST_US
            && messages.as_ref().iter().any(|message| matches!(message, PeerMessage::Control(_)))
        {
            self.excuse_moves(from, to, at - now);
        }
        for message in messages {
            self.at(at, Action::Peer { from, to, generation, message });
        }
    }

    fn link_delay(&mut self) -> u64 {
        let most = match self.plan.kind {
            Kind::Calm => FAST_US,
            Kind::Gentle => HICCUP_US,
            Kind::Aimed | Kind::Stormy => LATE_US,
        };
        if most > FAST_US && self.rng.random_ratio(1, 200) {
            self.rng.random_range(1_000..most)
        } else {
            self.rng.random_range(100..FAST_US)
        }
    }

    /// Each server tries what it wants; called ten times a second.
    pub fn dial_all(&mut self) {
        let wanted: Vec<(MemberId, MemberId)> = self
            .servers
            .values()
            .filter(|server| server.alive && !server.paused(self.now))
            .flat_map(|server| server.peers.iter().map(|peer| (server.id, *peer)))
            .collect();
        for (from, to) in wanted {
            let now = self.now;
            let Some((alive, refuses, paused)) =
                self.servers.get(&to).map(|other| (other.alive, other.refuses, other.paused(now)))
            else {
                continue;
            };
            if [from, to].iter().any(|end| self.is_isolated(*end)) {
                continue;
            }
            let link = self.links.entry(pair(from, to)).or_default();
            if link.up || now < link.blocked_until || paused && alive {
                continue;
            }
            if alive {
                link.up = true;
                link.generation += 1;
                link.last.clear();
                self.deliver(from, now + 300, Event::LinkUp(to));
                self.deliver(to, now + 300, Event::LinkUp(from));
            } else if refuses {
                link.blocked_until = now + 1_000_000;
                self.coverage.count("connections refused");
                self.deliver(from, now + 300, Event::LinkDown { member: to, refused: true });
            }
        }
    }

    /// Both ends learn of it at their own time.
    pub fn break_link(&mut self, a: MemberId, b: MemberId, blocked_us: u64) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&pair(a, b)).filter(|link| link.up) else { return };
        (link.up, link.flushes) = (false, false);
        link.blocked_until = now + blocked_us + 200_000;
        let last = link.last.clone();
        let ends = [a, b].map(|end| self.servers.get(&end).is_some_and(|server| server.alive));
        if ends == [true, true] {
            self.of_kind().links += 1;
            self.hit_link(a, b);
            self.excuse_moves(a, b, LINK_LOST_US);
            for end in [a, b] {
                self.lacks_links_until(end, now + blocked_us);
            }
        }
        for (end, other) in [(a, b), (b, a)] {
            if self.plan.broken == Some(Broken::CutOffUnnoticed) && self.is_isolated(end) {
                continue;
            }
            // What arrives before arrives before.
            let noticed = now + self.rng.random_range(100..150_000);
            let at = last.get(&end).map_or(noticed, |last| noticed.max(last + 1));
            self.deliver(end, at, Event::LinkDown { member: other, refused: false });
        }
    }

    /// Some link of that server cannot stand before then.
    pub fn lacks_links_until(&mut self, id: MemberId, until: u64) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.links_broke = server.links_broke.max(Some(until));
        }
    }

    /// That server reaches no other.
    pub fn is_isolated(&self, id: MemberId) -> bool {
        self.servers.get(&id).is_some_and(|server| self.now < server.isolated_until)
    }

    pub fn links_of(&self, server: MemberId) -> Vec<MemberId> {
        let up = self.links.iter().filter(|(_, link)| link.up);
        up.filter_map(|((a, b), _)| if *a == server { Some(*b) } else { (*b == server).then_some(*a) })
            .collect()
    }
}
