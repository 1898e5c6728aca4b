//! The command line of the end-to-end tests. Logic lives in the library.

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use e2e::cluster::Cluster;
use e2e::lobby::Address;
use e2e::oracle::{Window, judge};
use e2e::pauses::{self, Asked, Judgement, Samples};
use e2e::recording::Recording;
use e2e::report::{self, Bars, Facts, Outcome, Ran};
use e2e::scenario::{Arena, Scenario, Settings, write_recordings};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Plays Tanx with bots, breaks the cluster under them, and judges what each player was shown.
#[derive(Parser)]
#[command(name = "tanx-e2e", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Everything, on a cluster brought up on this machine (root, Linux):
    e2e/run short
  The same on a cluster of yours that has a TanxCluster named tanx:
    tanx-e2e run --kubeconfig ~/.kube/config --image-v1 REPO/gamed:v1 --image-v2 REPO/gamed:v2
  Load by hand, on the demo or any address:
    tanx-e2e bots --address 127.0.0.1:8080 --games 4 --bots 4 --seconds 60
  Judge recordings again:
    tanx-e2e judge --from 12.5 e2e-logs/recordings/round-1/1-set-image

Bars: no game lost, nobody has to rejoin, every input applied once and in order, no promise to players broken. At planned
moves no tick missed, no socket lost before another one has frames, no gap of more than 1 s; pods end by themselves. In a
rollout exactly one move for each game, and the pods end up even within 20 %. At SIGKILL back within 5 s with at most 50
ticks of play lost. The pauses of 500 moves and more are held against those of games that did not move at that moment.
NOT RUN says why, and never counts as passed. The exit code is 0 only if nothing failed and something was run.";

#[derive(Subcommand)]
enum Command {
    /// Put a TanxCluster through faults while bots play on it
    Run(Box<Run>),
    /// Let bots play and judge it; breaks nothing (try `kubectl delete pod` meanwhile)
    Bots(Bots),
    /// Judge recordings that an earlier run has kept
    Judge(Judge),
}

#[derive(Args)]
struct Play {
    /// Games to create
    #[arg(long, env = "TANX_E2E_GAMES", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=500))]
    games: u16,
    /// Bots in each game
    #[arg(long, env = "TANX_E2E_BOTS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    bots: u16,
    /// What bots drive and shoot by; drawn and printed where not given
    #[arg(long, env = "TANX_E2E_SEED")]
    seed: Option<u64>,
    /// Write the results as JSON to this file
    #[arg(long, env = "TANX_E2E_JSON")]
    json: Option<PathBuf>,
    /// Keep the recordings of every bot in this folder
    #[arg(long, env = "TANX_E2E_RECORDINGS")]
    recordings: Option<PathBuf>,
}

