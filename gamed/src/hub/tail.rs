//! What members were shown of a game beyond its last durable tick, and the taking over of it.
//!
//! What goes wrong without: a new owner goes on from what is durable, and players who have seen a few ticks more see them taken
//! back. So it asks everybody for those ticks first, for a moment; what changed them travels beside each frame.

use super::running::Running;
use super::{Hub, Role};
use crate::contain::contained;
use crate::limits;
use ownership::ring::Kept;
use protocol::peer::{PeerMessage, TailTick};
use protocol::{Epoch, MemberId, Tick};
use std::collections::BTreeSet;
use tokio::time::{Duration, Instant};
use tracing::{debug, warn};

/// A new owner waits for the answers.
pub(super) struct Gathering {
    /// The last durable world.
    world: (Epoch, Tick),
    /// Who has not answered.
    asked: BTreeSet<MemberId>,
    /// The longest so far.
    best: Vec<TailTick>,
    /// What leads from the stored snapshot to the last durable world.
    way: Vec<Kept>,
    /// The stored snapshot.
    from: Kept,
}

impl Hub {
    /// Puts the game's first tick off until it is known what others were shown, for [`limits::TAIL`] at most.
    pub(super) fn gather(&mut self, running: &mut Running, from: Kept, way: Vec<Kept>) {
        let world = running.world();
        let asked: BTreeSet<MemberId> = self.context.links.up().into_iter().collect();
        let wait = if asked.is_empty() { Duration::ZERO } else { limits::TAIL };
        running.waits_until(Instant::now() + wait);
        self.context.links.send_all(&PeerMessage::WantTail { game: self.game, world });
        self.gathering = Some(Gathering { world, asked, best: self.ring.tail(world), way, from });
    }

    pub(super) fn told_of_tail(&mut self, from: MemberId, world: (Epoch, Tick), ticks: Vec<TailTick>) {
        let Some(gathering) = self.gathering.as_mut().filter(|gathering| gathering.world == world) else {
            return;
        };
        if ticks.len() > gathering.best.len() {
            gathering.best = ticks;
        }
        gathering.asked.remove(&from);
        if gathering.asked.is_empty()
            && let Role::Owner(running) = &mut self.role
        {
            running.waits_until(Instant::now());
        }
    }

    /// Runs again what others were shown, as far as it leads to the same worlds, and goes on from there.
    pub(super) fn goes_on_from_tail(&mut self) {
        let (Some(gathering), Role::Owner(running)) = (self.gathering.take(), &mut self.role) else { return };
        let Gathering { world, best, mut way, from, asked } = gathering;
        for TailTick { epoch, tick, log, digest } in best {
            match contained(|| running.replay(epoch, tick, &log, Some(digest))) {
                Err(why) => {
                    let epoch = running.epoch();
                    return self.fails(epoch, tick, &why);
                }
                Ok(Ok(frame)) => way.push(frame),
                Ok(Err(error)) => {
                    warn!(game = %self.game, %tick, error, "the rest of what players were shown is lost");
                    break;
                }
            }
        }
        running.settles_in();
        let ticks = running.tick().0 - world.1.0;
        debug!(game = %self.game, tick = %running.tick(), ticks, "goes on from what others have");
        if !asked.is_empty() {
            let members: Vec<String> = asked.iter().map(ToString::to_string).collect();
            warn!(game = %self.game, ?members, "goes on without having heard what these have shown their players");
        }
        let Role::Owner(running) = std::mem::replace(&mut self.role, Role::Edge) else { return };
        self.stands_on(&running, from, way);
        self.role = Role::Owner(running);
    }
}
