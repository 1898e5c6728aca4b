//! The registry in Redis 6.2 or later: one server at one address, or the master that sentinels name; no cluster mode.
//!
//! Owns keys, scripts and connections. What each request means is written down by [`crate::memory`], in Rust; the scripts
//! in `redis/` say the same in Lua, and one suite holds both to it.
//!
//! `P` is the prefix of the cluster, `G` a game, `M` a member, `S` the first digit of a game's id. What is changed by one
//! script shares a hash tag (the part in braces). Epochs, ticks and ids are 16 hex digits.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `{P}:members` | hash `M` -> JSON | [`crate::MemberRecord`], its numbers left out |
//! | `{P}:renewals` | hash `M` -> number | times that the lease was renewed |
//! | `{P}:joined` | hash `M` -> number | place in the order of joining |
//! | `{P}:seen` | hash `M` -> ms | Redis's time of the last renewal, for sweeping only |
//! | `{P}:counter` | number | the last place that was given |
//! | `{P}:cluster` | JSON | [`crate::ClusterRecord`], its beat left out |
//! | `{P}:beat` | number | times that it was published |
//! | `{P}:moves` | hash | [`crate::MoveLedger::ever`]: `count:CAUSE`, `worst:CAUSE`; and `noted`: moves that were counted |
//! | `{P}:moves:rollout` | hash | [`crate::MoveLedger::rollout`]: `count:CAUSE`, `worst:CAUSE` |
//! | `{P}:moves:last` | list | [`crate::MoveLedger::last`]: milliseconds, space, JSON |
//! | `{P}:moves:known` | sorted set `G:epoch` | moves that were counted, by their number |
//! | `P:{G}:record` | hash | `epoch owner base next reason durable snapshot under rules name maze players bots attempts failures calm quarantined settings` |
//! | `P:{G}:snapshot` | bytes | the world at tick `snapshot`, run under epoch `under`, of the record |
//! | `P:{G}:log` | stream | [`crate::LogBatch`] (postcard) by its last tick (id: high and low half); above `snapshot`, up to `durable` |
//! | `P:games:{gS}` | hash `G` -> ms | index of all games, in 16 parts |
//! | `P:owned:{M}` | hash `G` -> ms | index of the games of a member |
//! | `P:parked` | hash `G` -> ms | index of the games without an owner |
//! | `P:hints` | channel | `members` or `G` |
//! | `{P}:rights`, `P:rights` | any | within one script, when a connection is made: whether the user may do all that is needed |
//!
//! Requests that look through the directory ([`Request::lists`]) have a connection of their own, so that no change of a game
//! waits behind a long answer; it serves only while both are with the same life of the same server.
//!
//! Invariant: a key of another type, or with something in it that cannot be read, is as if it were not there. Scripts find that
//! out before they write; whoever may write there writes it anew. Another build may be able to read it, so nothing else is
//! done about it.
//!
//! Invariant: an index is a superset of what the records say. A game is added before the step that makes it belong there
//! (in the same write to the socket) and again with each renewal; an entry that the record does not bear out is taken out
//! only when it was added more than [`RedisSettings::index_keep`] ago, and not since it was read.

mod link;
mod place;
mod script;
mod step;
mod told;

use crate::hints::Hints;
use crate::memory::FORGET_MEMBER_MS;
use crate::{GameRecord, Hint, Registry, RegistryError, Reply, Request};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use link::{Link, Live, Subscription};
use protocol::{GameId, MemberId};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value, from_redis_value};
use script::Script;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use step::{Keys, Plan, Step};

