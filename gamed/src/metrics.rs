//! Counters and gauges of one member, in the form that Prometheus reads. Ids never become labels.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use protocol::CloseCode;

/// How a move came about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cause {
    cause: &'static str,
}

/// Why a socket was closed by us.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: u32,
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
    moves: Family<Cause, Counter>,
    pause: Family<Cause, Histogram, fn() -> Histogram>,
    closes: Family<Code, Counter>,
}

/// Upper bounds of the pause of a move in seconds: below a tick it is invisible.
const PAUSE_BOUNDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

impl Metrics {
    /// All zero.
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("gamed");
        let pause: Family<Cause, Histogram, fn() -> Histogram> =
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
            moves: Family::default(),
            pause,
            closes: Family::default(),
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
        registry.register("moves", "Games that came here, by cause", metrics.moves.clone());
        registry.register(
            "move_pause_seconds",
            "How long nobody ran a game that came here",
            metrics.pause.clone(),
        );
        registry.register(
            "sockets_closed",
            "Sockets that the server closed, by close code",
            metrics.closes.clone(),
        );
        Metrics { registry, ..metrics }
    }

    /// A game came here.
    pub fn moved(&self, cause: &'static str, pause_us: u64) {
        self.moves.get_or_create(&Cause { cause }).inc();
        self.pause.get_or_create(&Cause { cause }).observe(pause_us as f64 / 1e6);
    }

    /// A socket was closed with a code.
    pub fn closed(&self, code: CloseCode) {
        self.closes.get_or_create(&Code { code: code.code().into() }).inc();
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
