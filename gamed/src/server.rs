//! One member, put together: listeners, hubs, links, the ownership driver and HTTP, from start to exit.
//!
//! Owns the order of starting and ending. Listens before it registers and until it exits, because a refused connection is
//! taken for a dead process.

use crate::clock;
use crate::context::{Context, Directory, Named};
use crate::creation::Creation;
use crate::demo::Roll;
use crate::driver::{Driver, Parts, Stage, ToDriver};
use crate::http::{self, Site};
use crate::journal::Journal;
use crate::keys::Key;
use crate::leaving::{self, Leaving};
use crate::ledger::Ledger;
use crate::limits;
use crate::links::{Links, Router};
use crate::live::{Bell, Live};
use crate::metrics::Metrics;
use crate::moves::Moves;
use crate::origin::Origin;
use crate::overview::Overview;
use crate::settings::Durability;
use crate::visitors::{AddressLimits, GameLimits, Visitors};
use crate::workers::{ToAll, Workers};
use ownership::Member;
use protocol::MemberId;
use protocol::peer::Introduction;
use registry::{MemberRecord, MemberState, Registry, Request};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What a member is made of, besides its listeners and the registry.
pub struct ServerConfig {
    /// For people.
    pub name: String,
    /// Revision of the Deployment.
    pub revision: String,
    /// For people.
    pub build: String,
    /// Empty outside Kubernetes.
    pub pod_uid: String,
    /// Empty outside Kubernetes.
    pub container: String,
    /// What other members dial.
    pub peer_address: String,
    /// The web client.
    pub web: Option<PathBuf>,
    /// What games can be created.
    pub creation: Creation,
    /// Games without people end after this.
    pub empty_game: Duration,
    /// What one game takes.
    pub game_limits: GameLimits,
    /// Pages that may listen to the cluster's changes.
    pub listeners: u32,
    /// What one client's address may take.
    pub address_limits: AddressLimits,
    /// Pages of other hosts that may act here.
    pub origins: Vec<Origin>,
    /// What is written to the registry.
    pub durability: Durability,
    /// Between two stored worlds of a game; nothing where durability is none.
    pub snapshot_interval: Duration,
    /// Between two writes of the input log.
    pub input_log: Duration,
    /// Failures of a game's world after which it is quarantined.
    pub quarantine_after: u8,
    /// Game threads.
    pub workers: usize,
    /// Rules versions, oldest and newest, that it says it steps: not more than [`STEPPED`].
    pub rules: (u16, u16),
    /// The cluster's secret.
    pub key: Key,
    /// The demo's button, in a demo.
    pub roll: Option<Roll>,
}

/// A running member.
pub struct Server {
    /// Its id.
    pub me: MemberId,
    /// Its name.
    pub name: String,
    registry: Arc<dyn Registry>,
    driver: mpsc::Sender<ToDriver>,
    workers: Workers,
    metrics: Arc<Metrics>,
    stage: watch::Receiver<Stage>,
    cancel: CancellationToken,
    keepers: JoinSet<&'static str>,
}

/// Rules versions that this build steps, oldest and newest.
pub const STEPPED: (u16, u16) = (sim::RULES_OLDEST, sim::RULES);

/// Longer than any process lives.
const NEVER_US: u64 = u64::MAX / 4;

/// Between two looks at whether the last socket is gone.
const LOOK: Duration = Duration::from_millis(50);

