//! Three servers in one process, behind a small load balancer, with games that bots play in: the whole thing on one machine.
//!
//! Owns the servers' life and the roll: each is replaced by one of the next revision, one after the other, as a rolling
//! update does. It is one build and one process; what moves between the servers moves over real sockets.

mod balancer;

use crate::creation::{Creation, Wish};
use crate::driver::ToDriver;
use crate::keys::fixed;
use crate::live::Bell;
use crate::server::{STEPPED, Server, ServerConfig};
use crate::settings::Settings;
use anyhow::Context as _;
use balancer::Balancer;
use protocol::ClusterKey;
use registry::memory::Memory;
use registry::{ClusterRecord, Registry, Request};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Servers in the demo.
const SERVERS: u32 = 3;

/// A new server must be ready within this.
const READY: Duration = Duration::from_secs(15);

/// Between two replaced servers, so that people can see what happens.
const BREATH: Duration = Duration::from_secs(2);

/// The wanted revision is published this often, as the operator does: where that stands still, members choose by themselves.
const BEAT: Duration = Duration::from_secs(5);

/// The demo's button.
#[derive(Clone)]
pub struct Roll {
    rolling: Arc<AtomicBool>,
    press: mpsc::Sender<()>,
    bell: Bell,
}

impl Roll {
    fn new() -> (Roll, mpsc::Receiver<()>) {
        let (press, presses) = mpsc::channel(1);
        (Roll { rolling: Arc::default(), press, bell: Bell::default() }, presses)
    }

    /// Rung at the beginning and the end of a roll.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// The servers are being replaced.
    pub fn is_on(&self) -> bool {
        self.rolling.load(Ordering::SeqCst)
    }

    fn done(&self) {
        self.rolling.store(false, Ordering::SeqCst);
        self.bell.ring();
    }

    /// Replaces all servers, one after the other.
    ///
    /// # Errors
    /// With a sentence, while that is being done.
    pub fn start(&self) -> Result<(), &'static str> {
        if self.rolling.swap(true, Ordering::SeqCst) || self.press.try_send(()).is_err() {
            return Err("the servers are being replaced already; wait until that is done");
        }
        self.bell.ring();
        Ok(())
    }
}

struct Demo {
    settings: Settings,
    creation: Creation,
    key: ClusterKey,
    registry: Memory,
    balancer: Balancer,
    roll: Roll,
    servers: VecDeque<Server>,
    started: u32,
    /// Wanted of all servers; see [`publish`].
    revision: watch::Sender<u32>,
}

/// Runs the demo until `stop` is cancelled. `listener` is the load balancer's.
///
/// # Errors
/// When a server cannot start.
pub async fn run(settings: Settings, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let (roll, mut presses) = Roll::new();
    let balancer = Balancer::new();
    let mut demo = Demo {
        key: settings.key()?,
        creation: settings.creation()?,
        registry: Memory::default(),
        balancer: balancer.clone(),
        roll: roll.clone(),
        servers: VecDeque::new(),
        started: 0,
        revision: watch::Sender::new(1),
        settings,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(publish(demo.registry.clone(), demo.revision.subscribe()));
    for _ in 0..SERVERS {
        demo.add_server().await?;
    }
    tasks.spawn(balancer.run(listener, stop.clone()));
    demo.create_games().await?;
    let port = address.port();
    info!("three servers in one process (one build, in-memory registry): open http://localhost:{port}/");

    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(()) = presses.recv() => {
                let outcome = tokio::select! {
                    () = stop.cancelled() => break,
                    outcome = demo.replace_all() => outcome,
                };
                roll.done();
                if let Err(error) = outcome {
                    warn!("the roll stopped half way: {error:#}");
                }
            }
        }
    }
    info!("ending");
    tasks.shutdown().await;
    for server in demo.servers {
        // All leave at once and nobody is there to take over: games end with the process, as the demo says.
        drop(server);
    }
    Ok(())
}

/// Publishes the wanted revision when it changes, and every [`BEAT`], as long as somebody wants one.
async fn publish(registry: Memory, mut revision: watch::Receiver<u32>) {
    loop {
        let target_revision = revision.borrow_and_update().to_string();
        let record = ClusterRecord { target_revision, rules: sim::RULES, ..ClusterRecord::default() };
        if let Err(error) = registry.call(Request::PublishCluster(record)).await {
            warn!("cannot publish the revision: {error}");
        }
        if let Ok(Err(_)) = timeout(BEAT, revision.changed()).await {
            return;
        }
    }
}

impl Demo {
    async fn add_server(&mut self) -> anyhow::Result<()> {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let http = TcpListener::bind(loopback).await?;
        let peers = TcpListener::bind(loopback).await?;
        let address = http.local_addr()?;
        self.started += 1;
        let revision = *self.revision.borrow();
        let config = ServerConfig {
            name: format!("server-{}", self.started),
            revision: revision.to_string(),
            build: format!("{}, revision {revision}", self.settings.build),
            pod_uid: String::new(),
            container: String::new(),
            peer_address: peers.local_addr()?.to_string(),
            web: self.settings.web.clone(),
            creation: self.creation.clone(),
            empty_game: self.settings.empty_game(),
            game_limits: self.settings.game_limits(),
            listeners: self.settings.listeners,
            address_limits: self.settings.address_limits(),
            origins: self.settings.origins.clone(),
            durability: self.settings.durability,
            snapshot_interval: self.settings.snapshot_interval(),
            input_log: self.settings.input_log(),
            quarantine_after: self.settings.quarantine_after,
            workers: 1,
            rules: STEPPED,
            key: fixed(self.key.clone()),
            roll: Some(self.roll.clone()),
        };
        let registry: Arc<dyn Registry> = Arc::new(self.registry.clone());
        let server = Server::start(config, registry, http, peers)?;
        let mut stage = server.stage();
        let ready = stage.wait_for(|stage| stage.ready);
        timeout(READY, ready)
            .await
            .context("a new server did not get ready")?
            .context("a new server ended")?;
        self.balancer.add(address);
        self.servers.push_back(server);
        Ok(())
    }

    /// As a rolling update does: a new one is ready before an old one leaves.
    async fn replace_all(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        self.revision.send_modify(|revision| *revision += 1);
        let revision = *self.revision.borrow();
        info!(revision, "replacing all servers, one after the other");
        for _ in 0..SERVERS {
            self.add_server().await?;
            let Some(old) = self.servers.pop_front() else { break };
            self.balancer.remove_oldest();
            old.leave(self.settings.grace()).await;
            tokio::time::sleep(BREATH).await;
        }
        info!(revision, seconds = began.elapsed().as_secs(), "all servers replaced");
        Ok(())
    }

    /// Games that stay, with bots in them, each in the next maze.
    async fn create_games(&self) -> anyhow::Result<()> {
        let mazes = self.creation.mazes.list();
        for number in 0..usize::from(self.settings.demo_games) {
            let wish = Wish {
                name: format!("Arena {}", number + 1),
                maze: Some(mazes[number % mazes.len()].name.clone()),
                bots: Some(self.settings.demo_bots),
                stays: true,
            };
            let server = &self.servers[number % self.servers.len()];
            let rules = server.stage().borrow().rules;
            let (settings, snapshot) = self.creation.first_world(wish, rules)?;
            let (answer, created) = oneshot::channel();
            let create = ToDriver::Create { settings, snapshot, answer };
            server.driver().send(create).await.context("create a game")?;
            created.await.context("create a game")?.map_err(anyhow::Error::msg)?;
        }
        Ok(())
    }
}
