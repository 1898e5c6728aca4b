//! What one player's sockets brought, byte for byte, with the time of arrival; and what the player put in.
//!
//! Owns the compact form in memory and in files. Judges nothing: the oracle does. Invariant: entries stand in the
//! order in which they were recorded, and their times do not fall.

use anyhow::{Context, Result, bail, ensure};
use protocol::GameId;
use std::path::Path;
use std::time::Duration;

const MAGIC: &[u8; 8] = b"TANXREC2";
/// Most bytes of one recording: some three hours of a busy game. More is not recorded, and [`Recording::full`] says so.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Everything that one bot's sockets brought, in order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The game that the bot played.
    pub game: GameId,
    /// The bot's name, as it asked for.
    pub name: String,
    /// Did the recording reach its limit? Then what followed is not in it.
    pub full: bool,
    bytes: Vec<u8>,
    last_us: u64,
}

/// One thing that happened on one socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When, counted from the start of the run: one clock for all recordings of a run.
    pub at: Duration,
    /// The bot's sockets count from 1, in the order in which they were opened; 0 where it is about none of them.
    pub socket: u32,
    /// What happened.
    pub what: What<'a>,
}

/// What can happen on a socket, or to its player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// The Hello was written.
    Opened,
    /// A binary message came.
    Message(&'a [u8]),
    /// The socket ended: with a close code, or 0 where it was cut; and the reason as text.
    Closed(u16, &'a str),
    /// The player made an input, before it was sent for the first time. A number that was given before: it is given anew.
    Made {
        /// Its number, from 1.
        seq: u32,
        /// Level of all keys.
        keys: u8,
        /// What it does besides.
        action: u8,
    },
    /// A KeyframePlease is about to be written.
    Asked,
    /// The player makes no more inputs, and was given time and a keyframe to see all of them applied.
    Rested,
}

const OPENED: u8 = 0;
const MESSAGE: u8 = 1;
const CLOSED: u8 = 2;
const MADE: u8 = 3;
const ASKED: u8 = 4;
const RESTED: u8 = 5;

impl Recording {
    /// An empty one.
    pub fn new(game: GameId, name: &str) -> Recording {
        Recording { game, name: name.to_owned(), full: false, bytes: Vec::new(), last_us: 0 }
    }

    /// Adds what happened. A time before the last entry's counts as that one's.
    pub fn push(&mut self, at: Duration, socket: u32, what: What<'_>) {
        let at_us = (at.as_micros() as u64).max(self.last_us);
        let (code, number);
        let (kind, parts): (u8, [&[u8]; 2]) = match what {
            What::Opened => (OPENED, [&[], &[]]),
            What::Message(bytes) => (MESSAGE, [bytes, &[]]),
            What::Closed(number, reason) => {
                code = number.to_le_bytes();
                (CLOSED, [&code, reason.as_bytes()])
            }
            What::Made { seq, keys, action } => {
                let [a, b, c, d] = seq.to_le_bytes();
                number = [a, b, c, d, keys, action];
                (MADE, [&number, &[]])
            }
            What::Asked => (ASKED, [&[], &[]]),
            What::Rested => (RESTED, [&[], &[]]),
        };
        let length = parts[0].len() + parts[1].len();
        if self.full || self.bytes.len() + length + 32 > MAX_BYTES {
            self.full = true;
            return;
        }
        put_varint(&mut self.bytes, at_us - self.last_us);
        put_varint(&mut self.bytes, socket.into());
        self.bytes.push(kind);
        put_varint(&mut self.bytes, length as u64);
        self.bytes.extend_from_slice(parts[0]);
        self.bytes.extend_from_slice(parts[1]);
        self.last_us = at_us;
    }

    /// All entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = &self.bytes[..];
        let mut at_us = 0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            Some(take_entry(&mut rest, &mut at_us).expect("push wrote it, or read checked it"))
        })
    }

    /// Time of the last entry.
    pub fn last_at(&self) -> Duration {
        Duration::from_micros(self.last_us)
    }

    /// Writes a file that [`Recording::read`] reads.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&self.game.0.to_le_bytes());
        put_varint(&mut file, self.name.len() as u64);
        file.extend_from_slice(self.name.as_bytes());
        file.push(self.full.into());
        file.extend_from_slice(&self.bytes);
        std::fs::write(path, file).with_context(|| format!("cannot write the recording {}", path.display()))
    }

    /// Reads a file that [`Recording::write`] wrote.
    ///
    /// # Errors
    /// When it cannot be read, or is cut off or something else.
    pub fn read(path: &Path) -> Result<Recording> {
        let file = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&file).with_context(|| format!("{} is not a whole recording of tanx-e2e", path.display()))
    }

    fn parse(file: &[u8]) -> Result<Recording> {
        let rest = &mut file.strip_prefix(MAGIC).context("it does not start as a recording does")?;
        let game = GameId(u64::from_le_bytes(take(rest, 8)?.try_into()?));
        let length = take_varint(rest)?;
        let name = std::str::from_utf8(take(rest, length)?)?.to_owned();
        let full = take(rest, 1)? != [0];
        let bytes = rest.to_vec();
        let mut last_us = 0;
        while !rest.is_empty() {
            take_entry(rest, &mut last_us)?;
        }
        Ok(Recording { game, name, full, bytes, last_us })
    }
}