impl Server {
    /// Starts a member on these listeners.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub fn start(
        config: ServerConfig,
        registry: Arc<dyn Registry>,
        http: TcpListener,
        peers: TcpListener,
    ) -> io::Result<Server> {
        let me = MemberId(rand::random());
        let key = config.key;
        let metrics = Arc::new(Metrics::new());
        let directory = Arc::new(Directory::default());
        let leaving = Leaving::default();
        // The demo's button rings the same bell at all its members.
        let bell = config.roll.as_ref().map_or_else(Bell::default, |roll| roll.bell());
        let moves = Moves::new(bell.clone());
        let (driver, events) = mpsc::channel(limits::DRIVER_QUEUE);
        let (wanted, wanted_members) = mpsc::channel(16);
        let (workers, threads) = Workers::new(config.workers);
        let record = MemberRecord {
            id: me,
            name: config.name.clone(),
            address: config.peer_address,
            pod_uid: config.pod_uid,
            container: config.container,
            revision: config.revision,
            build: config.build,
            state: MemberState::Joining,
            games: 0,
            players: 0,
            rules_min: config.rules.0,
            rules_max: config.rules.1,
            renewals: 0,
            joined: 0,
            settled: String::new(),
        };
        let introduction = Introduction {
            id: me,
            address: record.address.clone(),
            name: record.name.clone(),
            build: record.build.clone(),
            revision: record.revision.clone(),
        };
        let links = Links::new(introduction, key.clone());
        directory.learn([(me, Named::from(&record))]);
        let durability = config.durability;
        let journal = if durability == Durability::Tick { Journal::kept() } else { Journal::default() };
        let rules = ownership::Settings {
            failures: config.quarantine_after,
            snapshot_us: match durability {
                Durability::None => NEVER_US,
                Durability::Tick | Durability::Snapshot => config.snapshot_interval.as_micros() as u64,
            },
            ..ownership::Settings::default()
        };
        let game_threads = threads.start(&Context {
            me,
            named: Named::from(&record),
            empty_game: config.empty_game,
            game_limits: config.game_limits,
            journal: journal.clone(),
            links: links.clone(),
            metrics: metrics.clone(),
            key: key.clone(),
            directory: directory.clone(),
            leaving: leaving.clone(),
            driver: driver.clone(),
        })?;
        let machine = Member::new(record, rules, clock::now(), rand::random());
        let (ledger, clerk) = Ledger::new(registry.clone());
        let parts = Parts {
            registry: registry.clone(),
            workers: workers.clone(),
            links: links.clone(),
            wanted,
            directory: directory.clone(),
            leaving: leaving.clone(),
            moves: moves.clone(),
            ledger,
            metrics: metrics.clone(),
            journal,
            input_log: config.input_log,
        };
        let (machine_driver, stage) = Driver::new(machine, parts, events);
        let overview = Overview::new(me, registry.clone(), config.creation.slots, moves, config.roll.clone());
        let overview = Arc::new(overview);
        let live = Live::new(overview.clone(), bell, config.listeners, metrics.clone(), leaving.clone());
        let site = Site {
            key,
            web: config.web,
            creation: config.creation,
            workers: workers.clone(),
            driver: driver.clone(),
            stage: stage.clone(),
            overview,
            live: live.clone(),
            visitors: Visitors::new(config.address_limits, metrics.clone()),
            links: links.clone(),
            origins: config.origins.into(),
            metrics: metrics.clone(),
            roll: config.roll,
        };
        let router = Router { workers: workers.clone(), driver: driver.clone(), directory };

        let cancel = CancellationToken::new();
        let mut keepers = JoinSet::new();
        for ended in game_threads {
            let token = cancel.clone();
            keepers.spawn(async move {
                tokio::select! {
                    () = token.cancelled() => {}
                    _ = ended => {}
                }
                "a game thread"
            });
        }
        let token = cancel.clone();
        keepers.spawn(async move {
            links.run(peers, wanted_members, router, token).await;
            "peer links"
        });
        let token = cancel.clone();
        keepers.spawn(async move {
            machine_driver.run(token).await;
            "ownership driver"
        });
        let (token, gauges, mut seen) = (cancel.clone(), metrics.clone(), site.key.clone());
        let hubs = workers.clone();
        keepers.spawn(async move {
            let mut before = seen.borrow().clone();
            loop {
                let key = seen.borrow_and_update().clone();
                if !key.signs_as(&before) {
                    hubs.send_all(ToAll::Tokens).await;
                }
                gauges.key_read(key.count());
                before = key;
                tokio::select! {
                    () = token.cancelled() => break,
                    changed = seen.changed() => if changed.is_err() {
                        token.cancelled().await;
                    }
                }
            }
            "the cluster's key"
        });
        let token = cancel.clone();
        keepers.spawn(async move {
            clerk.run(token).await;
            "the ledger of moves"
        });
        let (token, watched) = (cancel.clone(), registry.clone());
        keepers.spawn(async move {
            live.run(watched, token).await;
            "what listeners are told"
        });
        let token = cancel.clone();
        keepers.spawn(async move {
            http::serve(http, site, leaving, token).await;
            "http"
        });
        Ok(Server { me, name: config.name, registry, driver, workers, metrics, stage, cancel, keepers })
    }

    /// Readiness and drain.
    pub fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.clone()
    }

    /// For creating games from inside the process.
    pub fn driver(&self) -> mpsc::Sender<ToDriver> {
        self.driver.clone()
    }

    /// Waits for a part that ends although nobody asked it to, and names it. The process is of no use then.
    pub async fn failed(&mut self) -> &'static str {
        match self.keepers.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(_)) => "a part that panicked",
            None => std::future::pending().await,
        }
    }

    /// Hands the games over, lets the players go elsewhere, and ends: as soon as the last game, socket and listening
    /// page are gone, at the latest when the grace time ends.
    pub async fn leave(mut self, grace: Duration) {
        let began = Instant::now();
        let time = leaving::until_last_moment(grace);
        let deadline = began + time;
        if self.driver.send(ToDriver::Terminate(time)).await.is_err() {
            warn!("the ownership driver is gone: games are left to a take-over");
        }
        loop {
            let drained = self.stage.borrow().drained;
            let sockets = self.metrics.sockets.get();
            // Pages that listen are let go by themselves; cut off they would complain.
            if drained && sockets == 0 && self.metrics.listeners.get() == 0 {
                info!(after_ms = began.elapsed().as_millis() as u64, "all games and players have left");
                break;
            }
            if Instant::now() >= deadline {
                warn!(drained, sockets, "the grace time ends: the rest is closed");
                break;
            }
            sleep(LOOK).await;
        }
        self.workers.send_all(ToAll::Close).await;
        while self.metrics.sockets.get() > 0 && Instant::now() < began + grace {
            sleep(LOOK).await;
        }
        self.cancel.cancel();
        while self.keepers.join_next().await.is_some() {}
        if let Err(error) = self.registry.call(Request::Leave(self.me)).await {
            warn!(%error, "could not leave the registry; the others will notice");
        }
        info!(name = self.name, "left");
    }
}
