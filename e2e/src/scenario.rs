//! What is done to a cluster while bots play on it, and the frame that all of it shares.
//!
//! Owns the order: create games, let bots play, watch quietly, break something, wait until the cluster is whole again, send
//! the bots home, judge. Each scenario has a module of its own with what it does and what it is held against. Waits for
//! conditions with a deadline; the two quiet watches are measurements, not waits.

mod all_gone;
mod api_away;
mod arena;
mod crowd;
mod cut;
mod cut_operator;
mod delete_pod;
mod drain_node;
mod evict;
mod freeze;
mod helm_in_rollout;
mod loss;
mod oom;
mod operator_away;
mod operator_kill;
mod redis_behind;
mod redis_clock;
mod redis_disk;
mod redis_slow;
mod registry;
mod restart;
mod rotate_key;
mod rules;
mod scale;
mod set_image;
mod sigkill;
mod slow_links;
mod timeline;
mod undo;

pub use arena::Arena;

use crate::cluster::{Cluster, Pod, PodsWatch};
use crate::lobby::{Address, ListedGame};
use crate::oracle::{self, Broken, Window};
use crate::pauses;
use crate::recording::Recording;
use crate::report::{Bars, Check, Exit, Facts, Loss, Outcome, Ran, checks};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use cut::Cut;
use cut_operator::Unreached;
use protocol::GameId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

/// Time between two looks at the cluster.
const POLL: Duration = Duration::from_millis(250);
/// Time between two looks at the lobby for a moment that passes quickly.
const POLL_LOBBY: Duration = Duration::from_millis(50);
/// Longest wait for a cluster to become whole before a fault.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// Longest wait for a cluster to become whole after a fault.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
/// Longest wait until each server is linked with all others.
const LINKED_WITHIN: Duration = Duration::from_secs(10);
/// The watch goes on for so long after that: longer than [`oracle::SILENCE`], so that whoever is cut off shows.
const WATCH_AFTER: Duration = Duration::from_secs(3);

/// Longest wait for --kill-command and --node-command.
const CARRIED_OUT_WITHIN: Duration = Duration::from_secs(20);
/// Longest wait for the games of a scenario to end when all have left; longer than the default of
/// `spec.game.emptyGameSeconds`.
const OVER_WITHIN: Duration = Duration::from_secs(120);

const _: () = assert!(oracle::SILENCE.as_millis() < WATCH_AFTER.as_millis());

