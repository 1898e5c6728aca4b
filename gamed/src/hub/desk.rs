//! What players asked of a game and what was not yet done: the owner's inbox, one desk for each player.
//!
//! Owns the order of inputs (by seq, not before their tick, at most so many a tick) and who was heard of last. The world
//! itself decides what an input does.

use crate::limits;
use protocol::peer::Input;
use protocol::{MemberId, PlayerId, Tick};
use std::collections::BTreeMap;

/// One player's pending things.
pub struct Desk {
    /// The newest socket of the player that was heard of.
    pub session: u32,
    /// The member that it is on.
    pub via: MemberId,
    /// Tick at which the player was last heard of.
    pub heard: Tick,
    /// By seq: the session that sent it, and the input.
    inputs: BTreeMap<u32, (u32, Input)>,
    /// Ticks since the next input in order has been missing.
    gap: u32,
    /// How early the newest input was, in ticks; negative when late.
    pub slack_ticks: i64,
}

/// All desks of a game.
#[derive(Default)]
pub struct Desks {
    desks: BTreeMap<PlayerId, Desk>,
}

/// An input whose turn has come.
pub struct Due {
    /// Whose.
    pub player: PlayerId,
    /// From which socket.
    pub session: u32,
    /// It.
    pub input: Input,
}

impl Desks {
    /// Notes a sign of life of a player that came through this member.
    pub fn heard(&mut self, player: PlayerId, session: u32, via: MemberId, now: Tick) -> &mut Desk {
        let desk = self.desks.entry(player).or_insert_with(|| Desk {
            session,
            via,
            heard: now,
            inputs: BTreeMap::new(),
            gap: 0,
            slack_ticks: 0,
        });
        // While two sockets overlap, the older one must not look like the player's only one.
        if session >= desk.session {
            (desk.session, desk.via) = (session, via);
        }
        desk.heard = now;
        desk
    }

    /// The player is no longer in the game.
    pub fn forget(&mut self, player: PlayerId) {
        self.desks.remove(&player);
    }

    /// A player's desk, once heard of.
    pub fn get(&self, player: PlayerId) -> Option<&Desk> {
        self.desks.get(&player)
    }

    /// All inputs that wait, with their sockets, by player and seq.
    pub fn waiting(self) -> impl Iterator<Item = (PlayerId, u32, Input)> {
        self.desks.into_iter().flat_map(|(player, desk)| {
            desk.inputs.into_values().map(move |(session, input)| (player, session, input))
        })
    }

    /// Players that spoke through this member last.
    pub fn through(&self, via: MemberId) -> Vec<PlayerId> {
        self.desks.iter().filter(|(_, desk)| desk.via == via).map(|(player, _)| *player).collect()
    }

    /// Players that were not heard of since `since`.
    pub fn silent(&self, since: Tick) -> Vec<PlayerId> {
        self.desks.iter().filter(|(_, desk)| desk.heard < since).map(|(player, _)| *player).collect()
    }

    /// What `player` has for `tick`, given the last seq that the world applied; and the seq to ask for, if it went missing.
    pub fn due(&mut self, player: PlayerId, last_seq: u32, tick: Tick, out: &mut Vec<Due>) -> Option<u32> {
        let desk = self.desks.get_mut(&player)?;
        desk.inputs = desk.inputs.split_off(&last_seq.wrapping_add(1));
        let mut next = last_seq.wrapping_add(1);
        let mut taken = 0;
        while taken < limits::INPUTS_PER_TICK
            && let Some((_, input)) = desk.inputs.get(&next)
            && input.for_tick <= tick
        {
            let (session, input) = desk.inputs.remove(&next).expect("it was there a line above");
            out.push(Due { player, session, input });
            next = next.wrapping_add(1);
            taken += 1;
        }
        let missing = desk.inputs.first_key_value().is_some_and(|(seq, _)| *seq != next);
        desk.gap = if missing { desk.gap + 1 } else { 0 };
        // Two ticks of grace: inputs that a former owner forwards may arrive behind newer ones. Then once every 5 ticks.
        (desk.gap % 5 == 3).then_some(next)
    }
}