fn take_entry<'a>(rest: &mut &'a [u8], at_us: &mut u64) -> Result<Entry<'a>> {
    let later = take_varint(rest)?;
    *at_us = at_us.checked_add(later).context("a time overflows")?;
    let socket = u32::try_from(take_varint(rest)?)?;
    let kind = take(rest, 1)?[0];
    let length = take_varint(rest)?;
    let content = take(rest, length)?;
    let what = match kind {
        OPENED => What::Opened,
        MESSAGE => What::Message(content),
        CLOSED => {
            ensure!(content.len() >= 2, "a close without its code");
            let code = u16::from_le_bytes([content[0], content[1]]);
            What::Closed(code, std::str::from_utf8(&content[2..])?)
        }
        MADE => {
            let Ok([a, b, c, d, keys, action]) = <[u8; 6]>::try_from(content) else {
                bail!("an input of a wrong length")
            };
            What::Made { seq: u32::from_le_bytes([a, b, c, d]), keys, action }
        }
        ASKED => What::Asked,
        RESTED => What::Rested,
        other => bail!("unknown kind {other}"),
    };
    Ok(Entry { at: Duration::from_micros(*at_us), socket, what })
}

fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    bail!("a number has too many digits")
}

fn take<'a>(rest: &mut &'a [u8], length: impl TryInto<usize>) -> Result<&'a [u8]> {
    let length = length.try_into().unwrap_or(usize::MAX);
    let (taken, left) = rest.split_at_checked(length).context("it ends too early")?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Recording {
        let mut recording = Recording::new(GameId(7), "bot-1");
        recording.push(Duration::from_millis(1), 1, What::Opened);
        recording.push(Duration::from_secs(400), 1, What::Message(&[1, 2, 3]));
        recording.push(Duration::from_secs(3), 2, What::Message(&[0; 300]));
        recording.push(Duration::from_secs(410), 0, What::Made { seq: 70_000, keys: 5, action: 2 });
        recording.push(Duration::from_secs(420), 1, What::Asked);
        recording.push(Duration::from_secs(430), 0, What::Rested);
        recording.push(Duration::from_secs(500), 1, What::Closed(4011, "left"));
        recording
    }

    #[test]
    fn a_recording_gives_back_what_went_in_and_its_times_do_not_fall() {
        let recording = sample();
        let entries: Vec<Entry<'_>> = recording.entries().collect();
        assert_eq!(entries.len(), 7);
        assert_eq!(entries[1].what, What::Message(&[1, 2, 3]));
        assert_eq!((entries[2].at, entries[2].socket), (Duration::from_secs(400), 2));
        assert_eq!(entries[3].what, What::Made { seq: 70_000, keys: 5, action: 2 });
        assert_eq!((&entries[4].what, &entries[5].what), (&What::Asked, &What::Rested));
        assert_eq!(entries[6].what, What::Closed(4011, "left"));
        assert_eq!(recording.last_at(), Duration::from_secs(500));
    }

    #[test]
    fn a_file_comes_back_whole_and_every_cut_of_it_inside_an_entry_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.rec");
        sample().write(&path).unwrap();
        assert_eq!(Recording::read(&path).unwrap(), sample());
        let whole = std::fs::read(&path).unwrap();
        let shorter = (0..whole.len()).filter(|end| Recording::parse(&whole[..*end]).is_ok()).count();
        // Cuts that parse are those between two entries: after the head and after each entry but the last.
        assert_eq!(shorter, 7);
        assert!(Recording::parse(b"something else").is_err());
    }
}