/// What to put a cluster through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// kubectl set image, from one version to the other (needs --image-v1 and --image-v2)
    SetImage,
    /// kubectl rollout undo in the middle of that (needs both images)
    Undo,
    /// kubectl rollout restart
    Restart,
    /// kubectl delete pod, of the pod that owns most games
    DeletePod,
    /// kubectl drain, of a node whose pod owns games (not of the one that holds Redis)
    DrainNode,
    /// kubectl scale: one pod less, two more, one less
    Scale,
    /// An eviction through the API, of the pod that owns most games
    Evict,
    /// helm upgrade of the operator in the middle of a rollout (needs both images and --helm-command)
    HelmInRollout,
    /// A rollout with the operator scaled to zero (needs both images and --operator)
    OperatorAway,
    /// kubectl scale to 0 and back: all pods leave at once
    AllGone,
    /// SIGKILL to the process that owns most games (needs --kill-command)
    Sigkill,
    /// The same to two of three
    SigkillTwo,
    /// The same to all
    SigkillAll,
    /// SIGSTOP to that process, SIGCONT after 10 s (needs --kill-command)
    Freeze,
    /// SIGKILL to the managed Redis (needs --kill-command)
    RedisKill,
    /// SIGSTOP to the managed Redis, SIGCONT after 10 s (needs --kill-command)
    RedisFreeze,
    /// Nobody reaches the managed Redis for 30 s (needs --node-command)
    RedisAway,
    /// FLUSHALL in the managed Redis
    RedisFlush,
    /// The managed Redis reaches its memory limit for 10 s
    RedisFull,
    /// kubectl drain, of the node that holds the managed Redis
    DrainRedis,
    /// SIGKILL to two operators in the middle of a rollout (needs both images, --kill-command and --operator)
    OperatorKill,
    /// SIGKILL to an old server in the middle of a rollout of other rules (needs --image-next and --kill-command)
    UpgradeCrash,
    /// A rollout of other rules that is rolled back in the middle (needs --image-next)
    RollBack,
    /// The same, rolled back when it is complete (needs --image-next)
    RollBackLate,
    /// A node has no network for 10 s (needs --node-command)
    CutNode,
    /// A node does not reach Redis for 10 s (needs --node-command)
    CutRedis,
    /// A node and the game servers on others do not reach each other for 10 s (needs --node-command)
    CutPeers,
    /// What a node sends to game servers on others is lost for 10 s (needs --node-command)
    CutOneWay,
    /// 500 watchers come back at once, then 50 clients read nothing, then 50 send garbage
    Crowd,
    /// Nobody reaches the API server for 60 s (needs --node-command)
    ApiAway,
    /// The managed Redis fails over, and what it was told in the last second is lost (needs --kill-command)
    RedisFailover,
    /// The managed Redis is restored from a backup that knows nothing of a pod's departure (needs --kill-command)
    RedisBackup,
    /// The wall clock of the managed Redis is an hour ahead, then one behind, while a pod comes and goes (needs --node-command)
    RedisClock,
    /// kubectl delete pod while each answer of the managed Redis takes 50 ms more (needs --node-command)
    RedisSlow,
    /// The same with 200 ms, as long as game servers wait for one
    RedisSlower,
    /// kubectl delete pod while 1 % of what pods send each other is lost (needs --node-command)
    Loss,
    /// kubectl delete pod while all that game servers send each other comes 50 ms later (needs --node-command)
    SlowLinks,
    /// The same with 200 ms
    SlowerLinks,
    /// The kernel kills the process that owns most games: its memory limit is reached (needs --node-command)
    Oom,
    /// The disk of the managed Redis is full for 10 s (needs --kill-command and --node-command)
    RedisDisk,
    /// The cluster's key is exchanged in three steps; then somebody joins, and a pod is deleted
    RotateKey,
    /// kubectl set image while the operator does not reach the API server (needs both images, --node-command and --operator)
    CutOperator,
    /// The same while it does not reach the managed Redis
    CutOperatorRedis,
}

/// What all scenarios are told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where players connect.
    pub address: Address,
    /// The cluster.
    pub cluster: Cluster,
    /// Games to create.
    pub games: usize,
    /// Bots in each.
    pub bots: usize,
    /// What the bots play by.
    pub seed: u64,
    /// Length of the watch before the fault.
    pub quiet: Duration,
    /// Two images of game servers to change between.
    pub images: Option<[String; 2]>,
    /// An image whose game servers have rules that those two do not have.
    pub next_image: Option<String>,
    /// Program and first arguments of what sends a signal to a container: NAMESPACE/POD CONTAINER SIGNAL follow.
    pub kill_command: Option<Vec<String>>,
    /// Program and first arguments of what is done to nodes and containers from outside: what e2e/cluster/node takes follows.
    pub node_command: Option<Vec<String>>,
    /// Program and first arguments of what upgrades the operator: another annotation of its pod follows, so that it
    /// is replaced.
    pub helm_command: Option<Vec<String>>,
    /// The operator's Deployment, as NAMESPACE/NAME.
    pub operator: Option<String>,
    /// A folder for this scenario's recordings; none: they are not kept.
    pub recordings: Option<PathBuf>,
}

impl Settings {
    /// Sends a signal to the process of a container in the cluster's namespace.
    async fn signal(&self, pod: &str, container: &str, signal: &str) -> Result<()> {
        self.signal_in(&self.in_full(pod), container, signal).await
    }

    /// The same; `pod` is NAMESPACE/POD.
    async fn signal_in(&self, pod: &str, container: &str, signal: &str) -> Result<()> {
        carry_out(self.kill_command.as_deref(), &[pod, container, signal]).await
    }

    /// Does something to nodes or containers from outside.
    async fn node(&self, arguments: &[&str]) -> Result<()> {
        carry_out(self.node_command.as_deref(), arguments).await
    }

    /// Undoes what was done to the network of these nodes: all of them, also where one cannot be healed.
    async fn heal(&self, nodes: impl IntoIterator<Item = &String>) -> Result<()> {
        let mut all = Ok(());
        for node in nodes {
            let healed = self.node(&["heal", node]).await;
            all = all.and(healed);
        }
        all
    }

