//! The one monotonic clock of a process, as the ownership rules count it.
//!
//! Invariant: no wall clock is read for anything that ownership depends on.

use ownership::Time;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::Instant;

fn base() -> Instant {
    static BASE: OnceLock<Instant> = OnceLock::new();
    *BASE.get_or_init(Instant::now)
}

/// Now, in microseconds since the process used its clock for the first time.
pub fn now() -> Time {
    at(Instant::now())
}

/// The clock's reading at an instant.
pub fn at(instant: Instant) -> Time {
    Time(instant.saturating_duration_since(base()).as_micros() as u64)
}

/// The instant of a reading.
pub fn instant(time: Time) -> Instant {
    base() + Duration::from_micros(time.0)
}
