//! What games of this member ran since it was last taken, on its way from their threads to the ownership driver.
//!
//! A tick only leaves its log entry here: the registry is written off its way, for all games together.

use bytes::Bytes;
use ownership::Ran;
use protocol::{Epoch, GameId, Tick};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module. Clones are handles to the same journal.
#[derive(Clone, Debug, Default)]
pub struct Journal(Option<Arc<Mutex<BTreeMap<GameId, Ran>>>>);

impl Journal {
    /// One that keeps what it is told. The default one does not: nothing is logged.
    pub fn kept() -> Journal {
        Journal(Some(Arc::default()))
    }

    /// A game has run this tick; what changed it is empty where nothing did. `people` are in it.
    pub fn ran(&self, game: GameId, epoch: Epoch, tick: Tick, log: &Bytes, people: bool) {
        let Some(games) = &self.0 else { return };
        let mut games = games.lock().unwrap_or_else(PoisonError::into_inner);
        Ran::tick(game, epoch, tick, log.clone(), people).join(&mut games);
    }

    /// All of it.
    pub fn take(&self) -> Vec<Ran> {
        let Some(games) = &self.0 else { return Vec::new() };
        let games = std::mem::take(&mut *games.lock().unwrap_or_else(PoisonError::into_inner));
        games.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAME: GameId = GameId(1);

    #[test]
    fn ticks_of_one_epoch_are_taken_together_and_a_new_one_begins_anew() {
        let journal = Journal::kept();
        journal.ran(GAME, Epoch(1), Tick(8), &Bytes::from_static(b"a"), false);
        journal.ran(GAME, Epoch(1), Tick(9), &Bytes::new(), false);
        let ran = |epoch, after, upto, busy, ticks| Ran {
            game: GAME,
            epoch: Epoch(epoch),
            after: Tick(after),
            upto: Tick(upto),
            busy: Tick(busy),
            ticks,
        };
        let first = ran(1, 7, 9, 8, vec![(Tick(8), Bytes::from_static(b"a"))]);
        assert_eq!(journal.take(), [first]);
        assert_eq!(journal.take(), []);
        for (epoch, tick) in [(1, 10), (2, 11), (2, 12)] {
            journal.ran(GAME, Epoch(epoch), Tick(tick), &Bytes::new(), tick == 11);
        }
        assert_eq!(journal.take(), [ran(2, 10, 12, 11, Vec::new())]);
        Journal::default().ran(GAME, Epoch(1), Tick(1), &Bytes::new(), true);
        assert_eq!(Journal::default().take(), []);
    }
}
