//! Messages between members, over one authenticated connection for each pair of them.
//!
//! Owns the messages and their encoding (postcard behind a length prefix). Player frames travel as opaque bytes:
//! an edge looks at epoch and tick alone.
//!
//! Framing: each message, those of the handshake included, follows its length as a u32 little-endian that does not
//! count itself. With tokio-util that is `LengthDelimitedCodec::builder().little_endian().length_field_type::<u32>()
//! .max_frame_length(MAX_PEER_MESSAGE)`; before the handshake is done the limit is
//! [`crate::handshake::MAX_HANDSHAKE_MESSAGE`]. New messages are added behind the last variant of their enum, together
//! with a new [`crate::PEER_VERSION`]: a variant's number is its place.

use crate::wire::{DecodeError, MAX_SLOTS, at_most, decode_whole, encode_after};
use crate::{Epoch, GameId, MAX_INPUTS, MemberId, PlayerId, Tick};
use alloc::{boxed::Box, string::String, vec::Vec};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Longest peer message, in bytes: a snapshot, and settings with their maze, have room many times over.
pub const MAX_PEER_MESSAGE: usize = 1024 * 1024;
/// Longest maze text, in bytes: a Welcome must hold it.
pub const MAX_MAZE_BYTES: usize = 64 * 1024;
/// Members that are named as former owners of a game that was ceded before the registry has heard of it.
pub const MAX_CEDES: usize = 16;

/// Ticks of one tail: more than a ring of frames keeps.
pub const MAX_TAIL: usize = 128;

/// Members of one [`PeerMessage::Introduce`].
pub const MAX_INTRODUCED: usize = 256;

/// One peer message, without its length prefix. One longer than [`MAX_PEER_MESSAGE`], which only a snapshot could make,
/// is refused by the codec that writes it.
pub fn encode(message: &PeerMessage) -> Bytes {
    encode_after(Vec::new(), message).into()
}

/// The peer message that these bytes (without the length prefix) are.
///
/// # Errors
/// When they are none, or a field is over its limit: close the link.
pub fn decode(bytes: &[u8]) -> Result<PeerMessage, DecodeError> {
    at_most("the peer message", bytes.len(), MAX_PEER_MESSAGE)?;
    let message: PeerMessage = decode_whole("peer message", bytes)?;
    match &message {
        PeerMessage::Subscribed { settings, .. }
        | PeerMessage::Control(Control::Prepare { settings, .. }) => {
            settings.check()?;
        }
        PeerMessage::Control(Control::Cede { settings, unrun, .. }) => {
            settings.check()?;
            at_most("the list of former owners", unrun.len(), MAX_CEDES)?;
        }
        PeerMessage::Control(Control::Ceded { unrun, .. }) => {
            at_most("the list of former owners", unrun.len(), MAX_CEDES)?;
        }
        PeerMessage::Tail { ticks, .. } => at_most("the list of ticks", ticks.len(), MAX_TAIL)?,
        PeerMessage::Introduce(members) => {
            at_most("the list of introduced members", members.len(), MAX_INTRODUCED)?;
        }
        PeerMessage::FromPlayer { act: PlayerAct::Inputs(inputs), .. } => {
            at_most("the list of inputs", inputs.len(), MAX_INPUTS)?;
        }
        _ => {}
    }
    Ok(message)
}

/// What never changes about a game: given at creation, kept in the registry, sent to whoever runs or shows the game.
/// A game carries its maze, so that a build which does not ship that maze can still run it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameSettings {
    /// Shown in the lobby; 1 to 32 characters.
    pub name: String,
    /// The maze file's text, as `sim` parses it.
    pub maze: String,
    /// Places for tanks, 1 to 32.
    pub slots: u8,
    /// Rules version that the game is stepped by.
    pub rules: u16,
    /// The maze's name, for people.
    pub maze_name: String,
    /// Bots fill the game up to so many players, people and bots together.
    pub bots: u8,
    /// It goes on without people.
    pub stays: bool,
}

impl GameSettings {
    /// Refuses settings that no game can have.
    fn check(&self) -> Result<(), DecodeError> {
        at_most("the maze in bytes", self.maze.len(), MAX_MAZE_BYTES)?;
        at_most("the number of slots", self.slots.into(), MAX_SLOTS.into())?;
        if self.slots == 0 { Err(DecodeError::Malformed("settings of a game")) } else { Ok(()) }
    }
}

