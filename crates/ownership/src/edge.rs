//! Which frames of a game a member may show to its players, and whom it subscribes to.
//!
//! One for each game and member. Owns the choice between sources (rule: frames of a new epoch are held until the last
//! tick of the old one was shown) and nothing else: frames are opaque.

use crate::Time;
use bytes::Bytes;
use protocol::{Epoch, GameId, MemberId, Tick};

/// Something happened to one game at one edge.
#[derive(Clone, Debug)]
pub enum EdgeEvent {
    /// Time passes; called at least every 20 ms while the edge has players.
    Wake,
    /// The first player came, or players want the game again.
    Watch,
    /// A player came who has been shown this already, at another edge.
    Floor(Epoch, Tick),
    /// The last player left.
    Unwatch,
    /// A frame of that member (this member itself, when it owns the game).
    Frame {
        /// From whom.
        from: MemberId,
        /// Its epoch.
        epoch: Epoch,
        /// The tick it leads to.
        tick: Tick,
        /// Epoch of the tick before it.
        after: Epoch,
        /// Opaque.
        bytes: Bytes,
    },
    /// A keyframe of that member.
    Keyframe {
        /// From whom.
        from: MemberId,
        /// Its epoch.
        epoch: Epoch,
        /// Tick of the world.
        tick: Tick,
        /// Opaque.
        bytes: Bytes,
    },
    /// `Control::MoveSoon`.
    MoveSoon {
        /// The target.
        to: MemberId,
    },
    /// `Control::Moved`.
    Moved {
        /// New owner.
        to: MemberId,
        /// Its epoch.
        epoch: Epoch,
        /// Last tick of the old owner.
        tick: Tick,
    },
    /// `PeerMessage::NotOwner`.
    NotOwner {
        /// Who said so.
        from: MemberId,
        /// Whom it believes.
        owner: Option<MemberId>,
    },
    /// The registry (or the local machine) says who owns it.
    Owner(Option<(MemberId, Epoch)>),
    /// Link state changed.
    Link {
        /// To whom.
        member: MemberId,
        /// Up or down.
        up: bool,
    },
}

/// What the edge wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeEffect {
    /// Ask that member for frames after `have`. For itself: nothing needs to be sent.
    Subscribe {
        /// Whom.
        to: MemberId,
        /// Last shown.
        have: Option<(Epoch, Tick)>,
    },
    /// Tell that member that its frames are not wanted.
    Unsubscribe(MemberId),
    /// Show this frame to all players that have the tick before it.
    Show {
        /// Epoch.
        epoch: Epoch,
        /// Tick.
        tick: Tick,
        /// Opaque.
        bytes: Bytes,
        /// The first frame under a new epoch.
        new_epoch: bool,
    },
    /// Show this keyframe: the chain is broken by a rewind (tick at or below the last shown, higher epoch) or a gap that nobody can fill.
    Reset {
        /// Epoch.
        epoch: Epoch,
        /// Tick.
        tick: Tick,
        /// Opaque.
        bytes: Bytes,
        /// The tick is not above the last shown one.
        rewind: bool,
    },
    /// Inputs of players go there from now on. None: keep them until it is known.
    InputsTo(Option<MemberId>),
    /// Look the owner up in the registry; answered by [`EdgeEvent::Owner`].
    Lookup(GameId),
}

/// One game's sources at one member. Told [`EdgeEvent`]s, answers with [`EdgeEffect`]s.
#[derive(Debug)]
pub struct Edge {
    me: MemberId,
    game: GameId,
    shown: Option<(Epoch, Tick)>,
}

impl Edge {
    /// An edge that nobody watches yet.
    pub fn new(me: MemberId, game: GameId) -> Edge {
        Edge { me, game, shown: None }
    }

    /// Takes one event in and appends what is to be done, in order.
    pub fn handle(&mut self, now: Time, event: EdgeEvent, out: &mut Vec<EdgeEffect>) {
        let _ = (now, event, out, self.me, self.game);
    }

    /// The newest tick that was shown, and its epoch.
    pub fn shown(&self) -> Option<(Epoch, Tick)> {
        self.shown
    }

    /// Whose frames are shown at present.
    pub fn source(&self) -> Option<MemberId> {
        None
    }
}
