//! A world's digest: 32 bits by which two members find out that they do not hold the same world.
//!
//! Owns the hash. It is over the bytes of the snapshot, which are never put together for it: a digest is taken each tick.

use crate::world::World;
use postcard::ser_flavors::Flavor;

impl World {
    /// A 32-bit digest of everything in the world, a hash over its snapshot. Differs between worlds that differ, but for
    /// one chance in 2^32; it finds faults and is no defence against forgers.
    pub fn digest(&self) -> u32 {
        postcard::serialize_with_flavor(self, Hash::new())
            .expect("a hash takes all bytes, and a world has plain fields only")
    }
}

/// Takes bytes one by one or many at a time, to the same effect; hashes words of 8, little-endian.
struct Hash {
    state: u64,
    /// Bytes that do not fill a word yet, from the lowest.
    word: u64,
    /// Bits in `word`, below 64.
    filled: u32,
}

impl Hash {
    /// Not 0, which words of zeros would not change.
    const START: u64 = 0x243f_6a88_85a3_08d3;

    fn new() -> Hash {
        Hash { state: Hash::START, word: 0, filled: 0 }
    }

    /// `bits` is 8 to 64, and what is above them in `value` is 0.
    #[inline]
    fn feed(&mut self, value: u64, bits: u32) {
        self.word |= value << self.filled;
        self.filled += bits;
        if self.filled >= 64 {
            self.mix();
            self.filled -= 64;
            // What did not fit: nothing, where the word was filled to the bit.
            self.word = value.checked_shr(bits - self.filled).unwrap_or(0);
        }
    }

    #[inline]
    fn mix(&mut self) {
        self.state = (self.state ^ self.word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.state ^= self.state >> 32;
    }
}

impl Flavor for Hash {
    type Output = u32;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.feed(byte.into(), 8);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.feed(u64::from_le_bytes(*word), 64);
        }
        if !rest.is_empty() {
            let value = rest.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
            self.feed(value, 8 * rest.len() as u32);
        }
        Ok(())
    }

    fn finalize(mut self) -> postcard::Result<u32> {
        // A byte that ends the bytes, so that zeros at their end count.
        self.feed(1, 8);
        self.mix();
        self.mix();
        Ok(self.state as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::random;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    fn hash(parts: &[&[u8]]) -> u32 {
        let mut hash = Hash::new();
        for part in parts {
            hash.try_extend(part).unwrap();
        }
        hash.finalize().unwrap()
    }

    #[test]
    fn bytes_count_the_same_however_they_are_handed_over() {
        let mut state = 5;
        let bytes: Vec<u8> = (0..100).map(|_| random(&mut state) as u8).collect();
        for length in 0..100 {
            let whole = hash(&[&bytes[..length]]);
            let mut one_by_one = Hash::new();
            for byte in &bytes[..length] {
                one_by_one.try_push(*byte).unwrap();
            }
            assert_eq!(one_by_one.finalize().unwrap(), whole);
            for cut in 0..length {
                assert_eq!(
                    hash(&[&bytes[..cut], &bytes[cut..length]]),
                    whole,
                    "{length} bytes, cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn each_byte_and_the_number_of_bytes_count() {
        let mut seen = BTreeSet::new();
        assert!((0..64).all(|length| seen.insert(hash(&[&[0; 64][..length]]))));
        for at in 0..63 {
            for bit in 0..8 {
                let mut bytes = [0; 63];
                bytes[at] = 1 << bit;
                assert!(seen.insert(hash(&[&bytes])), "byte {at}, bit {bit}");
            }
        }
    }
}
