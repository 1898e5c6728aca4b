//! What must never be so, and what has to be so in some state: else the model would be safe because nothing happens in it.

use crate::{Answer, Breach, Cluster, EPOCHS, Owned, Phase, Stage, State, Write};
use stateright::Property;

impl Breach {
    /// Name of its property.
    pub const fn property(self) -> &'static str {
        match self {
            Breach::TwoUnderOneEpoch => "one member ticks the game under an epoch, each tick once",
            Breach::EpochNotRaised => "epochs rise",
            Breach::NotFenced => "a write under a replaced ownership changes nothing",
            Breach::DurableLost => "what was durable is in the registry and in every later owner's world",
            Breach::HandOverForked => "a committed hand-over has one owner, which goes on from the last tick",
            Breach::ClaimedWithinLease => "nobody claims from a member that runs the game and has a lease",
            Breach::ActedWithoutLease => "without a lease nothing is called durable, and nothing begun",
            Breach::ShownAfterStop => "whoever was stopped for long and replaced shows no tick",
            Breach::OutageTakenForDeath => "an outage of the registry is not taken for a death",
        }
    }
}

/// The owner that the registry names, where it has run a tick of its own.
fn runs(s: &State) -> Option<&Owned> {
    let owned = s.owns(s.record.held.owner.at())?;
    let ticked = s.ran[usize::from(owned.epoch)].is_some();
    (ticked && owned.phase == Phase::Running).then_some(owned)
}

fn phases(s: &State, which: impl Fn(&Owned) -> bool) -> bool {
    s.members.iter().filter_map(|member| member.owned.as_ref()).any(which)
}

fn refused(s: &State, which: impl Fn(&Write) -> bool) -> bool {
    let stale = |stage: Stage| matches!(stage, Stage::Answered(Answer::Stale(_)));
    s.calls.iter().any(|call| stale(call.stage) && which(&call.write))
}

pub(crate) fn all() -> Vec<Property<Cluster>> {
    macro_rules! never {
        ($breach:ident) => {
            Property::always(Breach::$breach.property(), |_, s: &State| !s.has(Breach::$breach))
        };
    }
    vec![
        never!(TwoUnderOneEpoch),
        never!(EpochNotRaised),
        never!(NotFenced),
        never!(DurableLost),
        never!(HandOverForked),
        never!(ClaimedWithinLease),
        never!(ActedWithoutLease),
        never!(ShownAfterStop),
        never!(OutageTakenForDeath),
        Property::always("the bound on epochs is not reached", |_, s: &State| {
            usize::from(s.record.held.epoch) + 1 < EPOCHS
        }),
        Property::sometimes("a hand-over is complete, and the old owner an edge", |_, s: &State| {
            let old = &s.members[0];
            runs(s).is_some()
                && s.record.held.owner.slot != 0
                && !s.record.claimed
                && old.up
                && old.owned.is_none()
        }),
        Property::sometimes("another runs the game of a crashed member", |_, s: &State| {
            runs(s).is_some() && s.record.claimed && !s.members[0].up && s.record.held.owner.slot != 0
        }),
        Property::sometimes("another runs the game of a member whose lease lapsed", |_, s: &State| {
            let old = &s.members[0];
            let slept = old.stopped.is_some() && old.owned.is_some();
            runs(s).is_some() && s.record.claimed && slept && s.record.held.owner.slot != 0
        }),
        Property::sometimes("a later start of the same place runs the game", |_, s: &State| {
            runs(s).is_some() && s.record.held.owner.start > 0
        }),
        Property::sometimes("a replaced owner's append is refused", |_, s: &State| {
            refused(s, |write| matches!(write, Write::Append { .. }))
        }),
        Property::sometimes("a replaced owner was stopped, and reads that it was", |_, s: &State| {
            s.members.iter().any(|member| member.acts() && member.owned.is_some_and(|owned| owned.replaced))
        }),
        Property::sometimes("a move was carried out though its answer was lost", |_, s: &State| {
            refused(s, |write| matches!(write, Write::Bump { .. }))
        }),
        Property::sometimes("a game ticks on its target's word", |_, s: &State| {
            phases(s, |owned| {
                let beyond = owned.moved_at.is_some_and(|tick| owned.world.ticks() > tick);
                matches!(owned.phase, Phase::Provisional { .. }) && beyond
            })
        }),
        Property::sometimes("a committed move is taken back on its target's word", |_, s: &State| {
            let back = s.moved.is_some_and(|(_, _, given)| s.record.base == given);
            back && runs(s).is_some_and(|_| s.record.held.owner.slot == 0 && !s.record.claimed)
        }),
    ]
}
