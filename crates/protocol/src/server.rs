//! Messages of servers to players: one type byte, then the postcard of a struct; or a frame.
//!
//! Owns their layout and limits. Frames have a module of their own.

use crate::frame::{EncodedBody, FRAME_TYPES, FrameHeader};
use crate::wire::{DecodeError, MAX_SERVER_MESSAGE, MAX_SLOTS, at_most, decode_whole, encode_typed};
use crate::{Epoch, PlayerId, Tick};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const WELCOME: u8 = 0x81;
const KEYFRAME: u8 = 0x82;
const PONG: u8 = 0x83;
const EXPECT: u8 = 0x84;
const GO_AWAY: u8 = 0x85;
const SKIPPED: u8 = 0x86;
const HOST: u8 = 0x87;
const NOTICE: u8 = 0x88;

/// In GoAway: the member does not leave, but is cut off from most others. The socket stays, and may bring nothing until they are
/// reached again.
pub const GRACE_CUT_OFF: u32 = 0;

/// Most missiles in a keyframe, and most items: their ids are bytes.
const MAX_IDS: usize = 256;
/// Most blasts in a keyframe: one for each missile that can end, each tank and each self-destruct, many times over.
const MAX_BLASTS: usize = 1024;
/// Most lines of chat in a keyframe.
const MAX_CHAT: usize = 64;

/// One message from a server to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ServerMessage {
    /// Answer to Hello: who you are, and the game that you are in. A player gets it again, with another token and nothing else
    /// changed, when the cluster signs with another key.
    Welcome(Welcome),
    /// Which members run the game and this socket. After Welcome, and again when the owner changes.
    Host(Host),
    /// A whole world to go on from.
    Keyframe(Keyframe),
    /// One tick. Most messages are this. The body stays encoded until its slots are known and it is wanted.
    Frame {
        /// All but the body.
        header: FrameHeader,
        /// The body as it came.
        body: EncodedBody,
    },
    /// Answer to Ping.
    Pong {
        /// Of the Ping.
        nonce: u32,
        /// Newest tick of the owner when it answered.
        tick: Tick,
        /// How long before its tick was due the Ping reached the owner, in milliseconds; negative: it came too late.
        slack_ms: i32,
    },
    /// An input with another `seq` than the next came: send again from here.
    Expect {
        /// The next `seq` that the owner takes.
        seq: u32,
    },
    /// This member is leaving, or is cut off from most others: open a second socket with your token, and close this one
    /// when frames flow there.
    GoAway {
        /// How long this socket stays, in milliseconds; or [`GRACE_CUT_OFF`].
        grace_ms: u32,
    },
    /// This socket was read too slowly: these ticks will not come. A Keyframe of `to` or later follows.
    Skipped {
        /// First tick left out.
        from: Tick,
        /// Last tick left out.
        to: Tick,
    },
    /// Something that the client asked for was refused; the socket stays.
    Notice {
        /// What, and what to do: can be shown.
        sentence: String,
    },
}

/// Who the client is, and what never changes about its game.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version of the protocol that the server answers in.
    pub version: u8,
    /// The player's id; 0 for a spectator.
    pub player: PlayerId,
    /// The session of the Hello.
    pub session: u32,
    /// The game's name.
    pub settings_name: String,
    /// The maze file's text.
    pub maze: String,
    /// Places for tanks, 1 to [`MAX_SLOTS`]: gives the length of the masks in frames.
    pub slots: u8,
    /// Name of the member that the socket is on.
    pub edge_name: String,
    /// Build of that member.
    pub edge_build: String,
    /// What to resume with, at any member; empty for a spectator.
    pub token: Vec<u8>,
}

/// Which member runs the game, and which one serves this socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Epoch of the owner.
    pub epoch: Epoch,
    /// Name of the member that runs the game; empty while it is not known.
    pub owner_name: String,
    /// Build of that member; empty while it is not known.
    pub owner_build: String,
    /// Revision of that member; empty while it is not known.
    pub owner_revision: String,
    /// Name of the member that the socket is on.
    pub edge_name: String,
    /// Build of that member.
    pub edge_build: String,
    /// Revision of that member.
    pub edge_revision: String,
}

/// A world, as far as clients see it. Coordinates in units of 1/12,800 u, headings of 1/65,536 turn.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Keyframe {
    /// Epoch of the owner that this world is of.
    pub epoch: Epoch,
    /// Tick of this world: the next frame leads to the one after it.
    pub tick: Tick,
    /// Newest tick that is safe in the registry.
    pub durable: Tick,
    /// Rules version that the game is stepped by.
    pub rules: u16,
    /// The present round.
    pub round: Round,
    /// All players, by rising slot.
    pub players: Vec<KeyframePlayer>,
    /// All missiles, in the world's order.
    pub missiles: Vec<Missile>,
    /// All blasts, in the world's order.
    pub blasts: Vec<Blast>,
    /// All items, in the world's order.
    pub items: Vec<Item>,
    /// What was said of late, oldest first.
    pub chat: Vec<ChatLine>,
}

/// Where a game is in its rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Round {
    /// Counted from 1.
    pub number: u32,
    /// It is over, and the next one has not begun.
    pub resting: bool,
    /// Last tick of the round, or of the rest after it; 0: it has no end.
    pub ends: Tick,
}

/// A player in a keyframe.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyframePlayer {
    /// The player.
    pub id: PlayerId,
    /// Place in the game, from 0, below the game's `slots`.
    pub slot: u8,
    /// Name as shown.
    pub name: String,
    /// Played by the server.
    pub bot: bool,
    /// Session that the player's last input came by.
    pub session: u32,
    /// Has the player a socket?
    pub connected: bool,
    /// Kills in this round.
    pub score: u32,
    /// Deaths in this round.
    pub deaths: u32,
    /// Rounds won.
    pub wins: u32,
    /// `seq` of the last input consumed, whether applied or void.
    pub last_seq: u32,
    /// How many inputs were applied.
    pub applied: u32,
    /// Rolling hash over the applied inputs.
    pub applied_hash: u32,
    /// Keys held, bits as in an input.
    pub keys: u8,
    /// The tank, between launch and destruction.
    pub tank: Option<KeyframeTank>,
}

