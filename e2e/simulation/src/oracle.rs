//! The promises, as functions of what happened: told everything, it says what was broken.
//!
//! Knows nothing of how members decide. A broken promise is kept as one sentence; the run ends with the first.

use crate::toy::Toy;
use protocol::{Epoch, GameId, MemberId};
use registry::{Fence, GameRecord, Reply, Request};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Moves from that epoch that that target has called off: the old owner may tick on.
    called_off: BTreeSet<(GameId, Epoch, MemberId)>,
    /// Games and epochs that were moved or parked away: at which tick, and to whom.
    left: BTreeMap<(GameId, Epoch), (u64, Option<MemberId>)>,
    /// Games that were ceded from that epoch: by whom, to whom, and at which tick.
    ceded: BTreeMap<(GameId, Epoch), (MemberId, MemberId, u64)>,
    /// The newest tick of each game that was run.
    newest: BTreeMap<GameId, u64>,
    /// When the registry's record left an epoch, and for which one.
    replaced: BTreeMap<(GameId, Epoch), (u64, Epoch)>,
    /// Members that were told that they do not own the game under that epoch.
    refused: BTreeSet<(GameId, Epoch, MemberId)>,
    /// What each ownership called durable.
    durable: BTreeMap<(GameId, Epoch), u64>,
    /// Games of which something durable was lost with the registry and their owner.
    lost: BTreeSet<GameId>,
    /// When the registry lost what it had: who was replaced before may be named by it again.
    pub restored: u64,
    /// The first broken promise.
    pub broken: Option<String>,
}

impl Oracle {
    /// Keeps the first.
    pub fn fail(&mut self, sentence: String) {
        self.broken.get_or_insert(sentence);
    }

    /// A target says that it will not run what is moved to it from that epoch, or that it will.
    pub fn said(&mut self, game: GameId, from: Epoch, target: MemberId, called_off: bool) {
        if called_off {
            self.called_off.insert((game, from, target));
        } else {
            self.called_off.remove(&(game, from, target));
        }
    }

    /// The game was moved away from that epoch, and the target has called it off.
    pub fn is_called_off(&self, game: GameId, from: Epoch) -> bool {
        let to = self.left.get(&(game, from)).and_then(|(_, to)| *to);
        to.is_some_and(|to| self.called_off.contains(&(game, from, to)))
    }

    /// The ownership under that epoch replaces one that a target had called off, and starts from the world that was moved to
    /// it: that target, and that world's tick.
    pub fn over_called_off(&self, game: GameId, epoch: Epoch) -> Option<(MemberId, u64)> {
        let of_game = self.replaced.range((game, Epoch(0))..(game, epoch));
        let before = of_game.rev().find(|(_, (_, by))| *by == epoch).map(|((_, before), _)| *before)?;
        let Planned { from, tick, .. } = self.planned.get(&(game, before))?;
        let (_, to) = self.left.get(&(game, *from))?;
        to.filter(|_| self.is_called_off(game, *from)).map(|to| (to, *tick))
    }

    /// An owner gives the game away without the registry.
    pub fn cedes(&mut self, game: GameId, epoch: Epoch, by: MemberId, to: MemberId, tick: u64) {
        self.ceded.insert((game, epoch), (by, to, tick));
    }

    /// Whom the game was ceded to from that epoch.
    pub fn ceded_to(&self, game: GameId, epoch: Epoch) -> Option<MemberId> {
        self.ceded.get(&(game, epoch)).map(|(_, to, _)| *to)
    }

    /// Who has ceded the game to that member last.
    pub fn ceded_from(&self, game: GameId, to: MemberId) -> Option<MemberId> {
        let of_game = self.ceded.range((game, Epoch(0))..(GameId(game.0 + 1), Epoch(0)));
        of_game.rev().find(|(_, (_, other, _))| *other == to).map(|(_, (from, ..))| *from)
    }

    /// That one has refused it, or is dead: the old owner may go on.
    pub fn cede_is_off(&mut self, game: GameId, epoch: Epoch) {
        self.ceded.remove(&(game, epoch));
    }

    /// A world that nobody ticked: the first of a game.
    pub fn born(&mut self, game: GameId, world: &Toy) {
        self.worlds.insert((game, world.tick, world.hash));
    }

