//! The sockets of a hub, and what players do on their way to the owner.
//!
//! Owns who is seated, welcomed, refused and sent away. Acts go to the world where it runs here, else to the member that
//! inputs go to, else they are held.

use super::running::{Refusal, slack_ms};
use super::seat::Seat;
use super::source::{show_all, show_missed};
use super::{Act, Hub, Newcomer, Role};
use crate::allowance::Allowance;
use crate::contain::contained;
use crate::context::Context;
use crate::leaving;
use crate::limits;
use crate::wire::Received;
use bytes::Bytes;
use protocol::peer::{GameSettings, PeerMessage, PlayerAct};
use protocol::{
    ChatText, ClientMessage, CloseCode, GameId, Host, MemberId, PLAYER_VERSION, PlayerId, PlayerName,
    ServerMessage, Welcome,
};
use std::net::IpAddr;
use tokio::time::{Duration, Instant};
use tracing::warn;

impl Hub {
    pub(super) fn attach(&mut self, newcomer: Newcomer) {
        let now = Instant::now();
        let Newcomer { wire, player, name, session, comes_from, floor } = newcomer;
        let returns = player.is_some() && comes_from.is_none();
        let wire = match wire.bind() {
            Ok(wire) => wire,
            Err(error) => return warn!(game = %self.game, %error, "a socket was lost between two threads"),
        };
        self.context.metrics.sockets.inc();
        if self.context.leaving.is_cut_off() {
            return self.context.farewell(wire, CloseCode::CutOff);
        }
        // Two sockets of a player overlap while the client changes from one to the other; a third takes the oldest's place.
        let mut others: Vec<_> = (0..self.seats.len())
            .filter(|index| player.is_some() && self.seats[*index].player == player)
            .collect();
        others.sort_by_key(|index| self.seats[*index].session);
        if let [oldest, _, ..] = others[..] {
            self.close_seat(oldest, CloseCode::Replaced);
        }
        let sockets = self.context.game_limits.sockets as usize;
        if sockets > 0 && self.seats.len() >= sockets {
            self.context.metrics.refused("sockets");
            return self.context.farewell(wire, CloseCode::Full);
        }
        if comes_from.is_some_and(|address| !self.may_join(address, now)) {
            self.context.metrics.refused("joins");
            return self.context.farewell(wire, CloseCode::TooManyMessages);
        }
        self.seats.push(Seat::new(wire, player, name.clone(), session, (floor, returns), now));
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
        // Comes to a member that leaves.
        self.go_away();
        self.seat_waiting();
    }

    /// Welcomes sockets that wait, once the game's settings and a keyframe that they may be shown are here.
    pub(super) fn seat_waiting(&mut self) {
        let Some(settings) = &self.settings else { return };
        if self.seats.iter().all(|seat| seat.shown.is_some()) {
            return;
        }
        let now = Instant::now();
        let (Some(host), Some(newest)) = (self.host(), self.ring.newest()) else { return };
        for index in 0..self.seats.len() {
            let seat = &mut self.seats[index];
            if seat.shown.is_some() {
                continue;
            }
            let way = self.ring.welcome(seat.floor());
            if way.is_empty() {
                continue;
            }
            seat.queue(welcome(&self.context, self.game, settings, seat));
            seat.queue(host.clone());
            show_all(seat, way, newest, now);
        }
    }

    /// Gives players who were welcomed a token that outlives the key that signed theirs.
    pub(super) fn renew_tokens(&mut self) {
        let Some(settings) = &self.settings else { return };
        let now = Instant::now();
        for seat in self.seats.iter_mut().filter(|seat| seat.player.is_some() && seat.shown.is_some()) {
            seat.send(welcome(&self.context, self.game, settings, seat), now);
        }
    }

    /// After frames were left out: writes them now where they are still kept; else says so and goes on from a keyframe.
    pub(super) fn bring_back(&mut self, index: usize) {
        show_missed(&mut self.seats[index], &self.ring, Instant::now());
    }

    pub(super) fn host(&self) -> Option<Bytes> {
        let (epoch, owner) = self.named.shown()?;
        let owner = owner.map(|owner| self.context.named(owner)).unwrap_or_default();
        let edge = self.context.named.clone();
        let host = Host {
            epoch,
            owner_name: owner.name,
            owner_build: owner.build,
            owner_revision: owner.revision,
            edge_name: edge.name,
            edge_build: edge.build,
            edge_revision: edge.revision,
        };
        Some(ServerMessage::Host(host).encode())
    }

