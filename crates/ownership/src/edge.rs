//! Which frames of a game a member may show to its players, and whom it subscribes to.
//!
//! One for each game and member. Owns the choice between sources and nothing else: frames are opaque.
//!
//! Invariant: (epoch, tick) names one world, and a frame leads from (`after`, tick - 1) to (epoch, tick). A frame is shown
//! only to those who have the world that it starts from, and epochs never fall. Everything else here decides whom to ask.
//!
//! What senders (a hub on this or another member) promise: `Subscribe { have }` is answered by `Subscribed`, and right behind
//! it by the frames that follow `have`, where the sender has them all, else by a keyframe and the frames after it; and then
//! by each new frame. What one sender sends arrives in order. Where the sender is this member itself, its own hub answers in
//! the same way.
//!
//! What goes wrong without: players miss ticks that somebody still has. The frames of a new owner overtake the last ones of
//! the old owner, whose link is slow or has broken; so they wait, and what lies between is fetched from the new owner's
//! ring. Only when all who might have it have answered that they do not is the chain broken.

use crate::Time;
use crate::ring::Kept;
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
    /// The last player left.
    Unwatch,
    /// `PeerMessage::Subscribed`: what comes next of that member is its answer.
    Subscribed {
        /// Whose (this member itself, when it owns the game).
        from: MemberId,
        /// What was asked for.
        have: Option<(Epoch, Tick)>,
    },
    /// A frame of that member.
    Frame {
        /// From whom.
        from: MemberId,
        /// It.
        frame: Kept,
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
        /// It.
        frame: Kept,
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
/// Between two questions to the same member, where the first may have been lost.
const ASK_US: u64 = 3 * TICK_MICROS;
/// Between two members that are taken for the owner on hearsay.
const TURN_US: u64 = 5 * TICK_MICROS;
/// Between two look-ups in the registry, which may be ahead of the members, or behind them; at least, for the longer players
/// have been shown nothing, the less a look-up delays them: one part in so many of that time.
const LOOK_US: u64 = TICK_MICROS;
const LOOK_PART: u64 = 8;
/// What is missing is waited for so long, from whoever may still bring it; then the chain is broken.
const PATIENCE_US: u64 = 15 * TICK_MICROS;
/// Without a frame for so long the edge asks the registry who owns the game.
const LOST_US: u64 = 500_000;

#[derive(Clone, Debug)]
struct Held {
    from: MemberId,
    frame: Kept,
}

#[derive(Clone, Debug)]
struct HeldKeyframe {
    from: MemberId,
    epoch: Epoch,
    tick: Tick,
    bytes: Bytes,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Answer {
    /// Nothing yet.
    #[default]
    Pending,
    /// It comes next.
    Follows,
    /// What was asked for, or all that there is of it.
    Given,
    /// A keyframe: what was asked for is not there, and never will be.
    Lacks,
}

/// What a member was asked for last.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// The frames after this world.
    have: Option<(Epoch, Tick)>,
    at: Time,
    answer: Answer,
    /// When anything came of it; first, when it was asked for the first time.
    heard: Time,
}

/// One game's sources at one member. Told [`EdgeEvent`]s, answers with [`EdgeEffect`]s.
#[derive(Debug)]
pub struct Edge {
    me: MemberId,
    game: GameId,
    watched: bool,
    /// The newest world that players of this edge have.
    shown: Option<(Epoch, Tick)>,
    /// Whose frames are wanted, and the newest epoch that it is known to own the game under.
    source: Option<MemberId>,
    source_epoch: Epoch,
    /// The game is about to move there.
    target: Option<MemberId>,
    subscribed: BTreeMap<MemberId, Asked>,
    inputs_to: Option<MemberId>,
    held: BTreeMap<(Epoch, Tick), Held>,
    keyframe: Option<HeldKeyframe>,
    down: BTreeSet<MemberId>,
    /// Last time that something was shown.
    progress: Time,
    /// Since when worlds are known that nothing leads to.
    gap: Option<Time>,
    /// Last time that another source was taken on hearsay.
    turned: Time,
    looked_up: Time,
    /// The registry is to be asked for the owner.
    looks: bool,
}

impl Edge {
    /// An edge that nobody watches yet.
    pub fn new(me: MemberId, game: GameId) -> Edge {
        Edge {
            me,
            game,
            watched: false,
            shown: None,
            source: None,
            source_epoch: Epoch(0),
            target: None,
            subscribed: BTreeMap::new(),
            inputs_to: None,
            held: BTreeMap::new(),
            keyframe: None,
            down: BTreeSet::new(),
            progress: Time(0),
            gap: None,
            turned: Time(0),
            looked_up: Time(0),
            looks: false,
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
            EdgeEvent::Subscribed { from, have } => {
                if let Some(asked) = self.subscribed.get_mut(&from) {
                    asked.heard = now;
                    if asked.have == have {
                        asked.answer = Answer::Follows;
                    }
                }
            }
            EdgeEvent::Frame { from, frame } => {
                self.heard(now, from, |_| Answer::Given);
                self.hold(from, frame);
            }
            EdgeEvent::Keyframe { from, epoch, tick, bytes } => {
                // A target that is behind may lead on later.
                let lacks = |have| if Some((epoch, tick)) > have { Answer::Lacks } else { Answer::Given };
                self.heard(now, from, lacks);
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
                if self.watched && !self.subscribed.contains_key(&to) {
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
                        Some(owner) if elapsed(self.turned, now) >= TURN_US => {
                            self.turned = now;
                            self.turn_to(now, owner, out);
                        }
                        _ => self.looks = true,
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
                        Some(target) if self.lacks(target) => {}
                        Some(target) => self.ask(now, target, out),
                        None => self.looks = true,
                    }
                }
            }
        }
        if self.watched {
            self.advance(now, out);
            self.chase(now, out);
            self.look_up(now, out);
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
            None => self.looks = true,
        }
    }

    fn unwatch(&mut self, out: &mut Vec<EdgeEffect>) {
        self.watched = false;
        for member in std::mem::take(&mut self.subscribed).into_keys() {
            out.push(EdgeEffect::Unsubscribe(member));
        }
        self.held.clear();
        self.keyframe = None;
        self.target = None;
        self.inputs_to = None;
        self.looks = false;
        // Whoever comes next has been shown nothing here.
        self.shown = None;
    }

    /// That member owns the game under that epoch: its frames are wanted, and inputs go there.
    fn follow(&mut self, now: Time, owner: MemberId, epoch: Epoch, out: &mut Vec<EdgeEffect>) {
        let newest = self.shown.map_or(Epoch(0), |(shown, _)| shown).max(self.source_epoch);
        if epoch < newest
            || (epoch == newest && self.source == Some(owner) && self.subscribed.contains_key(&owner))
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
        if !self.subscribed.contains_key(&owner) {
            self.ask(now, owner, out);
        }
    }

    fn ask(&mut self, now: Time, member: MemberId, out: &mut Vec<EdgeEffect>) {
        let heard = self.subscribed.get(&member).map_or(now, |asked| asked.heard);
        self.subscribed.insert(member, Asked { have: self.shown, at: now, answer: Answer::Pending, heard });
        out.push(EdgeEffect::Subscribe { to: member, have: self.shown });
    }

    /// Something came of that member: its answer, if that is due.
    fn heard(&mut self, now: Time, from: MemberId, answer: impl FnOnce(Option<(Epoch, Tick)>) -> Answer) {
        let Some(asked) = self.subscribed.get_mut(&from) else { return };
        asked.heard = now;
        if asked.answer == Answer::Follows {
            asked.answer = answer(asked.have);
        }
    }

    fn unsubscribe(&mut self, member: MemberId, out: &mut Vec<EdgeEffect>) {
        if self.subscribed.remove(&member).is_some() {
            out.push(EdgeEffect::Unsubscribe(member));
        }
    }

    /// Looks the owner up where that is wanted, or when nothing comes at all.
    fn look_up(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        let (still, waited) = (elapsed(self.progress, now), elapsed(self.looked_up, now));
        let lost = still >= LOST_US && waited >= LOST_US;
        if lost || self.looks && waited >= LOOK_US.max(still / LOOK_PART) {
            (self.looked_up, self.looks) = (now, false);
            out.push(EdgeEffect::Lookup(self.game));
        }
    }

    fn hold(&mut self, from: MemberId, frame: Kept) {
        let (epoch, tick) = (frame.epoch, frame.tick);
        let passed = self.shown.is_some_and(|(shown, at)| epoch < shown || (epoch == shown && tick <= at));
        if !self.watched || passed {
            return;
        }
        self.held.insert((epoch, tick), Held { from, frame });
        if self.held.len() > HELD_MAX {
            // A higher epoch counts more than a later tick, and what comes next more than what comes later.
            let first = self.held.first_key_value().map(|((first, _), _)| *first);
            let last = self.held.last_key_value().map(|((last, _), _)| *last);
            if first < last {
                self.held.pop_first()
            } else {
                self.held.pop_last()
            };
        }
    }

    /// Shows whatever follows from what was shown.
    fn advance(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        loop {
            if let Some((key, held)) = self.next_frame() {
                self.held.remove(&key);
                let new_epoch = self.shown.is_none_or(|(shown, _)| shown != key.0);
                self.shown = Some(key);
                self.came_from(now, held.from, key.0, new_epoch, out);
                out.push(EdgeEffect::Show { frame: held.frame, new_epoch });
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
        let mut follow =
            self.held.iter().rev().filter(|(key, held)| key.1 == tick.next() && held.frame.after == epoch);
        follow.next().map(|(key, held)| (*key, held.clone()))
    }

    /// A keyframe breaks the chain, so that it is shown only when the chain cannot go on: at once when the new epoch forked
    /// below what was shown or all have said that they cannot lead on; else after a while in which nobody did.
    fn next_keyframe(&mut self, now: Time) -> Option<HeldKeyframe> {
        let keyframe = self.keyframe.take()?;
        let Some((epoch, tick)) = self.shown else { return Some(keyframe) };
        if (keyframe.epoch, keyframe.tick) <= (epoch, tick) {
            return None;
        }
        // What was ticked under a higher epoch at or below the tick that was shown is another world than that one.
        let ticked = self.held.range((keyframe.epoch, Tick(0))..=(keyframe.epoch, tick)).next().is_some();
        let forked = keyframe.epoch > epoch && (keyframe.tick <= tick || ticked);
        // Who has sent nothing for long, though it was asked, is taken for gone.
        let silent =
            |member| self.subscribed.get(&member).is_some_and(|it| elapsed(it.heard, now) >= PATIENCE_US);
        let hopeless = !self.subscribed.is_empty() && self.may_lead_on().all(silent);
        let waited = self.gap.is_some_and(|gap| elapsed(gap, now) >= PATIENCE_US);
        if forked || hopeless || waited {
            return Some(keyframe);
        }
        self.keyframe = Some(keyframe);
        None
    }

    /// Those who have not said that they do not have what follows what was shown.
    fn may_lead_on(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.subscribed.keys().copied().filter(|member| !self.lacks(*member))
    }

    fn lacks(&self, member: MemberId) -> bool {
        self.subscribed
            .get(&member)
            .is_some_and(|asked| asked.answer == Answer::Lacks && asked.have == self.shown)
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
        // Until a frame of the source's own epoch is shown, the last ones before it may still be on the way from any of them.
        if epoch < self.source_epoch {
            return;
        }
        let wanted = [self.source, self.target];
        let idle: Vec<MemberId> =
            self.subscribed.keys().copied().filter(|member| !wanted.contains(&Some(*member))).collect();
        for member in idle {
            self.unsubscribe(member, out);
        }
    }

    /// Asks for what is missing.
    fn chase(&mut self, now: Time, out: &mut Vec<EdgeEffect>) {
        let still = elapsed(self.progress, now);
        // Worlds of a higher epoch, or later ticks, are known, but nothing leads there.
        let gap = !self.held.is_empty() || self.keyframe.is_some();
        if !gap {
            self.gap = None;
        } else if self.gap.is_none_or(|gap| gap < self.progress) {
            self.gap = Some(now);
        }
        if !gap && still < STALLED_US {
            return;
        }
        let moved = self.shown.is_none_or(|(epoch, _)| self.source_epoch > epoch);
        let source = self.source.filter(|it| !self.subscribed.contains_key(it) && !self.down.contains(it));
        for member in self.may_lead_on().chain(source).collect::<Vec<_>>() {
            let asked = self.subscribed.get(&member).copied().unwrap_or_default();
            // Asked before the players here were shown what they have now, it has answered something else.
            let stale = asked.answer != Answer::Pending && asked.have != self.shown;
            let waited = elapsed(asked.at, now);
            let ask = if still >= STALLED_US {
                (gap || moved) && (stale || waited >= ASK_US) || waited >= LOST_US && still >= LOST_US
            } else {
                stale && self.alone_ahead(member)
            };
            if ask {
                self.ask(now, member, out);
            }
        }
    }

    /// It knows worlds that nothing leads to yet, and nobody else can lead there.
    fn alone_ahead(&self, member: MemberId) -> bool {
        let held = self.held.last_key_value().map(|(_, held)| held.from);
        let ahead = [held, self.keyframe.as_ref().map(|keyframe| keyframe.from)];
        ahead.contains(&Some(member)) && self.may_lead_on().all(|other| other == member)
    }
}

fn elapsed(since: Time, now: Time) -> u64 {
    now.0.saturating_sub(since.0)
}

#[cfg(test)]
mod tests;