/// How to reach Redis, and for how long to wait for it.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://[user:password@]host:port[/db]`, or
    /// `redis+sentinel://[user:password@]host[:port][,host[:port]...]/master[/db]` with `?sentinel_username=` and
    /// `sentinel_password=` where the sentinels want their own; `rediss` instead of `redis` for TLS (to both).
    pub url: String,
    /// Certificates in PEM; with TLS one of these must have signed that of Redis. Default: the public ones.
    pub ca: Option<String>,
    /// Beginning of all keys: 1 to 128 visible ASCII characters without braces. Clusters with different prefixes can share
    /// one Redis.
    pub prefix: String,
    /// For a connection to stand and be checked. Default 500 ms.
    pub connect_timeout: Duration,
    /// For the answer to one request, or to one batch of them. The connection is replaced when it passes. Default 200 ms.
    pub reply_timeout: Duration,
    /// Pause before the second attempt to reconnect; doubles. Default 20 ms.
    pub reconnect_min: Duration,
    /// Longest pause between two attempts to reconnect. Default 250 ms.
    pub reconnect_max: Duration,
    /// Between two TCP probes of an idle connection. Whole seconds. Default 1 s.
    pub keepalive: Duration,
    /// Longest world that is stored, and longest batch of a log, in bytes. Default 1 MiB.
    pub snapshot_limit: usize,
    /// Commands that are sent before their answers are awaited. Default 500.
    pub batch: usize,
    /// How long an entry of an index stays although the record does not bear it out. Default 60 s.
    pub index_keep: Duration,
    /// When the index of a member that renews no more expires, and the ledger of moves once nothing moves. Default 30 days.
    pub index_expiry: Duration,
}

impl RedisSettings {
    /// With the defaults.
    pub fn new(url: impl Into<String>, prefix: impl Into<String>) -> RedisSettings {
        RedisSettings {
            url: url.into(),
            ca: None,
            prefix: prefix.into(),
            connect_timeout: Duration::from_millis(500),
            reply_timeout: Duration::from_millis(200),
            reconnect_min: Duration::from_millis(20),
            reconnect_max: Duration::from_millis(250),
            keepalive: Duration::from_secs(1),
            snapshot_limit: 1 << 20,
            batch: 500,
            index_keep: Duration::from_secs(60),
            index_expiry: Duration::from_secs(30 * 24 * 3600),
        }
    }

