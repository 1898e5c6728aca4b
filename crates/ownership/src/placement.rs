//! Who should own which game: a pure function of facts that every member and the operator can read.
//!
//! Owns the order of preference and nothing else: who lives, who drains and which games are without an owner are facts
//! that the caller brings.

use protocol::{GameId, MemberId};
use std::collections::BTreeMap;

/// A game, as far as placement cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedGame {
    /// Which game.
    pub id: GameId,
    /// Who runs it; none while it is parked.
    pub owner: Option<MemberId>,
    /// Whom it is assigned to already.
    pub next: Option<MemberId>,
    /// Rules version that it is stepped by.
    pub rules: u16,
}

/// A living member, as far as placement cares. Dead ones are left out by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedMember {
    /// Which member.
    pub id: MemberId,
    /// Ready, and not draining: it may be given games. One that is not keeps none of its games either.
    pub accepts: bool,
    /// Revision of its Deployment.
    pub revision: String,
    /// Lowest rules version it can step.
    pub rules_min: u16,
    /// Highest rules version it can step.
    pub rules_max: u16,
}

/// Gives every game whose owner is gone, leaving or nobody a member; games that can stay are not named in the answer.
///
/// Deterministic: the same facts, in any order, give the same answer.
pub fn place(
    _games: &[PlacedGame],
    _members: &[PlacedMember],
    _target_revision: &str,
) -> BTreeMap<GameId, MemberId> {
    BTreeMap::new()
}
