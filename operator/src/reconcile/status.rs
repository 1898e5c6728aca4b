//! What is said about a cluster. Pure but for the write at the end.
//!
//! Owns the sentences of the conditions. Invariant: the memory of image and replicas changes only once what it speaks of
//! has been written.

use super::observe::{Observed, RedisUrl, RegistryView};
use super::plan::{DeploymentPlan, Plan};
use super::publish::PublishError;
use super::rules;
use crate::names::{CONTAINER, ClusterName, Manager, REDIS_CONTAINER};
use api::{ConditionType, Moves, State, TanxCluster, TanxClusterStatus, set_condition};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use registry::{GameRecord, MoveLedger, MoveTally, PLANNED};
use serde_json::json;

/// A game server that was killed for want of memory is spoken of for so long: it serves again in a second, and nobody would
/// look in that one.
const OUT_OF_MEMORY_SECONDS: i64 = 600;
/// A pod that finds no node is spoken of after so long: volumes and nodes that are made for it take their time.
const UNSCHEDULED_SECONDS: i64 = 60;

/// Kubernetes did not take the status.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the status: {0}")]
pub struct StatusError(#[from] kube::Error);

/// How the steps before went.
pub enum Outcome<'a> {
    /// All of the plan has been written.
    Applied(&'a Plan),
    /// They ended with this sentence.
    Failed(String),
}

/// A condition but for its place among the others.
struct Verdict {
    state: State,
    reason: &'static str,
    message: String,
}

impl Verdict {
    fn new(state: impl Into<State>, reason: &'static str, message: impl Into<String>) -> Self {
        Verdict { state: state.into(), reason, message: message.into() }
    }
}

/// Says how things stand. `published`: whether the registry took what the members are told.
pub fn describe(
    observed: &Observed,
    published: &Result<(), PublishError>,
    outcome: &Outcome,
    now: &Time,
) -> TanxClusterStatus {
    let before = observed.status();
    let name = ClusterName::of(&observed.cluster);
    let counts = Counts::of(observed);
    let (games, quarantined, players, moved) = match &observed.registry {
        RegistryView::Seen { members, games, moves: ledger, .. } => {
            let players = members.iter().map(|member| member.players).fold(0, u32::saturating_add);
            (clamp(games.len()), clamp(quarantined(games).count()), players, moves(ledger, &before.moves))
        }
        RegistryView::Away(_) => {
            (before.games, before.quarantined, before.players.unsigned_abs(), before.moves.clone())
        }
    };
    let mut status = TanxClusterStatus {
        observed_generation: observed.cluster.metadata.generation,
        replicas: counts.pods,
        ready: counts.ready,
        games,
        quarantined,
        players: i32::try_from(players).unwrap_or(i32::MAX),
        moves: moved,
        image: observed.live_image().map(str::to_owned),
        revision: observed.revision().map(str::to_owned).or_else(|| before.revision.clone()),
        rules: Some(rules::for_new_games(observed, now.0)).filter(|rules| *rules > 0).map(i32::from),
        selector: Some(name.selector()),
        ..before
    };
    if let Outcome::Applied(plan) = outcome {
        status.spec_image = Some(plan.memory.image.clone());
        status.spec_replicas = Some(plan.memory.replicas);
        if let DeploymentPlan::Create { image, .. } | DeploymentPlan::Keep { image: Some(image), .. } =
            &plan.deployment
        {
            status.image = Some(image.clone());
        }
    }
    let verdicts = [
        (ConditionType::Available, available(&counts)),
        (ConditionType::Progressing, progressing(observed, &counts)),
        (ConditionType::RegistryAvailable, registry_available(observed, published)),
        (ConditionType::Degraded, degraded(observed, outcome, now.0)),
    ];
    let generation = observed.cluster.metadata.generation.unwrap_or_default();
    for (type_, Verdict { state, reason, message }) in verdicts {
        set_condition(&mut status.conditions, type_, state, reason, message, generation, now);
    }
    status
}

fn quarantined(games: &[GameRecord]) -> impl Iterator<Item = &GameRecord> {
    games.iter().filter(|game| game.quarantined)
}

/// What the ledger says. The time of the last planned move is kept where many crashes have pushed it out.
fn moves(ledger: &MoveLedger, before: &Moves) -> Moves {
    let count = |tally: Option<&MoveTally>| tally.map_or(0, |tally| whole(tally.count));
    let rollout = ledger.rollout.get(PLANNED);
    let last = ledger.last.iter().find(|noted| noted.note.cause == PLANNED);
    let last_at = last.and_then(|noted| {
        // Seconds, as Kubernetes writes times: a status that was read again must equal what was written.
        Timestamp::from_second(whole(noted.at_ms / 1000)).ok()
    });
    let taken_over = ledger.ever.iter().filter(|(cause, _)| *cause != PLANNED);
    Moves {
        total: count(ledger.ever.get(PLANNED)),
        in_rollout: count(rollout),
        worst_pause_ms: rollout.map(|tally| whole(tally.worst_pause_us.div_ceil(1000))),
        last_at: last_at.map(Time).or_else(|| before.last_at.clone()),
        take_overs: taken_over.map(|(_, tally)| whole(tally.count)).fold(0, i64::saturating_add),
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Pods as the Deployment counts them.
pub(super) struct Counts {
    wanted: i32,
    pods: i32,
    ready: i32,
    newest: i32,
    available: i32,
    /// The Deployment's controller has seen its newest form.
    seen: bool,
}

impl Counts {
    pub(super) fn of(observed: &Observed) -> Counts {
        let deployment = observed.deployment.as_ref();
        let status = deployment.and_then(|deployment| deployment.status.clone()).unwrap_or_default();
        Counts {
            wanted: observed.live_replicas().unwrap_or(observed.cluster.spec.replicas),
            pods: status.replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            newest: status.updated_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            seen: deployment
                .is_some_and(|deployment| status.observed_generation >= deployment.metadata.generation),
        }
    }

    /// All pods are there, serve, and are of the newest revision.
    pub(super) fn at_rest(&self) -> bool {
        self.seen && [self.pods, self.newest, self.available].iter().all(|count| *count == self.wanted)
    }
}

fn available(counts: &Counts) -> Verdict {
    match (counts.ready, counts.wanted) {
        (1.., _) => Verdict::new(
            true,
            "Serving",
            format!("{} of {} game servers serve.", counts.ready, counts.wanted),
        ),
        (_, 0) => {
            Verdict::new(false, "ScaledToZero", "No game server is wanted; set spec.replicas to have some.")
        }
        _ => {
            Verdict::new(false, "NoneReady", format!("None of {} game servers is ready yet.", counts.wanted))
        }
    }
}

fn progressing(observed: &Observed, counts: &Counts) -> Verdict {
    if observed.deployment.is_none() {
        return Verdict::new(true, "Creating", "The game servers are being created.");
    }
    if counts.at_rest() {
        return Verdict::new(false, "Complete", "All game servers are of the newest revision, and serve.");
    }
    let message = format!(
        "{} of {} game servers are of the newest revision, {} exist, {} serve.",
        counts.newest, counts.wanted, counts.pods, counts.ready
    );
    Verdict::new(true, "RollingOut", message)
}

fn registry_available(observed: &Observed, published: &Result<(), PublishError>) -> Verdict {
    match (&observed.redis_url, &observed.registry) {
        (RedisUrl::Missing(sentence), _) => Verdict::new(State::Unknown, "NoUrl", format!("{sentence}.")),
        // Its disk or its memory is full, or it lost its replicas: what it knows it still tells.
        (_, RegistryView::Seen { .. }) if let Err(PublishError::Registry(why)) = published => Verdict::new(
            false,
            "TakesNothing",
            format!(
                "Redis answers, but takes nothing: {}. Games go on meanwhile.",
                why.to_string().trim_end_matches('.')
            ),
        ),
        (_, RegistryView::Seen { members, .. }) => Verdict::new(
            true,
            "Answers",
            format!("Redis answers; {} game servers are registered.", members.len()),
        ),
        (_, RegistryView::Away(why)) => {
            let starting = observed.cluster.spec.redis.managed.is_some()
                && observed
                    .redis_set
                    .as_ref()
                    .and_then(|set| set.status.as_ref()?.ready_replicas)
                    .unwrap_or(0)
                    == 0;
            match starting {
                true => {
                    let stuck = pods(observed)
                        .any(|pod| pod.container == REDIS_CONTAINER && pod.cannot_start().is_some());
                    let why = if stuck { ": its pod cannot start; Degraded says why" } else { " yet" };
                    let message = format!("The managed Redis is not ready{why}. Games go on meanwhile.");
                    Verdict::new(false, "Starting", message)
                }
                false => Verdict::new(false, "Away", format!("{why}. Games go on meanwhile.")),
            }
        }
    }
}

fn degraded(observed: &Observed, outcome: &Outcome, now: Timestamp) -> Verdict {
    if let Outcome::Failed(sentence) = outcome {
        return Verdict::new(true, "ReconcileFailed", format!("{sentence}."));
    }
    if let RedisUrl::Missing(sentence) = &observed.redis_url {
        return Verdict::new(true, "NoRedisUrl", format!("{sentence}."));
    }
    if let Some(sentence) =
        pods(observed).find_map(|pod| pod.cannot_start().or_else(|| pod.finds_no_node(now)))
    {
        return Verdict::new(true, "PodsFail", sentence);
    }
    if let Some(sentence) = out_of_memory(observed, now) {
        return Verdict::new(true, "OutOfMemory", sentence);
    }
    if let Some(sentence) = rules::waiting(observed) {
        return Verdict::new(true, "GamesWait", sentence);
    }
    let stuck = observed.deployment.as_ref().and_then(|deployment| {
        let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|condition| condition.reason.as_deref() == Some("ProgressDeadlineExceeded"))
    });
    if let RegistryView::Seen { games, .. } = &observed.registry
        && let Some(first) = quarantined(games).next()
    {
        let count = quarantined(games).count();
        let sentence = format!(
            "{count} games are stopped, because their worlds failed again and again; one is {} ({}). See `gamed \
             quarantine --help`.",
            first.id, first.name
        );
        return Verdict::new(true, "GamesQuarantined", sentence);
    }
    match stuck {
        Some(condition) => Verdict::new(
            true,
            "RolloutStuck",
            condition.message.clone().unwrap_or_else(|| "The roll-out does not go on.".into()),
        ),
        None => Verdict::new(false, "AsWanted", "Nothing needs anybody's attention."),
    }
}

/// A pod of the cluster.
struct ClusterPod<'a> {
    pod: &'a Pod,
    /// The container that is ours; others may have added theirs.
    container: &'static str,
    /// Where the TanxCluster says what its image is.
    image: &'static str,
    /// Where it says what the container may use.
    resources: &'static str,
}

/// All of them: without Redis much else fails, so it comes first.
fn pods(observed: &Observed) -> impl Iterator<Item = ClusterPod<'_>> {
    let redis = observed.redis_pods.iter().map(|pod| ClusterPod {
        pod,
        container: REDIS_CONTAINER,
        image: "spec.redis.managed.image",
        resources: "spec.redis.managed.resources",
    });
    let servers = observed.pods.iter().map(|pod| ClusterPod {
        pod,
        container: CONTAINER,
        image: "spec.image or what `kubectl set image` names",
        resources: "spec.resources",
    });
    redis.chain(servers)
}