    fn check(&self) -> Result<(), ConnectError> {
        let fits = |c: u8| c.is_ascii_graphic() && c != b'{' && c != b'}';
        if self.prefix.is_empty() || self.prefix.len() > 128 || !self.prefix.bytes().all(fits) {
            return Err(ConnectError::Prefix);
        }
        if self.batch == 0 { Err(ConnectError::Batch) } else { Ok(()) }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("RedisSettings").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Why there is no registry at that address. Never shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Not the URL of a Redis.
    #[error(
        "this is not the URL of a Redis ({0}); write it as redis://[user:password@]host:port, or \
         redis+sentinel://[user:password@]host:port,host:port/master-name; rediss for TLS"
    )]
    Url(String),
    /// Not certificates.
    #[error("this is not the CA of a Redis ({0}); certificates in PEM are wanted")]
    Ca(String),
    /// It would not be looked at.
    #[error("there is a CA for Redis, but its URL does not ask for TLS; begin it with rediss")]
    CaWithoutTls,
    /// Not a prefix.
    #[error("the prefix of the Redis keys must be 1 to 128 visible ASCII characters, without braces")]
    Prefix,
    /// A batch of nothing.
    #[error("the number of commands in a batch must be at least 1")]
    Batch,
    /// Nobody answers there.
    #[error("cannot reach Redis at {address}: {why}; is it running, and are host and port right?")]
    Unreachable {
        /// `host:port`.
        address: String,
        /// The system's words.
        why: String,
    },
    /// Somebody is there but says nothing.
    #[error(
        "no answer from Redis at {address} within {after:?}; is it overloaded, or is that another service?"
    )]
    Silent {
        /// `host:port`.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// Something else answers there.
    #[error("what answers at {address} is not Redis; are host and port right?")]
    NotRedis {
        /// `host:port`.
        address: String,
    },
    /// Scripts would not work there.
    #[error("Redis at {address} has version {version}; 6.2 or later is needed")]
    TooOld {
        /// `host:port`.
        address: String,
        /// As it calls itself.
        version: String,
    },
    /// Somebody else's certificate, or none that counts.
    #[error(
        "the certificate of Redis at {address} is not accepted: {why}; is the CA the one that signed it, and does it \
         name this host?"
    )]
    Certificate {
        /// `host:port`.
        address: String,
        /// The words of the TLS library.
        why: String,
    },
    /// A sentinel where Redis itself was expected.
    #[error(
        "what answers at {address} is a sentinel; write the URL as redis+sentinel://[user:password@]host:port/master-name"
    )]
    Sentinel {
        /// `host:port`.
        address: String,
    },
    /// Redis itself where a sentinel was expected.
    #[error("what answers at {address} is no sentinel; write the URL as redis://[user:password@]host:port")]
    NotSentinel {
        /// `sentinel host:port`.
        address: String,
    },
    /// The sentinels watch something else.
    #[error("the {address} knows no master of the name {master}; is the name right?")]
    NoMaster {
        /// `sentinel host:port`.
        address: String,
        /// The name.
        master: String,
    },
    /// Cluster mode.
    #[error(
        "Redis at {address} runs in {mode} mode, which is not supported; give the address of a standalone primary"
    )]
    Mode {
        /// `host:port`.
        address: String,
        /// As it calls it.
        mode: String,
    },
    /// It takes no writes.
    #[error("Redis at {address} is a read-only replica; the address of its primary is needed")]
    Replica {
        /// `host:port`.
        address: String,
    },
    /// No password given, one wanted.
    #[error(
        "Redis at {address} needs a password; write it into the URL: redis://:password@host:port, \
         and for sentinels ?sentinel_password=password at the end"
    )]
    NeedsPassword {
        /// `host:port`.
        address: String,
    },
    /// Not that password.
    #[error("Redis at {address} does not accept this user and password; check those in the URL")]
    WrongPassword {
        /// `host:port`.
        address: String,
    },
    /// The user may not do what is needed.
    #[error(
        "the user may not do all that is needed in Redis at {address}: {why}; give it the rights that \
         docs/operations.md lists, on the keys and the channel of the prefix"
    )]
    NoPermission {
        /// `host:port`.
        address: String,
        /// Its words.
        why: String,
    },
    /// It has only just started.
    #[error("Redis at {address} is still loading its data; try again soon")]
    Loading {
        /// `host:port`.
        address: String,
    },
    /// Any other refusal.
    #[error("Redis at {address} refused the connection: {why}")]
    Refused {
        /// `host:port`.
        address: String,
        /// Its words.
        why: String,
    },
}

impl ConnectError {
    /// Whether the same settings may work later: nobody there yet, or busy.
    pub fn may_pass(&self) -> bool {
        use ConnectError::{Loading, NoMaster, Refused, Replica, Silent, Unreachable};
        matches!(
            self,
            Unreachable { .. }
                | Silent { .. }
                | Loading { .. }
                | Replica { .. }
                | NoMaster { .. }
                | Refused { .. }
        )
    }
}

/// A registry in Redis. Clones are handles to the same two connections, which are replaced when they break; while there is
/// none, requests are refused at once.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    settings: RedisSettings,
    keys: Keys,
    /// For changes, for what is read of single games, and for hints.
    link: Link,
    /// For what [`Request::lists`].
    listings: Link,
    hints: Hints,
}

impl Redis {
    /// Connects, checks what answers there, and keeps connected until the last clone is dropped.
    ///
    /// # Errors
    /// A sentence that says what is wrong. [`ConnectError::may_pass`] says whether to try again.
    pub async fn connect(settings: RedisSettings) -> Result<Redis, ConnectError> {
        settings.check()?;
        let keys = Keys::new(&settings.prefix);
        let hints = Hints::new();
        let subscription = Subscription { channel: keys.hints.clone(), hints: hints.clone() };
        let link = Link::open(&settings, Some(subscription)).await?;
        let listings = Link::open(&settings, None).await?;
        Ok(Redis(Arc::new(Inner { settings, keys, link, listings, hints })))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.settings).finish()
    }
}

