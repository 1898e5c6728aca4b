//! What crosses a wire: ids, the players' protocol, the members' (peer) protocol, tokens, versions.
//!
//! Owns layouts and their decoders. Knows no socket, no clock and no rules of the game. Decoders never panic:
//! whatever arrives is a value or an error with a sentence.
//!
//! Players' protocol: [`ClientMessage`], [`ServerMessage`], and in [`frame`] the one message that is not postcard.
//! Members' protocol: [`handshake`], then [`peer`]. `docs/protocol.md` says the same for people who write clients.

extern crate alloc;

mod client;
mod close;
pub mod frame;
pub mod handshake;
mod ids;
mod key;
pub mod peer;
mod server;
mod text;
mod token;
mod version;
mod wire;

pub use client::{ClientMessage, Hello, MAX_INPUTS};
pub use close::CloseCode;
pub use frame::{Body, EncodedBody, Flags, Frame, FrameEvent, FrameHeader, Residual, SlotInputs};
pub use ids::{Epoch, GameId, MemberId, ParseIdError, PlayerId, TICK_MICROS, Tick};
pub use key::{ClusterKey, KeyError};
pub use server::{
    Blast, ChatLine, ChatWhat, GRACE_CUT_OFF, Host, Item, Keyframe, KeyframePlayer, KeyframeTank, Missile,
    Round, ServerMessage, Welcome,
};
pub use text::{ChatText, GameName, PlayerName, TextError};
pub use token::{Token, TokenError};
pub use version::{
    PEER_VERSION, PEER_VERSION_OLDEST, PLAYER_VERSION, PLAYER_VERSION_OLDEST, VersionMismatch,
    common_version, speaks_player_version,
};
pub use wire::{DecodeError, MAX_CLIENT_MESSAGE, MAX_SERVER_MESSAGE, MAX_SLOTS};
