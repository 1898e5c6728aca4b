//! Bots that play like people, an oracle that judges what they were shown, and the scenarios that break a cluster.
//!
//! A black box to the product: uses the players' protocol, HTTP, and kubectl as a user would.

pub mod arrivals;
pub mod bot;
pub mod cluster;
pub mod crowd;
pub mod lobby;
pub mod oracle;
pub mod pauses;
pub mod proxy;
pub mod recording;
pub mod report;
pub mod scenario;
