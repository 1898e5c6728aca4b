//! Which frames of a game a member may show to its players, and whom it subscribes to.
//!
//! One for each game and member. Owns the choice between sources and nothing else: frames are opaque.
//!
//! Invariant: (epoch, tick) names one world, and a frame leads from (`after`, tick - 1) to (epoch, tick); the world that an
//! ownership begins with has two names, under the epoch before and under its own. A frame is shown only to those who have
//! the world that it starts from, and epochs never fall. Everything else here decides whom to ask.
//!
//! What senders (a hub on this or another member) promise: `Subscribe { have }` is answered by the frames that follow
//! `have`, where the sender has them all, else by a keyframe and the frames after it; frames and keyframes of one sender
//! arrive in order. Where the sender is this member itself, its own hub answers in the same way.

use crate::Time;
use bytes::Bytes;
use protocol::{Epoch, GameId, MemberId, TICK_MICROS, Tick};
use std::collections::{BTreeMap, BTreeSet};

/// Something happened to one game at one edge.
#[derive(Clone, Debug)]
pub enum EdgeEvent {
    /// Time passes; called at least every 20 ms while the edge has players.
    Wake,
    /// The first player came, or players want the game again.
    Watch,
    /// A player came who has been shown this already, at another edge: lower epochs are shown to nobody from now on. Within
    /// the epoch the hub has the player wait for the tick.
    Floor(Epoch, Tick),
    /// The last player left.
    Unwatch,
    /// A frame of that member (this member itself, when it owns the game).
    Frame {
        /// From whom.
        from: MemberId,
        /// Its epoch.
        epoch: Epoch,
        /// The tick it leads to.
        tick: Tick,
        /// Epoch of the tick before it.
        after: Epoch,
        /// Opaque.
        bytes: Bytes,
    },
    /// A keyframe of that member.
    Keyframe {
        /// From whom.
        from: MemberId,
        /// Its epoch.
        epoch: Epoch,
        /// Tick of the world.
        tick: Tick,
        /// Opaque.
        bytes: Bytes,
    },
    /// `Control::MoveSoon`.
    MoveSoon {
        /// The target.
        to: MemberId,
    },
    /// `Control::Moved`.
    Moved {
        /// New owner.
        to: MemberId,
        /// Its epoch.
        epoch: Epoch,
        /// Last tick of the old owner.
        tick: Tick,
    },
    /// `PeerMessage::NotOwner`.
    NotOwner {
        /// Who said so.
        from: MemberId,
        /// Whom it believes.
        owner: Option<MemberId>,
    },
    /// The registry (or the local machine) says who owns it.
    Owner(Option<(MemberId, Epoch)>),
    /// Link state changed.
    Link {
        /// To whom.
        member: MemberId,
        /// Up or down.
        up: bool,
    },
}

/// What the edge wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeEffect {
    /// Ask that member for frames after `have`. For itself: nothing needs to be sent.
    Subscribe {
        /// Whom.
        to: MemberId,
        /// Last shown.
        have: Option<(Epoch, Tick)>,
    },
    /// Tell that member that its frames are not wanted.
    Unsubscribe(MemberId),
    /// Show this frame to all players that have the tick before it.
    Show {
        /// Epoch.
        epoch: Epoch,
        /// Tick.
        tick: Tick,
        /// Opaque.
        bytes: Bytes,
        /// The first frame under a new epoch.
        new_epoch: bool,
    },
    /// Show this keyframe: the chain is broken by a rewind (tick at or below the last shown, higher epoch) or a gap that nobody can fill.
    Reset {
        /// Epoch.
        epoch: Epoch,
        /// Tick.
        tick: Tick,
        /// Opaque.
        bytes: Bytes,
        /// The tick is not above the last shown one.
        rewind: bool,
    },
    /// Inputs of players go there from now on. None: keep them until it is known.
    InputsTo(Option<MemberId>),
    /// Look the owner up in the registry; answered by [`EdgeEvent::Owner`].
    Lookup(GameId),
}

