//! The promises, as functions of what happened: told everything, it says what was broken.
//!
//! Knows nothing of how members decide. A broken promise is kept as one sentence; the run ends with the first.

use crate::toy::Toy;
use protocol::{Epoch, GameId, MemberId};
use registry::{Fence, GameRecord, Reply, Request};
use std::collections::{BTreeMap, BTreeSet};

/// A lease may have been renewed between the look that found it lapsed and the claim that followed.
const CLAIM_UNDER_WAY_US: u64 = 2_000_000;

#[derive(Debug, Default)]
struct Run {
    ticker: Option<MemberId>,
    /// First and last tick that was run.
    ticks: Option<(u64, u64)>,
    last_hash: u64,
}

#[derive(Debug)]
struct Planned {
    from: Epoch,
    tick: u64,
    hash: u64,
}

/// What has happened to all games so far.
#[derive(Debug, Default)]
pub struct Oracle {
    runs: BTreeMap<(GameId, Epoch), Run>,
    /// Worlds that existed: (game, tick, hash).
    worlds: BTreeSet<(GameId, u64, u64)>,
    /// By the epoch that a move granted.
    planned: BTreeMap<(GameId, Epoch), Planned>,
    /// Where each ownership started from.
    starts: BTreeMap<(GameId, Epoch), u64>,
    /// What each ownership called durable.
    durable: BTreeMap<(GameId, Epoch), u64>,
    /// The first broken promise.
    pub broken: Option<String>,
}

impl Oracle {
    /// Keeps the first.
    pub fn fail(&mut self, sentence: String) {
        self.broken.get_or_insert(sentence);
    }

    /// A world that nobody ticked: the first of a game.
    pub fn born(&mut self, game: GameId, world: &Toy) {
        self.worlds.insert((game, world.tick, world.hash));
    }

    /// A member starts to own a game with that world.
    pub fn started(&mut self, game: GameId, epoch: Epoch, world: &Toy) {
        if !self.worlds.contains(&(game, world.tick, world.hash)) {
            self.fail(format!(
                "{game} is started under {epoch} from a world at tick {} that never was",
                world.tick
            ));
        }
        let told = self.durable.range((game, Epoch(0))..(game, epoch)).map(|(_, tick)| *tick).max();
        if told.is_some_and(|told| told > world.tick) {
            self.fail(format!(
                "promise 4: {game} was durable up to tick {told:?} and starts again under {epoch} from tick {}",
                world.tick
            ));
        }
        self.starts.insert((game, epoch), world.tick);
    }

    /// Players are told that the game is durable up to there.
    pub fn durable(&mut self, game: GameId, epoch: Epoch, tick: u64) {
        let told = self.durable.entry((game, epoch)).or_default();
        *told = tick.max(*told);
        let above = (game, Epoch(epoch.0 + 1))..(GameId(game.0 + 1), Epoch(0));
        if let Some(((_, later), from)) = self.starts.range(above).find(|(_, from)| **from < tick) {
            let sentence = format!(
                "promise 4: {game} is called durable up to {tick} under {epoch}, {later} began at {from}"
            );
            self.fail(sentence);
        }
    }

