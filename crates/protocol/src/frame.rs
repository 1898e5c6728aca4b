//! The frame: one tick of a game, in the fewest bytes.
//!
//! Owns the layout. A frame is a header, which differs by owner and moment, and a body, which is a pure function of two
//! consecutive worlds; they are encoded apart, so that one body serves under several headers. No part is for one player.
//! Does not know how a tank moves: whoever fills a [`Body`] has the residuals.
//!
//! ```text
//! flags:1  tick & 255:1  min(255, tick - durable):1  [epoch:8 LE]
//! input mask     for each slot in it, one or more bytes keys:5 more:1
//! residual mask  for each slot in it 2, 3, 5 or 7 bytes, little-endian: class:2 dx dy [dh]
//! [count:varint, events]
//! ```
//! A mask has one byte for each 8 slots, slot 0 in the lowest bit of the first.

use crate::wire::{DecodeError, MAX_SERVER_MESSAGE, MAX_SLOTS, at_most};
use crate::{ChatText, Epoch, PlayerId, PlayerName, Tick};
use alloc::{string::String, vec::Vec};
use bytes::Bytes;
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

const EPOCH: u8 = 1;
const REWIND: u8 = 2;
const REANCHOR: u8 = 4;
const MOVING: u8 = 8;
const REGISTRY_AWAY: u8 = 16;
const EVENTS: u8 = 32;

/// First bytes of a server message that make it a frame: all sets of flags.
pub(crate) const FRAME_TYPES: RangeInclusive<u8> = 0x00..=0x3f;

const KEYS: u8 = 0x1f;
const MORE: u8 = 0x20;

/// Bits of dx and of dy in each class of residual; the last class has [`HEADING_BITS`] of dh as well.
const CLASS_BITS: [u32; 4] = [7, 11, 18, 18];
const HEADING_BITS: u32 = 16;
const WITH_HEADING: usize = 3;

/// What a frame says about the owner and the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags {
    /// The first frame of a take-over that may have lost ticks. A client that was shown those gets a keyframe before it,
    /// of a tick that is not above its last one; for all others the frame goes on as any does.
    pub rewind: bool,
    /// The pacer started its clock anew: so does the client's.
    pub reanchor: bool,
    /// The game is about to move: allow for a late frame.
    pub moving: bool,
    /// The registry cannot be reached: nothing becomes durable for now.
    pub registry_away: bool,
}

/// All of a frame but its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrameHeader {
    /// Flags besides EPOCH and EVENTS, which follow from the rest.
    pub flags: Flags,
    /// Low byte of the tick that the frame leads to.
    pub tick_low: u8,
    /// How many ticks the durable tick is behind this one; 255: 255 or more.
    pub lag: u8,
    /// On the first frame of an epoch.
    pub epoch: Option<Epoch>,
}

/// What happened between two consecutive worlds.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    /// Players whose inputs were applied, by rising slot.
    pub inputs: Vec<SlotInputs>,
    /// Tanks that are not where free motion puts them, by rising slot.
    pub residuals: Vec<Residual>,
    /// In the order in which they happened.
    pub events: Vec<FrameEvent>,
}

/// The inputs of one player that a tick applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotInputs {
    /// Whose.
    pub slot: u8,
    /// Keys held after each applied input, at least one; the last holds for the tick's motion. Each is 5 bits.
    pub keys: Vec<u8>,
}

/// Where a tank is, minus where free motion under its new keys has put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Residual {
    /// Whose tank.
    pub slot: u8,
    /// Units, modulo 2^18: -131,072 to 131,071, more than the arena is wide in either direction from its middle.
    pub dx: i32,
    /// Units, modulo 2^18.
    pub dy: i32,
    /// 1/65,536 of a turn, modulo a turn.
    pub dh: i16,
}

