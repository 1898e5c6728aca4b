//! The cluster's secret key: what members prove to each other that they are of one cluster, and sign tokens with.
//!
//! Owns how the key is read, and that it is never printed. What is signed with it always starts with a label of its
//! purpose, so that no proof of one kind passes as another.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Length of a proof or signature, in bytes.
pub(crate) const MAC_LENGTH: usize = 32;

/// A secret of at least 32 bytes that all members of a cluster share; while it is exchanged for another one, several. The first
/// signs, each is accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey(Vec<Vec<u8>>);

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is too short.
    #[error(
        "the cluster key has {0} bytes; at least {min} are needed: give 64 hex digits, base64 of 32 bytes, or 32 raw \
         random bytes, such as `openssl rand -hex 32` prints",
        min = ClusterKey::MIN_BYTES
    )]
    Short(usize),
    /// There are too many.
    #[error("there are {0} cluster keys; at most {max} may be given, one in each line", max = ClusterKey::MOST)]
    Many(usize),
}

impl ClusterKey {
    /// Fewest bytes of a key.
    pub const MIN_BYTES: usize = 32;

    /// Most keys at once.
    pub const MOST: usize = 8;

    /// Reads a key from a file's or variable's content. Text (printable ASCII, space around it and empty lines ignored) holds a
    /// key in each line, hex or base64 where it is that and gives enough bytes; all else is one key as it stands.
    ///
    /// # Errors
    /// When a key is shorter than [`ClusterKey::MIN_BYTES`], or there are more than [`ClusterKey::MOST`].
    pub fn parse(content: &[u8]) -> Result<ClusterKey, KeyError> {
        let is_text = content.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        if !is_text {
            return Ok(ClusterKey(vec![Self::parse_one(content)?]));
        }
        let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let keys: Vec<Vec<u8>> =
            lines.filter(|line| !line.is_empty()).map(Self::parse_one).collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err(KeyError::Short(0)),
            1..=Self::MOST => Ok(ClusterKey(keys)),
            many => Err(KeyError::Many(many)),
        }
    }

    /// How many keys are accepted.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether both sign with the same key.
    pub fn signs_as(&self, other: &ClusterKey) -> bool {
        self.0.first() == other.0.first()
    }

    fn parse_one(content: &[u8]) -> Result<Vec<u8>, KeyError> {
        let encodings = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
        let decoded = encodings
            .iter()
            .filter_map(|encoding| encoding.decode(content).ok())
            .find(|bytes| bytes.len() >= Self::MIN_BYTES);
        let key = decoded.unwrap_or_else(|| content.to_vec());
        if key.len() < Self::MIN_BYTES { Err(KeyError::Short(key.len())) } else { Ok(key) }
    }

    /// HMAC-SHA256 over a label and the parts after it. Parts are not told apart: all but the last have fixed lengths.
    pub(crate) fn sign(&self, label: &[u8; 16], parts: &[&[u8]]) -> [u8; MAC_LENGTH] {
        let first = self.0.first().expect("there is at least one");
        mac_under(first, label, parts).finalize().into_bytes().into()
    }

    /// Is this the MAC of label and parts? Takes the same time for every wrong one.
    pub(crate) fn verify(&self, label: &[u8; 16], parts: &[&[u8]], mac: &[u8]) -> bool {
        self.0.iter().any(|key| mac_under(key, label, parts).verify_slice(mac).is_ok())
    }
}

fn mac_under(key: &[u8], label: &[u8; 16], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(label);
    for part in parts {
        mac.update(part);
    }
    mac
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: [u8; 32] = *b"\x00\x01\xfe\xffthis is not a printable k\x80\n\n";

    #[test]
    fn one_key_reads_the_same_from_hex_base64_and_raw_bytes_with_or_without_a_line_end() {
        let raw = ClusterKey::parse(&BYTES).unwrap();
        let hex = HEXLOWER_PERMISSIVE.encode(&BYTES);
        for text in [hex.clone(), hex.to_uppercase(), BASE64.encode(&BYTES), BASE64URL_NOPAD.encode(&BYTES)] {
            for text in [text.clone(), format!(" {text}\r\n")] {
                assert!(ClusterKey::parse(text.as_bytes()).unwrap() == raw, "{text:?}");
            }
        }
    }

    #[test]
    fn a_long_sentence_is_a_key_too() {
        let phrase = b"correct horse battery staple, and more";
        assert_eq!(ClusterKey::parse(phrase).unwrap().0, [phrase]);
        assert_eq!(ClusterKey::parse(b"correct horse battery staple, and more\n").unwrap().0, [phrase]);
    }

    #[test]
    fn a_short_key_is_refused_and_the_sentence_does_not_show_it() {
        let refused = ClusterKey::parse(b"hunter2\n").unwrap_err().to_string();
        assert!(refused.starts_with("the cluster key has 7 bytes; at least 32 are needed"), "{refused}");
        assert!(!refused.contains("hunter2"));
        assert!(ClusterKey::parse(b"").is_err());
        assert!(ClusterKey::parse(&[7; 31]).is_err());
    }

    #[test]
    fn while_a_key_is_exchanged_the_first_signs_and_each_is_accepted() {
        let (old, new) = ("old".repeat(11), "new".repeat(11));
        let read = |lines: &[&str]| ClusterKey::parse(lines.join("\n").as_bytes()).unwrap();
        let label = b"a label of 16 by";
        // Each step, and whoever has not read it yet, accept each other.
        let steps = [read(&[&old]), read(&[&old, "", &new]), read(&[&new, &old, ""]), read(&[&new])];
        assert_eq!(steps.each_ref().map(ClusterKey::count), [1, 2, 2, 1]);
        for pair in steps.windows(2) {
            for (signs, reads) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                assert!(reads.verify(label, &[b"part"], &signs.sign(label, &[b"part"])));
            }
        }
        assert_eq!([0, 1, 2].map(|step| steps[step].signs_as(&steps[step + 1])), [true, false, true]);
        assert!(!steps[3].verify(label, &[], &steps[1].sign(label, &[])), "the old one has gone");
        assert!(ClusterKey::parse(format!("{old}\nshort").as_bytes()).is_err());
        assert_eq!(ClusterKey::parse(vec![old; 9].join("\n").as_bytes()), Err(KeyError::Many(9)));
    }

    #[test]
    fn debug_output_does_not_show_the_key() {
        assert_eq!(format!("{:?}", ClusterKey::parse(&[b'k'; 40]).unwrap()), "ClusterKey(secret)");
    }
}
