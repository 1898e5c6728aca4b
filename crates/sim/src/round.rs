//! Rounds: when one ends, who has won it, and when the next begins.
//!
//! Owns the round clock, which counts ticks. How long rounds are is the game's own ([`crate::Rounds`]).

use crate::delta::Event;
use crate::numbers::NOBODY;
use crate::world::World;
use core::cmp::Reverse;

impl World {
    /// Ends the round, or begins the next, if this tick is the first after the phase. Without a rest both happen at once.
    pub(crate) fn keep_rounds(&mut self) {
        let is_over = |world: &World| world.round.ends != 0 && world.tick > world.round.ends;
        if !self.round.resting && is_over(self) {
            self.end_round();
        }
        if self.round.resting && is_over(self) {
            self.begin_round();
        }
    }

    fn end_round(&mut self) {
        let ticks = self.rounds.rest_ticks;
        self.round.resting = true;
        self.round.ends += u64::from(ticks);
        let scorers = self.players.iter_mut().filter(|player| player.score > 0);
        let first = scorers.min_by_key(|player| (Reverse(player.score), player.deaths, player.slot));
        let winner = first.map_or(NOBODY, |player| {
            player.wins = player.wins.saturating_add(1);
            player.slot
        });
        for player in &mut self.players {
            player.tank = None;
        }
        self.missiles.clear();
        self.blasts.clear();
        self.items.clear();
        self.happened.events.push(Event::RoundOver { winner, ticks });
    }

    fn begin_round(&mut self) {
        let ticks = self.rounds.play_ticks;
        self.round.number = self.round.number.saturating_add(1);
        self.round.resting = false;
        self.round.ends += u64::from(ticks);
        for player in &mut self.players {
            (player.score, player.deaths) = (0, 0);
        }
        self.happened.events.push(Event::RoundStart { ticks });
    }
}
