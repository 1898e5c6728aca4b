//! One connection to Redis, replaced when it breaks or falls silent.
//!
//! Owns connecting, the checks of what answers there, and hints that the server pushes to a connection that subscribes.
//! Never sends a request twice: whoever asked decides what an unanswered one means.

use super::place::{Endpoint, Place, Watched};
use super::script::Script;
use super::step::Keys;
use super::{ConnectError, RedisSettings};
use crate::Hint;
use crate::hints::Hints;
use futures_util::stream::{FuturesUnordered, StreamExt};
use protocol::GameId;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, InfoDict, PushInfo, PushKind, RedisError, ServerErrorKind, Value,
};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Oldest server whose scripts replicate by effect, so that they may read the time before they write.
const OLDEST: (u32, u32) = (6, 2);

/// A connection that worked when it was last used.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) connection: MultiplexedConnection,
    /// `host:port`.
    address: String,
    /// Which life of which server answers here.
    pub(super) run_id: String,
    /// Rises with each connection.
    generation: u64,
    /// When it was made.
    pub(super) since: Instant,
    broken: watch::Sender<u64>,
}

impl Live {
    /// This connection is of no use any more.
    pub(super) fn replace(&self) {
        mark(&self.broken, self.generation);
    }
}

/// Where hints are published, and where they go.
pub(super) struct Subscription {
    pub(super) channel: String,
    pub(super) hints: Hints,
}

#[derive(Clone)]
enum State {
    Up(Live),
    /// With the reason, a sentence.
    Down(String),
}

/// The handle: the connection of the moment, and the task that replaces it.
pub(super) struct Link {
    state: watch::Receiver<State>,
    keeper: JoinHandle<()>,
}

impl Link {
    pub(super) async fn open(
        settings: &RedisSettings,
        subscription: Option<Subscription>,
    ) -> Result<Link, ConnectError> {
        let (broken, marked) = watch::channel(0);
        let place = Place::read(settings)?;
        let server = Server::new(settings, place, subscription, broken);
        let live = server.connect(1).await?;
        let address = live.address.clone();
        let (sender, state) = watch::channel(State::Up(live));
        let keeper = tokio::spawn(server.keep(address, sender, marked));
        Ok(Link { state, keeper })
    }

