//! One player's or spectator's socket at a hub, and what it was shown.
//!
//! Owns pace and patience: how much a socket may send, and what happens to one that does not read.

use crate::limits;
use crate::wire::{Wire, Written};
use bytes::Bytes;
use protocol::{Epoch, PlayerId, Tick};
use tokio::time::{Duration, Instant};

/// See the module.
pub struct Seat {
    /// The socket.
    pub wire: Wire,
    /// Who plays; none for a spectator.
    pub player: Option<PlayerId>,
    /// The name that a player came with.
    pub name: String,
    /// Number of the socket among the player's.
    pub session: u32,
    /// The last (epoch, tick) that the client was shown elsewhere: nothing below this epoch is shown here.
    pub floor: Epoch,
    /// The last tick written to this socket. None: it waits for a keyframe.
    pub shown: Option<Tick>,
    /// It did not read: from this tick on frames are missing, until it gets a keyframe.
    pub skipped_from: Option<Tick>,
    /// When its member says goodbye, while draining.
    pub go_away_at: Option<Instant>,
    /// The socket ends after what is queued.
    pub dead: bool,
    stalled_since: Option<Instant>,
    allowance: Allowance,
}

impl Seat {
    /// A socket that has said Hello.
    pub fn new(
        wire: Wire,
        player: Option<PlayerId>,
        name: String,
        session: u32,
        floor: Epoch,
        now: Instant,
    ) -> Seat {
        Seat {
            wire,
            player,
            name,
            session,
            floor,
            shown: None,
            skipped_from: None,
            go_away_at: None,
            dead: false,
            stalled_since: None,
            allowance: Allowance::new(limits::MESSAGES_PER_SECOND, now),
        }
    }

    /// Queues a message that is no frame.
    pub fn queue(&mut self, bytes: Bytes) {
        if self.wire.queue(bytes) == Written::Dead {
            self.dead = true;
        }
    }

    /// Queues and sends.
    pub fn send(&mut self, bytes: Bytes, now: Instant) {
        self.queue(bytes);
        self.flush(now);
    }

    /// Sends what is queued; keeps the time since when nothing goes out.
    pub fn flush(&mut self, now: Instant) {
        match self.wire.flush() {
            Written::Sent => self.stalled_since = None,
            Written::Waits => self.stalled_since = self.stalled_since.or(Some(now)),
            Written::Dead => self.dead = true,
        }
    }

    /// Shows one frame, or notes that it could not: a socket that does not read gets no more frames queued.
    pub fn show(&mut self, tick: Tick, frame: &Bytes, now: Instant) {
        if self.stalled_since.is_some() {
            self.flush(now);
        }
        if self.stalled_since.is_some() {
            self.skipped_from = self.skipped_from.or(Some(tick));
            return;
        }
        self.queue(frame.clone());
        self.flush(now);
        self.shown = Some(tick);
    }

    /// The reader came back after frames were left out.
    pub fn reads_again(&self) -> bool {
        self.skipped_from.is_some() && self.stalled_since.is_none()
    }

    /// The reader takes nothing for too long.
    pub fn hopeless(&self, now: Instant) -> bool {
        self.stalled_since.is_some_and(|since| now.duration_since(since) > limits::STALLED_READER)
    }

    /// Whether one more message is within what a client may send.
    pub fn may_send(&mut self, now: Instant) -> bool {
        self.allowance.spend(now)
    }
}

/// A bucket that fills at `rate` a second and holds one second's worth.
struct Allowance {
    rate: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    fn new(rate: u32, now: Instant) -> Allowance {
        Allowance { rate: f64::from(rate), left: f64::from(rate), at: now }
    }

    fn spend(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.at);
        self.left = (self.left + passed.as_secs_f64() * self.rate).min(self.rate);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_of_a_second_can_be_spent_at_once_and_fills_again() {
        let start = Instant::now();
        let mut allowance = Allowance::new(10, start);
        assert_eq!((0..20).filter(|_| allowance.spend(start)).count(), 10);
        assert_eq!((0..20).filter(|_| allowance.spend(start + Duration::from_millis(500))).count(), 5);
    }
}
