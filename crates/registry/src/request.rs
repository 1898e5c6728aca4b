//! The registry's requests and replies, one atomic step each, and the trait of whoever answers them.
//!
//! Invariant: every request that changes a game names the ([`Epoch`], owner) pair that it expects ([`Fence`]) and changes
//! nothing where the record says otherwise; the reply then carries the record, so that the asker learns it at once.

use crate::{ClusterRecord, GameRecord, MemberRecord, MoveLedger};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use protocol::peer::{GameSettings, MoveNote};
use protocol::{Epoch, GameId, MemberId, Tick};
use serde::{Deserialize, Serialize};

/// The ownership that a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Epoch of the record.
    pub epoch: Epoch,
    /// Owner in the record; none for a parked game.
    pub owner: Option<MemberId>,
}

/// A world at a tick, as `sim` wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Epoch that its tick was run under: by (epoch, tick) players know it, and an ownership that has run no tick has given it
    /// no other name. 0 for the first world of a game: it gets the epoch that the game is created under.
    pub epoch: Epoch,
    /// Tick of the world.
    pub tick: Tick,
    /// People in it.
    pub players: u16,
    /// Bots in it.
    pub bots: u16,
    /// Opaque here.
    pub world: Bytes,
}

/// What changed the worlds of some ticks, in order: with the world before, it gives each world back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBatch {
    /// Epoch that these ticks were run under.
    pub epoch: Epoch,
    /// The last tick that it covers; the first one comes after the batch before, or after the snapshot. What is not named below
    /// was changed by nothing but time.
    pub upto: Tick,
    /// By rising tick; opaque here.
    pub ticks: Vec<(Tick, Bytes)>,
}

/// Why a game is assigned to somebody. Only `Dead` permits a claim over a living record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its owner is to hand it over.
    Move,
    /// Its owner is gone; the text says how that is known.
    Dead(String),
}

/// One atomic step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Register a member (`renewals` and `joined` are given by the registry). -> `Joined`
    Join(MemberRecord),
    /// Renew a member's lease and describe it anew. A member that the registry does not know is put back. -> `Renewed`
    Renew {
        /// Which one.
        id: MemberId,
        /// The whole record, should the registry have lost it.
        record: MemberRecord,
        /// Games it owns with their epochs: put back into the indexes.
        games: Vec<(GameId, Epoch)>,
    },
    /// The member has left: forget it. -> `Done`
    Leave(MemberId),
    /// All members, the cluster record, and the run id of the server that answered. -> `Members`
    Members,
    /// All games, without worlds. -> `Games`
    Games,
    /// The games that the index believes a member owns, checked against the records. -> `Games`
    GamesOf(MemberId),
    /// The games that have no owner. -> `Games`
    Parked,
    /// One game. -> `Game`
    Game(GameId),
    /// A new game owned by its creator. -> `Granted`, or `Stale` when the id exists
    Create {
        /// Drawn by the creator.
        game: GameId,
        /// Who will run it.
        owner: MemberId,
        /// What it is.
        settings: GameSettings,
        /// Its first world.
        snapshot: Snapshot,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
    },
    /// Take a game over from exactly this ownership. One that is quarantined is not given. -> `Claimed`, `Stale`, `Gone` or
    /// `Another`
    Claim {
        /// Which game.
        game: GameId,
        /// The ownership that is replaced.
        expect: Fence,
        /// Who will run it.
        owner: MemberId,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
        /// The run id of the registry that this was decided by: another one may have been restored from an older copy. None:
        /// whichever it is.
        run_id: Option<String>,
    },
    /// Say who shall own a game next. The last word counts. -> `Done`, `Stale` or `Gone`
    Assign {
        /// Which game.
        game: GameId,
        /// The ownership that was seen when this was decided.
        expect: Fence,
        /// Who next.
        next: MemberId,
        /// Why.
        reason: Reason,
    },
    /// The planned move: a new epoch for the target, with the world at the old owner's last tick. -> `Granted`, `Stale` or `Gone`
    CommitMove {
        /// Which game.
        game: GameId,
        /// The old owner's.
        expect: Fence,
        /// The new owner.
        to: MemberId,
        /// World at the old owner's last tick; becomes durable.
        snapshot: Snapshot,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
    },
    /// A fresh epoch for the asker, with its state; after a commit whose answer was lost. -> `Granted`, `Stale` or `Gone`
    Bump {
        /// Which game.
        game: GameId,
        /// Its own ownership, or the target's after the target's `Aborted`.
        expect: Fence,
        /// Who owns it from now on: the asker.
        owner: MemberId,
        /// The asker's world.
        snapshot: Snapshot,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
    },
    /// Store a world; what it covers is durable, and the log up to there is dropped. A repeat, or an older tick under the same
    /// ownership, changes nothing.
    /// Hinted only where the number of people or bots changed, for those who watch the lobby.
    /// -> `Done`, `Stale` or `Gone`
    StoreSnapshot {
        /// Which game.
        game: GameId,
        /// The writer's.
        expect: Fence,
        /// The world.
        snapshot: Snapshot,
    },
    /// Log the ticks up to `batch.upto`: they are durable. Changes nothing where the game is durable so far already, so that it
    /// may be repeated; overlapping batches do no harm.
    /// -> `Done`, `Stale`, `Gone`, or `Behind` where the registry has less than up to `after`: it has lost something
    Append {
        /// Which game.
        game: GameId,
        /// The writer's.
        expect: Fence,
        /// The log goes on from here: the game is durable up to this tick, as its owner knows.
        after: Tick,
        /// What is added.
        batch: LogBatch,
    },
    /// Stop owning without a next owner: anybody ready may claim. -> `Granted` (the epoch it is parked under), `Stale` or `Gone`
    Park {
        /// Which game.
        game: GameId,
        /// The owner's.
        expect: Fence,
        /// World at the owner's last tick.
        snapshot: Snapshot,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
    },
    /// The owner's world failed: it owns the game no longer, the failure is counted, and anybody ready may claim from the stored
    /// snapshot and log; after `limit` failures nobody may. -> `Game`, `Stale` or `Gone`
    Fail {
        /// Which game.
        game: GameId,
        /// The owner's.
        expect: Fence,
        /// Failures count together until a world of that tick or later is stored.
        calm_from: Tick,
        /// With so many failures the game is quarantined; at least 1.
        limit: u8,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
    },
    /// A quarantined game may be claimed again, as if it had never failed. -> `Game`, `Stale` or `Gone`
    Release {
        /// Which game.
        game: GameId,
        /// As it was read.
        expect: Fence,
        /// Lowest 16 bits of the new epoch: random.
        salt: u16,
        /// Highest epoch that the asker has seen.
        floor: Epoch,
    },
    /// The game is over: forget it. -> `Done`, `Stale` or `Gone`
    End {
        /// Which game.
        game: GameId,
        /// The owner's; of a quarantined game, as it was read.
        expect: Fence,
    },
    /// Publish the operator's settings, or say that they still hold: each publication raises [`ClusterRecord::beat`].
    /// Hinted where they changed. -> `Done`
    PublishCluster(ClusterRecord),
    /// Games changed their owner: for the ledger. A move is known by game and epoch, and counted once however often it is
    /// noted (as far as the last [`crate::MOVES_KNOWN`] reach). -> `Done`
    NoteMoves(Vec<MoveNote>),
    /// The ledger of moves. -> `Moves`
    Moves,
}