/// A tank in a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyframeTank {
    /// To the right of the middle, in units.
    pub x: i32,
    /// Up from the middle, in units.
    pub y: i32,
    /// Counter-clockwise from the right; 65,536 is a full turn.
    pub heading: u16,
    /// Armour left; 16,384 is 1.0.
    pub armour: u16,
    /// Ticks until it may shoot again.
    pub reload: u16,
    /// Its missiles bounce once.
    pub bounce: bool,
}

/// A missile in a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missile {
    /// Its number while it flies.
    pub id: u8,
    /// Slot of the player who shot it.
    pub slot: u8,
    /// To the right of the middle, in units.
    pub x: i32,
    /// Up from the middle, in units.
    pub y: i32,
    /// Direction of its flight.
    pub heading: u16,
    /// It will bounce off the next wall.
    pub bounce: bool,
}

/// An explosion in a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blast {
    /// 0 of a missile, 1 of a destroyed tank, 2 of a self-destruction.
    pub kind: u8,
    /// Slot of whoever caused it; 255: nobody.
    pub slot: u8,
    /// To the right of the middle, in units.
    pub x: i32,
    /// Up from the middle, in units.
    pub y: i32,
    /// Ticks since it began.
    pub age: u8,
}

/// Something to pick up, in a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Item {
    /// Its number while it lies there.
    pub id: u8,
    /// 0 health, 1 bounce.
    pub kind: u8,
    /// To the right of the middle, in units.
    pub x: i32,
    /// Up from the middle, in units.
    pub y: i32,
    /// Ticks until it is gone.
    pub left: u16,
}

/// A line of chat in a keyframe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// When.
    pub tick: Tick,
    /// The slot that it was about, then.
    pub slot: u8,
    /// The name of its player, then.
    pub name: String,
    /// What happened.
    pub what: ChatWhat,
}

/// What a line of chat tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChatWhat {
    /// The player has come.
    Entered,
    /// The player has left.
    Left,
    /// The player has another name now.
    Renamed {
        /// The new one.
        to: String,
    },
    /// The player said something.
    Said {
        /// It.
        text: String,
    },
}

impl ServerMessage {
    /// One websocket message.
    pub fn encode(&self) -> Bytes {
        match self {
            ServerMessage::Welcome(welcome) => encode_typed(WELCOME, welcome),
            ServerMessage::Host(host) => encode_typed(HOST, host),
            ServerMessage::Keyframe(keyframe) => encode_typed(KEYFRAME, keyframe),
            ServerMessage::Frame { header, body } => return header.with_body(body),
            ServerMessage::Pong { nonce, tick, slack_ms } => encode_typed(PONG, &(nonce, tick, slack_ms)),
            ServerMessage::Expect { seq } => encode_typed(EXPECT, seq),
            ServerMessage::GoAway { grace_ms } => encode_typed(GO_AWAY, grace_ms),
            ServerMessage::Skipped { from, to } => encode_typed(SKIPPED, &(from, to)),
            ServerMessage::Notice { sentence } => encode_typed(NOTICE, sentence),
        }
        .into()
    }

    /// The message in one websocket message. Of a frame it reads the header alone.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn decode(bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
        at_most("the message", bytes.len(), MAX_SERVER_MESSAGE)?;
        let (kind, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
        Ok(match *kind {
            frame if FRAME_TYPES.contains(&frame) => {
                let (header, body) = FrameHeader::decode(bytes)?;
                ServerMessage::Frame { header, body }
            }
            WELCOME => {
                let welcome: Welcome = decode_whole("Welcome", rest)?;
                if !(1..=MAX_SLOTS).contains(&welcome.slots) {
                    return Err(DecodeError::Malformed("Welcome"));
                }
                ServerMessage::Welcome(welcome)
            }
            KEYFRAME => {
                let keyframe: Keyframe = decode_whole("Keyframe", rest)?;
                at_most("the list of players", keyframe.players.len(), MAX_SLOTS.into())?;
                at_most("the list of missiles", keyframe.missiles.len(), MAX_IDS)?;
                at_most("the list of blasts", keyframe.blasts.len(), MAX_BLASTS)?;
                at_most("the list of items", keyframe.items.len(), MAX_IDS)?;
                at_most("the lines of chat", keyframe.chat.len(), MAX_CHAT)?;
                if keyframe.players.iter().any(|player| player.slot >= MAX_SLOTS || player.keys >= 1 << 5) {
                    return Err(DecodeError::Malformed("Keyframe"));
                }
                ServerMessage::Keyframe(keyframe)
            }
            PONG => {
                let (nonce, tick, slack_ms) = decode_whole("Pong", rest)?;
                ServerMessage::Pong { nonce, tick, slack_ms }
            }
            EXPECT => ServerMessage::Expect { seq: decode_whole("Expect", rest)? },
            GO_AWAY => ServerMessage::GoAway { grace_ms: decode_whole("GoAway", rest)? },
            SKIPPED => {
                let (from, to) = decode_whole("Skipped", rest)?;
                ServerMessage::Skipped { from, to }
            }
            HOST => ServerMessage::Host(decode_whole("Host", rest)?),
            NOTICE => ServerMessage::Notice { sentence: decode_whole("Notice", rest)? },
            unknown => return Err(DecodeError::UnknownType(unknown)),
        })
    }
}
