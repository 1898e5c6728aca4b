//! A world that is small enough to be sent whole in every frame, and whose hash tells any two histories apart.

use bytes::Bytes;
use std::collections::BTreeMap;

/// Tick, hash over everything that happened, and the last input of each player that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toy {
    /// Ticks run.
    pub tick: u64,
    /// Over ticks and applied inputs, in order.
    pub hash: u64,
    /// Last applied input of each player.
    pub applied: BTreeMap<u64, u32>,
}

impl Toy {
    /// Tick 0 of a game.
    pub fn new(game: u64) -> Toy {
        Toy { tick: 0, hash: mix(game), applied: BTreeMap::new() }
    }

    /// One tick. An input that is not its player's next changes nothing.
    pub fn step(&mut self, inputs: &[(u64, u32)]) {
        self.tick += 1;
        self.hash = mix(self.hash ^ self.tick);
        for (player, seq) in inputs {
            let last = self.applied.entry(*player).or_default();
            if *seq == *last + 1 {
                *last = *seq;
                self.hash = mix(self.hash ^ mix(*player) ^ u64::from(*seq));
            }
        }
    }

    /// As stored and sent.
    pub fn encode(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(16 + 12 * self.applied.len());
        bytes.extend(self.tick.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        for (player, seq) in &self.applied {
            bytes.extend(player.to_le_bytes());
            bytes.extend(seq.to_le_bytes());
        }
        bytes.into()
    }

    /// The inverse of [`Toy::encode`]; panics on anything else, for nothing else is ever stored.
    pub fn decode(bytes: &[u8]) -> Toy {
        let (head, rest) = bytes.split_at(16);
        let (tick, hash) = head.split_at(8);
        let player = |entry: &[u8]| {
            let (player, seq) = entry.split_at(8);
            (number(player), u32::try_from(number(seq)).expect("4 bytes"))
        };
        Toy { tick: number(tick), hash: number(hash), applied: rest.chunks_exact(12).map(player).collect() }
    }
}

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
        let mut bytes = Vec::new();
        bytes.extend(self.after.to_le_bytes());
        bytes.extend(self.durable.to_le_bytes());
        bytes.extend(self.world.encode());
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
