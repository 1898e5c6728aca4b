//! What was said, and who came and went: the newest lines, so that they survive a reconnect and a hand-over.
//!
//! Owns the history's bounds. Does not decide who may speak, or how often.

use crate::numbers::{CHAT_BYTES_MAX, CHAT_LINES_MAX};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A line of the chat's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLine {
    /// When it happened.
    pub tick: u64,
    /// The slot of who it is about, then.
    pub slot: u8,
    /// The name of who it is about, then (before a renaming).
    pub name: String,
    /// What it says.
    pub what: ChatWhat,
}

/// What a line of the chat says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChatWhat {
    /// Has come into the game.
    Entered,
    /// Has left it.
    Left,
    /// Has another name.
    Renamed {
        /// The new one.
        to: String,
    },
    /// Has said something.
    Said {
        /// 1 to 120 characters.
        text: String,
    },
}

impl ChatLine {
    /// Bytes that count against [`CHAT_BYTES_MAX`].
    fn bytes(&self) -> usize {
        let text = match &self.what {
            ChatWhat::Entered | ChatWhat::Left => 0,
            ChatWhat::Renamed { to } => to.len(),
            ChatWhat::Said { text } => text.len(),
        };
        self.name.len() + text
    }
}

/// The newest lines, oldest first. Shared by copies of a world: it is copied when a line is added, which is seldom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chat(Arc<Vec<ChatLine>>);

impl Chat {
    /// Adds a line and drops the oldest until both bounds hold.
    pub(crate) fn add(&mut self, line: ChatLine) {
        let lines = Arc::make_mut(&mut self.0);
        lines.push(line);
        let mut bytes: usize = lines.iter().map(ChatLine::bytes).sum();
        let mut dropped = 0;
        while lines.len() - dropped > CHAT_LINES_MAX || bytes > CHAT_BYTES_MAX {
            bytes -= lines[dropped].bytes();
            dropped += 1;
        }
        lines.drain(..dropped);
    }

    pub(crate) fn lines(&self) -> &[ChatLine] {
        &self.0
    }

    /// Are the bounds kept?
    pub(crate) fn is_bounded(&self) -> bool {
        self.0.len() <= CHAT_LINES_MAX && self.0.iter().map(ChatLine::bytes).sum::<usize>() <= CHAT_BYTES_MAX
    }
}

impl Serialize for Chat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Chat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chat, D::Error> {
        Vec::deserialize(deserializer).map(|lines| Chat(Arc::new(lines)))
    }
}
