//! What is done to a cluster while bots play on it, and the frame that all of it shares.
//!
//! Owns the order: create games, let bots play, watch quietly, break something, wait until the cluster is whole again,
//! judge. Each fault has a module of its own. Waits for conditions with a deadline; the two quiet watches are
//! measurements, not waits.

mod arena;
mod delete_pod;
mod drain_node;
mod rollout;
mod sigkill;

pub use arena::Arena;

use crate::cluster::{Cluster, Pod};
use crate::lobby::{Address, ListedGame};
use crate::oracle::{self, Window};
use crate::recording::Recording;
use crate::report::{Bars, Outcome, Ran, Step, checks};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Time between two looks at the cluster.
const POLL: Duration = Duration::from_millis(250);
/// Longest wait for a cluster to become whole before a fault.
const READY_WITHIN: Duration = Duration::from_secs(180);
/// Longest wait for a cluster to become whole after a fault.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
/// The watch goes on for so long after that: longer than [`oracle::SILENCE`], so that whoever is cut off shows.
const WATCH_AFTER: Duration = Duration::from_secs(3);

const _: () = assert!(oracle::SILENCE.as_millis() < WATCH_AFTER.as_millis());

/// A fault to put a cluster through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// kubectl delete pod, of the pod that owns most games
    DeletePod,
    /// kubectl drain, of a node whose pod owns games (not of the one that holds Redis)
    DrainNode,
    /// SIGKILL to the process that owns most games (needs --kill-command)
    Sigkill,
    /// kubectl set image, from one version to the other (needs --image-v1 and --image-v2)
    Rollout,
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
    /// Program and first arguments of what sends a signal to a container: NAMESPACE/POD CONTAINER SIGNAL follow.
    pub kill_command: Option<Vec<String>>,
    /// A folder for recordings; none: they are not kept.
    pub recordings: Option<PathBuf>,
}

/// What a fault did, and what must be true before the cluster counts as whole again.
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
    steps: Vec<(&'static str, Option<Instant>)>,
}

/// Which game is whose.
struct Owners {
    /// Games of this run that a pod owns, most first.
    by_pod: Vec<(String, usize)>,
    games: Vec<ListedGame>,
}

impl Owners {
    fn of(games: Vec<ListedGame>) -> Owners {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for owner in games.iter().filter_map(|game| game.owner.as_ref()) {
            *count.entry(owner.name.clone()).or_default() += 1;
        }
        let mut by_pod: Vec<_> = count.into_iter().collect();
        by_pod.sort_by_key(|(_, games)| std::cmp::Reverse(*games));
        Owners { by_pod, games }
    }

    fn games_of(&self, pod: &str) -> usize {
        self.by_pod.iter().find(|(name, _)| name == pod).map_or(0, |(_, games)| *games)
    }
}

impl Scenario {
    /// All, in an order in which one does not spoil the next.
    pub const ALL: [Scenario; 4] =
        [Scenario::DeletePod, Scenario::DrainNode, Scenario::Sigkill, Scenario::Rollout];