impl Request {
    /// Whether a registry of that run id may carry it out.
    pub fn is_meant_for(&self, life: &str) -> bool {
        !matches!(self, Request::Claim { run_id: Some(run_id), .. } if run_id != life)
    }

    /// Looks through the whole directory and changes nothing. It may take long where there are many games: ask apart from
    /// what is urgent, for a batch is answered when all of it is.
    pub fn lists(&self) -> bool {
        use Request::{Games, GamesOf, Members, Moves, Parked};
        matches!(self, Members | Games | GamesOf(_) | Parked | Moves)
    }
}

/// What a step answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Registered as the n-th.
    Joined {
        /// `MemberRecord::joined`.
        joined: u64,
    },
    /// Lease renewed.
    Renewed {
        /// `MemberRecord::renewals`.
        renewals: u64,
        /// Run id of the server that answered.
        run_id: String,
    },
    /// Everybody who is registered.
    Members {
        /// Run id of the server that answered: another one means that it restarted or failed over.
        run_id: String,
        /// In order of joining.
        members: Vec<MemberRecord>,
        /// What the operator published.
        cluster: ClusterRecord,
    },
    /// In order of id.
    Games(Vec<GameRecord>),
    /// The game; after a change, as it is now.
    Game(GameRecord),
    /// A new epoch was given.
    Granted {
        /// It.
        epoch: Epoch,
    },
    /// The claim won.
    Claimed {
        /// The record as it is now.
        record: GameRecord,
        /// What the game is.
        settings: GameSettings,
        /// The newest stored world.
        snapshot: Snapshot,
        /// What leads from it to the tick up to which the game is durable.
        log: Vec<LogBatch>,
    },
    /// The log does not reach so far back that this could follow; nothing was changed.
    Behind(GameRecord),
    /// Done, or had been done before.
    Done,
    /// The record does not match what was expected; nothing was changed.
    Stale(GameRecord),
    /// There is no such game; nothing was changed.
    Gone,
    /// It was meant for the registry of another run id; nothing was changed.
    Another,
    /// What is remembered of moves.
    Moves(MoveLedger),
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The step may have been taken or not: it was sent and no answer came.
    #[error("the registry did not answer; the request may have been carried out: {0}")]
    Unanswered(String),
    /// The step was not taken: it was never sent, or it was refused.
    #[error("the registry refused or cannot be reached: {0}")]
    Refused(String),
}

/// Something changed; look again. May be lost, so that every effect is also found by a slow poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hint {
    /// A member joined, left or changed its state.
    Members,
    /// This game was created, assigned, moved or ended, or the number of people or bots in it changed.
    Game(GameId),
    /// Hints were lost: anything may have changed.
    Lost,
}

/// Whoever answers requests. No call waits for ever: each has the implementation's time-out.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Takes one step.
    async fn call(&self, request: Request) -> Result<Reply, RegistryError>;

    /// Takes several independent steps in one go; replies in the same order. Those that look through the directory
    /// ([`Request::lists`]) are taken when the others have been answered.
    async fn call_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, RegistryError>>;

    /// Hints from now on, for one listener. Never ends; loses hints rather than queue more than a bounded number, and then
    /// says so ([`Hint::Lost`]).
    fn hints(&self) -> BoxStream<'static, Hint>;
}
