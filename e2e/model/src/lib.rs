//! A small model of lease, claim and hand-over, small enough that every state of it is visited.
//!
//! Owns what may happen to one game among two or three members, and what must never be so. It restates the rules of
//! `crates/ownership` and the registry's fences by hand, as short as they can be said, and shares no code with them: what the
//! seeded simulation finds in some of many long runs of the real machines is here looked for in all orders of few steps.
//!
//! Left out: ceding and parking, what edges and players do, several games, a registry that loses what it had. Reading the
//! registry and acting on it is one step, after all that the member has asked before; writing to it is three, any of which may
//! be lost or late.
//!
//! Invariant: whatever a member could decide by a timer it may decide at any time; only leases are measured.

mod broken;
mod properties;
mod rules;
mod state;

pub use broken::{Broken, TEETH};
pub use state::{
    Answer, Breach, Call, EPOCHS, Fence, Id, LEASE, MARGIN, MEMBERS, Member, Message, Off, Owned, Phase,
    Record, Renewal, Stage, State, TICKS, World, Write,
};

use rules::{Heard, Step};
use stateright::{Model, Property};

/// A cluster, and what may happen to it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Two or three. The first owns the game.
    pub members: u8,
    /// Faults, all kinds together.
    pub faults: u8,
    /// Moves that are begun.
    pub moves: u8,
    /// A rule that does not hold.
    pub broken: Option<Broken>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A unit of time passes; whoever can renews its lease. A slow clock misses it: a fault, where it tells.
    Pass {
        /// Whose is.
        slow: Option<Id>,
    },
    /// The owner runs a tick.
    Tick(Id),
    /// The owner appends to the log.
    Append(Id),
    /// The owner asks a target to get ready.
    Prepare(Id, Id),
    /// It does not wait for the target any longer.
    GiveUpTarget(Id),
    /// It stops after a tick, and asks the registry for the move.
    Freeze(Id),
    /// It asks once more for a fresh epoch.
    RetryBump(Id),
    /// It ticks on the target's word.
    GoOnProvisionally(Id),
    /// It looks what has become of the game that ticks so.
    Probe(Id),
    /// It says again that the registry has given the game to the target.
    SendCommit(Id),
    /// It asks the target whether it runs the game.
    AskWhetherBegun(Id),
    /// It leaves the game to whoever claims it: the target is gone.
    LeaveToClaimers(Id),
    /// It was stopped, and reads whether it was replaced.
    Reread(Id),
    /// A member reads the record.
    Look(Id),
    /// A member claims the game.
    Claim(Id),
    /// The registry carries a write out.
    CarryOut(Call),
    /// Its answer arrives.
    Hear(Call),
    /// The sender is told nothing: a fault, unless it does not reach the registry.
    Unanswered(Call),
    /// The sender is told that it was not sent.
    Refuse(Call),
    /// The oldest message of a link arrives.
    Deliver(Id, Id, Message),
    /// A link breaks with what is on it: a fault.
    BreakLink(Id, Id),
    /// A process dies: a fault.
    Crash(Id),
    /// Another starts at its place.
    Restart(Id),
    /// A process is stopped: a fault.
    Stop(Id),
    /// It goes on.
    Continue(Id),
    /// A member reaches the registry no more, where `renewal` with a renewal on its way: a fault.
    Cut {
        /// That one.
        member: Id,
        /// As above.
        renewal: bool,
    },
    /// It does again.
    Heal(Id),
    /// That renewal is carried out.
    RenewalCarriedOut(Id),
    /// Its answer arrives.
    RenewalHeard(Id),
    /// Nobody reaches the registry: a fault.
    Away,
    /// All do again.
    Back,
}

const QUIET: u8 = LEASE + MARGIN;

impl Cluster {
    fn member(slot: u8, start: u8) -> Member {
        Member {
            id: Id { slot, start },
            up: true,
            stopped: None,
            cut: false,
            lease: LEASE,
            renewal: None,
            silent: 0,
            reaches: QUIET,
            view: (Cluster::first(), 0),
            owned: None,
            incoming: None,
            promise: None,
        }
    }

    fn first() -> Fence {
        Fence { epoch: 1, owner: Id { slot: 0, start: 0 } }
    }

    fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    /// What a member may do by itself.
    fn by_itself(&self, s: &State, at: usize, actions: &mut Vec<Action>) {
        let member = &s.members[at];
        let id = member.id;
        if !member.acts() {
            return;
        }
        let reaches = s.reaches(at);
        // Its calls share a connection: what it asks now is answered after what it has asked before.
        let reads = reaches && (self.breaks(Broken::ReadsOvertakeWrites) || !rules::waits(s, at, |_| true));
        if reads && s.record.held.epoch > member.view.0.epoch {
            actions.push(Action::Look(id));
        }
        if reads && rules::may_claim(s, self.broken, at) {
            actions.push(Action::Claim(id));
        }
        let Some(owned) = &member.owned else { return };
        let leased = member.lease > 0 || self.breaks(Broken::OwnLeaseUnchecked);
        let frozen = matches!(owned.phase, Phase::Committing { .. } | Phase::Handing { .. });
        let shows = owned.ticks() || frozen && self.breaks(Broken::TicksAfterFreeze);
        let read = !owned.unread || self.breaks(Broken::ShowsBeforeReading);
        if shows && read && !owned.world.is_full() {
            actions.push(Action::Tick(id));
        }
        if owned.unread && reads {
            actions.push(Action::Reread(id));
        }
        let logs = matches!(owned.phase, Phase::Running | Phase::Preparing { .. }) && !owned.unread;
        let appending = rules::waits(s, at, |write| matches!(write, Write::Append { .. }));
        if logs && leased && reaches && owned.world.ticks() > owned.durable && !appending {
            actions.push(Action::Append(id));
        }
        match owned.phase {
            Phase::Running if s.moves > 0 && !owned.unread => {
                let others = s.members.iter().filter(|other| other.id != id && other.up);
                actions.extend(others.map(|to| Action::Prepare(id, to.id)));
            }
            Phase::Preparing { ready, .. } => {
                if ready && leased {
                    actions.push(Action::Freeze(id));
                }
                actions.push(Action::GiveUpTarget(id));
            }
            Phase::Bumping { off, to, .. } => {
                if off == Some(Off::Ticks) && to.is_some() && !owned.unread {
                    actions.push(Action::GoOnProvisionally(id));
                }
                let waits = rules::waits(s, at, |write| matches!(write, Write::Bump { .. }));
                if reaches && !waits {
                    actions.push(Action::RetryBump(id));
                }
            }
            Phase::Handing { to, .. } => {
                if s.lives(to) && s.links[at][to.at()].is_empty() {
                    actions.extend([Action::SendCommit(id), Action::AskWhetherBegun(id)]);
                }
                if rules::is_gone(s, self.broken, at, to) {
                    actions.push(Action::LeaveToClaimers(id));
                }
            }
            Phase::Provisional { .. } if reads => actions.push(Action::Probe(id)),
            Phase::Provisional { .. } | Phase::Running | Phase::Committing { .. } => {}
        }
    }

    fn befalls(s: &State, at: usize, actions: &mut Vec<Action>) {
        let member = &s.members[at];
        let id = member.id;
        if member.up {
            match (member.stopped, member.cut || s.away) {
                (Some(_), _) => actions.push(Action::Continue(id)),
                (None, false) if s.faults > 0 => {
                    actions.push(Action::Cut { member: id, renewal: false });
                    if member.owned.is_some() || member.incoming.is_some() {
                        actions.push(Action::Cut { member: id, renewal: true });
                    }
                }
                _ => {}
            }
            if member.cut && !s.away {
                actions.push(Action::Heal(id));
            }
            if let Some(renewal) = member.renewal {
                if !renewal.carried_out && !s.away {
                    actions.push(Action::RenewalCarriedOut(id));
                }
                if renewal.carried_out && member.stopped.is_none() {
                    actions.push(Action::RenewalHeard(id));
                }
            }
            if s.faults > 0 {
                actions.push(Action::Crash(id));
                if member.stopped.is_none() {
                    actions.push(Action::Stop(id));
                }
                // One that renews does not miss anything.
                if member.lease > 0 && !(s.reaches(at) && member.acts()) {
                    actions.push(Action::Pass { slow: Some(id) });
                }
            }
        } else if id.start == 0 {
            actions.push(Action::Restart(id));
        }
    }

    fn links(s: &State, actions: &mut Vec<Action>) {
        for (at, row) in s.links.iter().enumerate() {
            for (to, link) in row.iter().enumerate() {
                if let Some((from, message)) = link.first()
                    && s.members[to].acts()
                {
                    actions.push(Action::Deliver(*from, s.members[to].id, *message));
                }
                let used = !link.is_empty() || !s.links[to][at].is_empty();
                if at < to && used && s.faults > 0 {
                    actions.push(Action::BreakLink(s.members[at].id, s.members[to].id));
                }
            }
        }
    }

    fn registry(s: &State, actions: &mut Vec<Action>) {
        for call in &s.calls {
            let at = call.from.at();
            let acts = s.lives(call.from) && s.members[at].acts();
            let reaches = s.reaches(at);
            match call.stage {
                Stage::GivenUp if !s.away => actions.push(Action::CarryOut(*call)),
                Stage::GivenUp => {}
                Stage::Sent => {
                    if reaches {
                        actions.push(Action::CarryOut(*call));
                    } else if acts {
                        actions.push(Action::Refuse(*call));
                    }
                }
                Stage::Answered(_) => {
                    if reaches && acts {
                        actions.push(Action::Hear(*call));
                    }
                }
            }
            if call.stage != Stage::GivenUp && acts && (s.faults > 0 || !reaches) {
                actions.push(Action::Unanswered(*call));
            }
        }
        if s.away {
            actions.push(Action::Back);
        } else if s.faults > 0 {
            actions.push(Action::Away);
        }
    }