/// Something that a client cannot work out from keys and positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrameEvent {
    /// A player takes part.
    Join {
        /// Its place.
        slot: u8,
        /// Its id.
        player: PlayerId,
        /// Played by the server.
        bot: bool,
        /// Its name.
        name: String,
    },
    /// A player is out of the game, and its tank and missiles with it; its blasts are nobody's from now on.
    Leave {
        /// Its place, free from now on.
        slot: u8,
    },
    /// A tank appears at an entry point, before this tick's motion.
    Launch {
        /// Whose.
        slot: u8,
        /// Number of the entry point in the maze.
        entry: u8,
    },
    /// A missile appears at the rim of a tank; it moves from the next tick on.
    Shot {
        /// Whose.
        slot: u8,
        /// Its number.
        missile: u8,
    },
    /// A missile hits a tank and explodes.
    Hit {
        /// Its number.
        missile: u8,
        /// Whose tank.
        slot: u8,
        /// How far it flew in this tick, in steps of 16 units.
        at: u8,
        /// Armour left; 16,384 is 1.0.
        armour: u16,
    },
    /// A missile has left the arena.
    Gone {
        /// Its number.
        missile: u8,
    },
    /// A tank is destroyed: it explodes and leaves an item.
    Kill {
        /// Whose tank.
        slot: u8,
        /// Slot of whoever caused it; 255: nobody.
        by: u8,
        /// Number of the item.
        item: u8,
        /// What it is: 0 health, 1 bounce.
        kind: u8,
    },
    /// A missile hits a wall and explodes.
    Burst {
        /// Its number.
        missile: u8,
        /// How far it flew in this tick, in steps of 16 units.
        at: u8,
    },
    /// A missile bounces off a wall, for the last time, and goes on in the next tick.
    Bounce {
        /// Its number.
        missile: u8,
        /// How far it flew in this tick, in steps of 16 units.
        at: u8,
        /// Its direction from now on.
        heading: u16,
    },
    /// A blast does damage to a tank.
    Hurt {
        /// Whose tank.
        slot: u8,
        /// Armour left; 16,384 is 1.0.
        armour: u16,
    },
    /// A tank takes an item.
    PickUp {
        /// Whose tank.
        slot: u8,
        /// Number of the item.
        item: u8,
    },
    /// A player destroys the own tank, before this tick's motion: a great explosion, and an item.
    Destruct {
        /// Whose tank.
        slot: u8,
        /// Number of the item.
        item: u8,
        /// What it is: 0 health, 1 bounce.
        kind: u8,
    },
    /// A player has another name.
    Rename {
        /// Whose.
        slot: u8,
        /// The new one.
        name: String,
    },
    /// A player says something.
    Chat {
        /// Who.
        slot: u8,
        /// What.
        text: String,
    },
    /// The round is over: all tanks, missiles, blasts and items vanish, and nobody can launch.
    RoundOver {
        /// Slot of who has won; 255: nobody.
        winner: u8,
        /// Ticks until the next round.
        ticks: u16,
    },
    /// The next round begins, with all scores at 0.
    RoundStart {
        /// How long it lasts, in ticks; 0: it has no end.
        ticks: u32,
    },
}

/// A body's bytes, to be put under any header.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct EncodedBody {
    /// Does the body end with events? Becomes the flag EVENTS.
    pub events: bool,
    /// From the input mask on.
    pub bytes: Bytes,
}

/// A frame with its body decoded.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frame {
    /// All but the body.
    pub header: FrameHeader,
    /// What happened.
    pub body: Body,
}

impl Frame {
    /// One websocket message. See [`Body::encode`] for what the body must keep to.
    pub fn encode(&self, slots: u8) -> Bytes {
        self.header.with_body(&self.body.encode(slots))
    }

    /// The frame in one websocket message of a game with so many slots.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(bytes: &[u8], slots: u8) -> Result<Frame, DecodeError> {
        let (header, body) = FrameHeader::decode(bytes)?;
        Ok(Frame { header, body: body.decode(slots)? })
    }
}

impl FrameHeader {
    /// Header of the frame that leads to `tick` while everything up to `durable` is safe.
    pub fn new(tick: Tick, durable: Tick, flags: Flags, epoch: Option<Epoch>) -> FrameHeader {
        let lag = u8::try_from(tick.0.saturating_sub(durable.0)).unwrap_or(u8::MAX);
        FrameHeader { flags, tick_low: tick.0 as u8, lag, epoch }
    }

