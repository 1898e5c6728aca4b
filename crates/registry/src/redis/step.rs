//! From requests to commands, and from answers to replies.

use super::told::Told;
use super::{FORGET_MEMBER_MS, RedisSettings, Script, decode, unreadable};
use crate::{
    CAUSES_COUNTED, ClusterRecord, Fence, GameRecord, LogBatch, MOVES_KEPT, MOVES_KNOWN, MemberRecord,
    MemberState, MoveLedger, MoveTally, NotedMove, OTHER_CAUSES, Reason, RegistryError, Reply, Request,
    Snapshot,
};
use bytes::Bytes;
use protocol::{Epoch, GameId, MemberId, Tick};
use redis::{Cmd, ParsingError, Value, from_redis_value};
use std::collections::BTreeMap;

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
    pub(super) told: Told,
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
            told: Told::default(),
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
    pub(super) fn prune(&self, index: &str, game: GameId, added: &str) -> Step {
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
                let told = self.told.clone();
                plan([Step::script(Script::Members, &keys)], move |value, run_id| {
                    members(value, run_id, &told)
                })
            }
            Request::Games | Request::GamesOf(_) | Request::Parked => plan([], done),
            Request::Game(game) => {
                let (game, told) = (*game, self.told.clone());
                plan([Step::plain(self.read_record(game))], move |value, _| {
                    let record = told.take(format_args!("game {game}"), record(game, value)).flatten();
                    Ok(record.map_or(Reply::Gone, Reply::Game))
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
            Request::Claim { game, expect, owner, salt, floor, run_id: _ } => {
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
                let told = self.told.clone();
                plan([Step::script(Script::Moves, &[ever, rollout, last])], move |value, _| {
                    moves(value, &told)
                })
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

/// A text, or the nearest to it: nothing but names may be anything.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields of a hash.
pub(super) fn hash(value: Value) -> Result<BTreeMap<String, String>, ParsingError> {
    let fields: BTreeMap<Vec<u8>, Vec<u8>> = from_redis_value(value)?;
    Ok(fields.into_iter().map(|(field, value)| (lossy(field), lossy(value))).collect())
}

/// A game's record out of its fields; none where there is no such game. Reads whatever `record` in game.lua takes for one.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn record(id: GameId, value: Value) -> Result<Option<GameRecord>, String> {
    let fields: Vec<Option<Vec<u8>>> = from_redis_value(value).map_err(|error| error.to_string())?;
    let fields: Vec<Option<String>> = fields.into_iter().map(|field| field.map(lossy)).collect();
    if fields.iter().all(Option::is_none) {
        return Ok(None);
    }
    let wrong = |name: &str| format!("its field {name}");
    let field = |name: &'static str| {
        let at = FIELDS.iter().position(|field| *field == name);
        at.and_then(|at| fields.get(at)).and_then(Option::as_deref).ok_or_else(|| wrong(name))
    };
    // Missing in a record that an earlier version wrote.
    let later = |name: &'static str, none: &'static str| field(name).unwrap_or(none);
    let hex = |name, text: &str| text.parse::<Epoch>().map_err(|_| wrong(name));
    let epoch = |name| hex(name, field(name)?);
    let tick = |name| epoch(name).map(|digits| Tick(digits.0));
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
        next: member("next")?.map(|next| Ok::<_, String>((next, reason()?))).transpose()?,
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
        calm_from: Tick(hex("calm", later("calm", "0000000000000000"))?.0),
        quarantined: later("quarantined", "0") == "1",
    }))
}

fn done(_: Value, _: &str) -> Result<Reply, RegistryError> {
    Ok(Reply::Done)
}

