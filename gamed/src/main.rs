//! Flags, logs, signals: the process around a member, or around the demo.

use anyhow::Context as _;
use clap::Parser;
use gamed::admin::{Command, quarantine};
use gamed::keys::follow;
use gamed::server::{STEPPED, Server, ServerConfig};
use gamed::settings::{LogFormat, Settings};
use registry::Registry;
use registry::memory::Memory;
use registry::redis::{Redis, RedisSettings};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let settings = Settings::parse();
    gamed::contain::abort_elsewhere();
    if let Err(error) = logs(&settings) {
        eprintln!("gamed: {error:#}");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("gamed: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(settings));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gamed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn logs(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("--log {:?}: give levels such as info or gamed=debug", settings.log))?;
    let json = match settings.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        logs.json().init()
    } else {
        logs.with_target(false).init()
    }
    Ok(())
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    if let Some(Command::Quarantine(what)) = &settings.command {
        anyhow::ensure!(
            settings.redis.is_some(),
            "give --redis, or run this in the container of a game server"
        );
        let wait = settings.redis_wait().unwrap_or(Duration::ZERO);
        print!("{}", quarantine(&*connect(&settings, Some(wait)).await?, what).await?);
        return Ok(());
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = bind(settings.listen, "--listen").await?;
    if settings.demo {
        settings.check_demo()?;
        let stop = CancellationToken::new();
        let ended = gamed::demo::run(settings, listener, stop.clone());
        tokio::pin!(ended);
        return tokio::select! {
            ended = &mut ended => ended,
            _ = async { tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () } } => {
                stop.cancel();
                ended.await
            }
        };
    }
    let peers = bind(settings.peer_listen, "--peer-listen").await?;
    let peer_address = settings.peer_address(peers.local_addr()?)?;
    let (key_sender, key) = watch::channel(settings.key()?);
    if let Some(file) = settings.cluster_key_file.clone() {
        let every = Duration::from_secs(settings.cluster_key_read_seconds.into());
        tokio::spawn(follow(file, every, key_sender));
    }
    let creation = settings.creation()?;
    let told = async {
        tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
    };
    let registry = tokio::select! {
        registry = connect(&settings, settings.redis_wait()) => registry?,
        never = gamed::waiting::answer(&listener) => match never {},
        () = told => {
            info!("ending before it has joined");
            return Ok(());
        }
    };
    info!(listen = %listener.local_addr()?, peers = %peer_address, build = settings.build, "starting");
    let config = ServerConfig {
        name: settings.name(),
        revision: settings.revision.clone(),
        build: settings.build.clone(),
        pod_uid: settings.pod_uid.clone(),
        container: settings.container.clone(),
        peer_address: peer_address.to_string(),
        web: settings.web.clone(),
        creation,
        empty_game: settings.empty_game(),
        game_limits: settings.game_limits(),
        listeners: settings.listeners,
        address_limits: settings.address_limits(),
        origins: settings.origins.clone(),
        durability: settings.durability,
        snapshot_interval: settings.snapshot_interval(),
        input_log: settings.input_log(),
        quarantine_after: settings.quarantine_after,
        workers: settings.workers(),
        rules: STEPPED,
        key,
        roll: None,
    };
    let mut server = Server::start(config, registry, listener, peers)?;
    tokio::select! {
        part = server.failed() => anyhow::bail!("{part} has ended; so does the process"),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    if settings.redis.is_none() {
        info!("serving alone from memory: the games end here");
        return Ok(());
    }
    tokio::select! {
        () = server.leave(settings.grace()) => {}
        _ = interrupt.recv() => warn!("interrupted again: ending at once"),
    }
    Ok(())
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another address with {flag}"))
}

/// The registry, if it can be reached within `wait`, where there is a limit.
async fn connect(settings: &Settings, wait: Option<Duration>) -> anyhow::Result<Arc<dyn Registry>> {
    let Some(url) = &settings.redis else {
        info!("no --redis: serving alone, from memory; games end with this process");
        return Ok(Arc::new(Memory::default()));
    };
    let there = RedisSettings { ca: settings.redis_ca()?, ..RedisSettings::new(url, &settings.redis_prefix) };
    let start = Instant::now();
    let mut said = None::<Instant>;
    loop {
        let error = match Redis::connect(there.clone()).await {
            Ok(redis) => return Ok(Arc::new(redis)),
            Err(error) => error,
        };
        // A Redis that starts beside us will answer soon; one that answers wrongly will go on doing so.
        if !error.may_pass() || wait.is_some_and(|wait| start.elapsed() >= wait) {
            return Err(error.into());
        }
        if said.is_none_or(|said| said.elapsed() >= REDIS_REMINDER) {
            warn!("{error} (waiting for it)");
            said = Some(Instant::now());
        }
        tokio::time::sleep(REDIS_RETRY).await;
    }
}

/// Between two lines of the log that say so.
const REDIS_REMINDER: Duration = Duration::from_secs(30);
/// Between two tries to reach a Redis that is not there yet.
const REDIS_RETRY: Duration = Duration::from_millis(250);