    /// As node commands name a pod of the cluster's namespace.
    fn in_full(&self, pod: &str) -> String {
        format!("{}/{pod}", self.cluster.namespace)
    }
}

/// Runs a command of the caller's with further arguments, as an administrator would.
async fn carry_out(command: Option<&[String]>, arguments: &[&str]) -> Result<()> {
    let (program, first) =
        command.and_then(<[String]>::split_first).context("not run without its command")?;
    let output =
        Command::new(program).args(first).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(CARRIED_OUT_WITHIN, output)
        .await
        .with_context(|| format!("{program} took longer than {CARRIED_OUT_WITHIN:?}"))?
        .with_context(|| format!("cannot run {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), said.trim());
    Ok(())
}

/// What a scenario finds when its turn comes.
struct Stage<'a> {
    settings: &'a Settings,
    arena: &'a Arena,
    owners: Owners,
    pods: &'a PodsWatch,
}

/// What was done, and what must be true before the cluster counts as whole again.
struct Done {
    /// For people: what was done to what.
    what: String,
    /// When it began.
    at: Instant,
    /// Pods that must be gone.
    doomed_pods: Vec<String>,
    /// Members (by id) that must own nothing any more.
    doomed_members: Vec<String>,
    /// The image that every pod must have, if one was set.
    image: Option<String>,
    /// Steps of its own for the timeline.
    steps: Vec<(&'static str, Instant)>,
    /// Measures of its own.
    checks: Vec<Check>,
    /// Servers that it was done to, and whether ways to others were broken with them.
    broken: Broken,
    /// When the first server was ready again, where none was left.
    ready_again: Option<Instant>,
    /// Parts of it that are held against the first of them.
    parts: Vec<crowd::Part>,
}

impl Done {
    fn new(what: String, at: Instant) -> Done {
        Done {
            what,
            at,
            doomed_pods: Vec::new(),
            doomed_members: Vec::new(),
            image: None,
            steps: Vec::new(),
            checks: Vec::new(),
            broken: Broken::default(),
            ready_again: None,
            parts: Vec::new(),
        }
    }

    /// Notes that something has happened just now.
    fn step(&mut self, name: &'static str) {
        self.steps.push((name, Instant::now()));
    }
}

/// Why a scenario cannot be tried on this cluster, and what to do about it.
#[derive(Debug)]
struct NotHere(String);

impl std::fmt::Display for NotHere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotHere {}

fn not_here(why: &str) -> anyhow::Error {
    NotHere(why.to_owned()).into()
}

/// Which game is whose.
#[derive(Clone, Default)]
struct Owners {
    /// Games of this run that each pod owns, most first; pods without games too.
    by_pod: Vec<(String, usize)>,
    /// The same with all games of the cluster: what evenness is about.
    all_by_pod: Vec<(String, usize)>,
    games: Vec<ListedGame>,
}

/// How many of these games each pod owns, most first.
fn count(games: &[ListedGame], pods: &[Pod]) -> Vec<(String, usize)> {
    let mut count: BTreeMap<String, usize> = pods.iter().map(|pod| (pod.name.clone(), 0)).collect();
    for owner in games.iter().filter_map(|game| game.owner.as_ref()) {
        *count.entry(owner.name.clone()).or_default() += 1;
    }
    let mut by_pod: Vec<_> = count.into_iter().collect();
    by_pod.sort_by_key(|(_, games)| std::cmp::Reverse(*games));
    by_pod
}

impl Owners {
    fn of(mut games: Vec<ListedGame>, pods: &[Pod], ours: impl Fn(&ListedGame) -> bool) -> Owners {
        let all_by_pod = count(&games, pods);
        games.retain(ours);
        Owners { by_pod: count(&games, pods), all_by_pod, games }
    }

    fn games_of(&self, pod: &str) -> usize {
        self.by_pod.iter().find(|(name, _)| name == pod).map_or(0, |(_, games)| *games)
    }

    /// The pod that owns most games, and how many.
    fn busiest(&self) -> Result<(&str, usize)> {
        let busiest = self.by_pod.first().filter(|(_, games)| *games > 0);
        busiest.map(|(pod, games)| (pod.as_str(), *games)).context("no pod owns a game")
    }

    /// Ids of that pod's members, as far as they own games.
    fn members_of(&self, pod: &str) -> Vec<String> {
        let owners = self.games.iter().filter_map(|game| game.owner.as_ref());
        owners.filter(|owner| owner.name == pod).map(|owner| owner.id.clone()).collect()
    }

    fn pods(&self) -> Vec<String> {
        self.by_pod.iter().map(|(pod, _)| pod.clone()).collect()
    }
}

impl Stage<'_> {
    /// Waits until all pods are ready, so many of them, and own all games.
    async fn whole_with(&self, replicas: usize) -> Result<Owners> {
        let wanted = Wanted { replicas: Some(replicas), ..Wanted::default() };
        whole_within(SETTLED_WITHIN, self.settings, Some(self.arena), &wanted).await
    }

    /// Waits until the cluster is whole again after that.
    async fn whole_after(&self, done: &Done) -> Result<Owners> {
        let wanted = Wanted { done: Some(done), ..Wanted::default() };
        whole_within(SETTLED_WITHIN, self.settings, Some(self.arena), &wanted).await
    }

    /// Waits until each server is linked with all others.
    async fn all_linked(&self) -> Result<()> {
        let cluster = &self.settings.cluster;
        let deadline = Instant::now() + LINKED_WITHIN;
        loop {
            let pods = cluster.pods().await?;
            let mut links = Vec::new();
            for pod in &pods {
                links.push(cluster.metrics(&pod.name).await?.number("gamed_links")?);
            }
            let others = pods.len() as u64 - 1;
            if links.iter().all(|links| *links == others) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "after {LINKED_WITHIN:?} the servers have {links:?} links, not {others} each"
            );
            sleep(POLL).await;
        }
    }

    /// Waits until a pod that was not there at the beginning owns a game.
    async fn first_game_on_a_new_pod(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let old = self.owners.pods();
        loop {
            let games = self.settings.address.games().await.unwrap_or_default();
            let mut ours = games.iter().filter(|game| self.arena.games.contains(&game.id));
            if ours.any(|game| game.owner.as_ref().is_some_and(|owner| !old.contains(&owner.name))) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "in {limit:?} no new pod got a game");
            sleep(POLL_LOBBY).await;
        }
    }
}

