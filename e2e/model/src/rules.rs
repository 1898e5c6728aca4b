//! The rules, one step each: what the registry does with a write, and what a member does with an answer, with a message or
//! by itself. What `crates/ownership` decides by timers may happen here at any time.
//!
//! Invariant: every breach is noted from what is so (who has run what, whose lease is over by its own clock), not from what
//! a rule has looked at, so that a rule which is broken cannot hide it.

use crate::Broken;
use crate::state::{
    Answer, Breach, Call, Fence, Id, LEASE, MARGIN, Message, Off, Owned, Phase, Record, Stage, State, Write,
};

/// How the sender of a call learns what has become of it.
#[derive(Clone, Copy)]
pub(crate) enum Heard {
    Answer(Answer),
    /// Carried out or not, now or later.
    Unanswered,
    /// It was not carried out, and never will be.
    Refused,
}

/// How a claimer knows that an owner is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// A later process has joined at its place.
    Restarted,
    /// Nobody listens at its address.
    Refused,
    /// No renewal for a lease and a margin.
    Lease,
}

/// A state in the middle of a step.
pub(crate) struct Step<'a> {
    pub(crate) s: &'a mut State,
    pub(crate) broken: Option<Broken>,
}

/// The registry.
impl Step<'_> {
    pub(crate) fn carry_out(&mut self, call: Call) {
        let answer = self.answer(&call);
        self.s.calls.retain(|other| *other != call);
        if call.stage == Stage::Sent {
            self.put(Call { stage: Stage::Answered(answer), ..call });
        }
    }

    fn answer(&mut self, call: &Call) -> Answer {
        let Call { from, expect, write, .. } = *call;
        let before = self.s.record;
        let holds = before.held == expect;
        let append = matches!(write, Write::Append { .. });
        let anyway = self.breaks(Broken::EpochNotChecked) || append && self.breaks(Broken::AppendNotFenced);
        if !holds && !anyway {
            return Answer::Stale(before);
        }
        let epoch = expect.epoch + 1;
        let answer = match write {
            Write::Append { world } => {
                self.s.record.world.follow(&world);
                Answer::Done
            }
            Write::Commit { to, world } => {
                let sender = self.s.members[from.at()].owned.filter(|owned| owned.epoch == expect.epoch);
                let last = sender.and_then(|owned| owned.moved_at).unwrap_or(world.ticks());
                self.s.moved = Some((expect.epoch, last, epoch));
                self.grant(Fence { epoch, owner: to });
                self.s.record = Record { claimed: false, snapshot: world.ticks(), world, ..self.s.record };
                Answer::Granted(epoch)
            }
            Write::Bump { world } => {
                self.grant(Fence { epoch, owner: from });
                self.s.record = Record { claimed: false, snapshot: world.ticks(), world, ..self.s.record };
                Answer::Granted(epoch)
            }
            Write::Claim => {
                let epoch = if self.breaks(Broken::ClaimKeepsEpoch) { expect.epoch } else { epoch };
                self.grant(Fence { epoch, owner: from });
                self.s.record.claimed = true;
                Answer::Claimed(self.s.record)
            }
        };
        if !holds && self.s.record != before {
            self.s.breach(Breach::NotFenced);
        }
        answer
    }

    fn grant(&mut self, held: Fence) {
        let record = &mut self.s.record;
        let raised = held.epoch > record.held.epoch;
        (record.base, record.held) = (record.held.epoch, held);
        if !raised {
            self.s.breach(Breach::EpochNotRaised);
        }
    }
}

