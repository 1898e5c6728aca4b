//! The beginning and the end of a game.

use super::handover::Phase;
use super::{Call, Member};
use crate::{Effect, Time};
use protocol::GameId;
use protocol::peer::GameSettings;
use registry::{Fence, MemberState, RegistryError, Reply, Request, Snapshot};

/// The end of a game is told again after so many microseconds.
const RETRY_US: u64 = 200_000;

impl Member {
    pub(super) fn create(
        &mut self,
        now: Time,
        game: GameId,
        settings: GameSettings,
        snapshot: Snapshot,
        out: &mut Vec<Effect>,
    ) {
        let refusal = match self.me.state {
            MemberState::Draining => Some("this server is leaving: try again, another one will answer"),
            MemberState::Joining => Some("this server is still starting: try again in a moment"),
            MemberState::Ready if !self.lease.valid(now) => {
                Some("the registry cannot be reached: running games go on, try again later")
            }
            MemberState::Ready if !self.steps(settings.rules) => {
                Some("this server cannot run that version of the rules")
            }
            MemberState::Ready => None,
        };
        if let Some(reason) = refusal {
            out.push(Effect::CreateFailed(game, reason.into()));
            return;
        }
        let (salt, floor) = (self.salt(), self.highest);
        let call = Call::Create { game, settings: settings.clone(), snapshot: snapshot.clone() };
        let owner = self.me.id;
        self.creating.insert(game);
        self.call(call, Request::Create { game, owner, settings, snapshot, salt, floor }, out);
    }

    pub(super) fn create_answered(
        &mut self,
        now: Time,
        game: GameId,
        settings: GameSettings,
        snapshot: Snapshot,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        self.creating.remove(&game);
        self.view.changed.insert(game);
        let reason = match reply {
            Ok(Reply::Granted { epoch }) if !self.owned.contains_key(&game) => {
                self.own(now, game, epoch, settings.clone(), snapshot.tick);
                self.ask_for(game, out);
                out.push(Effect::Created(game));
                let (durable, snapshot) = (snapshot.tick, Some(snapshot));
                out.push(Effect::Start {
                    game,
                    epoch,
                    settings,
                    base: epoch,
                    snapshot,
                    log: Vec::new(),
                    durable,
                    due: now,
                    rewind: false,
                });
                return;
            }
            Ok(_) => "a game of that id exists already: try again".to_owned(),
            // If it was created all the same, this member finds it among its own and runs it.
            Err(error) => format!("the game may not have been created: {error}; look for it, or try again"),
        };
        out.push(Effect::CreateFailed(game, reason));
    }

    /// Nobody is in the game any more. A game on the move goes on: its next owner will find it empty, too.
    pub(super) fn over(&mut self, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        if !matches!(owned.phase, Phase::Running) {
            return;
        }
        owned.phase = Phase::Ending { retry: None };
        out.push(Effect::Stop { game, to: None, goes_on: false });
        self.tell_end(game, out);
    }

    /// Telling it twice changes nothing: the fence is that of an ownership under which nothing else will be written.
    pub(super) fn tell_end(&mut self, game: GameId, out: &mut Vec<Effect>) {
        let Some(owned) = self.owned.get_mut(&game) else { return };
        owned.phase = Phase::Ending { retry: None };
        let expect = Fence { epoch: owned.epoch, owner: Some(self.me.id) };
        self.call(Call::End { game }, Request::End { game, expect }, out);
    }

    pub(super) fn end_answered(
        &mut self,
        now: Time,
        game: GameId,
        reply: Result<Reply, RegistryError>,
        out: &mut Vec<Effect>,
    ) {
        let own = self.owned.get(&game).map(|owned| owned.epoch);
        match reply {
            // It has lost this ownership, and another one would run the game on.
            Ok(Reply::Stale(record)) if own.is_some_and(|own| record.epoch < own) => {
                let expect = Fence { epoch: record.epoch, owner: record.owner };
                self.call(Call::End { game }, Request::End { game, expect }, out);
            }
            Ok(reply) => {
                self.owned.remove(&game);
                match reply {
                    Reply::Stale(record) => self.learn(now, record, out),
                    _ => self.forget(game, out),
                }
            }
            Err(_) => {
                if let Some(owned) = self.owned.get_mut(&game) {
                    owned.phase = Phase::Ending { retry: Some(now.plus(RETRY_US)) };
                }
            }
        }
    }
}
