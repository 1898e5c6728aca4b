//! Whole clusters in virtual time, from one seed: real ownership machines, the real in-memory registry, toy worlds, and
//! links, calls, clients and faults as the seed has it. The promises are checked after every event.
//!
//! Owns the faults and the oracle. What a member decides is the `ownership` crate's; what the registry answers is the
//! `registry` crate's.

mod client;
mod cluster;
mod faults;
mod hub;
mod net;
mod oracle;
mod plan;
mod server;
mod toy;

pub use cluster::{Coverage, Outcome, run};
pub use plan::Broken;
