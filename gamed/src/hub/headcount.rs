//! How many people and bots are in a game that runs here, for the metrics and for the lobby.
//!
//! Owns when others are told: at once, but not all the time. What was counted is taken out of the metrics when the game
//! goes.

use crate::limits;
use crate::metrics::Metrics;
use std::sync::Arc;
use tokio::time::Instant;

/// People, then bots.
type Heads = (u16, u16);

/// See the module.
pub struct Headcount {
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// What the gauges hold of this game.
    counted: Heads,
    /// What the registry was told last, and when it was told out of turn.
    told: Heads,
    told_at: Option<Instant>,
}

impl Headcount {
    /// Of a game of which the registry knows so many.
    pub fn new(metrics: Arc<Metrics>, told: Heads) -> Headcount {
        Headcount { metrics, counted: (0, 0), told, told_at: None }
    }

    /// So many are there now. True: the registry is to be told.
    pub fn count(&mut self, heads: Heads, now: Instant) -> bool {
        if heads != self.counted {
            self.gauge(heads);
        }
        let too_soon = self.told_at.is_some_and(|at| now.duration_since(at) < limits::NEWS);
        if heads == self.told || too_soon {
            return false;
        }
        (self.told, self.told_at) = (heads, Some(now));
        true
    }

    /// The game does not run here.
    pub fn nobody(&mut self) {
        self.gauge((0, 0));
    }

    fn gauge(&mut self, heads: Heads) {
        let change = |new: u16, old: u16| i64::from(new) - i64::from(old);
        self.metrics.players.inc_by(change(heads.0, self.counted.0));
        self.metrics.bots.inc_by(change(heads.1, self.counted.1));
        self.counted = heads;
    }
}

impl Drop for Headcount {
    fn drop(&mut self) {
        self.nobody();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_is_told_at_once_and_who_follows_a_moment_later() {
        let metrics = Arc::new(Metrics::new());
        let (start, soon) = (Instant::now(), limits::NEWS / 2);
        let mut headcount = Headcount::new(metrics.clone(), (1, 0));
        assert!(!headcount.count((1, 0), start), "the registry knows");
        assert!(headcount.count((2, 0), start));
        assert!(!headcount.count((3, 4), start + soon));
        assert!(headcount.count((3, 4), start + limits::NEWS));
        assert!(!headcount.count((3, 4), start + 2 * limits::NEWS));
        assert_eq!((metrics.players.get(), metrics.bots.get()), (3, 4));
        drop(headcount);
        assert_eq!((metrics.players.get(), metrics.bots.get()), (0, 0));
    }
}
