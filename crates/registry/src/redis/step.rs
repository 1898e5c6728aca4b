//! From requests to commands, and from answers to replies.

use super::{FORGET_MEMBER_MS, RedisSettings, Script, decode, unreadable};
use crate::{
    CAUSES_COUNTED, ClusterRecord, Fence, GameRecord, LogBatch, MOVES_KEPT, MOVES_KNOWN, MemberRecord,
    MemberState, MoveLedger, MoveTally, NotedMove, OTHER_CAUSES, Reason, RegistryError, Reply, Request,
    Snapshot,
};
use bytes::Bytes;
use protocol::{Epoch, GameId, MemberId, Tick};
use redis::{Cmd, Value};
use std::collections::{BTreeMap, HashMap};

/// One command; with the script that it runs, should the server have forgotten it.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) cmd: Cmd,
    pub(super) script: Option<Script>,
}

impl Step {
    pub(super) fn plain(cmd: Cmd) -> Step {
        Step { cmd, script: None }
    }

    fn script(script: Script, keys: &[&str]) -> Step {
        Step { cmd: script.run(keys), script: Some(script) }
    }

    fn arg(mut self, arg: impl redis::ToRedisArgs) -> Step {
        self.cmd.arg(arg);
        self
    }
}

/// Turns the answer of a plan's last step into the reply; told the server's run id.
type Read = Box<dyn FnOnce(Value, &str) -> Result<Reply, RegistryError> + Send>;

/// What a request takes: updates of indexes, then the step itself. No steps at all: the request lists games.
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) read: Read,
}

/// The names of the keys of one cluster.
pub(super) struct Keys {
    prefix: String,
    members: String,
    renewals: String,
    joined: String,
    seen: String,
    counter: String,
    cluster: String,
    beat: String,
    moves: [String; 4],
    pub(super) parked: String,
    pub(super) hints: String,
    /// For a moment, while rights are tried out.
    pub(super) rights: [String; 2],
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Keys {
        let shared = |name| format!("{{{prefix}}}:{name}");
        Keys {
            prefix: prefix.to_owned(),
            members: shared("members"),
            renewals: shared("renewals"),
            joined: shared("joined"),
            seen: shared("seen"),
            counter: shared("counter"),
            cluster: shared("cluster"),
            beat: shared("beat"),
            moves: ["moves", "moves:rollout", "moves:last", "moves:known"].map(shared),
            parked: format!("{prefix}:parked"),
            hints: format!("{prefix}:hints"),
            rights: [shared("rights"), format!("{prefix}:rights")],
        }
    }

    fn record(&self, game: GameId) -> String {
        format!("{}:{{{game}}}:record", self.prefix)
    }

    fn snapshot(&self, game: GameId) -> String {
        format!("{}:{{{game}}}:snapshot", self.prefix)
    }

    fn log(&self, game: GameId) -> String {
        format!("{}:{{{game}}}:log", self.prefix)
    }

    fn games(&self, game: GameId) -> String {
        self.games_part(game.0 >> 60)
    }

    fn games_part(&self, part: u64) -> String {
        format!("{}:games:{{g{part:x}}}", self.prefix)
    }

    pub(super) fn all_games(&self) -> impl Iterator<Item = String> {
        (0..16).map(|part| self.games_part(part))
    }

    pub(super) fn owned(&self, member: MemberId) -> String {
        format!("{}:owned:{{{member}}}", self.prefix)
    }

    pub(super) fn read_record(&self, game: GameId) -> Cmd {
        redis::cmd("HMGET").arg(self.record(game)).arg(&FIELDS).clone()
    }

    /// Takes an entry out of an index if nobody has added it again since.
    pub(super) fn prune(&self, index: &str, game: GameId, added: u64) -> Step {
        Step::script(Script::IndexPrune, &[index]).arg(game.to_string()).arg(added)
    }

    pub(super) fn remove(&self, game: GameId) -> Cmd {
        redis::cmd("HDEL").arg(self.games(game)).arg(game.to_string()).clone()
    }

    fn add(&self, index: &str, expiry_ms: u128, games: impl IntoIterator<Item = GameId>) -> Step {
        let step = Step::script(Script::IndexAdd, &[index]).arg(expiry_ms.to_string());
        games.into_iter().fold(step, |step, game| step.arg(game.to_string()))
    }