    /// One websocket message of this header and a body.
    pub fn with_body(&self, body: &EncodedBody) -> Bytes {
        let Flags { rewind, reanchor, moving, registry_away } = self.flags;
        let flags = [
            (self.epoch.is_some(), EPOCH),
            (rewind, REWIND),
            (reanchor, REANCHOR),
            (moving, MOVING),
            (registry_away, REGISTRY_AWAY),
            (body.events, EVENTS),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
        let mut bytes = Vec::with_capacity(11 + body.bytes.len());
        bytes.extend([flags, self.tick_low, self.lag]);
        if let Some(epoch) = self.epoch {
            bytes.extend(epoch.0.to_le_bytes());
        }
        bytes.extend_from_slice(&body.bytes);
        bytes.into()
    }

    /// The header of a frame, and its body still encoded.
    ///
    /// # Errors
    /// When it is no frame, or cut off within the header. The body is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<(FrameHeader, EncodedBody), DecodeError> {
        at_most("the frame", bytes.len(), MAX_SERVER_MESSAGE)?;
        let flags = *bytes.first().ok_or(DecodeError::Empty)?;
        if !FRAME_TYPES.contains(&flags) {
            return Err(DecodeError::UnknownType(flags));
        }
        let mut from = Reader { bytes: &bytes[1..] };
        let [tick_low, lag] = from.array()?;
        let epoch = if flags & EPOCH != 0 { Some(Epoch(u64::from_le_bytes(from.array()?))) } else { None };
        let header = FrameHeader {
            flags: Flags {
                rewind: flags & REWIND != 0,
                reanchor: flags & REANCHOR != 0,
                moving: flags & MOVING != 0,
                registry_away: flags & REGISTRY_AWAY != 0,
            },
            tick_low,
            lag,
            epoch,
        };
        Ok((header, EncodedBody { events: flags & EVENTS != 0, bytes: Bytes::copy_from_slice(from.bytes) }))
    }

    /// The tick that the frame leads to, given any tick less than 128 away from it.
    pub fn tick(&self, near: Tick) -> Tick {
        lift_tick(self.tick_low, near)
    }
}

/// The same frame with the REWIND flag, for the sockets that were shown a keyframe that went back before it.
///
/// # Panics
/// When `frame` is empty: no frame is.
pub fn with_rewind(frame: &[u8]) -> Bytes {
    let mut frame = frame.to_vec();
    frame[0] |= REWIND;
    frame.into()
}

/// The tick closest to `near` that has this low byte. Of two equally close ones, the later.
pub fn lift_tick(tick_low: u8, near: Tick) -> Tick {
    let ahead = tick_low.wrapping_sub(near.0 as u8);
    let behind = u64::from(ahead.wrapping_neg());
    let earlier = if ahead > 128 { near.0.checked_sub(behind) } else { None };
    Tick(earlier.unwrap_or_else(|| near.0.saturating_add(ahead.into())))
}

impl Body {
    /// The body's bytes for a game with so many slots.
    ///
    /// # Panics
    /// When the caller breaks the shape that a world gives: slots rising and below `slots`, `slots` from 1 to
    /// [`MAX_SLOTS`], at least one entry for each slot in `inputs`, keys below 32.
    pub fn encode(&self, slots: u8) -> EncodedBody {
        assert!((1..=MAX_SLOTS).contains(&slots), "a game has 1 to {MAX_SLOTS} slots, not {slots}");
        let mut bytes = Vec::with_capacity(32);
        put_mask(&mut bytes, slots, self.inputs.iter().map(|inputs| inputs.slot));
        for SlotInputs { keys, slot } in &self.inputs {
            let (last, before) =
                keys.split_last().expect("a slot is listed because an input of it was applied");
            assert!(
                keys.iter().all(|keys| keys & !KEYS == 0),
                "keys of slot {slot} have more than five bits"
            );
            bytes.extend(before.iter().map(|keys| keys | MORE));
            bytes.push(*last);
        }
        put_mask(&mut bytes, slots, self.residuals.iter().map(|residual| residual.slot));
        for residual in &self.residuals {
            residual.put(&mut bytes);
        }
        if !self.events.is_empty() {
            put_varint(&mut bytes, self.events.len());
            for event in &self.events {
                event.put(&mut bytes);
            }
        }
        EncodedBody { events: !self.events.is_empty(), bytes: bytes.into() }
    }
}