#[derive(Args)]
struct Run {
    /// Which scenarios, in this order; one may come twice [default: each once, in a sensible order]
    #[arg(long = "scenario", value_enum)]
    scenarios: Vec<Scenario>,
    /// How often all of them
    #[arg(long, env = "TANX_E2E_ROUNDS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Instead: one drawn from them after the other, until so many minutes have passed; the seed says which
    #[arg(long, env = "TANX_E2E_MINUTES", value_name = "N", conflicts_with = "rounds", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    minutes: Option<u64>,
    /// Where players connect, HOST[:PORT] [default: the Service's load balancer]
    #[arg(long, env = "ADDRESS")]
    address: Option<Address>,
    /// The cluster's kubeconfig [default: kubectl's own choice]
    #[arg(long, env = "KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The kubectl to run
    #[arg(long, env = "TANX_E2E_KUBECTL", default_value = "kubectl")]
    kubectl: PathBuf,
    /// Namespace of the TanxCluster
    #[arg(long, env = "TANX_E2E_NAMESPACE", default_value = "default")]
    namespace: String,
    /// Name of the TanxCluster
    #[arg(long, env = "TANX_E2E_NAME", default_value = "tanx")]
    name: String,
    /// Image of one version of the game server, for the rollout
    #[arg(long, env = "TANX_E2E_IMAGE_V1", requires = "image_v2")]
    image_v1: Option<String>,
    /// Image of another version
    #[arg(long, env = "TANX_E2E_IMAGE_V2", requires = "image_v1")]
    image_v2: Option<String>,
    /// An image whose game servers have rules that those two do not have (images/build --next TAG)
    #[arg(long, env = "TANX_E2E_IMAGE_NEXT")]
    image_next: Option<String>,
    /// Program (and first arguments) that sends a signal to a container; NAMESPACE/POD CONTAINER SIGNAL follow
    #[arg(long, env = "TANX_E2E_KILL_COMMAND")]
    kill_command: Option<String>,
    /// Program (and first arguments) that does to nodes and containers what e2e/cluster/node does; its arguments follow
    #[arg(long, env = "TANX_E2E_NODE_COMMAND")]
    node_command: Option<String>,
    /// Program (and first arguments) that upgrades the operator; --set-string podAnnotations.NAME=VALUE follows
    #[arg(long, env = "TANX_E2E_HELM_COMMAND")]
    helm_command: Option<String>,
    /// The operator's Deployment, NAMESPACE/NAME
    #[arg(long, env = "TANX_E2E_OPERATOR")]
    operator: Option<String>,
    /// Judge pauses however few moves there were
    #[arg(long, env = "TANX_E2E_JUDGE_FEW_MOVES")]
    judge_few_moves: bool,
    /// The machine does nothing else: a pause of over 40 ms (p99) is a failure too
    #[arg(long, env = "TANX_E2E_IDLE_MACHINE")]
    idle_machine: bool,
    /// Write all tables as a page of Markdown to this file
    #[arg(long, env = "TANX_E2E_REPORT")]
    report: Option<PathBuf>,
    /// Seconds to watch before each fault
    #[arg(long, env = "TANX_E2E_QUIET_SECONDS", default_value_t = 5)]
    quiet_seconds: u64,
    #[command(flatten)]
    play: Play,
}

#[derive(Args)]
struct Bots {
    /// Where players connect, HOST[:PORT]
    #[arg(long, env = "ADDRESS")]
    address: Address,
    /// Seconds to play, counted from when all bots do; Ctrl-C ends it early
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    #[command(flatten)]
    play: Play,
}

#[derive(Args)]
struct Judge {
    /// Folders or files of one run (*.rec)
    #[arg(required = true)]
    recordings: Vec<PathBuf>,
    /// Begin of the judged window, in seconds from the start of the run
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    from: f64,
    /// Its end [default: the last message of any bot]
    #[arg(long, value_parser = seconds)]
    to: Option<f64>,
    /// Write the verdict as JSON to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A time of at most a day, which a `Duration` can hold.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=86_400.0).contains(&value) => Ok(value),
        _ => Err("give seconds from 0 to 86400".to_owned()),
    }
}

impl Play {
    /// Recordings of two runs in one folder would be judged as one.
    fn check(&self) -> Result<()> {
        if let Some(folder) = self.recordings.as_ref().filter(|folder| folder.exists()) {
            let mut files = Vec::new();
            collect(folder, &mut files)?;
            ensure!(
                files.is_empty(),
                "{} holds recordings of another run: name a new folder",
                folder.display()
            );
        }
        Ok(())
    }