/// The pod that was the last one to be killed for want of memory, a short while ago. What Kubernetes knows of an end goes with
/// the pod, or with its next end.
fn out_of_memory(observed: &Observed, now: Timestamp) -> Option<String> {
    let ends = pods(observed).filter_map(|pod| {
        let at = pod.killed_for_memory()?.finished_at.as_ref()?.0;
        (now.as_second() - at.as_second() <= OUT_OF_MEMORY_SECONDS).then_some((at, pod))
    });
    let (at, pod) = ends.max_by_key(|(at, _)| *at)?;
    let (name, resources) = (pod.pod.name_any(), pod.resources);
    let containers = pod.pod.spec.iter().flat_map(|spec| &spec.containers);
    let limit = containers
        .filter(|container| container.name == pod.container)
        .find_map(|container| container.resources.as_ref()?.limits.as_ref()?.get("memory"));
    Some(match limit {
        Some(limit) => format!(
            "Pod {name} reached its memory limit of {} at {at} and was killed (OOMKilled). Raise \
             {resources}.limits.memory.",
            limit.0
        ),
        None => format!(
            "Pod {name} was killed at {at} because there was no memory left (OOMKilled), and not by a limit of its own. \
             Look at its node, or raise {resources}.requests.memory: then it goes where there is as much."
        ),
    })
}

