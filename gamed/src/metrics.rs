//! Counters and gauges of one member, in the form that Prometheus reads. Ids never become labels.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use protocol::CloseCode;
use protocol::peer::MoveNote;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Duration;

/// How a move came about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
}

/// A part of a hand-over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
}

/// Why a socket was closed by us.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: u32,
}

/// Which limit somebody was over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

/// See the module.
pub struct Metrics {
    registry: Registry,
    /// Games that run here.
    pub games: Gauge,
    /// People in the games that run here.
    pub players: Gauge,
    /// Bots in the games that run here.
    pub bots: Gauge,
    /// Players' and spectators' sockets here.
    pub sockets: Gauge,
    /// Pages that listen to changes of the cluster here.
    pub listeners: Gauge,
    /// Ticks run.
    pub ticks: Counter,
    /// Ticks run a tick or more after they were due.
    pub late_ticks: Counter,
    /// Times that a game gave lost time up.
    pub reanchors: Counter,
    /// Messages that a hub's full queue refused.
    pub hub_messages_dropped: Counter,
    /// Members that asked here for the frames of a game that is elsewhere.
    pub subscriptions_refused: Counter,
    /// Things that players did and that were dropped because too many waited for an owner.
    pub acts_dropped: Counter,
    /// Messages and renames that were refused.
    pub chat_dropped: Counter,
    /// Inputs that came too late to fire, launch or destroy.
    pub stale_inputs: Counter,
    /// Requests that the registry did not answer or refused.
    pub registry_errors: Counter,
    /// Other members that this one is linked with.
    pub links: Gauge,
    cluster_keys: Gauge,
    cluster_key_read: Gauge,
    /// Times that the world of a game failed here.
    pub game_failures: Counter,
    /// Games of the cluster that nobody runs, for their worlds failed too often.
    pub games_quarantined: Gauge,
    moves: Family<Cause, Counter>,
    pause: Family<Cause, Histogram, fn() -> Histogram>,
    stages: Family<Stage, Histogram, fn() -> Histogram>,
    /// From the old owner's last tick to the new one's first, of games that were handed over to here.
    between: Histogram,
    /// Sizes of the worlds that came here.
    bytes: Histogram,
    /// The longest that a socket here waited for a frame around a move, whoever owned the game.
    gap: Histogram,
    closes: Family<Code, Counter>,
    refused: Family<Limit, Counter>,
}

/// Upper bounds of the pause of a move in seconds: below a tick it is invisible.
const PAUSE_BOUNDS: [f64; 15] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Upper bounds of the size of a world.
const BYTES_BOUNDS: [f64; 8] = [256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 65536.0];

