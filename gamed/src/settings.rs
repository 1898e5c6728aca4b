//! What a user may set, as flags and as environment variables of the same names.
//!
//! Owns names, defaults and checks. Nothing else reads the environment.

use crate::admin::Command;
use crate::creation::{Creation, bots_at_most};
use crate::limits;
use crate::mazes::{MazeFileError, Mazes};
use crate::origin::Origin;
use crate::visitors::{AddressLimits, GameLimits};
use clap::{Parser, ValueEnum};
use protocol::ClusterKey;
use sim::Rounds;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;
use warp::http::HeaderName;

/// The Tanx game server: runs games, serves players, and hands its games to other servers when it leaves.
///
/// Without --redis it serves alone, from memory: games end with the process. With --redis it is a member of the
/// cluster that shares the Redis and the prefix. With --demo it is three servers in one process behind a small load
/// balancer, with bots in it.
// Not Debug: the URL of Redis may hold a password, and the key is one.
#[derive(Parser, Clone)]
#[command(name = "gamed", version = env!("CARGO_PKG_VERSION"), max_term_width = 110)]
pub struct Settings {
    /// Instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where players and browsers connect
    #[arg(long, env = "GAMED_LISTEN", default_value = "0.0.0.0:8080", value_name = "IP:PORT")]
    pub listen: SocketAddr,

    /// Where other servers connect
    #[arg(long, env = "GAMED_PEER_LISTEN", default_value = "0.0.0.0:7946", value_name = "IP:PORT")]
    pub peer_listen: SocketAddr,

    /// What other servers dial to reach this one [default: the pod's IP, or the listening address]
    #[arg(long, env = "GAMED_PEER_ADDRESS", value_name = "IP:PORT")]
    pub peer_address: Option<SocketAddr>,

    /// The pod's IP, from the downward API; makes the peer address
    #[arg(long, env = "POD_IP", value_name = "IP", hide = true)]
    pub pod_ip: Option<std::net::IpAddr>,

    /// The registry that the servers of a cluster share, e.g. redis://user:password@host:6379/0, or
    /// redis+sentinel://user:password@host:26379,host:26379/master/0; rediss for TLS
    #[arg(long, env = "GAMED_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// File with the CA that signed the certificate of Redis, PEM [default: the public CAs]
    #[arg(long, env = "GAMED_REDIS_CA_FILE", value_name = "FILE")]
    pub redis_ca_file: Option<PathBuf>,

    /// Begins all keys in Redis: clusters with different prefixes can share one
    #[arg(long, env = "GAMED_REDIS_PREFIX", default_value = "tanx", value_name = "TEXT")]
    pub redis_prefix: String,

    /// At the start, wait this many milliseconds for a Redis that cannot be reached yet, alive and not ready [default: for ever]
    #[arg(long, env = "GAMED_REDIS_WAIT_MS", value_name = "MS")]
    pub redis_wait_ms: Option<u64>,

    /// File with the secret that all servers of a cluster share, at least 32 bytes; while it is exchanged, one in each line: the
    /// first signs, all are accepted
    #[arg(long, env = "GAMED_CLUSTER_KEY_FILE", value_name = "FILE")]
    pub cluster_key_file: Option<PathBuf>,

    /// The file is read again this often, in seconds: servers need not be restarted for another key
    #[arg(long, env = "GAMED_CLUSTER_KEY_READ_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=3600), value_name = "S")]
    pub cluster_key_read_seconds: u16,

    /// The secret itself, for environments that hand secrets in as variables
    #[arg(long, env = "GAMED_CLUSTER_KEY", value_name = "TEXT", hide_env_values = true)]
    pub cluster_key: Option<String>,

    /// Name that people see [default: the host's name]
    #[arg(long, env = "POD_NAME", value_name = "TEXT")]
    pub name: Option<String>,

    /// Which revision of the Deployment this is: games prefer the newest
    #[arg(long, env = "GAMED_REVISION", default_value = "", value_name = "TEXT")]
    pub revision: String,

    /// Version that people see
    #[arg(long, env = "GAMED_BUILD", default_value = env!("CARGO_PKG_VERSION"), value_name = "TEXT")]
    pub build: String,

    /// The pod's UID, from the downward API
    #[arg(long, env = "POD_UID", default_value = "", value_name = "UID", hide = true)]
    pub pod_uid: String,

    /// The container's name in the pod
    #[arg(long, env = "GAMED_CONTAINER", default_value = "gamed", value_name = "TEXT", hide = true)]
    pub container: String,

