//! The registry in memory: for the seeded simulation, for tests, and for a demo whose members share one process.
//!
//! Owns the meaning of each request in its shortest form; [`crate::redis`] must answer the same, which one suite checks
//! for both. [`Store`] has neither clock nor chance of its own.
//!
//! Invariant: a request that answers [`Reply::Stale`] or [`Reply::Gone`] has changed nothing.

use crate::hints::Hints;
use crate::{
    CAUSES_COUNTED, ClusterRecord, Fence, GameRecord, Hint, LogBatch, MOVES_KEPT, MOVES_KNOWN, MemberRecord,
    MoveLedger, NotedMove, OTHER_CAUSES, Registry, RegistryError, Reply, Request, Snapshot,
};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use protocol::peer::{GameSettings, MoveNote};
use protocol::{Epoch, GameId, MemberId, Tick};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A member that has not renewed for so long is swept away when the next one joins. Garbage collection only: who may be
/// replaced is decided by those who watch `renewals`, much earlier. Milliseconds.
pub const FORGET_MEMBER_MS: u64 = 3_600_000;

/// A floor whose high part is at or above this was never granted (it lies in the year 6429) and is ignored, so that no
/// nonsense can use the epochs up.
pub const HIGHEST_FLOOR: u64 = 1 << 47;

/// The epoch that follows: above `previous` and above `floor`, and at least the registry's time.
///
/// `now_ms` is milliseconds since 1970 on the registry's clock, which may run backwards.
pub fn next_epoch(previous: Epoch, floor: Epoch, now_ms: u64, salt: u16) -> Epoch {
    let floor = if floor.high() < HIGHEST_FLOOR { floor.high() + 1 } else { 0 };
    let high = (previous.high() + 1).max(floor).max(now_ms);
    Epoch(high << 16 | u64::from(salt))
}

#[derive(Clone, Debug)]
struct Game {
    record: GameRecord,
    settings: GameSettings,
    snapshot: Snapshot,
    log: Vec<LogBatch>,
}

impl Game {
    fn holds(&self, expect: Fence) -> bool {
        self.record.epoch == expect.epoch && self.record.owner == expect.owner
    }

    /// A new ownership. What it starts from is the state of the epoch before it.
    fn grant(&mut self, epoch: Epoch, owner: Option<MemberId>) {
        self.record.base = self.record.epoch;
        self.record.epoch = epoch;
        self.record.owner = owner;
        self.record.next = None;
    }

    /// From now on the game is this world, whatever was logged.
    fn restart(&mut self, snapshot: Snapshot) {
        self.log.clear();
        self.record.durable = Tick(0);
        self.store(snapshot);
    }

    /// The log goes on from that world, or runs beyond it already.
    fn store(&mut self, snapshot: Snapshot) {
        self.log.retain(|batch| batch.upto > snapshot.tick);
        self.record.durable = self.record.durable.max(snapshot.tick);
        (self.record.snapshot_epoch, self.record.snapshot_tick) = (snapshot.epoch, snapshot.tick);
        (self.record.players, self.record.bots) = (snapshot.players, snapshot.bots);
        self.record.attempts = 0;
        if snapshot.tick >= self.record.calm_from {
            self.calm();
        }
        self.snapshot = snapshot;
    }

    fn calm(&mut self) {
        let record = &mut self.record;
        (record.failures, record.calm_from, record.quarantined) = (0, Tick(0), false);
    }
}

#[derive(Clone, Debug)]
struct Member {
    record: MemberRecord,
    seen_ms: u64,
}

/// Everything that a registry holds. A clone is what a backup or a lagging replica would hold.
#[derive(Clone, Debug, Default)]
pub struct Store {
    run_id: String,
    members: BTreeMap<MemberId, Member>,
    joined: u64,
    games: BTreeMap<GameId, Game>,
    cluster: ClusterRecord,
    moves: MoveLedger,
    known_moves: KnownMoves,
}

