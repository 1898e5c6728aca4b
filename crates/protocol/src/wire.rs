//! What all codecs here share: the decode error, limits, and postcard behind a type byte.
//!
//! Owns no message. Invariant: a decoder reads the whole input or fails, and allocates no more than a small multiple
//! of the input's length.

use crate::CloseCode;
use alloc::vec::Vec;
use serde::{Serialize, de::DeserializeOwned};

/// Longest message of a client, in bytes. A Hello with token and floor needs some 180, eight inputs 150.
pub const MAX_CLIENT_MESSAGE: usize = 512;
/// Longest message of a server, in bytes: a Welcome with its maze.
pub const MAX_SERVER_MESSAGE: usize = 128 * 1024;
/// Most places that a game can have: what the slot masks of frames and `GameSettings` allow.
pub const MAX_SLOTS: u8 = 32;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It ends too early, or a field holds what it cannot.
    #[error("not a {0}: it is cut off, or a field holds a value that it cannot hold")]
    Malformed(&'static str),
    /// More bytes than the message has.
    #[error("{extra} bytes follow the end of a {message}; send one message in each websocket message")]
    Trailing {
        /// Which message ended.
        message: &'static str,
        /// How many bytes too many.
        extra: usize,
    },
    /// A field or message over its limit.
    #[error("{what} is {length} long; the limit is {limit}")]
    TooLong {
        /// Field or message.
        what: &'static str,
        /// Length found: bytes for messages and texts, items for lists.
        length: usize,
        /// Greatest length allowed, in the same unit.
        limit: usize,
    },
    /// The type byte names no message of this direction.
    #[error("message type {0:#04x} is not known; see docs/protocol.md for the types of each direction")]
    UnknownType(u8),
    /// A Hello of a version that this build does not speak.
    #[error("protocol version {0} is not spoken here; reload the page or update the client")]
    Version(u8),
    /// Nothing at all.
    #[error("an empty message; a message starts with its type byte")]
    Empty,
}

impl DecodeError {
    /// The close code that a server answers with when a client sent this.
    pub fn close_code(&self) -> CloseCode {
        match self {
            DecodeError::TooLong { .. } => CloseCode::TooLong,
            DecodeError::Version(_) => CloseCode::Version,
            DecodeError::Malformed(_)
            | DecodeError::Trailing { .. }
            | DecodeError::UnknownType(_)
            | DecodeError::Empty => CloseCode::Malformed,
        }
    }
}

/// Type byte and postcard of `value`.
pub(crate) fn encode_typed<T: Serialize>(kind: u8, value: &T) -> Vec<u8> {
    encode_after(alloc::vec![kind], value)
}

/// Postcard of `value` after what is in `prefix`.
pub(crate) fn encode_after<T: Serialize>(prefix: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, prefix)
        .expect("a Vec takes all bytes, and no type here has a length unknown to serde")
}

/// A value that fills `bytes` exactly.
pub(crate) fn decode_whole<T: DeserializeOwned>(
    message: &'static str,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Malformed(message))?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::Trailing { message, extra: rest.len() }) }
}

/// Refuses what is longer than its limit.
pub(crate) fn at_most(what: &'static str, length: usize, limit: usize) -> Result<(), DecodeError> {
    if length <= limit { Ok(()) } else { Err(DecodeError::TooLong { what, length, limit }) }
}
