//! The rules of owning games, pure: event in, effects out. No I/O, no clock, no randomness of its own.
//!
//! Owns: leases, hand-over, take-over, draining ([`Member`]), which frames an edge may show ([`Edge`]) and which are kept
//! for others ([`ring`]), and who should own what ([`placement`]). Does not own worlds, sockets or connections: those carry
//! out the effects.

mod edge;
mod event;
mod member;
pub mod placement;
pub mod ring;

pub use edge::{Edge, EdgeEffect, EdgeEvent};
pub use event::{CallId, Effect, Event, MoveRecord, Ran, Settings, Time};
pub use member::Member;