    /// Folder of the built web client
    #[arg(long, env = "GAMED_WEB", value_name = "DIR")]
    pub web: Option<PathBuf>,

    /// Places for tanks in a new game, 1 to 32
    #[arg(long, env = "GAMED_MAX_PLAYERS", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=32), value_name = "N")]
    pub max_players: u8,

    /// A game without people ends after this many milliseconds; bots do not keep it
    #[arg(long, env = "GAMED_EMPTY_GAME_MS", default_value_t = 60_000, value_name = "MS")]
    pub empty_game_ms: u64,

    /// Bots play along until a new game has this many players, people and bots together; they leave as people come, and
    /// one place is always free. 0: no bots
    #[arg(long, env = "GAMED_BOTS", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=32), value_name = "N")]
    pub bots: u8,

    /// A round of a new game lasts this many seconds (5 to 3600), then the scores begin anew; 0: it never ends
    #[arg(long, env = "GAMED_ROUND_SECONDS", default_value_t = 180, value_parser = round_seconds, value_name = "S")]
    pub round_seconds: u16,

    /// After a round its winner is shown for this many seconds (1 to 60) before the next one begins
    #[arg(long, env = "GAMED_REST_SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=60), value_name = "S")]
    pub rest_seconds: u16,

    /// Folder with further mazes, one in each *.maze file; docs/protocol.md describes the format, and a file that is none
    /// stops the start with its line
    #[arg(long, env = "GAMED_MAZES", value_name = "DIR")]
    pub mazes: Option<PathBuf>,

    /// Messages and renames that one player may send in a minute; a few may come at once, more are refused with a notice
    #[arg(long, env = "GAMED_CHAT_PER_MINUTE", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=600), value_name = "N")]
    pub chat_per_minute: u16,

    /// Connections that one address may have open at this server at once, players' sockets among them; more are answered with
    /// 429. Players behind one proxy or load balancer share its address: see --client-address-header. 0: no limit
    #[arg(long, env = "GAMED_CONNECTIONS_PER_ADDRESS", default_value_t = 5000, value_name = "N")]
    pub connections_per_address: u32,

    /// Requests that one address may send to this server in a second, openings of players' sockets among them; twice as many
    /// may come at once, more are answered with 429. 0: no limit
    #[arg(long, env = "GAMED_REQUESTS_PER_ADDRESS", default_value_t = 1000, value_name = "N")]
    pub requests_per_address: u32,

    /// Games that one address may create at this server in a minute; more are answered with 429. 0: no limit
    #[arg(long, env = "GAMED_GAMES_PER_ADDRESS", default_value_t = 600, value_name = "N")]
    pub games_per_address: u32,

    /// New players that one address may bring into one game in a minute at this server; more are refused. Who comes back as the
    /// same player is not counted. 0: no limit
    #[arg(long, env = "GAMED_JOINS_PER_ADDRESS", default_value_t = 120, value_name = "N")]
    pub joins_per_address: u32,

    /// Players and watchers that may be connected to one game at this server; more are told that it is full. 0: no
    /// limit
    #[arg(long, env = "GAMED_SOCKETS_PER_GAME", default_value_t = 512, value_name = "N")]
    pub sockets_per_game: u32,

    /// Pages that may listen to the cluster's changes at this server at once; more ask from time to time instead. Each costs a
    /// connection and, at each change, one answer of a few KiB. 0: no limit
    #[arg(long, env = "GAMED_LISTENERS", default_value_t = 1000, value_name = "N")]
    pub listeners: u32,

    /// Header in which a proxy says whose request it passes on, e.g. x-forwarded-for; the last address in it counts. Give it
    /// only where nobody reaches this server past the proxy, for who does can say anything [default: none is trusted, the
    /// other end of the connection counts]
    #[arg(long, env = "GAMED_CLIENT_ADDRESS_HEADER", value_name = "NAME")]
    pub client_address_header: Option<HeaderName>,

    /// Pages of other hosts that may let their visitors play and create games here, e.g. https://play.example, separated by
    /// commas; * for all [default: pages of the host that the request is for]
    #[arg(long, env = "GAMED_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub origins: Vec<Origin>,

    /// What a game can lose when its server dies
    #[arg(long, env = "GAMED_DURABILITY", default_value = "tick", value_enum)]
    pub durability: Durability,

