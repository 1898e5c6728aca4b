//! One connection to Redis, replaced when it breaks or falls silent.
//!
//! Owns connecting, the checks of what answers there, and hints that the server pushes to a connection that subscribes.
//! Never sends a request twice: whoever asked decides what an unanswered one means.

use super::script::Script;
use super::{ConnectError, RedisSettings};
use crate::Hint;
use crate::hints::Hints;
use protocol::GameId;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, InfoDict, IntoConnectionInfo, ProtocolVersion,
    PushInfo, PushKind, RedisError, Value,
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
        let server = Server::new(settings, subscription, broken)?;
        let live = server.connect(1).await?;
        let (sender, state) = watch::channel(State::Up(live));
        let keeper = tokio::spawn(server.keep(sender, marked));
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
    client: Client,
    /// `host:port`, without user and password.
    address: String,
    subscription: Option<Subscription>,
    connect_timeout: Duration,
    reconnect_min: Duration,
    reconnect_max: Duration,
    broken: watch::Sender<u64>,
}

impl Server {
    fn new(
        settings: &RedisSettings,
        subscription: Option<Subscription>,
        broken: watch::Sender<u64>,
    ) -> Result<Server, ConnectError> {
        let bad_url = |error: RedisError| ConnectError::Url(error.to_string());
        let info = settings.url.as_str().into_connection_info().map_err(bad_url)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            // rustls comes without a provider and would panic at the first connection. Where one is installed already,
            // that one serves.
            rustls::crypto::ring::default_provider().install_default().ok();
        }
        let keepalive = TcpKeepalive::new().with_time(settings.keepalive).with_interval(settings.keepalive);
        let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
        let login =
            info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        let address = info.addr().to_string();
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(login)).map_err(bad_url)?;
        Ok(Server {
            client,
            address,
            subscription,
            connect_timeout: settings.connect_timeout,
            reconnect_min: settings.reconnect_min,
            reconnect_max: settings.reconnect_max,
            broken,
        })
    }

    /// Replaces the connection whenever it is called broken.
    async fn keep(self, state: watch::Sender<State>, mut broken: watch::Receiver<u64>) {
        let mut generation = 1;
        while broken.wait_for(|newest| *newest >= generation).await.is_ok() {
            state.send_replace(State::Down(format!("the connection to Redis at {} was lost", self.address)));
            tracing::warn!(address = %self.address, "lost the connection to Redis");
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
            tracing::info!(address = %self.address, run_id = %live.run_id, "connected to Redis again");
            state.send_replace(State::Up(live));
            if let Some(subscription) = &self.subscription {
                // Those of the time between.
                subscription.hints.send(Hint::Lost);
            }
        }
    }

    async fn connect(&self, generation: u64) -> Result<Live, ConnectError> {
        let silent = || ConnectError::Silent { address: self.address.clone(), after: self.connect_timeout };
        tokio::time::timeout(self.connect_timeout, self.handshake(generation)).await.map_err(|_| silent())?
    }

    async fn handshake(&self, generation: u64) -> Result<Live, ConnectError> {
        let failed = |error: RedisError| self.explain(&error);
        // Time-outs lie around each use instead, so that one that strikes also replaces the connection.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(self.listener(generation));
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
        let info: InfoDict = redis::cmd("INFO").query_async(&mut connection).await.map_err(failed)?;
        let run_id = self.check(&info)?;
        let mut pipe = redis::pipe();
        for script in Script::all() {
            pipe.add_command(script.load()).ignore();
        }
        let () = pipe.query_async(&mut connection).await.map_err(failed)?;
        if let Some(subscription) = &self.subscription {
            connection.subscribe(&subscription.channel).await.map_err(failed)?;
        }
        Ok(Live { connection, run_id, generation, since: Instant::now(), broken: self.broken.clone() })
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

    /// Refuses servers that cannot serve us. Returns the run id.
    fn check(&self, info: &InfoDict) -> Result<String, ConnectError> {
        let address = || self.address.clone();
        let text = |key| info.get::<String>(key);
        let (Some(version), Some(run_id)) = (text("redis_version"), text("run_id")) else {
            return Err(ConnectError::NotRedis { address: address() });
        };
        let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
        if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
            return Err(ConnectError::TooOld { address: address(), version });
        }
        match text("redis_mode") {
            Some(mode) if mode != "standalone" => {
                return Err(ConnectError::Mode { address: address(), mode });
            }
            _ => {}
        }
        if text("role").is_some_and(|role| role != "master") {
            return Err(ConnectError::Replica { address: address() });
        }
        let evicts = text("maxmemory_policy").is_some_and(|policy| policy != "noeviction");
        if evicts && info.get::<u64>("maxmemory").is_some_and(|limit| limit > 0) {
            tracing::warn!(
                address = %self.address,
                "Redis may evict games when its memory is full: set maxmemory-policy to noeviction"
            );
        }
        Ok(run_id)
    }

    fn explain(&self, error: &RedisError) -> ConnectError {
        let address = self.address.clone();
        match (error.kind(), error.code()) {
            (_, Some("NOAUTH")) => ConnectError::NeedsPassword { address },
            (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
                ConnectError::WrongPassword { address }
            }
            (_, Some("NOPERM")) => ConnectError::NoPermission { address, why: error.to_string() },
            (_, Some("LOADING")) => ConnectError::Loading { address },
            (ErrorKind::RESP3NotSupported, _) => {
                ConnectError::TooOld { address, version: "before 6.0".into() }
            }
            (ErrorKind::Parse | ErrorKind::UnexpectedReturnType, _) => ConnectError::NotRedis { address },
            (ErrorKind::Io, _) => ConnectError::Unreachable { address, why: error.to_string() },
            _ => ConnectError::Refused { address, why: error.to_string() },
        }
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
