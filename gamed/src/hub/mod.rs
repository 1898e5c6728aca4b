//! One game on one member: its sockets, the peers that watch it here, and the source of its frames.
//!
//! Owns the sockets and, while this member owns the game, its world and pace. When a game moves, only the source changes:
//! sockets stay where they are. Does not decide who owns what: that comes as [`Command`]s, and leaves as events.

mod desk;
mod headcount;
mod named;
mod owning;
mod pace;
mod parsed;
mod players;
#[cfg(test)]
mod poison;
mod running;
mod seat;
mod shown;
mod source;
mod tail;

use crate::allowance::Allowance;
use crate::contain::contained;
use crate::context::Context;
use crate::limits;
use crate::links::Links;
use crate::wire::{Received, Wire};
use named::NamedOwner;
use ownership::ring::{Kept, Ring, Sent};
use ownership::{Edge, EdgeEvent, Event, Time};
use pace::Pace;
use parsed::Warm;
use protocol::peer::{Control, GameSettings, PeerMessage, PlayerAct};
use protocol::{CloseCode, Epoch, GRACE_CUT_OFF, GameId, MemberId, PlayerId, ServerMessage, Tick};
use registry::{LogBatch, Snapshot};
use running::{Running, Step};
use seat::Seat;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Poll;
use tail::Gathering;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};
use tracing::debug;

/// A socket whose Hello was read and found to be in order.
pub struct Newcomer {
    /// The socket, bound to no reactor.
    pub wire: Wire,
    /// Who; none for a spectator.
    pub player: Option<PlayerId>,
    /// Checked name; empty for a spectator.
    pub name: String,
    /// From Hello.
    pub session: u32,
    /// The address that a new player came from; none for those who come back.
    pub comes_from: Option<IpAddr>,
    /// From Hello: the last that the client was shown.
    pub floor: Option<(Epoch, Tick)>,
}

/// What the ownership rules want of a hub.
#[derive(Debug)]
pub enum Command {
    /// See [`ownership::Effect::Prepare`].
    Prepare { epoch: Epoch, owner: MemberId, settings: GameSettings, snapshot: Snapshot },
    /// See [`ownership::Effect::Unprepare`].
    Unprepare,
    /// See [`ownership::Effect::Start`].
    Start {
        epoch: Epoch,
        base: Epoch,
        settings: GameSettings,
        snapshot: Option<Snapshot>,
        log: Vec<LogBatch>,
        durable: Tick,
        due: Time,
        rewind: bool,
    },
    /// See [`ownership::Effect::GoOn`].
    GoOn,
    /// See [`ownership::Effect::Freeze`].
    Freeze,
    /// See [`ownership::Effect::Stop`].
    Stop { to: Option<(MemberId, Epoch)>, goes_on: bool },
    /// See [`ownership::Effect::TakeSnapshot`].
    TakeSnapshot,
    /// See [`ownership::Effect::Durable`].
    Durable(Tick),
    /// See [`ownership::Effect::SendToEdges`].
    ToEdges(Control),
}

/// A message to a hub.
pub enum ToHub {
    /// A player or spectator came.
    Attach(Box<Newcomer>),
    /// A peer says something about this game.
    Peer(MemberId, PeerMessage),
    /// The ownership rules want something.
    Command(Command),
    /// A link came up or broke.
    Link(MemberId, bool),
    /// Who owns the game, as far as is known.
    Owner(Option<(MemberId, Epoch)>),
    /// The registry knows no such game.
    NoSuchGame,
    /// Nobody runs it, for its world failed too often.
    Quarantined,
    /// This member leaves, or is cut off from most others: its sockets are to find another, each at its time.
    GoAway,
    /// The cluster signs with another key: players are to get new tokens.
    Tokens,
    /// This member ends now: all sockets are closed.
    Close,
}

impl ToHub {
    /// Whether a message for a game without a hub is reason to make one.
    pub fn makes_a_hub(&self) -> bool {
        matches!(self, ToHub::Attach(_) | ToHub::Peer(..) | ToHub::Command(_))
    }
}

/// Something that a player did.
struct Act {
    /// The member that it came through.
    from: MemberId,
    player: PlayerId,
    session: u32,
    act: PlayerAct,
}

/// What this member does for the game, besides showing it.
enum Role {
    /// Nothing.
    Edge,
    /// The next owner, warmed up.
    Prepared { settings: GameSettings, _warm: Warm },
    /// The owner.
    Owner(Box<Running>),
    /// The owner until the registry says who is next; runs no tick.
    Frozen(Box<Running>),
}

