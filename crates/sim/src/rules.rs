//! Rules versions: which ones this build steps, and where they differ.
//!
//! Owns the numbers and every difference between versions. A game keeps the version that it was created under, whichever
//! builds run it, and its log is run again under that one. So what a released version does never changes.
//!
//! To change a rule: raise [`RELEASED`]; make the change a function of the world's version, here, so that worlds of the version
//! before go on as they did; write `vectors/rules-N.json` of the new version (see `tests/versions.rs`); and remove what
//! only versions below [`RULES_OLDEST`] needed.

use crate::numbers::MISSILE_IMPACT;

/// The newest version that games are played by.
const RELEASED: u16 = 1;

/// The newest rules version that this build steps. With the feature `next-rules`, which is there to test upgrades with, it is
/// one that nobody plays by.
pub const RULES: u16 = RELEASED + cfg!(feature = "next-rules") as u16;
/// The oldest rules version that this build steps: the one before.
pub const RULES_OLDEST: u16 = if RULES > 1 { RULES - 1 } else { 1 };

/// Damage of a missile that hits dead centre, in Q14: 1.0. Half of it in the version that upgrades are tested with.
pub(crate) fn missile_impact(rules: u16) -> i32 {
    let next = cfg!(feature = "next-rules") && rules > RELEASED;
    if next { MISSILE_IMPACT / 2 } else { MISSILE_IMPACT }
}
