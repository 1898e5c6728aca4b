//! The directory of a cluster: members, games, owners, epochs, snapshots, logs.
//!
//! Owns what is asked of the registry ([`Request`]), what it answers ([`Reply`]), and the two places that answer:
//! Redis ([`redis`]) and memory ([`memory`]). Each request is one atomic step. Decides nothing about who should own what.

mod hints;
pub mod memory;
mod record;
#[cfg(feature = "redis")]
pub mod redis;
mod request;

pub use record::{
    CAUSES_COUNTED, ClusterRecord, GameRecord, MOVES_KEPT, MOVES_KNOWN, MemberRecord, MemberState,
    MoveLedger, MoveTally, NotedMove, OTHER_CAUSES, PLANNED,
};
pub use request::{Fence, Hint, LogBatch, Reason, Registry, RegistryError, Reply, Request, Snapshot};
