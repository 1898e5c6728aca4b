//! Snapshots of owned games: what makes their past durable.
//!
//! What goes wrong without: a crash takes everything back to the last move. A snapshot that the registry refuses as stale
//! is also how an owner that was replaced learns it first.

use super::handover::{Owned, Phase, Then};
use super::{Call, Member};
use crate::placement::mix;
use crate::{Effect, Time};
use protocol::{Epoch, GameId, Tick};
use registry::{Fence, GameRecord, RegistryError, Reply, Request, Snapshot};

impl Member {
    /// When the game's turn to be stored comes next.
    pub(super) fn next_snapshot(&self, now: Time, game: GameId) -> Time {
        let every = self.settings.snapshot_us.max(1);
        let turn = Time((now.0 / every) * every + mix(game.0) % every);
        if turn > now { turn } else { turn.plus(every) }
    }

    /// Asks the hub for a world, each game at its own time within the interval.
    pub(super) fn keep_snapshot(&mut self, now: Time, game: GameId, out: &mut Vec<Effect>) {
        let next = self.next_snapshot(now, game);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        if now < owned.snapshot_due || !matches!(owned.phase, Phase::Running | Phase::Preparing { .. }) {
            return;
        }
        owned.snapshot_due = next;
        if !owned.world_asked && !owned.storing {
            owned.world_asked = true;
            out.push(Effect::TakeSnapshot(game));
        }
    }

    pub(super) fn world(&mut self, now: Time, game: GameId, snapshot: Snapshot, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let asked = std::mem::take(&mut owned.world_asked);
        if matches!(owned.phase, Phase::Provisional { .. }) {
            return self.send_prepare(now, game, &snapshot, out);
        }
        if !matches!(owned.phase, Phase::Running | Phase::Preparing { .. }) {
            return;
        }
        self.send_prepare(now, game, &snapshot, out);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        if owned.storing {
            owned.store_again |= !asked;
            return;
        }
        owned.storing = true;
        let (epoch, tick) = (owned.epoch, snapshot.tick);
        let expect = Fence { epoch, owner: Some(self.me.id) };
        self.call(Call::Store { game, epoch, tick }, Request::StoreSnapshot { game, expect, snapshot }, out);
    }

    pub(super) fn store_answered(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        tick: Tick,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) {
            owned.storing = false;
            let again = std::mem::take(&mut owned.store_again);
            if again && matches!(owned.phase, Phase::Running) && !owned.world_asked {
                owned.world_asked = true;
                out.push(Effect::TakeSnapshot(game));
            }
            match &reply {
                Ok(Reply::Done) => owned.durable = owned.durable.max(Some(tick)),
                // Only the owner ends a game, so that the registry must have lost it.
                Ok(Reply::Gone) if owned.is_put_back() && self.lease.valid(now) => {
                    self.freeze(game, Then::Recreate, out);
                }
                _ => {}
            }
        }
        if let Ok(Reply::Stale(record)) = reply {
            self.write_refused(now, game, epoch, record, out);
        }
    }

    /// A write under that epoch was refused: by a newer ownership, or because the registry has lost this one. One that was restored
    /// from a backup, or failed over without its tail, is set right by a fresh epoch over what it holds.
    pub(super) fn write_refused(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        record: GameRecord,
        out: &mut Vec<Effect>,
    ) {
        let owned = self.owned.get(&game).filter(|owned| owned.epoch == epoch);
        if owned.is_some_and(Owned::is_put_back) && record.epoch < epoch && self.lease.valid(now) {
            let held = Fence { epoch: record.epoch, owner: record.owner };
            return self.freeze(game, Then::Bump(held), out);
        }
        self.learn(now, record, out);
    }

    /// What was not told while the lease had lapsed is not told at all, but with what is stored next: the registry may have lost it.
    pub(super) fn leave_untold(&mut self) {
        for game in std::mem::take(&mut self.owned.untold) {
            if let Some(owned) = self.owned.get_mut(&game) {
                owned.told = owned.durable;
            }
        }
    }

    /// Frames may call durable what is, as long as nobody can have replaced this member.
    pub(super) fn tell_durable(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.lease.valid(now) {
            return;
        }
        for game in std::mem::take(&mut self.owned.untold) {
            let Some(owned) = self.owned.get_mut(&game) else { continue };
            if let Some(durable) = owned.durable.filter(|durable| owned.told < Some(*durable)) {
                owned.told = Some(durable);
                out.push(Effect::Durable(game, durable));
            }
        }
    }
}
