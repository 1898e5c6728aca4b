//! What was new to a player, and when.
//!
//! Owns the reading of epoch and tick from raw messages, over all sockets of a player. Judges nothing.

use crate::recording::{Recording, What};
use protocol::{Epoch, ServerMessage, Tick};
use std::collections::HashMap;
use std::time::Duration;

/// A world that a frame led to, or a keyframe was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// When it came.
    pub at: Duration,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its tick.
    pub tick: Tick,
    /// The frame said that the game is about to move.
    pub moving: bool,
}

/// The worlds that came to a player and were newer than any before, in order.
pub fn new_worlds(recording: &Recording) -> Vec<World> {
    let mut at_socket: HashMap<u32, (Epoch, Tick)> = HashMap::new();
    let mut newest = None;
    let mut worlds = Vec::new();
    for entry in recording.entries() {
        let What::Message(bytes) = entry.what else { continue };
        let (world, moving) = match ServerMessage::decode(bytes) {
            Ok(ServerMessage::Keyframe(keyframe)) => ((keyframe.epoch, keyframe.tick), false),
            Ok(ServerMessage::Frame { header, .. }) => {
                let Some((epoch, tick)) = at_socket.get(&entry.socket).copied() else { continue };
                ((header.epoch.unwrap_or(epoch), header.tick(tick.next())), header.flags.moving)
            }
            _ => continue,
        };
        at_socket.insert(entry.socket, world);
        if newest.is_none_or(|newest| world > newest) {
            newest = Some(world);
            worlds.push(World { at: entry.at, epoch: world.0, tick: world.1, moving });
        }
    }
    worlds
}