/// The last moves that were noted, to know them when they come again.
#[derive(Clone, Debug, Default)]
struct KnownMoves {
    set: BTreeSet<(GameId, Epoch)>,
    order: VecDeque<(GameId, Epoch)>,
}

impl KnownMoves {
    /// False where it was known.
    fn add(&mut self, key: (GameId, Epoch)) -> bool {
        if !self.set.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MOVES_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

impl Store {
    /// An empty registry. `run_id` names this life of it.
    pub fn new(run_id: impl Into<String>) -> Store {
        Store { run_id: run_id.into(), ..Store::default() }
    }

    /// The same data in another life: the registry restarted or failed over.
    pub fn set_run_id(&mut self, run_id: impl Into<String>) {
        self.run_id = run_id.into();
    }

    /// Takes one step at `now_ms` (milliseconds since 1970; may run backwards) and says what changed.
    pub fn apply(&mut self, now_ms: u64, request: Request) -> (Reply, Vec<Hint>) {
        match request {
            Request::Join(record) => {
                let keep = now_ms.saturating_sub(FORGET_MEMBER_MS);
                self.members.retain(|id, member| *id == record.id || member.seen_ms >= keep);
                let (joined, _) = self.put_member(now_ms, MemberRecord { joined: 0, ..record });
                (Reply::Joined { joined }, vec![Hint::Members])
            }
            Request::Renew { id, record, games: _ } => {
                let (_, news) = self.put_member(now_ms, MemberRecord { id, ..record });
                let mut renewals = 0;
                if let Some(member) = self.members.get_mut(&id) {
                    member.record.renewals += 1;
                    renewals = member.record.renewals;
                }
                let hints = if news { vec![Hint::Members] } else { Vec::new() };
                (Reply::Renewed { renewals, run_id: self.run_id.clone() }, hints)
            }
            Request::Leave(id) => {
                let hints = self.members.remove(&id).map(|_| Hint::Members);
                (Reply::Done, hints.into_iter().collect())
            }
            Request::Members => {
                let mut members: Vec<MemberRecord> =
                    self.members.values().map(|member| member.record.clone()).collect();
                members.sort_by_key(|member| member.joined);
                let reply =
                    Reply::Members { run_id: self.run_id.clone(), members, cluster: self.cluster.clone() };
                (reply, Vec::new())
            }
            Request::Games => (self.games(|_| true), Vec::new()),
            Request::GamesOf(owner) => (self.games(|record| record.owner == Some(owner)), Vec::new()),
            Request::Parked => (self.games(|record| record.owner.is_none()), Vec::new()),
            Request::Game(game) => {
                let reply =
                    self.games.get(&game).map_or(Reply::Gone, |game| Reply::Game(game.record.clone()));
                (reply, Vec::new())
            }
            Request::Create { game, owner, settings, snapshot, salt, floor } => {
                if let Some(game) = self.games.get(&game) {
                    return (Reply::Stale(game.record.clone()), Vec::new());
                }
                let epoch = next_epoch(Epoch(0), floor, now_ms, salt);
                let under = if snapshot.epoch == Epoch(0) { epoch } else { snapshot.epoch };
                let snapshot = Snapshot { epoch: under, ..snapshot };
                let record = GameRecord {
                    id: game,
                    epoch,
                    owner: Some(owner),
                    base: Epoch(0),
                    next: None,
                    durable: snapshot.tick,
                    snapshot_tick: snapshot.tick,
                    snapshot_epoch: snapshot.epoch,
                    rules: settings.rules,
                    name: settings.name.clone(),
                    maze: settings.maze_name.clone(),
                    players: snapshot.players,
                    bots: snapshot.bots,
                    attempts: 0,
                    failures: 0,
                    calm_from: Tick(0),
                    quarantined: false,
                };
                self.games.insert(game, Game { record, settings, snapshot, log: Vec::new() });
                (Reply::Granted { epoch }, vec![Hint::Game(game)])
            }
            claim @ Request::Claim { .. } if !claim.is_meant_for(&self.run_id) => {
                (Reply::Another, Vec::new())
            }
            Request::Claim { game: id, .. }
                if let Some(game) = self.games.get(&id).filter(|game| game.record.quarantined) =>
            {
                (Reply::Stale(game.record.clone()), Vec::new())
            }
            Request::Claim { game, expect, owner, salt, floor, run_id: _ } => {
                self.change(game, expect, |game| {
                    game.grant(next_epoch(expect.epoch, floor, now_ms, salt), Some(owner));
                    game.record.attempts = game.record.attempts.saturating_add(1);
                    Reply::Claimed {
                        record: game.record.clone(),
                        settings: game.settings.clone(),
                        snapshot: game.snapshot.clone(),
                        log: game.log.clone(),
                    }
                })
            }
            Request::Assign { game, expect, next, reason } => self.change(game, expect, |game| {
                game.record.next = Some((next, reason));
                Reply::Done
            }),
            Request::CommitMove { game, expect, to: owner, snapshot, salt, floor }
            | Request::Bump { game, expect, owner, snapshot, salt, floor } => {
                self.change(game, expect, |game| {
                    let epoch = next_epoch(expect.epoch, floor, now_ms, salt);
                    game.grant(epoch, Some(owner));
                    game.restart(snapshot);
                    Reply::Granted { epoch }
                })
            }
            Request::Park { game, expect, snapshot, salt, floor } => self.change(game, expect, |game| {
                let epoch = next_epoch(expect.epoch, floor, now_ms, salt);
                game.grant(epoch, None);
                game.restart(snapshot);
                Reply::Granted { epoch }
            }),
            Request::Fail { game, expect, calm_from, limit, salt, floor } => {
                self.change(game, expect, |game| {
                    game.grant(next_epoch(expect.epoch, floor, now_ms, salt), None);
                    let record = &mut game.record;
                    record.failures = record.failures.saturating_add(1);
                    record.calm_from = record.calm_from.max(calm_from);
                    record.quarantined = record.failures >= limit;
                    Reply::Game(record.clone())
                })
            }
            Request::Release { game, expect, salt, floor } => self.change(game, expect, |game| {
                game.grant(next_epoch(expect.epoch, floor, now_ms, salt), None);
                game.calm();
                Reply::Game(game.record.clone())
            }),
            Request::StoreSnapshot { game, expect, snapshot } => {
                let mut news = false;
                let (reply, hints) = self.change(game, expect, |game| {
                    if snapshot.tick > game.record.snapshot_tick {
                        let record = &game.record;
                        news = (record.players, record.bots) != (snapshot.players, snapshot.bots);
                        game.store(snapshot);
                    }
                    Reply::Done
                });
                (reply, if news { hints } else { Vec::new() })
            }
            Request::Append { game, expect, after, batch } => {
                let (reply, _) = self.change(game, expect, |game| {
                    if after > game.record.durable {
                        return Reply::Behind(game.record.clone());
                    }
                    if batch.upto > game.record.durable {
                        game.record.durable = batch.upto;
                        game.log.push(batch);
                    }
                    Reply::Done
                });
                (reply, Vec::new())
            }
            Request::End { game, expect } => {
                let (reply, hints) = self.change(game, expect, |_| Reply::Done);
                if reply == Reply::Done {
                    self.games.remove(&game);
                }
                (reply, hints)
            }
            Request::PublishCluster(cluster) => {
                let cluster = ClusterRecord { beat: self.cluster.beat, ..cluster };
                let news = cluster != self.cluster;
                if cluster.target_revision != self.cluster.target_revision {
                    self.moves.rollout.clear();
                }
                self.cluster = ClusterRecord { beat: cluster.beat + 1, ..cluster };
                (Reply::Done, if news { vec![Hint::Members] } else { Vec::new() })
            }
            Request::NoteMoves(notes) => {
                for note in notes {
                    self.note_move(now_ms, note);
                }
                (Reply::Done, Vec::new())
            }
            Request::Moves => (Reply::Moves(self.moves.clone()), Vec::new()),
        }
    }

    /// Puts a member's description in place, keeping its numbers. Returns its place in the order of joining, and whether
    /// others want to know.
    /// One that is not known keeps the place that it had, if it says so.
    fn put_member(&mut self, seen_ms: u64, mut record: MemberRecord) -> (u64, bool) {
        let id = record.id;
        let news = match self.members.get(&id) {
            Some(Member { record: known, .. }) => {
                (record.renewals, record.joined) = (known.renewals, known.joined);
                known.state != record.state
            }
            None => {
                let place = if record.joined == 0 { self.joined + 1 } else { record.joined };
                self.joined = self.joined.max(place);
                (record.renewals, record.joined) = (0, place);
                true
            }
        };
        let joined = record.joined;
        self.members.insert(id, Member { record, seen_ms });
        (joined, news)
    }

    fn note_move(&mut self, now_ms: u64, note: MoveNote) {
        if !self.known_moves.add((note.game, note.epoch)) {
            return;
        }
        let ledger = &mut self.moves;
        let apart = ledger.ever.contains_key(&note.cause) || ledger.ever.len() < CAUSES_COUNTED;
        let cause = if apart { note.cause.as_str() } else { OTHER_CAUSES };
        for tallies in [&mut ledger.ever, &mut ledger.rollout] {
            let tally = tallies.entry(cause.to_owned()).or_default();
            tally.count += 1;
            tally.worst_pause_us = tally.worst_pause_us.max(note.pause_us);
        }
        ledger.last.insert(0, NotedMove { at_ms: now_ms.saturating_sub(note.ago_ms), note });
        ledger.last.truncate(MOVES_KEPT);
    }

    fn games(&self, wanted: impl Fn(&GameRecord) -> bool) -> Reply {
        Reply::Games(
            self.games.values().map(|game| &game.record).filter(|record| wanted(record)).cloned().collect(),
        )
    }

    /// The fence of every request that changes a game.
    fn change(
        &mut self,
        id: GameId,
        expect: Fence,
        step: impl FnOnce(&mut Game) -> Reply,
    ) -> (Reply, Vec<Hint>) {
        match self.games.get_mut(&id) {
            None => (Reply::Gone, Vec::new()),
            Some(game) if !game.holds(expect) => (Reply::Stale(game.record.clone()), Vec::new()),
            Some(game) => (step(game), vec![Hint::Game(id)]),
        }
    }
}

/// A [`Store`] that the members of one process share, with the wall clock. Clones are handles to the same store.
#[derive(Clone, Debug)]
pub struct Memory {
    store: Arc<Mutex<Store>>,
    hints: Hints,
}

impl Memory {
    /// An empty registry.
    pub fn new() -> Memory {
        Memory::with(Store::new(format!("{:016x}", rand::random::<u64>())))
    }

    /// A registry that holds this already.
    pub fn with(store: Store) -> Memory {
        Memory { store: Arc::new(Mutex::new(store)), hints: Hints::new() }
    }

    #[expect(clippy::disallowed_methods, reason = "as Redis does, for the order of epochs and for people")]
    fn apply(&self, request: Request) -> Reply {
        // A clock before 1970 counts as 1970: the floor and the previous epoch keep the order.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(0);
        let (reply, hints) = self.store.lock().unwrap_or_else(PoisonError::into_inner).apply(now_ms, request);
        for hint in hints {
            self.hints.send(hint);
        }
        reply
    }
}

impl Default for Memory {
    fn default() -> Self {
        Memory::new()
    }
}

#[async_trait]
impl Registry for Memory {
    async fn call(&self, request: Request) -> Result<Reply, RegistryError> {
        Ok(self.apply(request))
    }

    async fn call_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>> {
        requests.into_iter().map(|request| Ok(self.apply(request))).collect()
    }

    fn hints(&self) -> BoxStream<'static, Hint> {
        self.hints.listen()
    }
}