/// Frames held for later, at most. More than two seconds of a game; a chain that is broken for longer needs a keyframe.
const HELD_MAX: usize = 128;
/// Without progress for so long the edge asks for what is missing: three ticks.
const STALLED_US: u64 = 3 * TICK_MICROS;
/// Between two questions to the same end.
const ASK_US: u64 = 5 * TICK_MICROS;
/// Without a frame for so long the edge asks the registry who owns the game.
const LOST_US: u64 = 500_000;

#[derive(Clone, Debug)]
struct Held {
    from: MemberId,
    after: Epoch,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
struct HeldKeyframe {
    from: MemberId,
    epoch: Epoch,
    tick: Tick,
    bytes: Bytes,
}

/// One game's sources at one member. Told [`EdgeEvent`]s, answers with [`EdgeEffect`]s.
#[derive(Debug)]
pub struct Edge {
    me: MemberId,
    game: GameId,
    watched: bool,
    /// The newest world that players of this edge have.
    shown: Option<(Epoch, Tick)>,
    /// No lower epoch is shown: some player was shown this one elsewhere.
    floor: Option<(Epoch, Tick)>,
    /// Whose frames are wanted, and the newest epoch that it is known to own the game under.
    source: Option<MemberId>,
    source_epoch: Epoch,
    /// The game is about to move there.
    target: Option<MemberId>,
    subscribed: BTreeSet<MemberId>,
    inputs_to: Option<MemberId>,
    held: BTreeMap<(Epoch, Tick), Held>,
    keyframe: Option<HeldKeyframe>,
    down: BTreeSet<MemberId>,
    /// Last time that something was shown.
    progress: Time,
    asked: Time,
    looked_up: Time,
}

impl Edge {
    /// An edge that nobody watches yet.
    pub fn new(me: MemberId, game: GameId) -> Edge {
        Edge {
            me,
            game,
            watched: false,
            shown: None,
            floor: None,
            source: None,
            source_epoch: Epoch(0),
            target: None,
            subscribed: BTreeSet::new(),
            inputs_to: None,
            held: BTreeMap::new(),
            keyframe: None,
            down: BTreeSet::new(),
            progress: Time(0),
            asked: Time(0),
            looked_up: Time(0),
        }
    }

    /// The newest tick that was shown, and its epoch.
    pub fn shown(&self) -> Option<(Epoch, Tick)> {
        self.shown
    }

    /// Whose frames are wanted at present.
    pub fn source(&self) -> Option<MemberId> {
        self.source
    }

    /// Takes one event in and appends what is to be done, in order.
    pub fn handle(&mut self, now: Time, event: EdgeEvent, out: &mut Vec<EdgeEffect>) {
        match event {
            EdgeEvent::Wake => {}
            EdgeEvent::Watch => self.watch(now, out),
            EdgeEvent::Unwatch => self.unwatch(out),
            EdgeEvent::Floor(epoch, tick) => self.floor = self.floor.max(Some((epoch, tick))),
            EdgeEvent::Frame { from, epoch, tick, after, bytes } => {
                self.hold(from, epoch, tick, after, bytes);
            }
            EdgeEvent::Keyframe { from, epoch, tick, bytes } => {
                let newer = self.keyframe.as_ref().is_none_or(|held| (held.epoch, held.tick) < (epoch, tick));
                // Kept for nobody it would be old when somebody comes.
                if newer && self.watched {
                    self.keyframe = Some(HeldKeyframe { from, epoch, tick, bytes });
                }
            }
            EdgeEvent::MoveSoon { to } => {
                let before = self.target.replace(to);
                if let Some(before) = before.filter(|before| *before != to && Some(*before) != self.source) {
                    self.unsubscribe(before, out);
                }
                if self.watched && !self.subscribed.contains(&to) {
                    self.ask(now, to, out);
                }
            }
            EdgeEvent::Moved { to, epoch, .. } => self.follow(now, to, epoch, out),
            EdgeEvent::NotOwner { from, owner } => {
                self.subscribed.remove(&from);
                if self.watched && self.source == Some(from) {
                    self.source = None;
                    let other = owner
                        .filter(|owner| *owner != from && *owner != self.me && !self.down.contains(owner));
                    match other {
                        // Hearsay: it may point back, so that it is taken at most once in ASK_US.
                        Some(owner) if elapsed(self.asked, now) >= ASK_US => self.turn_to(now, owner, out),
                        _ => self.look_up(now, out),
                    }
                }
            }
            EdgeEvent::Owner(Some((owner, epoch))) => self.follow(now, owner, epoch, out),
            EdgeEvent::Owner(None) => {}
            EdgeEvent::Link { member, up: true } => {
                self.down.remove(&member);
                if self.watched && (self.source == Some(member) || self.target == Some(member)) {
                    self.ask(now, member, out);
                }
            }
            EdgeEvent::Link { member, up: false } => {
                self.down.insert(member);
                self.subscribed.remove(&member);
                if self.watched && self.source == Some(member) {
                    match self.target.filter(|target| *target != member) {
                        Some(target) => self.ask(now, target, out),
                        None => self.look_up(now, out),
                    }
                }
            }
        }
        if self.watched {
            self.advance(now, out);
            self.chase(now, out);
        }
    }

