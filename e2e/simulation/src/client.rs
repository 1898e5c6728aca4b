//! Players: inputs that are sent until they are durable, a second socket before the first is given up, and an eye on
//! everything that they are shown.

use crate::broken::Broken;
use crate::cluster::{Action, Cluster, Down};
use crate::hub::Socket;
use crate::toy::{Applied, Press, Toy};
use protocol::{Epoch, GameId, MemberId};
use rand::Rng;
use std::collections::VecDeque;

/// Without a frame for so long a player tries another server.
const STALE_US: u64 = 1_500_000;
/// A socket that is to be given up is waited for no longer than this when it brings nothing.
const OLD_SOCKET_US: u64 = 300_000;
/// How often a player who could send something asks for a keyframe: twice a second.
const ASKS: f64 = 1.0 / 10.0;
/// Inputs that wait for being durable, at most.
const INPUTS_MAX: u32 = 8;

#[derive(Clone, Debug)]
pub struct Line {
    pub id: u64,
    pub server: MemberId,
    /// What came last over this socket: epoch, tick, hash.
    last: Option<(Epoch, u64, u64)>,
    /// The world that this socket began with: epoch and tick.
    first: Option<(Epoch, u64)>,
    floor: Option<(Epoch, u64)>,
    opened: u64,
    heard: u64,
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
    /// By which server that was, and those that took over since.
    shown_by: Vec<MemberId>,
    /// It had to look for another server: what came meanwhile is missed for the reason that was judged then.
    stranded: bool,
    /// Inputs made, and when, and what is applied once so many of them are.
    made: Vec<(u64, Press)>,
    expected: Vec<Applied>,
    /// How many were sent, by one that sends none again.
    sent: usize,
    /// How many were applied as of recent ticks, and how many are durable.
    applied: VecDeque<(u64, u32)>,
    safe: u32,
    /// How many are applied in the world that was shown last.
    counted: u32,
}

impl Client {
    pub fn new(game: GameId, player: u64) -> Client {
        Client {
            game,
            player,
            lines: Vec::new(),
            shown: None,
            shown_at: 0,
            shown_by: Vec::new(),
            stranded: false,
            made: Vec::new(),
            expected: vec![Applied::default()],
            sent: 0,
            applied: VecDeque::new(),
            safe: 0,
            counted: 0,
        }
    }

    /// It has had to look for another server since it was shown something.
    pub fn stranded(&self) -> bool {
        self.stranded
    }

    /// Inputs that it was told to be durable.
    pub fn durable_inputs(&self) -> u64 {
        self.safe.into()
    }

    /// Inputs that were made before then and are not applied in the world that was shown last.
    pub fn unapplied(&self, before: u64) -> usize {
        self.made.iter().skip(self.counted as usize).filter(|(at, _)| *at < before).count()
    }

    fn make_input(&mut self, now: u64, keys: u8) {
        let seq = self.made.len() as u32 + 1;
        let press = Press { player: self.player, seq, keys };
        let applied = self.expected.last().copied().unwrap_or_default().and(&press);
        self.made.push((now, press));
        self.expected.push(applied);
    }
}

impl Cluster {
    /// Twenty times a second.
    pub fn play(&mut self, index: usize) {
        let now = self.now;
        let at = now + 50_000;
        self.at(at, Action::Play(index));
        let client = &self.clients[index];
        let quiet = client.lines.last().filter(|line| now - line.opened.max(client.shown_at) > STALE_US);
        if let Some(server) = quiet.map(|line| line.server) {
            self.coverage.count("players that tried another server");
            self.judge_lost(index, server);
            self.clients[index].stranded = true;
            for line in std::mem::take(&mut self.clients[index].lines) {
                self.hang_up(index, &line);
            }
        }
        if self.clients[index].lines.is_empty() {
            self.open(index, None);
        }
        let (more, keys) = (self.rng.random_bool(0.3), self.rng.random());
        let client = &mut self.clients[index];
        if more && client.made.len() < (client.safe + INPUTS_MAX) as usize {
            client.make_input(now, keys);
        }
        let first = match self.plan.broken {
            Some(Broken::InputsSentOnce) => std::mem::replace(&mut client.sent, client.made.len()),
            _ => client.safe as usize,
        };
        let inputs: Vec<Press> = client.made[first..].iter().map(|(_, press)| *press).collect();
        let game = client.game;
        let servers: Vec<MemberId> = client.lines.iter().map(|line| line.server).collect();
        if self.rng.random_bool(ASKS) {
            self.ask_for_keyframe(index);
        }
        for server in servers {
            let alive = self.servers.get(&server).is_some_and(|server| server.alive && !server.paused(now));
            if alive && !inputs.is_empty() {
                self.inputs(server, game, &inputs, true);
            }
        }
    }