/// What passes between members and the registry.
impl Step<'_> {
    fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    fn put(&mut self, call: Call) {
        if let Err(place) = self.s.calls.binary_search(&call) {
            self.s.calls.insert(place, call);
        }
    }

    fn call(&mut self, at: usize, expect: Fence, write: Write) {
        let from = self.s.members[at].id;
        self.put(Call { from, expect, write, stage: Stage::Sent, age: 0 });
    }

    /// What is under way already is not sent again.
    fn send(&mut self, at: usize, to: Id, message: Message) {
        let from = self.s.members[at].id;
        let link = &self.s.links[at][to.at()];
        if self.s.lives(to) && !link.contains(&(from, message)) {
            self.s.links[at][to.at()].push((from, message));
        }
    }

    /// Nobody tells the sender anything: the call may be carried out later, or was.
    pub(crate) fn unanswered(&mut self, call: Call) {
        self.hear(call, Heard::Unanswered);
        if call.stage == Stage::Sent {
            self.put(Call { stage: Stage::GivenUp, age: 0, ..call });
        }
    }

    pub(crate) fn hear(&mut self, call: Call, heard: Heard) {
        self.s.calls.retain(|other| *other != call);
        let at = call.from.at();
        match call.write {
            Write::Append { world } => match heard {
                Heard::Answer(Answer::Done) => {
                    let lease = self.s.members[at].lease;
                    let owned = self.s.members[at].owned.as_mut();
                    let Some(owned) = owned.filter(|owned| owned.epoch == call.expect.epoch) else { return };
                    owned.durable = owned.durable.max(world.ticks());
                    self.known_durable(world);
                    // Without a lease players are not told.
                    if lease == 0 && self.breaks(Broken::OwnLeaseUnchecked) {
                        self.s.breach(Breach::ActedWithoutLease);
                    }
                }
                Heard::Answer(Answer::Stale(record)) => self.learn(at, record),
                _ => {}
            },
            Write::Commit { .. } => self.commit_answered(at, heard),
            Write::Bump { .. } => self.bump_answered(at, call.age, heard),
            Write::Claim => self.claim_answered(at, heard),
        }
    }

    fn known_durable(&mut self, world: crate::World) {
        let durable = self.s.durable;
        if !durable.leads_to(&world) && !world.leads_to(&durable) {
            self.s.breach(Breach::DurableLost);
        }
        if world.ticks() > durable.ticks() {
            self.s.durable = world;
        }
    }

    fn commit_answered(&mut self, at: usize, heard: Heard) {
        let me = self.s.members[at].id;
        let Some(owned) = self.s.members[at].owned else { return };
        let Phase::Committing { to } = owned.phase else { return };
        let epoch = owned.epoch;
        let own = Fence { epoch, owner: me };
        match heard {
            Heard::Answer(Answer::Granted(epoch)) => self.hand(at, to, epoch),
            Heard::Answer(Answer::Stale(record)) => self.frozen_is_stale(at, Some(to), None, own, record),
            Heard::Refused => {
                self.send(at, to, Message::Abort { epoch, given: 0 });
                self.go_on(at, epoch);
            }
            _ if self.breaks(Broken::GoesOnAfterLostCommit) => self.go_on(at, epoch),
            _ => {
                self.send(at, to, Message::Abort { epoch, given: 0 });
                self.bump(at, own, Some(to), None);
            }
        }
    }

    fn bump_answered(&mut self, at: usize, age: u8, heard: Heard) {
        let Some(owned) = self.s.members[at].owned else { return };
        let Phase::Bumping { over, to, off } = owned.phase else { return };
        match heard {
            // So long that others may have claimed since: one more question tells.
            Heard::Answer(Answer::Granted(epoch)) if age >= LEASE => {
                let owner = self.s.members[at].id;
                self.bump(at, Fence { epoch, owner }, to, off);
            }
            Heard::Answer(Answer::Granted(epoch)) => self.go_on(at, epoch),
            Heard::Answer(Answer::Stale(record)) => self.frozen_is_stale(at, to, off, over, record),
            _ if off == Some(Off::Ticks) && !owned.unread => self.go_on_provisionally(at),
            _ => {}
        }
    }

    fn claim_answered(&mut self, at: usize, heard: Heard) {
        match heard {
            Heard::Answer(Answer::Claimed(record)) => {
                self.learn(at, record);
                let member = &self.s.members[at];
                if member.lease == 0 || member.owned.is_some() {
                    return;
                }
                let from = member.incoming.map(|incoming| incoming.owner);
                let forgotten = self.breaks(Broken::LogForgotten);
                let ticks = if forgotten { record.snapshot } else { record.world.ticks() };
                self.own(at, record.held.epoch, record.world.upto(ticks));
                if let Some(from) = from {
                    self.send(at, from, Message::Started { epoch: record.held.epoch });
                }
            }
            Heard::Answer(Answer::Stale(record)) => self.learn(at, record),
            _ => {}
        }
    }
}