    /// Unless --durability is none, each game is written to Redis as a whole this often, in milliseconds: with snapshot a crash
    /// costs as much, and what writing takes, with tick as many ticks are run again
    #[arg(long, env = "GAMED_SNAPSHOT_INTERVAL_MS", default_value_t = 800, value_parser = clap::value_parser!(u16).range(200..=SNAPSHOT_INTERVAL_MS_MOST), value_name = "MS")]
    pub snapshot_interval_ms: u16,

    /// With --durability tick, what players do is written to Redis this often, all games together: at least so many
    /// milliseconds apart, and the less often the longer Redis takes
    #[arg(long, env = "GAMED_INPUT_LOG_MS", default_value_t = 40, value_parser = clap::value_parser!(u16).range(20..=1000), value_name = "MS")]
    pub input_log_ms: u16,

    /// A game whose world fails (panics, or cannot be restored) so often in a row is quarantined: nobody runs it until an
    /// administrator releases it
    #[arg(long, env = "GAMED_QUARANTINE_AFTER", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100), value_name = "N")]
    pub quarantine_after: u8,

    /// After SIGTERM, games and players have this many milliseconds to leave
    #[arg(long, env = "GAMED_GRACE_MS", default_value_t = 50_000, value_name = "MS")]
    pub grace_ms: u64,

    /// Threads that games live on [default: one for each core]
    #[arg(long, env = "GAMED_WORKERS", value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub workers: Option<u16>,

    /// How logs look
    #[arg(long, env = "GAMED_LOG_FORMAT", default_value = "auto", value_enum)]
    pub log_format: LogFormat,

    /// What is logged, e.g. info or gamed=debug,warn
    #[arg(long, env = "GAMED_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// Run three servers in this process, behind a load balancer on the listening address, with bots playing
    #[arg(long, conflicts_with_all = ["redis", "peer_address"])]
    pub demo: bool,

    /// Games in the demo, each in another maze as long as there are more
    #[arg(long, env = "GAMED_DEMO_GAMES", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=200), value_name = "N", requires = "demo")]
    pub demo_games: u16,

    /// Bots fill each of these games up to this many players: --bots is for those that people create
    #[arg(long, env = "GAMED_DEMO_BOTS", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=31), value_name = "N", requires = "demo")]
    pub demo_bots: u8,
}

/// Where nothing else makes a game durable, players must not be told between two snapshots that the registry is away.
const SNAPSHOT_INTERVAL_MS_MOST: i64 = 2000;
const _: () = assert!(SNAPSHOT_INTERVAL_MS_MOST as u64 * 1000 < limits::AWAY_TICKS * protocol::TICK_MICROS);

/// Ticks in a second.
const TICKS_A_SECOND: u32 = (1_000_000 / protocol::TICK_MICROS) as u32;

/// What is written to the registry, so that it outlives the server that runs a game. Planned moves lose nothing anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// Each tick: a crash loses nothing that players were told is kept, at most some tens of milliseconds otherwise
    Tick,
    /// A whole game every --snapshot-interval-ms, and when people or bots come or go: a crash takes it back by as much
    Snapshot,
    /// A game when it is created, moved or taken over, and when people or bots come or go: a crash takes it back to there
    None,
}

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// Text for people
    Text,
    /// One JSON object a line
    Json,
}

/// Settings that contradict each other or cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No key although others must trust it.
    #[error(
        "a server with --redis needs the cluster's key: give --cluster-key-file FILE (at least 32 random bytes, the \
         same for all servers), e.g. made by: head -c 32 /dev/urandom > key"
    )]
    NoKey,
    /// Two keys.
    #[error("give --cluster-key-file or --cluster-key, not both")]
    TwoKeys,
    /// The key file.
    #[error("cannot read the cluster key from {0}: {1}")]
    KeyFile(PathBuf, std::io::Error),
    /// The file with the CA.
    #[error("cannot read the CA of Redis from {0}: {1}")]
    CaFile(PathBuf, std::io::Error),
    /// The key.
    #[error("the cluster key: {0}")]
    Key(#[from] protocol::KeyError),
    /// Not reachable.
    #[error("other servers cannot dial {0}: give --peer-address with this host's own IP")]
    PeerAddress(SocketAddr),
    /// No places for more.
    #[error("{0} bots do not fit into a game of {1}: lower --demo-bots or raise --max-players")]
    Bots(u8, u8),
    /// A file that is no maze.
    #[error(transparent)]
    Maze(#[from] MazeFileError),
}

/// 0, or a round that is long enough to be one.
fn round_seconds(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(seconds @ (0 | 5..=3600)) => Ok(seconds),
        _ => Err("give 0 for a round without an end, or 5 to 3600 seconds".to_owned()),
    }
}

