//! Tokens: what a client resumes as its player with, at any member.
//!
//! Owns layout and signature. A token is good for as long as its cluster's key; whether the player still takes part is
//! for the game to say.

use crate::key::{ClusterKey, MAC_LENGTH};
use crate::{GameId, PlayerId};
use alloc::vec::Vec;

const LABEL: &[u8; 16] = b"tanx token      ";
const VERSION: u8 = 1;
const SIGNED: usize = 17;

/// Who the bearer is: version, game and player (u64 little-endian each), and the HMAC-SHA256 over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The game that the token is for.
    pub game: GameId,
    /// The player that the bearer is.
    pub player: PlayerId,
}

/// Why bytes are no token of this cluster. The two cases look the same to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Another length or version than tokens have.
    #[error("this is no token; join again without one")]
    Malformed,
    /// Signed with another key, or changed.
    #[error("this token was not signed by this cluster; join again without it")]
    Forged,
}

impl Token {
    /// Length in bytes.
    pub const LENGTH: usize = SIGNED + MAC_LENGTH;

    /// The bytes that a client keeps.
    pub fn sign(&self, key: &ClusterKey) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LENGTH);
        bytes.push(VERSION);
        bytes.extend(self.game.0.to_le_bytes());
        bytes.extend(self.player.0.to_le_bytes());
        let mac = key.sign(LABEL, &[&bytes]);
        bytes.extend(mac);
        bytes
    }

    /// Reads and checks a token.
    ///
    /// # Errors
    /// When it is not one that this cluster signed. The caller compares the game.
    pub fn verify(key: &ClusterKey, bytes: &[u8]) -> Result<Token, TokenError> {
        let (signed, mac) = bytes.split_first_chunk::<SIGNED>().ok_or(TokenError::Malformed)?;
        let [VERSION, ids @ ..] = signed else { return Err(TokenError::Malformed) };
        if mac.len() != MAC_LENGTH {
            return Err(TokenError::Malformed);
        }
        if !key.verify(LABEL, &[signed], mac) {
            return Err(TokenError::Forged);
        }
        let ids = ids.iter().rev().fold(0, |all, byte| all << 8 | u128::from(*byte));
        Ok(Token { game: GameId(ids as u64), player: PlayerId((ids >> 64) as u64) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token =
        Token { game: GameId(0x0123_4567_89ab_cdef), player: PlayerId(0xfedc_ba98_7654_3210) };

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::parse(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_token_is_good_on_every_member_of_its_cluster_and_nowhere_else() {
        let bytes = TOKEN.sign(&key(200));
        assert_eq!(bytes.len(), Token::LENGTH);
        assert_eq!(Token::verify(&key(200), &bytes), Ok(TOKEN));
        assert_eq!(Token::verify(&key(201), &bytes), Err(TokenError::Forged));
    }

    #[test]
    fn a_token_with_any_bit_changed_or_cut_or_lengthened_is_refused() {
        let key = key(200);
        let bytes = TOKEN.sign(&key);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Token::verify(&key, &changed).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Token::verify(&key, &bytes[..length]), Err(TokenError::Malformed));
        }
        assert_eq!(Token::verify(&key, &[&bytes[..], &[0]].concat()), Err(TokenError::Malformed));
    }
}
