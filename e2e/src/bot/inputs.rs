//! The inputs that a client keeps until they are durable.
//!
//! Owns their numbers and their life: added, consumed by a tick, durable, forgotten. An input that was consumed but is
//! not durable yet stays, for a rewind may undo it.

use protocol::{MAX_INPUTS, Tick, peer::Input};
use std::collections::VecDeque;

/// Most inputs kept: what a bot presses in about a minute.
const MAX_KEPT: usize = 512;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Not durable, by rising `seq`.
    kept: VecDeque<Input>,
    /// The last number given.
    last: u32,
    /// The last one that a tick is known to have consumed.
    consumed: u32,
    /// Consumed by these ticks, up to these numbers; not durable.
    unsafe_until: VecDeque<(Tick, u32)>,
}

impl Inputs {
    /// A new one. True: an old one had to be given up for it.
    pub(super) fn add(&mut self, for_tick: Tick, keys: u8, action: u8) -> (Input, bool) {
        self.last += 1;
        let input = Input { seq: self.last, for_tick, keys, action };
        self.kept.push_back(input);
        let full = self.kept.len() > MAX_KEPT;
        if full {
            self.kept.pop_front();
        }
        (input, full)
    }

    /// A world in which `last_seq` is the last number consumed.
    pub(super) fn keyframe(&mut self, last_seq: u32, tick: Tick, durable: Tick) {
        self.consumed = last_seq;
        self.last = self.last.max(last_seq);
        self.unsafe_until.clear();
        self.unsafe_until.push_back((tick, last_seq));
        self.forget(durable);
    }

    /// A tick that consumed so many more.
    pub(super) fn frame(&mut self, applied: usize, tick: Tick, durable: Tick) {
        if applied > 0 {
            self.consumed = self.consumed.saturating_add(applied as u32);
            self.unsafe_until.push_back((tick, self.consumed));
        }
        self.forget(durable);
    }

    /// How many were made: the last number given.
    pub(super) fn made(&self) -> u32 {
        self.last
    }

    /// Has a tick consumed each of them?
    pub(super) fn all_consumed(&self) -> bool {
        self.consumed >= self.last
    }

    /// The servers want this number next. Answers how many are given up because they are not kept any more: then all that
    /// is kept has other numbers than before.
    pub(super) fn expect(&mut self, seq: u32) -> u64 {
        self.consumed = seq.saturating_sub(1);
        if seq > self.last {
            self.kept.clear();
            self.last = seq - 1;
            return 0;
        }
        // All numbers from `seq` on must be there; numbers cannot be left out, so what is kept is numbered anew.
        let first = self.kept.iter().position(|input| input.seq >= seq);
        let missing = first.map_or(0, |first| self.kept[first].seq - seq);
        if missing > 0 {
            for (input, seq) in self.kept.iter_mut().zip(seq..) {
                input.seq = seq;
            }
            self.last -= missing;
        }
        u64::from(missing)
    }

    /// All that are kept, by rising number.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Input> {
        self.kept.iter()
    }

    /// What was not consumed, or all from a number on, in messages that are not too long.
    pub(super) fn unconsumed(&self, from: Option<u32>) -> Vec<Vec<Input>> {
        let from = from.unwrap_or(self.consumed + 1);
        let open: Vec<Input> = self.kept.iter().filter(|input| input.seq >= from).copied().collect();
        open.chunks(MAX_INPUTS).map(<[Input]>::to_vec).collect()
    }

    fn forget(&mut self, durable: Tick) {
        while let Some((tick, seq)) = self.unsafe_until.front().copied() {
            if tick > durable {
                break;
            }
            self.unsafe_until.pop_front();
            while self.kept.front().is_some_and(|input| input.seq <= seq) {
                self.kept.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(inputs: &Inputs) -> Vec<u32> {
        inputs.unconsumed(None).concat().iter().map(|input| input.seq).collect()
    }

    fn five() -> Inputs {
        let mut inputs = Inputs::default();
        inputs.keyframe(0, Tick(10), Tick(0));
        for _ in 0..5 {
            inputs.add(Tick(12), 1, 0);
        }
        inputs
    }

    #[test]
    fn an_input_is_kept_until_its_tick_is_durable() {
        let mut inputs = five();
        inputs.frame(2, Tick(12), Tick(8));
        assert_eq!(numbers(&inputs), [3, 4, 5]);
        assert_eq!(inputs.kept.len(), 5, "consumed, but a rewind may undo it");
        inputs.frame(0, Tick(13), Tick(12));
        assert_eq!(inputs.kept.len(), 3);
    }

    #[test]
    fn after_a_rewind_everything_that_it_undid_is_sent_again() {
        let mut inputs = five();
        inputs.frame(4, Tick(12), Tick(8));
        inputs.keyframe(1, Tick(11), Tick(11));
        assert_eq!(numbers(&inputs), [2, 3, 4, 5]);
    }

    #[test]
    fn an_expected_number_is_sent_from_there_on() {
        let mut inputs = five();
        assert_eq!(inputs.expect(4), 0);
        assert_eq!(numbers(&inputs), [4, 5]);
        assert_eq!(inputs.expect(9), 0);
        assert_eq!(inputs.add(Tick(20), 0, 0).0.seq, 9);
    }

    #[test]
    fn a_number_that_is_not_kept_any_more_is_given_up_and_the_rest_takes_its_place() {
        let mut inputs = five();
        inputs.frame(2, Tick(12), Tick(12));
        assert_eq!(inputs.expect(2), 1);
        assert_eq!(numbers(&inputs), [2, 3, 4]);
        assert_eq!(inputs.add(Tick(20), 0, 0).0.seq, 5);
    }

    #[test]
    fn what_is_kept_has_a_limit_and_messages_have_one() {
        let mut inputs = Inputs::default();
        let dropped = (0..MAX_KEPT + 3).filter(|_| inputs.add(Tick(1), 0, 0).1).count();
        assert_eq!((dropped, inputs.kept.len()), (3, MAX_KEPT));
        assert!(inputs.unconsumed(None).iter().all(|message| message.len() <= MAX_INPUTS));
    }
}
