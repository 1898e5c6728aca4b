//! The last moves of the cluster, as far as this member was told of them: for people.
//!
//! Owns their order and their number. Members tell each other of each move, and a new one of those that it missed, so
//! that a page sees the same ones wherever it asks.

use crate::limits;
use crate::live::Bell;
use protocol::peer::MoveNote;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Duration, Instant};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Moves {
    /// With the time of each on this member's clock, newest first.
    moves: Arc<Mutex<VecDeque<(Instant, MoveNote)>>>,
    bell: Bell,
}

impl Moves {
    /// None yet. Rings when one comes.
    pub fn new(bell: Bell) -> Moves {
        Moves { moves: Arc::default(), bell }
    }

    /// Takes one in, if it is news.
    pub fn add(&self, note: MoveNote) {
        let now = Instant::now();
        let at = now.checked_sub(Duration::from_millis(note.ago_ms)).unwrap_or(now);
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        // Each move has an epoch of its own.
        if moves.iter().any(|(_, known)| (known.game, known.epoch) == (note.game, note.epoch)) {
            return;
        }
        let place = moves.partition_point(|(known, _)| *known > at);
        moves.insert(place, (at, note));
        moves.truncate(limits::MOVES_REMEMBERED);
        drop(moves);
        self.bell.ring();
    }

    /// Newest first, with their age now.
    pub fn list(&self) -> Vec<MoveNote> {
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let aged = |(at, note): &(Instant, MoveNote)| MoveNote {
            ago_ms: at.elapsed().as_millis() as u64,
            ..note.clone()
        };
        moves.iter().map(aged).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Epoch, GameId, MemberId, Tick};

    fn note(epoch: u64, ago_ms: u64) -> MoveNote {
        MoveNote {
            game: GameId(1),
            from: None,
            to: MemberId(1),
            epoch: Epoch(epoch),
            tick: Tick(1),
            pause_us: 1,
            between_us: 20_001,
            bytes: 1,
            cause: "move".into(),
            ago_ms,
        }
    }

    #[test]
    fn moves_stand_by_age_each_once_and_the_oldest_go() {
        let moves = Moves::new(Bell::default());
        for epoch in [3, 1, 2, 3] {
            // Told by several, and not in order. A process that has just started knows no time before.
            moves.add(note(epoch, (4 - epoch) * 10));
        }
        let order: Vec<u64> = moves.list().iter().map(|note| note.epoch.0).collect();
        assert_eq!(order, [3, 2, 1]);
        assert!(moves.list()[2].ago_ms >= 30);
        for epoch in 10..200 {
            moves.add(note(epoch, 0));
        }
        assert_eq!(moves.list().len(), limits::MOVES_REMEMBERED);
    }
}
