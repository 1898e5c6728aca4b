//! Games whose world fails: it panics, or cannot be restored or run again from its log.
//!
//! What goes wrong without: the process ends, whoever takes the game over ends as well, and one poisoned input walks through
//! the cluster. So the owner gives the game back as it is stored, and the registry counts. Whoever is named by placement
//! claims it, and after a few failures nobody does any more.

use super::handover::{Doubt, Owned, Phase, Then};
use super::{Call, Member};
use crate::{Effect, Time};
use protocol::peer::Control;
use protocol::{Epoch, GameId, Tick};
use registry::{Fence, GameRecord, RegistryError, Reply, Request};

/// The failure is told again after so many microseconds.
const RETRY_US: u64 = 200_000;

impl Owned {
    /// What the registry holds of a game that ticks, or is about to freeze, as far as its owner knows.
    fn held(&self, own: Fence) -> Fence {
        match &self.phase {
            Phase::Freezing {
                then:
                    Then::Bump(expect)
                    | Then::Rebump { expect, .. }
                    | Then::Cede { doubt: Some(Doubt { expect, .. }), .. },
            } => *expect,
            Phase::Provisional { .. } => {
                let ceded = self.ceded.as_ref().map(|ceded| ceded.held);
                ceded.or(self.bumped_over).unwrap_or(own)
            }
            _ => own,
        }
    }
}

impl Member {
    /// A hub has dropped the world of a game that ran here. One that stands still is held by this member as well, or is
    /// another's by now.
    pub(super) fn failed(
        &mut self,
        now: Time,
        game: GameId,
        epoch: Epoch,
        tick: Tick,
        out: &mut Vec<Effect>,
    ) {
        let me = self.me.id;
        let Some(owned) = self.owned.get_mut(&game).filter(|owned| owned.epoch == epoch) else { return };
        let to = match &owned.phase {
            Phase::Frozen { .. } | Phase::Ending { .. } | Phase::Failing { .. } => return,
            Phase::Preparing { to, sent: true, .. }
            | Phase::Freezing { then: Then::Commit(to) | Then::Cede { to, doubt: None } } => Some(*to),
            _ => None,
        };
        let expect = owned.held(Fence { epoch, owner: Some(me) });
        owned.phase =
            Phase::Failing { expect, tick: owned.durable.unwrap_or_default().max(tick), retry: Some(now) };
        if let Some(to) = to {
            out.push(Effect::Send(to, Control::Abort { game, epoch, given: Epoch(0) }));
        }
        self.put_on_board(game);
        out.push(Effect::Stop { game, to: None, goes_on: true });
    }

    /// Telling it twice changes nothing: the answer to the first gives the game another epoch.
    pub(super) fn tell_failure(&mut self, game: GameId, out: &mut Vec<Effect>) {
        let (salt, floor) = (self.salt(), self.highest);
        let (limit, calm_ticks) = (self.settings.failures.max(1), self.settings.calm_ticks);
        let Some(owned) = self.owned.get_mut(&game) else { return };
        let Phase::Failing { expect, tick, retry } = &mut owned.phase else { return };
        *retry = None;
        let (expect, calm_from) = (*expect, Tick(tick.0.saturating_add(calm_ticks)));
        self.call(Call::Fail { game }, Request::Fail { game, expect, calm_from, limit, salt, floor }, out);
    }

    pub(super) fn fail_answered(
        &mut self,
        now: Time,
        game: GameId,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        match reply {
            Ok(Reply::Game(record)) => {
                if record.quarantined {
                    let (epoch, failures) = (record.epoch, record.failures);
                    tracing::error!(%game, %epoch, failures, "quarantined: its world fails again and again");
                }
                self.learn(now, record, out);
            }
            Ok(Reply::Stale(record)) => {
                self.learn(now, record, out);
                // A registry that has lost something: what is there is all that there is.
                self.leave_failed(game);
            }
            Ok(_) => {
                self.leave_failed(game);
                self.forget(game, out);
            }
            Err(_) => {
                if let Some(Owned { phase: Phase::Failing { retry, .. }, .. }) = self.owned.get_mut(&game) {
                    *retry = Some(now.plus(RETRY_US));
                }
            }
        }
    }

    /// Unless there is something to tell.
    fn leave_failed(&mut self, game: GameId) {
        let phase = self.owned.get(&game).map(|owned| &owned.phase);
        if let Some(Phase::Failing { retry: None, .. }) = phase {
            self.owned.remove(&game);
        }
    }

    /// A record came by, with the answer or before it, of a game whose world failed: it is another's or nobody's by now, perhaps
    /// by the request itself, and no request over what was is sent again.
    pub(super) fn failure_told(&mut self, now: Time, record: &GameRecord) {
        let me = self.me.id;
        let Some(owned) = self.owned.get_mut(&record.id) else { return };
        let own = owned.epoch;
        // A write of this member that it had given up was carried out late, or one of those who have ceded the game to it.
        let late = record.base == own && record.owner == Some(me)
            || owned.ceded.as_ref().is_some_and(|ceded| ceded.is_unrun(record));
        let Phase::Failing { expect, retry, .. } = &mut owned.phase else { return };
        let told = Fence { epoch: record.epoch, owner: record.owner };
        if told.epoch <= expect.epoch {
            return;
        }
        if late {
            (*expect, *retry) = (told, Some(now));
        } else {
            self.owned.remove(&record.id);
        }
    }
}
