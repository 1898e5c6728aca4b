//! The operator's flags. Each is an environment variable too; what is parsed here is checked here.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;

/// Turns TanxCluster objects into running clusters of game servers, and moves games off pods that go away.
///
/// Without a subcommand it runs. It finds the API server as kubectl does: $KUBECONFIG, ~/.kube/config, or the service
/// account of its pod.
#[derive(Parser, Debug)]
#[command(name = "operator", version)]
pub struct Cli {
    /// What to do; `run` where absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run.
    #[command(flatten)]
    pub run: RunSettings,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run until SIGTERM (the default).
    Run,
    /// Print the CustomResourceDefinition as YAML: `operator crd | kubectl apply --server-side -f -`.
    Crd,
}

/// How to run.
#[derive(Args, Debug, Clone)]
pub struct RunSettings {
    /// Look at TanxClusters of this namespace only [default: all namespaces]
    #[arg(long, env = "OPERATOR_NAMESPACE", global = true)]
    pub namespace: Option<String>,

    /// Where /healthz (the process lives), /readyz (it has seen all pods) and /metrics (Prometheus) are served
    #[arg(long, env = "OPERATOR_METRICS_LISTEN", default_value = "0.0.0.0:8081", global = true)]
    pub metrics_listen: SocketAddr,

    /// How to log; what is logged is chosen by RUST_LOG (default "info")
    #[arg(long, env = "OPERATOR_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto, global = true)]
    pub log_format: LogFormat,

    /// How often a cluster is looked at while it changes, in milliseconds
    #[arg(long, env = "OPERATOR_BUSY_POLL_MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=5_000), global = true)]
    pub busy_poll_ms: u64,

    /// How often a cluster is looked at while nothing changes, in milliseconds; games and players in its status are
    /// so old at most. Each look also tells the game servers that an operator is there: 12 s without one, and they choose
    /// by themselves which of them are the newest
    #[arg(long, env = "OPERATOR_IDLE_POLL_MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=5_000), global = true)]
    pub idle_poll_ms: u64,

    /// How long games of pods that go are still assigned after SIGTERM, in milliseconds: where a node is drained, the operator's
    /// pod may go together with the first game server, and the next operator takes some seconds to start
    #[arg(long, env = "OPERATOR_LINGER_MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(0..=20_000), global = true)]
    pub linger_ms: u64,
}

impl RunSettings {
    /// Between two looks at a cluster that changes.
    pub fn busy_poll(&self) -> Duration {
        Duration::from_millis(self.busy_poll_ms)
    }

    /// From SIGTERM to the end.
    pub fn linger(&self) -> Duration {
        Duration::from_millis(self.linger_ms)
    }

    /// Between two looks at a cluster that does not.
    pub fn idle_poll(&self) -> Duration {
        Duration::from_millis(self.idle_poll_ms)
    }
}

/// How to log.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent_and_run_is_the_default() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["operator", "--namespace", "games"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.run.namespace.as_deref(), Some("games"));
        assert!(Cli::try_parse_from(["operator", "run", "--busy-poll-ms", "1"]).is_err());
    }
}
