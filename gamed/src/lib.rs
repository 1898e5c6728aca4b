//! The game server: runs games, serves players, and moves its games to other servers when it leaves.
//!
//! A library so that tests and the demo can run several members in one process; the binary adds flags and signals.

mod acquaintances;
mod allowance;
mod bots;
mod clock;
mod context;
pub mod creation;
pub mod demo;
mod driver;
#[cfg(test)]
mod fuzz;
mod http;
mod hub;
mod journal;
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
mod wire;
mod workers;
