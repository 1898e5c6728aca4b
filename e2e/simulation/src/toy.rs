//! A world that is small enough to be sent whole in every frame, and whose hash tells any two histories apart.

use bytes::Bytes;
use std::collections::BTreeMap;

/// One input of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    /// Whose.
    pub player: u64,
    /// Counts the player's inputs from 1.
    pub seq: u32,
    /// What was pressed.
    pub keys: u8,
}

/// What was applied of one player: how many inputs, and a hash over them in the order in which they were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many.
    pub count: u32,
    /// Over their numbers and keys.
    pub hash: u64,
}

impl Applied {
    /// With one more.
    pub fn and(self, press: &Press) -> Applied {
        let what = u64::from(press.seq) << 8 | u64::from(press.keys);
        Applied { count: self.count + 1, hash: mix(self.hash ^ mix(what)) }
    }
}

/// Tick, hash over everything that happened, and what was applied of each player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toy {
    /// Ticks run.
    pub tick: u64,
    /// Over ticks and applied inputs, in order.
    pub hash: u64,
    /// By player.
    pub applied: BTreeMap<u64, Applied>,
}

impl Toy {
    /// Tick 0 of a game.
    pub fn new(game: u64) -> Toy {
        Toy { tick: 0, hash: mix(game), applied: BTreeMap::new() }
    }

    /// One tick. Applies whatever it is given: that each input comes once, and in order, is for its owner to see to.
    pub fn step(&mut self, presses: &[Press]) {
        self.tick += 1;
        self.hash = mix(self.hash ^ self.tick);
        for press in presses {
            let applied = self.applied.entry(press.player).or_default();
            *applied = applied.and(press);
            self.hash = mix(self.hash ^ mix(press.player) ^ applied.hash);
        }
    }

    /// Of one player.
    pub fn applied(&self, player: u64) -> Applied {
        self.applied.get(&player).copied().unwrap_or_default()
    }

    /// As stored and sent.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(16 + ENTRY * self.applied.len());
        self.write(&mut bytes);
        bytes.into()
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.tick.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        for (player, applied) in &self.applied {
            bytes.extend(player.to_le_bytes());
            bytes.extend(u64::from(applied.count).to_le_bytes());
            bytes.extend(applied.hash.to_le_bytes());
        }
    }

    /// The inverse of [`Toy::encode`]; panics on anything else, for nothing else is ever stored.
    pub fn decode(bytes: &[u8]) -> Toy {
        let player = |entry: &[u8]| {
            let count = u32::try_from(number(&entry[8..16])).expect("players press less than 2^32 times");
            (number(&entry[..8]), Applied { count, hash: number(&entry[16..]) })
        };
        Toy {
            tick: number(&bytes[..8]),
            hash: number(&bytes[8..16]),
            applied: bytes[16..].chunks_exact(ENTRY).map(player).collect(),
        }
    }
}

/// What changed a world in one tick, as logged.
pub fn log(presses: &[Press]) -> Bytes {
    let mut bytes = Vec::with_capacity(PRESS * presses.len());
    for Press { player, seq, keys } in presses {
        bytes.extend(player.to_le_bytes());
        bytes.extend(seq.to_le_bytes());
        bytes.push(*keys);
    }
    bytes.into()
}

/// The inverse of [`log`].
pub fn logged(bytes: &[u8]) -> Vec<Press> {
    let press = |entry: &[u8]| Press {
        player: number(&entry[..8]),
        seq: number(&entry[8..12]) as u32,
        keys: entry[12],
    };
    bytes.chunks_exact(PRESS).map(press).collect()
}

/// Bytes of one input in a log.
const PRESS: usize = 13;

/// Bytes of one player in an encoded world.
const ENTRY: usize = 24;

/// A frame: the world after the tick, the hash of the one before it, and how far the game is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Hash of the world that it follows.
    pub after: u64,
    /// Durable up to this tick, as its owner says.
    pub durable: u64,
    /// The world that it leads to.
    pub world: Toy,
}

impl Frame {
    /// As sent.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(32 + ENTRY * self.world.applied.len());
        bytes.extend(self.after.to_le_bytes());
        bytes.extend(self.durable.to_le_bytes());
        self.world.write(&mut bytes);
        bytes.into()
    }

    /// The inverse of [`Frame::encode`].
    pub fn decode(bytes: &[u8]) -> Frame {
        Frame { after: number(&bytes[..8]), durable: number(&bytes[8..16]), world: Toy::decode(&bytes[16..]) }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The finaliser of splitmix64.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