impl Scenario {
    /// All, in an order in which one does not spoil the next.
    pub fn all() -> &'static [Scenario] {
        Scenario::value_variants()
    }

    /// Its name on the command line and in tables.
    pub fn title(self) -> String {
        let named = self.to_possible_value().expect("none is hidden");
        named.get_name().to_owned()
    }

    fn bars(self) -> Bars {
        match self {
            Scenario::SetImage => set_image::BARS,
            Scenario::Undo => undo::BARS,
            Scenario::Restart => restart::BARS,
            Scenario::DeletePod => delete_pod::BARS,
            Scenario::DrainNode => drain_node::BARS,
            Scenario::Scale => scale::BARS,
            Scenario::Evict => evict::BARS,
            Scenario::HelmInRollout => helm_in_rollout::BARS,
            Scenario::OperatorAway => operator_away::BARS,
            Scenario::AllGone => all_gone::BARS,
            Scenario::Sigkill | Scenario::SigkillTwo => sigkill::BARS,
            Scenario::SigkillAll => sigkill::ALL_BARS,
            Scenario::Freeze => freeze::BARS,
            Scenario::RedisKill | Scenario::RedisFlush | Scenario::CutRedis => registry::BARS,
            Scenario::RedisFreeze | Scenario::RedisAway | Scenario::RedisFull => registry::AWAY_BARS,
            Scenario::DrainRedis => registry::DRAIN_BARS,
            Scenario::OperatorKill => operator_kill::BARS,
            Scenario::RollBack => rules::ROLL_BACK_BARS,
            Scenario::RollBackLate => rules::LATE_ROLL_BACK_BARS,
            Scenario::UpgradeCrash => rules::CRASH_BARS,
            Scenario::CutNode => cut::NODE_BARS,
            Scenario::CutPeers | Scenario::CutOneWay => cut::BARS,
            Scenario::Crowd => crowd::BARS,
            Scenario::ApiAway => api_away::BARS,
            Scenario::RedisFailover | Scenario::RedisBackup => redis_behind::BARS,
            Scenario::RedisClock => redis_clock::BARS,
            Scenario::RedisSlow | Scenario::RedisSlower => redis_slow::BARS,
            Scenario::Loss => loss::BARS,
            Scenario::SlowLinks | Scenario::SlowerLinks => slow_links::BARS,
            Scenario::Oom => oom::BARS,
            Scenario::RedisDisk => redis_disk::BARS,
            Scenario::RotateKey => rotate_key::BARS,
            Scenario::CutOperator | Scenario::CutOperatorRedis => cut_operator::BARS,
        }
    }

    async fn act(self, stage: &Stage<'_>) -> Result<Done> {
        match self {
            Scenario::SetImage => set_image::roll(stage).await,
            Scenario::Undo => undo::undo(stage).await,
            Scenario::Restart => restart::restart(stage).await,
            Scenario::DeletePod => delete_pod::delete(stage).await,
            Scenario::DrainNode => drain_node::drain(stage).await,
            Scenario::Scale => scale::scale(stage).await,
            Scenario::Evict => evict::evict(stage).await,
            Scenario::HelmInRollout => helm_in_rollout::upgrade(stage).await,
            Scenario::OperatorAway => operator_away::roll(stage).await,
            Scenario::AllGone => all_gone::leave(stage).await,
            Scenario::Sigkill => sigkill::kill(stage, 1).await,
            Scenario::SigkillTwo => sigkill::kill(stage, 2).await,
            Scenario::SigkillAll => sigkill::kill(stage, stage.owners.by_pod.len()).await,
            Scenario::Freeze => freeze::freeze(stage).await,
            Scenario::RedisKill => registry::kill(stage).await,
            Scenario::RedisFreeze => registry::freeze(stage).await,
            Scenario::RedisAway => registry::away(stage).await,
            Scenario::RedisFlush => registry::flush(stage).await,
            Scenario::RedisFull => registry::fill(stage).await,
            Scenario::DrainRedis => registry::drain(stage).await,
            Scenario::OperatorKill => operator_kill::kill(stage).await,
            Scenario::RollBack => rules::roll_back(stage).await,
            Scenario::RollBackLate => rules::roll_back_late(stage).await,
            Scenario::UpgradeCrash => rules::crash(stage).await,
            Scenario::CutNode => cut::cut(stage, Cut::All).await,
            Scenario::CutRedis => cut::cut(stage, Cut::Redis).await,
            Scenario::CutPeers => cut::cut(stage, Cut::Peers).await,
            Scenario::CutOneWay => cut::cut(stage, Cut::ToPeers).await,
            Scenario::Crowd => crowd::come(stage).await,
            Scenario::ApiAway => api_away::away(stage).await,
            Scenario::RedisFailover => redis_behind::fail_over(stage).await,
            Scenario::RedisBackup => redis_behind::restore(stage).await,
            Scenario::RedisClock => redis_clock::step(stage).await,
            Scenario::RedisSlow => redis_slow::slow(stage, redis_slow::SLOW).await,
            Scenario::RedisSlower => redis_slow::slow(stage, redis_slow::SLOWER).await,
            Scenario::Loss => loss::lose(stage).await,
            Scenario::SlowLinks => slow_links::slow(stage, redis_slow::SLOW).await,
            Scenario::SlowerLinks => slow_links::slow(stage, redis_slow::SLOWER).await,
            Scenario::Oom => oom::squeeze(stage).await,
            Scenario::RedisDisk => redis_disk::fill(stage).await,
            Scenario::RotateKey => rotate_key::rotate(stage).await,
            Scenario::CutOperator => cut_operator::roll(stage, Unreached::Api).await,
            Scenario::CutOperatorRedis => cut_operator::roll(stage, Unreached::Redis).await,
        }
    }

    /// Why it cannot be tried with these settings, and what to do about it.
    fn missing(self, settings: &Settings) -> Option<&'static str> {
        use Scenario::{
            ApiAway, CutNode, CutOneWay, CutOperator, CutOperatorRedis, CutPeers, CutRedis, Freeze,
            HelmInRollout, Loss, Oom, OperatorAway, OperatorKill, RedisAway, RedisBackup, RedisClock,
            RedisDisk, RedisFailover, RedisFreeze, RedisKill, RedisSlow, RedisSlower, RollBack, RollBackLate,
            SetImage, Sigkill, SigkillAll, SigkillTwo, SlowLinks, SlowerLinks, Undo, UpgradeCrash,
        };
        let rolls = matches!(
            self,
            SetImage | Undo | HelmInRollout | OperatorAway | OperatorKill | CutOperator | CutOperatorRedis
        );
        if rolls && settings.images.is_none() {
            return Some("it needs two images of game servers: give --image-v1 and --image-v2");
        }
        match self {
            RollBack | RollBackLate | UpgradeCrash if settings.next_image.is_none() => Some(
                "it needs an image with other rules: give --image-next (images/build --next TAG builds one)",
            ),
            Sigkill | SigkillTwo | SigkillAll | Freeze | RedisKill | RedisFreeze | OperatorKill
            | RedisFailover | RedisBackup | RedisDisk | UpgradeCrash
                if settings.kill_command.is_none() =>
            {
                Some(
                    "it needs rights on the nodes: give --kill-command, a program that takes NAMESPACE/POD CONTAINER SIGNAL",
                )
            }
            HelmInRollout if settings.helm_command.is_none() => {
                Some("it needs to know how the operator was installed: give --helm-command")
            }
            CutNode | CutRedis | CutPeers | CutOneWay | ApiAway | RedisAway | RedisClock | RedisSlow
            | RedisSlower | SlowLinks | SlowerLinks | Loss | Oom | RedisDisk | CutOperator
            | CutOperatorRedis
                if settings.node_command.is_none() =>
            {
                Some(
                    "it needs rights on the nodes: give --node-command, a program that takes what e2e/cluster/node does",
                )
            }
            HelmInRollout | OperatorAway | OperatorKill | CutOperator | CutOperatorRedis
                if settings.operator.is_none() =>
            {
                Some("it needs to know where the operator is: give --operator NAMESPACE/DEPLOYMENT")
            }
            _ => None,
        }
    }

    /// Puts the cluster through it.
    ///
    /// # Errors
    /// When the scenario cannot come to its fault: no cluster, no games, nobody plays.
    pub async fn run(self, settings: &Settings) -> Result<Outcome> {
        let scenario = self.title();
        if let Some(reason) = self.missing(settings) {
            return Ok(Outcome::NotRun { scenario, reason: reason.to_owned() });
        }
        let began = Instant::now();
        rules::take_back(settings).await.context("a version with other rules stays")?;
        if matches!(self, Scenario::Sigkill | Scenario::SigkillTwo | Scenario::SigkillAll) {
            sigkill::freshen(&settings.cluster).await.context("pods whose containers have ended stay")?;
        }
        whole_within(READY_WITHIN, settings, None, &Wanted::default())
            .await
            .context("the cluster is not ready for a test")?;
        tracing::info!("{scenario}: {} games with {} bots each", settings.games, settings.bots);
        let arena = Arena::open(&settings.address, settings.games, settings.bots, settings.seed).await?;
        let played = self.play(settings, &arena).await;
        let games = arena.games.clone();
        let recordings = arena.close().await?;
        all_over(&settings.address, &games).await?;
        if let Some(folder) = &settings.recordings {
            write_recordings(&recordings, folder)?;
        }
        match played {
            Ok(played) => {
                let ran = self.judge(settings, played, &recordings, began);
                Ok(Outcome::Ran(Box::new(ran)))
            }
            Err(error) => match error.downcast_ref::<NotHere>() {
                Some(NotHere(reason)) => Ok(Outcome::NotRun { scenario, reason: reason.clone() }),
                None => Err(error),
            },
        }
    }

    /// The run itself, up to the end of the watch.
    async fn play(self, settings: &Settings, arena: &Arena) -> Result<Played> {
        arena.all_play().await?;
        let owners = whole_within(READY_WITHIN, settings, Some(arena), &Wanted::default()).await?;
        let pods = settings.cluster.watch_pods().await?;
        let quiet_from = arena.now();
        sleep(settings.quiet).await;

        tracing::info!("{}: the fault", self.title());
        let stage = Stage { settings, arena, owners, pods: &pods };
        let done = self.act(&stage).await?;
        let settled = stage.whole_after(&done).await;
        tracing::info!("{}: the cluster is whole again", self.title());
        sleep(WATCH_AFTER).await;

        let mut troubles = arena.troubles();
        let from = done.at.duration_since(arena.start);
        let to = arena.now();
        let owners = settled.unwrap_or_else(|error| {
            troubles.push(format!("{error:#}"));
            Owners::default()
        });
        // One look at the end: a server whose answer is late tells nothing about the moves themselves.
        let served = settings.address.moves().await.unwrap_or_default();
        let since_ms = done.at.elapsed().as_millis() as u64;
        let late = (served.into_iter())
            .filter(|one| one.cause == "move" && one.ago_ms <= since_ms && arena.games.contains(&one.game))
            .map(|one| one.pause_us as f64 / 1e3)
            .collect();
        let ends = pods.ends();
        let exits = (ends.iter())
            .filter(|(_, end)| end.served)
            .map(|(pod, end)| Exit {
                pod: pod.clone(),
                code: end.exit_code,
                took_ms: end.gone.zip(end.deleting).map(|(gone, since)| (gone - since).as_millis() as u64),
                grace_ms: end.grace.map(|grace| grace.as_millis() as u64),
            })
            .collect();
        let facts = Facts { games_by_pod: owners.all_by_pod, exits };
        let quiet = Window { from: quiet_from, to: from };
        Ok(Played {
            start: arena.start,
            quiet,
            window: Window { from, to },
            done,
            ends,
            facts,
            late,
            troubles,
        })
    }

    fn judge(self, settings: &Settings, played: Played, recordings: &[Recording], began: Instant) -> Ran {
        let Played { start, quiet, window, done, ends, facts, late, troubles } = played;
        let bars = self.bars();
        let verdict = oracle::judge_broken(recordings, window, &done.broken);
        let mut checks = checks(&verdict, &facts, bars);
        checks.extend(done.checks.iter().cloned());
        checks.extend(done.ready_again.map(|at| sigkill::back(&verdict, at.duration_since(done.at))));
        checks.extend(crowd::compared(&done.parts, recordings, start));
        let samples = match bars.loss {
            Loss::Nothing if bars.pauses => pauses::samples(recordings, quiet, window, late, settings.seed),
            _ => pauses::Samples::default(),
        };
        checks.extend(samples.told());
        Ran {
            scenario: self.title(),
            fault: done.what.clone(),
            seed: settings.seed,
            seconds: began.elapsed().as_secs_f64(),
            quiet_gap_ms: Some(oracle::judge(recordings, quiet).gap_ms),
            checks,
            verdict,
            facts,
            timeline: timeline::of(recordings, start, &done, &ends),
            samples,
            troubles,
        }
    }
}