/// One message on a peer link. Every request names the reply that ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerMessage {
    /// Liveness, every 100 ms on an idle link. Answered by `Pong` with the same number.
    Ping(u64),
    /// Answer to `Ping`.
    Pong(u64),
    /// Edge to owner: send me the frames of this game. Answered by `Subscribed` and frames, or by `NotOwner`.
    Subscribe {
        /// The game.
        game: GameId,
        /// The last frame that the edge has, if any.
        have: Option<(Epoch, Tick)>,
    },
    /// Edge to owner: no player of mine watches this game any more.
    Unsubscribe {
        /// The game.
        game: GameId,
    },
    /// Owner to edge: the answer. Right behind it come the frames after `have`, where the owner's ring has them all, else a
    /// keyframe and the frames after it; then each new frame.
    Subscribed {
        /// The game.
        game: GameId,
        /// What the game is.
        settings: GameSettings,
        /// As asked.
        have: Option<(Epoch, Tick)>,
    },
    /// I do not own this game and am not prepared for it. `owner` is who I believe does.
    NotOwner {
        /// The game.
        game: GameId,
        /// Whom to ask instead, where known.
        owner: Option<MemberId>,
    },
    /// A whole world for players to start from, encoded as the players' keyframe.
    Keyframe {
        /// The game.
        game: GameId,
        /// Epoch of the owner.
        epoch: Epoch,
        /// Tick of the world.
        tick: Tick,
        /// The players' keyframe, ready to write to sockets.
        bytes: Bytes,
    },
    /// One tick.
    Frame {
        /// The game.
        game: GameId,
        /// Epoch of the owner.
        epoch: Epoch,
        /// The tick that this frame leads to.
        tick: Tick,
        /// Epoch of the tick before it: another than `epoch` only in the first frame of an ownership. (epoch, tick) names
        /// a world, so that an edge shows this frame only to those who have (`after`, `tick` - 1).
        after: Epoch,
        /// The players' frame, ready to write to sockets.
        bytes: Bytes,
        /// The log entry of the tick: what changed the world besides time (postcard of `Vec<sim::Entry>`, empty when nothing did).
        log: Bytes,
        /// Digest of the world after the tick.
        digest: u32,
    },
    /// Edge to owner: something a player did. Inputs are answered in the frames (applied counts), or by `ToPlayer`.
    FromPlayer {
        /// The game.
        game: GameId,
        /// Who did it.
        player: PlayerId,
        /// Number of the player's socket: higher is newer.
        session: u32,
        /// What it was.
        act: PlayerAct,
    },
    /// Owner to edge: a message for one player's sockets at that edge, encoded in the players' protocol.
    ToPlayer {
        /// The game.
        game: GameId,
        /// For whom.
        player: PlayerId,
        /// A whole message of the players' protocol.
        bytes: Bytes,
    },
    /// Owner to edge: close this player's sockets with that code (the game is full, for one).
    Refuse {
        /// The game.
        game: GameId,
        /// Whose sockets.
        player: PlayerId,
        /// A close code of the players' protocol.
        code: u16,
    },
    /// New owner to all, at a take-over: which ticks after that world, the last durable one, do you have? Answered by `Tail`.
    WantTail {
        /// The game.
        game: GameId,
        /// Epoch that the world's tick was run under, and the tick.
        world: (Epoch, Tick),
    },
    /// Anybody to new owner: what this member was shown of the game after that world, without a gap; nothing where it does not
    /// have that world.
    Tail {
        /// The game.
        game: GameId,
        /// As asked.
        world: (Epoch, Tick),
        /// By rising tick, at most [`MAX_TAIL`].
        ticks: Vec<TailTick>,
    },
    /// Moving games and telling who lives.
    Control(Control),
    /// New owner to all members: a move is done; for people who look at the cluster. And anybody to a member that it has
    /// just linked with: what it has heard of.
    MoveDone(MoveNote),
    /// To a member that a link has just come up with: who I am, and whom I have links to, at most [`MAX_INTRODUCED`]. And to the
    /// others, who may not have heard of that one.
    Introduce(Vec<Introduction>),
    /// Last owner to edge: the game is over.
    Over {
        /// The game.
        game: GameId,
    },
}

/// Who a member is and where it can be reached, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Which member.
    pub id: MemberId,
    /// Where its peers connect: `ip:port`.
    pub address: String,
    /// The pod's name, for people.
    pub name: String,
    /// Version of the software, for people.
    pub build: String,
    /// Revision of the Deployment, for people.
    pub revision: String,
}