    fn watch(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        if self.watched {
            return;
        }
        self.watched = true;
        self.progress = now;
        match self.source {
            Some(source) => self.turn_to(now, source, out),
            None => self.look_up(now, out),
        }
    }

    fn unwatch(&mut self, out: &mut Vec<EdgeEffect>) {
        self.watched = false;
        for member in std::mem::take(&mut self.subscribed) {
            out.push(EdgeEffect::Unsubscribe(member));
        }
        self.held.clear();
        self.keyframe = None;
        self.target = None;
        self.inputs_to = None;
    }

    /// That member owns the game under that epoch: its frames are wanted, and inputs go there.
    fn follow(&mut self, now: Time, owner: MemberId, epoch: Epoch, out: &mut Vec<EdgeEffect>) {
        let newest = self.shown.map_or(Epoch(0), |(shown, _)| shown).max(self.source_epoch);
        if epoch < newest
            || (epoch == newest && self.source == Some(owner) && self.subscribed.contains(&owner))
        {
            return;
        }
        self.source_epoch = epoch;
        if self.watched {
            self.turn_to(now, owner, out);
        } else {
            self.source = Some(owner);
        }
    }

    /// The old source stays subscribed until a frame of the new one is shown: its last ticks may still be on the way.
    fn turn_to(&mut self, now: Time, owner: MemberId, out: &mut Vec<EdgeEffect>) {
        self.source = Some(owner);
        if self.target == Some(owner) {
            self.target = None;
        }
        if self.inputs_to != Some(owner) {
            self.inputs_to = Some(owner);
            out.push(EdgeEffect::InputsTo(Some(owner)));
        }
        if !self.subscribed.contains(&owner) {
            self.ask(now, owner, out);
        }
    }

    fn ask(&mut self, now: Time, member: MemberId, out: &mut Vec<EdgeEffect>) {
        self.asked = now;
        self.subscribed.insert(member);
        out.push(EdgeEffect::Subscribe { to: member, have: self.shown });
    }

    fn unsubscribe(&mut self, member: MemberId, out: &mut Vec<EdgeEffect>) {
        if self.subscribed.remove(&member) {
            out.push(EdgeEffect::Unsubscribe(member));
        }
    }

    fn look_up(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        self.looked_up = now;
        out.push(EdgeEffect::Lookup(self.game));
    }

    fn hold(&mut self, from: MemberId, epoch: Epoch, tick: Tick, after: Epoch, bytes: Bytes) {
        let passed = self.shown.is_some_and(|(shown, at)| epoch < shown || (epoch == shown && tick <= at));
        if !self.watched || passed {
            return;
        }
        // A higher epoch counts more than a later tick, and what comes next more than what comes later.
        if self.held.len() >= HELD_MAX && !self.held.contains_key(&(epoch, tick)) {
            self.held.pop_first();
        }
        self.held.insert((epoch, tick), Held { from, after, bytes });
    }

