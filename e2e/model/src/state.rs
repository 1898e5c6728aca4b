//! What a state of the model holds: the registry's record of one game, its members, what is under way between them, and
//! what has been seen that must never be.
//!
//! Invariant: two states that no member and no property can tell apart are equal, so that the checker visits one of them.
//! That is why times are small counters that stop at the longest time that matters, and why nothing counts steps.

use std::fmt;

/// A lease, in units of time. A stop of more than half of it is noticed by who was stopped.
pub const LEASE: u8 = 2;
/// What a claimer waits beyond it.
pub const MARGIN: u8 = 1;
/// Ticks that a game has at most.
pub const TICKS: usize = 2;
/// Epochs below this one exist. A property says that it is not reached.
pub const EPOCHS: usize = 8;
/// Members at most.
pub const MEMBERS: usize = 3;

/// A process: a place, and which start there it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    /// Index of its place.
    pub slot: u8,
    /// 0, or 1 after a restart in place.
    pub start: u8,
}

impl Id {
    pub(crate) fn at(self) -> usize {
        usize::from(self.slot)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ["P", "Q", "R"].get(self.at()).copied().unwrap_or("?");
        write!(f, "{name}{}", if self.start > 0 { "'" } else { "" })
    }
}

/// An ownership.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// Its epoch.
    pub epoch: u8,
    /// Whose it is.
    pub owner: Id,
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {:?})", self.epoch, self.owner)
    }
}

/// A world: the epoch that each of its ticks was run under. That names it, as nobody runs a tick of an epoch twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct World {
    ticks: u8,
    under: [u8; TICKS],
}

impl World {
    /// How many ticks led here.
    pub fn ticks(&self) -> u8 {
        self.ticks
    }

    pub(crate) fn is_full(&self) -> bool {
        usize::from(self.ticks) == TICKS
    }

    pub(crate) fn tick(&mut self, epoch: u8) {
        self.under[usize::from(self.ticks)] = epoch;
        self.ticks += 1;
    }

    pub(crate) fn upto(mut self, ticks: u8) -> World {
        self.ticks = self.ticks.min(ticks);
        self.under[usize::from(self.ticks)..].fill(0);
        self
    }

    /// The ticks beyond those that it has are added.
    pub(crate) fn follow(&mut self, later: &World) {
        for tick in usize::from(self.ticks)..usize::from(later.ticks) {
            self.tick(later.under[tick]);
        }
    }

    /// All that happened here happened there as well.
    pub(crate) fn leads_to(&self, later: &World) -> bool {
        later.upto(self.ticks) == *self
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.under[..usize::from(self.ticks)])
    }
}

/// What the registry holds of the game: its snapshot and log together are a world, which is what is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Record {
    /// Who owns it.
    pub held: Fence,
    /// The epoch before.
    pub base: u8,
    /// This ownership, or one before it with no snapshot since, was claimed: others than the record tells may have run it.
    pub claimed: bool,
    /// Tick of the snapshot.
    pub snapshot: u8,
    /// Snapshot and log.
    pub world: World,
}

/// What a write is to do, if the ownership that it names still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// Log what was run beyond what is logged.
    Append {
        /// Where it led.
        world: World,
    },
    /// Give the game away.
    Commit {
        /// To that one.
        to: Id,
        /// With this world.
        world: World,
    },
    /// A fresh epoch for the sender, with its world.
    Bump {
        /// That one.
        world: World,
    },
    /// The game for the sender, with the world that is stored.
    Claim,
}

/// Answer of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    /// Logged.
    Done,
    /// Commit and bump: under this epoch.
    Granted(u8),
    /// Claim: what it got.
    Claimed(Record),
    /// Another ownership holds; nothing has changed.
    Stale(Record),
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// On its way.
    Sent,
    /// On its way, and nobody waits for the answer any more.
    GivenUp,
    /// Carried out; the answer is on its way.
    Answered(Answer),
}