    /// Its name on the command line and in tables.
    pub fn title(self) -> &'static str {
        match self {
            Scenario::DeletePod => "delete-pod",
            Scenario::DrainNode => "drain-node",
            Scenario::Sigkill => "sigkill",
            Scenario::Rollout => "rollout",
        }
    }

    fn bars(self) -> Bars {
        match self {
            Scenario::DeletePod | Scenario::DrainNode => Bars::Planned,
            Scenario::Rollout => Bars::Rollout,
            Scenario::Sigkill => Bars::Crash,
        }
    }

    /// Why it cannot be tried with these settings, and what to do about it.
    fn missing(self, settings: &Settings) -> Option<&'static str> {
        match self {
            Scenario::Sigkill if settings.kill_command.is_none() => Some(
                "it needs rights on the nodes: give --kill-command, a program that takes NAMESPACE/POD CONTAINER SIGNAL",
            ),
            Scenario::Rollout if settings.images.is_none() => {
                Some("it needs two images of game servers: give --image-v1 and --image-v2")
            }
            _ => None,
        }
    }

    /// Puts the cluster through it.
    ///
    /// # Errors
    /// When the scenario cannot come to its fault: no cluster, no games, nobody plays.
    pub async fn run(self, settings: &Settings) -> Result<Outcome> {
        let scenario = self.title().to_owned();
        if let Some(reason) = self.missing(settings) {
            return Ok(Outcome::NotRun { scenario, reason: reason.to_owned() });
        }
        let began = Instant::now();
        whole_within(READY_WITHIN, settings, None, None)
            .await
            .context("the cluster is not ready for a test")?;
        tracing::info!("{scenario}: {} games with {} bots each", settings.games, settings.bots);
        let arena = Arena::open(&settings.address, settings.games, settings.bots, settings.seed).await?;
        let result = self.fault_and_judge(settings, &arena, began).await;
        let recordings = arena.recordings();
        arena.close().await?;
        if let Some(folder) = &settings.recordings {
            write_recordings(&recordings, &folder.join(&scenario))?;
        }
        result
    }

    async fn fault_and_judge(self, settings: &Settings, arena: &Arena, began: Instant) -> Result<Outcome> {
        arena.all_play().await?;
        let owners = whole_within(READY_WITHIN, settings, Some(arena), None).await?;
        let quiet_from = arena.now();
        sleep(settings.quiet).await;

        tracing::info!("{}: the fault", self.title());
        let done = match self {
            Scenario::DeletePod => delete_pod::delete(settings, &owners).await?,
            Scenario::DrainNode => match drain_node::drain(settings, &owners).await? {
                Ok(done) => done,
                Err(reason) => return Ok(Outcome::NotRun { scenario: self.title().to_owned(), reason }),
            },
            Scenario::Sigkill => sigkill::kill(settings, &owners).await?,
            Scenario::Rollout => rollout::roll(settings).await?,
        };
        let settled = whole_within(SETTLED_WITHIN, settings, Some(arena), Some(&done)).await;
        tracing::info!("{}: the cluster is whole again", self.title());
        sleep(WATCH_AFTER).await;

        let mut troubles = arena.troubles();
        troubles.extend(settled.err().map(|error| format!("{error:#}")));
        let from = done.at.duration_since(arena.start);
        let to = arena.now();
        let recordings = arena.recordings();
        let quiet = oracle::judge(&recordings, Window { from: quiet_from, to: from });
        let verdict = oracle::judge(&recordings, Window { from, to });
        Ok(Outcome::Ran(Box::new(Ran {
            scenario: self.title().to_owned(),
            fault: done.what.clone(),
            seed: settings.seed,
            seconds: began.elapsed().as_secs_f64(),
            quiet_gap_ms: Some(quiet.gap_ms),
            checks: checks(&verdict, self.bars()),
            verdict,
            timeline: timeline(&recordings, from, &done),
            troubles,
        })))
    }
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