impl Desk {
    /// Takes inputs; what does not fit is dropped and will be asked for again. `next` is the game's next tick.
    pub fn take(&mut self, session: u32, inputs: &[Input], next: Tick) {
        for input in inputs {
            if self.inputs.len() >= limits::PLAYER_INPUTS {
                return;
            }
            self.slack_ticks = input.for_tick.0 as i64 - next.0 as i64;
            let mut input = *input;
            input.for_tick = input.for_tick.min(Tick(next.0 + limits::INPUT_AHEAD));
            self.inputs.entry(input.seq).or_insert((session, input));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYER: PlayerId = PlayerId(7);
    const VIA: MemberId = MemberId(1);

    fn input(seq: u32, for_tick: u64) -> Input {
        Input { seq, for_tick: Tick(for_tick), keys: 0, action: 0 }
    }

    fn seqs(desks: &mut Desks, last: u32, tick: u64) -> (Vec<u32>, Option<u32>) {
        let mut out = Vec::new();
        let expect = desks.due(PLAYER, last, Tick(tick), &mut out);
        (out.iter().map(|due| due.input.seq).collect(), expect)
    }

    #[test]
    fn inputs_are_applied_in_order_and_not_before_their_tick() {
        let mut desks = Desks::default();
        desks.heard(PLAYER, 1, VIA, Tick(1)).take(1, &[input(2, 0), input(1, 0), input(3, 9)], Tick(5));
        assert_eq!(seqs(&mut desks, 0, 5), (vec![1, 2], None));
        assert_eq!(seqs(&mut desks, 2, 8), (vec![], None));
        assert_eq!(seqs(&mut desks, 2, 9), (vec![3], None));
    }

    #[test]
    fn a_repeat_is_taken_once_and_an_applied_one_not_at_all() {
        let mut desks = Desks::default();
        desks.heard(PLAYER, 1, VIA, Tick(1)).take(1, &[input(1, 0), input(1, 0)], Tick(5));
        assert_eq!(seqs(&mut desks, 0, 5), (vec![1], None));
        desks.heard(PLAYER, 1, VIA, Tick(1)).take(1, &[input(1, 0)], Tick(6));
        assert_eq!(seqs(&mut desks, 1, 6), (vec![], None));
    }

    #[test]
    fn a_missing_input_is_asked_for_after_two_ticks_of_grace() {
        let mut desks = Desks::default();
        desks.heard(PLAYER, 1, VIA, Tick(1)).take(1, &[input(2, 0)], Tick(5));
        let asked: Vec<_> = (5..13).map(|tick| seqs(&mut desks, 0, tick).1).collect();
        assert_eq!(asked, [None, None, Some(1), None, None, None, None, Some(1)]);
    }

    #[test]
    fn nobody_applies_more_than_the_limit_in_a_tick() {
        let mut desks = Desks::default();
        let many: Vec<_> = (1..=20).map(|seq| input(seq, 0)).collect();
        desks.heard(PLAYER, 1, VIA, Tick(1)).take(1, &many, Tick(5));
        assert_eq!(seqs(&mut desks, 0, 5).0.len(), limits::INPUTS_PER_TICK);
        assert_eq!(seqs(&mut desks, 8, 6).0.first(), Some(&9));
    }

    #[test]
    fn an_input_aimed_far_ahead_comes_at_the_limit() {
        let mut desks = Desks::default();
        desks.heard(PLAYER, 1, VIA, Tick(1)).take(1, &[input(1, 1000)], Tick(5));
        assert_eq!(seqs(&mut desks, 0, 14).0, Vec::<u32>::new());
        assert_eq!(seqs(&mut desks, 0, 15).0, vec![1]);
    }
}
