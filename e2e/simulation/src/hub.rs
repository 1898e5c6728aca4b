//! One game on one server: the world where the server owns it, the ring of recent frames, and the sockets of players.
//! Stands for gamed's hub, with its promises to `ownership::Edge` and nothing more.

use crate::toy::{Press, Toy};
use bytes::Bytes;
use ownership::Edge;
use protocol::{Epoch, GameId, MemberId, Tick};
use registry::Snapshot;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Frames that a hub keeps.
const RING: usize = 64;
/// Inputs that wait for the next tick, or for somebody to send them to, at most.
const INPUTS_MAX: usize = 256;

/// A frame and where it belongs.
#[derive(Clone, Debug)]
pub struct Linked {
    pub epoch: Epoch,
    pub tick: u64,
    pub after: Epoch,
    pub bytes: Bytes,
}

/// The server runs the game.
#[derive(Clone, Debug)]
pub struct Own {
    pub epoch: Epoch,
    pub world: Toy,
    /// Epoch of the tick before the next one.
    pub after: Epoch,
    /// On the server's clock, microseconds.
    pub next_due: u64,
    pub frozen: bool,
    /// The record is read before the next tick, for the server was stopped for long.
    pub stalled: bool,
    pub durable: u64,
    /// It was ceded to this server, and the registry does not know the epoch.
    pub provisional: bool,
}

/// A player's socket.
#[derive(Clone, Debug)]
pub struct Socket {
    pub client: usize,
    pub floor: Option<(Epoch, u64)>,
    /// What the player has been sent.
    pub has: Option<(Epoch, u64)>,
}

#[derive(Debug)]
pub struct Hub {
    pub edge: Edge,
    pub own: Option<Own>,
    /// Prepared to take the game over, with that world.
    pub prepared: Option<Snapshot>,
    /// It was asked to get ready by an owner that will cede the game: what was called off before stays so until then.
    pub to_be_ceded: bool,
    /// The epoch of an old owner that has ceded the game to this server, which has not started it yet.
    pub ceded: Option<Epoch>,
    /// Counts changes of `own`: a tick that was scheduled before is void.
    pub generation: u64,
    pub ring: VecDeque<Linked>,
    pub subscribers: BTreeSet<MemberId>,
    pub sockets: BTreeMap<u64, Socket>,
    /// What the edge showed last: what a player starts from.
    pub shown: Option<(Epoch, Toy)>,
    pub inputs: Vec<Press>,
    pub inputs_to: Option<MemberId>,
}

impl Hub {
    pub fn new(me: MemberId, game: GameId) -> Hub {
        Hub {
            edge: Edge::new(me, game),
            own: None,
            prepared: None,
            to_be_ceded: false,
            ceded: None,
            generation: 0,
            ring: VecDeque::new(),
            subscribers: BTreeSet::new(),
            sockets: BTreeMap::new(),
            shown: None,
            inputs: Vec::new(),
            inputs_to: None,
        }
    }

    /// Keeps inputs until the next tick, or until it is known whom to send them to.
    pub fn press(&mut self, inputs: &[Press]) {
        let room = INPUTS_MAX.saturating_sub(self.inputs.len());
        self.inputs.extend(inputs.iter().take(room));
    }

    /// What the next tick applies: of each player the next inputs in order, whatever else was sent again.
    pub fn next_inputs(&mut self, twice: bool) -> Vec<Press> {
        let inputs = std::mem::take(&mut self.inputs);
        let Some(own) = &self.own else { return Vec::new() };
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        let fits = |press: &Press| {
            let count = counts.entry(press.player).or_insert_with(|| own.world.applied(press.player).count);
            let next = press.seq == *count + 1 || twice && press.seq <= *count;
            *count += u32::from(next);
            next
        };
        inputs.into_iter().filter(fits).collect()
    }

    /// Keeps a frame; one that does not follow the last begins a new ring, unless it is an older one.
    pub fn keep(&mut self, frame: Linked) {
        if let Some(last) = self.ring.back() {
            if (frame.epoch, frame.tick) <= (last.epoch, last.tick) {
                return;
            }
            if (frame.after, frame.tick) != (last.epoch, last.tick + 1) {
                self.ring.clear();
            }
        }
        if self.ring.len() == RING {
            self.ring.pop_front();
        }
        self.ring.push_back(frame);
    }

    /// The frames that follow a world, where the ring has them all.
    pub fn since(&self, have: (Epoch, Tick)) -> Option<Vec<Linked>> {
        let (epoch, tick) = (have.0, have.1.0);
        // The world that the ownership begins with: nothing has followed it yet.
        if self.own.as_ref().is_some_and(|own| own.after == epoch && own.world.tick == tick) {
            return Some(Vec::new());
        }
        let last = self.ring.back()?;
        if (last.epoch, last.tick) == (epoch, tick) {
            return Some(Vec::new());
        }
        // The world that an ownership begins with has its epoch, too.
        let follows =
            |frame: &Linked| frame.tick == tick + 1 && (frame.after == epoch || frame.epoch == epoch);
        let first = self.ring.iter().position(follows)?;
        Some(self.ring.iter().skip(first).cloned().collect())
    }
}