impl ClusterPod<'_> {
    fn statuses(&self) -> &[ContainerStatus] {
        self.pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default()
    }

    /// How its container ended, if for want of memory: this time, or before it was started again.
    fn killed_for_memory(&self) -> Option<&ContainerStateTerminated> {
        let container = self.statuses().iter().find(|container| container.name == self.container)?;
        let states = [&container.state, &container.last_state].into_iter().flatten();
        states
            .filter_map(|state| state.terminated.as_ref())
            .find(|end| end.reason.as_deref() == Some("OOMKilled"))
    }

    /// Why it cannot start, where it says so; a sentence.
    fn cannot_start(&self) -> Option<String> {
        const CRASHES: &str = "CrashLoopBackOff";
        const NO_IMAGE: [&str; 4] =
            ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"];
        const HOPELESS: [&str; 3] = ["CreateContainerConfigError", "CreateContainerError", CRASHES];
        let (container, waiting) = self
            .statuses()
            .iter()
            .find_map(|container| Some((container, container.state.as_ref()?.waiting.as_ref()?)))?;
        let reason = waiting.reason.as_deref()?;
        let no_image = NO_IMAGE.contains(&reason);
        if !no_image && !HOPELESS.contains(&reason) {
            return None;
        }
        if reason == CRASHES && self.killed_for_memory().is_some() {
            // [`out_of_memory`] says more.
            return None;
        }
        let message = waiting.message.as_deref().unwrap_or("see its log").trim_end_matches('.');
        let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        let ended = last.map_or_else(String::new, |last| {
            format!("; restarts: {}, last exit code: {}", container.restart_count, last.exit_code)
        });
        let hint = match no_image && container.name == self.container {
            true => format!(" Correct {}, or spec.imagePullSecrets.", self.image),
            false => String::new(),
        };
        Some(format!("Pod {} cannot start: {reason}: {message}{ended}.{hint}", self.pod.name_any()))
    }

    /// Why no node takes it, where that has been so for long; a sentence.
    fn finds_no_node(&self, now: Timestamp) -> Option<String> {
        let conditions = self.pod.status.as_ref()?.conditions.as_ref()?;
        let condition = conditions.iter().find(|condition| {
            condition.type_ == "PodScheduled" && condition.reason.as_deref() == Some("Unschedulable")
        })?;
        let since = condition.last_transition_time.as_ref()?.0;
        let message = condition.message.as_deref().unwrap_or("see its events").trim_end_matches('.');
        (now.as_second() - since.as_second() >= UNSCHEDULED_SECONDS)
            .then(|| format!("Pod {} finds no node since {since}: {message}.", self.pod.name_any()))
    }
}

