//! How two members prove to each other that they are of one cluster, before the first peer message.
//!
//! Owns three messages and what is in their proofs; the caller moves the bytes (behind the same length prefix as
//! [`crate::peer`]) and draws the nonces. A proof is an HMAC-SHA256 under the cluster key over the role of whoever made
//! it, both member ids, both version ranges and both nonces: it is worth nothing on another link, in the other
//! direction, or later. What follows on the link is neither signed nor encrypted: the network between pods is trusted
//! with that, and not with who is who.
//!
//! ```text
//! dialer -> listener   "TANX" form:1 oldest:1 newest:1 from:8 to:8 nonce:32              55 bytes
//! listener -> dialer   "TANX" form:1 oldest:1 newest:1 from:8 to:8 nonce:32 proof:32     87 bytes
//! dialer -> listener   proof:32
//! ```
//! Numbers are little-endian; `form` is the form of these messages, 1.

use crate::key::MAC_LENGTH;
use crate::version::{PEER_VERSION, PEER_VERSION_OLDEST, VersionMismatch, common_version};
use crate::{ClusterKey, MemberId};
use alloc::vec::Vec;
use bytes::Bytes;

/// Longest message of the handshake, in bytes: the limit for reading before the other end has proven itself.
pub const MAX_HANDSHAKE_MESSAGE: usize = HELLO_LENGTH + MAC_LENGTH;
/// Length of a nonce in bytes. Each end draws a fresh one for each connection from the system's random numbers.
pub const NONCE_LENGTH: usize = 32;

const HELLO_LENGTH: usize = 55;
const MAGIC: &[u8; 4] = b"TANX";
const FORM: u8 = 1;
const LISTENER: &[u8; 16] = b"tanx listener   ";
const DIALER: &[u8; 16] = b"tanx dialer     ";

/// A link whose other end has proven itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who the other end is.
    pub peer: MemberId,
    /// Version of the peer protocol to speak.
    pub version: u8,
}

/// Why there is no link. Close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not a message of this handshake.
    #[error("the other end speaks no peer protocol of ours; is the address that of a member's peer port?")]
    Malformed,
    /// Its proof does not hold.
    #[error("the other end does not hold this cluster's key; give all members of a cluster the same key")]
    Proof,
    /// Another member than the one wanted. Where the dialer sees this, that member has proven itself.
    #[error("{found} is there where {wanted} was wanted; the address may have been given to a newer member")]
    WrongMember {
        /// Whom the dialer wanted.
        wanted: MemberId,
        /// Who listens.
        found: MemberId,
    },
    /// A member that has our own id: our own listener, or a mirror.
    #[error("the other end calls itself {0}, which is this member")]
    Myself(MemberId),
    /// No version in common.
    #[error(transparent)]
    Version(#[from] VersionMismatch),
}

/// The end that opened the connection, waiting for the listener's answer.
#[derive(Debug)]
pub struct Dialer {
    key: ClusterKey,
    hello: [u8; HELLO_LENGTH],
}

impl Dialer {
    /// Starts; send the message.
    pub fn start(key: &ClusterKey, me: MemberId, to: MemberId, nonce: [u8; NONCE_LENGTH]) -> (Dialer, Bytes) {
        let hello = encode_hello(me, to, nonce);
        (Dialer { key: key.clone(), hello }, Bytes::copy_from_slice(&hello))
    }

    /// Takes the listener's answer; send the message, and the link stands.
    ///
    /// # Errors
    /// When the other end is not the member wanted, of this cluster, with a version in common.
    pub fn finish(self, answer: &[u8]) -> Result<(Link, Bytes), HandshakeError> {
        let (theirs, proof) = answer.split_first_chunk::<HELLO_LENGTH>().ok_or(HandshakeError::Malformed)?;
        let (mine, other) = (decode_hello(&self.hello)?, decode_hello(theirs)?);
        if !self.key.verify(LISTENER, &[&self.hello, theirs], proof) {
            return Err(HandshakeError::Proof);
        }
        if other.from != mine.to || other.to != mine.from {
            return Err(HandshakeError::WrongMember { wanted: mine.to, found: other.from });
        }
        let version = common_version(mine.versions, other.versions)?;
        let proof = self.key.sign(DIALER, &[&self.hello, theirs]);
        Ok((Link { peer: other.from, version }, Bytes::copy_from_slice(&proof)))
    }
}