#[async_trait]
impl Registry for Redis {
    async fn call(&self, request: Request) -> Result<Reply, RegistryError> {
        self.0.call_all(vec![request]).await.pop().expect("one reply for each request")
    }

    async fn call_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>> {
        self.0.call_all(requests).await
    }

    fn hints(&self) -> BoxStream<'static, Hint> {
        self.0.hints.listen()
    }
}

/// What the bytes say that Redis answers to a request which lists no games: the decoder alone, for those who try it out.
///
/// # Errors
/// They cannot be read, or are a refusal.
pub fn read(request: &Request, answer: &[u8]) -> Result<Reply, RegistryError> {
    let answer = redis::parse_redis_value(answer).map_err(unreadable)?;
    let Plan { read, .. } = Keys::new("").plan(&RedisSettings::new("", ""), request)?;
    read(answer, "")
}

/// Which index is read, and what a record must say to be in the answer.
#[derive(Clone, Copy)]
enum Listing {
    All,
    Of(MemberId),
    Parked,
}

impl Inner {
    /// Independent steps: those that fit into one write go first, the ones that look through the directory after them.
    async fn call_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>> {
        let (listings, steps): (Vec<_>, Vec<_>) =
            requests.into_iter().enumerate().partition(|(_, request)| request.lists());
        let mut replies = Vec::with_capacity(listings.len() + steps.len());
        let (places, steps): (Vec<usize>, Vec<Request>) = steps.into_iter().unzip();
        if !steps.is_empty() {
            replies.extend(places.into_iter().zip(self.change_all(steps).await));
        }
        for (place, request) in listings {
            replies.push((place, self.look(request).await));
        }
        replies.sort_unstable_by_key(|(place, _)| *place);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// In one write.
    async fn change_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>> {
        let live = match self.link.live() {
            Ok(live) => live,
            Err(why) => return requests.iter().map(|_| Err(RegistryError::Refused(why.clone()))).collect(),
        };
        // A connection is with one life of one server.
        let plan = |request: &Request| {
            request.is_meant_for(&live.run_id).then(|| self.keys.plan(&self.settings, request)).transpose()
        };
        let plans: Vec<_> = requests.iter().map(plan).collect();
        let steps: Vec<Step> =
            plans.iter().flatten().flatten().flat_map(|plan| plan.steps.iter()).cloned().collect();
        let mut answers = self.run(&live, steps).await.into_iter();
        let mut replies = Vec::with_capacity(requests.len());
        for (plan, request) in plans.into_iter().zip(requests) {
            let reply = plan.and_then(|plan| {
                let Some(Plan { steps, read }) = plan else { return Ok(Reply::Another) };
                let mut own: Vec<_> = answers.by_ref().take(steps.len()).collect();
                let last = own.pop().expect("one answer for each step, and each change takes at least one");
                for error in own.into_iter().filter_map(Result::err) {
                    tracing::warn!(%error, "an index of the registry was not updated");
                }
                read(last?, &live.run_id)
            });
            if let (Request::End { game, .. }, Ok(Reply::Done)) = (&request, &reply) {
                self.forget(&live, *game).await;
            }
            replies.push(reply);
        }
        replies
    }

    /// The connection for what looks through the directory. It never writes, so that it alone would not learn that its
    /// server is the primary no more, and would show what stands still there as the truth: it serves only while the other
    /// one is with the same life of the same server.
    fn reader(&self) -> Result<Live, String> {
        let (writer, reader) = (self.link.live()?, self.listings.live()?);
        if writer.run_id == reader.run_id {
            return Ok(reader);
        }
        if writer.since < reader.since {
            writer.replace()
        } else {
            reader.replace()
        }
        Err("the connections to Redis reach different servers; the older one is being replaced".into())
    }

    /// Looks through the directory, on the connection that is there for it.
    async fn look(&self, request: Request) -> Result<Reply, RegistryError> {
        let live = self.reader().map_err(RegistryError::Refused)?;
        match request {
            Request::Games => self.list(&live, Listing::All).await,
            Request::GamesOf(member) => self.list(&live, Listing::Of(member)).await,
            Request::Parked => self.list(&live, Listing::Parked).await,
            request => {
                let Plan { steps, read } = self.keys.plan(&self.settings, &request)?;
                let answer = self.run(&live, steps).await.pop().expect("it takes a step");
                read(answer?, &live.run_id)
            }
        }
    }

    /// Sends steps, at most a batch before answers are awaited; one answer for each.
    async fn run(&self, live: &Live, steps: Vec<Step>) -> Vec<Result<Value, RegistryError>> {
        let mut answers = Vec::with_capacity(steps.len());
        for batch in steps.chunks(self.settings.batch) {
            if let Some(Err(error @ RegistryError::Unanswered(_))) = answers.last() {
                // The connection is gone: what was not sent was not done.
                let why = format!("not sent, for an earlier request was not answered: {error}");
                answers.extend(batch.iter().map(|_| Err(RegistryError::Refused(why.clone()))));
                continue;
            }
            answers.extend(self.run_batch(live, batch).await);
        }
        answers
    }

    async fn run_batch(&self, live: &Live, steps: &[Step]) -> Vec<Result<Value, RegistryError>> {
        let first = match self.send(live, steps.iter().map(|step| step.cmd.clone())).await {
            Ok(answers) => answers,
            Err(error) => return steps.iter().map(|_| Err(error.clone())).collect(),
        };
        // A step whose script the server has forgotten was not taken: load and send again just those.
        let unknown: Vec<usize> = (0..steps.len()).filter(|at| is_no_script(&first[*at])).collect();
        let mut answers: Vec<_> =
            steps.iter().zip(first).map(|(step, answer)| judge(live, step, answer)).collect();
        if unknown.is_empty() {
            return answers;
        }
        let loads = unknown.iter().filter_map(|at| steps[*at].script).map(Script::load);
        let again = unknown.iter().map(|at| steps[*at].cmd.clone());
        match self.send(live, loads.chain(again)).await {
            Ok(second) => {
                let skip = second.len() - unknown.len();
                for (at, answer) in unknown.into_iter().zip(second.into_iter().skip(skip)) {
                    answers[at] = judge(live, &steps[at], answer);
                }
            }
            Err(error) => unknown.into_iter().for_each(|at| answers[at] = Err(error.clone())),
        }
        answers
    }

    /// One write to the socket. The error means that nothing came back.
    async fn send(
        &self,
        live: &Live,
        commands: impl Iterator<Item = Cmd>,
    ) -> Result<Vec<RedisResult<Value>>, RegistryError> {
        let mut pipe = Pipeline::new();
        pipe.ignore_errors();
        for command in commands {
            pipe.add_command(command);
        }
        if pipe.is_empty() {
            return Ok(Vec::new());
        }
        let expected = pipe.len();
        let mut connection = live.connection.clone();
        let answer = pipe.query_async::<Vec<RedisResult<Value>>>(&mut connection);
        let why = match tokio::time::timeout(self.settings.reply_timeout, answer).await {
            Ok(Ok(answers)) if answers.len() == expected => return Ok(answers),
            Ok(Ok(_)) => "the number of answers is wrong".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("nothing within {:?}", self.settings.reply_timeout),
        };
        live.replace();
        Err(RegistryError::Unanswered(why))
    }

    /// Reads an index, then the records of the games that it names, and takes out what has long been wrong.
    async fn list(&self, live: &Live, listing: Listing) -> Result<Reply, RegistryError> {
        let told = &self.keys.told;
        let indexes = match listing {
            Listing::All => self.keys.all_games().collect(),
            Listing::Of(member) => vec![self.keys.owned(member)],
            Listing::Parked => vec![self.keys.parked.clone()],
        };
        let mut steps = vec![Step::plain(redis::cmd("TIME"))];
        steps.extend(indexes.iter().map(|index| Step::plain(redis::cmd("HGETALL").arg(index).clone())));
        let mut answers = self.run(live, steps).await.into_iter();
        let (seconds, micros): (u64, u64) = decode(answers.next().expect("an answer for each step")?)?;
        let now_ms = seconds * 1000 + micros / 1000;
        let mut entries = Vec::new();
        for (index, answer) in indexes.iter().zip(answers) {
            let added = told.take(index, step::hash(answer?)).unwrap_or_default();
            entries
                .extend(added.into_iter().filter_map(|(id, added)| Some((index, id.parse().ok()?, added))));
        }
        let reads = entries.iter().map(|(_, game, _)| Step::plain(self.keys.read_record(*game))).collect();
        let keep = u64::try_from(self.settings.index_keep.as_millis()).unwrap_or(u64::MAX);
        let (mut games, mut wrong) = (Vec::new(), Vec::new());
        for ((index, game, added), record) in entries.into_iter().zip(self.run(live, reads).await) {
            let record = told.take(format_args!("game {game}"), step::record(game, record?));
            match record {
                // Its owner puts it back, or another build reads it.
                None => {}
                Some(Some(record)) if listing.wants(&record) => games.push(record),
                Some(_) if now_ms.saturating_sub(added.parse().unwrap_or(0)) > keep => {
                    wrong.push(self.keys.prune(index, game, &added));
                }
                Some(_) => {}
            }
        }
        for error in self.run(live, wrong).await.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "an index of the registry was not pruned");
        }
        games.sort_by_key(|record: &GameRecord| record.id);
        Ok(Reply::Games(games))
    }

    /// Ids are never drawn twice: a game that has ended leaves its index at once.
    async fn forget(&self, live: &Live, game: GameId) {
        let steps = vec![Step::plain(self.keys.remove(game))];
        for error in self.run(live, steps).await.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "a game that ended stays in the index until somebody lists the games");
        }
    }
}