/// What a run leaves to be judged.
struct Played {
    start: Instant,
    quiet: Window,
    window: Window,
    done: Done,
    ends: BTreeMap<String, crate::cluster::PodEnd>,
    facts: Facts,
    /// See [`pauses::Samples::late`].
    late: Vec<f64>,
    troubles: Vec<String>,
}

/// Writes each bot's recording.
///
/// # Errors
/// When a file cannot be written.
pub fn write_recordings(recordings: &[Recording], folder: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for recording in recordings {
        recording.write(&folder.join(format!("{}-{}.rec", recording.game, recording.name)))?;
    }
    Ok(())
}

/// Waits until the games are over: in the next scenario they would be load that nobody plays and that ends when it likes.
///
/// # Errors
/// After [`OVER_WITHIN`].
async fn all_over(address: &Address, ours: &[GameId]) -> Result<()> {
    let deadline = Instant::now() + OVER_WITHIN;
    loop {
        let left = match address.games().await {
            Ok(listed) => listed.iter().filter(|game| ours.contains(&game.id)).count(),
            Err(error) if Instant::now() >= deadline => return Err(error.context("cannot list the games")),
            Err(_) => ours.len(),
        };
        if left == 0 {
            return Ok(());
        }
        let limit = OVER_WITHIN.as_secs();
        ensure!(
            Instant::now() < deadline,
            "{left} games are not over {limit} s after their last player left"
        );
        sleep(POLL).await;
    }
}

