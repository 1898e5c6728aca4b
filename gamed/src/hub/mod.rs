//! One game on one member: its sockets, the peers that watch it here, and the source of its frames.
//!
//! Owns the sockets and, while this member owns the game, its world and pace. When a game moves, only the source changes:
//! sockets stay where they are. Does not decide who owns what: that comes as [`Command`]s, and leaves as events.

mod desk;
mod ring;
mod running;
mod seat;

use crate::clock;
use crate::context::Context;
use crate::limits;
use crate::wire::{Received, Wire};
use bytes::Bytes;
use ownership::{Edge, EdgeEffect, EdgeEvent, Event, Time};
use protocol::peer::{Control, GameSettings, PeerMessage, PlayerAct};
use protocol::{
    ClientMessage, CloseCode, Epoch, GameId, Host, MemberId, PLAYER_VERSION, PlayerId, ServerMessage,
    TICK_MICROS, Tick, Welcome,
};
use registry::Snapshot;
use ring::{Kept, Ring};
use running::{Refusal, Running, Step};
use seat::Seat;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::task::Poll;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};
use tracing::{debug, info, warn};

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
        due: Time,
        rewind: bool,
    },
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
    /// This member leaves: its sockets are to find another within this time.
    GoAway(Duration),
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
    Prepared { settings: GameSettings },
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
    /// Settings, as far as known here; needed to welcome players.
    settings: Option<GameSettings>,
    inputs_to: Option<MemberId>,
    /// What players did while nobody could take it.
    held: VecDeque<Act>,
    /// The edge was told that this member wants frames.
    watching: bool,
    edge_wake: Instant,
    idle_since: Instant,
    edge_events: VecDeque<EdgeEvent>,
    in_edge: bool,
}

