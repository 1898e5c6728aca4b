//! Flags, logs, signals: the process around the operator.

use anyhow::Context as _;
use clap::Parser;
use operator::controller;
use operator::settings::{Cli, Command, LogFormat, RunSettings};
use std::io::IsTerminal;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Command::Crd) = cli.command {
        print!("{}", operator::crd_yaml()?);
        return Ok(());
    }
    logs(cli.run.log_format)?;
    // A part that is lost must not be missed: Kubernetes starts the process again.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        std::process::abort();
    }));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(cli.run))
}

fn logs(format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(levels) => EnvFilter::try_new(&levels).with_context(|| {
            format!("RUST_LOG={levels:?}: give levels such as info or operator=debug,info")
        })?,
        Err(_) => EnvFilter::new("info"),
    };
    let json = match format {
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

async fn run(settings: RunSettings) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let client = kube::Client::try_default()
        .await
        .context("no API server: set KUBECONFIG, or run in a pod with a service account")?;
    let listener = TcpListener::bind(settings.metrics_listen).await.with_context(|| {
        format!("cannot listen on {}: choose another --metrics-listen", settings.metrics_listen)
    })?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        namespace = settings.namespace.as_deref().unwrap_or("all"),
        metrics = %settings.metrics_listen,
        "looking after TanxClusters"
    );
    let shutdown = CancellationToken::new();
    let running = controller::run(client, &settings, listener, shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => Ok(ended?),
        _ = async { tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () } } => {
            tracing::info!("told to end");
            shutdown.cancel();
            Ok(running.await?)
        }
    }
}
