//! Players: inputs that are sent until they are durable, a second socket before the first is given up, and an eye on
//! everything that they are shown.

use crate::cluster::{Action, Cluster, Down};
use crate::hub::Socket;
use crate::toy::Toy;
use ownership::EdgeEvent;
use protocol::{Epoch, GameId, MemberId, Tick};
use rand::Rng;
use std::collections::VecDeque;

/// Without a frame for so long a player tries another server.
const STALE_US: u64 = 1_500_000;
/// Inputs that wait for being durable, at most.
const INPUTS_MAX: u32 = 8;

#[derive(Clone, Debug)]
pub struct Line {
    pub id: u64,
    pub server: MemberId,
    /// What came last over this socket: epoch, tick, hash.
    last: Option<(Epoch, u64, u64)>,
    floor: Option<(Epoch, u64)>,
    opened: u64,
}

#[derive(Debug)]
pub struct Client {
    pub game: GameId,
    pub player: u64,
    /// The newest socket last; more than one only while another one takes over.
    pub lines: Vec<Line>,
    /// The newest that was shown.
    pub shown: Option<(Epoch, u64)>,
    pub shown_at: u64,
    /// Inputs made; applied as of recent ticks; durable.
    made: u32,
    applied: VecDeque<(u64, u32)>,
    safe: u32,
}

impl Client {
    pub fn new(game: GameId, player: u64) -> Client {
        Client {
            game,
            player,
            lines: Vec::new(),
            shown: None,
            shown_at: 0,
            made: 0,
            applied: VecDeque::new(),
            safe: 0,
        }
    }
}

impl Cluster {
    /// Twenty times a second.
    pub fn play(&mut self, index: usize) {
        let now = self.now;
        let at = now + 50_000;
        self.at(at, Action::Play(index));
        let client = &mut self.clients[index];
        let quiet = client.lines.last().is_some_and(|line| now - line.opened.max(client.shown_at) > STALE_US);
        if quiet {
            self.coverage.reconnects += 1;
            for line in std::mem::take(&mut self.clients[index].lines) {
                self.hang_up(index, &line);
            }
        }
        if self.clients[index].lines.is_empty() {
            self.open(index, None);
        }
        let (more, game, player) =
            (self.rng.random_bool(0.3), self.clients[index].game, self.clients[index].player);
        let client = &mut self.clients[index];
        if more && client.made < client.safe + INPUTS_MAX {
            client.made += 1;
        }
        let inputs: Vec<(u64, u32)> = (client.safe + 1..=client.made).map(|seq| (player, seq)).collect();
        let servers: Vec<MemberId> = client.lines.iter().map(|line| line.server).collect();
        for server in servers {
            let alive = self.servers.get(&server).is_some_and(|server| server.alive && !server.paused(now));
            if alive && !inputs.is_empty() {
                self.inputs(server, game, inputs.clone(), true);
            }
        }
    }

    /// Through the load balancer: any server that is ready, one that stays rather than one that leaves.
    pub fn open(&mut self, index: usize, besides: Option<MemberId>) {
        let ready = self.servers.values().filter(|server| {
            server.alive && server.member.is_ready() && Some(server.id) != besides && !server.paused(self.now)
        });
        let (leaving, staying): (Vec<_>, Vec<_>) =
            ready.map(|server| (server.id, server.terminating)).partition(|(_, leaving)| *leaving);
        let choice = if staying.is_empty() { leaving } else { staying };
        if choice.is_empty() {
            return;
        }
        let server = choice[self.rng.random_range(0..choice.len())].0;
        self.next_socket += 1;
        let (id, now) = (self.next_socket, self.now);
        let client = &mut self.clients[index];
        let (game, floor) = (client.game, client.shown);
        client.lines.push(Line { id, server, last: None, floor, opened: now });
        let hub = self.hub(server, game);
        let first = hub.sockets.is_empty();
        hub.sockets.insert(id, Socket { client: index, floor, has: None });
        if let Some((epoch, tick)) = floor {
            self.edge(server, game, EdgeEvent::Floor(epoch, Tick(tick)));
        }
        if first {
            self.hub(server, game).shown = None;
            self.edge(server, game, EdgeEvent::Watch);
        }
        self.welcome(server, game);
    }