    /// A member starts to own a game with that world.
    pub fn started(&mut self, game: GameId, epoch: Epoch, world: &Toy) {
        let planned = self.planned.get(&(game, epoch));
        if planned.is_some_and(|planned| self.is_called_off(game, planned.from)) {
            self.fail(format!("promise 1: {game} is started under {epoch} by a target that called it off"));
        }
        if !self.worlds.contains(&(game, world.tick, world.hash)) {
            self.fail(format!(
                "{game} is started under {epoch} from a world at tick {} that never was",
                world.tick
            ));
        }
        let told = self.durable.range((game, Epoch(0))..(game, epoch)).map(|(_, tick)| *tick).max();
        if told.is_some_and(|told| told > world.tick) && !self.lost.contains(&game) {
            self.fail(format!(
                "promise 4: {game} was durable up to tick {told:?} and starts again under {epoch} from tick {}",
                world.tick
            ));
        }
        self.starts.insert((game, epoch), world.tick);
    }

    /// What was called durable of the game is lost.
    pub fn lose(&mut self, game: GameId) {
        self.lost.insert(game);
    }

    /// The newest tick of the game that was called durable.
    pub fn told_durable(&self, game: GameId) -> Option<u64> {
        self.durable.range((game, Epoch(0))..(GameId(game.0 + 1), Epoch(0))).map(|(_, tick)| *tick).max()
    }

    /// Players are told that the game is durable up to there.
    pub fn durable(&mut self, game: GameId, epoch: Epoch, tick: u64) {
        let told = self.durable.entry((game, epoch)).or_default();
        *told = tick.max(*told);
        let above = (game, Epoch(epoch.0 + 1))..(GameId(game.0 + 1), Epoch(0));
        let later = self.starts.range(above).find(|(_, from)| **from < tick);
        if let Some(((_, later), from)) = later.filter(|_| !self.lost.contains(&game)) {
            let sentence = format!(
                "promise 4: {game} is called durable up to {tick} under {epoch}, {later} began at {from}"
            );
            self.fail(sentence);
        }
    }

    /// A tick is run again, as the log says.
    pub fn replayed(&mut self, game: GameId, world: &Toy) {
        if !self.worlds.contains(&(game, world.tick, world.hash)) {
            let tick = world.tick;
            self.fail(format!("promise 7: the log of {game} leads to a world at tick {tick} that never was"));
        }
    }

    /// A member has run one tick.
    /// `resumed`: when that member last went on after it had been stopped for long.
    pub fn ticked(
        &mut self,
        game: GameId,
        epoch: Epoch,
        by: MemberId,
        before: u64,
        world: &Toy,
        resumed: Option<u64>,
    ) {
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
        let called_off = self.is_called_off(game, epoch);
        if let Some((left, _)) = self.left.get(&(game, epoch)).filter(|left| tick > left.0 && !called_off) {
            broken =
                Some(format!("promise 5: {game} was moved at tick {left}, its old owner runs tick {tick}"));
        }
        if let Some((.., ceded)) =
            self.ceded.get(&(game, epoch)).filter(|(from, _, ceded)| *from == by && tick > *ceded)
        {
            broken =
                Some(format!("promise 5: {game} was ceded at tick {ceded}, its old owner runs tick {tick}"));
        }
        let provisional = self
            .called_off
            .range((game, epoch, MemberId(0))..=(game, epoch, MemberId(u64::MAX)))
            .next()
            .is_some();
        if self.refused.contains(&(game, epoch, by)) && !provisional {
            broken = Some(format!(
                "promise 3: {by} was told that it does not own {game} under {epoch}, and runs tick {tick}"
            ));
        }
        let replaced = self.replaced.get(&(game, epoch));
        if let (Some((replaced, _)), Some(resumed)) = (replaced, resumed)
            && *replaced < resumed
            && *replaced >= self.restored
            && !called_off
        {
            broken = Some(format!(
                "rule 18: {by} was replaced at {replaced}, goes on at {resumed} and shows tick {tick} of {game}"
            ));
        }
        let newest = self.newest.entry(game).or_default();
        *newest = tick.max(*newest);
        self.worlds.insert((game, tick, world.hash));
        if let Some(broken) = broken {
            self.fail(broken);
        }
    }

