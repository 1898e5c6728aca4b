//! An input that a world cannot bear: whoever applies it panics, as a hub that contains the panic tells its machine. All other
//! games go on as if nothing had happened; of the poisoned one only what no member may do is judged.

use crate::cluster::Cluster;
use crate::coverage;
use crate::plan::Poison;
use crate::server::short;
use crate::toy::Press;
use ownership::Event;
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::{GameRecord, Request};

/// Failures after which nobody may run a game, as members are set up.
const FAILURES: u32 = 3;

impl Cluster {
    /// Whether a world panics that applies those; `again`: they were applied before.
    pub fn panics(&self, game: GameId, presses: &[Press], again: bool) -> bool {
        let Some(Poison { client, seq, again: only_again }) = self.plan.poison else { return false };
        let client = &self.clients[client];
        let poison = |press: &Press| press.player == client.player && press.seq >= seq;
        client.game == game && (again || !only_again) && presses.iter().any(poison)
    }

    /// Its world has panicked, or may: what becomes of it is its own.
    pub fn is_poisoned(&self, game: GameId) -> bool {
        self.failed.contains_key(&game)
    }

    /// The hub drops the world.
    pub fn fails(&mut self, id: MemberId, game: GameId, epoch: Epoch, tick: u64, again: bool) {
        self.count("poisoned input");
        self.note(|| format!("{}: the world of {game} panics at tick {tick}", short(id)));
        self.coverage.branch(if again { coverage::FAILED_AGAIN } else { coverage::FAILED });
        self.failed.entry(game).or_default();
        if self.exposed.contains(&game) && self.holder(game) == Some(id) {
            self.lose(game);
        }
        let hub = self.hub(id, game);
        hub.own = None;
        hub.generation += 1;
        self.deliver(id, self.now, Event::Failed { game, epoch, tick: Tick(tick) });
    }

    /// The registry was told of it.
    pub fn judge_failure(&mut self, game: GameId, record: &GameRecord) {
        *self.failed.entry(game).or_default() += 1;
        if record.quarantined {
            self.coverage.branch(coverage::QUARANTINED);
        }
    }

    /// A world that failed too often is started nowhere.
    pub fn judge_poisoned_start(&mut self, id: MemberId, game: GameId) {
        let failures = self.failed.get(&game).copied().unwrap_or(0);
        if failures >= FAILURES {
            self.oracle
                .fail(format!("rule 20: {} starts {game}, which has failed {failures} times", short(id)));
        }
    }

    /// What a member says about a failure when a rule is broken on purpose.
    pub fn distort_failure(request: &mut Request) {
        if let Request::Fail { limit, .. } = request {
            *limit = u8::MAX;
        }
    }

    /// Nobody is to run it.
    pub fn is_quarantined(&mut self, game: GameId) -> bool {
        self.is_poisoned(game) && self.record(game).is_some_and(|record| record.quarantined)
    }
}
