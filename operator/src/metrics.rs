//! What Prometheus can read. No name of an object is ever a label.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::fmt;

/// Upper bounds of the time to an assignment, in seconds: milliseconds are wanted, a second is the alarm.
const ASSIGN_BOUNDS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];

/// Which step of a reconciliation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Step {
    /// observe, plan, apply or status.
    pub step: &'static str,
}

/// Why games were assigned.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Cause {
    /// move or dead.
    pub cause: &'static str,
}

/// The operator's counters.
pub struct Metrics {
    registry: Registry,
    /// Reconciliations that ended well.
    pub reconciliations: Counter,
    /// Those that failed, by step.
    pub failures: Family<Step, Counter>,
    /// Writes, those to status left out.
    pub writes: Counter,
    /// Games assigned to another member, by cause.
    pub assignments: Family<Cause, Counter>,
    /// From the news about a pod to the registry's answer that its games are assigned, in seconds.
    pub assign_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("tanx_operator"),
            reconciliations: Counter::default(),
            failures: Family::default(),
            writes: Counter::default(),
            assignments: Family::default(),
            assign_seconds: Histogram::new(ASSIGN_BOUNDS),
        };
        let all = &mut metrics.registry;
        all.register("reconciliations", "Reconciliations that ended well", metrics.reconciliations.clone());
        all.register("reconcile_failures", "Reconciliations that failed, by step", metrics.failures.clone());
        all.register("writes", "Objects written, status left out", metrics.writes.clone());
        all.register(
            "assignments",
            "Games assigned to another game server, by cause",
            metrics.assignments.clone(),
        );
        let help = "From the news about a pod to the registry's answer that its games are assigned";
        all.register("assign_seconds", help, metrics.assign_seconds.clone());
        metrics
    }
}

impl Metrics {
    /// All of them, as Prometheus reads them.
    ///
    /// # Errors
    /// Only where the text cannot be written.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
