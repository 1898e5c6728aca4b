//! How servers that leave send their players away: spread over time, or all at once.
//!
//! Owns the figure alone; what it may be is the report's. All at once they would come down on the servers that stay.

use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The stretch of time in which "at once" is counted.
const AT_ONCE: Duration = Duration::from_millis(250);

/// One server that sent players away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentAway {
    /// Its name.
    pub server: String,
    /// Sockets that it sent away.
    pub sockets: usize,
    /// Most of them within a quarter of a second.
    pub most_at_once: usize,
    /// From the first to the last, in milliseconds.
    pub over_ms: u64,
}

/// Collects each GoAway.
#[derive(Default)]
pub(super) struct Watch(BTreeMap<String, Vec<Duration>>);

impl Watch {
    pub(super) fn sent(&mut self, server: &str, at: Duration) {
        self.0.entry(server.to_owned()).or_default().push(at);
    }

    pub(super) fn by_server(self) -> Vec<SentAway> {
        let of_one = |(server, mut times): (String, Vec<Duration>)| {
            times.sort();
            let within = |from: usize| times[from..].partition_point(|at| *at < times[from] + AT_ONCE);
            let most_at_once = (0..times.len()).map(within).max().unwrap_or(0);
            let over = times.last().zip(times.first()).map_or(Duration::ZERO, |(last, first)| *last - *first);
            SentAway { server, sockets: times.len(), most_at_once, over_ms: over.as_millis() as u64 }
        };
        self.0.into_iter().map(of_one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_is_a_quarter_of_a_second_wherever_it_begins() {
        let mut watch = Watch::default();
        for ms in [0, 400, 500, 649, 650, 900, 2_000] {
            watch.sent("a", Duration::from_millis(ms));
        }
        watch.sent("b", Duration::from_millis(5));
        let one = |server: &str, sockets, most_at_once, over_ms| SentAway {
            server: server.to_owned(),
            sockets,
            most_at_once,
            over_ms,
        };
        assert_eq!(watch.by_server(), [one("a", 7, 3, 2_000), one("b", 1, 1, 0)]);
    }
}
