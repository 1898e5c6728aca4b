//! The game server: runs games, serves players, and moves its games to other servers when it leaves.
//!
//! A library so that tests and the demo can run several members in one process; the binary adds flags and signals.

mod acquaintances;
pub mod admin;
mod allowance;
mod bots;
mod clock;
pub mod contain;
mod context;
pub mod creation;
pub mod demo;
mod driver;
#[cfg(test)]
mod fuzz;
mod http;
mod hub;
mod journal;
pub mod keys;
mod leaving;
mod ledger;
mod limits;
mod links;
mod live;
pub mod mazes;
mod metrics;
mod moves;
pub mod origin;
mod overview;
pub mod server;
pub mod settings;
mod stages;
pub mod visitors;
pub mod waiting;
mod wire;
mod workers;

// Members and clients as the integration tests have them, for tests that need more than the shipped program does.
#[cfg(test)]
extern crate self as gamed;
#[cfg(test)]
#[path = "../tests/client/mod.rs"]
mod client;
#[cfg(test)]
#[path = "../tests/member/mod.rs"]
mod member;
