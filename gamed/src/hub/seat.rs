//! One player's or spectator's socket at a hub, and what it was shown.
//!
//! Owns pace and patience: how much a socket may send, and what happens to one that does not read.

use crate::allowance::Allowance;
use crate::limits;
use crate::wire::{Wire, Written};
use bytes::Bytes;
use protocol::frame::with_rewind;
use protocol::{Epoch, MAX_INPUTS, PlayerId, Tick};
use tokio::time::{Duration, Instant};

/// Whether a socket was told to find another member.
enum Goes {
    /// Its member stays, as far as is known.
    Stays,
    /// Then it will be.
    At(Instant),
    /// It was.
    Told,
}

/// See the module.
pub struct Seat {
    /// The socket.
    pub wire: Wire,
    /// Who plays; none for a spectator.
    pub player: Option<PlayerId>,
    /// The name that a player came with, or has taken since.
    pub name: String,
    /// The name was taken on this socket: should the game have lost it, it is taken again.
    pub renamed: bool,
    /// Number of the socket among the player's.
    pub session: u32,
    /// The last that the client was shown elsewhere: it is welcomed only once the game is that far here.
    floor: Option<(Epoch, Tick)>,
    /// It came with a token of the game.
    returns: bool,
    /// The last world that this socket was led to. None: it was not welcomed yet.
    pub shown: Option<(Epoch, Tick)>,
    /// Whether its keyframe went back in time.
    rewind: Rewind,
    /// Frames after `shown` were left out because it did not read.
    behind: bool,
    /// It has asked for a keyframe, and was given none since.
    pub asks: bool,
    /// The newest tick that the client says it was given. None: it has said nothing yet.
    seen: Option<Tick>,
    /// When it is told to find another member, while its own one leaves.
    goes: Goes,
    /// The socket ends after what is queued.
    pub dead: bool,
    /// Something waits for the kernel to take it.
    unsent: bool,
    /// Since when the client has not kept up.
    stalled_since: Option<Instant>,
    allowance: Allowance,
}

impl Seat {
    /// A socket that has said Hello. `returns`: with a token.
    pub fn new(
        wire: Wire,
        player: Option<PlayerId>,
        name: String,
        session: u32,
        (floor, returns): (Option<(Epoch, Tick)>, bool),
        now: Instant,
    ) -> Seat {
        Seat {
            wire,
            player,
            name,
            renamed: false,
            session,
            floor,
            returns,
            shown: None,
            rewind: Rewind::default(),
            behind: false,
            asks: false,
            seen: None,
            goes: Goes::Stays,
            dead: false,
            unsent: false,
            stalled_since: None,
            allowance: Allowance::new(
                limits::MESSAGES_PER_SECOND,
                Duration::from_secs(1),
                limits::MESSAGES_PER_SECOND,
                now,
            ),
        }
    }

    /// It is to be told then to find another member; the first word counts.
    pub fn goes(&mut self, at: Instant) {
        if matches!(self.goes, Goes::Stays) {
            self.goes = Goes::At(at);
        }
    }

    /// True once, when the time has come.
    pub fn goes_now(&mut self, now: Instant) -> bool {
        let due = matches!(self.goes, Goes::At(at) if at <= now);
        if due {
            self.goes = Goes::Told;
        }
        due
    }

    /// Queues a message that is no frame.
    pub fn queue(&mut self, bytes: Bytes) {
        if self.wire.queue(bytes) == Written::Dead {
            self.dead = true;
        }
    }

    /// Queues and sends.
    pub fn send(&mut self, bytes: Bytes, now: Instant) {
        self.queue(bytes);
        self.flush(now);
    }

    /// Sends what is queued; keeps the time since when nothing goes out.
    pub fn flush(&mut self, now: Instant) {
        match self.wire.flush() {
            Written::Sent => self.unsent = false,
            Written::Waits => self.unsent = true,
            Written::Dead => self.dead = true,
        }
        self.judge(now);
    }

    /// Shows the frame that leads to this world from the tick before it under `after`, where the socket has that one and reads
    /// what it gets.
    pub fn show(&mut self, world: (Epoch, Tick), after: Epoch, frame: &Bytes, now: Instant) {
        let Some((shown_under, shown)) = self.shown else { return };
        if world.1 <= shown {
            return;
        }
        self.behind |= (after, world.1) != (shown_under, shown.next()) || !self.reads(now);
        if !self.behind {
            self.queue_frame(frame);
            self.flush(now);
            self.shown = Some(world);
        }
    }

