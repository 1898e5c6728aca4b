//! What the registry holds about members, games and the cluster.

use protocol::peer::MoveNote;
use protocol::{Epoch, GameId, MemberId, Tick};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a member is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// Registered, linking with the others.
    Joining,
    /// Serves and accepts games.
    Ready,
    /// Leaving: serves, hands its games over, accepts none.
    Draining,
}

/// One running game server, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// Drawn at each start of the process.
    pub id: MemberId,
    /// For people: the pod's name, or `server-1` in the demo.
    pub name: String,
    /// Where peers connect: `ip:port`.
    pub address: String,
    /// Pod UID; empty outside Kubernetes. A container that restarts in place keeps it.
    pub pod_uid: String,
    /// Container name within the pod; empty outside Kubernetes.
    pub container: String,
    /// Which revision of the Deployment: the pod-template-hash.
    pub revision: String,
    /// Version of the software, shown to players.
    pub build: String,
    /// Where it is in its life.
    pub state: MemberState,
    /// Games it owns.
    pub games: u32,
    /// Players' sockets it serves.
    pub players: u32,
    /// Lowest rules version it can step.
    pub rules_min: u16,
    /// Highest rules version it can step.
    pub rules_max: u16,
    /// Rises with each renewal of its lease. Set by the registry, ignored in requests.
    pub renewals: u64,
    /// Order of joining. Set by the registry, ignored in requests; but a member that the registry does not know any more is put
    /// back in its place by a renewal, or it would pass for one that was started later in the same container.
    pub joined: u64,
    /// The life of the registry (its `run_id`) that is known to have every game that this member owns; another one may have been
    /// restored from an older copy, and lack some until their owners have put them back. Empty: none yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub settled: String,
}

/// One game, without its world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameRecord {
    /// Which game.
    pub id: GameId,
    /// Fencing number of the present ownership.
    pub epoch: Epoch,
    /// Who runs it; none while it is parked.
    pub owner: Option<MemberId>,
    /// Epoch of the ownership before.
    pub base: Epoch,
    /// Whom it is assigned to next, where an operator or a leaving owner has said so, and why.
    pub next: Option<(MemberId, crate::Reason)>,
    /// Up to here nothing is lost when the owner is.
    pub durable: Tick,
    /// Tick of the stored snapshot.
    pub snapshot_tick: Tick,
    /// Epoch that this tick was run under.
    pub snapshot_epoch: Epoch,
    /// Rules version it is stepped by.
    pub rules: u16,
    /// For people.
    pub name: String,
    /// Name of its maze, for people.
    pub maze: String,
    /// People in it when the snapshot was stored.
    pub players: u16,
    /// Bots in it when the snapshot was stored.
    pub bots: u16,
    /// Claims since the last snapshot that its owner stored.
    pub attempts: u8,
    /// Times that its world failed: that it panicked, or could not be restored or run again from its log. 0 again when a world
    /// of tick `calm_from` or later is stored.
    pub failures: u8,
    /// So far beyond the tick that failed last that whatever made it fail is over.
    pub calm_from: Tick,
    /// It failed too often. Nobody claims it until an administrator says so ([`crate::Request::Release`]).
    pub quarantined: bool,
}

/// What the operator publishes for the members of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Revision that games should move to; empty when nobody has said.
    pub target_revision: String,
    /// Rules version for new games; 0 when nobody has said.
    pub rules: u16,
    /// All revisions that had pods, or were to have some, when that was said. A member of another one joined later, from a rollout
    /// that nobody has told of yet. Empty: not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Rises with each publication, whether or not it says something new: while it rises, somebody vouches for the rest.
    /// Set by the registry, ignored in requests.
    #[serde(skip)]
    pub beat: u64,
}

/// Notes of moves that are kept whole.
pub const MOVES_KEPT: usize = 100;

/// Moves that are recognized when they are noted again.
pub const MOVES_KNOWN: usize = 4096;

/// Causes that are counted apart; what comes further is counted under [`OTHER_CAUSES`].
pub const CAUSES_COUNTED: usize = 16;

/// See [`CAUSES_COUNTED`].
pub const OTHER_CAUSES: &str = "other";

/// Cause of a planned move; all others say how the death of the owner was known.
pub const PLANNED: &str = "move";

/// What the registry remembers of games that changed their owner. For people: nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoveLedger {
    /// By cause, since the registry began to count.
    pub ever: BTreeMap<String, MoveTally>,
    /// By cause, since the present target revision was published.
    pub rollout: BTreeMap<String, MoveTally>,
    /// The last [`MOVES_KEPT`], newest first.
    pub last: Vec<NotedMove>,
}

/// Moves of one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MoveTally {
    /// How many.
    pub count: u64,
    /// The longest [`MoveNote::pause_us`] among them, in microseconds.
    pub worst_pause_us: u64,
}

/// One move, and when it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedMove {
    /// Milliseconds since 1970 on the registry's clock, as far as the note's `ago_ms` is right.
    pub at_ms: u64,
    /// As it was noted.
    pub note: MoveNote,
}