/// Waits until the cluster is whole, and has been without a break for as long as it takes to look three times.
async fn whole_within(
    limit: Duration,
    settings: &Settings,
    arena: Option<&Arena>,
    done: Option<&Done>,
) -> Result<Owners> {
    let deadline = Instant::now() + limit;
    let mut in_a_row = 0;
    loop {
        let (owners, why) = match look(settings, arena, done).await {
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
async fn look(settings: &Settings, arena: Option<&Arena>, done: Option<&Done>) -> Result<Owners> {
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
    if let Some(done) = done {
        gone_as_wanted(&pods, done)?;
    }
    let Some(arena) = arena else { return Ok(Owners::of(Vec::new())) };
    arena.all_have_frames()?;
    let mut listed = settings.address.games().await?;
    listed.retain(|game| arena.games.contains(&game.id));
    ensure!(
        listed.len() == arena.games.len(),
        "the lobby lists {} of {} games",
        listed.len(),
        arena.games.len()
    );
    for game in &listed {
        let owner = game.owner.as_ref().with_context(|| format!("nobody owns game {}", game.id))?;
        ensure!(
            pods.iter().any(|pod| pod.name == owner.name),
            "game {} is owned by {}, which is no pod",
            game.id,
            owner.name
        );
        if let Some(done) = done {
            ensure!(
                !done.doomed_members.contains(&owner.id),
                "game {} is still owned by {} ({})",
                game.id,
                owner.name,
                owner.id
            );
        }
    }
    Ok(Owners::of(listed))
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

/// How the games moved, measured from the fault.
fn timeline(recordings: &[Recording], from: Duration, done: &Done) -> Vec<Step> {
    let ms = |at: Duration| at.saturating_sub(from).as_secs_f64() * 1e3;
    let times = oracle::epochs(recordings);
    // Two neighbours are one move if they are epochs of one game and the later one began after the fault.
    let moves = || times.windows(2).filter(|pair| pair[0].game == pair[1].game && pair[1].first >= from);
    let moving = moves().filter_map(|pair| pair[0].moving).filter(|at| *at >= from);
    let once = |(name, at): &(&str, Option<Instant>)| {
        Step::of(name, at.map(|at| at.saturating_duration_since(done.at).as_secs_f64() * 1e3))
    };
    let mut steps: Vec<Step> = done.steps.iter().filter_map(once).collect();
    steps.extend(Step::of("frames say that the game will move", moving.map(ms)));
    steps.extend(Step::of("last frame of the old owner", moves().map(|pair| ms(pair[0].last))));
    steps.extend(Step::of("first frame of the new owner", moves().map(|pair| ms(pair[1].first))));
    let pause = |pair: &[oracle::EpochTimes]| pair[1].first.saturating_sub(pair[0].last).as_secs_f64() * 1e3;
    let away = oracle::first_go_away(recordings, from);
    steps.extend(Step::of("first player is sent to another server", away.map(ms)));
    steps.sort_by(|a, b| a.first_ms.total_cmp(&b.first_ms));
    steps.extend(Step::of("(between last and first frame)", moves().map(pause)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lobby::ListedMember;
    use protocol::{Epoch, GameId, Keyframe, ServerMessage, Tick};

    #[test]
    fn the_pod_with_most_games_comes_first() {
        let game = |id, owner: Option<&str>| ListedGame {
            id: GameId(id),
            owner: owner.map(|name| ListedMember { id: format!("{name}-id"), name: name.to_owned() }),
        };
        let owners =
            Owners::of(vec![game(1, Some("a")), game(2, Some("b")), game(3, Some("b")), game(4, None)]);
        assert_eq!(owners.by_pod, [("b".to_owned(), 2), ("a".to_owned(), 1)]);
        assert_eq!((owners.games_of("a"), owners.games_of("c")), (1, 0));
    }

    #[test]
    fn a_timeline_counts_from_the_fault_and_only_what_moved_after_it() {
        let recording = |game, second_ms| {
            let mut recording = Recording::new(GameId(game), "bot");
            for (epoch, ms) in [(1u64, 0), (1, 900), (2, second_ms)] {
                let keyframe = Keyframe { epoch: Epoch(epoch), tick: Tick(ms / 20), ..Keyframe::default() };
                let message = ServerMessage::Keyframe(keyframe).encode();
                recording.push(Duration::from_millis(ms), 1, crate::recording::What::Message(&message));
            }
            recording
        };
        let start = Instant::now();
        let done = Done {
            what: String::new(),
            at: start + Duration::from_millis(910),
            doomed_pods: Vec::new(),
            doomed_members: Vec::new(),
            image: None,
            steps: vec![("seen", Some(start + Duration::from_millis(920))), ("never", None)],
        };
        let recordings = [recording(1, 950), recording(2, 1_000), recording(3, 905)];
        let steps = timeline(&recordings, Duration::from_millis(910), &done);
        let found: Vec<_> =
            steps.iter().map(|step| (step.step.as_str(), step.count, step.last_ms.round())).collect();
        assert_eq!(
            found,
            [
                ("last frame of the old owner", 2, 0.0),
                ("seen", 1, 10.0),
                ("first frame of the new owner", 2, 90.0),
                ("(between last and first frame)", 2, 100.0),
            ]
        );
    }
}