/// One tick of a [`PeerMessage::Tail`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailTick {
    /// Epoch that it was run under.
    pub epoch: Epoch,
    /// It.
    pub tick: Tick,
    /// As in [`PeerMessage::Frame`].
    pub log: Bytes,
    /// As in [`PeerMessage::Frame`].
    pub digest: u32,
}

/// One completed move, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveNote {
    /// The game.
    pub game: GameId,
    /// Its owner before.
    pub from: Option<MemberId>,
    /// Its owner now.
    pub to: MemberId,
    /// The new owner's epoch.
    pub epoch: Epoch,
    /// The tick that the new owner started from.
    pub tick: Tick,
    /// How long it stood still, as the new owner knows, in microseconds: of a planned move how late the first tick ran after
    /// it was due, else the time from the evidence that the old owner is dead to the first tick.
    pub pause_us: u64,
    /// From the old owner's last tick to the new one's first, in microseconds; 0 where the old owner did not hand it over.
    pub between_us: u64,
    /// Size of the world that moved, in bytes.
    pub bytes: u32,
    /// `move`, or how the death of the old owner was known.
    pub cause: String,
    /// How long ago it was, as the sender knows, in milliseconds.
    pub ago_ms: u64,
}

/// What a player does to a game, on its way to the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayerAct {
    /// Take part under this name. Repeating it changes nothing (the id is the player's own).
    Join {
        /// 1 to 16 characters.
        name: String,
    },
    /// Inputs in rising order of `seq`.
    Inputs(Vec<Input>),
    /// Leave for good.
    Leave,
    /// The socket of this session is gone; the player may come back with another.
    Gone,
    /// Sign of life and the newest tick shown to the player; for the slack that a pong answers.
    Seen {
        /// Newest tick shown.
        tick: Tick,
    },
    /// The owner answers with the players' Pong, through `ToPlayer`.
    Ping {
        /// Given back in the answer.
        nonce: u32,
        /// The tick that an input sent with the ping would aim at; the answer says how early it was.
        tick: Tick,
    },
    /// Take another name.
    Rename {
        /// 1 to 16 characters.
        name: String,
    },
    /// Say something to everybody in the game.
    Chat {
        /// 1 to 120 characters.
        text: String,
    },
}

/// One input of a player: the level of all keys from its tick on, and at most one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Counts the player's inputs from 1, over all sockets.
    pub seq: u32,
    /// The tick the player aimed at; applied at max(next tick, for_tick), at most 10 ahead.
    pub for_tick: Tick,
    /// Bits: 0 forward, 1 back, 2 left, 3 right, 4 fire.
    pub keys: u8,
    /// 0 nothing; 1 self-destruct; 2 launch from any free entry point; 3 + n launch from entry point n.
    pub action: u8,
}