impl Listing {
    fn wants(self, record: &GameRecord) -> bool {
        match self {
            Listing::All => true,
            Listing::Of(member) => record.owner == Some(member),
            Listing::Parked => record.owner.is_none(),
        }
    }
}

/// What the server says about one step.
fn judge(live: &Live, step: &Step, answer: RedisResult<Value>) -> Result<Value, RegistryError> {
    answer.or_else(|error| {
        let text = error.to_string();
        match (error.kind(), error.code()) {
            // The primary has become a replica: whoever answers next may be another server.
            (ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown), _) => {
                live.replace();
                Err(RegistryError::Refused(text))
            }
            // Something else stands under the key that a plain command reads: nothing that can be read.
            (_, Some("WRONGTYPE")) if step.script.is_none() => Ok(Value::SimpleString(text)),
            // A script that failed midway reports a plain ERR, or what its command said.
            (ErrorKind::Server(ServerErrorKind::ResponseError), _) | (_, Some("WRONGTYPE")) => {
                Err(RegistryError::Unanswered(text))
            }
            // Refusals with a name (OOM, NOPERM, LOADING, MISCONF, NOREPLICAS, BUSY ...) come before the first write.
            (ErrorKind::Server(_) | ErrorKind::Extension, _) => Err(RegistryError::Refused(text)),
            _ => {
                live.replace();
                Err(RegistryError::Unanswered(text))
            }
        }
    })
}

fn is_no_script(answer: &RedisResult<Value>) -> bool {
    matches!(answer, Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript))
}

/// An answer of the expected shape. Another shape leaves open what was done.
fn decode<T: redis::FromRedisValue>(value: Value) -> Result<T, RegistryError> {
    from_redis_value(value).map_err(|error| unreadable(RedisError::from(error)))
}

fn unreadable(why: impl fmt::Display) -> RegistryError {
    RegistryError::Unanswered(format!("the answer cannot be read: {why}"))
}
