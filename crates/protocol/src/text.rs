//! What people write: names for themselves and for games, and what they say to each other.
//!
//! Owns what such a text may be. Says nothing about two players of one name: ids tell them apart.

use alloc::string::{String, ToString};
use core::fmt;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but space.
    #[error("a {what} is needed: use 1 to {limit} characters")]
    Empty {
        /// Which text: name or message.
        what: &'static str,
        /// Most characters allowed.
        limit: usize,
    },
    /// Too many characters.
    #[error("the {what} has {length} characters; use at most {limit}")]
    TooLong {
        /// Which text: name or message.
        what: &'static str,
        /// Characters after trimming.
        length: usize,
        /// Most characters allowed.
        limit: usize,
    },
    /// Something that is not shown, or that turns around the text next to it.
    #[error("the {what} holds U+{code:04X}, a control character; use only characters that can be seen")]
    Control {
        /// Which text: name or message.
        what: &'static str,
        /// The first such character's number.
        code: u32,
    },
}

/// A player's name: 1 to 16 characters (Unicode scalar values) after trimming, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlayerName(String);

/// A game's name: 1 to 32 characters after trimming, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameName(String);

/// What a player says to the others: 1 to 120 characters after trimming, none of them a control character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatText(String);

macro_rules! name {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Trims and checks.
            ///
            /// # Errors
            /// With a sentence that can be shown to whoever wrote it.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                checked($what, text, Self::MAX_CHARACTERS).map(Self)
            }

            /// The text without space around it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
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

impl ChatText {
    /// Most characters that a player may say at once.
    pub const MAX_CHARACTERS: usize = 120;
}

name!(PlayerName, "name");
name!(GameName, "name");
name!(ChatText, "message");

fn checked(what: &'static str, text: &str, limit: usize) -> Result<String, TextError> {
    let text = text.trim();
    if let Some(bad) = text.chars().find(|c| is_control(*c)) {
        return Err(TextError::Control { what, code: bad.into() });
    }
    match text.chars().count() {
        0 => Err(TextError::Empty { what, limit }),
        length if length > limit => Err(TextError::TooLong { what, length, limit }),
        _ => Ok(text.to_string()),
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
        assert_eq!(
            PlayerName::parse(&"é".repeat(17)),
            Err(TextError::TooLong { what: "name", length: 17, limit: 16 })
        );
        assert_eq!(GameName::parse(&"x".repeat(32)).unwrap().as_str().len(), 32);
        assert_eq!(
            GameName::parse(&"x".repeat(33)),
            Err(TextError::TooLong { what: "name", length: 33, limit: 32 })
        );
    }

    #[test]
    fn an_empty_name_and_one_with_control_characters_are_refused_with_a_sentence() {
        assert_eq!(PlayerName::parse(" \t\n"), Err(TextError::Empty { what: "name", limit: 16 }));
        for bad in ["a\u{0}b", "a\nb", "a\u{7f}b", "a\u{202e}b", "\u{200b}"] {
            let refused = PlayerName::parse(bad).unwrap_err();
            assert!(matches!(refused, TextError::Control { .. }), "{bad:?}: {refused}");
        }
        assert_eq!(
            PlayerName::parse("a\u{7}b").unwrap_err().to_string(),
            "the name holds U+0007, a control character; use only characters that can be seen"
        );
    }

    #[test]
    fn what_is_said_is_bounded_and_refused_as_a_message() {
        assert_eq!(ChatText::parse(" gg ").unwrap().as_str(), "gg");
        assert_eq!(
            ChatText::parse(&"x".repeat(121)).unwrap_err().to_string(),
            "the message has 121 characters; use at most 120"
        );
    }
}