impl EncodedBody {
    /// The body, for a game with so many slots.
    ///
    /// # Errors
    /// When the bytes are no body of such a game.
    pub fn decode(&self, slots: u8) -> Result<Body, DecodeError> {
        if !(1..=MAX_SLOTS).contains(&slots) {
            return Err(DecodeError::Malformed("frame: its game has 1 to 32 slots"));
        }
        let mut from = Reader { bytes: &self.bytes };
        let mut body = Body::default();
        for slot in from.mask(slots)? {
            let mut keys = Vec::new();
            loop {
                let byte = from.byte()?;
                if byte & !(KEYS | MORE) != 0 {
                    return Err(MALFORMED);
                }
                keys.push(byte & KEYS);
                if byte & MORE == 0 {
                    break;
                }
            }
            body.inputs.push(SlotInputs { slot, keys });
        }
        for slot in from.mask(slots)? {
            body.residuals.push(from.residual(slot)?);
        }
        if self.events {
            for _ in 0..from.varint()? {
                body.events.push(from.event(slots)?);
            }
            if body.events.is_empty() {
                return Err(MALFORMED);
            }
        }
        match from.bytes.len() {
            0 => Ok(body),
            extra => Err(DecodeError::Trailing { message: "frame", extra }),
        }
    }
}

fn put_mask(to: &mut Vec<u8>, slots: u8, set: impl Iterator<Item = u8>) {
    let start = to.len();
    to.resize(start + usize::from(slots.div_ceil(8)), 0);
    let mut next = 0;
    for slot in set {
        assert!((next..slots).contains(&slot), "slot {slot} is out of order, or not below {slots}");
        next = slot + 1;
        to[start + usize::from(slot / 8)] |= 1 << (slot % 8);
    }
}

