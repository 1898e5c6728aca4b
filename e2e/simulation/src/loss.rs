//! A registry that loses what it had, and what that excuses: nothing of the games of owners that live and reach it. What
//! an owner could not put back, because it died, stopped or lost the registry itself before it had, is lost.

use crate::cluster::Cluster;
use crate::coverage;
use crate::hub::Own;
use protocol::{GameId, MemberId};
use registry::memory::Store;
use registry::{Reply, Request};

impl Cluster {
    /// It is another one, with what was copied from it before, or with nothing. Whatever was on its way to it is lost.
    pub fn restore(&mut self, copy: bool) {
        let run = format!("run-{}", self.now);
        self.store = self.backup.take().filter(|_| copy).unwrap_or_else(|| Store::new(""));
        self.store.set_run_id(run);
        (self.restored_at, self.oracle.restored) = (self.now, self.now);
        self.note(|| "the registry has lost what it had".into());
        for game in self.games.clone() {
            if self.failed.contains_key(&game) {
                let failures = self.record(game).map_or(0, |record| u32::from(record.failures));
                self.failed.insert(game, failures);
            }
            self.exposed.insert(game);
        }
        self.judge_exposed();
    }

    /// Somebody has all that was called durable of the game, and reaches the registry. Who had more may have died since that
    /// could be reached last.
    fn is_kept(&self, game: GameId) -> bool {
        let Some(server) = self.holder(game).map(|holder| &self.servers[&holder]) else { return false };
        let world = server.hubs.get(&game).and_then(|hub| hub.own.as_ref()).map(|own| own.world.tick);
        world >= self.oracle.told_durable(game) && !server.paused(self.now) && self.now >= server.blind_until
    }

    /// Who holds the newest world of the game.
    pub fn holder(&self, game: GameId) -> Option<MemberId> {
        let tick = |own: &Own| (own.world.tick, own.epoch);
        let holds = self.servers.values().filter(|server| server.alive).filter_map(|server| {
            let own = server.hubs.get(&game)?.own.as_ref()?;
            Some((tick(own), server.id))
        });
        holds.max().map(|(_, id)| id)
    }

    /// That member dies, stops, or reaches the registry no longer: what it has not put back yet is lost.
    pub fn lose_with(&mut self, id: MemberId) {
        for game in self.exposed.clone() {
            if self.holder(game) == Some(id) {
                self.lose(game);
            }
        }
    }

    pub fn lose(&mut self, game: GameId) {
        self.note(|| format!("what the registry lacks of {game} is lost with its owner"));
        self.coverage.count("games lost with the registry and their owner");
        self.exposed.remove(&game);
        self.lost.insert(game);
        self.oracle.lose(game);
    }

    /// Its world has panicked, or what was called durable of it was lost: what becomes of it is its own.
    pub fn is_spared(&self, game: GameId) -> bool {
        self.is_poisoned(game) || self.lost.contains(&game)
    }

    /// Nobody can run it.
    pub fn is_gone(&mut self, game: GameId) -> bool {
        self.lost.contains(&game) && self.record(game).is_none()
    }

    /// Of each game that the registry lacks something of: has it come back, and can it still?
    pub fn judge_exposed(&mut self) {
        for game in self.exposed.clone() {
            let durable = self.record(game).map(|record| record.durable.0);
            if durable.is_some() && durable >= self.oracle.told_durable(game) {
                self.exposed.remove(&game);
            } else if !self.is_kept(game) {
                self.lose(game);
            }
        }
    }

    /// Counts how owners put their games back.
    pub fn count_put_back(&mut self, id: MemberId, request: &Request, reply: &Reply) {
        match (request, reply) {
            (Request::Bump { game, expect, .. }, Reply::Granted { .. })
                if self.epoch_on(id, *game).is_some_and(|own| own > expect.epoch) =>
            {
                self.coverage.branch(coverage::PUT_BACK);
            }
            (Request::Create { game, .. }, Reply::Granted { .. }) if self.epoch_on(id, *game).is_some() => {
                self.coverage.branch(coverage::RECREATED);
            }
            (Request::Append { .. }, Reply::Behind(_)) => self.coverage.branch(coverage::BEHIND),
            _ => {}
        }
    }
}