    /// A member has run one tick.
    pub fn ticked(&mut self, game: GameId, epoch: Epoch, by: MemberId, before: u64, world: &Toy) {
        let tick = world.tick;
        let run = self.runs.entry((game, epoch)).or_default();
        let mut broken = None;
        if *run.ticker.get_or_insert(by) != by {
            broken =
                Some(format!("promise 1: {game} is ticked under {epoch} by {:?} and by {by}", run.ticker));
        }
        match run.ticks {
            Some((_, last)) if tick != last + 1 || before != run.last_hash => {
                broken = Some(format!(
                    "promise 1: under {epoch} {game} goes from tick {last} to {tick}, or to another world"
                ));
            }
            None if !self.worlds.contains(&(game, tick - 1, before)) => {
                broken =
                    Some(format!("{game} goes on under {epoch} from a world at {} that never was", tick - 1));
            }
            _ => {}
        }
        let first = run.ticks.map_or(tick, |(first, _)| first);
        run.ticks = Some((first, tick));
        run.last_hash = world.hash;
        if first == tick
            && let Some(planned) = self.planned.get(&(game, epoch))
            && (tick != planned.tick + 1 || before != planned.hash)
        {
            broken = Some(format!(
                "promise 5: {game} was moved at tick {}, the new owner's first is {tick}",
                planned.tick
            ));
        }
        let left = self.planned.iter().find(|((moved, _), planned)| *moved == game && planned.from == epoch);
        if let Some((_, planned)) = left.filter(|(_, planned)| tick > planned.tick) {
            broken = Some(format!(
                "promise 5: {game} was moved at tick {}, its old owner runs tick {tick}",
                planned.tick
            ));
        }
        self.worlds.insert((game, tick, world.hash));
        if let Some(broken) = broken {
            self.fail(broken);
        }
    }

    /// The registry has answered a request: what was there before, and after.
    pub fn written(
        &mut self,
        request: &Request,
        reply: &Reply,
        before: Option<&GameRecord>,
        after: Option<&GameRecord>,
    ) {
        let Some((game, expect)) = fence(request) else { return };
        let holds = before.is_some_and(|record| record.epoch == expect.epoch && record.owner == expect.owner);
        let refused = matches!(reply, Reply::Stale(_) | Reply::Gone);
        if !holds && (!refused || before != after) {
            self.fail(format!("promise 3: a write to {game} under {expect:?} went through over {before:?}"));
        }
        let (Some(before), Some(after)) = (before, after) else { return };
        if after.epoch < before.epoch || after.durable < before.durable && after.epoch == before.epoch {
            self.fail(format!("promise 3: {game} goes back in the registry from {before:?} to {after:?}"));
        }
        if let (Request::CommitMove { snapshot, .. }, Reply::Granted { epoch }) = (request, reply) {
            let world = Toy::decode(&snapshot.world);
            let planned = Planned { from: expect.epoch, tick: world.tick, hash: world.hash };
            let ran = self.runs.get(&(game, expect.epoch)).and_then(|run| run.ticks);
            if ran.is_some_and(|(_, last)| last > world.tick) {
                self.fail(format!(
                    "promise 5: {game} is moved with the world of tick {}, {ran:?} were run",
                    world.tick
                ));
            }
            self.planned.insert((game, *epoch), planned);
        }
    }

    /// A claim was granted over a member: when its lease was last known not to hold (by its own clock), if at all.
    pub fn claimed(&mut self, game: GameId, over: MemberId, now: u64, lapsed: Option<u64>) {
        if lapsed.is_none_or(|at| now - at > CLAIM_UNDER_WAY_US) {
            self.fail(format!(
                "promise 8: {game} is claimed from {over}, whose lease has held all the time ({lapsed:?})"
            ));
        }
    }
}

/// The fence of a request that changes a game.
fn fence(request: &Request) -> Option<(GameId, Fence)> {
    match request {
        Request::Claim { game, expect, .. }
        | Request::Assign { game, expect, .. }
        | Request::CommitMove { game, expect, .. }
        | Request::Bump { game, expect, .. }
        | Request::StoreSnapshot { game, expect, .. }
        | Request::Park { game, expect, .. }
        | Request::End { game, expect } => Some((*game, *expect)),
        _ => None,
    }
}

/// As [`fence`], to be changed.
pub fn fence_mut(request: &mut Request) -> Option<(GameId, &mut Fence)> {
    match request {
        Request::Claim { game, expect, .. }
        | Request::Assign { game, expect, .. }
        | Request::CommitMove { game, expect, .. }
        | Request::Bump { game, expect, .. }
        | Request::StoreSnapshot { game, expect, .. }
        | Request::Park { game, expect, .. }
        | Request::End { game, expect } => Some((*game, expect)),
        _ => None,
    }
}