    /// Shows whatever follows from what was shown.
    fn advance(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        loop {
            if let Some((key, held)) = self.next_frame() {
                self.held.remove(&key);
                let new_epoch = self.shown.is_none_or(|(shown, _)| shown != key.0);
                self.shown = Some(key);
                self.came_from(now, held.from, key.0, new_epoch, out);
                out.push(EdgeEffect::Show { epoch: key.0, tick: key.1, bytes: held.bytes, new_epoch });
            } else if let Some(keyframe) = self.next_keyframe(now) {
                let rewind = self.shown.is_some_and(|(_, tick)| keyframe.tick <= tick);
                let new_epoch = self.shown.is_none_or(|(shown, _)| shown != keyframe.epoch);
                self.shown = Some((keyframe.epoch, keyframe.tick));
                self.came_from(now, keyframe.from, keyframe.epoch, new_epoch, out);
                let HeldKeyframe { epoch, tick, bytes, .. } = keyframe;
                out.push(EdgeEffect::Reset { epoch, tick, bytes, rewind });
            } else {
                return;
            }
            let shown = self.shown;
            self.held.retain(|key, _| Some(*key) > shown);
        }
    }

    fn next_frame(&self) -> Option<((Epoch, Tick), Held)> {
        let (epoch, tick) = self.shown?;
        // Of two frames that follow, the one of the higher epoch: the other branch is dead.
        // A keyframe of the world that an ownership began with bears its epoch: within one epoch ticks follow each other.
        let follows = |at: Epoch, held: &Held| held.after == epoch || at == epoch;
        let mut follow =
            self.held.iter().rev().filter(|(key, held)| key.1 == tick.next() && follows(key.0, held));
        follow.find(|(key, _)| self.above_floor(key.0)).map(|(key, held)| (*key, held.clone()))
    }

    /// A keyframe breaks the chain, so that it is shown only when the chain cannot go on: at once when the new epoch forked
    /// below what was shown, else after a while in which nothing followed.
    fn next_keyframe(&mut self, now: Time) -> Option<HeldKeyframe> {
        let keyframe = self.keyframe.take()?;
        if !self.above_floor(keyframe.epoch) {
            return None;
        }
        let Some((epoch, tick)) = self.shown else { return Some(keyframe) };
        let ahead = keyframe.epoch > epoch || (keyframe.epoch == epoch && keyframe.tick > tick);
        if !ahead {
            return None;
        }
        let forked = keyframe.epoch > epoch && keyframe.tick < tick;
        if forked || elapsed(self.progress, now) >= STALLED_US {
            return Some(keyframe);
        }
        self.keyframe = Some(keyframe);
        None
    }

    fn above_floor(&self, epoch: Epoch) -> bool {
        self.floor.is_none_or(|(floor, _)| epoch >= floor)
    }

    fn came_from(&mut self, now: Time, from: MemberId, epoch: Epoch, new: bool, out: &mut Vec<EdgeEffect>) {
        self.progress = now;
        if !new {
            return;
        }
        // The sender may be relaying another owner's ticks; the owner of this epoch stays the source where it is known.
        if epoch > self.source_epoch || self.source.is_none() {
            self.source_epoch = epoch;
            self.turn_to(now, from, out);
        }
        let wanted = [self.source, self.target];
        let idle: Vec<MemberId> =
            self.subscribed.iter().copied().filter(|member| !wanted.contains(&Some(*member))).collect();
        for member in idle {
            self.unsubscribe(member, out);
        }
    }

    /// Asks for what is missing, and for the owner when nothing comes at all.
    fn chase(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        let still = elapsed(self.progress, now);
        // Worlds of a higher epoch, or later ticks, are known, but nothing leads there.
        let behind = self.held.last_key_value().map(|(_, held)| held.from);
        let moved = self.source.filter(|_| self.shown.is_none_or(|(epoch, _)| self.source_epoch > epoch));
        if let Some(ahead) =
            behind.or(moved).filter(|_| still >= STALLED_US && elapsed(self.asked, now) >= ASK_US)
        {
            self.ask(now, ahead, out);
        }
        if still >= LOST_US && elapsed(self.looked_up, now) >= LOST_US {
            self.look_up(now, out);
        }
    }
}

fn elapsed(since: Time, now: Time) -> u64 {
    now.0.saturating_sub(since.0)
}

#[cfg(test)]
mod tests;