/// A write that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// Who asks.
    pub from: Id,
    /// The ownership that it replaces, or writes under.
    pub expect: Fence,
    /// For what.
    pub write: Write,
    /// How far it is.
    pub stage: Stage,
    /// For how long, up to a lease; of bumps that are waited for only.
    pub age: u8,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?} over {:?}", self.write, self.from, self.expect)
    }
}

/// What members say to each other. Epochs called `epoch` are the old owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {
    /// Get ready.
    Prepare {
        /// The old owner's.
        epoch: u8,
        /// World to warm up with.
        world: World,
    },
    /// It is.
    Prepared {
        /// The old owner's.
        epoch: u8,
    },
    /// It does not.
    Refused {
        /// The old owner's.
        epoch: u8,
    },
    /// The registry has given the game to you: this is the hand-over.
    Commit {
        /// The old owner's.
        old: u8,
        /// The one that was granted.
        epoch: u8,
        /// The last world of the old owner.
        world: World,
    },
    /// It runs here.
    Started {
        /// The epoch it runs under.
        epoch: u8,
    },
    /// Do not run it; or say that you do.
    Abort {
        /// The old owner's.
        epoch: u8,
        /// What the registry has granted to the target as far as is known, or 0.
        given: u8,
    },
    /// It does not run here, and will not, whatever the registry says.
    Aborted {
        /// The old owner's.
        epoch: u8,
        /// As in the question.
        given: u8,
    },
    /// That word is not needed any more.
    Released {
        /// The old owner's.
        epoch: u8,
    },
}

/// Where an owned game is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It ticks.
    Running,
    /// It ticks; a target gets ready.
    Preparing {
        /// That one.
        to: Id,
        /// It is.
        ready: bool,
    },
    /// It stands still until the registry has answered to the move.
    Committing {
        /// The target.
        to: Id,
    },
    /// It stands still until the registry has granted a fresh epoch.
    Bumping {
        /// The ownership that it is asked over.
        over: Fence,
        /// The target of a move whose answer was lost.
        to: Option<Id>,
        /// That one has promised not to run it.
        off: Option<Off>,
    },
    /// It stands still until the target has said that it runs.
    Handing {
        /// That one.
        to: Id,
        /// What it was granted.
        epoch: u8,
    },
    /// It ticks, on the target's word, though the registry may name the target. Nothing is written under this epoch.
    Provisional {
        /// The target.
        to: Id,
        /// What the registry has granted to the target, which is asked whether it still does not run it.
        asked: Option<u8>,
    },
}

/// A target has called a move off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Off {
    /// The game may tick provisionally.
    Ticks,
    /// It stands still all the same: edges were told of the move.
    Still,
}

/// A game that a member runs, or ran last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owned {
    /// Under this epoch.
    pub epoch: u8,
    /// Up to here.
    pub world: World,
    /// Known to be durable up to here.
    pub durable: u8,
    /// The last tick before the move that was asked of the registry under this epoch.
    pub moved_at: Option<u8>,
    /// Where it is.
    pub phase: Phase,
    /// This member was stopped for long, and does not know yet whether it was replaced.
    pub unread: bool,
    /// What it does not know: it was. No member reads this.
    pub replaced: bool,
}

impl Owned {
    /// Runs, and all of it is durable.
    pub(crate) fn new(epoch: u8, world: World) -> Owned {
        Owned {
            epoch,
            world,
            durable: world.ticks(),
            moved_at: None,
            phase: Phase::Running,
            unread: false,
            replaced: false,
        }
    }

    /// Its hub runs ticks, or may.
    pub(crate) fn ticks(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Preparing { .. } | Phase::Provisional { .. })
    }
}

