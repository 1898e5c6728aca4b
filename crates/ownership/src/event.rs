//! What a member's machine is told, and what it asks for.

use bytes::Bytes;
use protocol::peer::{Control, GameSettings};
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::{Hint, LogBatch, RegistryError, Reply, Request, Snapshot};

/// A member's own monotonic clock in microseconds. Times of two members are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

/// Ties a registry reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Durations in microseconds. `renew < lease` and `lease + margin` is what a claimer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A member that has not renewed for so long may be replaced. Default 2 s; the same for all, as members judge others by their
    /// own.
    pub lease_us: u64,
    /// Between two renewals. Default a third of the lease.
    pub renew_us: u64,
    /// What a claimer waits beyond the lease. Default 500 ms.
    pub margin_us: u64,
    /// Between two looks at the registry, should hints be lost. Default 200 ms.
    pub poll_us: u64,
    /// A draining member places its games itself when nobody has assigned them after this. Default 200 ms.
    pub assign_wait_us: u64,
    /// Longest that `Joining` waits for links to the living before it says ready. Default 5 s.
    pub link_wait_us: u64,
    /// Between two stored snapshots of a game. Default 0.8 s: with the time that storing takes, a crash costs less than a
    /// second of play.
    pub snapshot_us: u64,
    /// A hand-over whose target does not answer in this time is given up. Default 1 s.
    pub prepare_us: u64,
    /// Games of one member whose targets get ready at once: they tick all the while. Default 64.
    pub preparing: usize,
    /// Games of one member that freeze, or stand still until the registry has answered, at once; half of them on their way to
    /// one target. Most of that time they still wait for the end of their last tick. Default 32.
    pub frozen: usize,
    /// So many to begin with, at least 2. Each prompt answer lets one more freeze at once; one that is not prompt halves them,
    /// down to this again, or to as many as a leaving member needs to be done in time. Default 8.
    pub frozen_least: usize,
    /// An answer to a move that takes longer than this is not prompt. Default 8 ms: on an idle machine it takes about one, and
    /// after 20 a tick is missed.
    pub prompt_us: u64,
    /// The drain parks what it could not move so long before its grace ends, or in the last quarter of a short grace.
    /// Default 3 s.
    pub park_before_us: u64,
    /// What the operator published counts for nothing when it has not been said again for so long. Default 12 s.
    pub beat_us: u64,
    /// A game whose world fails so often is quarantined. At least 1; default 3.
    pub failures: u8,
    /// Failures count together until a world is stored that is so many ticks beyond the one that failed. What has been run
    /// before says nothing about it, nor do the moments until players have sent again what was not durable. Default 250.
    pub calm_ticks: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            lease_us: 2_000_000,
            renew_us: 2_000_000 / 3,
            margin_us: 500_000,
            poll_us: 200_000,
            assign_wait_us: 200_000,
            link_wait_us: 5_000_000,
            snapshot_us: 800_000,
            prepare_us: 1_000_000,
            preparing: 64,
            frozen: 32,
            frozen_least: 8,
            prompt_us: 8_000,
            park_before_us: 3_000_000,
            beat_us: 12_000_000,
            failures: 3,
            calm_ticks: 250,
        }
    }
}

impl Settings {
    /// How many games may freeze at once when so many might, and one of them has stood still for so long.
    pub(crate) fn next_freezes(&self, freezes: usize, stood_us: u64) -> usize {
        let next = if stood_us <= self.prompt_us { freezes + 1 } else { freezes / 2 };
        next.min(self.frozen).max(self.frozen_least)
    }
}

/// Ticks that a hub has run, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Of this game.
    pub game: GameId,
    /// Under this epoch.
    pub epoch: Epoch,
    /// The tick before the first of them.
    pub after: Tick,
    /// The last of them.
    pub upto: Tick,
    /// The last of them that is to be durable soon: something changed the world, or people are in it. 0: none is.
    pub busy: Tick,
    /// What changed the world, by rising tick; ticks that nothing changed are not named.
    pub ticks: Vec<(Tick, Bytes)>,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The time asked for by [`crate::Member::next_wake`] has come.
    Wake,
    /// The registry answered, or did not.
    Reply(CallId, Result<Reply, RegistryError>),
    /// The registry says that something changed.
    Hint(Hint),
    /// An authenticated link to that member stands.
    LinkUp(MemberId),
    /// The link to that member broke. `refused`: a new connection to its address was refused at once.
    LinkDown {
        /// Who.
        member: MemberId,
        /// The redial was refused: nobody listens there.
        refused: bool,
    },
    /// A control message of that member.
    Message(MemberId, Control),
    /// A user of this member creates a game. The world is at tick 0.
    Create {
        /// Drawn by the caller; [`Effect::Created`] or [`Effect::CreateFailed`] names it.
        game: GameId,
        /// What it is.
        settings: GameSettings,
        /// Its first world.
        snapshot: Snapshot,
    },
    /// The hub stopped after this tick, as [`Effect::Freeze`] asked.
    Frozen {
        /// Which game.
        game: GameId,
        /// World at its last tick.
        snapshot: Snapshot,
        /// When the tick after it would be due.
        next_due: Time,
    },
    /// The hub of an owned game hands in a world, as [`Effect::TakeSnapshot`] asked, or because people came or went: then
    /// others want to know soon.
    World {
        /// Which game.
        game: GameId,
        /// It.
        snapshot: Snapshot,
    },
    /// What hubs of owned games have run since they said so last, all together: to be logged. Whoever never says so logs
    /// nothing.
    Ran(Vec<Ran>),
    /// The hub restored the world that [`Effect::Prepare`] named, and is ready to tick; or could not.
    Restored {
        /// Which game.
        game: GameId,
        /// Epoch named in the effect.
        epoch: Epoch,
        /// Why not, where it could not.
        error: Option<String>,
    },
    /// The world of an owned game panicked, or could not be restored or run again from its log: the hub has dropped it.
    Failed {
        /// Which game.
        game: GameId,
        /// Under this epoch.
        epoch: Epoch,
        /// The tick that failed, or one before it.
        tick: Tick,
    },
    /// An edge does not know whose frames to show: [`Effect::OwnerOf`] answers, after a look into the registry.
    Lookup(GameId),
    /// The hub of an owned game says that it is over: nobody is in it.
    Over(GameId),
    /// The hub of an owned game finds that it was stopped for more than half a lease. It shows nothing before it is told to:
    /// [`Effect::GoOn`], or any other word about the game.
    Stalled(GameId),
    /// Leave: hand over all games within so many microseconds.
    Terminate {
        /// Until the process is killed.
        grace_us: u64,
    },
    /// Sockets that this member serves and games it watches; for its record.
    Load {
        /// Players' sockets.
        players: u32,
    },
}