/// An owner.
impl Step<'_> {
    pub(crate) fn tick(&mut self, at: usize) {
        let me = self.s.members[at].id;
        let Some(owned) = self.s.members[at].owned.as_mut() else { return };
        let (epoch, before) = (owned.epoch, owned.world);
        owned.world.tick(epoch);
        let (world, replaced) = (owned.world, owned.replaced);
        let ran = &mut self.s.ran[usize::from(epoch)];
        let first = ran.is_none();
        let follows = ran.is_none_or(|(id, last)| id == me && last == before);
        *ran = Some((me, world));
        if !follows {
            self.s.breach(Breach::TwoUnderOneEpoch);
        }
        if replaced {
            self.s.breach(Breach::ShownAfterStop);
        }
        if let Some((old, last, new)) = self.s.moved {
            let by_old = self.s.ran[usize::from(old)].map_or(0, |(_, world)| world.ticks());
            let both = by_old > last && self.s.ran[usize::from(new)].is_some();
            if both || epoch == new && first && before.ticks() != last {
                self.s.breach(Breach::HandOverForked);
            }
        }
    }

    /// Runs the game from now on, under an epoch that the registry has granted.
    fn own(&mut self, at: usize, epoch: u8, world: crate::World) {
        let owned = Owned::new(epoch, world);
        let member = &mut self.s.members[at];
        (member.owned, member.incoming, member.promise) = (Some(owned), None, None);
        self.begun(at);
    }

    /// Where the registry says the same, what was durable has to be in the world.
    fn begun(&mut self, at: usize) {
        let durable = self.s.durable;
        if self.s.owns(at).is_some_and(|owned| !durable.leads_to(&owned.world)) {
            self.s.breach(Breach::DurableLost);
        }
    }

    fn stop(&mut self, at: usize, to: Option<Fence>) {
        let member = &mut self.s.members[at];
        member.owned = None;
        if let Some(to) = to.filter(|to| to.epoch > member.view.0.epoch) {
            member.view = (to, member.view.0.epoch);
        }
    }

    fn phase(&mut self, at: usize, phase: Phase) {
        if let Some(owned) = &mut self.s.members[at].owned {
            owned.phase = phase;
        }
    }

    pub(crate) fn prepare(&mut self, at: usize, to: Id) {
        let Some(Owned { epoch, world, .. }) = self.s.members[at].owned else { return };
        self.phase(at, Phase::Preparing { to, ready: false });
        self.send(at, to, Message::Prepare { epoch, world });
    }

    pub(crate) fn give_up_target(&mut self, at: usize) {
        let Some(Owned { epoch, phase: Phase::Preparing { to, .. }, .. }) = self.s.members[at].owned else {
            return;
        };
        self.phase(at, Phase::Running);
        self.send(at, to, Message::Abort { epoch, given: 0 });
    }

    pub(crate) fn freeze(&mut self, at: usize) {
        let short = self.breaks(Broken::CommitWithoutLastTick);
        let Some(owned) = &mut self.s.members[at].owned else { return };
        let Phase::Preparing { to, .. } = owned.phase else { return };
        owned.moved_at = Some(owned.world.ticks());
        owned.phase = Phase::Committing { to };
        let (epoch, world) = (owned.epoch, owned.world);
        let world = if short { world.upto(world.ticks().saturating_sub(1)) } else { world };
        let owner = self.s.members[at].id;
        self.call(at, Fence { epoch, owner }, Write::Commit { to, world });
    }

    pub(crate) fn append(&mut self, at: usize) {
        let Some(Owned { epoch, world, .. }) = self.s.members[at].owned else { return };
        let owner = self.s.members[at].id;
        self.call(at, Fence { epoch, owner }, Write::Append { world });
        if self.breaks(Broken::DurableBeforeAnswer) {
            self.known_durable(world);
        }
    }

    fn bump(&mut self, at: usize, over: Fence, to: Option<Id>, off: Option<Off>) {
        self.phase(at, Phase::Bumping { over, to, off });
        self.ask_for_epoch(at);
    }

    fn ask_for_epoch(&mut self, at: usize) {
        let Some(Owned { world, phase: Phase::Bumping { over, .. }, .. }) = self.s.members[at].owned else {
            return;
        };
        self.call(at, over, Write::Bump { world });
    }

    pub(crate) fn retry_bump(&mut self, at: usize) {
        let Some(owned) = self.s.members[at].owned else { return };
        if let Phase::Bumping { to: Some(to), .. } = owned.phase {
            self.send(at, to, Message::Abort { epoch: owned.epoch, given: 0 });
        }
        self.ask_for_epoch(at);
    }

    fn hand(&mut self, at: usize, to: Id, epoch: u8) {
        self.phase(at, Phase::Handing { to, epoch });
        self.send_commit(at);
    }

    pub(crate) fn send_commit(&mut self, at: usize) {
        let Some(owned) = self.s.members[at].owned else { return };
        let Phase::Handing { to, epoch } = owned.phase else { return };
        let mut world = owned.world;
        if self.breaks(Broken::CommitWithoutLastTick) {
            world = world.upto(world.ticks().saturating_sub(1));
        }
        self.send(at, to, Message::Commit { old: owned.epoch, epoch, world });
    }

    pub(crate) fn ask_whether_begun(&mut self, at: usize) {
        let Some(owned) = self.s.members[at].owned else { return };
        let Phase::Handing { to, epoch } = owned.phase else { return };
        self.send(at, to, Message::Abort { epoch: owned.epoch, given: epoch });
    }

    /// The target is gone: whoever claims the game gets the world of the move, or later ones of the target's.
    pub(crate) fn leave_to_claimers(&mut self, at: usize) {
        self.stop(at, None);
    }

    /// Ticks again from where it stood still, under that epoch.
    fn go_on(&mut self, at: usize, epoch: u8) {
        let owner = self.s.members[at].id;
        let Some(owned) = &mut self.s.members[at].owned else { return };
        if owned.unread && epoch == owned.epoch {
            return self.bump(at, Fence { epoch, owner }, None, None);
        }
        owned.phase = Phase::Running;
        owned.unread = false;
        if epoch != owned.epoch {
            (owned.epoch, owned.durable, owned.moved_at) = (epoch, owned.world.ticks(), None);
            owned.replaced = false;
            let world = owned.world;
            self.known_durable(world);
            self.begun(at);
        }
    }

    pub(crate) fn go_on_provisionally(&mut self, at: usize) {
        let Some(Owned { phase: Phase::Bumping { to: Some(to), .. }, .. }) = self.s.members[at].owned else {
            return;
        };
        self.phase(at, Phase::Provisional { to, asked: None });
    }

    /// As far as the record tells, nobody but this member has run the game: it is its own, or that of the called-off move.
    fn is_unrun(&self, at: usize, to: Option<Id>) -> bool {
        let record = &self.s.record;
        let Some(owned) = &self.s.members[at].owned else { return false };
        record.held.owner == self.s.members[at].id
            || Some(record.held.owner) == to
                && (record.base, record.claimed) == (owned.epoch, false)
                && Some(record.snapshot) == owned.moved_at
    }

    pub(crate) fn probe(&mut self, at: usize) {
        let record = self.s.record;
        let me = self.s.members[at].id;
        let Some(owned) = self.s.members[at].owned else { return };
        let Phase::Provisional { to, .. } = owned.phase else { return };
        if record.held.owner == me {
            self.bump(at, record.held, Some(to), Some(Off::Ticks));
        } else if self.is_unrun(at, Some(to)) && !is_gone(self.s, self.broken, at, to) {
            let asked = record.held.epoch;
            self.phase(at, Phase::Provisional { to, asked: Some(asked) });
            self.see(at, record);
            self.send(at, to, Message::Abort { epoch: owned.epoch, given: asked });
        } else {
            self.see(at, record);
            self.stop(at, Some(record.held));
        }
    }

    fn frozen_is_stale(
        &mut self,
        at: usize,
        to: Option<Id>,
        off: Option<Off>,
        expected: Fence,
        record: Record,
    ) {
        self.see(at, record);
        let me = self.s.members[at].id;
        let Some(owned) = self.s.members[at].owned else { return };
        let Fence { epoch, owner } = record.held;
        let named = to == Some(owner);
        if named && self.breaks(Broken::TakesBackUnasked) {
            self.bump(at, record.held, to, Some(Off::Still));
        } else if off == Some(Off::Ticks) && named && owned.epoch == record.base && !owned.unread {
            self.go_on_provisionally(at);
            self.probe(at);
        } else if owner == me && epoch != expected.epoch {
            self.bump(at, record.held, to, off);
        } else if named {
            self.hand(at, owner, epoch);
        } else {
            self.stop(at, Some(record.held));
        }
    }

    pub(crate) fn reread(&mut self, at: usize) {
        let record = self.s.record;
        let me = self.s.members[at].id;
        let Some(owned) = &mut self.s.members[at].owned else { return };
        if record.held == (Fence { epoch: owned.epoch, owner: me }) {
            owned.unread = false;
        } else {
            self.learn(at, record);
        }
    }

    fn see(&mut self, at: usize, record: Record) {
        let member = &mut self.s.members[at];
        if record.held.epoch > member.view.0.epoch {
            member.view = (record.held, record.base);
        }
    }

    /// A record came by: does it say that this member has been replaced?
    pub(crate) fn learn(&mut self, at: usize, record: Record) {
        self.see(at, record);
        let me = self.s.members[at].id;
        let Some(owned) = self.s.members[at].owned else { return };
        let newer = record.held.epoch > owned.epoch;
        let fenced = match owned.phase {
            Phase::Running | Phase::Preparing { .. } => newer,
            Phase::Provisional { to, .. } => newer && !self.is_unrun(at, Some(to)),
            Phase::Handing { epoch, .. } => record.held.epoch > epoch,
            // The answer to the write that is under way will tell.
            Phase::Committing { .. } | Phase::Bumping { .. } => false,
        };
        if !fenced {
            return;
        }
        if let Phase::Preparing { to, .. } = owned.phase {
            self.send(at, to, Message::Abort { epoch: owned.epoch, given: 0 });
        }
        if record.held.owner == me && record.base == owned.epoch {
            return self.bump(at, record.held, None, None);
        }
        self.stop(at, Some(record.held));
    }
}