fn number(numbers: &BTreeMap<String, String>, field: &str) -> u64 {
    numbers.get(field).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn member(id: &str, json: &str) -> Result<MemberRecord, String> {
    let record: MemberRecord = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if record.id.to_string() == id { Ok(record) } else { Err("it is another member's".to_owned()) }
}

fn members(value: Value, run_id: &str, told: &Told) -> Result<Reply, RegistryError> {
    type Answer = (Value, Value, Value, Option<Bytes>, Option<Bytes>);
    let (records, renewals, joined, cluster, beat): Answer = decode(value)?;
    let [records, renewals, joined] = [("members", records), ("renewals", renewals), ("joined", joined)]
        .map(|(key, value)| told.take(key, hash(value)).unwrap_or_default());
    let mut members = Vec::with_capacity(records.len());
    for (id, json) in records {
        // It says it again with its next renewal.
        let Some(record) = told.take(format_args!("member {id}"), member(&id, &json)) else { continue };
        let (renewals, joined) = (number(&renewals, &id), number(&joined, &id));
        members.push(MemberRecord { renewals, joined, ..record });
    }
    members.sort_by_key(|record| record.joined);
    // So does the operator.
    let cluster =
        cluster.and_then(|json| told.take("cluster", serde_json::from_slice::<ClusterRecord>(&json)));
    let beat = beat.and_then(|beat| std::str::from_utf8(&beat).ok()?.parse().ok()).unwrap_or(0);
    let cluster = ClusterRecord { beat, ..cluster.unwrap_or_default() };
    Ok(Reply::Members { run_id: run_id.to_owned(), members, cluster })
}

fn moves(value: Value, told: &Told) -> Result<Reply, RegistryError> {
    let (ever, rollout, last): (Value, Value, Value) = decode(value)?;
    let tallies = |key, value| {
        let numbers = told.take(key, hash(value)).unwrap_or_default();
        let causes = numbers.keys().filter_map(|field| field.strip_prefix("count:"));
        let tally = |cause| {
            let count = number(&numbers, &format!("count:{cause}"));
            let worst_pause_us = number(&numbers, &format!("worst:{cause}"));
            (String::from(cause), MoveTally { count, worst_pause_us })
        };
        causes.map(tally).collect()
    };
    let (ever, rollout) = (tallies("moves", ever), tallies("moves:rollout", rollout));
    // A note of another build may have another form: people miss a line, and nothing else.
    let note = |text: Vec<u8>| {
        let text = lossy(text);
        let (at_ms, note) = text.split_once(' ')?;
        Some(NotedMove { at_ms: at_ms.parse().ok()?, note: serde_json::from_str(note).ok()? })
    };
    let last: Vec<Vec<u8>> = told.take("moves:last", from_redis_value(last)).unwrap_or_default();
    Ok(Reply::Moves(MoveLedger { ever, rollout, last: last.into_iter().filter_map(note).collect() }))
}

/// The answer of a script that changes a game.
fn changed(game: GameId, value: Value) -> Result<Reply, RegistryError> {
    let parts: Vec<Value> = decode(value)?;
    let mut parts = parts.into_iter();
    let mut next = || parts.next().ok_or_else(|| unreadable("it is too short"));
    let record = |value| {
        let record = record(game, value).map_err(unreadable)?;
        record.ok_or_else(|| unreadable("the record is missing"))
    };
    match decode::<String>(next()?)?.as_str() {
        "done" => Ok(Reply::Done),
        "game" => Ok(Reply::Game(record(next()?)?)),
        "gone" => Ok(Reply::Gone),
        "behind" => Ok(Reply::Behind(record(next()?)?)),
        "stale" => Ok(Reply::Stale(record(next()?)?)),
        "granted" => {
            let epoch = decode::<String>(next()?)?.parse().map_err(unreadable)?;
            Ok(Reply::Granted { epoch })
        }
        "claimed" => {
            let mut record = record(next()?)?;
            let settings = serde_json::from_slice(&decode::<Vec<u8>>(next()?)?).map_err(unreadable)?;
            let world = Bytes::from(decode::<Vec<u8>>(next()?)?);
            let GameRecord { snapshot_epoch: epoch, snapshot_tick: tick, players, bots, .. } = record;
            let snapshot = Snapshot { epoch, tick, players, bots, world };
            let entries = decode::<Vec<(String, Vec<Bytes>)>>(next()?)?;
            let entry = |fields: &[Bytes]| postcard::from_bytes::<LogBatch>(fields.get(1)?).ok();
            let log: Vec<LogBatch> = entries.iter().map_while(|(_, fields)| entry(fields)).collect();
            if log.len() < entries.len() {
                // As if what follows had never been written.
                record.durable = log.last().map_or(tick, |batch| batch.upto);
                tracing::warn!(%game, durable = record.durable.0, "the rest of the log cannot be read, and is left out");
            }
            Ok(Reply::Claimed { record, settings, snapshot, log })
        }
        "broken" => Err(RegistryError::Refused(format!(
            "the world of game {game} is missing in the registry, or cannot be read; may Redis evict keys? set maxmemory-policy to noeviction"
        ))),
        other => Err(unreadable(format!("{other:?} is no answer"))),
    }
}
