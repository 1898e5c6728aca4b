//! When a member that leaves does what: one grace time, and everything else a share of it.
//!
//! Owns the moments at which sockets are sent to another member: spread over the member's sockets, so that no member that
//! stays gets them all at once, and all of them early enough for the last to have gone when the grace time ends.

use protocol::PlayerId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Kept of the grace time for closing the last sockets and leaving the registry: so much, or an eighth of a short one.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// Sockets are sent away only after this, or a quarter of a short grace time: load balancers need a moment to stop choosing
/// a member that leaves. What comes later is sent away as long after it came.
const BALANCERS: Duration = Duration::from_millis(1500);

/// Sockets are sent away at this pace, ...
const EACH: Duration = Duration::from_millis(10);
/// ... a few in no less than this, for those of one game come back together; ...
const SPREAD_MIN: Duration = Duration::from_secs(3);
/// ... and any number in this share of the grace time.
const SPREAD_SHARE: u32 = 3;

/// The time for handing games over and sending sockets away, out of a grace time.
pub fn until_last_moment(grace: Duration) -> Duration {
    grace - LAST_MOMENT.min(grace / 8)
}

/// When sockets are to find another member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goodbye {
    after: Duration,
    over: Duration,
}

impl Goodbye {
    /// For a member with so many sockets that has so long to leave.
    pub fn of(sockets: u32, grace: Duration) -> Goodbye {
        let over = (EACH * sockets).max(SPREAD_MIN).min(grace / SPREAD_SHARE);
        Goodbye { after: BALANCERS.min(grace / 4), over }
    }

    /// How long after the member began to leave, or after the socket came if that was later, this one is told.
    pub fn time(&self, place: u64) -> Duration {
        self.after + self.over.mul_f64(place as f64 / u64::MAX as f64)
    }
}

/// A player's socket's place among all: the same whoever asks, and no two sockets' have anything to do with each other.
/// Spectators have no id; any place will do.
pub fn place(player: Option<PlayerId>, session: u32) -> u64 {
    let Some(player) = player else { return rand::random() };
    // The finaliser of splitmix64.
    let mut z = player.0 ^ u64::from(session).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Whether this member has started to leave: until then sockets are asked to find another.
#[derive(Clone, Default)]
pub struct Leaving {
    begun: CancellationToken,
    plan: Arc<OnceLock<(Goodbye, Instant)>>,
    cut_off: Arc<AtomicBool>,
}

impl Leaving {
    /// From now on: sockets go as that says, and must have gone by then.
    pub fn begin(&self, goodbye: Goodbye, deadline: Instant) {
        self.plan.get_or_init(|| (goodbye, deadline));
        self.begun.cancel();
    }

    /// When sockets are to go, and when the last must have gone, where the member leaves.
    pub fn plan(&self) -> Option<(Goodbye, Instant)> {
        self.plan.get().copied()
    }

    /// Whether the member is cut off from most others: sockets go at once, for their players see nothing here, and new ones are
    /// refused.
    pub fn cut_off(&self, cut_off: bool) {
        self.cut_off.store(cut_off, Ordering::Relaxed);
    }

    /// See [`Leaving::cut_off`]. One that leaves serves until the end.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Relaxed) && self.plan.get().is_none()
    }

    /// Whether the member leaves.
    pub fn is_on(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Until the member starts to leave.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Until a connection is to end: some time after the member started to leave, so that a new one finds another.
    pub async fn late(self) {
        self.begun().await;
        tokio::time::sleep(BALANCERS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_been_told_long_before_any_grace_time_ends() {
        for grace in (5..=120).map(Duration::from_secs) {
            let games = until_last_moment(grace);
            assert!(games >= grace * 7 / 8 && games + LAST_MOMENT >= grace);
            for sockets in [0, 1, 10, 1_000, 100_000] {
                let last = Goodbye::of(sockets, games).time(u64::MAX);
                assert!(last <= games * 2 / 3, "{grace:?} {sockets} {last:?}");
            }
        }
    }

    #[test]
    fn sockets_of_few_and_of_many_games_go_evenly() {
        for sockets in [80_u64, 2_000] {
            let goodbye = Goodbye::of(sockets as u32, Duration::from_secs(30));
            // Ids are random; sessions are small numbers.
            let ids = (0..sockets).map(|n| PlayerId(n.wrapping_mul(0xd134_2543_de82_ef95)));
            let times: Vec<_> = ids.map(|id| goodbye.time(place(Some(id), 1))).collect();
            assert_eq!(
                times[3],
                goodbye.time(place(Some(PlayerId(3_u64.wrapping_mul(0xd134_2543_de82_ef95))), 1))
            );
            let window = Duration::from_millis(250);
            let most = (0..400).map(|n| {
                let from = Duration::from_millis(25 * n);
                times.iter().filter(|time| (from..from + window).contains(time)).count()
            });
            let most = most.max().expect("some");
            assert!(most * 5 < times.len(), "{most} of {sockets} in a quarter of a second");
        }
    }
}