/// A claimer.
impl Step<'_> {
    pub(crate) fn claim(&mut self, at: usize) {
        let Record { held, base, claimed, .. } = self.s.record;
        self.see(at, self.s.record);
        if gone(self.s, self.broken, at, held.owner) == Some(Proof::Lease) && self.s.back < LEASE + MARGIN {
            self.s.breach(Breach::OutageTakenForDeath);
        }
        let within_lease = self.s.members.iter().any(|other| {
            let runs = other.owned.is_some_and(|owned| {
                let own = held == Fence { epoch: owned.epoch, owner: other.id };
                let moved = base == owned.epoch && !claimed;
                owned.ticks() && (own || moved)
            });
            runs && other.lease > 0
        });
        if within_lease {
            self.s.breach(Breach::ClaimedWithinLease);
        }
        self.call(at, held, Write::Claim);
    }
}

/// Messages.
impl Step<'_> {
    pub(crate) fn deliver(&mut self, from: Id, at: usize, message: Message) {
        match message {
            Message::Prepare { epoch, world } => self.asked_to_prepare(at, from, epoch, world),
            Message::Prepared { epoch } => {
                if let Some(Owned { phase: Phase::Preparing { to, ready }, epoch: own, .. }) =
                    &mut self.s.members[at].owned
                    && (*to, *own) == (from, epoch)
                {
                    *ready = true;
                }
            }
            Message::Refused { epoch } => {
                if let Some(Owned { phase: Phase::Preparing { to, .. }, epoch: own, .. }) =
                    self.s.members[at].owned
                    && (to, own) == (from, epoch)
                {
                    self.give_up_target(at);
                }
            }
            Message::Commit { old, epoch, world } => self.committed(at, from, old, epoch, world),
            Message::Started { epoch } => self.target_started(at, from, epoch),
            Message::Abort { epoch, given } => self.asked_to_abort(at, from, epoch, given),
            Message::Aborted { epoch, given } => self.target_aborted(at, from, epoch, given),
            Message::Released { epoch } => {
                let member = &mut self.s.members[at];
                member.promise = member.promise.filter(|promise| *promise != Fence { epoch, owner: from });
            }
        }
    }

    fn asked_to_prepare(&mut self, at: usize, from: Id, epoch: u8, world: crate::World) {
        let early = self.breaks(Broken::StartsBeforeCommit);
        let member = &mut self.s.members[at];
        if member.lease == 0 || member.owned.is_some() {
            return self.send(at, from, Message::Refused { epoch });
        }
        member.promise = None;
        member.incoming = Some(Fence { epoch, owner: from });
        self.send(at, from, Message::Prepared { epoch });
        if early {
            self.own(at, epoch, world);
        }
    }

    fn committed(&mut self, at: usize, from: Id, old: u8, epoch: u8, world: crate::World) {
        let claiming = {
            let id = self.s.members[at].id;
            let over = Fence { epoch, owner: id };
            let mine = |call: &Call| call.from == id && call.write == Write::Claim && call.expect == over;
            self.s.calls.iter().any(mine)
        };
        let member = &mut self.s.members[at];
        if let Some(owned) = member.owned {
            let over = matches!(owned.phase, Phase::Handing { .. });
            if owned.epoch >= epoch && !over {
                self.send(at, from, Message::Started { epoch: owned.epoch });
            }
            return;
        }
        if member.incoming != Some(Fence { epoch: old, owner: from }) {
            return;
        }
        member.promise = None;
        let (lease, replaced) = (member.lease, member.view.0.epoch > epoch);
        if replaced || claiming || lease == 0 && !self.breaks(Broken::OwnLeaseUnchecked) {
            return;
        }
        if lease == 0 {
            self.s.breach(Breach::ActedWithoutLease);
        }
        self.own(at, epoch, world);
        self.send(at, from, Message::Started { epoch });
    }

    fn target_started(&mut self, at: usize, from: Id, epoch: u8) {
        let Some(owned) = self.s.members[at].owned else { return };
        let runs = match owned.phase {
            Phase::Handing { to, epoch: handed } => to == from && epoch >= handed,
            Phase::Bumping { to: Some(to), .. } | Phase::Provisional { to, .. } => {
                to == from && epoch > owned.epoch
            }
            _ => false,
        };
        if runs {
            self.stop(at, Some(Fence { epoch, owner: from }));
        }
    }

    fn asked_to_abort(&mut self, at: usize, from: Id, epoch: u8, given: u8) {
        let member = &self.s.members[at];
        let lies = self.breaks(Broken::AbortedThoughStarted);
        if let Some(owned) = member.owned.filter(|owned| owned.epoch > epoch) {
            let answer = if lies {
                Message::Aborted { epoch, given }
            } else {
                Message::Started { epoch: owned.epoch }
            };
            return self.send(at, from, answer);
        }
        // It may get the game all the same, or has had it further than the old owner knows, or another has it since.
        let (seen, base) = member.view;
        let further =
            if seen.owner == member.id { base != epoch } else { seen.owner != from && seen.epoch > epoch };
        if is_claiming(self.s, at) || further {
            return;
        }
        let member = &mut self.s.members[at];
        member.incoming = member.incoming.filter(|incoming| incoming.owner != from || incoming.epoch > epoch);
        member.promise = Some(Fence { epoch, owner: from });
        self.send(at, from, Message::Aborted { epoch, given });
    }

    fn target_aborted(&mut self, at: usize, from: Id, epoch: u8, given: u8) {
        let Some(owned) = self.s.members[at].owned.filter(|owned| owned.epoch == epoch) else {
            return self.send(at, from, Message::Released { epoch });
        };
        match owned.phase {
            Phase::Bumping { over, to: Some(to), off: None } if to == from => {
                self.phase(at, Phase::Bumping { over, to: Some(to), off: Some(Off::Ticks) });
            }
            Phase::Handing { to, epoch: handed } if (to, handed) == (from, given) => {
                self.bump(at, Fence { epoch: given, owner: from }, Some(from), Some(Off::Still));
            }
            Phase::Provisional { to, asked: Some(asked) } if to == from => {
                if asked == given {
                    self.bump(at, Fence { epoch: given, owner: from }, Some(from), Some(Off::Ticks));
                } else {
                    self.send(at, from, Message::Abort { epoch, given: asked });
                }
            }
            Phase::Running | Phase::Preparing { .. } => self.send(at, from, Message::Released { epoch }),
            _ => {}
        }
    }
}