/// Something to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the registry; answered by [`Event::Reply`].
    Call(CallId, Request),
    /// Send a control message to a member, if a link to it stands.
    Send(MemberId, Control),
    /// Send a control message to all members that watch this game here, and tell the local edge as well.
    SendToEdges(GameId, Control),
    /// Connect to these members (address) and keep the links up; drop links to all others.
    Peers(Vec<(MemberId, String)>),
    /// Restore this world, subscribe to its present owner, be ready to tick: [`Event::Restored`].
    Prepare {
        /// Which game.
        game: GameId,
        /// The present owner's epoch.
        epoch: Epoch,
        /// The present owner.
        owner: MemberId,
        /// What it is.
        settings: GameSettings,
        /// World to warm up with.
        snapshot: Snapshot,
    },
    /// Forget what was prepared.
    Unprepare {
        /// Which game.
        game: GameId,
    },
    /// Own the game: tick it from the tick after `snapshot`, the first one at `due`. `announced rewind` is `rewind`.
    Start {
        /// Which game.
        game: GameId,
        /// Under this epoch.
        epoch: Epoch,
        /// What it is.
        settings: GameSettings,
        /// Epoch that the world was ticked under until now: `after` of the first frame.
        base: Epoch,
        /// The world to go on from. None: the hub goes on from the world that it froze with.
        snapshot: Option<Snapshot>,
        /// What leads from there to the tick up to which the game is durable.
        log: Vec<LogBatch>,
        /// Up to here the game is durable; of a world of its own the hub knows.
        durable: Tick,
        /// When the tick after it is due; in the past: at once.
        due: Time,
        /// Players may have seen later ticks than this world's: they are told (take-over).
        rewind: bool,
    },
    /// The registry still names this member: a game that was [`Event::Stalled`] may tick again.
    GoOn(GameId),
    /// Run the tick that is due next, or none, and no further one; answer [`Event::Frozen`]. Right after a tick whoever goes on
    /// has the longest time. Inputs that come now are kept for [`Effect::Start`] or forwarded after [`Effect::Stop`].
    Freeze(GameId),
    /// Own the game no longer; `to` does, where known. The hub turns into an edge; inputs that reach it go to `to`.
    Stop {
        /// Which game.
        game: GameId,
        /// The new owner and its epoch.
        to: Option<(MemberId, Epoch)>,
        /// False: the game is over, its players are told so.
        goes_on: bool,
    },
    /// The hub is to hand in the world now: [`Event::World`].
    TakeSnapshot(GameId),
    /// Up to here the game is durable; frames say so.
    Durable(GameId, Tick),
    /// A game was created here, as [`Event::Create`] asked; [`Effect::Start`] follows.
    Created(GameId),
    /// It could not be.
    CreateFailed(GameId, String),
    /// This is who owns that game now, as far as the registry says; edges subscribe there. None: nobody does at present.
    OwnerOf(GameId, Option<(MemberId, Epoch)>),
    /// The world of that game has failed too often: nobody runs it until an administrator says so. Its players are told.
    Quarantined(GameId),
    /// The member joined and linked: readiness may say so.
    Ready,
    /// Most of the members that live cannot be reached from here, though the registry can; or they can again. As long as it
    /// is so players are to be sent to others, and readiness is to say so.
    CutOff(bool),
    /// The last game has moved (or was parked) after `Terminate`: once its sockets are gone too, the process may exit.
    Drained,
    /// A move was completed; for logs and metrics.
    Moved(MoveRecord),
}

/// One completed hand-over or take-over as its new or old owner saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveRecord {
    /// Which game.
    pub game: GameId,
    /// Old owner.
    pub from: Option<MemberId>,
    /// New owner.
    pub to: MemberId,
    /// Epoch of the new owner.
    pub epoch: Epoch,
    /// Last tick of the old owner, or the tick of the snapshot that was taken over.
    pub tick: Tick,
    /// From freeze to the answer of the registry (hand-over), or from the evidence to the start (take-over), microseconds.
    pub pause_us: u64,
    /// `move`, or what proved the death of the old owner: `refused`, `restarted`, `lease`, `operator`; or `parked`, or `failed`
    /// where its world did.
    pub cause: &'static str,
    /// Bytes of the world.
    pub bytes: usize,
}