impl Settings {
    /// The cluster's key; a random one where nobody else needs to know it.
    ///
    /// # Errors
    /// When it is missing, given twice, unreadable or too short.
    pub fn key(&self) -> Result<ClusterKey, SettingsError> {
        match (&self.cluster_key_file, &self.cluster_key) {
            (Some(_), Some(_)) => Err(SettingsError::TwoKeys),
            (Some(file), None) => {
                let content =
                    std::fs::read(file).map_err(|error| SettingsError::KeyFile(file.clone(), error))?;
                Ok(ClusterKey::parse(&content)?)
            }
            (None, Some(text)) => Ok(ClusterKey::parse(text.as_bytes())?),
            (None, None) if self.redis.is_some() => Err(SettingsError::NoKey),
            (None, None) => Ok(ClusterKey::parse(&rand::random::<[u8; 32]>())?),
        }
    }

    /// The CA that signed the certificate of Redis, in PEM; none where any public one will do.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn redis_ca(&self) -> Result<Option<String>, SettingsError> {
        let read = |file: &PathBuf| {
            std::fs::read_to_string(file).map_err(|error| SettingsError::CaFile(file.clone(), error))
        };
        self.redis_ca_file.as_ref().map(read).transpose()
    }

    /// What other servers dial, given the port that is really listened on.
    ///
    /// # Errors
    /// When that is an address that nobody can dial.
    pub fn peer_address(&self, bound: SocketAddr) -> Result<SocketAddr, SettingsError> {
        let address = match (self.peer_address, self.pod_ip) {
            (Some(address), _) => address,
            (None, Some(ip)) => SocketAddr::new(ip, bound.port()),
            (None, None) => bound,
        };
        if self.redis.is_some() && address.ip().is_unspecified() {
            return Err(SettingsError::PeerAddress(address));
        }
        Ok(address)
    }

    /// Name that people see.
    pub fn name(&self) -> String {
        let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned());
        self.name.clone().or_else(|| host().ok()).unwrap_or_else(|| "server".to_owned())
    }

    /// See `grace_ms`.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    /// See `input_log_ms`.
    pub fn input_log(&self) -> Duration {
        Duration::from_millis(self.input_log_ms.into())
    }

    /// See `snapshot_interval_ms`.
    pub fn snapshot_interval(&self) -> Duration {
        Duration::from_millis(self.snapshot_interval_ms.into())
    }

    /// See `redis_wait_ms`.
    pub fn redis_wait(&self) -> Option<Duration> {
        self.redis_wait_ms.map(Duration::from_millis)
    }

    /// See `empty_game_ms`.
    pub fn empty_game(&self) -> Duration {
        Duration::from_millis(self.empty_game_ms)
    }

    /// What one client's address may take.
    pub fn address_limits(&self) -> AddressLimits {
        AddressLimits {
            connections: self.connections_per_address,
            requests_per_second: self.requests_per_address,
            games_per_minute: self.games_per_address,
            header: self.client_address_header.clone(),
        }
    }

    /// What one game takes.
    pub fn game_limits(&self) -> GameLimits {
        GameLimits {
            sockets: self.sockets_per_game,
            joins_per_minute: self.joins_per_address,
            chat_per_minute: self.chat_per_minute,
        }
    }

    /// What games can be created.
    ///
    /// # Errors
    /// When a file of `mazes` is no maze, with the file and the line.
    pub fn creation(&self) -> Result<Creation, SettingsError> {
        Ok(Creation {
            slots: self.max_players,
            bots: self.bots.min(bots_at_most(self.max_players)),
            rounds: Rounds {
                play_ticks: u32::from(self.round_seconds) * TICKS_A_SECOND,
                rest_ticks: self.rest_seconds * TICKS_A_SECOND as u16,
            },
            mazes: Mazes::load(self.mazes.as_deref())?,
        })
    }

    /// See `workers`.
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.map_or_else(cores, usize::from)
    }

    /// Checks what the demo needs.
    ///
    /// # Errors
    /// When the bots do not fit.
    pub fn check_demo(&self) -> Result<(), SettingsError> {
        if self.demo_bots > bots_at_most(self.max_players) {
            return Err(SettingsError::Bots(self.demo_bots, self.max_players));
        }
        Ok(())
    }
}