fn clamp(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Whether a cluster with that status should be looked at again soon.
pub fn is_busy(status: &TanxClusterStatus) -> bool {
    let is = |type_: ConditionType, state: State| {
        status
            .conditions
            .iter()
            .any(|condition| condition.type_ == type_.as_str() && condition.status == state.as_str())
    };
    is(ConditionType::Progressing, State::True) || !is(ConditionType::RegistryAvailable, State::True)
}

/// Writes the status where it says something new.
///
/// # Errors
/// When the API server refuses or cannot be reached.
pub async fn write(
    client: &Client,
    cluster: &TanxCluster,
    status: &TanxClusterStatus,
) -> Result<(), StatusError> {
    if cluster.status.as_ref() == Some(status) {
        return Ok(());
    }
    let name = ClusterName::of(cluster);
    let object = json!({
        "apiVersion": TanxCluster::api_version(&()),
        "kind": TanxCluster::kind(&()),
        "metadata": {"name": name.name, "namespace": name.namespace},
        "status": status,
    });
    let clusters: Api<TanxCluster> = Api::namespaced(client.clone(), &name.namespace);
    let params = PatchParams::apply(Manager::Status.as_str()).force();
    clusters.patch_status(&name.name, &params, &Patch::Apply(object)).await?;
    Ok(())
}