    fn seed(&self) -> u64 {
        // Short enough to be typed again.
        self.seed.unwrap_or_else(|| rand::random_range(0..1_000_000))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "info".into()))
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            // Not as Debug: where backtraces are on, one would bury the sentence.
            eprintln!("tanx-e2e: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    let (outcomes, json, page, asked, seed) = match &command {
        Command::Run(run) => {
            let asked = Asked { judge_few: run.judge_few_moves, idle_machine: run.idle_machine };
            let seed = run.play.seed();
            (run.outcomes(seed).await?, &run.play.json, &run.report, asked, seed)
        }
        Command::Bots(bots) => (vec![bots.outcome().await?], &bots.play.json, &None, Asked::default(), 0),
        Command::Judge(judge) => (vec![judge.outcome()?], &judge.json, &None, Asked::default(), 0),
    };
    let pooled = pauses::compare(outcomes.iter().filter_map(Outcome::samples), seed, asked);
    if outcomes.len() > 1 {
        println!("{}", report::summary(&outcomes));
    }
    if pooled.moves > 0 {
        print!("{}", report::pauses(&pooled));
    }
    if let Some(json) = json {
        report::write_json(&outcomes, &pooled, json)?;
    }
    if let Some(page) = page {
        let text = report::page(&outcomes, &pooled, "What the end-to-end tests found");
        std::fs::write(page, text).with_context(|| format!("cannot write {}", page.display()))?;
    }
    let ran = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Ran(_)));
    let paused = matches!(pooled.judgement, Judgement::Told | Judgement::Pass);
    let good = ran && paused && !outcomes.iter().any(Outcome::failed);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A program and its first arguments.
fn words(command: &Option<String>, flag: &str) -> Result<Option<Vec<String>>> {
    let words = |text: &String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let words = command.as_ref().map(words);
    ensure!(words.as_ref().is_none_or(|words| !words.is_empty()), "{flag} is empty");
    Ok(words)
}