    pub(super) fn received(&mut self, index: usize, received: Received) {
        let now = Instant::now();
        let control = matches!(received, Received::Control);
        let bytes = match received {
            Received::Message(bytes) => bytes,
            Received::Control => Bytes::new(),
            Received::Text => return self.close_seat(index, CloseCode::NotBinary),
            Received::TooLong => return self.close_seat(index, CloseCode::TooLong),
            Received::TooMuch => {
                self.context.metrics.refused("bytes");
                return self.close_seat(index, CloseCode::TooManyMessages);
            }
            Received::End => {
                self.seats[index].dead = true;
                return;
            }
        };
        let seat = &mut self.seats[index];
        if !seat.may_send(now) {
            self.context.metrics.refused("messages");
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
            ClientMessage::Rename { name } => match PlayerName::parse(&name) {
                Ok(name) => {
                    let name = String::from(name);
                    let Some(player) = self.may_say(index, now) else { return };
                    for seat in self.seats.iter_mut().filter(|seat| seat.player == Some(player)) {
                        seat.name.clone_from(&name);
                    }
                    self.seats[index].renamed = true;
                    return self.act(me, player, session, PlayerAct::Rename { name });
                }
                Err(error) => return self.notice(index, error.to_string(), now),
            },
            ClientMessage::Chat { text } => match ChatText::parse(&text) {
                Ok(text) => {
                    let Some(player) = self.may_say(index, now) else { return };
                    return self.act(me, player, session, PlayerAct::Chat { text: text.into() });
                }
                Err(error) => return self.notice(index, error.to_string(), now),
            },
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
                seat.asks = true;
                return self.answer_asked(now);
            }
        };
        match seat.player {
            Some(player) => self.act(me, player, session, act),
            // A spectator aims at no tick: its ping is answered here, with how far it is ahead of what was shown.
            None => {
                if let (PlayerAct::Ping { nonce, tick: aim }, Some((_, tick))) = (act, self.edge.shown()) {
                    let slack_ms = slack_ms(aim, tick, Duration::ZERO);
                    self.seats[index].send(ServerMessage::Pong { nonce, tick, slack_ms }.encode(), now);
                }
            }
        }
    }

    /// Whether one more new player may come from there.
    fn may_join(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.joins.len() > limits::ALLOWANCES_KEPT {
            self.joins.retain(|_, allowance| !allowance.is_full(now));
        }
        let (rate, minute) = (self.context.game_limits.joins_per_minute, Duration::from_secs(60));
        if rate == 0 {
            return true;
        }
        let new = || Allowance::new(rate, minute, rate.min(limits::JOINS_BURST), now);
        self.joins.entry(address).or_insert_with(new).spend(now)
    }

    /// The player of a socket, if it may say something now; else it is told why not.
    fn may_say(&mut self, index: usize, now: Instant) -> Option<PlayerId> {
        let Some(player) = self.seats[index].player else {
            self.notice(index, "whoever only watches has no voice: join the game first".to_owned(), now);
            return None;
        };
        if self.words.len() > limits::ALLOWANCES_KEPT {
            self.words.retain(|_, allowance| !allowance.is_full(now));
        }
        let rate = self.context.game_limits.chat_per_minute;
        let minute = Duration::from_secs(60);
        let burst = rate.min(limits::CHAT_BURST).into();
        let allowance =
            self.words.entry(player).or_insert_with(|| Allowance::new(rate.into(), minute, burst, now));
        if allowance.spend(now) {
            return Some(player);
        }
        let sentence =
            format!("that was too fast: say at most {rate} things a minute, and wait a moment now");
        self.notice(index, sentence, now);
        None
    }

    /// Something is refused, and the socket stays.
    fn notice(&mut self, index: usize, sentence: String, now: Instant) {
        self.context.metrics.chat_dropped.inc();
        self.seats[index].send(ServerMessage::Notice { sentence }.encode(), now);
    }

    /// Something a player did, here or at another edge, on its way to the owner.
    pub(super) fn act(&mut self, from: MemberId, player: PlayerId, session: u32, act: PlayerAct) {
        match &mut self.role {
            Role::Owner(running) => match contained(|| running.take(from, player, session, act)) {
                Ok(Ok(Some(answer))) => self.answer(player, from, answer),
                Ok(Ok(None)) => {}
                Ok(Err(refusal)) => self.refuse(player, from, refusal),
                Err(why) => {
                    let (epoch, tick) = (running.epoch(), running.tick());
                    self.fails(epoch, tick, &why);
                }
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

    pub(super) fn hold(&mut self, act: Act) {
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
    pub(super) fn hold_first(&mut self, unfinished: Vec<(PlayerId, u32, PlayerAct)>) {
        let from = self.context.me;
        for (player, session, act) in unfinished.into_iter().rev() {
            self.held.push_front(Act { from, player, session, act });
        }
    }

    pub(super) fn release_held(&mut self) {
        // An owner answers through the member that an act came from. Anybody else passes it on: what came from the
        // present owner before it was one, too.
        let owner = matches!(self.role, Role::Owner(_));
        for Act { from, player, session, act } in std::mem::take(&mut self.held) {
            self.act(if owner { from } else { self.context.me }, player, session, act);
        }
    }

    pub(super) fn answer(&mut self, player: PlayerId, via: MemberId, bytes: Bytes) {
        if via == self.context.me {
            self.tell_local_player(player, &bytes);
        } else {
            self.context.links.send(via, &PeerMessage::ToPlayer { game: self.game, player, bytes });
        }
    }

    pub(super) fn refuse(&mut self, player: PlayerId, via: MemberId, refusal: Refusal) {
        let code = match refusal {
            Refusal::Full => CloseCode::Full,
        };
        if via == self.context.me {
            self.refuse_local_player(player, code.code());
        } else {
            self.context.links.send(via, &PeerMessage::Refuse { game: self.game, player, code: code.code() });
        }
    }

    pub(super) fn tell_local_player(&mut self, player: PlayerId, bytes: &Bytes) {
        let now = Instant::now();
        let expect = matches!(ServerMessage::decode(bytes), Ok(ServerMessage::Expect { .. }));
        for seat in self.seats.iter_mut().filter(|seat| seat.player == Some(player)) {
            if expect {
                seat.allow_resend();
            }
            seat.send(bytes.clone(), now);
        }
    }

    pub(super) fn refuse_local_player(&mut self, player: PlayerId, code: u16) {
        let Some(code) = CloseCode::from_code(code) else { return };
        while let Some(index) = self.seats.iter().position(|seat| seat.player == Some(player)) {
            let seat = self.seats.swap_remove(index);
            self.context.farewell(seat.wire, code);
        }
    }

    pub(super) fn close_seat(&mut self, index: usize, code: CloseCode) {
        let seat = self.seats.swap_remove(index);
        self.seat_gone(&seat);
        self.context.farewell(seat.wire, code);
    }

    pub(super) fn close_all(&mut self, code: CloseCode) {
        while !self.seats.is_empty() {
            self.close_seat(self.seats.len() - 1, code);
        }
    }

    pub(super) fn seat_gone(&mut self, seat: &Seat) {
        let other =
            self.seats.iter().any(|other| other.player == seat.player && other.session >= seat.session);
        if let (Some(player), false) = (seat.player, other) {
            let me = self.context.me;
            self.act(me, player, seat.session, PlayerAct::Gone);
        }
    }

    pub(super) fn go_away(&mut self) {
        let now = Instant::now();
        let leaving = &self.context.leaving;
        if let Some((goodbye, _)) = leaving.plan() {
            for seat in &mut self.seats {
                seat.goes(now + goodbye.time(leaving::place(seat.player, seat.session)));
            }
        } else if leaving.is_cut_off() {
            // Who waits to be welcomed would wait here until the others are reached again.
            while let Some(index) = self.seats.iter().position(|seat| seat.shown.is_none()) {
                self.close_seat(index, CloseCode::CutOff);
            }
            self.seats.iter_mut().for_each(|seat| seat.goes(now));
        }
    }
}

/// Who is on that seat and where, with a token of now.
fn welcome(context: &Context, game: GameId, settings: &GameSettings, seat: &Seat) -> Bytes {
    let welcome = Welcome {
        version: PLAYER_VERSION,
        player: seat.player.unwrap_or_default(),
        session: seat.session,
        settings_name: settings.name.clone(),
        maze: settings.maze.clone(),
        slots: settings.slots,
        edge_name: context.named.name.clone(),
        edge_build: context.named.build.clone(),
        token: seat.player.map(|player| context.token(game, player)).unwrap_or_default(),
    };
    ServerMessage::Welcome(welcome).encode()
}
