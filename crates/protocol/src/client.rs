//! Messages of players' clients: one type byte, then the postcard of a struct.
//!
//! Owns their layout and limits. Says nothing about which message is legal when: that is the edge's.

use crate::peer::Input;
use crate::version::speaks_player_version;
use crate::wire::{DecodeError, MAX_CLIENT_MESSAGE, at_most, decode_whole, encode_typed};
use crate::{Epoch, GameId, Tick, Token};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Most inputs in one message; a client with more sends several messages.
pub const MAX_INPUTS: usize = 8;
/// Longest name in a Hello, in bytes, before it is trimmed and checked: 16 characters of 4 bytes, and room for space.
const MAX_NAME_BYTES: usize = 128;

const HELLO: u8 = 0x01;
const INPUTS: u8 = 0x02;
const SEEN: u8 = 0x03;
const PING: u8 = 0x04;
const LEAVE: u8 = 0x05;
const KEYFRAME_PLEASE: u8 = 0x06;
const RENAME: u8 = 0x07;
const CHAT: u8 = 0x08;

/// One message from a client to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ClientMessage {
    /// First message of every socket, and only the first. Answered by Welcome, or by a close code.
    Hello(Hello),
    /// What the player did. Answered by the input lists of frames, or by Expect.
    Inputs {
        /// Newest tick that the client was given.
        seen: Tick,
        /// 1 to [`MAX_INPUTS`], in rising order of `seq`.
        inputs: Vec<Input>,
    },
    /// Sign of life, at least every 10 frames when there are no inputs to carry it.
    Seen {
        /// Newest tick that the client was given.
        tick: Tick,
    },
    /// Asks how early inputs arrive. Answered by Pong with the same nonce.
    Ping {
        /// Chosen by the client.
        nonce: u32,
        /// The tick that an input sent now would aim at.
        tick: Tick,
    },
    /// The player leaves for good. Answered by a Leave event in a frame; the client closes the socket.
    Leave,
    /// The client lost track. Answered by a Keyframe.
    KeyframePlease,
    /// The player wants another name. Answered by a Rename event in a frame, or by Notice.
    Rename {
        /// Checked by [`crate::PlayerName`].
        name: String,
    },
    /// The player says something to everybody in the game. Answered by a Chat event in a frame, or by Notice.
    Chat {
        /// Checked by [`crate::ChatText`].
        text: String,
    },
}

/// Who connects, and from where the client goes on. The version comes first in every version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the players' protocol that the client speaks.
    pub version: u8,
    /// The game.
    pub game: GameId,
    /// Only watch: `name`, `session` and `token` do not count.
    pub spectate: bool,
    /// The player's name, checked by [`crate::PlayerName`]. At a resume it counts only where the game does not know the
    /// player: the join was lost with a crash, and is repeated.
    pub name: String,
    /// Number of this socket of the player: 1 for the first, higher for each later one.
    pub session: u32,
    /// The token of a Welcome: resume as that player. None: join as a new one.
    pub token: Option<Vec<u8>>,
    /// The last frame that the client showed: it is never given a lower epoch.
    pub floor: Option<(Epoch, Tick)>,
}

#[derive(Serialize, Deserialize)]
struct Inputs {
    seen: Tick,
    inputs: Vec<Input>,
}

#[derive(Serialize, Deserialize)]
struct Ping {
    nonce: u32,
    tick: Tick,
}

impl ClientMessage {
    /// One websocket message.
    pub fn encode(&self) -> Bytes {
        match self {
            ClientMessage::Hello(hello) => encode_typed(HELLO, hello),
            ClientMessage::Inputs { seen, inputs } => encode_typed(INPUTS, &(seen, inputs)),
            ClientMessage::Seen { tick } => encode_typed(SEEN, tick),
            ClientMessage::Ping { nonce, tick } => encode_typed(PING, &(nonce, tick)),
            ClientMessage::Leave => encode_typed(LEAVE, &()),
            ClientMessage::KeyframePlease => encode_typed(KEYFRAME_PLEASE, &()),
            ClientMessage::Rename { name } => encode_typed(RENAME, name),
            ClientMessage::Chat { text } => encode_typed(CHAT, text),
        }
        .into()
    }

    /// The message in one websocket message.
    ///
    /// # Errors
    /// With what to close the socket for ([`DecodeError::close_code`]). A Hello of another version fails as
    /// [`DecodeError::Version`] whatever follows the version.
    pub fn decode(bytes: &[u8]) -> Result<ClientMessage, DecodeError> {
        at_most("the message", bytes.len(), MAX_CLIENT_MESSAGE)?;
        let (kind, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
        Ok(match *kind {
            HELLO => ClientMessage::Hello(Hello::decode(rest)?),
            INPUTS => {
                let Inputs { seen, inputs } = decode_whole("Inputs", rest)?;
                at_most("the list of inputs", inputs.len(), MAX_INPUTS)?;
                if inputs.is_empty() || inputs.iter().any(|input| input.keys >= 1 << 5) {
                    return Err(DecodeError::Malformed("Inputs"));
                }
                ClientMessage::Inputs { seen, inputs }
            }
            SEEN => ClientMessage::Seen { tick: decode_whole("Seen", rest)? },
            PING => {
                let Ping { nonce, tick } = decode_whole("Ping", rest)?;
                ClientMessage::Ping { nonce, tick }
            }
            LEAVE => decode_whole("Leave", rest).map(|()| ClientMessage::Leave)?,
            KEYFRAME_PLEASE => {
                decode_whole("KeyframePlease", rest).map(|()| ClientMessage::KeyframePlease)?
            }
            RENAME => {
                let name: String = decode_whole("Rename", rest)?;
                at_most("the name in bytes", name.len(), MAX_NAME_BYTES)?;
                ClientMessage::Rename { name }
            }
            // The message's own limit bounds the text.
            CHAT => ClientMessage::Chat { text: decode_whole("Chat", rest)? },
            unknown => return Err(DecodeError::UnknownType(unknown)),
        })
    }
}

impl Hello {
    fn decode(bytes: &[u8]) -> Result<Hello, DecodeError> {
        match bytes.first() {
            Some(version) if !speaks_player_version(*version) => return Err(DecodeError::Version(*version)),
            _ => {}
        }
        let hello: Hello = decode_whole("Hello", bytes)?;
        at_most("the name in bytes", hello.name.len(), MAX_NAME_BYTES)?;
        at_most("the token", hello.token.as_ref().map_or(0, Vec::len), Token::LENGTH)?;
        Ok(hello)
    }
}