    fn member(&self, script: Script, id: MemberId) -> Step {
        let keys =
            [&self.members, &self.renewals, &self.joined, &self.seen, &self.counter].map(String::as_str);
        Step::script(script, &keys).arg(id.to_string())
    }

    fn put(&self, script: Script, id: MemberId, record: &MemberRecord, place: u64) -> Step {
        let record = MemberRecord { id, renewals: 0, joined: 0, ..record.clone() };
        let state = match record.state {
            MemberState::Joining => "joining",
            MemberState::Ready => "ready",
            MemberState::Draining => "draining",
        };
        self.member(script, id).arg(json(&record)).arg(state).arg(&self.hints).arg(place)
    }

    fn game(&self, script: Script, game: GameId) -> Step {
        Step::script(script, &[&self.record(game), &self.snapshot(game), &self.log(game)])
            .arg(game.to_string())
            .arg(&self.hints)
    }

    fn change(&self, script: Script, game: GameId, expect: Fence) -> Step {
        self.game(script, game).arg(expect.epoch.to_string()).arg(text(expect.owner))
    }

    /// What is to be sent for a request.
    pub(super) fn plan(&self, settings: &RedisSettings, request: &Request) -> Result<Plan, RegistryError> {
        let own = |member: &MemberId, game: GameId| {
            self.add(&self.owned(*member), settings.index_expiry.as_millis(), [game])
        };
        Ok(match request {
            Request::Join(record) => {
                let step = self.put(Script::Join, record.id, record, 0).arg(FORGET_MEMBER_MS);
                plan([step], |value, _| Ok(Reply::Joined { joined: decode(value)? }))
            }
            Request::Renew { id, record, games } => {
                let mut parts: BTreeMap<String, Vec<GameId>> = BTreeMap::new();
                for (game, _) in games {
                    parts.entry(self.games(*game)).or_default().push(*game);
                }
                let owned: Vec<GameId> = games.iter().map(|(game, _)| *game).collect();
                let mut steps = Vec::new();
                for (index, games) in parts {
                    steps.extend(games.chunks(settings.batch).map(|some| self.add(&index, 0, some.to_vec())));
                }
                let expiry = settings.index_expiry.as_millis();
                let index = self.owned(*id);
                steps
                    .extend(owned.chunks(settings.batch).map(|some| self.add(&index, expiry, some.to_vec())));
                steps.push(self.put(Script::Renew, *id, record, record.joined));
                plan(steps, |value, run_id| {
                    Ok(Reply::Renewed { renewals: decode(value)?, run_id: run_id.to_owned() })
                })
            }
            Request::Leave(id) => {
                plan([self.member(Script::Leave, *id).arg("").arg("").arg(&self.hints)], done)
            }
            Request::Members => {
                let keys = [&self.members, &self.renewals, &self.joined, &self.cluster, &self.beat]
                    .map(String::as_str);
                plan([Step::script(Script::Members, &keys)], members)
            }
            Request::Games | Request::GamesOf(_) | Request::Parked => plan([], done),
            Request::Game(game) => {
                let game = *game;
                plan([Step::plain(self.read_record(game))], move |value, _| {
                    Ok(record(game, value)?.map_or(Reply::Gone, Reply::Game))
                })
            }
            Request::Create { game, owner, settings: what, snapshot, salt, floor } => {
                let step = self
                    .game(Script::Create, *game)
                    .arg(floor.to_string())
                    .arg(hex(*salt))
                    .arg(owner.to_string())
                    .arg(json(what))
                    .arg(what.rules)
                    .arg(&what.name)
                    .arg(&what.maze_name);
                let step = world(settings, step, snapshot)?;
                change(*game, [self.add(&self.games(*game), 0, [*game]), own(owner, *game), step])
            }
            Request::Claim { game, expect, owner, salt, floor } => {
                let step = self.change(Script::Claim, *game, *expect);
                let step = step.arg(floor.to_string()).arg(hex(*salt)).arg(owner.to_string());
                change(*game, [own(owner, *game), step])
            }
            Request::Assign { game, expect, next, reason } => {
                let reason = match reason {
                    Reason::Move => MOVE.to_owned(),
                    Reason::Dead(evidence) => format!("{DEAD}{evidence}"),
                };
                let step = self.change(Script::Assign, *game, *expect).arg(next.to_string()).arg(reason);
                change(*game, [step])
            }
            Request::CommitMove { game, expect, to: owner, snapshot, salt, floor }
            | Request::Bump { game, expect, owner, snapshot, salt, floor } => {
                let step = self.change(Script::Grant, *game, *expect);
                let step = step.arg(floor.to_string()).arg(hex(*salt)).arg(owner.to_string());
                change(*game, [own(owner, *game), world(settings, step, snapshot)?])
            }
            Request::Park { game, expect, snapshot, salt, floor } => {
                let step = self.change(Script::Grant, *game, *expect);
                let step = step.arg(floor.to_string()).arg(hex(*salt)).arg("");
                change(*game, [self.add(&self.parked, 0, [*game]), world(settings, step, snapshot)?])
            }
            Request::StoreSnapshot { game, expect, snapshot } => {
                let step = self.change(Script::Store, *game, *expect);
                change(*game, [world(settings, step, snapshot)?])
            }
            Request::Append { game, expect, after, batch } => {
                let step = self.change(Script::Append, *game, *expect);
                let step = step.arg(tick(*after)).arg(tick(batch.upto));
                change(*game, [step.arg(encoded(settings, batch)?)])
            }
            Request::Fail { game, expect, calm_from, limit, salt, floor } => {
                let step = self.change(Script::Fail, *game, *expect).arg(floor.to_string()).arg(hex(*salt));
                change(*game, [self.add(&self.parked, 0, [*game]), step.arg(tick(*calm_from)).arg(*limit)])
            }
            Request::Release { game, expect, salt, floor } => {
                let step = self.change(Script::Release, *game, *expect).arg(floor.to_string());
                change(*game, [self.add(&self.parked, 0, [*game]), step.arg(hex(*salt))])
            }
            Request::End { game, expect } => change(*game, [self.change(Script::End, *game, *expect)]),
            Request::PublishCluster(cluster) => {
                let [_, rollout, ..] = &self.moves;
                let step = Step::script(Script::Publish, &[&self.cluster, &self.beat, rollout])
                    .arg(json(cluster))
                    .arg(&self.hints)
                    .arg(&cluster.target_revision);
                plan([step], done)
            }
            Request::NoteMoves(notes) => {
                let step = Step::script(Script::Note, &self.moves.each_ref().map(String::as_str))
                    .arg(settings.index_expiry.as_millis().to_string())
                    .arg(MOVES_KEPT)
                    .arg(MOVES_KNOWN)
                    .arg(CAUSES_COUNTED)
                    .arg(OTHER_CAUSES);
                let step = notes.iter().fold(step, |step, note| {
                    let key = format!("{}:{}", note.game, note.epoch);
                    step.arg(key).arg(&note.cause).arg(note.pause_us).arg(note.ago_ms).arg(json(note))
                });
                plan([step], done)
            }
            Request::Moves => {
                let [ever, rollout, last, _] = self.moves.each_ref().map(String::as_str);
                plan([Step::script(Script::Moves, &[ever, rollout, last])], moves)
            }
        })
    }
}