/// How that member knows that the other is gone; none if it does not.
fn gone(s: &State, broken: Option<Broken>, at: usize, other: Id) -> Option<Proof> {
    let (me, seen) = (&s.members[at], &s.members[other.at()]);
    if other == me.id {
        return None;
    }
    if seen.id.start > other.start && seen.lease > 0 {
        return Some(Proof::Restarted);
    }
    if !s.lives(other) {
        return Some(Proof::Refused);
    }
    let wait = match broken {
        Some(Broken::ClaimWithoutWaiting) => 1,
        Some(Broken::NoMargin) => LEASE,
        _ => LEASE + MARGIN,
    };
    (seen.silent.min(me.reaches) >= wait).then_some(Proof::Lease)
}

pub(crate) fn is_gone(s: &State, broken: Option<Broken>, at: usize, other: Id) -> bool {
    gone(s, broken, at, other).is_some()
}

/// Its answer is awaited, or nobody knows what has become of it.
fn is_claiming(s: &State, at: usize) -> bool {
    let id = s.members[at].id;
    s.calls.iter().any(|call| call.from == id && call.write == Write::Claim)
}

/// A call of that member's is under way whose answer it waits for.
pub(crate) fn waits(s: &State, at: usize, which: impl Fn(&Write) -> bool) -> bool {
    let id = s.members[at].id;
    s.calls.iter().any(|call| call.from == id && call.stage != Stage::GivenUp && which(&call.write))
}

/// The record as it is now is one that this member may claim.
pub(crate) fn may_claim(s: &State, broken: Option<Broken>, at: usize) -> bool {
    let member = &s.members[at];
    let asked = waits(s, at, |write| *write == Write::Claim);
    if member.lease == 0 || member.owned.is_some() || asked {
        return false;
    }
    let owner = s.record.held.owner;
    if owner != member.id {
        return is_gone(s, broken, at, owner);
    }
    let promised = member.promise.is_some_and(|promise| !is_gone(s, broken, at, promise.owner));
    !promised || broken == Some(Broken::PromiseForgotten)
}