/// Ownership messages: the hand-over, and what members tell each other about the living.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Owner to target: get ready to own this game. Answered by `Prepared`, `Refused` or `Busy`.
    Prepare {
        /// The game.
        game: GameId,
        /// Epoch of the sender.
        epoch: Epoch,
        /// What the game is.
        settings: GameSettings,
        /// Tick of `snapshot`.
        tick: Tick,
        /// A world to warm up with; the one that counts comes with `Commit`.
        snapshot: Bytes,
        /// Members with players of this game, so that the target can link to them.
        edges: Vec<MemberId>,
        /// The sender leaves and does not reach the registry: it will cede the game, so that the receiver need not reach the
        /// registry either.
        cedes: bool,
    },
    /// Target to owner: restored and warm.
    Prepared {
        /// The game.
        game: GameId,
        /// Epoch of the owner that prepared.
        epoch: Epoch,
    },
    /// Target to owner, in answer to `Prepare` or `Cede`: not me, and why. I have not run it, and will not before you ask again.
    Refused {
        /// The game.
        game: GameId,
        /// Epoch of the owner that prepared, or ceded.
        epoch: Epoch,
        /// For logs.
        reason: String,
    },
    /// Owner to target: the registry says you own it now. Answered by `Started`.
    Commit {
        /// The game.
        game: GameId,
        /// Epoch that the sender owned it under.
        old: Epoch,
        /// Epoch that `tick` was run under: another than `old` where the sender has run none.
        base: Epoch,
        /// Epoch that the receiver owns it under.
        epoch: Epoch,
        /// Tick of `snapshot`: the last one that the sender ran.
        tick: Tick,
        /// The world at `tick`.
        snapshot: Bytes,
        /// Tick after `tick` is due in so many microseconds, counted from arrival; negative when overdue.
        due_us: i64,
    },
    /// Target to old owner, in answer to `Commit`, `Abort` or `Cede`: I tick it; or, after a `Cede`, another does that has
    /// taken it over.
    Started {
        /// The game.
        game: GameId,
        /// Epoch that it is owned under.
        epoch: Epoch,
    },
    /// Old owner to target: forget it, unless you run it. Answered by `Aborted` or `Started`.
    Abort {
        /// The game.
        game: GameId,
        /// Epoch that the sender owns it under.
        epoch: Epoch,
        /// Epoch that the registry has given the receiver, where the sender knows one; else 0.
        given: Epoch,
    },
    /// Target to owner: I do not run it and will not under any epoch that your hand-over gave me, as long as you are there
    /// and do not answer `Released`.
    Aborted {
        /// The game.
        game: GameId,
        /// The epoch named in `Abort`.
        epoch: Epoch,
        /// As in the `Abort` that this answers: the sender has not run the game under that epoch either.
        given: Epoch,
    },
    /// Owner to its edges: this game will move there soon; subscribe there as well.
    MoveSoon {
        /// The game.
        game: GameId,
        /// Epoch of the sender.
        epoch: Epoch,
        /// The member that it will move to.
        to: MemberId,
    },
    /// Old owner to its edges: `tick` was my last, `to` goes on under `epoch`.
    Moved {
        /// The game.
        game: GameId,
        /// The new owner's epoch.
        epoch: Epoch,
        /// The new owner.
        to: MemberId,
        /// Last tick of the old owner.
        tick: Tick,
    },
    /// The link to that member broke and a new connection to its address was refused: its process seems gone.
    Unreachable {
        /// The member.
        member: MemberId,
    },
    /// Takes `Unreachable` back: the member answers.
    Reachable {
        /// The member.
        member: MemberId,
    },
    /// Target to owner, in answer to `Prepare`: too many games are coming in at present, ask again in a moment.
    Busy {
        /// The game.
        game: GameId,
        /// Epoch of the owner that prepared.
        epoch: Epoch,
    },
    /// Old owner to target, in answer to `Aborted`: I do not run the game under that epoch any more. Do what the registry
    /// says.
    Released {
        /// The game.
        game: GameId,
        /// The epoch named in `Aborted`.
        epoch: Epoch,
    },
    /// Leaving owner that does not reach the registry to target: it is yours. I run no further tick and write nothing unless
    /// you refuse. Answered by `Started` or `Refused`; sent again until then.
    Cede {
        /// The game.
        game: GameId,
        /// Epoch that the sender ran it under.
        epoch: Epoch,
        /// Epoch that `tick` was run under: another than `epoch` where the sender has run none.
        base: Epoch,
        /// The ownership in the registry, as far as the sender knows: its epoch ...
        held: Epoch,
        /// ... and its owner.
        owner: Option<MemberId>,
        /// Members that may be given the game over that ownership by writes that were not answered, the sender among them.
        /// None of them runs it.
        unrun: Vec<MemberId>,
        /// The target of a move that was not answered, which has called it off: the game is not taken over what the registry
        /// has given it before it says so again, by `Aborted` in answer to `Ceded`.
        off: Option<MemberId>,
        /// What the game is.
        settings: Box<GameSettings>,
        /// Tick of `snapshot`: the last one that the sender ran.
        tick: Tick,
        /// The world at `tick`.
        snapshot: Bytes,
        /// Up to here the game is durable.
        durable: Tick,
        /// As in `Commit`.
        due_us: i64,
    },
    /// Target of a `Cede` to all members, as well as the old owner, and anybody that has heard of it to a member that may not
    /// have: the target runs the game, under an epoch that the registry may not know yet. As long as it lives the game is not to be claimed from those
    /// that have ceded it.
    Ceded {
        /// The game.
        game: GameId,
        /// The target.
        to: MemberId,
        /// Epoch that the target runs it under.
        epoch: Epoch,
        /// As in the `Cede`.
        held: Epoch,
        /// As in the `Cede`, `off` among them.
        unrun: Vec<MemberId>,
    },
}