fn plan(
    steps: impl IntoIterator<Item = Step>,
    read: impl FnOnce(Value, &str) -> Result<Reply, RegistryError> + Send + 'static,
) -> Plan {
    Plan { steps: steps.into_iter().collect(), read: Box::new(read) }
}

fn change(game: GameId, steps: impl IntoIterator<Item = Step>) -> Plan {
    plan(steps, move |value, _| changed(game, value))
}

fn json(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("records have string keys and no failing fields")
}

fn hex(salt: u16) -> String {
    format!("{salt:04x}")
}

fn text(owner: Option<MemberId>) -> String {
    owner.map(|owner| owner.to_string()).unwrap_or_default()
}

fn tick(tick: Tick) -> String {
    format!("{:016x}", tick.0)
}

fn encoded(settings: &RedisSettings, batch: &LogBatch) -> Result<Vec<u8>, RegistryError> {
    let bytes = postcard::to_allocvec(batch).expect("a batch is plain data");
    let (length, limit) = (bytes.len(), settings.snapshot_limit);
    if length > limit {
        return Err(RegistryError::Refused(format!(
            "a log of {length} bytes is over the limit of {limit} bytes"
        )));
    }
    Ok(bytes)
}

/// Epoch, tick, players, bots and bytes of a world, which the scripts take last.
fn world(settings: &RedisSettings, step: Step, snapshot: &Snapshot) -> Result<Step, RegistryError> {
    let (length, limit) = (snapshot.world.len(), settings.snapshot_limit);
    if length > limit {
        return Err(RegistryError::Refused(format!(
            "a world of {length} bytes is over the limit of {limit} bytes"
        )));
    }
    let step = step.arg(snapshot.epoch.to_string()).arg(tick(snapshot.tick));
    Ok(step.arg(snapshot.players).arg(snapshot.bots).arg(&snapshot.world[..]))
}

