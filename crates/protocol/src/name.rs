//! Names that people give: to themselves and to games.
//!
//! Owns what a name may be. Says nothing about two players of one name: ids tell them apart.

use alloc::string::{String, ToString};
use core::fmt;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but space.
    #[error("a name is needed: use 1 to {limit} characters")]
    Empty {
        /// Most characters allowed.
        limit: usize,
    },
    /// Too many characters.
    #[error("the name has {length} characters; use at most {limit}")]
    TooLong {
        /// Characters after trimming.
        length: usize,
        /// Most characters allowed.
        limit: usize,
    },
    /// Something that is not shown, or that turns around the text next to it.
    #[error("the name holds U+{0:04X}, a control character; use only characters that can be seen")]
    Control(u32),
}

/// A player's name: 1 to 16 characters (Unicode scalar values) after trimming, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlayerName(String);

/// A game's name: 1 to 32 characters after trimming, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameName(String);

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// Trims and checks.
            ///
            /// # Errors
            /// With a sentence that can be shown to whoever chose the name.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                checked(text, Self::MAX_CHARACTERS).map(Self)
            }

            /// The name without space around it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

impl PlayerName {
    /// Most characters that a player's name may have.
    pub const MAX_CHARACTERS: usize = 16;
}

impl GameName {
    /// Most characters that a game's name may have.
    pub const MAX_CHARACTERS: usize = 32;
}

name!(PlayerName);
name!(GameName);

fn checked(text: &str, limit: usize) -> Result<String, NameError> {
    let name = text.trim();
    if let Some(bad) = name.chars().find(|c| is_control(*c)) {
        return Err(NameError::Control(bad.into()));
    }
    match name.chars().count() {
        0 => Err(NameError::Empty { limit }),
        length if length > limit => Err(NameError::TooLong { length, limit }),
        _ => Ok(name.to_string()),
    }
}

/// Control characters proper, and the format characters that hide or reorder the text around a name.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_counted_in_characters_not_bytes() {
        assert_eq!(PlayerName::parse("  Ada ").unwrap().as_str(), "Ada");
        assert_eq!(PlayerName::parse(&"é".repeat(16)).unwrap().as_str().len(), 32);
        assert_eq!(PlayerName::parse(&"é".repeat(17)), Err(NameError::TooLong { length: 17, limit: 16 }));
        assert_eq!(GameName::parse(&"x".repeat(32)).unwrap().as_str().len(), 32);
        assert_eq!(GameName::parse(&"x".repeat(33)), Err(NameError::TooLong { length: 33, limit: 32 }));
    }

    #[test]
    fn an_empty_name_and_one_with_control_characters_are_refused_with_a_sentence() {
        assert_eq!(PlayerName::parse(" \t\n"), Err(NameError::Empty { limit: 16 }));
        for bad in ["a\u{0}b", "a\nb", "a\u{7f}b", "a\u{202e}b", "\u{200b}"] {
            let refused = PlayerName::parse(bad).unwrap_err();
            assert!(matches!(refused, NameError::Control(_)), "{bad:?}: {refused}");
        }
        assert_eq!(
            PlayerName::parse("a\u{7}b").unwrap_err().to_string(),
            "the name holds U+0007, a control character; use only characters that can be seen"
        );
    }
}
