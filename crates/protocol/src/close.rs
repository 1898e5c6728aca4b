//! Why a server closes a player's socket.
//!
//! Owns codes and sentences. The code is for programs, the sentence goes into the close frame and is shown to people.

/// Close codes of the players' protocol, from the range that websockets leave to applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// A message that is none.
    Malformed = 4000,
    /// A protocol version that is not spoken here.
    Version = 4001,
    /// A token that was not signed by this cluster or is for another game.
    Token = 4002,
    /// No game of that id.
    NoSuchGame = 4003,
    /// All places taken.
    Full = 4004,
    /// A name that is refused.
    Name = 4005,
    /// A message, or a field of one, over its limit.
    TooLong = 4006,
    /// Messages faster than allowed.
    TooManyMessages = 4007,
    /// No progress in reading for too long.
    TooSlow = 4008,
    /// The game has ended.
    GameOver = 4009,
    /// The same player has opened a newer socket.
    Replaced = 4010,
    /// The member that the socket was on has left.
    Leaving = 4011,
    /// A text message.
    NotBinary = 4012,
    /// The game has failed again and again; nobody runs it.
    Quarantined = 4013,
    /// The member is cut off from most others: another one may know more.
    CutOff = 4014,
}

impl CloseCode {
    /// All of them, in order of their numbers.
    pub const ALL: [CloseCode; 15] = [
        CloseCode::Malformed,
        CloseCode::Version,
        CloseCode::Token,
        CloseCode::NoSuchGame,
        CloseCode::Full,
        CloseCode::Name,
        CloseCode::TooLong,
        CloseCode::TooManyMessages,
        CloseCode::TooSlow,
        CloseCode::GameOver,
        CloseCode::Replaced,
        CloseCode::Leaving,
        CloseCode::NotBinary,
        CloseCode::Quarantined,
        CloseCode::CutOff,
    ];

    /// The number in the close frame.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// The code of that number, if it is one of ours.
    pub fn from_code(code: u16) -> Option<CloseCode> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// What happened and what to do, at most 123 bytes (the room in a close frame).
    pub fn sentence(self) -> &'static str {
        match self {
            CloseCode::Malformed => {
                "That message is malformed. Reload the page; client authors: see docs/protocol.md."
            }
            CloseCode::Version => {
                "This server does not speak your protocol version. Reload the page to get a newer one."
            }
            CloseCode::Token => "That token is not valid for this game here. Join again without it.",
            CloseCode::NoSuchGame => "There is no such game. Choose one from the lobby.",
            CloseCode::Full => "All places of this game are taken. Watch it, or choose another.",
            CloseCode::Name => "That name is refused: use 1 to 16 visible characters.",
            CloseCode::TooLong => "That message, or a field of it, is too long. Send less at once.",
            CloseCode::TooManyMessages => "Too many messages. Send fewer, then connect again.",
            CloseCode::TooSlow => "Your connection did not keep up with the game. Connect again.",
            CloseCode::GameOver => "This game is over. Choose another from the lobby.",
            CloseCode::Replaced => {
                "You have opened this game elsewhere; this connection is no longer needed."
            }
            CloseCode::Leaving => "This server has left. Connect again with your token to go on.",
            CloseCode::NotBinary => "Only binary messages are understood. Send binary, not text.",
            CloseCode::Quarantined => {
                "This game has failed again and again and was stopped. Choose another from the lobby."
            }
            CloseCode::CutOff => {
                "This server is cut off from the others. Connect again: another one may answer."
            }
        }
    }
}

impl core::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.code(), self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_count_up_from_4000_and_their_sentences_fit_a_close_frame() {
        for (number, code) in (4000..).zip(CloseCode::ALL) {
            assert_eq!(code.code(), number);
            assert_eq!(CloseCode::from_code(number), Some(code));
            assert!((1..=123).contains(&code.sentence().len()), "{code}");
        }
        assert_eq!(CloseCode::from_code(1000), None);
        assert_eq!(CloseCode::from_code(4015), None);
    }
}
