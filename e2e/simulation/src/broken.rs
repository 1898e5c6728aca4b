//! The rules that can be broken on purpose, to see that the judge notices. Each is broken in the simulation's own shell:
//! what passes between a member, the registry, the links and the hubs is distorted as if the rule were not there.

use clap::ValueEnum;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Broken {
    /// The registry carries out writes whatever epoch they name.
    EpochNotChecked,
    /// A target ticks as soon as it is prepared.
    StartBeforeCommit,
    /// An edge shows whatever comes, from whomever.
    EdgeShowsBoth,
    /// Some members wait for a fraction of a lease only.
    ClaimWithoutWaiting,
    /// An owner goes on under its epoch after a move that was not answered.
    GoOnAfterLostCommit,
    /// An owner whose move was not answered writes again under the same epoch instead of taking a fresh one.
    TwoWritesOneEpoch,
    /// A game is called durable before it is stored.
    DurableBeforeStored,
    /// An owner applies inputs that are sent again as if they were new.
    InputsTwice,
    /// A target that claims what was moved to it forgets which world the move left off with.
    ChainForgotten,
    /// A claimer reads the members from a replica of the registry that stands still now and then.
    StaleExpiry,
    /// A member that was stopped for long shows ticks before it has read the record.
    StoppedOwnerShows,
    /// A leaving member exits as soon as it runs nothing, whatever is still to come to it.
    ExitTooSoon,
    /// The operator publishes the revision that is being replaced.
    OldRevisionPreferred,
    /// The operator does not say which revisions there are, and nobody knows that what it said last is overtaken.
    RevisionsUntold,
    /// A move stores the world that the target was prepared with, not the last one.
    CommitWithoutWorld,
    /// An owner runs one more tick after it was told to stop.
    TickAfterFreeze,
    /// Some members take their own lease for longer than others wait.
    LeaseOutlastsWait,
    /// Members do not know of each other's links: one that answers is claimed from when the registry is silent about it.
    ClaimLinkedPeer,
    /// Any assignment is taken as the word that the owner is dead.
    AssignIsDeath,
    /// A claim is answered with a world that was read before.
    ClaimOldWorld,
    /// An owner is not told that the registry refused its write, nor that it was replaced.
    RefusalUnheard,
    /// An edge is not told what its new player has seen elsewhere.
    FloorForgotten,
    /// A new owner has nothing of what the old one ran.
    RingForgotten,
    /// A claimer goes on from the stored world, and not from where the log leads.
    LogForgotten,
    /// A player sends each input once.
    InputsSentOnce,
    /// The target of a cede ticks the game under the epoch of its old owner.
    CedeUnderSameEpoch,
    /// An owner runs one more tick after it has ceded the game.
    TicksAfterCede,
    /// Nobody hears that a game was ceded.
    CedeUnheard,
    /// A leaving member that does not reach the registry keeps its games.
    NeverCedes,
    /// The registry never finds that a world has failed too often.
    FailuresNotCounted,
    /// A member does not notice that it has lost its links to all others.
    CutOffUnnoticed,
    /// Members do not hear that the registry is another one, with less than it had.
    LossUnheard,
    /// The log takes what does not follow on what it holds.
    LogWithHole,
    /// Of the inputs of one tick only the first is logged.
    ChangesUnlogged,
    /// Who puts a game back replaces the one that is there.
    PutBackOverNewer,
    /// A leaving member neither waits for assignments nor places its games: it only serves.
    LeavesWithoutMoving,
}

/// How a broken rule is to show.
#[derive(Clone, Copy, Debug)]
pub struct Tooth {
    /// The rule.
    pub broken: Broken,
    /// The promise that the judge's sentence has to name.
    pub promise: &'static str,
}

/// All of them.
pub const TEETH: &[Tooth] = &[
    Tooth { broken: Broken::EpochNotChecked, promise: "promise 3" },
    Tooth { broken: Broken::StartBeforeCommit, promise: "promise 1" },
    Tooth { broken: Broken::EdgeShowsBoth, promise: "promise 2" },
    Tooth { broken: Broken::ClaimWithoutWaiting, promise: "promise 8" },
    Tooth { broken: Broken::GoOnAfterLostCommit, promise: "promise 5" },
    Tooth { broken: Broken::TwoWritesOneEpoch, promise: "promise 5" },
    Tooth { broken: Broken::DurableBeforeStored, promise: "promise 4" },
    Tooth { broken: Broken::InputsTwice, promise: "promise 4" },
    Tooth { broken: Broken::ChainForgotten, promise: "promise 5" },
    Tooth { broken: Broken::StaleExpiry, promise: "promise 8" },
    Tooth { broken: Broken::StoppedOwnerShows, promise: "rule 18" },
    Tooth { broken: Broken::ExitTooSoon, promise: "promise 5" },
    Tooth { broken: Broken::OldRevisionPreferred, promise: "promise 6" },
    Tooth { broken: Broken::RevisionsUntold, promise: "promise 6" },
    Tooth { broken: Broken::CommitWithoutWorld, promise: "promise 5" },
    Tooth { broken: Broken::TickAfterFreeze, promise: "promise 5" },
    Tooth { broken: Broken::LeaseOutlastsWait, promise: "promise 8" },
    Tooth { broken: Broken::ClaimLinkedPeer, promise: "promise 5" },
    Tooth { broken: Broken::AssignIsDeath, promise: "promise 8" },
    Tooth { broken: Broken::ClaimOldWorld, promise: "promise 4" },
    Tooth { broken: Broken::RefusalUnheard, promise: "promise 3" },
    Tooth { broken: Broken::FloorForgotten, promise: "promise 2" },
    Tooth { broken: Broken::RingForgotten, promise: "promise 2" },
    Tooth { broken: Broken::LogForgotten, promise: "promise 4" },
    Tooth { broken: Broken::InputsSentOnce, promise: "promise 4" },
    Tooth { broken: Broken::CedeUnderSameEpoch, promise: "promise 1" },
    Tooth { broken: Broken::TicksAfterCede, promise: "promise 5" },
    Tooth { broken: Broken::CedeUnheard, promise: "promise 5" },
    Tooth { broken: Broken::NeverCedes, promise: "promise 10" },
    Tooth { broken: Broken::FailuresNotCounted, promise: "rule 20" },
    Tooth { broken: Broken::CutOffUnnoticed, promise: "rule 17" },
    Tooth { broken: Broken::CutOffUnnoticed, promise: "rule 19" },
    Tooth { broken: Broken::LossUnheard, promise: "promise" },
    Tooth { broken: Broken::LogWithHole, promise: "promise 7" },
    Tooth { broken: Broken::ChangesUnlogged, promise: "promise 7" },
    Tooth { broken: Broken::PutBackOverNewer, promise: "promise 4" },
    Tooth { broken: Broken::LeavesWithoutMoving, promise: "promise 10" },
];
