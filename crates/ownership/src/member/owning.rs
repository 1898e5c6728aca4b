//! The games that this member owns, and what of them is due, counted or waiting.
//!
//! What goes wrong without: each event looks at every game, and a member with thousands of them does nothing else. Whoever
//! may change a game gets it by [`Owning::get_mut`], which notes it; [`Owning::settle`] then brings all indexes up to what
//! the noted games are. Invariant: between two events the indexes say what a walk through all games would.

use super::handover::{Owned, Phase, Step, Then};
use crate::{Settings, Time};
use protocol::{GameId, MemberId};
use std::collections::{BTreeMap, BTreeSet};

/// What a game counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It ticks, and nothing is under way.
    Resting,
    /// Its target gets ready, or is (true).
    Preparing(bool),
    /// It stands still, or will in a moment, until the registry has answered; for that target.
    Frozen(Option<MemberId>),
    /// It waits for that target's word.
    Handing(MemberId),
    /// None of these.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    stage: Stage,
    stuck: bool,
    due: Option<Time>,
    over: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Owning {
    games: BTreeMap<GameId, Owned>,
    touched: BTreeSet<GameId>,
    kept: BTreeMap<GameId, Kept>,
    due: BTreeSet<(Time, GameId)>,
    /// Games that tick, and with which nothing is under way.
    pub(super) resting: BTreeSet<GameId>,
    /// Games whose record is not known to be what it was, and has to be asked for.
    pub(super) stuck: BTreeSet<GameId>,
    /// Games that wait for a place among those that stand still.
    pub(super) ready: BTreeSet<GameId>,
    /// Games of which more is durable than players were told.
    pub(super) untold: BTreeSet<GameId>,
    preparing: usize,
    frozen: usize,
    frozen_for: BTreeMap<MemberId, usize>,
    handing_to: BTreeMap<MemberId, usize>,
    over: usize,
}

impl Owning {
    pub(super) fn get(&self, game: &GameId) -> Option<&Owned> {
        self.games.get(game)
    }

    pub(super) fn get_mut(&mut self, game: &GameId) -> Option<&mut Owned> {
        let owned = self.games.get_mut(game)?;
        self.touched.insert(*game);
        Some(owned)
    }

    pub(super) fn contains_key(&self, game: &GameId) -> bool {
        self.games.contains_key(game)
    }

    pub(super) fn insert(&mut self, game: GameId, owned: Owned) {
        self.touched.insert(game);
        self.games.insert(game, owned);
    }

    pub(super) fn remove(&mut self, game: &GameId) -> Option<Owned> {
        self.touched.insert(*game);
        self.games.remove(game)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&GameId, &Owned)> {
        self.games.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.games.is_empty()
    }

    /// Games that are neither another's already nor over.
    pub(super) fn live(&self) -> usize {
        self.kept.len() - self.over
    }

    /// Games whose targets get ready, or are.
    pub(super) fn preparing(&self) -> usize {
        self.preparing
    }

    /// Games that stand still until the registry has answered: all, and those that go to that member.
    pub(super) fn frozen(&self, target: MemberId) -> (usize, usize) {
        (self.frozen, self.frozen_for.get(&target).copied().unwrap_or(0))
    }

    /// Games that wait for that member's word.
    pub(super) fn handing_to(&self, target: MemberId) -> usize {
        self.handing_to.get(&target).copied().unwrap_or(0)
    }

    /// Games for which something has become due.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<GameId> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, game)| *game).collect()
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Brings the indexes up to date. Returns the games that may have changed; some may be owned no longer.
    pub(super) fn settle(&mut self, settings: &Settings) -> BTreeSet<GameId> {
        let touched = std::mem::take(&mut self.touched);
        for game in &touched {
            if let Some(kept) = self.kept.remove(game) {
                self.count(*game, kept, false);
            }
            self.untold.remove(game);
            let Some(owned) = self.games.get(game) else { continue };
            let kept = Kept {
                stage: stage(&owned.phase),
                stuck: owned.phase.is_stuck(),
                due: owned.due(settings),
                over: owned.phase.is_over(),
            };
            if owned.durable.is_some_and(|durable| owned.told < Some(durable)) {
                self.untold.insert(*game);
            }
            self.kept.insert(*game, kept);
            self.count(*game, kept, true);
        }
        touched
    }

    fn count(&mut self, game: GameId, kept: Kept, up: bool) {
        let step = |count: &mut usize| if up { *count += 1 } else { *count -= 1 };
        match kept.stage {
            Stage::Resting => put(&mut self.resting, game, up),
            Stage::Preparing(ready) => {
                step(&mut self.preparing);
                if ready {
                    put(&mut self.ready, game, up);
                }
            }
            Stage::Frozen(target) => {
                step(&mut self.frozen);
                if let Some(target) = target {
                    step(self.frozen_for.entry(target).or_default());
                }
            }
            Stage::Handing(target) => step(self.handing_to.entry(target).or_default()),
            Stage::Other => {}
        }
        if kept.stuck {
            put(&mut self.stuck, game, up);
        }
        if let Some(at) = kept.due {
            put(&mut self.due, (at, game), up);
        }
        if kept.over {
            step(&mut self.over);
        }
    }
}

fn put<T: Ord>(set: &mut BTreeSet<T>, item: T, up: bool) {
    if up {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn stage(phase: &Phase) -> Stage {
    match phase {
        Phase::Running => Stage::Resting,
        Phase::Preparing { ready, .. } => Stage::Preparing(*ready),
        Phase::Freezing { then: Then::Commit(to) | Then::Cede { to, .. } }
        | Phase::Frozen { step: Step::Committing { to }, .. } => Stage::Frozen(Some(*to)),
        Phase::Frozen { step: Step::Handing { to, .. } | Step::Ceding { to, .. }, .. } => Stage::Handing(*to),
        Phase::Freezing { .. } | Phase::Frozen { .. } => Stage::Frozen(None),
        Phase::Provisional { .. } | Phase::Ending { .. } | Phase::Failing { .. } => Stage::Other,
    }
}