    /// The connection of the moment, or why there is none.
    pub(super) fn live(&self) -> Result<Live, String> {
        match &*self.state.borrow() {
            State::Up(live) => Ok(live.clone()),
            State::Down(why) => Err(why.clone()),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

fn mark(broken: &watch::Sender<u64>, generation: u64) {
    broken.send_if_modified(|newest| {
        let news = *newest < generation;
        *newest = generation.max(*newest);
        news
    });
}

/// Where to connect, and how.
struct Server {
    place: Place,
    /// The scratch keys on which rights are tried out, one of each family.
    scratch: [String; 2],
    channel: String,
    subscription: Option<Subscription>,
    connect_timeout: Duration,
    reconnect_min: Duration,
    reconnect_max: Duration,
    broken: watch::Sender<u64>,
}

impl Server {
    fn new(
        settings: &RedisSettings,
        place: Place,
        subscription: Option<Subscription>,
        broken: watch::Sender<u64>,
    ) -> Server {
        let keys = Keys::new(&settings.prefix);
        Server {
            place,
            scratch: keys.rights,
            channel: keys.hints,
            subscription,
            connect_timeout: settings.connect_timeout,
            reconnect_min: settings.reconnect_min,
            reconnect_max: settings.reconnect_max,
            broken,
        }
    }

    /// Replaces the connection, which is to `address`, whenever it is called broken.
    async fn keep(self, mut address: String, state: watch::Sender<State>, mut broken: watch::Receiver<u64>) {
        let mut generation = 1;
        while broken.wait_for(|newest| *newest >= generation).await.is_ok() {
            state.send_replace(State::Down(format!("the connection to Redis at {address} was lost")));
            tracing::warn!(address, "lost the connection to Redis");
            generation += 1;
            let mut pause = self.reconnect_min;
            let live = loop {
                match self.connect(generation).await {
                    Ok(live) => break live,
                    Err(error) => {
                        tracing::debug!(%error, "no connection to Redis yet");
                        state.send_replace(State::Down(error.to_string()));
                    }
                }
                // Members that lost one Redis together come back apart.
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(self.reconnect_max);
            };
            address.clone_from(&live.address);
            tracing::info!(address, run_id = %live.run_id, "connected to Redis again");
            state.send_replace(State::Up(live));
            if let Some(subscription) = &self.subscription {
                // Those of the time between.
                subscription.hints.send(Hint::Lost);
            }
        }
    }

    async fn connect(&self, generation: u64) -> Result<Live, ConnectError> {
        let handshake = async {
            match &self.place {
                Place::Fixed(endpoint) => self.handshake(endpoint.clone(), generation).await,
                Place::Watched(watched) => self.seek(watched, generation).await,
            }
        };
        let silent = || ConnectError::Silent { address: self.place.to_string(), after: self.connect_timeout };
        tokio::time::timeout(self.connect_timeout, handshake).await.map_err(|_| silent())?
    }

    /// Asks all sentinels at once, and connects to the first place they name where there is a master. Neither a sentinel
    /// that died with the old one nor one that has not heard of the new one yet delays it.
    async fn seek(&self, watched: &Watched, generation: u64) -> Result<Live, ConnectError> {
        let mut named: FuturesUnordered<_> =
            watched.sentinels.iter().map(|sentinel| whereabouts(sentinel, &watched.master)).collect();
        let mut tried: FuturesUnordered<_> = FuturesUnordered::new();
        let mut places = Vec::new();
        // What a master says counts more than what a sentinel says.
        let (mut of_master, mut of_sentinel): (Option<ConnectError>, Option<ConnectError>) = (None, None);
        loop {
            tokio::select! {
                Some(answer) = tried.next(), if !tried.is_empty() => match answer {
                    Ok(live) => return Ok(live),
                    Err(error) if !ConnectError::may_pass(&error) => return Err(error),
                    Err(error) => of_master = Some(error),
                },
                Some(answer) = named.next(), if !named.is_empty() => match answer {
                    Ok(place) if places.contains(&place) => {}
                    Ok(place) => {
                        let (host, port) = place.clone();
                        places.push(place);
                        tried.push(self.handshake(watched.at(host, port)?, generation));
                    }
                    // Rather what somebody has to put right than what may pass.
                    Err(error) if of_sentinel.as_ref().is_none_or(ConnectError::may_pass) => {
                        of_sentinel = Some(error);
                    }
                    Err(_) => {}
                },
                else => return Err(of_master.or(of_sentinel).expect("a URL names a sentinel at least")),
            }
        }
    }

    async fn handshake(&self, endpoint: Endpoint, generation: u64) -> Result<Live, ConnectError> {
        let Endpoint { client, address } = endpoint;
        let failed = |error: RedisError| explain(&address, &error);
        let config = without_time_outs().set_push_sender(self.listener(generation));
        let mut connection =
            client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
        let info: InfoDict = redis::cmd("INFO").query_async(&mut connection).await.map_err(failed)?;
        let run_id = check(&address, &info)?;
        let mut pipe = redis::pipe();
        for script in Script::all() {
            pipe.add_command(script.load()).ignore();
        }
        for key in &self.scratch {
            pipe.add_command(Script::Rights.run(&[key]).arg(&self.channel).clone());
        }
        let denied: [Vec<String>; 2] = pipe.query_async(&mut connection).await.map_err(failed)?;
        let mut denied = denied.concat();
        denied.sort();
        denied.dedup();
        if !denied.is_empty() {
            let why = format!("it refuses {}", denied.join(", "));
            return Err(ConnectError::NoPermission { address, why });
        }
        if let Some(subscription) = &self.subscription {
            connection.subscribe(&subscription.channel).await.map_err(failed)?;
        }
        let (since, broken) = (Instant::now(), self.broken.clone());
        Ok(Live { connection, address, run_id, generation, since, broken })
    }

    /// Takes what the server pushes. Called by the connection's task: must not wait.
    fn listener(&self, generation: u64) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> + use<> {
        let hints = self.subscription.as_ref().map(|subscription| subscription.hints.clone());
        let broken = self.broken.clone();
        move |push| {
            match (push.kind, &hints) {
                (PushKind::Disconnection, _) => mark(&broken, generation),
                (PushKind::Message, Some(hints)) => match push.data.get(1).and_then(hint) {
                    Some(hint) => hints.send(hint),
                    None => tracing::debug!("a hint that this build does not know"),
                },
                _ => {}
            }
            Ok(())
        }
    }
}

/// Time-outs lie around each use instead, so that one that strikes also replaces the connection.
fn without_time_outs() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// Where the master of that name is, as far as that sentinel knows.
async fn whereabouts(sentinel: &Endpoint, master: &str) -> Result<(String, u16), ConnectError> {
    let address = &sentinel.address;
    let failed = |error: RedisError| match error.kind() {
        // Any other Redis does not know the command.
        ErrorKind::Server(ServerErrorKind::ResponseError) => {
            ConnectError::NotSentinel { address: address.clone() }
        }
        _ => explain(address, &error),
    };
    let config = without_time_outs();
    let connection = sentinel.client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connection.map_err(|error| explain(address, &error))?;
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let place: Option<(String, u16)> = ask.query_async(&mut connection).await.map_err(failed)?;
    place.ok_or_else(|| ConnectError::NoMaster { address: address.clone(), master: master.to_owned() })
}

/// Refuses servers that cannot serve us. Returns the run id.
fn check(address: &str, info: &InfoDict) -> Result<String, ConnectError> {
    let address = address.to_owned();
    let text = |key| info.get::<String>(key);
    let (Some(version), Some(run_id)) = (text("redis_version"), text("run_id")) else {
        return Err(ConnectError::NotRedis { address });
    };
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        return Err(ConnectError::TooOld { address, version });
    }
    match text("redis_mode").as_deref() {
        Some("sentinel") => return Err(ConnectError::Sentinel { address }),
        Some(mode) if mode != "standalone" => {
            return Err(ConnectError::Mode { address, mode: mode.to_owned() });
        }
        _ => {}
    }
    if text("role").is_some_and(|role| role != "master") {
        return Err(ConnectError::Replica { address });
    }
    let evicts = text("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
    if evicts && info.get::<u64>("maxmemory").is_some_and(|limit| limit > 0) {
        tracing::warn!(
            address,
            "Redis may evict games when its memory is full: set maxmemory-policy to noeviction"
        );
    }
    Ok(run_id)
}

fn explain(address: &str, error: &RedisError) -> ConnectError {
    let (address, why) = (address.to_owned(), error.to_string());
    match (error.kind(), error.code()) {
        (_, Some("NOAUTH")) => ConnectError::NeedsPassword { address },
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            ConnectError::WrongPassword { address }
        }
        (_, Some("NOPERM")) => ConnectError::NoPermission { address, why },
        (_, Some("LOADING")) => ConnectError::Loading { address },
        (ErrorKind::RESP3NotSupported, _) => ConnectError::TooOld { address, version: "before 6.0".into() },
        (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => ConnectError::NotRedis { address },
        // The words of rustls, whose error comes wrapped beyond recognition.
        (ErrorKind::Io, _) if why.contains("invalid peer certificate") => {
            ConnectError::Certificate { address, why }
        }
        (ErrorKind::Io, _) => ConnectError::Unreachable { address, why },
        _ => ConnectError::Refused { address, why },
    }
}

/// What a published message says: `members`, or a game's id.
fn hint(message: &Value) -> Option<Hint> {
    let Value::BulkString(bytes) = message else { return None };
    match std::str::from_utf8(bytes).ok()? {
        "members" => Some(Hint::Members),
        game => game.parse::<GameId>().ok().map(Hint::Game),
    }
}
