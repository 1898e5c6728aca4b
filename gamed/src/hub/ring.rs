//! The newest frames of a game, as this member showed or made them, and a keyframe that they follow.
//!
//! Invariant: the kept frames are consecutive ticks; the keyframe, where there is one, is of a tick from which the kept
//! frames go on. Whoever joins or comes back is served from here, whoever owns the game.

use crate::limits::RING_FRAMES;
use bytes::Bytes;
use protocol::{Epoch, Tick};
use std::collections::VecDeque;

/// One frame or keyframe, ready to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Epoch that it was made under.
    pub epoch: Epoch,
    /// The tick that it leads to.
    pub tick: Tick,
    /// Epoch of the tick before; of a keyframe, its own.
    pub after: Epoch,
    /// The players' message.
    pub bytes: Bytes,
    /// For peers: the log entry and digest that travelled with a frame.
    pub log: Bytes,
    /// See `log`.
    pub digest: u32,
}

impl Kept {
    /// A keyframe.
    pub fn keyframe(epoch: Epoch, tick: Tick, bytes: Bytes) -> Kept {
        Kept { epoch, tick, after: epoch, bytes, log: Bytes::new(), digest: 0 }
    }
}

/// See the module.
#[derive(Default)]
pub struct Ring {
    frames: VecDeque<Kept>,
    keyframe: Option<Kept>,
}

impl Ring {
    /// Adds the frame of the next tick. A known tick changes nothing; one beyond a gap starts the ring anew.
    pub fn push(&mut self, frame: Kept) {
        if let Some((_, newest)) = self.newest() {
            if frame.tick <= newest {
                return;
            }
            if frame.tick != newest.next() {
                self.clear();
            }
        }
        if self.frames.len() == RING_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
        self.drop_unreachable_keyframe();
    }

    /// Takes a keyframe of a world that the kept frames lead to or start from: of another branch, or beyond what was
    /// shown, it would break the chain of whoever is served from here.
    pub fn keyframe(&mut self, keyframe: Kept) {
        let newer = self.keyframe.as_ref().is_none_or(|kept| kept.tick <= keyframe.tick);
        if newer && self.index_after((keyframe.epoch, keyframe.tick)).is_some() {
            self.keyframe = Some(keyframe);
        }
    }

    /// Forgets everything and starts from this keyframe: after a rewind, or a gap that nobody could fill.
    pub fn restart(&mut self, keyframe: Kept) {
        self.clear();
        self.keyframe = Some(keyframe);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.keyframe = None;
    }

    /// The newest world that can be shown.
    pub fn newest(&self) -> Option<(Epoch, Tick)> {
        self.frames.back().or(self.keyframe.as_ref()).map(|kept| (kept.epoch, kept.tick))
    }

    /// What leads from that world to the newest one: the frames after it, else the keyframe and the frames after that.
    /// None where nothing does.
    pub fn since(&self, have: Option<(Epoch, Tick)>) -> Option<(Option<&Kept>, impl Iterator<Item = &Kept>)> {
        let (keyframe, from) = match (have.and_then(|world| self.index_after(world)), &self.keyframe) {
            (Some(index), _) => (None, index),
            (None, Some(keyframe)) => {
                (Some(keyframe), self.frames.partition_point(|frame| frame.tick <= keyframe.tick))
            }
            (None, None) => return None,
        };
        Some((keyframe, self.frames.iter().skip(from)))
    }

    /// Epoch of the keyframe that newcomers are led on from, once there is one.
    pub fn starts_under(&self) -> Option<Epoch> {
        self.keyframe.as_ref().map(|keyframe| keyframe.epoch)
    }

    /// Where the frames that lead on from that world begin, if none of them is missing. (epoch, tick) names a world.
    fn index_after(&self, (epoch, tick): (Epoch, Tick)) -> Option<usize> {
        let is_it = |kept: &Kept| (kept.epoch, kept.tick) == (epoch, tick);
        let follows = |kept: &Kept| (kept.after, kept.tick) == (epoch, tick.next());
        let at_the_end = self.newest() == Some((epoch, tick));
        let index = self.frames.iter().position(follows).or(at_the_end.then_some(self.frames.len()));
        debug_assert!(index.is_none_or(|index| index == 0 || is_it(&self.frames[index - 1])));
        index
    }

    fn drop_unreachable_keyframe(&mut self) {
        let first = self.frames.front().map(|frame| frame.tick);
        if let (Some(keyframe), Some(first)) = (&self.keyframe, first)
            && keyframe.tick.next() < first
        {
            self.keyframe = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(tick: u64) -> Kept {
        Kept::keyframe(Epoch(1), Tick(tick), Bytes::new())
    }

    /// Tick of the keyframe, if one is needed, and ticks of the frames.
    fn since(ring: &Ring, epoch: u64, tick: u64) -> (Option<u64>, Vec<u64>) {
        match ring.since(Some((Epoch(epoch), Tick(tick)))) {
            Some((keyframe, frames)) => {
                (keyframe.map(|kept| kept.tick.0), frames.map(|frame| frame.tick.0).collect())
            }
            None => (None, vec![]),
        }
    }

    #[test]
    fn newcomers_get_the_keyframe_and_what_followed() {
        let mut ring = Ring::default();
        ring.restart(kept(10));
        for tick in 11..=13 {
            ring.push(kept(tick));
        }
        ring.keyframe(kept(12));
        assert_eq!(since(&ring, 9, 9), (Some(12), vec![13]));
    }

    #[test]
    fn a_gap_starts_the_ring_anew() {
        let mut ring = Ring::default();
        ring.restart(kept(10));
        ring.push(kept(11));
        ring.push(kept(13));
        assert_eq!(ring.starts_under(), None);
        assert_eq!(ring.newest(), Some((Epoch(1), Tick(13))));
    }

    #[test]
    fn a_keyframe_that_frames_no_longer_reach_is_dropped() {
        let mut ring = Ring::default();
        ring.restart(kept(0));
        for tick in 1..=RING_FRAMES as u64 + 1 {
            ring.push(kept(tick));
        }
        assert_eq!(ring.starts_under(), None);
        assert_eq!(since(&ring, 1, 1).1.len(), RING_FRAMES);
        assert_eq!(since(&ring, 1, 0), (None, vec![]), "nothing leads there any more");
    }

    #[test]
    fn a_world_that_the_ring_does_not_lead_on_from_gets_the_keyframe() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        assert_eq!(since(&ring, 1, 6), (Some(5), vec![]), "ahead of the ring");
        assert_eq!(since(&ring, 2, 5), (Some(5), vec![]), "another branch");
        assert_eq!(since(&ring, 1, 5), (None, vec![]));
        ring.push(kept(6));
        assert_eq!(since(&ring, 1, 5), (None, vec![6]));
    }

    #[test]
    fn a_keyframe_of_another_branch_or_of_the_future_is_not_taken() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        ring.push(kept(6));
        ring.push(kept(7));
        ring.keyframe(Kept { epoch: Epoch(2), ..kept(6) });
        ring.keyframe(kept(8));
        assert_eq!(since(&ring, 9, 9), (Some(5), vec![6, 7]));
        ring.keyframe(kept(7));
        assert_eq!(since(&ring, 9, 9), (Some(7), vec![]));
    }

    #[test]
    fn a_move_is_led_across_by_its_first_frame() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        ring.push(Kept { epoch: Epoch(2), ..kept(6) });
        assert_eq!(since(&ring, 1, 5), (None, vec![6]));
        assert_eq!(since(&ring, 1, 6), (Some(5), vec![6]), "the old branch went on beyond the move");
    }
}