/// LEB128, as postcard has it.
fn put_varint(to: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    put_varint(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

/// The low `bits` of a number, as a signed number.
fn fold(value: i64, bits: u32) -> i64 {
    let unused = i64::BITS - bits;
    (value << unused) >> unused
}

impl Residual {
    /// Bytes that it takes in a frame: 2, 3, 5 or 7.
    pub fn encoded_len(&self) -> usize {
        class_bytes(self.class())
    }

    fn class(&self) -> usize {
        let fits = |bits| {
            [self.dx, self.dy].iter().all(|d| fold(fold((*d).into(), 18), bits) == fold((*d).into(), 18))
        };
        match self.dh {
            0 if fits(CLASS_BITS[0]) => 0,
            0 if fits(CLASS_BITS[1]) => 1,
            0 => 2,
            _ => WITH_HEADING,
        }
    }

    fn put(&self, to: &mut Vec<u8>) {
        let class = self.class();
        let bits = CLASS_BITS[class];
        let low = |d: i32| u64::from(d as u32) & ((1 << bits) - 1);
        let mut packed = class as u64 | low(self.dx) << 2 | low(self.dy) << (2 + bits);
        if class == WITH_HEADING {
            packed |= u64::from(self.dh as u16) << (2 + 2 * bits);
        }
        to.extend_from_slice(&packed.to_le_bytes()[..class_bytes(class)]);
    }
}

const fn class_bytes(class: usize) -> usize {
    let heading = if class == WITH_HEADING { HEADING_BITS } else { 0 };
    (2 + 2 * CLASS_BITS[class] + heading).div_ceil(8) as usize
}

/// Kinds of events. Further ones get further numbers and a new protocol version.
const JOIN: u8 = 0;
const LEAVE: u8 = 1;
const LAUNCH: u8 = 2;
const SHOT: u8 = 3;
const HIT: u8 = 4;
const GONE: u8 = 5;
const KILL: u8 = 6;
const BURST: u8 = 7;
const BOUNCE: u8 = 8;
const HURT: u8 = 9;
const PICK_UP: u8 = 10;
const DESTRUCT: u8 = 11;
const RENAME: u8 = 12;
const CHAT: u8 = 13;
const ROUND_OVER: u8 = 14;
const ROUND_START: u8 = 15;

/// Longest name in an event, in bytes.
const MAX_NAME_BYTES: usize = PlayerName::MAX_CHARACTERS * 4;
/// Longest text of a Chat event, in bytes.
const MAX_CHAT_BYTES: usize = ChatText::MAX_CHARACTERS * 4;
/// `by` of a Kill that nobody caused, and `winner` of a round that nobody won.
const NOBODY: u8 = 255;

impl FrameEvent {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            FrameEvent::Join { slot, player, bot, name } => {
                to.extend([JOIN, *slot]);
                to.extend(player.0.to_le_bytes());
                to.push((*bot).into());
                put_text(to, name);
            }
            FrameEvent::Leave { slot } => to.extend([LEAVE, *slot]),
            FrameEvent::Launch { slot, entry } => to.extend([LAUNCH, *slot, *entry]),
            FrameEvent::Shot { slot, missile } => to.extend([SHOT, *slot, *missile]),
            FrameEvent::Hit { missile, slot, at, armour } => {
                to.extend([HIT, *slot, *missile, *at]);
                to.extend(armour.to_le_bytes());
            }
            FrameEvent::Gone { missile } => to.extend([GONE, *missile]),
            FrameEvent::Kill { slot, by, item, kind } => to.extend([KILL, *slot, *by, *item, *kind]),
            FrameEvent::Burst { missile, at } => to.extend([BURST, *missile, *at]),
            FrameEvent::Bounce { missile, at, heading } => {
                to.extend([BOUNCE, *missile, *at]);
                to.extend(heading.to_le_bytes());
            }
            FrameEvent::Hurt { slot, armour } => {
                to.extend([HURT, *slot]);
                to.extend(armour.to_le_bytes());
            }
            FrameEvent::PickUp { slot, item } => to.extend([PICK_UP, *slot, *item]),
            FrameEvent::Destruct { slot, item, kind } => to.extend([DESTRUCT, *slot, *item, *kind]),
            FrameEvent::Rename { slot, name } => {
                to.extend([RENAME, *slot]);
                put_text(to, name);
            }
            FrameEvent::Chat { slot, text } => {
                to.extend([CHAT, *slot]);
                put_text(to, text);
            }
            FrameEvent::RoundOver { winner, ticks } => {
                to.extend([ROUND_OVER, *winner]);
                to.extend(ticks.to_le_bytes());
            }
            FrameEvent::RoundStart { ticks } => {
                to.push(ROUND_START);
                to.extend(ticks.to_le_bytes());
            }
        }
    }
}

const MALFORMED: DecodeError = DecodeError::Malformed("frame");