/// The end that accepted the connection, waiting for the dialer's proof.
#[derive(Debug)]
pub struct Listener {
    key: ClusterKey,
    theirs: [u8; HELLO_LENGTH],
    mine: [u8; HELLO_LENGTH],
}

impl Listener {
    /// Takes the dialer's first message; send the answer. A dialer that wants another member is answered too, so that it
    /// learns who is here.
    ///
    /// # Errors
    /// When it is none, or comes from our own id.
    pub fn answer(
        key: &ClusterKey,
        me: MemberId,
        hello: &[u8],
        nonce: [u8; NONCE_LENGTH],
    ) -> Result<(Listener, Bytes), HandshakeError> {
        let theirs: [u8; HELLO_LENGTH] = hello.try_into().map_err(|_| HandshakeError::Malformed)?;
        let other = decode_hello(&theirs)?;
        if other.from == me {
            return Err(HandshakeError::Myself(me));
        }
        let mine = encode_hello(me, other.from, nonce);
        let proof = key.sign(LISTENER, &[&theirs, &mine]);
        Ok((Listener { key: key.clone(), theirs, mine }, [&mine[..], &proof].concat().into()))
    }

    /// Takes the dialer's proof: the link stands.
    ///
    /// # Errors
    /// When the other end is not of this cluster, wanted another member, or has no version in common.
    pub fn finish(self, proof: &[u8]) -> Result<Link, HandshakeError> {
        let (mine, other) = (decode_hello(&self.mine)?, decode_hello(&self.theirs)?);
        if !self.key.verify(DIALER, &[&self.theirs, &self.mine], proof) {
            return Err(HandshakeError::Proof);
        }
        if other.to != mine.from {
            return Err(HandshakeError::WrongMember { wanted: other.to, found: mine.from });
        }
        Ok(Link { peer: other.from, version: common_version(mine.versions, other.versions)? })
    }
}

struct Hello {
    /// Oldest and newest.
    versions: (u8, u8),
    from: MemberId,
    to: MemberId,
}

fn encode_hello(from: MemberId, to: MemberId, nonce: [u8; NONCE_LENGTH]) -> [u8; HELLO_LENGTH] {
    let mut bytes = Vec::with_capacity(HELLO_LENGTH);
    bytes.extend(MAGIC);
    bytes.extend([FORM, PEER_VERSION_OLDEST, PEER_VERSION]);
    bytes.extend(from.0.to_le_bytes());
    bytes.extend(to.0.to_le_bytes());
    bytes.extend(nonce);
    bytes.try_into().expect("4 + 3 + 8 + 8 + 32 bytes are HELLO_LENGTH")
}