    fn pass(&self, s: &mut State, slow: Option<Id>) {
        let away = s.away;
        for member in s.members.iter_mut().filter(|member| member.up) {
            let reaches = !member.cut && !away;
            member.stopped = member.stopped.map(|units| (units + 1).min(LEASE));
            if reaches && member.stopped.is_none() {
                member.lease = LEASE;
                member.renewal = None;
                member.silent = 0;
            } else {
                if slow != Some(member.id) {
                    member.lease = member.lease.saturating_sub(1);
                }
                member.renewal = member.renewal.filter(|renewal| renewal.left > 0);
                if let Some(renewal) = &mut member.renewal {
                    renewal.left -= 1;
                }
                member.silent = (member.silent + 1).min(QUIET);
            }
            let watches = reaches || self.broken == Some(Broken::WatchedThroughOutage);
            member.reaches = if watches { (member.reaches + 1).min(QUIET) } else { 0 };
        }
        s.back = if away { 0 } else { (s.back + 1).min(QUIET) };
        for call in &mut s.calls {
            // Where nothing is wrong answers take less than a unit.
            let sender = &s.members[call.from.at()];
            let slow = away || sender.cut || sender.stopped.is_some();
            if slow && matches!(call.write, Write::Bump { .. }) && call.stage != Stage::GivenUp {
                call.age = (call.age + 1).min(LEASE);
            }
        }
        s.calls.sort_unstable();
        s.calls.dedup();
    }

    fn crash(s: &mut State, at: usize) {
        let dead = s.members[at].id;
        let silent =
            Member { up: false, lease: 0, silent: 0, reaches: 0, ..Cluster::member(dead.slot, dead.start) };
        s.members[at] = silent;
        for row in &mut s.links {
            row[at].clear();
        }
        s.calls.retain(|call| call.from != dead || !matches!(call.stage, Stage::Answered(_)));
        for call in s.calls.iter_mut().filter(|call| call.from == dead) {
            (call.stage, call.age) = (Stage::GivenUp, 0);
        }
        s.calls.sort_unstable();
        s.calls.dedup();
    }

    fn restart(&self, s: &mut State, at: usize) {
        let Id { slot, start } = s.members[at].id;
        let mut member = Cluster::member(slot, start + 1);
        member.view = (s.record.held, s.record.base);
        member.reaches = 0;
        if s.away {
            member.lease = 0;
        }
        if self.breaks(Broken::RestartGoesOn) && s.record.held.owner == (Id { slot, start }) {
            let world = s.record.world;
            member.owned = Some(Owned::new(s.record.held.epoch, world));
        }
        s.members[at] = member;
    }

    /// Whoever watched has to begin anew, however short it was.
    fn cut(&self, s: &mut State, at: usize) {
        let member = &mut s.members[at];
        member.cut = true;
        if !self.breaks(Broken::WatchedThroughOutage) {
            member.reaches = 0;
        }
    }

    fn away(&self, s: &mut State) {
        (s.away, s.back) = (true, 0);
        if !self.breaks(Broken::WatchedThroughOutage) {
            s.members.iter_mut().for_each(|member| member.reaches = 0);
        }
    }

    fn break_link(s: &mut State, ends: [Id; 2]) {
        for [one, other] in [ends, [ends[1], ends[0]]] {
            s.links[one.at()][other.at()].clear();
            if let Some(owned) = &mut s.members[one.at()].owned
                && matches!(owned.phase, Phase::Preparing { to, .. } if to == other)
            {
                owned.phase = Phase::Running;
            }
        }
    }

    fn resume(s: &mut State, at: usize) {
        let held = s.record.held;
        let member = &mut s.members[at];
        let long = member.stopped.take() == Some(LEASE);
        if let Some(owned) = member.owned.as_mut().filter(|_| long) {
            owned.unread = true;
            owned.replaced |= held != Fence { epoch: owned.epoch, owner: member.id };
        }
    }

    /// What cannot change anything any more is dropped, so that states which differ in nothing else are one: a write that
    /// nobody waits for, where its ownership has been replaced.
    fn forget(&self, s: &mut State) {
        if !self.breaks(Broken::EpochNotChecked) && !self.breaks(Broken::AppendNotFenced) {
            let held = s.record.held;
            s.calls.retain(|call| call.stage != Stage::GivenUp || call.expect == held);
        }
    }

