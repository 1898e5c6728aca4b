//! What crosses a wire: ids, the players' protocol, the members' (peer) protocol, tokens, versions.
//!
//! Owns layouts and their decoders. Knows no socket, no clock and no rules of the game. Decoders never panic:
//! whatever arrives is a value or an error with a sentence.

extern crate alloc;

mod ids;
pub mod peer;

pub use ids::{Epoch, GameId, MemberId, ParseIdError, PlayerId, TICK_MICROS, Tick};
