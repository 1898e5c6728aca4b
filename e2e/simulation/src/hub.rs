//! One game on one server: the world where the server owns it, the ring of recent frames, and the sockets of players.
//! Stands for gamed's hub: the same edge and the same ring, asked and filled in the same order.

use crate::broken::Broken;
use crate::cluster::{Cluster, Down};
use crate::coverage;
use crate::server::{brief, short};
use crate::toy::{Frame, Press, Toy};
use ownership::ring::{KEYFRAME_TICKS, Kept, Ring, Sent};
use ownership::{Edge, EdgeEffect, EdgeEvent, Event, Time};
use protocol::peer::{Control, Input, PeerMessage, PlayerAct, TailTick};
use protocol::{Epoch, GameId, MemberId, PlayerId, Tick};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Inputs that wait for the next tick, or for somebody to send them to, at most.
const INPUTS_MAX: usize = 256;

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
    /// It waits for what others were shown.
    pub gathering: Option<Gathering>,
}

/// A new owner waits for what others were shown beyond the last durable tick.
#[derive(Clone, Debug)]
pub struct Gathering {
    /// The last durable world.
    pub world: (Epoch, Tick),
    /// Who has not answered.
    pub asked: BTreeSet<MemberId>,
    /// The longest answer so far.
    pub best: Vec<TailTick>,
    /// What leads from the stored world to the last durable one.
    pub way: (Kept, Vec<Kept>),
}

/// A player's socket.
#[derive(Clone, Debug)]
pub struct Socket {
    pub client: usize,
    pub floor: Option<(Epoch, u64)>,
    /// What the player has been sent.
    pub has: Option<(Epoch, u64)>,
    /// It has asked for a keyframe, and was given none since.
    pub asks: bool,
}

#[derive(Debug)]
pub struct Hub {
    edge: Edge,
    /// What the edge is to be told when it has said what to do about the event before.
    events: VecDeque<EdgeEvent>,
    in_edge: bool,
    /// The edge was told that this server wants frames.
    watching: bool,
    pub own: Option<Own>,
    /// Prepared to take the game over.
    pub prepared: bool,
    /// It was asked to get ready by an owner that will cede the game: what was called off before stays so until then.
    pub to_be_ceded: bool,
    /// The epoch of an old owner that has ceded the game to this server, which has not started it yet.
    pub ceded: Option<Epoch>,
    /// Counts changes of `own`: a tick that was scheduled before is void.
    pub generation: u64,
    pub ring: Ring,
    pub subscribers: BTreeSet<MemberId>,
    pub sockets: BTreeMap<u64, Socket>,
    inputs: Vec<Press>,
    inputs_to: Option<MemberId>,
}

impl Hub {
    pub fn new(me: MemberId, game: GameId) -> Hub {
        Hub {
            edge: Edge::new(me, game),
            events: VecDeque::new(),
            in_edge: false,
            watching: false,
            own: None,
            prepared: false,
            to_be_ceded: false,
            ceded: None,
            generation: 0,
            ring: Ring::default(),
            subscribers: BTreeSet::new(),
            sockets: BTreeMap::new(),
            inputs: Vec::new(),
            inputs_to: None,
        }
    }

    /// The newest world that players here may have.
    pub fn shown(&self) -> Option<(Epoch, Tick)> {
        self.edge.shown()
    }