/// See the module.
pub struct Hub {
    game: GameId,
    context: Rc<Context>,
    edge: Edge,
    role: Role,
    ring: Ring,
    /// Peers that want this game's frames from here.
    watchers: BTreeSet<MemberId>,
    seats: Vec<Seat>,
    /// What players here may say now, over all their sockets.
    words: BTreeMap<PlayerId, Allowance>,
    /// How many new players may still come, by the address that they come from.
    joins: BTreeMap<IpAddr, Allowance>,
    /// Settings, as far as known here; needed to welcome players.
    settings: Option<GameSettings>,
    /// Whom players are told of.
    named: NamedOwner,
    inputs_to: Option<MemberId>,
    /// What players did while nobody could take it.
    held: VecDeque<Act>,
    /// The edge was told that this member wants frames.
    watching: bool,
    edge_wake: Instant,
    /// Since when the registry has said that it does not know the game.
    missing_since: Option<Instant>,
    idle_since: Instant,
    edge_events: VecDeque<EdgeEvent>,
    in_edge: bool,
    /// The game stops with the tick that is due next.
    freezes: bool,
    /// It was stopped for long, and waits for the word that it is still this member's.
    stalled: bool,
    /// It waits for what others were shown beyond the last durable tick.
    gathering: Option<Gathering>,
    pace: Pace,
}

/// How long a hub without sockets, watchers and games stays: a player who reconnects finds it knowing whom to ask.
const IDLE: Duration = Duration::from_secs(5);

/// How often an edge with sockets looks at its sources.
const EDGE_WAKE: Duration = Duration::from_millis(20);

impl Hub {
    /// A hub that does nothing yet.
    pub fn new(game: GameId, context: Rc<Context>) -> Hub {
        let now = Instant::now();
        Hub {
            game,
            edge: Edge::new(context.me, game),
            context,
            role: Role::Edge,
            ring: Ring::default(),
            watchers: BTreeSet::new(),
            seats: Vec::new(),
            words: BTreeMap::new(),
            joins: BTreeMap::new(),
            settings: None,
            named: NamedOwner::default(),
            inputs_to: None,
            held: VecDeque::new(),
            watching: false,
            edge_wake: now,
            missing_since: None,
            idle_since: now,
            edge_events: VecDeque::new(),
            in_edge: false,
            freezes: false,
            stalled: false,
            gathering: None,
            pace: Pace::default(),
        }
    }

