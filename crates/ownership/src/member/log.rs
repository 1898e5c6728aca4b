//! The log of owned games: makes each tick durable soon after it has run.
//!
//! What goes wrong without: a crash takes a game back to its last stored snapshot, though players have seen what came after
//! it. What changed the ticks since is appended to the registry, for all games together, off the way of the ticks: as long
//! as an answer is awaited the next ticks gather, so that the log is written the less often the more there is to write.

use super::handover::{Phase, Then};
use super::{Call, Member};
use crate::ring::RING_FRAMES;
use crate::{Effect, Ran, Time};
use bytes::Bytes;
use protocol::{Epoch, GameId, Tick};
use registry::{Fence, LogBatch, RegistryError, Reply, Request};
use std::collections::BTreeMap;

/// Ticks of a game that wait for the registry at most: more than run between two stored snapshots, from which the log goes on
/// where it has a hole.
const LOG_TICKS: u64 = 250;

/// A game that nobody is in, and nothing happens in, is appended to when so many of its ticks are not durable: whoever takes it
/// over runs them again, with nothing missing. With what runs while Redis does not answer they have to be fewer than the frames
/// that members keep, from which a game goes on as it was shown.
const IDLE_TICKS: u64 = 25;
const _: () = assert!(3 * IDLE_TICKS < RING_FRAMES as u64);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// What is not known to be durable.
    games: BTreeMap<GameId, Ran>,
    /// Appends that are not answered.
    under_way: usize,
}

impl Ran {
    /// One tick; what changed it is empty where nothing did. `people` are in the game.
    pub fn tick(game: GameId, epoch: Epoch, tick: Tick, log: Bytes, people: bool) -> Ran {
        let after = Tick(tick.0.saturating_sub(1));
        let busy = if people || !log.is_empty() { tick } else { Tick(0) };
        let ticks = (!log.is_empty()).then_some((tick, log)).into_iter().collect();
        Ran { game, epoch, after, upto: tick, busy, ticks }
    }

    /// Puts it to what `games` have run before.
    pub fn join(self, games: &mut BTreeMap<GameId, Ran>) {
        match games.get_mut(&self.game) {
            Some(ran) => ran.add(self),
            None => drop(games.insert(self.game, self)),
        }
    }

    /// Adds what has run since. A gap, or another epoch, makes what is there useless.
    fn add(&mut self, ran: Ran) {
        if (self.epoch, self.upto) != (ran.epoch, ran.after) {
            *self = ran;
            return;
        }
        self.upto = ran.upto;
        self.busy = self.busy.max(ran.busy);
        self.ticks.extend(ran.ticks);
        self.forget(Tick(self.upto.0.saturating_sub(LOG_TICKS)));
    }

    /// Up to that tick nothing is to be logged any more.
    fn forget(&mut self, upto: Tick) {
        if upto > self.after {
            self.after = upto;
            self.upto = self.upto.max(upto);
            self.ticks.retain(|(tick, _)| *tick > upto);
        }
    }
}

impl Member {
    /// Hubs have run ticks: they are appended, unless the last ones are still under way.
    pub(super) fn ran(&mut self, now: Time, all: Vec<Ran>, out: &mut Vec<Effect>) {
        for ran in all {
            ran.join(&mut self.log.games);
        }
        if self.log.under_way > 0 || !self.lease.valid(now) {
            return;
        }
        let mut games = std::mem::take(&mut self.log.games);
        games.retain(|game, pending| self.append(*game, pending, out));
        self.log.games = games;
    }

    #[cfg(test)]
    pub(super) fn logged(&self) -> usize {
        self.log.games.values().map(|ran| ran.ticks.len()).sum()
    }

    /// Says whether the game is still one that is logged.
    fn append(&mut self, game: GameId, pending: &mut Ran, out: &mut Vec<Effect>) -> bool {
        let Some(owned) = self.owned.get(&game).filter(|owned| owned.epoch == pending.epoch) else {
            return false;
        };
        let runs = matches!(owned.phase, Phase::Running | Phase::Preparing { .. }) && owned.unread.is_none();
        let Some(after) = owned.durable.filter(|_| runs) else { return true };
        pending.forget(after);
        if pending.busy <= after && pending.upto.0 - pending.after.0 < IDLE_TICKS {
            return true;
        }
        // Where ticks are missing in between a snapshot has to be stored first.
        if pending.after == after && pending.upto > after {
            let (epoch, upto, ticks) = (pending.epoch, pending.upto, pending.ticks.clone());
            let (expect, batch) = (Fence { epoch, owner: Some(self.me.id) }, LogBatch { epoch, upto, ticks });
            self.log.under_way += 1;
            self.call(
                Call::Append { game, epoch, upto },
                Request::Append { game, expect, after, batch },
                out,
            );
        }
        true
    }

    pub(super) fn append_answered(
        &mut self,
        now: Time,
        game: GameId,
        (epoch, upto): (Epoch, Tick),
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        self.log.under_way -= 1;
        if let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) {
            match &reply {
                Ok(Reply::Done) => owned.durable = owned.durable.max(Some(upto)),
                Ok(Reply::Gone) if owned.is_put_back() && self.lease.valid(now) => {
                    self.freeze(game, Then::Recreate, out);
                }
                // The registry has lost what it had: a snapshot brings it up to date, and the log goes on from there.
                Ok(Reply::Behind(_)) => {
                    owned.snapshot_due = now;
                    if let Some(pending) = self.log.games.get_mut(&game) {
                        pending.forget(pending.upto);
                    }
                }
                _ => {}
            }
        }
        if let Ok(Reply::Stale(record)) = reply {
            self.write_refused(now, game, epoch, record, out);
        }
    }
}