/// A renewal of a lease that takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Renewal {
    /// Of the lease, counted from before it was sent.
    pub left: u8,
    /// The registry has it; the answer is on its way.
    pub carried_out: bool,
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Who is there, or was last.
    pub id: Id,
    /// The process lives.
    pub up: bool,
    /// For how long it has been stopped, up to a lease.
    pub stopped: Option<u8>,
    /// It does not reach the registry.
    pub cut: bool,
    /// What is left of its lease by its own clock.
    pub lease: u8,
    /// See there.
    pub renewal: Option<Renewal>,
    /// For how long the registry has seen no renewal of it, up to what a claimer waits.
    pub silent: u8,
    /// For how long it has reached the registry without a break, up to what a claimer waits.
    pub reaches: u8,
    /// The record as it read it last.
    pub view: (Fence, u8),
    /// The game, where it owns it.
    pub owned: Option<Owned>,
    /// Who has asked it to get ready, and under which epoch.
    pub incoming: Option<Fence>,
    /// To whom it has promised not to run the game.
    pub promise: Option<Fence>,
}

impl Member {
    /// Does things at present.
    pub(crate) fn acts(&self) -> bool {
        self.up && self.stopped.is_none()
    }
}

/// What must never be. Each belongs to a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Breach {
    /// Two ticked the game under one epoch, or one ran a tick of an epoch twice.
    TwoUnderOneEpoch,
    /// The registry granted an epoch that is not above the one before.
    EpochNotRaised,
    /// A write under a replaced ownership changed something.
    NotFenced,
    /// What was durable is not in the registry, or not in the world that a later owner goes on from.
    DurableLost,
    /// After a hand-over was committed both ran ticks, or the new owner did not go on from the last one.
    HandOverForked,
    /// A game was claimed from a member that runs it and has a lease, by its own clock.
    ClaimedWithinLease,
    /// Something was called durable, or begun after a move, by a member whose lease was over.
    ActedWithoutLease,
    /// A member that was stopped for more than half a lease and replaced meanwhile showed a tick.
    ShownAfterStop,
    /// A lease was taken for lapsed though the registry itself had been away.
    OutageTakenForDeath,
}

/// A state of the model.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the registry holds.
    pub record: Record,
    /// Nobody reaches it.
    pub away: bool,
    /// For how long it has been there, up to what a claimer waits.
    pub back: u8,
    /// Members.
    pub members: Vec<Member>,
    /// Writes under way, in no order.
    pub calls: Vec<Call>,
    /// Messages under way, by sender and receiver, in order.
    pub links: [[Vec<(Id, Message)>; MEMBERS]; MEMBERS],
    /// Faults and moves that may still come.
    pub faults: u8,
    /// As above.
    pub moves: u8,
    /// By epoch: who has run it, and up to where.
    pub ran: [Option<(Id, World)>; EPOCHS],
    /// The last hand-over that the registry carried out: both epochs, and the last tick of the first.
    pub moved: Option<(u8, u8, u8)>,
    /// The longest world that an owner knew to be durable.
    pub durable: World,
    /// What must never be and was; bits by [`Breach`].
    pub breaches: u16,
}

impl State {
    pub(crate) fn breach(&mut self, breach: Breach) {
        self.breaches |= 1 << breach as u8;
    }

    /// Has it been seen?
    pub fn has(&self, breach: Breach) -> bool {
        self.breaches & (1 << breach as u8) != 0
    }

    pub(crate) fn lives(&self, id: Id) -> bool {
        let member = &self.members[id.at()];
        member.up && member.id == id
    }

    pub(crate) fn reaches(&self, at: usize) -> bool {
        !self.away && !self.members[at].cut
    }

    /// This member is the owner, and the registry says so.
    pub(crate) fn owns(&self, at: usize) -> Option<&Owned> {
        let member = &self.members[at];
        let held = |owned: &&Owned| self.record.held == Fence { epoch: owned.epoch, owner: member.id };
        member.owned.as_ref().filter(held).filter(|_| member.up)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { held, base, world, .. } = self.record;
        write!(f, "registry{} {held:?} after {base} {world:?}", if self.away { " (away)" } else { "" })?;
        for member in &self.members {
            let Member { id, lease, owned, .. } = member;
            match owned {
                Some(Owned { epoch, world, phase, .. }) => {
                    write!(f, "; {id:?} {epoch} {world:?} {phase:?} lease {lease}")?;
                }
                None => write!(f, "; {id:?} {} lease {lease}", if member.up { "edge" } else { "dead" })?,
            }
        }
        Ok(())
    }
}