/// What makes a cluster whole besides that all is ready and has an owner.
#[derive(Default)]
struct Wanted<'a> {
    done: Option<&'a Done>,
    replicas: Option<usize>,
}

/// Waits until the cluster is whole, and has been without a break for as long as it takes to look three times.
async fn whole_within(
    limit: Duration,
    settings: &Settings,
    arena: Option<&Arena>,
    wanted: &Wanted<'_>,
) -> Result<Owners> {
    let deadline = Instant::now() + limit;
    let mut in_a_row = 0;
    loop {
        let (owners, why) = match look(settings, arena, wanted).await {
            Ok(owners) => {
                in_a_row += 1;
                (Some(owners), String::new())
            }
            Err(error) => {
                in_a_row = 0;
                (None, format!("{error:#}"))
            }
        };
        if let Some(owners) = owners.filter(|_| in_a_row >= 3) {
            return Ok(owners);
        }
        ensure!(Instant::now() < deadline, "not whole after {} s: {why}", limit.as_secs());
        sleep(POLL).await;
    }
}

/// One look. Fails with what is still missing.
async fn look(settings: &Settings, arena: Option<&Arena>, wanted: &Wanted<'_>) -> Result<Owners> {
    let deployment = settings.cluster.deployment().await?;
    let pods = settings.cluster.pods().await?;
    if let Some(pod) = pods.iter().find(|pod| pod.deleting) {
        anyhow::bail!("pod {} is still on its way out", pod.name);
    }
    let ready = pods.iter().filter(|pod| pod.ready).count();
    ensure!(
        ready == deployment.replicas && ready == pods.len(),
        "{ready} of {} pods are ready, {} are wanted",
        pods.len(),
        deployment.replicas
    );
    if let Some(replicas) = wanted.replicas {
        ensure!(ready == replicas, "{ready} pods are ready, {replicas} were asked for");
    }
    if let Some(done) = wanted.done {
        gone_as_wanted(&pods, done)?;
    }
    let Some(arena) = arena else { return Ok(Owners::of(Vec::new(), &pods, |_| false)) };
    arena.all_have_frames()?;
    let listed = settings.address.games().await?;
    let owners = Owners::of(listed, &pods, |game| arena.games.contains(&game.id));
    let (listed, created) = (owners.games.len(), arena.games.len());
    ensure!(listed == created, "the lobby lists {listed} of {created} games");
    for game in &owners.games {
        let owner = game.owner.as_ref().with_context(|| format!("nobody owns game {}", game.id))?;
        ensure!(
            pods.iter().any(|pod| pod.name == owner.name),
            "game {} is owned by {}, which is no pod",
            game.id,
            owner.name
        );
        if let Some(done) = wanted.done {
            ensure!(
                !done.doomed_members.contains(&owner.id),
                "game {} is still owned by {} ({})",
                game.id,
                owner.name,
                owner.id
            );
        }
    }
    Ok(owners)
}