/// Fields of a record that [`record`] reads, in the order of the scripts.
const FIELDS: [&str; 17] = [
    "epoch",
    "owner",
    "base",
    "next",
    "reason",
    "durable",
    "snapshot",
    "under",
    "rules",
    "name",
    "maze",
    "players",
    "bots",
    "attempts",
    "failures",
    "calm",
    "quarantined",
];

const MOVE: &str = "move";
const DEAD: &str = "dead:";

/// A game's record out of its fields; none where there is no such game.
pub(super) fn record(id: GameId, value: Value) -> Result<Option<GameRecord>, RegistryError> {
    let fields: Vec<Option<String>> = decode(value)?;
    if fields.first().is_none_or(Option::is_none) {
        return Ok(None);
    }
    let wrong = |name: &str| unreadable(format!("field {name} of game {id}"));
    let field = |name: &'static str| {
        let at = FIELDS.iter().position(|field| *field == name);
        at.and_then(|at| fields.get(at)).and_then(Option::as_deref).ok_or_else(|| wrong(name))
    };
    // Missing in a record that an earlier version wrote.
    let later = |name: &'static str, none: &'static str| field(name).unwrap_or(none);
    let epoch = |name| field(name)?.parse::<Epoch>().map_err(|_| wrong(name));
    let tick = |name| u64::from_str_radix(field(name)?, 16).map(Tick).map_err(|_| wrong(name));
    let number = |name| field(name)?.parse::<u16>().map_err(|_| wrong(name));
    let member = |name| match field(name)? {
        "" => Ok(None),
        id => id.parse::<MemberId>().map(Some).map_err(|_| wrong(name)),
    };
    let reason = || match field("reason")? {
        MOVE => Ok(Reason::Move),
        reason => match reason.strip_prefix(DEAD) {
            Some(evidence) => Ok(Reason::Dead(evidence.to_owned())),
            None => Err(wrong("reason")),
        },
    };
    Ok(Some(GameRecord {
        id,
        epoch: epoch("epoch")?,
        owner: member("owner")?,
        base: epoch("base")?,
        next: member("next")?.map(|next| Ok((next, reason()?))).transpose()?,
        durable: tick("durable")?,
        snapshot_tick: tick("snapshot")?,
        snapshot_epoch: epoch("under")?,
        rules: number("rules")?,
        name: field("name")?.to_owned(),
        maze: field("maze")?.to_owned(),
        players: number("players")?,
        bots: number("bots")?,
        attempts: field("attempts")?.parse().map_err(|_| wrong("attempts"))?,
        failures: later("failures", "0").parse().map_err(|_| wrong("failures"))?,
        calm_from: u64::from_str_radix(later("calm", "0"), 16).map(Tick).map_err(|_| wrong("calm"))?,
        quarantined: later("quarantined", "0") == "1",
    }))
}

fn done(_: Value, _: &str) -> Result<Reply, RegistryError> {
    Ok(Reply::Done)
}