    /// What a call's sender is told by a fault costs one, unless there is a reason already.
    fn costs(s: &State, action: &Action) -> bool {
        match action {
            Action::Pass { slow } => slow.is_some(),
            Action::Unanswered(call) => s.reaches(call.from.at()),
            Action::BreakLink(..)
            | Action::Crash(_)
            | Action::Stop(_)
            | Action::Cut { .. }
            | Action::Away => true,
            _ => false,
        }
    }
}

impl Model for Cluster {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut members: Vec<Member> = (0..self.members).map(|slot| Cluster::member(slot, 0)).collect();
        let world = World::default();
        members[0].owned = Some(Owned {
            epoch: 1,
            world,
            durable: 0,
            moved_at: None,
            phase: Phase::Running,
            unread: false,
            replaced: false,
        });
        vec![State {
            record: Record { held: Cluster::first(), base: 0, claimed: false, snapshot: 0, world },
            away: false,
            back: QUIET,
            members,
            calls: Vec::new(),
            links: Default::default(),
            faults: self.faults,
            moves: self.moves,
            ran: [None; EPOCHS],
            moved: None,
            durable: world,
            breaches: 0,
        }]
    }

    fn actions(&self, s: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Pass { slow: None });
        Cluster::registry(s, actions);
        Cluster::links(s, actions);
        for at in 0..s.members.len() {
            self.by_itself(s, at, actions);
            Cluster::befalls(s, at, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let s = &mut next;
        if Cluster::costs(last, &action) {
            s.faults -= 1;
        }
        let mut step = Step { s, broken: self.broken };
        match action {
            Action::Pass { slow } => self.pass(s, slow),
            Action::Tick(id) => step.tick(id.at()),
            Action::Append(id) => step.append(id.at()),
            Action::Prepare(id, to) => {
                step.s.moves -= 1;
                step.prepare(id.at(), to);
            }
            Action::GiveUpTarget(id) => step.give_up_target(id.at()),
            Action::Freeze(id) => step.freeze(id.at()),
            Action::RetryBump(id) => step.retry_bump(id.at()),
            Action::GoOnProvisionally(id) => step.go_on_provisionally(id.at()),
            Action::Probe(id) => step.probe(id.at()),
            Action::SendCommit(id) => step.send_commit(id.at()),
            Action::AskWhetherBegun(id) => step.ask_whether_begun(id.at()),
            Action::LeaveToClaimers(id) => step.leave_to_claimers(id.at()),
            Action::Reread(id) => step.reread(id.at()),
            Action::Look(id) => step.learn(id.at(), last.record),
            Action::Claim(id) => step.claim(id.at()),
            Action::CarryOut(call) => step.carry_out(call),
            Action::Hear(call) => {
                if let Stage::Answered(answer) = call.stage {
                    step.hear(call, Heard::Answer(answer));
                }
            }
            Action::Unanswered(call) => step.unanswered(call),
            Action::Refuse(call) => step.hear(call, Heard::Refused),
            Action::Deliver(from, to, message) => {
                step.s.links[from.at()][to.at()].remove(0);
                step.deliver(from, to.at(), message);
            }
            Action::BreakLink(one, other) => Cluster::break_link(s, [one, other]),
            Action::Crash(id) => Cluster::crash(s, id.at()),
            Action::Restart(id) => self.restart(s, id.at()),
            Action::Stop(id) => s.members[id.at()].stopped = Some(0),
            Action::Continue(id) => Cluster::resume(s, id.at()),
            Action::Cut { member, renewal } => {
                self.cut(s, member.at());
                if renewal {
                    s.members[member.at()].renewal = Some(Renewal { left: LEASE, carried_out: false });
                }
            }
            Action::Heal(id) => s.members[id.at()].cut = false,
            Action::RenewalCarriedOut(id) => {
                let member = &mut s.members[id.at()];
                member.silent = 0;
                member.renewal = member.renewal.map(|renewal| Renewal { carried_out: true, ..renewal });
            }
            Action::RenewalHeard(id) => {
                let from_answer = self.breaks(Broken::LeaseFromAnswer);
                let member = &mut s.members[id.at()];
                if let Some(renewal) = member.renewal.take() {
                    member.lease = member.lease.max(if from_answer { LEASE } else { renewal.left });
                }
            }
            Action::Away => self.away(s),
            Action::Back => s.away = false,
        }
        self.forget(&mut next);
        if !next.durable.leads_to(&next.record.world) {
            next.breach(Breach::DurableLost);
        }
        (next != *last).then_some(next)
    }

    fn within_boundary(&self, s: &State) -> bool {
        usize::from(s.record.held.epoch) < EPOCHS
    }

    fn properties(&self) -> Vec<Property<Cluster>> {
        properties::all()
    }
}
