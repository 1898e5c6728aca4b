//! How much somebody may send: so much in a while, and a little at once.

use tokio::time::{Duration, Instant};

/// A bucket that fills steadily and holds a bounded amount.
pub struct Allowance {
    /// What comes back in a second.
    rate: f64,
    most: f64,
    left: f64,
    /// Messages on top, once.
    extra: u32,
    at: Instant,
}

impl Allowance {
    /// `rate` messages in each `per`, and `most` at once.
    pub fn new(rate: u32, per: Duration, most: u32, now: Instant) -> Allowance {
        let most = f64::from(most);
        Allowance { rate: f64::from(rate) / per.as_secs_f64(), most, left: most, extra: 0, at: now }
    }

    /// So many more, once.
    pub fn grant(&mut self, messages: usize) {
        self.extra = messages as u32;
    }

    /// Whether one more is within it; then it is taken.
    pub fn spend(&mut self, now: Instant) -> bool {
        self.fill(now);
        if self.left >= 1.0 {
            self.left -= 1.0;
        } else if self.extra > 0 {
            self.extra -= 1;
        } else {
            return false;
        }
        true
    }

    /// Takes so much, also where there is less; false where there was.
    pub fn takes(&mut self, amount: usize, now: Instant) -> bool {
        self.fill(now);
        self.left -= amount as f64;
        self.left >= 0.0
    }

    /// How long until one more is within it.
    pub fn wait(&self) -> Duration {
        Duration::from_secs_f64(((1.0 - self.left) / self.rate).max(0.0))
    }

    /// Nothing was spent for so long that a new one would be the same.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.most
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.left = (self.left + passed.as_secs_f64() * self.rate).min(self.most);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_it_holds_can_be_spent_at_once_and_fills_again() {
        let start = Instant::now();
        let mut allowance = Allowance::new(10, SECOND, 10, start);
        assert_eq!((0..20).filter(|_| allowance.spend(start)).count(), 10);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..20).filter(|_| allowance.spend(later)).count(), 5);
        allowance.grant(8);
        allowance.grant(8);
        assert_eq!((0..20).filter(|_| allowance.spend(later)).count(), 8, "what was asked for again");
        assert!(!allowance.is_full(later));
        assert!(allowance.is_full(later + SECOND));
    }

    #[test]
    fn who_has_spent_all_is_told_how_long_to_wait() {
        let start = Instant::now();
        let mut allowance = Allowance::new(20, 60 * SECOND, 5, start);
        assert_eq!(allowance.wait(), Duration::ZERO);
        assert!(allowance.takes(5, start));
        assert_eq!(allowance.wait(), 3 * SECOND);
        assert!(!allowance.spend(start));
        assert!(allowance.spend(start + 3 * SECOND));
    }

    #[test]
    fn more_than_there_is_counts_against_what_comes_later() {
        let start = Instant::now();
        let mut allowance = Allowance::new(10, SECOND, 20, start);
        assert!(allowance.takes(20, start));
        assert!(!allowance.takes(10, start));
        assert!(!allowance.takes(1, start + SECOND));
        assert!(allowance.takes(1, start + 2 * SECOND));
    }

    #[test]
    fn the_burst_is_apart_from_the_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(20, 60 * SECOND, 5, start);
        assert_eq!((0..20).filter(|_| allowance.spend(start)).count(), 5);
        assert_eq!((0..20).filter(|_| allowance.spend(start + 3 * SECOND)).count(), 1);
    }
}