    fn ask_for_keyframe(&mut self, index: usize) {
        let game = self.clients[index].game;
        let Some(line) = self.clients[index].lines.last().filter(|line| line.last.is_some()) else {
            return;
        };
        let (server, socket) = (line.server, line.id);
        if self.servers.get(&server).is_some_and(|server| server.alive && !server.paused(self.now)) {
            self.ask(server, game, socket);
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
        client.lines.push(Line { id, server, last: None, first: None, floor, opened: now, heard: now });
        let told = floor.filter(|_| self.plan.broken != Some(Broken::FloorForgotten));
        self.hub(server, game)
            .sockets
            .insert(id, Socket { client: index, floor: told, has: None, asks: false });
        self.watch(server, game);
        // If the player's word is true, somebody owns a later epoch.
        let shown = self.hub(server, game).shown().map(|(shown, _)| shown);
        if told.is_some_and(|(floor, _)| shown.is_some_and(|shown| shown < floor)) {
            self.look_up(server, game);
        }
        self.welcome(server, game);
    }

    fn hang_up(&mut self, index: usize, line: &Line) {
        let game = self.clients[index].game;
        if !self.servers.get(&line.server).is_some_and(|server| server.alive) {
            return;
        }
        self.hub(line.server, game).sockets.remove(&line.id);
        self.sweep(line.server, game);
    }

    /// Something came over a socket.
    pub fn came(&mut self, index: usize, socket: u64, message: Down) {
        let now = self.now;
        let client = &mut self.clients[index];
        let Some(at) = client.lines.iter().position(|line| line.id == socket) else { return };
        match message {
            Down::Closed => {
                self.coverage.count("sockets lost");
                client.lines.remove(at);
            }
            Down::GoAway => {
                let server = client.lines[at].server;
                if client.lines.len() == 1 {
                    self.open(index, Some(server));
                }
            }
            Down::Keyframe { epoch, world, asked } => {
                let line = &client.lines[at];
                let fell = match (line.last, line.floor) {
                    _ if asked => false,
                    (Some((last, tick, _)), _) => (epoch, world.tick) <= (last, tick),
                    // The frames up to what the player has been shown follow at once.
                    (None, Some((floor, _))) => epoch < floor,
                    (None, None) => false,
                };
                if fell {
                    let sentence = format!(
                        "promise 2: player {index} had {line:?} and gets a keyframe of {epoch} at {}",
                        world.tick
                    );
                    self.oracle.fail(sentence);
                }
                let line = &mut self.clients[index].lines[at];
                line.first = Some((epoch, world.tick));
                (line.last, line.heard) = (Some((epoch, world.tick, world.hash)), now);
                self.see(index, at, epoch, &world, None);
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
                let line = &mut self.clients[index].lines[at];
                (line.last, line.heard) = (Some((epoch, frame.world.tick, frame.world.hash)), now);
                self.see(index, at, epoch, &frame.world, Some(frame.durable));
            }
        }
    }

    /// A world has come: is it the next one to be shown? `durable`: it came as a frame.
    fn see(&mut self, index: usize, at: usize, epoch: Epoch, world: &Toy, durable: Option<u64>) {
        let now = self.now;
        let client = &mut self.clients[index];
        let newest = client.lines.len() - 1;
        let mut world_shown = (epoch, world.tick);
        if let Some(shown) = client.shown {
            if world_shown <= shown {
                // A newer socket leads up to what the older one shows, and takes over when it is there.
                if world_shown == shown && at == newest && newest > 0 {
                    self.take_over(index);
                }
                return;
            }
            // What this socket has brought begins at or before what is shown: nothing is left out.
            let covers = client.lines[at].first.is_some_and(|first| first <= shown);
            let (back, server) = (world.tick <= shown.1, client.lines[at].server);
            // Players take what begins at or before what they had been shown for a way up to it. Where an older socket has
            // shown more meanwhile, this one cannot lead up to that.
            let told = client.lines[at].floor;
            if back && durable.is_some() && told == Some(shown) && client.lines[at].first <= told {
                self.oracle.fail(format!(
                    "promise 2: player {index} was shown {shown:?} and is taken back to {world_shown:?} without a keyframe"
                ));
            }
            if world.tick > shown.1 + 1 && !covers {
                let waits = client.lines[..newest].iter().any(|line| now - line.heard < OLD_SOCKET_US);
                if at == newest && waits {
                    // The older socket still brings what lies between.
                    return;
                }
                let by = client.shown_by.clone();
                if !std::mem::take(&mut client.stranded) {
                    self.judge_hole(index, &by, "is not shown every tick");
                }
            }
            if back {
                self.judge_hole(index, &[server], "is shown an earlier tick");
            }
            if back || world.tick > shown.1 + 1 {
                // What lies between may belong to another branch: what was applied there says nothing about this one.
                self.clients[index].applied.clear();
            }
        }
        let client = &mut self.clients[index];
        // What the newer socket began with has been reached: all that it brought since then is there.
        let newer = &client.lines[newest];
        let reached = at < newest && newer.first.is_some_and(|first| first <= world_shown);
        let ahead = newer.last.map(|(last, to, _)| (last, to)).filter(|last| reached && *last >= world_shown);
        world_shown = ahead.unwrap_or(world_shown);
        let gap = now.saturating_sub(client.shown_at);
        client.shown = Some(world_shown);
        client.shown_at = now;
        let asked: Vec<MemberId> = client.lines.iter().map(|line| line.server).collect();
        let mut by = std::mem::replace(&mut client.shown_by, vec![asked[at]]);
        self.judge_inputs(index, world, durable);
        if !by.is_empty() {
            by.extend(asked);
            self.judge_gap(index, &by, gap);
        }
        self.clients[index].stranded = false;
        if at == newest && newest > 0 || ahead.is_some() {
            self.take_over(index);
        }
    }

    /// The newest socket shows the game: the others may go.
    fn take_over(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let newest = client.lines.len() - 1;
        client.shown_by.push(client.lines[newest].server);
        let old: Vec<Line> = client.lines.drain(..newest).collect();
        for line in old {
            self.hang_up(index, &line);
        }
    }

    /// Every world holds the player's first inputs, each once and in order, and all that were called durable.
    fn judge_inputs(&mut self, index: usize, world: &Toy, durable: Option<u64>) {
        let client = &mut self.clients[index];
        let applied = world.applied(client.player);
        if self.lost.contains(&client.game) {
            client.safe = client.safe.min(applied.count);
        }
        let (safe, made) = (client.safe, client.made.len());
        client.counted = applied.count;
        if client.expected.get(applied.count as usize) != Some(&applied) {
            self.oracle.fail(format!(
                "promise 4: of player {index} {applied:?} is applied at tick {}, which is not what the first of {made} inputs come to",
                world.tick
            ));
            return;
        }
        if applied.count < safe {
            self.oracle.fail(format!(
                "promise 4: player {index} was told that input {safe} is safe, {} are there",
                applied.count
            ));
            return;
        }
        let Some(durable) = durable else {
            // What was applied on another branch says nothing about this one.
            client.applied.clear();
            return;
        };
        client.applied.push_back((world.tick, applied.count));
        while client.applied.front().is_some_and(|(tick, _)| *tick <= durable) {
            client.safe = client.safe.max(client.applied.pop_front().map_or(0, |(_, seq)| seq));
        }
        client.applied.truncate(1024);
    }

    pub fn down(&mut self, socket: u64, client: usize, message: Down) {
        let at = self.now + 2_000;
        self.at(at, Action::Down { client, socket, message });
    }
}