fn members(value: Value, run_id: &str) -> Result<Reply, RegistryError> {
    type Numbers = HashMap<String, u64>;
    type Answer = (BTreeMap<String, Bytes>, Numbers, Numbers, Option<Bytes>, Option<u64>);
    let (records, renewals, joined, cluster, beat): Answer = decode(value)?;
    let mut members = Vec::with_capacity(records.len());
    for (id, json) in records {
        let mut record: MemberRecord =
            serde_json::from_slice(&json).map_err(|error| unreadable(format!("member {id}: {error}")))?;
        record.renewals = renewals.get(&id).copied().unwrap_or(0);
        record.joined = joined.get(&id).copied().unwrap_or(0);
        members.push(record);
    }
    members.sort_by_key(|record| record.joined);
    let mut cluster: ClusterRecord = match cluster {
        Some(json) => {
            serde_json::from_slice(&json).map_err(|error| unreadable(format!("cluster: {error}")))?
        }
        None => ClusterRecord::default(),
    };
    cluster.beat = beat.unwrap_or(0);
    Ok(Reply::Members { run_id: run_id.to_owned(), members, cluster })
}

fn moves(value: Value, _: &str) -> Result<Reply, RegistryError> {
    type Answer = (BTreeMap<String, u64>, BTreeMap<String, u64>, Vec<String>);
    let (ever, rollout, last): Answer = decode(value)?;
    let tallies = |numbers: &BTreeMap<String, u64>| {
        let causes =
            numbers.iter().filter_map(|(field, count)| Some((field.strip_prefix("count:")?, *count)));
        let tally = |(cause, count)| {
            let worst_pause_us = numbers.get(&format!("worst:{cause}")).copied().unwrap_or(0);
            (String::from(cause), MoveTally { count, worst_pause_us })
        };
        causes.map(tally).collect()
    };
    // A note of another build may have another form: people miss a line, and nothing else.
    let note = |text: &String| {
        let (at_ms, note) = text.split_once(' ')?;
        Some(NotedMove { at_ms: at_ms.parse().ok()?, note: serde_json::from_str(note).ok()? })
    };
    let last = last.iter().filter_map(note).collect();
    Ok(Reply::Moves(MoveLedger { ever: tallies(&ever), rollout: tallies(&rollout), last }))
}

/// The answer of a script that changes a game.
fn changed(game: GameId, value: Value) -> Result<Reply, RegistryError> {
    let parts: Vec<Value> = decode(value)?;
    let mut parts = parts.into_iter();
    let mut next = || parts.next().ok_or_else(|| unreadable("it is too short"));
    let present = |record: Option<GameRecord>| record.ok_or_else(|| unreadable("the record is missing"));
    match decode::<String>(next()?)?.as_str() {
        "done" => Ok(Reply::Done),
        "game" => Ok(Reply::Game(present(record(game, next()?)?)?)),
        "gone" => Ok(Reply::Gone),
        "behind" => Ok(Reply::Behind(present(record(game, next()?)?)?)),
        "stale" => Ok(Reply::Stale(present(record(game, next()?)?)?)),
        "granted" => {
            let epoch = decode::<String>(next()?)?.parse().map_err(unreadable)?;
            Ok(Reply::Granted { epoch })
        }
        "claimed" => {
            let record = present(record(game, next()?)?)?;
            let settings = serde_json::from_slice(&decode::<Vec<u8>>(next()?)?).map_err(unreadable)?;
            let world = Bytes::from(decode::<Vec<u8>>(next()?)?);
            let GameRecord { snapshot_epoch: epoch, snapshot_tick: tick, players, bots, .. } = record;
            let snapshot = Snapshot { epoch, tick, players, bots, world };
            let log = decode::<Vec<(String, Vec<Bytes>)>>(next()?)?.into_iter().map(|(_, fields)| {
                let batch = fields.get(1).ok_or_else(|| unreadable("a log entry is empty"))?;
                postcard::from_bytes(batch).map_err(unreadable)
            });
            Ok(Reply::Claimed { record, settings, snapshot, log: log.collect::<Result<_, _>>()? })
        }
        "broken" => Err(RegistryError::Refused(format!(
            "the world of game {game} is missing in the registry; may Redis evict keys? set maxmemory-policy to noeviction"
        ))),
        other => Err(unreadable(format!("{other:?} is no answer"))),
    }
}