    /// The game is run here from now on, from where that way leads.
    pub fn stands_on(&mut self, (from, way): (Kept, Vec<Kept>), forgets: bool) {
        let Some(own) = &self.own else { return };
        let name = (own.after, Tick(own.world.tick));
        if forgets || self.ring.newest() != Some(name) {
            // What is kept does not lead to this world: another branch, or nothing.
            self.ring.restart(from);
            way.into_iter().for_each(|frame| self.ring.push(frame));
            self.ring.keyframe(Kept::keyframe(name.0, name.1, own.world.encode()));
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
}

impl Cluster {
    /// A server has made a frame: those who watch there get it first, then its own players.
    pub fn publish_frame(&mut self, id: MemberId, game: GameId, frame: Kept, world: &Toy) {
        let keyframe = frame.after != frame.epoch || frame.tick.0.is_multiple_of(KEYFRAME_TICKS);
        let keyframe = keyframe.then(|| Kept::keyframe(frame.epoch, frame.tick, world.encode()));
        self.tell_watchers(id, game, &Sent::Frame(&frame).message(game));
        self.hub(id, game).ring.push(frame.clone());
        self.frame_to_edge(id, id, game, frame);
        if let Some(keyframe) = keyframe {
            self.tell_watchers(id, game, &Sent::Keyframe(&keyframe).message(game));
            let event = Sent::Keyframe(&keyframe).event(id);
            self.hub(id, game).ring.keyframe(keyframe);
            self.edge(id, game, event);
            self.welcome(id, game);
        }
    }

    pub fn tell_watchers(&mut self, id: MemberId, game: GameId, message: &PeerMessage) {
        let watchers: Vec<MemberId> = self.hub(id, game).subscribers.iter().copied().collect();
        for to in watchers {
            self.send(id, to, message.clone());
        }
    }

    /// Whoever watches there is told that frames come from elsewhere now.
    pub fn send_watchers_to(&mut self, id: MemberId, game: GameId, owner: Option<MemberId>) {
        for watcher in std::mem::take(&mut self.hub(id, game).subscribers) {
            self.send(id, watcher, PeerMessage::NotOwner { game, owner });
        }
    }

    pub fn watch(&mut self, id: MemberId, game: GameId) {
        let hub = self.hub(id, game);
        if !std::mem::replace(&mut hub.watching, true) {
            if hub.own.is_none() {
                // It may be far behind, or of a dead branch.
                hub.ring.clear();
            }
            self.edge(id, game, EdgeEvent::Watch);
        }
    }

    /// Nobody may be left who wants frames.
    pub fn sweep(&mut self, id: MemberId, game: GameId) {
        let hub = self.hub(id, game);
        if hub.watching && hub.sockets.is_empty() && hub.own.is_none() && !hub.prepared {
            hub.watching = false;
            self.edge(id, game, EdgeEvent::Unwatch);
        }
    }

    /// A link came up or broke.
    pub fn link_to_hubs(&mut self, id: MemberId, member: MemberId, up: bool) {
        let games: Vec<GameId> =
            self.servers.get(&id).into_iter().flat_map(|server| server.hubs.keys().copied()).collect();
        for game in games {
            if !up {
                self.hub(id, game).subscribers.remove(&member);
            }
            self.edge(id, game, EdgeEvent::Link { member, up });
        }
    }

    fn frame_to_edge(&mut self, id: MemberId, from: MemberId, game: GameId, frame: Kept) {
        let has = |socket: &Socket| socket.has.map(|(_, tick)| tick);
        let newest = self.hub(id, game).sockets.values().filter_map(has).max();
        let later = newest.is_none_or(|newest| frame.tick.0 > newest);
        if self.plan.broken == Some(Broken::EdgeShowsBoth) && later {
            self.show(id, game, frame);
        } else {
            self.edge(id, game, Sent::Frame(&frame).event(from));
        }
    }

    /// Tells the edge, and does what it says. What that leads to is told in turn, after the effects at hand.
    pub fn edge(&mut self, id: MemberId, game: GameId, event: EdgeEvent) {
        let clock = self.servers.get(&id).map_or(Time(0), |server| server.clock(self.now));
        let hub = self.hub(id, game);
        hub.events.push_back(event);
        if std::mem::replace(&mut hub.in_edge, true) {
            return;
        }
        let mut effects = Vec::new();
        while let Some(event) = self.hub(id, game).events.pop_front() {
            self.hub(id, game).edge.handle(clock, event, &mut effects);
            for effect in effects.drain(..) {
                self.edge_effect(id, game, effect);
            }
        }
        self.hub(id, game).in_edge = false;
    }

    fn edge_effect(&mut self, id: MemberId, game: GameId, effect: EdgeEffect) {
        if !matches!(effect, EdgeEffect::Show { new_epoch: false, .. }) {
            self.note(|| format!("{} edge of {game} -> {}", short(id), brief(&format!("{effect:?}"))));
        }
        match effect {
            EdgeEffect::Subscribe { to, have } if to == id => self.subscribe_itself(id, game, have),
            EdgeEffect::Subscribe { to, have } => self.send(id, to, PeerMessage::Subscribe { game, have }),
            EdgeEffect::Unsubscribe(from) if from == id => {}
            EdgeEffect::Unsubscribe(from) => self.send(id, from, PeerMessage::Unsubscribe { game }),
            EdgeEffect::Show { .. } if self.plan.broken == Some(Broken::EdgeShowsBoth) => {}
            EdgeEffect::Show { frame, .. } => self.show(id, game, frame),
            EdgeEffect::Reset { epoch, tick, bytes, rewind } => {
                let shown = self.hub(id, game).ring.newest();
                if !rewind && shown.is_some_and(|(shown, _)| shown < epoch) {
                    self.coverage.branch(coverage::RESET_IN_MOVE);
                }
                self.reset(id, game, Kept::keyframe(epoch, tick, bytes));
            }
            EdgeEffect::InputsTo(to) => {
                self.hub(id, game).inputs_to = to;
                self.forward_inputs(id, game);
            }
            EdgeEffect::Lookup(game) => self.look_up(id, game),
        }
    }

    pub fn look_up(&mut self, id: MemberId, game: GameId) {
        self.deliver(id, self.now, Event::Lookup(game));
    }

    fn show(&mut self, id: MemberId, game: GameId, kept: Kept) {
        let blindly = self.plan.broken == Some(Broken::EdgeShowsBoth);
        let hub = self.hub(id, game);
        let (epoch, tick, after) = (kept.epoch, kept.tick.0, kept.after);
        let shown: Vec<(u64, Socket)> = hub
            .sockets
            .iter()
            .filter(|(_, it)| it.has.is_some_and(|(_, has)| blindly || has < tick))
            .map(|(socket, it)| (*socket, it.clone()))
            .collect();
        let frame = (!shown.is_empty()).then(|| Rc::new(Frame::decode(&kept.bytes)));
        hub.ring.push(kept);
        for (socket, Socket { client, has, .. }) in shown {
            let Some(frame) = frame.clone() else { return };
            if blindly || has.is_some_and(|(under, has)| (under, has + 1) == (after, tick)) {
                if let Some(state) = self.hub(id, game).sockets.get_mut(&socket) {
                    state.has = Some((epoch, tick));
                }
                self.down(socket, client, Down::Frame { epoch, frame });
            } else {
                self.lead_on(id, game, socket);
            }
        }
        self.answer_asked(id, game);
        self.welcome(id, game);
    }

    fn reset(&mut self, id: MemberId, game: GameId, keyframe: Kept) {
        let hub = self.hub(id, game);
        // An owner's ring may be ahead of its own edge.
        if !hub.ring.leads_on_from((keyframe.epoch, keyframe.tick)) {
            hub.ring.restart(keyframe);
        }
        let shown: Vec<(u64, usize)> =
            hub.sockets.iter().filter(|(_, it)| it.has.is_some()).map(|(id, it)| (*id, it.client)).collect();
        for (socket, client) in shown {
            self.coverage.count("chains of players broken");
            self.judge_hole(client, &[id], "starts anew");
            self.lead_on(id, game, socket);
        }
        self.answer_asked(id, game);
        self.welcome(id, game);
    }

    /// New sockets are led from a keyframe to the newest world, as soon as that is not older than what their player has seen.
    pub fn welcome(&mut self, id: MemberId, game: GameId) {
        let hub = self.hub(id, game);
        let Some(newest) = hub.ring.newest() else { return };
        let mut down = Vec::new();
        for (socket, state) in hub.sockets.iter_mut().filter(|(_, state)| state.has.is_none()) {
            let floor = state.floor.map(|(floor, at)| (floor, Tick(at)));
            let way = hub.ring.welcome(floor);
            if !way.is_empty() {
                state.has = Some((newest.0, newest.1.0));
                down.push((*socket, state.client, messages(way, false)));
            }
        }
        self.all_down(down);
    }

    /// Sends what leads from the world that the socket has to the newest one: frames, or else a keyframe and the frames after
    /// it.
    fn lead_on(&mut self, id: MemberId, game: GameId, socket: u64) {
        let hub = self.hub(id, game);
        let Some(state) = hub.sockets.get_mut(&socket) else { return };
        let (Some((epoch, tick)), Some(newest)) = (state.has, hub.ring.newest()) else { return };
        let missed = hub.ring.missed((epoch, Tick(tick)));
        if missed.is_empty() {
            return;
        }
        state.has = Some((newest.0, newest.1.0));
        state.asks &= !matches!(missed[..], [Sent::Keyframe(_), ..]);
        let down = vec![(socket, state.client, messages(missed, false))];
        self.all_down(down);
    }

    /// A player asks for a keyframe.
    pub fn ask(&mut self, id: MemberId, game: GameId, socket: u64) {
        if let Some(socket) = self.hub(id, game).sockets.get_mut(&socket) {
            socket.asks = true;
        }
        self.answer_asked(id, game);
    }

    fn answer_asked(&mut self, id: MemberId, game: GameId) {
        let hub = self.hub(id, game);
        let (Some(newest), edge) = (hub.ring.newest(), hub.edge.shown()) else { return };
        let (mut down, mut waits) = (Vec::new(), 0);
        for (socket, state) in hub.sockets.iter_mut().filter(|(_, state)| state.asks) {
            let Some((epoch, tick)) = state.has else { continue };
            let way = hub.ring.asked((epoch, Tick(tick)), edge);
            if way.is_empty() {
                waits += 1;
                continue;
            }
            state.has = Some((newest.0, newest.1.0));
            state.asks = false;
            down.push((*socket, state.client, messages(way, true)));
        }
        for _ in 0..waits {
            self.coverage.count("asks for a keyframe that waited");
        }
        self.all_down(down);
    }

    fn all_down(&mut self, down: Vec<(u64, usize, Vec<Down>)>) {
        for (socket, client, messages) in down {
            for message in messages {
                self.down(socket, client, message);
            }
        }
    }

    pub fn peer_to_hub(&mut self, from: MemberId, id: MemberId, message: PeerMessage) {
        match message {
            PeerMessage::Subscribe { game, have } => self.subscribe(from, id, game, have),
            PeerMessage::Unsubscribe { game } => {
                self.hub(id, game).subscribers.remove(&from);
            }
            PeerMessage::Subscribed { game, have, .. } => {
                self.edge(id, game, EdgeEvent::Subscribed { from, have });
            }
            PeerMessage::NotOwner { game, owner } => self.edge(id, game, EdgeEvent::NotOwner { from, owner }),
            PeerMessage::Frame { game, epoch, tick, after, bytes, log, digest } => {
                let frame = Kept { epoch, tick, after, bytes, log, digest };
                self.frame_to_edge(id, from, game, frame);
            }
            PeerMessage::Keyframe { game, epoch, tick, bytes } => {
                let keyframe = Kept::keyframe(epoch, tick, bytes);
                self.edge(id, game, Sent::Keyframe(&keyframe).event(from));
                self.hub(id, game).ring.keyframe(keyframe);
                self.welcome(id, game);
            }
            PeerMessage::WantTail { game, world } => {
                let ticks = self.hub(id, game).ring.tail(world);
                self.send(id, from, PeerMessage::Tail { game, world, ticks });
            }
            PeerMessage::Tail { game, world, ticks } => self.told_of_tail(from, id, game, world, ticks),
            PeerMessage::FromPlayer { game, player, act: PlayerAct::Inputs(inputs), .. } => {
                let press = |input: Input| Press { player: player.0, seq: input.seq, keys: input.keys };
                let inputs: Vec<Press> = inputs.into_iter().map(press).collect();
                self.inputs(id, game, &inputs, false);
            }
            _ => {}
        }
    }

    pub fn control_to_edge(&mut self, id: MemberId, control: Control) {
        match control {
            Control::MoveSoon { game, to, .. } => self.edge(id, game, EdgeEvent::MoveSoon { to }),
            Control::Moved { game, to, epoch, tick } => {
                self.edge(id, game, EdgeEvent::Moved { to, epoch, tick })
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, from: MemberId, id: MemberId, game: GameId, have: Option<(Epoch, Tick)>) {
        let hub = self.hub(id, game);
        if hub.own.is_none() && !hub.prepared {
            let owner = hub.inputs_to.filter(|owner| *owner != id && *owner != from);
            // Who ran the game until now may be the last to have what is missing somewhere.
            let frames =
                have.filter(|have| hub.ring.leads_on_from(*have)).map(|have| hub.ring.since(Some(have)));
            let mut answer: Vec<PeerMessage> =
                frames.into_iter().flatten().map(|sent| sent.message(game)).collect();
            answer.push(PeerMessage::NotOwner { game, owner });
            return self.send_bundle(id, from, answer);
        }
        hub.subscribers.insert(from);
        let own = hub.own.as_ref().map(|own| own.epoch);
        let mut answer = vec![PeerMessage::Subscribed { game, settings: crate::cluster::settings(1), have }];
        let sent = hub.ring.since(have);
        let older =
            |sent: &Sent<'_>| matches!(sent, Sent::Frame(frame) if own.is_some_and(|own| frame.epoch < own));
        let relayed = have.is_some() && sent.iter().any(older);
        answer.extend(sent.into_iter().map(|sent| sent.message(game)));
        if relayed {
            self.coverage.branch(coverage::RING_ASKED);
        }
        self.send_bundle(id, from, answer);
    }

    /// The edge asks its own server: answered from the ring, as a peer would be.
    fn subscribe_itself(&mut self, id: MemberId, game: GameId, have: Option<(Epoch, Tick)>) {
        let hub = self.hub(id, game);
        if hub.own.is_none() {
            return self.edge(id, game, EdgeEvent::NotOwner { from: id, owner: None });
        }
        let mut events = vec![EdgeEvent::Subscribed { from: id, have }];
        events.extend(hub.ring.since(have).into_iter().map(|sent| sent.event(id)));
        for event in events {
            self.edge(id, game, event);
        }
    }

    /// Inputs that reached this server, of its own players or through another edge.
    pub fn inputs(&mut self, id: MemberId, game: GameId, inputs: &[Press], own_players: bool) {
        let hub = self.hub(id, game);
        if hub.own.is_some() || own_players {
            hub.press(inputs);
        }
        self.forward_inputs(id, game);
    }

    pub fn forward_inputs(&mut self, id: MemberId, game: GameId) {
        let hub = self.hub(id, game);
        let Some(to) = hub.inputs_to.filter(|to| *to != id && hub.own.is_none()) else { return };
        let mut of_player: BTreeMap<u64, Vec<Input>> = BTreeMap::new();
        for Press { player, seq, keys } in std::mem::take(&mut hub.inputs) {
            of_player.entry(player).or_default().push(Input { seq, for_tick: Tick(0), keys, action: 0 });
        }
        for (player, inputs) in of_player {
            let act = PlayerAct::Inputs(inputs);
            self.send(id, to, PeerMessage::FromPlayer { game, player: PlayerId(player), session: 0, act });
        }
    }
}

/// What a socket is sent to be led to the newest world, for a player who has asked for it or not.
fn messages(way: Vec<Sent<'_>>, asked: bool) -> Vec<Down> {
    let message = |sent| match sent {
        Sent::Keyframe(Kept { epoch, bytes, .. }) => {
            Down::Keyframe { epoch: *epoch, world: Toy::decode(bytes), asked }
        }
        Sent::Frame(Kept { epoch, bytes, .. }) => {
            Down::Frame { epoch: *epoch, frame: Rc::new(Frame::decode(bytes)) }
        }
    };
    way.into_iter().map(message).collect()
}
