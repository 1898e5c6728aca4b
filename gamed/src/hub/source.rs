//! Where a hub's frames come from, and how they reach its sockets.
//!
//! Owns the conversation with the edge's rules and the ring. Frames of the world that runs here take the same way as those
//! of a peer.

use super::seat::Seat;
use super::{Hub, Role};
use crate::clock;
use ownership::ring::{Kept, Ring, Sent};
use ownership::{EdgeEffect, EdgeEvent};
use protocol::peer::{PeerMessage, PlayerAct};
use protocol::{Epoch, ServerMessage, Tick};
use tokio::time::Instant;

impl Hub {
    /// Tells the edge, and does what it wants. What that leads to is told in turn, after the effects at hand.
    pub(super) fn edge_event(&mut self, event: EdgeEvent) {
        if let EdgeEvent::Owner(Some((owner, epoch))) | EdgeEvent::Moved { to: owner, epoch, .. } = event
            && self.named.learn(epoch, owner)
            && let Some(host) = self.host()
        {
            for seat in self.seats.iter_mut().filter(|seat| seat.shown.is_some()) {
                seat.queue(host.clone());
            }
        }
        self.edge_events.push_back(event);
        if self.in_edge {
            return;
        }
        self.in_edge = true;
        let mut effects = Vec::new();
        while let Some(event) = self.edge_events.pop_front() {
            self.edge.handle(clock::now(), event, &mut effects);
            for effect in effects.drain(..) {
                self.edge_effect(effect);
            }
        }
        self.in_edge = false;
    }

    /// What the players here saw of a move, once it is some time ago.
    pub(super) fn tell_gap(&mut self, now: Instant) {
        if let Some(gap) = self.pace.gap(now) {
            let sockets = self.seats.iter().filter(|seat| seat.shown.is_some()).count();
            self.context.metrics.move_seen(sockets, gap);
        }
    }

    /// The edge asks this member itself: answered from the ring, as a peer would be.
    pub(super) fn subscribe_myself(&mut self, have: Option<(Epoch, Tick)>) {
        let me = self.context.me;
        if !matches!(self.role, Role::Owner(_) | Role::Frozen(_)) {
            return self.edge_event(EdgeEvent::NotOwner { from: me, owner: None });
        }
        let mut events = vec![EdgeEvent::Subscribed { from: me, have }];
        events.extend(self.ring.since(have).into_iter().map(|sent| sent.event(me)));
        for event in events {
            self.edge_event(event);
        }
    }

    pub(super) fn edge_effect(&mut self, effect: EdgeEffect) {
        match effect {
            EdgeEffect::Subscribe { to, have } if to == self.context.me => self.subscribe_myself(have),
            EdgeEffect::Subscribe { to, have } => {
                self.context.links.send(to, &PeerMessage::Subscribe { game: self.game, have });
            }
            EdgeEffect::Unsubscribe(member) => {
                if member != self.context.me {
                    self.context.links.send(member, &PeerMessage::Unsubscribe { game: self.game });
                }
            }
            EdgeEffect::Show { frame, new_epoch } => {
                let Kept { epoch, tick, after, ref bytes, .. } = frame;
                let bytes = bytes.clone();
                self.ring.push(frame);
                if new_epoch {
                    self.named.shows(epoch);
                }
                let now = Instant::now();
                self.tell_gap(now);
                self.pace.shown(now, new_epoch);
                let host = if new_epoch { self.host() } else { None };
                for seat in self.seats.iter_mut().filter(|seat| seat.shown.is_some()) {
                    if let Some(host) = &host {
                        seat.queue(host.clone());
                    }
                    seat.show((epoch, tick), after, &bytes, now);
                }
                self.answer_asked(now);
                self.seat_waiting();
                if new_epoch {
                    self.join_again();
                }
            }
            EdgeEffect::Reset { epoch, tick, bytes, rewind: _ } => {
                // An owner's ring may be ahead of its own edge, which waited for ticks of the owner before.
                if !self.ring.leads_on_from((epoch, tick)) {
                    self.ring.restart(Kept::keyframe(epoch, tick, bytes));
                }
                self.named.shows(epoch);
                let now = Instant::now();
                let host = self.host();
                for seat in self.seats.iter_mut().filter(|seat| seat.shown.is_some()) {
                    if let Some(host) = &host {
                        seat.queue(host.clone());
                    }
                    // Written as what a slow reader missed: nothing leads there from what it has.
                    if seat.reads(now) {
                        show_missed(seat, &self.ring, now);
                    } else {
                        seat.leave_out();
                    }
                }
                self.answer_asked(now);
                self.seat_waiting();
                self.join_again();
            }
            EdgeEffect::InputsTo(owner) => {
                self.inputs_to = owner;
                if owner.is_some() {
                    self.release_held();
                }
            }
            EdgeEffect::Lookup(game) => self.context.look_up(game),
        }
    }

    /// Gives a keyframe to the sockets that have asked for one, as soon as it takes no tick from them that is still to come.
    /// Those that do not read get it when they do again.
    pub(super) fn answer_asked(&mut self, now: Instant) {
        let Some(newest) = self.ring.newest() else { return };
        for seat in self.seats.iter_mut().filter(|seat| seat.asks) {
            if let Some(shown) = seat.shown
                && seat.reads(now)
            {
                let way = self.ring.asked(shown, self.edge.shown());
                if !way.is_empty() {
                    show_all(seat, way, newest, now);
                }
            }
        }
    }

    /// A join that the former owner had not made durable is made again, and so is a rename; they change nothing where they
    /// were.
    pub(super) fn join_again(&mut self) {
        let me = self.context.me;
        let joins: Vec<_> = self
            .seats
            .iter()
            .filter_map(|seat| Some((seat.player?, seat.session, seat.name.clone(), seat.renamed)))
            .collect();
        for (player, session, name, renamed) in joins {
            self.act(me, player, session, PlayerAct::Join { name: name.clone() });
            if renamed {
                self.act(me, player, session, PlayerAct::Rename { name });
            }
        }
    }
}

/// Writes what leads from the world that the seat has to the newest one: frames, or else a keyframe and the frames after it.
pub(super) fn show_missed(seat: &mut Seat, ring: &Ring, now: Instant) {
    if let (Some(shown), Some(newest)) = (seat.shown, ring.newest()) {
        let missed = ring.missed(shown);
        if !missed.is_empty() || shown == newest {
            show_all(seat, missed, newest, now);
        }
    }
}

/// Writes what leads to the newest world.
pub(super) fn show_all(seat: &mut Seat, all: Vec<Sent<'_>>, newest: (Epoch, Tick), now: Instant) {
    for sent in all {
        match sent {
            Sent::Keyframe(keyframe) => {
                // A rewind is told by the flag of the frame that follows.
                if let Some((_, shown)) = seat.shown.filter(|(_, shown)| *shown < keyframe.tick) {
                    seat.queue(ServerMessage::Skipped { from: shown.next(), to: keyframe.tick }.encode());
                }
                seat.queue_keyframe((keyframe.epoch, keyframe.tick), &keyframe.bytes);
            }
            Sent::Frame(frame) => seat.queue_frame(&frame.bytes),
        }
    }
    seat.caught_up(newest, now);
}
