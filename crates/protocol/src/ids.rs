//! Names of things: games, members, players, and the numbers that order them.
//!
//! Owns how an id looks in text (16 hex digits), in JSON (the same, quoted, because a double cannot hold 64 bits)
//! and on a wire (a plain u64). Draws no ids: randomness enters from outside.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an id: 16 hex digits are expected")]
pub struct ParseIdError(String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:016x})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let hex = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
                match u64::from_str_radix(text, 16) {
                    Ok(value) if hex => Ok(Self(value)),
                    _ => Err(ParseIdError(text.chars().take(40).collect())),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                if to.is_human_readable() { to.collect_str(self) } else { to.serialize_u64(self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if from.is_human_readable() {
                    let text = alloc::borrow::Cow::<'de, str>::deserialize(from)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    u64::deserialize(from).map(Self)
                }
            }
        }
    };
}

id! {
    /// One arena with its players: the unit of ownership. 64 random bits.
    GameId
}
id! {
    /// One running game server process. 64 random bits, drawn at each start.
    MemberId
}
id! {
    /// One player of one game. 64 random bits, drawn by the edge that the player joined through.
    PlayerId
}
id! {
    /// Fencing number of a game's ownership: rises with every change of owner. High 48 bits order, low 16 bits are random,
    /// so that two masters of a split registry never grant the same one.
    Epoch
}

impl Epoch {
    /// The ordering part: 48 bits, at least the registry's time in milliseconds when the epoch was granted.
    pub fn high(self) -> u64 {
        self.0 >> 16
    }
}

/// A step of 20 ms of a game, counted from 1 over its whole life, whoever owns it. 0 is the world before its first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one. Clients name ticks, too: the last number has none after it.
    pub fn next(self) -> Tick {
        Tick(self.0.saturating_add(1))
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Length of a tick in microseconds: 50 ticks a second.
pub const TICK_MICROS: u64 = 20_000;