    /// Works until nothing is left to do for a while. Looks at the inbox last, without an await before it returns.
    pub async fn run(mut self, inbox: &mut mpsc::Receiver<ToHub>) {
        loop {
            let tick_due = match &self.role {
                Role::Owner(running) if !self.stalled => Some(running.due()),
                _ => None,
            };
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = sleep_until(tick_due.unwrap_or(wake)), if tick_due.is_some() => self.tick(),
                message = inbox.recv() => match message {
                    Some(message) => self.message(message),
                    None => return,
                },
                (seat, received) = next_received(&mut self.seats), if !self.seats.is_empty() => self.received(seat, received),
                () = sleep_until(wake) => self.wake(),
            }
            self.sweep();
            if self.is_idle() && inbox.is_empty() {
                return;
            }
        }
    }

    fn next_wake(&self) -> Instant {
        let mut wake = self.idle_since + IDLE + Duration::from_millis(1);
        if !self.seats.is_empty() {
            wake = wake.min(self.edge_wake);
        }
        wake.max(Instant::now())
    }

    fn is_idle(&mut self) -> bool {
        let busy = !self.seats.is_empty() || !self.watchers.is_empty() || !matches!(self.role, Role::Edge);
        let now = Instant::now();
        if busy {
            self.idle_since = now;
        }
        now.duration_since(self.idle_since) > IDLE
    }

    // --- time

    fn tick(&mut self) {
        let Role::Owner(running) = &mut self.role else { return };
        let now = Instant::now();
        if now.saturating_duration_since(running.due()) > limits::STALLED {
            self.stalled = true;
            return self.context.report(Event::Stalled(self.game));
        }
        if self.gathering.is_some() {
            self.goes_on_from_tail();
        }
        let Role::Owner(running) = &mut self.role else { return };
        let (epoch, tick) = (running.epoch(), running.tick().next());
        let step = match contained(|| running.step(now, &self.context)) {
            Ok(step) => step,
            Err(why) => return self.fails(epoch, tick, &why),
        };
        let Kept { epoch, tick, ref log, .. } = step.frame;
        self.context.journal.ran(self.game, epoch, tick, log, step.people);
        self.publish(step);
        if self.freezes {
            self.freeze();
        }
    }

    /// Peers first: they have the longer way. Then our own players.
    fn publish(&mut self, step: Step) {
        let Step { frame, keyframe, answers, news, over, first, .. } = step;
        if let Some(late) = first {
            self.context.first_tick(self.game, frame.epoch, late);
        }
        self.to_watchers(&Sent::Frame(&frame).message(self.game));
        let event = Sent::Frame(&frame).event(self.context.me);
        self.ring.push(frame);
        self.edge_event(event);
        if let Some(keyframe) = keyframe {
            self.publish_keyframe(keyframe);
        }
        for (player, via, message) in answers {
            self.answer(player, via, message);
        }
        if let Some(snapshot) = news {
            self.context.report(Event::World { game: self.game, snapshot });
        }
        if over {
            self.context.report(Event::Over(self.game));
        }
    }

    fn publish_keyframe(&mut self, keyframe: Kept) {
        self.to_watchers(&Sent::Keyframe(&keyframe).message(self.game));
        let event = Sent::Keyframe(&keyframe).event(self.context.me);
        self.ring.keyframe(keyframe);
        self.edge_event(event);
        self.seat_waiting();
    }

    /// Encoded once, however many members watch.
    fn to_watchers(&self, message: &PeerMessage) {
        if self.watchers.is_empty() {
            return;
        }
        let bytes = Links::bundle([message]);
        for watcher in &self.watchers {
            self.context.links.send_bundle(*watcher, bytes.clone());
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        self.edge_wake = now + EDGE_WAKE;
        self.tell_gap(now);
        if !self.seats.is_empty() {
            self.edge_event(EdgeEvent::Wake);
            if self.named.asks(now) {
                self.context.look_up(self.game);
            }
        }
        let grace_ms = self.context.leaving.plan().map_or(GRACE_CUT_OFF, |(_, deadline)| {
            (deadline.saturating_duration_since(now).as_millis() as u32).max(GRACE_CUT_OFF + 1)
        });
        for seat in &mut self.seats {
            if seat.goes_now(now) {
                seat.send(ServerMessage::GoAway { grace_ms }.encode(), now);
            }
        }
    }

    /// Ends sockets that are gone or will never read again, and brings back those that read again.
    fn sweep(&mut self) {
        let now = Instant::now();
        let mut index = 0;
        while index < self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.hopeless(now) {
                self.close_seat(index, CloseCode::TooSlow);
            } else if seat.dead {
                let seat = self.seats.swap_remove(index);
                self.context.metrics.sockets.dec();
                self.seat_gone(&seat);
            } else {
                if seat.reads_again(now) {
                    self.bring_back(index);
                }
                index += 1;
            }
        }
        if self.watching && self.seats.is_empty() && matches!(self.role, Role::Edge) {
            self.watching = false;
            self.edge_event(EdgeEvent::Unwatch);
        }
    }

    fn watch(&mut self) {
        if !self.watching {
            self.watching = true;
            if matches!(self.role, Role::Edge | Role::Prepared { .. }) {
                // It may be far behind, or of a dead branch.
                self.ring.clear();
            }
            self.edge_event(EdgeEvent::Watch);
        }
    }

    // --- messages

    fn message(&mut self, message: ToHub) {
        match message {
            ToHub::Attach(newcomer) => self.attach(*newcomer),
            ToHub::Peer(from, message) => self.peer(from, message),
            ToHub::Command(command) => self.command(command),
            ToHub::Link(member, up) => self.link(member, up),
            ToHub::Owner(owner) => {
                if owner.is_some() {
                    self.missing_since = None;
                }
                self.edge_event(EdgeEvent::Owner(owner));
            }
            ToHub::NoSuchGame => self.missing(Instant::now()),
            ToHub::Quarantined => {
                if matches!(self.role, Role::Edge) {
                    self.held.clear();
                    self.close_all(CloseCode::Quarantined);
                }
            }
            ToHub::GoAway => self.go_away(),
            ToHub::Tokens => self.renew_tokens(),
            ToHub::Close => self.close_all(CloseCode::Leaving),
        }
    }

    /// The registry does not know the game. It is asked again as long as there are seats.
    fn missing(&mut self, now: Instant) {
        if !matches!(self.role, Role::Edge) {
            return;
        }
        let since = *self.missing_since.get_or_insert(now);
        let over = now - since >= limits::MISSING_GAME;
        for index in (0..self.seats.len()).rev() {
            match self.seats[index].knows_the_game() {
                true if over => self.close_seat(index, CloseCode::GameOver),
                true => {}
                false => self.close_seat(index, CloseCode::NoSuchGame),
            }
        }
    }

    fn link(&mut self, member: MemberId, up: bool) {
        if !up {
            self.watchers.remove(&member);
            if let Role::Owner(running) | Role::Frozen(running) = &mut self.role {
                running.edge_lost(member);
            }
        }
        self.edge_event(EdgeEvent::Link { member, up });
        if up && self.inputs_to == Some(member) {
            // What was sent while there was no link is lost, and nobody asks for a join.
            self.join_again();
        }
    }

    fn peer(&mut self, from: MemberId, message: PeerMessage) {
        match message {
            PeerMessage::Subscribe { have, .. } => self.subscribe(from, have),
            PeerMessage::Unsubscribe { .. } => {
                self.watchers.remove(&from);
            }
            PeerMessage::Subscribed { settings, have, .. } => {
                self.settings.get_or_insert(settings);
                self.edge_event(EdgeEvent::Subscribed { from, have });
                self.seat_waiting();
            }
            PeerMessage::NotOwner { owner, .. } => self.edge_event(EdgeEvent::NotOwner { from, owner }),
            PeerMessage::Frame { epoch, tick, after, bytes, log, digest, .. } => {
                let frame = Kept { epoch, tick, after, bytes, log, digest };
                self.edge_event(EdgeEvent::Frame { from, frame });
            }
            PeerMessage::Keyframe { epoch, tick, bytes, .. } => {
                self.edge_event(EdgeEvent::Keyframe { from, epoch, tick, bytes: bytes.clone() });
                self.ring.keyframe(Kept::keyframe(epoch, tick, bytes));
                self.seat_waiting();
            }
            PeerMessage::FromPlayer { player, session, act, .. } => self.act(from, player, session, act),
            PeerMessage::WantTail { game, world } => {
                let ticks = self.ring.tail(world);
                self.context.links.send(from, &PeerMessage::Tail { game, world, ticks });
            }
            PeerMessage::Tail { world, ticks, .. } => self.told_of_tail(from, world, ticks),
            PeerMessage::ToPlayer { player, bytes, .. } => self.tell_local_player(player, &bytes),
            PeerMessage::Refuse { player, code, .. } => self.refuse_local_player(player, code),
            PeerMessage::Control(Control::MoveSoon { to, .. }) => self.edge_event(EdgeEvent::MoveSoon { to }),
            PeerMessage::Control(Control::Moved { epoch, to, tick, .. }) => {
                self.edge_event(EdgeEvent::Moved { to, epoch, tick });
            }
            PeerMessage::Over { .. } if matches!(self.role, Role::Edge) => {
                self.close_all(CloseCode::GameOver)
            }
            PeerMessage::Over { .. }
            | PeerMessage::Control(_)
            | PeerMessage::Ping(_)
            | PeerMessage::Pong(_)
            | PeerMessage::MoveDone(_)
            | PeerMessage::Introduce(_) => {
                debug!(game = %self.game, %from, "a peer message that no hub handles");
            }
        }
    }

    fn subscribe(&mut self, from: MemberId, have: Option<(Epoch, Tick)>) {
        let settings = match &self.role {
            Role::Owner(running) | Role::Frozen(running) => running.settings().clone(),
            Role::Prepared { settings, .. } => settings.clone(),
            Role::Edge => {
                self.context.metrics.subscriptions_refused.inc();
                let owner = self.inputs_to.filter(|owner| *owner != self.context.me && *owner != from);
                // Who ran the game until now may be the last to have what is missing somewhere.
                let frames = have.filter(|have| self.ring.leads_on_from(*have));
                let mut answer = frames.map_or_else(Vec::new, |have| self.lead_on(Some(have)));
                answer.push(PeerMessage::NotOwner { game: self.game, owner });
                return self.context.links.send_bundle(from, Links::bundle(&answer));
            }
        };
        self.watchers.insert(from);
        let mut answer = vec![PeerMessage::Subscribed { game: self.game, settings, have }];
        answer.extend(self.lead_on(have));
        // One place in the queue: a burst of subscriptions, as when a member leaves, would else cut the link.
        self.context.links.send_bundle(from, Links::bundle(&answer));
    }

    fn lead_on(&self, have: Option<(Epoch, Tick)>) -> Vec<PeerMessage> {
        self.ring.since(have).into_iter().map(|sent| sent.message(self.game)).collect()
    }
}

/// The next message of any socket. All are polled at each call: tokio answers from memory where nothing came.
async fn next_received(seats: &mut [Seat]) -> (usize, Received) {
    std::future::poll_fn(|cx| {
        for (index, seat) in seats.iter_mut().enumerate() {
            if let Poll::Ready(received) = seat.wire.poll_read(cx) {
                return Poll::Ready((index, received));
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests;