/// How long a hub without sockets, watchers and games stays: a player who reconnects finds its ring warm.
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
            settings: None,
            inputs_to: None,
            held: VecDeque::new(),
            watching: false,
            edge_wake: now,
            idle_since: now,
            edge_events: VecDeque::new(),
            in_edge: false,
        }
    }

    /// Works until nothing is left to do for a while. Looks at the inbox last, without an await before it returns.
    pub async fn run(mut self, inbox: &mut mpsc::Receiver<ToHub>) {
        loop {
            let tick_due = match &self.role {
                Role::Owner(running) => Some(running.due()),
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
        let step = running.step(now, &self.context);
        self.publish(step);
    }

    /// Peers first: they have the longer way. Then our own players.
    fn publish(&mut self, step: Step) {
        let Step { frame, keyframe, answers, over } = step;
        self.to_watchers(&frame_message(self.game, &frame));
        let event = frame_event(self.context.me, &frame);
        self.ring.push(frame);
        self.edge_event(event);
        if let Some(keyframe) = keyframe {
            self.publish_keyframe(keyframe);
        }
        for (player, via, message) in answers {
            self.answer(player, via, message);
        }
        if over {
            self.context.report(Event::Over(self.game));
        }
    }

    fn publish_keyframe(&mut self, keyframe: Kept) {
        self.to_watchers(&keyframe_message(self.game, &keyframe));
        let event = keyframe_event(self.context.me, &keyframe);
        self.ring.keyframe(keyframe);
        self.edge_event(event);
        self.seat_waiting();
    }

    /// Encoded once, however many members watch.
    fn to_watchers(&self, message: &PeerMessage) {
        if self.watchers.is_empty() {
            return;
        }
        let bytes = protocol::peer::encode(message);
        for watcher in &self.watchers {
            self.context.links.send_encoded(*watcher, bytes.clone());
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        self.edge_wake = now + EDGE_WAKE;
        if !self.seats.is_empty() {
            self.edge_event(EdgeEvent::Wake);
        }
        for seat in &mut self.seats {
            if seat.go_away_at.is_some_and(|at| at <= now) {
                seat.go_away_at = None;
                let grace_ms = self.context.grace.as_millis() as u32;
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
            ToHub::Owner(owner) => self.edge_event(EdgeEvent::Owner(owner)),
            ToHub::NoSuchGame => {
                if matches!(self.role, Role::Edge) {
                    self.close_all(CloseCode::NoSuchGame);
                }
            }
            ToHub::GoAway(spread) => self.go_away(spread),
            ToHub::Close => self.close_all(CloseCode::Leaving),
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
            PeerMessage::Subscribed { settings, .. } => {
                self.settings.get_or_insert(settings);
                self.seat_waiting();
            }
            PeerMessage::NotOwner { owner, .. } => self.edge_event(EdgeEvent::NotOwner { from, owner }),
            PeerMessage::Frame { epoch, tick, after, bytes, .. } => {
                self.edge_event(EdgeEvent::Frame { from, epoch, tick, after, bytes });
            }
            PeerMessage::Keyframe { epoch, tick, bytes, .. } => {
                self.edge_event(EdgeEvent::Keyframe { from, epoch, tick, bytes: bytes.clone() });
                self.ring.keyframe(Kept::keyframe(epoch, tick, bytes));
                self.seat_waiting();
            }
            PeerMessage::FromPlayer { player, session, act, .. } => self.act(from, player, session, act),
            PeerMessage::ToPlayer { player, bytes, .. } => self.tell_local_player(player, &bytes),
            PeerMessage::Refuse { player, code, .. } => self.refuse_local_player(player, code),
            PeerMessage::Control(Control::MoveSoon { to, .. }) => self.edge_event(EdgeEvent::MoveSoon { to }),
            PeerMessage::Control(Control::Moved { epoch, to, tick, .. }) => {
                self.edge_event(EdgeEvent::Moved { to, epoch, tick });
            }
            PeerMessage::Control(_)
            | PeerMessage::Ping(_)
            | PeerMessage::Pong(_)
            | PeerMessage::MoveDone(_) => {
                debug!(game = %self.game, %from, "a peer message that no hub handles");
            }
        }
    }

    fn subscribe(&mut self, from: MemberId, have: Option<(Epoch, Tick)>) {
        let (settings, epoch) = match &self.role {
            Role::Owner(running) | Role::Frozen(running) => (running.settings().clone(), running.epoch()),
            Role::Prepared { settings } => {
                (settings.clone(), self.edge.shown().map_or(Epoch(0), |(epoch, _)| epoch))
            }
            Role::Edge => {
                let owner = self.inputs_to.filter(|owner| *owner != self.context.me && *owner != from);
                return self.context.links.send(from, &PeerMessage::NotOwner { game: self.game, owner });
            }
        };
        self.watchers.insert(from);
        self.context.links.send(from, &PeerMessage::Subscribed { game: self.game, settings, epoch });
        let Some((keyframe, frames)) = self.ring.since(have) else { return };
        let keyframe = keyframe.map(|keyframe| keyframe_message(self.game, keyframe));
        for message in keyframe.into_iter().chain(frames.map(|frame| frame_message(self.game, frame))) {
            self.context.links.send(from, &message);
        }
    }

    // --- ownership

    fn command(&mut self, command: Command) {
        match command {
            Command::Prepare { epoch, owner, settings, snapshot } => {
                self.prepare(epoch, owner, settings, &snapshot)
            }
            Command::Unprepare => {
                if matches!(self.role, Role::Prepared { .. }) {
                    self.role = Role::Edge;
                    self.watchers.clear();
                    self.release_held();
                }
            }
            Command::Start { epoch, base, settings, snapshot, due, rewind } => {
                self.start((epoch, base), settings, snapshot, due, rewind);
            }
            Command::Freeze => self.freeze(),
            Command::Stop { to, goes_on } => self.stop(to, goes_on),
            Command::TakeSnapshot => {
                if let Role::Owner(running) | Role::Frozen(running) = &self.role {
                    self.context.report(Event::World { game: self.game, snapshot: running.snapshot() });
                }
            }
            Command::Durable(tick) => {
                if let Role::Owner(running) | Role::Frozen(running) = &mut self.role {
                    running.durable(tick);
                }
            }
            Command::ToEdges(control) => self.tell_edges(control),
        }
    }

    fn prepare(&mut self, epoch: Epoch, owner: MemberId, settings: GameSettings, snapshot: &Snapshot) {
        let error = running::restore(&settings, snapshot).err();
        if error.is_none() {
            self.settings = Some(settings.clone());
            self.role = Role::Prepared { settings };
            self.edge_event(EdgeEvent::Owner(Some((owner, epoch))));
            self.watch();
        }
        self.context.report(Event::Restored { game: self.game, epoch, error });
    }

    fn start(
        &mut self,
        (epoch, base): (Epoch, Epoch),
        settings: GameSettings,
        snapshot: Option<Snapshot>,
        due: Time,
        rewind: bool,
    ) {
        let due = clock::instant(due);
        if matches!(self.role, Role::Owner(_)) {
            self.context.metrics.games.dec();
        }
        let running = match (snapshot, std::mem::replace(&mut self.role, Role::Edge)) {
            (Some(snapshot), _) => Running::restored((epoch, base), settings, &snapshot, due),
            (None, Role::Frozen(mut running) | Role::Owner(mut running)) => {
                running.go_on(epoch, due);
                Ok(*running)
            }
            (None, _) => Err("there is no frozen world to go on with".to_owned()),
        };
        let running = match running {
            Ok(running) => running,
            Err(error) => {
                // A world that this build wrote, or checked at Prepare; the game stays claimable from the registry.
                warn!(game = %self.game, %epoch, error, "cannot start the game");
                return self.context.report(Event::Restored { game: self.game, epoch, error: Some(error) });
            }
        };
        info!(game = %self.game, %epoch, tick = %running.tick(), rewind, "runs here");
        if self.ring.newest() != Some(running.world()) {
            // What is kept does not lead to this world: another branch, or nothing.
            self.ring.clear();
        }
        self.settings = Some(running.settings().clone());
        self.role = Role::Owner(Box::new(running));
        self.context.metrics.games.inc();
        self.edge_event(EdgeEvent::Owner(Some((self.context.me, epoch))));
        self.watch();
        self.release_held();
    }

    fn freeze(&mut self) {
        self.role = match std::mem::replace(&mut self.role, Role::Edge) {
            Role::Owner(running) => {
                let next_due = clock::at(running.due());
                self.context.report(Event::Frozen {
                    game: self.game,
                    snapshot: running.snapshot(),
                    next_due,
                });
                self.context.metrics.games.dec();
                Role::Frozen(running)
            }
            other => other,
        };
    }

    fn stop(&mut self, to: Option<(MemberId, Epoch)>, goes_on: bool) {
        match std::mem::replace(&mut self.role, Role::Edge) {
            Role::Owner(running) => {
                self.context.metrics.games.dec();
                self.hold_first(running.unfinished());
            }
            Role::Frozen(running) => self.hold_first(running.unfinished()),
            Role::Prepared { .. } | Role::Edge => {}
        }
        if !goes_on {
            self.held.clear();
            self.watchers.clear();
            return self.close_all(CloseCode::GameOver);
        }
        self.edge_event(EdgeEvent::Owner(to));
        self.inputs_to = to.map(|(member, _)| member).or(self.inputs_to);
        self.release_held();
        // Whoever still watches here is told by NotOwner that frames come from elsewhere now.
        let owner = to.map(|(member, _)| member);
        for watcher in std::mem::take(&mut self.watchers) {
            self.context.links.send(watcher, &PeerMessage::NotOwner { game: self.game, owner });
        }
    }

    fn tell_edges(&mut self, control: Control) {
        if let (Control::MoveSoon { .. }, Role::Owner(running)) = (&control, &mut self.role) {
            running.moves_soon();
        }
        self.to_watchers(&PeerMessage::Control(control.clone()));
        let me = self.context.me;
        self.peer(me, PeerMessage::Control(control));
    }

    // --- players

    fn attach(&mut self, newcomer: Newcomer) {
        let now = Instant::now();
        let Newcomer { wire, player, name, session, floor } = newcomer;
        let wire = match wire.bind() {
            Ok(wire) => wire,
            Err(error) => return warn!(game = %self.game, %error, "a socket was lost between two threads"),
        };
        self.context.metrics.sockets.inc();
        // Two sockets of a player overlap while the client changes from one to the other; a third takes the oldest's place.
        let mut others: Vec<_> = (0..self.seats.len())
            .filter(|index| player.is_some() && self.seats[*index].player == player)
            .collect();
        others.sort_by_key(|index| self.seats[*index].session);
        if let [oldest, _, ..] = others[..] {
            self.close_seat(oldest, CloseCode::Replaced);
        }
        if self.seats.len() >= limits::SOCKETS_PER_HUB {
            return self.context.farewell(wire, CloseCode::Full);
        }
        self.seats.push(Seat::new(wire, player, name.clone(), session, floor, now));
        self.watch();
        // The floor is this client's word and holds for this socket only. If it is true, somebody owns a later epoch.
        if let (Some((floor, _)), Some((shown, _))) = (floor, self.edge.shown())
            && floor > shown
        {
            self.context.look_up(self.game);
        }
        if let Some(player) = player {
            let me = self.context.me;
            self.act(me, player, session, PlayerAct::Join { name });
        }
        if let Some(spread) = self.context.leaving() {
            let seat = self.seats.last_mut().expect("it was pushed above");
            seat.go_away_at = Some(now + spread);
        }
        self.seat_waiting();
    }

    /// Welcomes sockets that wait, once the game's settings and a keyframe that they may be shown are here.
    fn seat_waiting(&mut self) {
        let Some(settings) = &self.settings else { return };
        if self.seats.iter().all(|seat| seat.shown.is_some()) {
            return;
        }
        let Some(newest) = self.ring.newest().filter(|_| self.ring.has_keyframe()) else { return };
        let now = Instant::now();
        let Some(host) = self.host() else { return };
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.shown.is_some() || !seat.may_be_shown(newest) {
                continue;
            }
            let token = seat.player.map(|player| self.context.token(self.game, player)).unwrap_or_default();
            let welcome = Welcome {
                version: PLAYER_VERSION,
                player: seat.player.unwrap_or_default(),
                session: seat.session,
                settings_name: settings.name.clone(),
                maze: settings.maze.clone(),
                slots: settings.slots,
                edge_name: self.context.name.clone(),
                edge_build: self.context.build.clone(),
                token,
            };
            seat.queue(ServerMessage::Welcome(welcome).encode());
            seat.queue(host.clone());
            show_ring(seat, &self.ring, None, now);
        }
    }

    /// After frames were left out: writes them now where they are still kept; else says so and goes on from a keyframe.
    fn bring_back(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        let shown = seat.shown;
        show_ring(seat, &self.ring, shown, Instant::now());
    }

    fn host(&self) -> Option<Bytes> {
        let owner = self.edge.source()?;
        let (epoch, _) = self.edge.shown()?;
        let (owner_name, owner_build) = self.context.name_of(owner);
        Some(
            ServerMessage::Host(Host {
                epoch,
                owner_name,
                owner_build,
                edge_name: self.context.name.clone(),
                edge_build: self.context.build.clone(),
            })
            .encode(),
        )
    }

    fn received(&mut self, index: usize, received: Received) {
        let now = Instant::now();
        let control = matches!(received, Received::Control);
        let bytes = match received {
            Received::Message(bytes) => bytes,
            Received::Control => Bytes::new(),
            Received::Text => return self.close_seat(index, CloseCode::NotBinary),
            Received::TooLong => return self.close_seat(index, CloseCode::TooLong),
            Received::End => {
                self.seats[index].dead = true;
                return;
            }
        };
        let seat = &mut self.seats[index];
        if !seat.may_send(now) {
            return self.close_seat(index, CloseCode::TooManyMessages);
        }
        if bytes.is_empty() && control {
            return;
        }
        let message = match ClientMessage::decode(&bytes) {
            Ok(message) => message,
            Err(error) => return self.close_seat(index, error.close_code()),
        };
        if let ClientMessage::Inputs { seen, .. } | ClientMessage::Seen { tick: seen } = &message {
            seat.sees(*seen);
        }
        let (session, me) = (seat.session, self.context.me);
        let act = match message {
            ClientMessage::Hello(_) => return self.close_seat(index, CloseCode::Malformed),
            ClientMessage::Inputs { inputs, .. } => PlayerAct::Inputs(inputs),
            ClientMessage::Seen { tick } => PlayerAct::Seen { tick },
            ClientMessage::Ping { nonce, tick } => PlayerAct::Ping { nonce, tick },
            ClientMessage::Leave => {
                // From now on the sockets only watch: what is repeated when the owner changes must not join again.
                let player = seat.player;
                for seat in self.seats.iter_mut().filter(|seat| seat.player == player) {
                    seat.player = None;
                }
                if let Some(player) = player {
                    self.act(me, player, session, PlayerAct::Leave);
                }
                return;
            }
            ClientMessage::KeyframePlease => {
                // Where it is behind anyway it gets one when it reads again; where it waits for its first, then.
                if seat.shown.is_some() && seat.reads(now) {
                    show_ring(seat, &self.ring, None, now);
                }
                return;
            }
        };
        match seat.player {
            Some(player) => self.act(me, player, session, act),
            // A spectator aims at no tick: its ping is answered here, with how far it is ahead of what was shown.
            None => {
                if let (PlayerAct::Ping { nonce, tick: aim }, Some((_, tick))) = (act, self.edge.shown()) {
                    let ahead_ms = (aim.0 as i64 - tick.0 as i64) * (TICK_MICROS / 1000) as i64;
                    let slack_ms = ahead_ms.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
                    self.seats[index].send(ServerMessage::Pong { nonce, tick, slack_ms }.encode(), now);
                }
            }
        }
    }

    /// Something a player did, here or at another edge, on its way to the owner.
    fn act(&mut self, from: MemberId, player: PlayerId, session: u32, act: PlayerAct) {
        match &mut self.role {
            Role::Owner(running) => match running.take(from, player, session, act) {
                Ok(Some(answer)) => self.answer(player, from, answer),
                Ok(None) => {}
                Err(refusal) => self.refuse(player, from, refusal),
            },
            Role::Frozen(_) => self.hold(Act { from, player, session, act }),
            Role::Edge | Role::Prepared { .. } => match self.inputs_to {
                Some(owner) if owner != self.context.me && owner != from => {
                    let message = PeerMessage::FromPlayer { game: self.game, player, session, act };
                    self.context.links.send(owner, &message);
                }
                // From the member that we take for the owner, or nobody known: it is ours to keep until we know better.
                _ => self.hold(Act { from, player, session, act }),
            },
        }
    }

    fn hold(&mut self, act: Act) {
        if matches!(act.act, PlayerAct::Seen { .. } | PlayerAct::Ping { .. }) {
            return;
        }
        if self.held.len() >= limits::FROZEN_ACTS {
            self.context.metrics.acts_dropped.inc();
            return;
        }
        self.held.push_back(act);
    }

    /// What the world that was run here did not get to do goes to the next owner, before what came later.
    fn hold_first(&mut self, unfinished: Vec<(PlayerId, u32, PlayerAct)>) {
        let from = self.context.me;
        for (player, session, act) in unfinished.into_iter().rev() {
            self.held.push_front(Act { from, player, session, act });
        }
    }

    fn release_held(&mut self) {
        // An owner answers through the member that an act came from. Anybody else passes it on: what came from the
        // present owner before it was one, too.
        let owner = matches!(self.role, Role::Owner(_));
        for Act { from, player, session, act } in std::mem::take(&mut self.held) {
            self.act(if owner { from } else { self.context.me }, player, session, act);
        }
    }

    fn answer(&mut self, player: PlayerId, via: MemberId, bytes: Bytes) {
        if via == self.context.me {
            self.tell_local_player(player, &bytes);
        } else {
            self.context.links.send(via, &PeerMessage::ToPlayer { game: self.game, player, bytes });
        }
    }

    fn refuse(&mut self, player: PlayerId, via: MemberId, refusal: Refusal) {
        let code = match refusal {
            Refusal::Full => CloseCode::Full,
        };
        if via == self.context.me {
            self.refuse_local_player(player, code.code());
        } else {
            self.context.links.send(via, &PeerMessage::Refuse { game: self.game, player, code: code.code() });
        }
    }

    fn tell_local_player(&mut self, player: PlayerId, bytes: &Bytes) {
        let now = Instant::now();
        let expect = matches!(ServerMessage::decode(bytes), Ok(ServerMessage::Expect { .. }));
        for seat in self.seats.iter_mut().filter(|seat| seat.player == Some(player)) {
            if expect {
                seat.allow_resend();
            }
            seat.send(bytes.clone(), now);
        }
    }

    fn refuse_local_player(&mut self, player: PlayerId, code: u16) {
        let Some(code) = CloseCode::from_code(code) else { return };
        while let Some(index) = self.seats.iter().position(|seat| seat.player == Some(player)) {
            let seat = self.seats.swap_remove(index);
            self.context.farewell(seat.wire, code);
        }
    }

    fn close_seat(&mut self, index: usize, code: CloseCode) {
        let seat = self.seats.swap_remove(index);
        self.seat_gone(&seat);
        self.context.farewell(seat.wire, code);
    }

    fn close_all(&mut self, code: CloseCode) {
        while !self.seats.is_empty() {
            self.close_seat(self.seats.len() - 1, code);
        }
    }

    fn seat_gone(&mut self, seat: &Seat) {
        let other =
            self.seats.iter().any(|other| other.player == seat.player && other.session >= seat.session);
        if let (Some(player), false) = (seat.player, other) {
            let me = self.context.me;
            self.act(me, player, seat.session, PlayerAct::Gone);
        }
    }

    fn go_away(&mut self, spread: Duration) {
        let now = Instant::now();
        let seats = self.seats.len().max(1) as u32;
        for (index, seat) in self.seats.iter_mut().enumerate() {
            seat.go_away_at = Some(now + spread * index as u32 / seats);
        }
    }

    // --- frames

    /// Tells the edge, and does what it wants. What that leads to is told in turn, after the effects at hand.
    fn edge_event(&mut self, event: EdgeEvent) {
        self.edge_events.push_back(event);
        if self.in_edge {
            return;
        }
        self.in_edge = true;
        let mut effects = Vec::new();
        while let Some(event) = self.edge_events.pop_front() {
            self.edge.handle(clock::now(), event, &mut effects);
            for effect in effects.drain(..) {
                self.edge_effect(effect);
            }
        }
        self.in_edge = false;
    }

    /// The edge asks this member itself: answered from the ring, as a peer would be.
    fn subscribe_myself(&mut self, have: Option<(Epoch, Tick)>) {
        let me = self.context.me;
        if !matches!(self.role, Role::Owner(_) | Role::Frozen(_)) {
            return self.edge_event(EdgeEvent::NotOwner { from: me, owner: None });
        }
        let Some((keyframe, frames)) = self.ring.since(have) else { return };
        let keyframe = keyframe.map(|keyframe| keyframe_event(me, keyframe));
        let events: Vec<_> = keyframe.into_iter().chain(frames.map(|frame| frame_event(me, frame))).collect();
        for event in events {
            self.edge_event(event);
        }
    }

    fn edge_effect(&mut self, effect: EdgeEffect) {
        match effect {
            EdgeEffect::Subscribe { to, have } if to == self.context.me => self.subscribe_myself(have),
            EdgeEffect::Subscribe { to, have } => {
                self.context.links.send(to, &PeerMessage::Subscribe { game: self.game, have });
            }
            EdgeEffect::Unsubscribe(member) => {
                if member != self.context.me {
                    self.context.links.send(member, &PeerMessage::Unsubscribe { game: self.game });
                }
            }
            EdgeEffect::Show { epoch, tick, bytes, new_epoch } => {
                let after = self.ring.newest().map_or(epoch, |(before, _)| before);
                self.ring.push(Kept {
                    epoch,
                    tick,
                    after,
                    bytes: bytes.clone(),
                    log: Bytes::new(),
                    digest: 0,
                });
                let now = Instant::now();
                let host = if new_epoch { self.host() } else { None };
                for seat in self.seats.iter_mut().filter(|seat| seat.shown.is_some()) {
                    if let Some(host) = &host {
                        seat.queue(host.clone());
                    }
                    seat.show((epoch, tick), &bytes, now);
                }
                self.seat_waiting();
                if new_epoch {
                    self.join_again();
                }
            }
            EdgeEffect::Reset { epoch, tick, bytes, rewind: _ } => {
                self.ring.restart(Kept::keyframe(epoch, tick, bytes.clone()));
                let now = Instant::now();
                let host = self.host();
                for seat in self.seats.iter_mut().filter(|seat| seat.shown.is_some()) {
                    if let Some(host) = &host {
                        seat.queue(host.clone());
                    }
                    // Written as what a slow reader missed: nothing leads there from what it has.
                    if seat.reads(now) {
                        show_ring(seat, &self.ring, seat.shown, now);
                    } else {
                        seat.leave_out();
                    }
                }
                self.seat_waiting();
                self.join_again();
            }
            EdgeEffect::InputsTo(owner) => {
                self.inputs_to = owner;
                if owner.is_some() {
                    self.release_held();
                }
            }
            EdgeEffect::Lookup(game) => self.context.look_up(game),
        }
    }

    /// A join that the former owner had not made durable is made again; it changes nothing where it was.
    fn join_again(&mut self) {
        let me = self.context.me;
        let joins: Vec<_> = self
            .seats
            .iter()
            .filter_map(|seat| Some((seat.player?, seat.session, seat.name.clone())))
            .collect();
        for (player, session, name) in joins {
            self.act(me, player, session, PlayerAct::Join { name });
        }
    }
}

/// Writes what leads from the world that the seat has to the newest one: frames, or else a keyframe and the frames after it.
fn show_ring(seat: &mut Seat, ring: &Ring, have: Option<(Epoch, Tick)>, now: Instant) {
    let (Some((keyframe, frames)), Some(newest)) = (ring.since(have), ring.newest()) else { return };
    if let Some(keyframe) = keyframe {
        // A rewind is told by the flag of the frame that follows.
        if let Some((_, shown)) = have.filter(|(_, shown)| *shown < keyframe.tick) {
            seat.queue(ServerMessage::Skipped { from: shown.next(), to: keyframe.tick }.encode());
        }
        seat.queue_keyframe((keyframe.epoch, keyframe.tick), &keyframe.bytes);
    }
    for frame in frames {
        seat.queue_frame(&frame.bytes);
    }
    seat.caught_up(newest, now);
}

fn frame_message(game: GameId, frame: &Kept) -> PeerMessage {
    PeerMessage::Frame {
        game,
        epoch: frame.epoch,
        tick: frame.tick,
        after: frame.after,
        bytes: frame.bytes.clone(),
        log: frame.log.clone(),
        digest: frame.digest,
    }
}

fn frame_event(from: MemberId, frame: &Kept) -> EdgeEvent {
    let Kept { epoch, tick, after, .. } = *frame;
    EdgeEvent::Frame { from, epoch, tick, after, bytes: frame.bytes.clone() }
}

fn keyframe_event(from: MemberId, keyframe: &Kept) -> EdgeEvent {
    EdgeEvent::Keyframe { from, epoch: keyframe.epoch, tick: keyframe.tick, bytes: keyframe.bytes.clone() }
}

fn keyframe_message(game: GameId, keyframe: &Kept) -> PeerMessage {
    PeerMessage::Keyframe { game, epoch: keyframe.epoch, tick: keyframe.tick, bytes: keyframe.bytes.clone() }
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
