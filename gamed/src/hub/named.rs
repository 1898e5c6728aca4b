//! Who owned the game under the epoch that is shown, for people.
//!
//! Owns what this member knows of that, and knows it only from those who say it of that very epoch: the registry, the rules
//! here, the old owner's last word. Whoever sends frames may be relaying another's.

use protocol::{Epoch, MemberId};
use std::collections::BTreeMap;
use tokio::time::{Duration, Instant};

/// An owner that nobody has named for so long is asked for: the old owner's word usually comes within a tick.
const ASK_AFTER: Duration = Duration::from_millis(200);

/// See the module.
#[derive(Default)]
pub struct NamedOwner {
    /// Of the epoch that is shown, and of later ones.
    owners: BTreeMap<Epoch, MemberId>,
    shown: Option<Epoch>,
    unknown_since: Option<Instant>,
}

impl NamedOwner {
    /// That member owns, or owned, the game under that epoch. True where it is the one that is shown, and news.
    pub fn learn(&mut self, epoch: Epoch, owner: MemberId) -> bool {
        if self.shown.is_some_and(|shown| epoch < shown) {
            return false;
        }
        let news = self.owners.insert(epoch, owner).is_none();
        news && self.shown == Some(epoch)
    }

    /// Frames of that epoch are shown from now on.
    pub fn shows(&mut self, epoch: Epoch) {
        self.owners = self.owners.split_off(&epoch);
        self.shown = Some(epoch);
        self.unknown_since = None;
    }

    /// The epoch that is shown, if any is, and whose it is, where that is known.
    pub fn shown(&self) -> Option<(Epoch, Option<MemberId>)> {
        self.shown.map(|epoch| (epoch, self.owners.get(&epoch).copied()))
    }

    /// Nobody has said for some time whose it is: true each [`ASK_AFTER`].
    pub fn asks(&mut self, now: Instant) -> bool {
        if !matches!(self.shown(), Some((_, None))) {
            return false;
        }
        let since = *self.unknown_since.get_or_insert(now);
        let asks = now - since >= ASK_AFTER;
        if asks {
            self.unknown_since = Some(now);
        }
        asks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_named_for_the_epoch_that_it_was_named_for_and_asked_for_where_nobody_says() {
        let (p, q, now) = (MemberId(1), MemberId(2), Instant::now());
        let mut named = NamedOwner::default();
        assert!(!named.learn(Epoch(1), p) && !named.asks(now + ASK_AFTER), "nothing is shown");
        named.shows(Epoch(1));
        assert_eq!(named.shown(), Some((Epoch(1), Some(p))));
        assert!(!named.learn(Epoch(2), q), "it is not shown yet");
        named.shows(Epoch(2));
        assert_eq!(named.shown(), Some((Epoch(2), Some(q))));
        assert!(!named.learn(Epoch(1), p) && !named.learn(Epoch(2), q), "no news");

        named.shows(Epoch(3));
        assert_eq!(named.shown(), Some((Epoch(3), None)));
        let asks: Vec<bool> = [0, 199, 200, 399, 400]
            .into_iter()
            .map(|ms| named.asks(now + Duration::from_millis(ms)))
            .collect();
        assert_eq!(asks, [false, false, true, false, true]);
        assert!(named.learn(Epoch(3), p), "news of what is shown");
        assert!(!named.asks(now + Duration::from_secs(9)));
    }
}
