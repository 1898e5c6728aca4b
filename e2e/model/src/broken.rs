//! The rules that can be broken on purpose, to see that the checker finds what each of them is for.

use crate::Breach;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The registry carries out whatever write comes.
    EpochNotChecked,
    /// The registry logs whatever append comes.
    AppendNotFenced,
    /// A claim leaves the epoch as it is.
    ClaimKeepsEpoch,
    /// A claimer goes on from the snapshot, without the log.
    LogForgotten,
    /// What was sent to the registry counts as durable.
    DurableBeforeAnswer,
    /// A claimer does not wait for the lease.
    ClaimWithoutWaiting,
    /// A claimer waits for the lease, and no margin.
    NoMargin,
    /// A lease is counted from the answer to its renewal.
    LeaseFromAnswer,
    /// An owner does not look at its own lease.
    OwnLeaseUnchecked,
    /// A claimer's watch goes on while it does not reach the registry.
    WatchedThroughOutage,
    /// A member that was stopped for long shows ticks before it has read the record.
    ShowsBeforeReading,
    /// A process that starts again in place goes on with what its predecessor owned.
    RestartGoesOn,
    /// A target ticks when it is prepared.
    StartsBeforeCommit,
    /// An owner ticks on when it has asked the registry for the move.
    TicksAfterFreeze,
    /// The move stores the world that the target was prepared with, and hands that over.
    CommitWithoutLastTick,
    /// An owner goes on under its epoch when its move was not answered.
    GoesOnAfterLostCommit,
    /// An owner whose move was given to the target takes it back without asking the target.
    TakesBackUnasked,
    /// A target that runs the game says that it does not.
    AbortedThoughStarted,
    /// What a member reads may be newer than the answer to a write that it sent before, and be acted on first.
    ReadsOvertakeWrites,
    /// A target forgets that it has called a move off, and claims what the registry says is its own.
    PromiseForgotten,
}

/// How a broken rule is to show.
pub const TEETH: &[(Broken, Breach)] = &[
    (Broken::EpochNotChecked, Breach::TwoUnderOneEpoch),
    (Broken::AppendNotFenced, Breach::DurableLost),
    (Broken::ClaimKeepsEpoch, Breach::EpochNotRaised),
    (Broken::LogForgotten, Breach::DurableLost),
    (Broken::DurableBeforeAnswer, Breach::DurableLost),
    (Broken::ClaimWithoutWaiting, Breach::ClaimedWithinLease),
    (Broken::NoMargin, Breach::ClaimedWithinLease),
    (Broken::LeaseFromAnswer, Breach::ClaimedWithinLease),
    (Broken::OwnLeaseUnchecked, Breach::ActedWithoutLease),
    (Broken::WatchedThroughOutage, Breach::OutageTakenForDeath),
    (Broken::ShowsBeforeReading, Breach::ShownAfterStop),
    (Broken::RestartGoesOn, Breach::TwoUnderOneEpoch),
    (Broken::StartsBeforeCommit, Breach::TwoUnderOneEpoch),
    (Broken::TicksAfterFreeze, Breach::HandOverForked),
    (Broken::CommitWithoutLastTick, Breach::HandOverForked),
    (Broken::GoesOnAfterLostCommit, Breach::ClaimedWithinLease),
    (Broken::TakesBackUnasked, Breach::DurableLost),
    (Broken::AbortedThoughStarted, Breach::DurableLost),
    (Broken::ReadsOvertakeWrites, Breach::DurableLost),
    (Broken::PromiseForgotten, Breach::ClaimedWithinLease),
];
