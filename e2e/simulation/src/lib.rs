//! Whole clusters in virtual time, from one seed: real ownership machines, the real in-memory registry, toy worlds, and
//! links, calls, clients and faults as the seed has it. The promises are checked after every event.
//!
//! Owns the faults and the oracle. What a member decides is the `ownership` crate's; what the registry answers is the
//! `registry` crate's.

mod aim;
mod broken;
mod calls;
mod client;
mod cluster;
mod coverage;
mod faults;
mod hub;
mod judge;
mod loss;
mod net;
mod operator;
mod oracle;
mod plan;
mod poison;
mod server;
mod sweep;
mod toy;

pub use broken::{Broken, TEETH, Tooth};
pub use cluster::{Outcome, run};
pub use coverage::{BRANCHES, Branch, Coverage, HITS, OfKind};
pub use plan::{Kind, Minimum, Phase};
pub use sweep::sweep;