fn gone_as_wanted(pods: &[Pod], done: &Done) -> Result<()> {
    for pod in pods {
        ensure!(!done.doomed_pods.contains(&pod.name), "pod {} is still there", pod.name);
        if let Some(image) = &done.image {
            ensure!(&pod.image == image, "pod {} still has the image {}", pod.name, pod.image);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lobby::ListedMember;

    #[test]
    fn the_pod_with_most_games_comes_first_and_those_without_any_last() {
        let game = |id, owner: Option<&str>| ListedGame {
            id: GameId(id),
            owner: owner.map(|name| ListedMember { id: format!("{name}-id"), name: name.to_owned() }),
            rules: 1,
        };
        let pod = |name: &str| Pod {
            address: String::new(),
            name: name.to_owned(),
            node: String::new(),
            image: String::new(),
            ready: true,
            deleting: false,
        };
        let games = vec![
            game(1, Some("a")),
            game(2, Some("b")),
            game(3, Some("b")),
            game(4, None),
            game(5, Some("c")),
        ];
        let owners = Owners::of(games, &["a", "b", "c"].map(pod), |game| game.id != GameId(5));
        assert_eq!(owners.busiest().unwrap(), ("b", 2));
        assert_eq!(owners.by_pod.last().unwrap(), &("c".to_owned(), 0));
        assert_eq!((owners.games_of("a"), owners.games_of("d")), (1, 0));
        assert_eq!(owners.all_by_pod[2], ("c".to_owned(), 1), "all games are somebody's load");
        assert!(Owners::of(Vec::new(), &[pod("a")], |_| true).busiest().is_err());
    }
}