fn decode_hello(bytes: &[u8; HELLO_LENGTH]) -> Result<Hello, HandshakeError> {
    let id =
        |at: usize| MemberId(bytes[at..at + 8].iter().rev().fold(0, |id, byte| id << 8 | u64::from(*byte)));
    if &bytes[..4] != MAGIC || bytes[4] != FORM {
        return Err(HandshakeError::Malformed);
    }
    Ok(Hello { versions: (bytes[5], bytes[6]), from: id(7), to: id(15) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MemberId = MemberId(0xaaaa_0000_0000_0001);
    const B: MemberId = MemberId(0xbbbb_0000_0000_0002);
    const C: MemberId = MemberId(0xcccc_0000_0000_0003);

    fn key(byte: u8) -> ClusterKey {
        ClusterKey::parse(&[byte; 32]).unwrap()
    }

    #[test]
    fn two_members_of_a_cluster_link_and_know_each_other() {
        let (dialer, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let (listener, answer) = Listener::answer(&key(200), B, &hello, [2; 32]).unwrap();
        let (link, proof) = dialer.finish(&answer).unwrap();
        assert_eq!(link, Link { peer: B, version: PEER_VERSION });
        assert_eq!(listener.finish(&proof), Ok(Link { peer: A, version: PEER_VERSION }));
        assert!([hello, answer, proof].iter().all(|message| message.len() <= MAX_HANDSHAKE_MESSAGE));
    }

    #[test]
    fn neither_end_accepts_one_with_another_key() {
        let (dialer, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let (listener, answer) = Listener::answer(&key(201), B, &hello, [2; 32]).unwrap();
        assert_eq!(dialer.finish(&answer).unwrap_err(), HandshakeError::Proof);
        let theirs = decode_hello(answer.first_chunk().unwrap()).unwrap();
        let forged = key(200).sign(DIALER, &[&hello, &encode_hello(theirs.from, theirs.to, [2; 32])]);
        assert_eq!(listener.finish(&forged), Err(HandshakeError::Proof));
    }

    #[test]
    fn a_listeners_proof_sent_back_does_not_pass_as_a_dialers() {
        let (_, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let (listener, answer) = Listener::answer(&key(200), B, &hello, [2; 32]).unwrap();
        assert_eq!(listener.finish(&answer[HELLO_LENGTH..]), Err(HandshakeError::Proof));
    }

    #[test]
    fn a_recorded_proof_is_worth_nothing_under_a_fresh_nonce() {
        let (dialer, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let (_, answer) = Listener::answer(&key(200), B, &hello, [2; 32]).unwrap();
        let (_, proof) = dialer.finish(&answer).unwrap();
        let (again, _) = Listener::answer(&key(200), B, &hello, [3; 32]).unwrap();
        assert_eq!(again.finish(&proof), Err(HandshakeError::Proof));
        let (dialer, _) = Dialer::start(&key(200), A, B, [4; 32]);
        assert_eq!(dialer.finish(&answer).unwrap_err(), HandshakeError::Proof);
    }

    #[test]
    fn a_dialer_that_reaches_another_member_of_its_cluster_learns_which() {
        let (dialer, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let (_, answer) = Listener::answer(&key(200), C, &hello, [2; 32]).unwrap();
        assert_eq!(dialer.finish(&answer).unwrap_err(), HandshakeError::WrongMember { wanted: B, found: C });
    }

    #[test]
    fn a_listener_refuses_its_own_id_and_a_proof_meant_for_another() {
        let (_, hello) = Dialer::start(&key(200), A, A, [1; 32]);
        assert_eq!(Listener::answer(&key(200), A, &hello, [2; 32]).unwrap_err(), HandshakeError::Myself(A));
        let (_, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let (listener, answer) = Listener::answer(&key(200), C, &hello, [2; 32]).unwrap();
        let proof = key(200).sign(DIALER, &[&hello, &answer[..HELLO_LENGTH]]);
        assert_eq!(listener.finish(&proof), Err(HandshakeError::WrongMember { wanted: B, found: C }));
    }

    #[test]
    fn a_message_with_any_bit_changed_links_nobody() {
        let exchange = |flip: [Option<usize>; 3]| -> Result<Link, HandshakeError> {
            let apply = |bytes: Bytes, flip: Option<usize>| {
                let mut bytes = bytes.to_vec();
                if let Some(bit) = flip {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
                bytes
            };
            let (dialer, hello) = Dialer::start(&key(200), A, B, [1; 32]);
            let (listener, answer) = Listener::answer(&key(200), B, &apply(hello, flip[0]), [2; 32])?;
            let (_, proof) = dialer.finish(&apply(answer, flip[1]))?;
            listener.finish(&apply(proof, flip[2]))
        };
        assert!(exchange([None; 3]).is_ok());
        for (message, length) in [HELLO_LENGTH, MAX_HANDSHAKE_MESSAGE, MAC_LENGTH].into_iter().enumerate() {
            for bit in 0..length * 8 {
                let mut flip = [None; 3];
                flip[message] = Some(bit);
                assert!(exchange(flip).is_err(), "message {message}, bit {bit}");
            }
        }
    }

    #[test]
    fn ends_without_a_version_in_common_part_with_a_sentence() {
        let (dialer, hello) = Dialer::start(&key(200), A, B, [1; 32]);
        let mut theirs = encode_hello(B, A, [2; 32]);
        (theirs[5], theirs[6]) = (PEER_VERSION + 1, PEER_VERSION + 2);
        let proof = key(200).sign(LISTENER, &[&hello, &theirs]);
        let parted = dialer.finish(&[&theirs[..], &proof].concat()).unwrap_err();
        assert!(matches!(parted, HandshakeError::Version(_)));
        assert!(parted.to_string().starts_with("no protocol version in common"), "{parted}");
    }

    #[test]
    fn bytes_of_other_lengths_or_protocols_are_refused() {
        for bytes in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[0; HELLO_LENGTH], &[0; 200]] {
            let refused = Listener::answer(&key(200), B, bytes, [2; 32]).unwrap_err();
            assert_eq!(refused, HandshakeError::Malformed);
            let (dialer, _) = Dialer::start(&key(200), A, B, [1; 32]);
            assert_eq!(dialer.finish(bytes).unwrap_err(), HandshakeError::Malformed);
        }
    }
}