    fn hang_up(&mut self, index: usize, line: &Line) {
        let game = self.clients[index].game;
        if !self.servers.get(&line.server).is_some_and(|server| server.alive) {
            return;
        }
        let hub = self.hub(line.server, game);
        hub.sockets.remove(&line.id);
        if hub.sockets.is_empty() {
            self.edge(line.server, game, EdgeEvent::Unwatch);
        }
    }

    /// Something came over a socket.
    pub fn came(&mut self, index: usize, socket: u64, message: Down) {
        let client = &mut self.clients[index];
        let Some(at) = client.lines.iter().position(|line| line.id == socket) else { return };
        match message {
            Down::Closed => {
                self.coverage.sockets_lost += 1;
                client.lines.remove(at);
            }
            Down::GoAway => {
                let server = client.lines[at].server;
                if client.lines.len() == 1 {
                    self.open(index, Some(server));
                }
            }
            Down::Keyframe { epoch, world, rewind } => {
                let line = &client.lines[at];
                let fell = match (line.last, line.floor) {
                    (Some((last, tick, _)), _) => epoch < last || !rewind && world.tick <= tick,
                    (None, Some((floor, tick))) => epoch < floor || epoch == floor && world.tick < tick,
                    (None, None) => false,
                };
                if fell {
                    let sentence = format!(
                        "promise 2: player {index} had {line:?} and gets a keyframe of {epoch} at {}",
                        world.tick
                    );
                    self.oracle.fail(sentence);
                }
                // What was applied on another branch says nothing about this one.
                self.clients[index].applied.clear();
                self.see(index, at, epoch, world, 0);
            }
            Down::Frame { epoch, frame } => {
                let line = &client.lines[at];
                let follows = line.last.is_some_and(|(last, tick, hash)| {
                    epoch >= last && frame.world.tick == tick + 1 && frame.after == hash
                });
                if !follows {
                    let sentence = format!(
                        "promise 2: player {index} had {:?} and gets tick {} of {epoch} that does not follow",
                        line.last, frame.world.tick
                    );
                    self.oracle.fail(sentence);
                }
                self.see(index, at, epoch, frame.world, frame.durable);
            }
        }
    }

    fn see(&mut self, index: usize, at: usize, epoch: Epoch, world: Toy, durable: u64) {
        let now = self.now;
        let client = &mut self.clients[index];
        client.lines[at].last = Some((epoch, world.tick, world.hash));
        // A socket that takes over may lag behind the one that still shows the game.
        let newest = at + 1 == client.lines.len();
        let behind =
            client.shown.is_some_and(|(shown, tick)| epoch < shown || epoch == shown && world.tick <= tick);
        if behind && client.lines.len() > 1 {
            return;
        }
        if client.shown.is_some_and(|(shown, _)| epoch < shown) {
            let sentence = format!("promise 2: player {index} was shown {:?} and now {epoch}", client.shown);
            self.oracle.fail(sentence);
            return;
        }
        let gap = now.saturating_sub(client.shown_at);
        let first = client.shown.is_none();
        client.shown = Some((epoch, world.tick));
        client.shown_at = now;
        let applied = world.applied.get(&client.player).copied().unwrap_or(0);
        if applied < client.safe {
            let sentence = format!(
                "promise 4: player {index} was told that input {} is safe, {applied} are there",
                client.safe
            );
            self.oracle.fail(sentence);
            return;
        }
        client.applied.push_back((world.tick, applied));
        while client.applied.front().is_some_and(|(tick, _)| *tick <= durable) {
            client.safe = client.safe.max(client.applied.pop_front().map_or(0, |(_, seq)| seq));
        }
        client.applied.truncate(1024);
        if !first {
            self.coverage.longest_gap = self.coverage.longest_gap.max(gap);
        }
        if newest && self.clients[index].lines.len() > 1 {
            // The new socket shows the game: the old one may go.
            let old: Vec<Line> = self.clients[index].lines.drain(..at).collect();
            for line in old {
                self.hang_up(index, &line);
            }
        }
    }

    pub fn down(&mut self, socket: u64, client: usize, message: Down) {
        let at = self.now + 2_000;
        self.at(at, Action::Down { client, socket, message });
    }
}