impl Metrics {
    /// All zero.
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("gamed");
        let pause: Family<Cause, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(PAUSE_BOUNDS));
        let stages: Family<Stage, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(PAUSE_BOUNDS));
        let metrics = Metrics {
            games: Gauge::default(),
            players: Gauge::default(),
            bots: Gauge::default(),
            sockets: Gauge::default(),
            listeners: Gauge::default(),
            ticks: Counter::default(),
            late_ticks: Counter::default(),
            reanchors: Counter::default(),
            hub_messages_dropped: Counter::default(),
            subscriptions_refused: Counter::default(),
            acts_dropped: Counter::default(),
            chat_dropped: Counter::default(),
            stale_inputs: Counter::default(),
            registry_errors: Counter::default(),
            links: Gauge::default(),
            cluster_keys: Gauge::default(),
            cluster_key_read: Gauge::default(),
            game_failures: Counter::default(),
            games_quarantined: Gauge::default(),
            moves: Family::default(),
            pause,
            stages,
            between: Histogram::new(PAUSE_BOUNDS),
            bytes: Histogram::new(BYTES_BOUNDS),
            gap: Histogram::new(PAUSE_BOUNDS),
            closes: Family::default(),
            refused: Family::default(),
            registry: Registry::default(),
        };
        registry.register("games", "Games that run here", metrics.games.clone());
        registry.register("sockets", "Players' and spectators' sockets here", metrics.sockets.clone());
        registry.register("players", "People in the games that run here", metrics.players.clone());
        registry.register("bots", "Bots in the games that run here", metrics.bots.clone());
        registry.register(
            "listeners",
            "Pages that listen to changes of the cluster here",
            metrics.listeners.clone(),
        );
        registry.register("ticks", "Ticks run", metrics.ticks.clone());
        registry.register(
            "late_ticks",
            "Ticks run 20 ms or more after they were due",
            metrics.late_ticks.clone(),
        );
        registry.register("reanchors", "Times that a game gave lost time up", metrics.reanchors.clone());
        registry.register(
            "hub_messages_dropped",
            "Messages that a game's full queue refused",
            metrics.hub_messages_dropped.clone(),
        );
        registry.register(
            "subscriptions_refused",
            "Times that another member asked here for the frames of a game that is elsewhere",
            metrics.subscriptions_refused.clone(),
        );
        registry.register(
            "acts_dropped",
            "Things that players did, dropped because too many waited for an owner",
            metrics.acts_dropped.clone(),
        );
        registry.register(
            "chat_dropped",
            "Messages and renames that were refused: too many, or not allowed",
            metrics.chat_dropped.clone(),
        );
        registry.register(
            "stale_inputs",
            "Inputs that came so late that they no longer fire, launch or destroy",
            metrics.stale_inputs.clone(),
        );
        registry.register(
            "registry_errors",
            "Requests that the registry did not answer or refused",
            metrics.registry_errors.clone(),
        );
        registry.register("links", "Other servers that this one is linked with", metrics.links.clone());
        registry.register(
            "cluster_keys",
            "Keys of the cluster that are accepted here: more than one while it is exchanged",
            metrics.cluster_keys.clone(),
        );
        registry.register(
            "cluster_key_read_timestamp_seconds",
            "When the keys of the cluster that are accepted here were read, since 1970",
            metrics.cluster_key_read.clone(),
        );
        registry.register(
            "game_failures",
            "Times that the world of a game panicked here, or could not be restored",
            metrics.game_failures.clone(),
        );
        registry.register(
            "games_quarantined",
            "Games of the whole cluster that nobody runs, because their worlds failed again and again",
            metrics.games_quarantined.clone(),
        );
        registry.register("moves", "Games that came here, by cause", metrics.moves.clone());
        registry.register(
            "move_pause_seconds",
            "How late the first tick of a game ran that came here, or how long nobody ran it where its owner had died",
            metrics.pause.clone(),
        );
        registry.register(
            "move_stage_seconds",
            "How long each stage of handing a game over took",
            metrics.stages.clone(),
        );
        registry.register(
            "move_between_ticks_seconds",
            "From the old owner's last tick to the first here, of games that were handed over: a tick, if nothing is late",
            metrics.between.clone(),
        );
        registry.register("move_bytes", "Sizes of the worlds that came here", metrics.bytes.clone());
        registry.register(
            "player_move_gap_seconds",
            "The longest that each socket here waited for a frame within 100 ms of a move, whoever owned the game",
            metrics.gap.clone(),
        );
        registry.register(
            "sockets_closed",
            "Sockets that the server closed, by close code",
            metrics.closes.clone(),
        );
        registry.register(
            "refused",
            "Requests that were refused and sockets that were closed, by the limit that they were over",
            metrics.refused.clone(),
        );
        Metrics { registry, ..metrics }
    }

    /// A game came here.
    pub fn moved(&self, note: &MoveNote, cause: &'static str) {
        self.moves.get_or_create(&Cause { cause }).inc();
        self.pause.get_or_create(&Cause { cause }).observe(note.pause_us as f64 / 1e6);
        self.bytes.observe(note.bytes.into());
        if note.between_us > 0 {
            self.between.observe(note.between_us as f64 / 1e6);
        }
    }

    /// So many keys of the cluster were read just now.
    #[expect(clippy::disallowed_methods, reason = "administrators compare it with the time of day")]
    pub fn key_read(&self, keys: usize) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.cluster_keys.set(keys as i64);
        self.cluster_key_read.set(now.as_secs() as i64);
    }

    /// A stage of handing a game over is done.
    pub fn move_stage(&self, stage: &'static str, took: Duration) {
        self.stages.get_or_create(&Stage { stage }).observe(took.as_secs_f64());
    }

    /// Around a move these sockets waited so long for a frame.
    pub fn move_seen(&self, sockets: usize, gap: Duration) {
        for _ in 0..sockets {
            self.gap.observe(gap.as_secs_f64());
        }
    }

    /// A socket was closed with a code.
    pub fn closed(&self, code: CloseCode) {
        self.closes.get_or_create(&Code { code: code.code().into() }).inc();
    }

    /// Somebody was over a limit.
    pub fn refused(&self, limit: &'static str) {
        self.refused.get_or_create(&Limit { limit }).inc();
    }

    /// All of them as text.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
