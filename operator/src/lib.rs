//! Turns TanxCluster objects into running clusters, and moves games off pods that go away.
//!
//! Two streams, each with one purpose: the queue of reconciliations ([`reconcile`]) brings objects to what is asked for;
//! the watch of pods ([`departures`]) tells the registry where games of leaving pods go. Neither ticks a game, and neither
//! is needed for one to go on: while no operator runs, members place their games themselves.
//!
//! Several operators may run. What they write is decided by the same facts, server-side apply makes a doubled write
//! nothing, and the registry's epochs refuse what comes late; there is no election of a leader because none is needed.

pub mod controller;
pub mod departures;
pub mod directories;
pub mod http;
pub mod metrics;
pub mod names;
pub mod reconcile;
pub mod settings;

/// The CustomResourceDefinition as YAML, as `operator crd` prints it and `crds/tanxclusters.yaml` holds it.
///
/// # Errors
/// Only where the YAML writer fails.
pub fn crd_yaml() -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(&api::crd())
}