    /// Queues a keyframe. One of a later epoch may go back in time.
    pub fn queue_keyframe(&mut self, (epoch, tick): (Epoch, Tick), keyframe: &Bytes) {
        self.rewind.by_keyframe(self.shown, (epoch, tick));
        self.asks = false;
        self.queue(keyframe.clone());
    }

    /// Queues a frame; the first one after a keyframe that went back in time says so.
    pub fn queue_frame(&mut self, frame: &Bytes) {
        let rewound = self.rewind.tell();
        self.queue(if rewound { with_rewind(frame) } else { frame.clone() });
    }

    /// From now on nothing more is written until [`Seat::reads_again`].
    pub fn leave_out(&mut self) {
        self.behind = true;
    }

    /// Frames were left out, and the socket takes more now. Whoever brings it back up says so by [`Seat::caught_up`].
    pub fn reads_again(&mut self, now: Instant) -> bool {
        self.behind && self.reads(now)
    }

    /// It was given everything up to that world.
    pub fn caught_up(&mut self, world: (Epoch, Tick), now: Instant) {
        // From here on it is judged anew.
        self.seen = self.seen.map(|_| world.1);
        self.shown = Some(world);
        self.behind = false;
        self.flush(now);
    }

    /// Whether what was written has left, and the client keeps up with it by its own account.
    pub fn reads(&mut self, now: Instant) -> bool {
        if self.unsent {
            self.flush(now);
        }
        self.judge(now);
        self.stalled_since.is_none()
    }

    fn judge(&mut self, now: Instant) {
        let unseen = match (self.shown, self.seen) {
            (Some((_, shown)), Some(seen)) => shown.0.saturating_sub(seen.0),
            _ => 0,
        };
        if self.unsent || unseen > limits::UNSEEN_TICKS {
            self.stalled_since.get_or_insert(now);
        } else {
            self.stalled_since = None;
        }
    }

    /// The client says that it was given everything up to that tick.
    pub fn sees(&mut self, tick: Tick) {
        self.seen = self.seen.max(Some(tick));
    }

    /// The last that the client was shown elsewhere: nothing may lead it below that.
    pub fn floor(&self) -> Option<(Epoch, Tick)> {
        self.floor
    }

    /// Whoever is there has been in the game, or says so.
    pub fn knows_the_game(&self) -> bool {
        self.returns || self.shown.or(self.floor).is_some()
    }

    /// What is sent again after an Expect does not count against the player.
    pub fn allow_resend(&mut self) {
        self.allowance.grant(limits::PLAYER_INPUTS.div_ceil(MAX_INPUTS));
    }

    /// The reader takes nothing for too long.
    pub fn hopeless(&self, now: Instant) -> bool {
        self.stalled_since.is_some_and(|since| now.duration_since(since) > limits::STALLED_READER)
    }

    /// Whether one more message is within what a client may send.
    pub fn may_send(&mut self, now: Instant) -> bool {
        self.allowance.spend(now)
    }
}

/// Whether the next frame has to say that time went back.
#[derive(Default)]
struct Rewind {
    untold: bool,
}

impl Rewind {
    /// A keyframe of that world is queued for somebody who was shown the other one. It may be the second one since, where the
    /// client asked for one: what is untold stays so.
    fn by_keyframe(&mut self, shown: Option<(Epoch, Tick)>, (epoch, tick): (Epoch, Tick)) {
        self.untold |= shown.is_some_and(|(shown_under, shown)| epoch > shown_under && tick <= shown);
    }

    /// A frame is queued: true where it is the one that says so.
    fn tell(&mut self) -> bool {
        std::mem::take(&mut self.untold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewind_is_told_once_though_the_client_asks_for_a_keyframe_before_the_first_frame() {
        let (shown, back) = ((Epoch(1), Tick(369)), (Epoch(2), Tick(360)));
        let mut rewind = Rewind::default();
        rewind.by_keyframe(Some(shown), back);
        // What it asked for, and that is what it has been shown by now.
        rewind.by_keyframe(Some(back), back);
        assert!(rewind.tell());
        assert!(!rewind.tell());
        rewind.by_keyframe(Some(back), (Epoch(2), Tick(400)));
        assert!(!rewind.tell(), "ahead, in the same epoch");
    }
}
