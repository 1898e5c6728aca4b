//! When frames were shown here, around a move: the longest that players waited for one.

use crate::limits;
use std::collections::VecDeque;
use tokio::time::{Duration, Instant};

/// See the module.
#[derive(Default)]
pub struct Pace {
    /// As far back as a gap can reach that ends within the time before a move.
    shown: VecDeque<Instant>,
    /// When the first frame of a new epoch was shown, until that was told.
    moved: Option<Instant>,
}

/// More than are shown around a move; without one the older ones are of no use.
const KEPT: usize = 64;

impl Pace {
    /// A frame was shown; it may be the first of an epoch.
    pub fn shown(&mut self, now: Instant, new_epoch: bool) {
        let old = |at: &Instant| now - *at > limits::AROUND_A_MOVE;
        // One older stays: the gap that reaches into the time begins there.
        while self.moved.is_none() && self.shown.len() > 1 && self.shown.get(1).is_some_and(old)
            || self.shown.len() >= KEPT
        {
            self.shown.pop_front();
        }
        // The first frame of all is no move.
        if new_epoch && !self.shown.is_empty() && self.moved.is_none() {
            self.moved = Some(now);
        }
        self.shown.push_back(now);
    }

    /// The longest time without a frame around a move that is long enough ago, once.
    pub fn gap(&mut self, now: Instant) -> Option<Duration> {
        self.moved.take_if(|moved| now - *moved >= limits::AROUND_A_MOVE)?;
        let last = self.shown.back().map(|last| now - *last);
        let between = self.shown.iter().zip(self.shown.iter().skip(1)).map(|(a, b)| *b - *a);
        between.chain(last).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_around_a_move_is_told_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::default();
        pace.shown(at(0), true);
        for tick in 1..20 {
            pace.shown(at(20 * tick), false);
        }
        assert_eq!(pace.gap(at(400)), None, "the first frame is no move");
        pace.shown(at(433), true);
        assert_eq!(pace.gap(at(440)), None);
        for tick in 1..6 {
            pace.shown(at(433 + 20 * tick), false);
        }
        assert_eq!(pace.gap(at(534)), Some(Duration::from_millis(53)));
        assert_eq!(pace.gap(at(600)), None);

        // Nothing came after the first frame.
        pace.shown(at(700), true);
        assert_eq!(pace.gap(at(900)), Some(Duration::from_millis(200)));
    }
}