    /// The registry has answered a request: what was there before, and after.
    pub fn written(
        &mut self,
        now: u64,
        request: &Request,
        reply: &Reply,
        before: Option<&GameRecord>,
        after: Option<&GameRecord>,
    ) {
        let Some((game, expect)) = fence(request) else { return };
        let holds = before.is_some_and(|record| record.epoch == expect.epoch && record.owner == expect.owner);
        let refused = matches!(reply, Reply::Stale(_) | Reply::Gone | Reply::Behind(_) | Reply::Another);
        if !holds && (!refused || before != after) {
            self.fail(format!("promise 3: a write to {game} under {expect:?} went through over {before:?}"));
        }
        let (Some(before), Some(after)) = (before, after) else { return };
        if after.epoch < before.epoch || after.durable < before.durable && after.epoch == before.epoch {
            self.fail(format!("promise 3: {game} goes back in the registry from {before:?} to {after:?}"));
        }
        if after.epoch != before.epoch {
            self.replaced.insert((game, before.epoch), (now, after.epoch));
        }
        if let (Request::Park { snapshot, .. }, Reply::Granted { .. }) = (request, reply) {
            self.left.insert((game, expect.epoch), (snapshot.tick.0, None));
        }
        if let (Request::CommitMove { snapshot, to, .. }, Reply::Granted { epoch }) = (request, reply) {
            let world = Toy::decode(&snapshot.world);
            let planned = Planned { from: expect.epoch, tick: world.tick, hash: world.hash };
            self.left.insert((game, expect.epoch), (world.tick, Some(*to)));
            let ran = self.runs.get(&(game, expect.epoch)).and_then(|run| run.ticks);
            let called_off = self.called_off.contains(&(game, expect.epoch, *to));
            if ran.is_some_and(|(_, last)| last > world.tick) && !called_off {
                self.fail(format!(
                    "promise 5: {game} is moved with the world of tick {}, {ran:?} were run",
                    world.tick
                ));
            }
            self.planned.insert((game, *epoch), planned);
        }
    }

    /// The newest tick of a game that anybody has run.
    pub fn last_tick(&self, game: GameId) -> Option<u64> {
        self.newest.get(&game).copied()
    }

    /// What was run of a game beyond that tick is lost.
    pub fn goes_on_from(&mut self, game: GameId, tick: u64) {
        self.newest.insert(game, tick);
    }

    /// An earlier ownership started from that tick, too.
    pub fn began_twice(&self, game: GameId, epoch: Epoch, tick: u64) -> bool {
        let before = self.starts.range((game, Epoch(0))..(game, epoch)).next_back();
        before.is_some_and(|(_, from)| *from == tick)
    }

    /// A member is told that the registry refused a write that it made as the owner under that epoch.
    pub fn refused(&mut self, game: GameId, epoch: Epoch, member: MemberId) {
        self.refused.insert((game, epoch, member));
    }

    /// A member writes as the owner under that epoch.
    pub fn writes(&mut self, game: GameId, epoch: Epoch, member: MemberId) {
        if self.refused.contains(&(game, epoch, member)) {
            self.fail(format!(
                "promise 3: {member} was told that it does not own {game} under {epoch}, and writes again"
            ));
        }
        if self.ceded.get(&(game, epoch)).is_some_and(|(by, ..)| *by == member) {
            self.fail(format!("promise 3: {member} has ceded {game} under {epoch}, and writes again"));
        }
    }
}

/// The fence of a request that changes a game.
pub fn fence(request: &Request) -> Option<(GameId, Fence)> {
    match request {
        Request::Claim { game, expect, .. }
        | Request::Assign { game, expect, .. }
        | Request::CommitMove { game, expect, .. }
        | Request::Bump { game, expect, .. }
        | Request::StoreSnapshot { game, expect, .. }
        | Request::Append { game, expect, .. }
        | Request::Park { game, expect, .. }
        | Request::Fail { game, expect, .. }
        | Request::End { game, expect } => Some((*game, *expect)),
        _ => None,
    }
}

/// As [`fence`], to be changed.
pub fn fence_mut(request: &mut Request) -> Option<&mut Fence> {
    match request {
        Request::Claim { expect, .. }
        | Request::Assign { expect, .. }
        | Request::CommitMove { expect, .. }
        | Request::Bump { expect, .. }
        | Request::StoreSnapshot { expect, .. }
        | Request::Append { expect, .. }
        | Request::Park { expect, .. }
        | Request::Fail { expect, .. }
        | Request::End { expect, .. } => Some(expect),
        _ => None,
    }
}
