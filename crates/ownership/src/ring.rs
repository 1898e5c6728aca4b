//! The newest frames of a game, as a member showed or made them, and the keyframes that they follow.
//!
//! Frames are opaque. Invariant: the kept frames are consecutive ticks; each keyframe is of a tick from which the kept frames
//! go on. Whoever joins, comes back or subscribes is served from here, whoever owns the game.

use crate::EdgeEvent;
use bytes::Bytes;
use protocol::peer::{MAX_TAIL, PeerMessage, TailTick};
use protocol::{Epoch, GameId, MemberId, Tick};
use std::collections::VecDeque;

/// Frames that are kept: they reach back to the last keyframe but one, so that whoever has missed up to so many ticks as lie
/// between two keyframes can be led on from there.
pub const RING_FRAMES: usize = 104;
/// Ticks between two keyframes of an owner, who makes one of its first tick, too.
pub const KEYFRAME_TICKS: u64 = 50;

const _: () = assert!(RING_FRAMES as u64 > 2 * KEYFRAME_TICKS);
const _: () = assert!(RING_FRAMES <= MAX_TAIL);

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

/// What is sent to lead somebody to the newest world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent<'a> {
    /// A world: to start from, or one that the frames before it have led to.
    Keyframe(&'a Kept),
    /// The next frame.
    Frame(&'a Kept),
}

impl Sent<'_> {
    /// For a member that watches the game here.
    pub fn message(self, game: GameId) -> PeerMessage {
        match self {
            Sent::Keyframe(Kept { epoch, tick, bytes, .. }) => {
                PeerMessage::Keyframe { game, epoch: *epoch, tick: *tick, bytes: bytes.clone() }
            }
            Sent::Frame(frame) => {
                let Kept { epoch, tick, after, bytes, log, digest } = frame.clone();
                PeerMessage::Frame { game, epoch, tick, after, bytes, log, digest }
            }
        }
    }

    /// For the edge of this member, or of one that `from` has sent it to.
    pub fn event(self, from: MemberId) -> EdgeEvent {
        match self {
            Sent::Keyframe(Kept { epoch, tick, bytes, .. }) => {
                EdgeEvent::Keyframe { from, epoch: *epoch, tick: *tick, bytes: bytes.clone() }
            }
            Sent::Frame(frame) => EdgeEvent::Frame { from, frame: frame.clone() },
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ring {
    frames: VecDeque<Kept>,
    /// By rising tick.
    keyframes: VecDeque<Kept>,
}

impl Ring {
    /// Adds the frame of the next tick. A known tick changes nothing, nor does one of an earlier epoch, for epochs never fall on a
    /// branch; one that starts from another world than the newest begins the ring anew: beyond a gap, or of a later branch.
    pub fn push(&mut self, frame: Kept) {
        if let Some((epoch, tick)) = self.newest() {
            if frame.epoch < epoch || frame.epoch == epoch && frame.tick <= tick {
                return;
            }
            if (frame.after, frame.tick) != (epoch, tick.next()) {
                self.clear();
            }
        }
        if self.frames.len() == RING_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
        self.drop_unreachable_keyframes();
    }

    /// Takes a keyframe of a world that the kept frames lead to or start from: of another branch, or beyond what was
    /// shown, it would break the chain of whoever is served from here.
    pub fn keyframe(&mut self, keyframe: Kept) {
        let newer = self.keyframes.back().is_none_or(|kept| kept.tick < keyframe.tick);
        if newer && self.leads_on_from((keyframe.epoch, keyframe.tick)) {
            self.keyframes.push_back(keyframe);
        }
    }

    /// Forgets everything and starts from this keyframe: after a rewind, or a gap that nobody could fill.
    pub fn restart(&mut self, keyframe: Kept) {
        self.clear();
        self.keyframes.push_back(keyframe);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.keyframes.clear();
    }

    /// The newest world that can be shown.
    pub fn newest(&self) -> Option<(Epoch, Tick)> {
        self.frames.back().or(self.keyframes.back()).map(|kept| (kept.epoch, kept.tick))
    }

    /// What leads a member on from what it has, in order; from a keyframe where it has nothing, or what is not here. One that
    /// has nothing gets all there is, and all get the keyframes on the way: they may have to serve others that have missed a
    /// part.
    pub fn since(&self, have: Option<(Epoch, Tick)>) -> Vec<Sent<'_>> {
        let start = match have {
            Some(world) => self.index_after(world).ok_or_else(|| self.keyframes.back()),
            None => Err(self.keyframes.front()),
        };
        match start {
            Ok(index) => self.with_keyframes(None, index),
            Err(Some(keyframe)) => self.with_keyframes(Some(keyframe), self.after(keyframe)),
            Err(None) => Vec::new(),
        }
    }

    /// What leads a socket on from the world that it was led to: the frames after it, or else the last keyframe and the frames
    /// after that. Nothing while that keyframe is no news: who runs the game goes on from before that world, and has not run a
    /// tick yet.
    pub fn missed(&self, shown: (Epoch, Tick)) -> Vec<Sent<'_>> {
        match (self.index_after(shown), self.keyframes.back()) {
            (Some(index), _) => self.frames.iter().skip(index).map(Sent::Frame).collect(),
            (None, Some(keyframe)) if (keyframe.epoch, keyframe.tick) > shown => self.from(keyframe),
            (None, _) => Vec::new(),
        }
    }

    /// Whether what is kept goes on from that world, or ends with it.
    pub fn leads_on_from(&self, world: (Epoch, Tick)) -> bool {
        self.index_after(world).is_some()
    }

    /// The ticks after that world, for whoever goes on from it; none where it is not known here.
    pub fn tail(&self, world: (Epoch, Tick)) -> Vec<TailTick> {
        let after = self.index_after(world).unwrap_or(self.frames.len());
        let ticks = self.frames.range(after..).map(|Kept { epoch, tick, log, digest, .. }| TailTick {
            epoch: *epoch,
            tick: *tick,
            log: log.clone(),
            digest: *digest,
        });
        ticks.collect()
    }

    /// What leads a socket that has nothing to the newest world. Who was shown `floor` elsewhere gets no lower epoch, on the way
    /// there neither, and what begins at or before the floor leads over it: where that world is not known here, another branch
    /// may lead on, and what begins there has to say so by its epoch. Nothing at all, while there is no such way. No tick after
    /// the floor is left out where that can be.
    pub fn welcome(&self, floor: Option<(Epoch, Tick)>) -> Vec<Sent<'_>> {
        let keyframe = match floor {
            None => self.keyframes.back(),
            Some(floor) => {
                let knows = self.leads_on_from(floor);
                let fits = |keyframe: &&Kept| {
                    let name = (keyframe.epoch, keyframe.tick);
                    name > floor || knows && keyframe.epoch >= floor.0
                };
                let mut fitting = self.keyframes.iter().filter(fits);
                let oldest = fitting.next();
                fitting.rfind(|keyframe| keyframe.tick <= floor.1).or(oldest)
            }
        };
        keyframe.map_or_else(Vec::new, |keyframe| self.from(keyframe))
    }

    /// What answers a socket that asks for a keyframe: the last one that is not ahead of what the socket was led to, and all that
    /// followed; where all are ahead, first what leads up to them. Nothing where nothing leads on from there and the member's
    /// edge has not shown more either: the frames between are still on their way to it, and it is asked again when they came.
    pub fn asked(&self, shown: (Epoch, Tick), edge: Option<(Epoch, Tick)>) -> Vec<Sent<'_>> {
        let Some(index) = self.index_after(shown) else {
            return if edge > Some(shown) { self.missed(shown) } else { Vec::new() };
        };
        match self.keyframes.iter().rfind(|keyframe| keyframe.tick <= shown.1) {
            Some(keyframe) => self.from(keyframe),
            None => self.with_keyframes(None, index),
        }
    }

    fn from<'a>(&'a self, keyframe: &'a Kept) -> Vec<Sent<'a>> {
        let frames = self.frames.iter().skip(self.after(keyframe)).map(Sent::Frame);
        [Sent::Keyframe(keyframe)].into_iter().chain(frames).collect()
    }

    fn with_keyframes<'a>(&'a self, first: Option<&'a Kept>, index: usize) -> Vec<Sent<'a>> {
        let mut sent: Vec<Sent<'_>> = first.map(Sent::Keyframe).into_iter().collect();
        for frame in self.frames.iter().skip(index) {
            sent.push(Sent::Frame(frame));
            sent.extend(
                self.keyframes.iter().find(|keyframe| keyframe.tick == frame.tick).map(Sent::Keyframe),
            );
        }
        sent
    }

    /// Where the frames after that keyframe begin.
    fn after(&self, keyframe: &Kept) -> usize {
        self.frames.partition_point(|frame| frame.tick <= keyframe.tick)
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

    fn drop_unreachable_keyframes(&mut self) {
        let first = self.frames.front().map(|frame| frame.tick);
        while self.keyframes.front().is_some_and(|keyframe| Some(keyframe.tick.next()) < first) {
            self.keyframes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(tick: u64) -> Kept {
        Kept::keyframe(Epoch(1), Tick(tick), Bytes::new())
    }

    /// Ticks of the keyframes, and ticks of the frames.
    fn ticks(sent: &[Sent<'_>]) -> (Vec<u64>, Vec<u64>) {
        let (mut keyframes, mut frames) = (Vec::new(), Vec::new());
        for sent in sent {
            match sent {
                Sent::Keyframe(kept) => keyframes.push(kept.tick.0),
                Sent::Frame(kept) => frames.push(kept.tick.0),
            }
        }
        (keyframes, frames)
    }

    fn missed(ring: &Ring, epoch: u64, tick: u64) -> (Vec<u64>, Vec<u64>) {
        ticks(&ring.missed((Epoch(epoch), Tick(tick))))
    }

    fn welcome(ring: &Ring, epoch: u64, tick: u64) -> (Vec<u64>, Vec<u64>) {
        ticks(&ring.welcome(Some((Epoch(epoch), Tick(tick)))))
    }

    fn nothing() -> (Vec<u64>, Vec<u64>) {
        (vec![], vec![])
    }

    #[test]
    fn newcomers_get_the_last_keyframe_and_what_followed_and_members_all_there_is() {
        let mut ring = Ring::default();
        ring.restart(kept(10));
        for tick in 11..=13 {
            ring.push(kept(tick));
        }
        let (keyframe, frames) = (kept(12), [kept(11), kept(12), kept(13)]);
        ring.keyframe(keyframe.clone());
        assert_eq!(missed(&ring, 1, 9), (vec![12], vec![13]));
        assert_eq!(ticks(&ring.welcome(None)), (vec![12], vec![13]));
        let [a, b, c] = &frames;
        let rest = [Sent::Frame(b), Sent::Keyframe(&keyframe), Sent::Frame(c)];
        assert_eq!(ring.since(None), [&[Sent::Keyframe(&kept(10)), Sent::Frame(a)], &rest[..]].concat());
        assert_eq!(ring.since(Some((Epoch(1), Tick(11)))), rest);
        assert_eq!(ticks(&ring.since(Some((Epoch(1), Tick(14))))), (vec![12], vec![13]));
    }

    #[test]
    fn a_frame_of_a_later_epoch_ends_a_branch_that_was_run_further() {
        for tick in [3, 6, 8, 9, 10] {
            let mut ring = Ring::default();
            ring.restart(kept(5));
            (6..=8).for_each(|tick| ring.push(kept(tick)));
            ring.keyframe(kept(7));
            let of_another = Kept { epoch: Epoch(3), after: Epoch(3), ..kept(tick) };
            ring.push(of_another);
            assert_eq!(ring.newest(), Some((Epoch(3), Tick(tick))));
            assert!(!ring.leads_on_from((Epoch(1), Tick(8))));
            assert_eq!(ticks(&ring.welcome(None)), nothing());
            // What is run on there is none of it.
            ring.push(kept(tick + 1));
            assert_eq!(ring.newest(), Some((Epoch(3), Tick(tick))));
        }
    }

    #[test]
    fn a_gap_starts_the_ring_anew() {
        let mut ring = Ring::default();
        ring.restart(kept(10));
        ring.push(kept(11));
        ring.push(kept(13));
        assert_eq!(ticks(&ring.welcome(None)), nothing());
        assert_eq!(ring.newest(), Some((Epoch(1), Tick(13))));
    }

    #[test]
    fn a_keyframe_that_frames_no_longer_reach_is_dropped() {
        let mut ring = Ring::default();
        ring.restart(kept(0));
        for tick in 1..=RING_FRAMES as u64 + 1 {
            ring.push(kept(tick));
        }
        assert_eq!(ticks(&ring.welcome(None)), nothing());
        assert_eq!(missed(&ring, 1, 1).1.len(), RING_FRAMES);
        assert_eq!(missed(&ring, 1, 0), nothing(), "nothing leads there any more");
    }

    #[test]
    fn a_world_that_the_ring_does_not_lead_on_from_gets_the_keyframe() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        assert_eq!(missed(&ring, 1, 4), (vec![5], vec![]));
        assert_eq!(missed(&ring, 0, 7), (vec![5], vec![]), "another branch");
        assert_eq!(missed(&ring, 1, 6), nothing(), "the game goes on from before it, and has not yet");
        assert_eq!(missed(&ring, 1, 5), nothing());
        ring.push(kept(6));
        assert_eq!(missed(&ring, 1, 5), (vec![], vec![6]));
    }

    #[test]
    fn a_keyframe_of_another_branch_or_of_the_future_is_not_taken() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        ring.push(kept(6));
        ring.push(kept(7));
        ring.keyframe(Kept { epoch: Epoch(2), ..kept(6) });
        ring.keyframe(kept(8));
        assert_eq!(missed(&ring, 0, 9), (vec![5], vec![6, 7]));
        ring.keyframe(kept(7));
        assert_eq!(missed(&ring, 0, 9), (vec![7], vec![]));
    }

    #[test]
    fn a_move_is_led_across_by_its_first_frame() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        ring.push(Kept { epoch: Epoch(2), ..kept(6) });
        assert_eq!(missed(&ring, 1, 5), (vec![], vec![6]));
        assert_eq!(
            missed(&ring, 1, 6),
            nothing(),
            "the old branch went on, and nothing says yet that it is left"
        );
        assert_eq!(welcome(&ring, 1, 6), nothing());
        let asked = |ring: &Ring, edge| ticks(&ring.asked((Epoch(1), Tick(6)), Some((Epoch(edge), Tick(6)))));
        assert_eq!(asked(&ring, 2), nothing());
        ring.keyframe(Kept { epoch: Epoch(2), ..kept(6) });
        assert_eq!(missed(&ring, 1, 6), (vec![6], vec![]));
        assert_eq!(welcome(&ring, 1, 6), (vec![6], vec![]));
        assert_eq!(asked(&ring, 1), nothing(), "its edge may yet be brought the frames between");
        assert_eq!(asked(&ring, 2), (vec![6], vec![]));
        assert_eq!(
            ticks(&ring.asked((Epoch(1), Tick(5)), None)),
            (vec![5], vec![6]),
            "it leads over that, too"
        );
    }

    #[test]
    fn who_asks_is_left_out_no_tick_that_is_here() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        (6..=8).for_each(|tick| ring.push(kept(tick)));
        ring.keyframe(kept(7));
        let asked = |ring: &Ring, tick| ticks(&ring.asked((Epoch(1), Tick(tick)), None));
        assert_eq!(asked(&ring, 6), (vec![5], vec![6, 7, 8]), "a new owner's ring is ahead of its own edge");
        assert_eq!(asked(&ring, 7), (vec![7], vec![8]));
        assert_eq!(asked(&ring, 8), (vec![7], vec![8]));
        let full = RING_FRAMES as u64;
        (9..=full + 10).for_each(|tick| ring.push(kept(tick)));
        assert_eq!(asked(&ring, full).0, Vec::<u64>::new());
        ring.keyframe(kept(full + 2));
        assert_eq!(asked(&ring, full), (vec![full + 2], (full + 1..=full + 10).collect()));
    }

    #[test]
    fn a_floor_holds_for_the_whole_way_to_the_newest_world() {
        let mut ring = Ring::default();
        ring.restart(kept(5));
        assert_eq!(welcome(&ring, 1, 5), (vec![5], vec![]));
        assert_eq!(welcome(&ring, 1, 6), nothing(), "it ends before what was shown");
        ring.push(Kept { epoch: Epoch(2), ..kept(6) });
        assert_eq!(welcome(&ring, 2, 6), nothing(), "the keyframe is of a lower epoch");
        ring.keyframe(Kept { epoch: Epoch(2), ..kept(6) });
        assert_eq!(welcome(&ring, 2, 6), (vec![6], vec![]));
        assert_eq!(welcome(&ring, 1, 90), (vec![6], vec![]), "a rewind");
        // A client may say anything.
        assert_eq!(welcome(&ring, 1, u64::MAX), (vec![6], vec![]));
        assert_eq!(welcome(&ring, u64::MAX, u64::MAX), nothing());
    }

    #[test]
    fn who_has_missed_less_than_a_second_misses_nothing() {
        let mut ring = Ring::default();
        ring.restart(kept(50));
        for tick in 51..1000 {
            ring.push(kept(tick));
            if tick % KEYFRAME_TICKS == 0 {
                ring.keyframe(kept(tick));
            }
            let missed = tick.saturating_sub(KEYFRAME_TICKS).max(50);
            let (keyframe, frames) = welcome(&ring, 1, missed);
            assert!(keyframe[0] <= missed, "{keyframe:?} at {tick}");
            assert!(frames.contains(&tick) || keyframe[0] == tick);
        }
        assert_eq!(welcome(&ring, 1, 920).0, [900], "the newest that leaves nothing out");
        assert_eq!(welcome(&ring, 1, 800).0, [900], "as little as possible is left out");
    }
}