impl Run {
    async fn outcomes(&self, seed: u64) -> Result<Vec<Outcome>> {
        self.play.check()?;
        let kubeconfig = self.kubeconfig.clone().filter(|path| !path.as_os_str().is_empty());
        let cluster =
            Cluster::new(self.kubectl.clone(), kubeconfig, self.namespace.clone(), self.name.clone());
        let address = match &self.address {
            Some(address) => address.clone(),
            None => cluster.address().await?.parse()?,
        };
        let images = match (&self.image_v1, &self.image_v2) {
            (Some(one), Some(other)) if one == other => {
                bail!("--image-v1 and --image-v2 are both {one}; a rollout needs two different images")
            }
            (Some(one), Some(other)) => Some([one.clone(), other.clone()]),
            _ => None,
        };
        let kill_command = words(&self.kill_command, "--kill-command")?;
        let node_command = words(&self.node_command, "--node-command")?;
        let helm_command = words(&self.helm_command, "--helm-command")?;
        let scenarios = if self.scenarios.is_empty() { Scenario::all() } else { &self.scenarios };
        tracing::info!("players connect to {address}; seed {seed}");
        let mut outcomes = Vec::new();
        for (turn, scenario) in self.plan(scenarios, seed).enumerate() {
            let (round, number) = (turn / scenarios.len(), turn % scenarios.len());
            let folder = format!("round-{}/{}-{}", round + 1, number + 1, scenario.title());
            let settings = Settings {
                address: address.clone(),
                cluster: cluster.clone(),
                games: self.play.games.into(),
                bots: self.play.bots.into(),
                seed: seed.wrapping_add(round as u64 * 1_000_000),
                quiet: Duration::from_secs(self.quiet_seconds),
                images: images.clone(),
                next_image: self.image_next.clone(),
                kill_command: kill_command.clone(),
                node_command: node_command.clone(),
                helm_command: helm_command.clone(),
                operator: self.operator.clone(),
                recordings: self.play.recordings.as_ref().map(|root| root.join(folder)),
            };
            let outcome = match scenario.run(&settings).await {
                Ok(outcome) => outcome,
                Err(error) => aborted(&scenario.title(), settings.seed, &error),
            };
            println!("{}", report::scenario(&outcome));
            if let Some(folder) = settings.recordings.filter(|_| self.minutes.is_some() && !outcome.failed())
                && folder.exists()
            {
                // Hours of them do not fit on a disk.
                std::fs::remove_dir_all(&folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?;
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

impl Run {
    /// What is run, in this order.
    fn plan<'a>(&self, scenarios: &'a [Scenario], seed: u64) -> Box<dyn Iterator<Item = Scenario> + 'a> {
        let listed = scenarios.iter().copied();
        let Some(minutes) = self.minutes else {
            return Box::new(listed.cycle().take(scenarios.len() * usize::from(self.rounds)));
        };
        let end = Instant::now() + Duration::from_secs(60 * minutes);
        let mut dice = StdRng::seed_from_u64(seed);
        let drawn = std::iter::repeat_with(move || scenarios[dice.random_range(0..scenarios.len())]);
        Box::new(drawn.take_while(move |_| Instant::now() < end))
    }
}

/// A scenario that did not come to its end has failed, and the others are still run.
fn aborted(scenario: &str, seed: u64, error: &anyhow::Error) -> Outcome {
    let nothing = Window { from: Duration::ZERO, to: Duration::ZERO };
    Outcome::Ran(Box::new(Ran {
        scenario: scenario.to_owned(),
        fault: "did not come to its end".to_owned(),
        seed,
        seconds: 0.0,
        quiet_gap_ms: None,
        verdict: judge(&[], nothing),
        checks: Vec::new(),
        facts: Facts::default(),
        timeline: Vec::new(),
        samples: Samples::default(),
        troubles: vec![format!("{error:#}")],
    }))
}

impl Bots {
    async fn outcome(&self) -> Result<Outcome> {
        self.play.check()?;
        let seed = self.play.seed();
        tracing::info!(
            "{} games with {} bots each at {}; seed {seed}",
            self.play.games,
            self.play.bots,
            self.address
        );
        let began = Instant::now();
        let arena = Arena::open(&self.address, self.play.games.into(), self.play.bots.into(), seed).await?;
        let played = arena.all_play().await;
        let from = arena.now();
        if played.is_ok() {
            tracing::info!("all play; {} s from now", self.seconds);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(self.seconds)) => {}
                interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C")?,
            }
        }
        let (to, troubles) = (arena.now(), arena.troubles());
        let recordings = arena.close().await?;
        if let Some(folder) = &self.play.recordings {
            write_recordings(&recordings, folder)?;
        }
        let mut outcome = judged("bots", &recordings, Window { from, to }, seed, began.elapsed());
        if let Outcome::Ran(ran) = &mut outcome {
            ran.troubles.extend(troubles);
            ran.troubles.extend(played.err().map(|error| format!("{error:#}")));
        }
        println!("{}", report::scenario(&outcome));
        Ok(outcome)
    }
}

impl Judge {
    fn outcome(&self) -> Result<Outcome> {
        let mut files = Vec::new();
        for path in &self.recordings {
            collect(path, &mut files)?;
        }
        ensure!(!files.is_empty(), "there are no recordings (*.rec) in what was given");
        let recordings = files.iter().map(|file| Recording::read(file)).collect::<Result<Vec<_>>>()?;
        let last = recordings.iter().map(Recording::last_at).max().unwrap_or_default();
        let to = self.to.map_or(last, Duration::from_secs_f64);
        let from = Duration::from_secs_f64(self.from);
        ensure!(from <= to, "the window begins after it ends ({:.3} s)", to.as_secs_f64());
        let outcome = judged("recordings", &recordings, Window { from, to }, 0, to);
        println!("{}", report::scenario(&outcome));
        Ok(outcome)
    }
}

/// A run that nothing was done to on purpose.
fn judged(scenario: &str, recordings: &[Recording], window: Window, seed: u64, took: Duration) -> Outcome {
    let verdict = judge(recordings, window);
    Outcome::Ran(Box::new(Ran {
        scenario: scenario.to_owned(),
        fault: "no fault on purpose".to_owned(),
        seed,
        seconds: took.as_secs_f64(),
        quiet_gap_ms: None,
        checks: report::checks(&verdict, &Facts::default(), Bars::PLAY),
        verdict,
        facts: Facts::default(),
        timeline: Vec::new(),
        // What moved was no plan of ours, but the pauses of it are the same.
        samples: pauses::samples(recordings, window, window, Vec::new(), seed),
        troubles: Vec::new(),
    }))
}

/// Recordings in a folder, and in folders in it.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "rec") {
            collect(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_scenario_that_did_not_come_to_its_end_has_failed() {
        assert!(aborted("rollout", 1, &anyhow::anyhow!("no cluster")).failed());
    }
}