/// Reads a frame from its front.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or(MALFORMED)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0;
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(MALFORMED)
    }

    /// The slots of a mask, rising.
    fn mask(&mut self, slots: u8) -> Result<Vec<u8>, DecodeError> {
        let mut mask = 0u32;
        for shift in (0..u32::from(slots)).step_by(8) {
            mask |= u32::from(self.byte()?) << shift;
        }
        if u64::from(mask) >> slots != 0 {
            return Err(MALFORMED);
        }
        Ok((0..slots).filter(|slot| mask >> slot & 1 != 0).collect())
    }

    fn residual(&mut self, slot: u8) -> Result<Residual, DecodeError> {
        let class = usize::from(self.bytes.first().ok_or(MALFORMED)? & 3);
        let length = class_bytes(class);
        let (packed, rest) = self.bytes.split_at_checked(length).ok_or(MALFORMED)?;
        self.bytes = rest;
        let packed = packed.iter().rev().fold(0, |packed, byte| packed << 8 | u64::from(*byte));
        let bits = CLASS_BITS[class];
        let signed = |shift: u32, bits: u32| fold((packed >> shift) as i64, bits);
        Ok(Residual {
            slot,
            dx: signed(2, bits) as i32,
            dy: signed(2 + bits, bits) as i32,
            dh: if class == WITH_HEADING { signed(2 + 2 * bits, HEADING_BITS) as i16 } else { 0 },
        })
    }

    fn slot(&mut self, slots: u8) -> Result<u8, DecodeError> {
        let slot = self.byte()?;
        if slot < slots { Ok(slot) } else { Err(MALFORMED) }
    }

    fn slot_or_nobody(&mut self, slots: u8) -> Result<u8, DecodeError> {
        let slot = self.byte()?;
        if slot < slots || slot == NOBODY { Ok(slot) } else { Err(MALFORMED) }
    }

    fn text(&mut self, what: &'static str, limit: usize) -> Result<String, DecodeError> {
        let length = self.varint()? as usize;
        at_most(what, length, limit)?;
        let (text, rest) = self.bytes.split_at_checked(length).ok_or(MALFORMED)?;
        self.bytes = rest;
        core::str::from_utf8(text).map(Into::into).map_err(|_| MALFORMED)
    }

    fn event(&mut self, slots: u8) -> Result<FrameEvent, DecodeError> {
        Ok(match self.byte()? {
            JOIN => {
                let slot = self.slot(slots)?;
                let player = PlayerId(u64::from_le_bytes(self.array()?));
                let bot = match self.byte()? {
                    0 => false,
                    1 => true,
                    _ => return Err(MALFORMED),
                };
                FrameEvent::Join { slot, player, bot, name: self.text("the name in bytes", MAX_NAME_BYTES)? }
            }
            LEAVE => FrameEvent::Leave { slot: self.slot(slots)? },
            LAUNCH => FrameEvent::Launch { slot: self.slot(slots)?, entry: self.byte()? },
            SHOT => FrameEvent::Shot { slot: self.slot(slots)?, missile: self.byte()? },
            HIT => {
                let (slot, missile, at) = (self.slot(slots)?, self.byte()?, self.byte()?);
                FrameEvent::Hit { missile, slot, at, armour: u16::from_le_bytes(self.array()?) }
            }
            GONE => FrameEvent::Gone { missile: self.byte()? },
            KILL => {
                let (slot, by) = (self.slot(slots)?, self.slot_or_nobody(slots)?);
                FrameEvent::Kill { slot, by, item: self.byte()?, kind: self.byte()? }
            }
            BURST => FrameEvent::Burst { missile: self.byte()?, at: self.byte()? },
            BOUNCE => {
                let (missile, at) = (self.byte()?, self.byte()?);
                FrameEvent::Bounce { missile, at, heading: u16::from_le_bytes(self.array()?) }
            }
            HURT => FrameEvent::Hurt { slot: self.slot(slots)?, armour: u16::from_le_bytes(self.array()?) },
            PICK_UP => FrameEvent::PickUp { slot: self.slot(slots)?, item: self.byte()? },
            DESTRUCT => {
                FrameEvent::Destruct { slot: self.slot(slots)?, item: self.byte()?, kind: self.byte()? }
            }
            RENAME => {
                let slot = self.slot(slots)?;
                FrameEvent::Rename { slot, name: self.text("the name in bytes", MAX_NAME_BYTES)? }
            }
            CHAT => {
                let slot = self.slot(slots)?;
                FrameEvent::Chat { slot, text: self.text("the message in bytes", MAX_CHAT_BYTES)? }
            }
            ROUND_OVER => {
                let winner = self.slot_or_nobody(slots)?;
                FrameEvent::RoundOver { winner, ticks: u16::from_le_bytes(self.array()?) }
            }
            ROUND_START => FrameEvent::RoundStart { ticks: u32::from_le_bytes(self.array()?) },
            _ => return Err(MALFORMED),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_len(residual: Residual) -> usize {
        Body { residuals: alloc::vec![residual], ..Body::default() }.encode(8).bytes.len()
    }

    #[test]
    fn a_frame_can_be_marked_as_following_a_rewind() {
        let frame = FrameHeader::new(Tick(300), Tick(280), Flags::default(), Some(Epoch(5)));
        let body = Body::default().encode(8);
        let (marked, _) = FrameHeader::decode(&with_rewind(&frame.with_body(&body))).expect("a frame");
        assert_eq!(marked, FrameHeader { flags: Flags { rewind: true, ..Flags::default() }, ..frame });
    }

    #[test]
    fn a_quiet_tick_takes_five_bytes_and_a_residual_two_three_five_or_seven_more() {
        let quiet = Frame::default().encode(8);
        assert_eq!(&quiet[..], [0, 0, 0, 0, 0]);
        let cases = [
            (1, 0, 0, 2),
            (63, -64, 0, 2),
            (64, 0, 0, 3),
            (0, -65, 0, 3),
            (1023, -1024, 0, 3),
            (1024, 0, 0, 5),
            (131_071, -131_072, 0, 5),
            (0, 0, 1, 7),
            (131_071, -131_072, i16::MIN, 7),
        ];
        for (dx, dy, dh, size) in cases {
            let residual = Residual { slot: 3, dx, dy, dh };
            assert_eq!(residual.encoded_len(), size, "{residual:?}");
            assert_eq!(body_len(residual), 2 + size, "{residual:?}");
        }
    }

    #[test]
    fn a_residual_is_modulo_what_eighteen_bits_hold() {
        let wide = Residual { slot: 0, dx: (1 << 18) + 5, dy: -(1 << 18) - 5, dh: 0 };
        let encoded = Body { residuals: alloc::vec![wide], ..Body::default() }.encode(8);
        let decoded = encoded.decode(8).unwrap().residuals[0];
        assert_eq!((decoded.dx, decoded.dy), (5, -5));
        assert_eq!(wide.encoded_len(), 2);
    }

    #[test]
    fn one_body_serves_under_headers_with_and_without_an_epoch() {
        let body = Body {
            inputs: alloc::vec![SlotInputs { slot: 9, keys: alloc::vec![1, 2] }],
            residuals: Vec::new(),
            events: alloc::vec![FrameEvent::Leave { slot: 1 }],
        };
        let encoded = body.encode(16);
        for epoch in [None, Some(Epoch(u64::MAX - 1))] {
            let header = FrameHeader::new(Tick(513), Tick(510), Flags::default(), epoch);
            let bytes = header.with_body(&encoded);
            assert_eq!(Frame::decode(&bytes, 16), Ok(Frame { header, body: body.clone() }));
            assert_eq!(bytes.len(), 3 + encoded.bytes.len() + if epoch.is_some() { 8 } else { 0 });
        }
    }

    #[test]
    fn a_header_holds_the_low_byte_of_the_tick_and_a_lag_that_stops_at_255() {
        let lag = |tick, durable| FrameHeader::new(Tick(tick), Tick(durable), Flags::default(), None).lag;
        assert_eq!(lag(1000, 1000), 0);
        assert_eq!(lag(1000, 746), 254);
        assert_eq!(lag(1000, 745), 255);
        assert_eq!(lag(1 << 40, 0), 255);
        assert_eq!(lag(5, 9), 0, "a durable tick ahead of the world's is no lag");
        assert_eq!(FrameHeader::new(Tick(0x1_23ff), Tick(0), Flags::default(), None).tick_low, 0xff);
    }

    #[test]
    fn a_low_byte_is_lifted_to_the_closest_tick() {
        for near in [0, 1, 127, 128, 255, 256, 1000, u64::MAX - 300] {
            for offset in -127..=128i64 {
                let Some(tick) = near.checked_add_signed(offset) else { continue };
                assert_eq!(lift_tick(tick as u8, Tick(near)), Tick(tick), "near {near}, offset {offset}");
            }
        }
        assert_eq!(lift_tick(255, Tick(0)), Tick(255), "there is no tick below 0");
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn a_body_with_its_slots_out_of_order_is_a_bug_of_the_caller() {
        let inputs = |slot| SlotInputs { slot, keys: alloc::vec![0] };
        Body { inputs: alloc::vec![inputs(2), inputs(1)], ..Body::default() }.encode(8);
    }
}
