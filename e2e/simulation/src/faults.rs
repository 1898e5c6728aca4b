//! What goes wrong, and when.

use crate::broken::Broken;
use crate::cluster::{Action, Cluster, Down};
use crate::net::pair;
use crate::plan::{Blow, Isolation, Kind, Loss, Outage};
use crate::server::{Server, short};
use ownership::Event;
use protocol::{GameId, MemberId};
use rand::Rng;
use registry::{Reason, Request};

/// Between two looks of a leaving process whether it may end.
const LOOK_US: u64 = 50_000;
/// Players that have stayed are sent away again after so long.
const GO_AWAY_AGAIN_US: u64 = 500_000;
/// In runs in which nothing may be missed a server's links break at most once in so long: an edge that lacks more than a
/// ring of frames starts anew.
const LINKS_REST_US: u64 = 2_500_000;

/// A server that was cut off from the registry has renewed its lease so long after.
const LOOK_AGAIN_US: u64 = 1_000_000;
/// Longest that a link cannot be set up again where nothing may be missed, and elsewhere.
const SHORT_CUT_US: u64 = 400_000;
/// As above.
const LONG_CUT_US: u64 = 2_500_000;

/// The oldest copy that a registry comes back with is made then: games have just been created.
const BACKUP_US: u64 = 1_200_000;

#[derive(Clone, Debug)]
pub enum Fault {
    /// One at random, and then the next one.
    Any,
    /// A new server comes.
    Add,
    /// It gets its SIGTERM, and is killed when the grace is over.
    Leave(MemberId),
    /// All get it.
    LeaveAll,
    /// Whoever carries the rollout out looks again.
    Roll,
    /// The rollout is taken back.
    Undo,
    /// Its grace is over.
    GraceEnds(MemberId),
    /// It says GoAway to its players.
    GoAway(MemberId),
    /// It exits when nothing is left to do.
    Exit(MemberId),
    /// The registry is away for so long, for that server or for all.
    Outage(Option<MemberId>, u64),
    /// One that runs what was ceded to it leaves within so long, and another comes.
    Another(u64),
    /// The registry starts again with what it had.
    NewRun(u32),
    /// A copy of the registry is made.
    Backup,
    /// The registry is away for so long, and comes back with what that copy holds, or with nothing.
    Lose { lasts: u64, copy: bool },
    /// It is back.
    Restore { copy: bool },
    /// Some link breaks, as soon as there is one that may.
    Cut,
    /// Some server reaches none of the others, as soon as there are enough of them.
    Isolate(Isolation),
    /// Some server ends without having left.
    Crash,
    /// To the parties of a cede.
    CedeBlow { blow: Blow, game: GameId, from: MemberId, to: MemberId },
    /// To the parties of a move.
    Blow { blow: Blow, game: GameId, from: MemberId, to: MemberId },
}

impl Cluster {
    pub fn plan_faults(&mut self) {
        if let Some(rollout) = self.plan.rollout {
            self.rolled = false;
            self.at(rollout.at, Action::Fault(Fault::Roll));
            if let Some(undo) = rollout.undo {
                self.at(undo, Action::Fault(Fault::Undo));
            }
        }
        if let Some((at, back)) = self.plan.all_leave {
            self.at(at, Action::Fault(Fault::LeaveAll));
            for number in 0..self.plan.servers as u64 {
                self.at(back + number * 30_000, Action::Fault(Fault::Add));
            }
        }
        for (times, fault) in
            [(self.plan.cuts.clone(), Fault::Cut), (self.plan.crashes.clone(), Fault::Crash)]
        {
            for at in times {
                self.at(at, Action::Fault(fault.clone()));
            }
        }
        if let Some(Loss { at, lasts, age }) = self.plan.loss {
            if let Some(age) = age {
                self.at(at.saturating_sub(age).max(BACKUP_US), Action::Fault(Fault::Backup));
            }
            self.at(at, Action::Fault(Fault::Lose { lasts, copy: age.is_some() }));
        }
        if let Some(isolation) = self.plan.isolation {
            self.at(isolation.at, Action::Fault(Fault::Isolate(isolation)));
        }
        if self.plan.fault_every != u64::MAX {
            self.at(2_000_000, Action::Fault(Fault::Any));
        }
    }

    /// Those that are not leaving.
    pub fn stays(&self) -> Vec<MemberId> {
        let stays = self.servers.values().filter(|server| server.alive && !server.terminating);
        stays.map(|server| server.id).collect()
    }

    pub fn count(&mut self, fault: &'static str) {
        self.note(|| format!("FAULT {fault}"));
        *self.coverage.faults.entry(fault).or_default() += 1;
    }

    pub fn fault(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::Any => self.any_fault(),
            Fault::Add => self.replace(),
            Fault::Leave(id) => self.leave(id),
            Fault::LeaveAll => {
                self.count("all leave");
                // Whoever was carrying a rollout out has nothing left to replace.
                self.plan.rollout = None;
                self.rolled = true;
                for id in self.stays() {
                    self.leave(id);
                }
                // Of the parkings to come, some are carried out unheard.
                for game in self.games.clone() {
                    if self.rng.random_bool(0.3) {
                        self.doomed.insert(game, Blow::LoseAnswer);
                    }
                }
            }
            Fault::Roll => {
                if !self.rolled {
                    self.roll();
                }
            }
            Fault::Undo => {
                if self.plan.rollout.is_some() {
                    self.undo();
                }
            }
            Fault::GoAway(id) => {
                for (socket, client) in self.sockets_of(id) {
                    self.down(socket, client, Down::GoAway);
                }
            }
            Fault::Exit(id) => self.may_exit(id),
            Fault::GraceEnds(id) => {
                if self.servers.get(&id).is_some_and(|server| server.alive) {
                    self.coverage.count("killed when the grace ended");
                    self.judge_late_leaver(id);
                    self.kill(id, true);
                }
            }
            Fault::Cut => {
                let longest = if self.plan.misses_nothing() { SHORT_CUT_US } else { LONG_CUT_US };
                let stays = self.stays();
                let cut = !stays.is_empty() && {
                    let one = stays[self.rng.random_range(0..stays.len())];
                    self.cut_some_link(one, longest)
                };
                if !cut && now < self.plan.faults_until {
                    self.at(now + LOOK_US, Action::Fault(Fault::Cut));
                }
            }
            Fault::Isolate(isolation) => {
                if !self.isolate(isolation) && now < self.plan.faults_until {
                    self.at(now + LOOK_US, Action::Fault(Fault::Isolate(isolation)));
                }
            }
            Fault::Crash => {
                let stays = self.stays();
                if stays.is_empty() {
                    self.at(now + LOOK_US, Action::Fault(Fault::Crash));
                } else {
                    let one = stays[self.rng.random_range(0..stays.len())];
                    let refuses = self.rng.random_bool(0.6);
                    self.crash(one, refuses);
                }
            }
            Fault::Outage(Some(id), micros) => self.blind(id, micros),
            Fault::Outage(None, micros) => {
                self.count("registry away at the end of a drain");
                self.away_until = self.away_until.max(now + micros);
                self.outage_until = self.outage_until.max(self.away_until);
            }
            Fault::Another(grace_us) => {
                let runs = |id: &MemberId| {
                    let mut own = self.servers[id].hubs.values().filter_map(|hub| hub.own.as_ref());
                    own.any(|own| own.provisional)
                };
                if let Some(one) = self.stays().into_iter().find(runs) {
                    self.leave_within(one, grace_us);
                    self.replace();
                }
            }
            Fault::NewRun(number) => self.store.set_run_id(format!("run-{number}")),
            Fault::Backup => self.backup = Some(self.store.clone()),
            Fault::Lose { lasts, copy } => {
                self.count(if copy {
                    "registry restored from an older copy"
                } else {
                    "registry back with nothing"
                });
                self.away_until = self.away_until.max(now + lasts);
                self.outage_until = self.outage_until.max(self.away_until);
                self.at(now + lasts, Action::Fault(Fault::Restore { copy }));
            }
            Fault::Restore { copy } => self.restore(copy),
            Fault::CedeBlow { blow, game, from, to } => self.blow(blow, game, from, to),
            Fault::Blow { blow, game, from, to } => {
                if now < self.plan.faults_until {
                    self.blow(blow, game, from, to);
                }
            }
        }
    }

    fn leave(&mut self, id: MemberId) {
        let (least, most) = self.plan.grace;
        let grace_us = self.rng.random_range(least..most);
        self.leave_within(id, grace_us);
    }

    /// SIGTERM.
    fn leave_within(&mut self, id: MemberId, mut grace_us: u64) {
        let now = self.now;
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.alive && !server.terminating)
        else {
            return;
        };
        server.terminating = true;
        self.count("leave");
        self.note(|| format!("{} leaves", short(id)));
        self.hit_member(id, None, "target leaves");
        if let Some(outage) = self.plan.outage.take() {
            if outage.after > 0 {
                self.plan.outage = Some(Outage { after: outage.after - 1, ..outage });
            } else {
                grace_us = outage.grace;
                let alone = (!outage.for_all).then_some(id);
                self.at(now + outage.begins, Action::Fault(Fault::Outage(alone, outage.lasts)));
                if let Some((after, grace_us)) = outage.another {
                    self.at(now + after, Action::Fault(Fault::Another(grace_us)));
                }
                (self.cede_blow, self.target_leaves) = (outage.blow, outage.target_leaves);
            }
        }
        if self.plan.broken != Some(Broken::LeavesWithoutMoving) {
            self.deliver(id, now, Event::Terminate { grace_us });
        }
        let soon = now + self.rng.random_range(20_000..600_000);
        self.at(soon, Action::Fault(Fault::GoAway(id)));
        self.at(now + LOOK_US, Action::Fault(Fault::Exit(id)));
        self.at(now + grace_us, Action::Fault(Fault::GraceEnds(id)));
    }

    fn may_exit(&mut self, id: MemberId) {
        let now = self.now;
        let Some(server) = self.servers.get(&id).filter(|server| server.alive) else { return };
        let no_sockets = server.hubs.values().all(|hub| hub.sockets.is_empty());
        let runs_nothing = server.hubs.values().all(|hub| hub.own.is_none());
        let drained = match self.plan.broken {
            Some(Broken::ExitTooSoon) => runs_nothing,
            _ => server.member.is_drained(),
        };
        if drained && no_sockets && !server.paused(now) {
            self.judge_exit(id);
            self.call(None, Request::Leave(id));
            let peers = self.links_of(id);
            self.kill(id, true);
            for peer in peers {
                if let Some(link) = self.links.get_mut(&pair(id, peer)) {
                    link.flushes = true;
                }
            }
            return;
        }
        if now / GO_AWAY_AGAIN_US != (now - LOOK_US) / GO_AWAY_AGAIN_US {
            self.fault(Fault::GoAway(id));
        }
        self.at(now + LOOK_US, Action::Fault(Fault::Exit(id)));
    }

    fn sockets_of(&self, id: MemberId) -> Vec<(u64, usize)> {
        let hubs = self.servers.get(&id).into_iter().flat_map(|server| server.hubs.values());
        hubs.flat_map(|hub| hub.sockets.iter().map(|(socket, state)| (*socket, state.client))).collect()
    }

    /// Another server of the wanted revision comes.
    pub fn replace(&mut self) {
        let target = self.target;
        self.new_server(None, target);
    }

    /// The process ends without having left; another one comes in its place.
    pub fn crash(&mut self, id: MemberId, refuses: bool) {
        if !self.servers.get(&id).is_some_and(|server| server.alive) {
            return;
        }
        self.count(if refuses { "kill" } else { "host gone" });
        self.of_kind().crashes += 1;
        self.hit_member(id, Some("owner dies"), "target dies");
        self.kill(id, refuses);
        self.replace();
    }

    fn kill(&mut self, id: MemberId, refuses: bool) {
        let Some(server) = self.servers.get(&id).filter(|server| server.alive) else { return };
        let terminating = server.terminating;
        self.note(|| format!("{} {}", short(id), if terminating { "ends" } else { "is killed" }));
        if refuses {
            for (socket, client) in self.sockets_of(id) {
                self.down(socket, client, Down::Closed);
            }
        }
        let now = self.now;
        self.lose_with(id);
        if let Some(server) = self.servers.get_mut(&id) {
            server.alive = false;
        }
        for peer in self.links_of(id) {
            // A host that is gone is noticed by its silence.
            self.break_link(id, peer, if refuses { 0 } else { 1_000_000 });
        }
        if let Some(server) = self.servers.get_mut(&id) {
            (server.alive, server.refuses) = (false, refuses);
            server.note_lapse(now);
            server.hubs.clear();
        }
        self.moves.retain(|_, m| m.from != id);
    }

    /// The process stops for a while.
    pub fn pause(&mut self, id: MemberId, micros: u64) {
        let now = self.now;
        self.count("pause");
        self.hit_member(id, Some("owner stops"), "target stops");
        self.note(|| format!("{} stops for {micros} us", short(id)));
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.alive) else { return };
        server.paused_until = server.paused_until.max(now + micros);
        server.stopped(now, micros);
        self.lose_with(id);
        if micros > 600_000 {
            for peer in self.links_of(id) {
                self.break_link(id, peer, micros);
            }
        }
    }

    /// It alone does not reach the registry.
    pub fn blind(&mut self, id: MemberId, micros: u64) {
        let (now, until) = (self.now, self.now + micros);
        // As with one link.
        if self.plan.misses_nothing() && self.servers.values().any(|server| self.now < server.isolated_until)
        {
            return;
        }
        self.count("cut off from the registry");
        self.hit_member(id, None, "target is cut off from the registry");
        self.note(|| format!("{} is cut off from the registry for {micros} us", short(id)));
        self.outage_until = self.outage_until.max(until);
        if let Some(server) = self.servers.get_mut(&id) {
            if now >= server.blind_until {
                server.blind_from = now;
            }
            server.blind_until = server.blind_until.max(until);
        }
        self.lose_with(id);
    }

    /// Some server reaches none of the others. Says whether there are enough of them.
    fn isolate(&mut self, Isolation { lasts, wholly, .. }: Isolation) -> bool {
        let ready = |id: &MemberId| self.servers[id].member.is_ready();
        let ready: Vec<MemberId> = self.stays().into_iter().filter(ready).collect();
        let blind = |server: &Server| server.blind_until > 0 && self.now < server.blind_until + LOOK_AGAIN_US;
        if ready.len() < 3 || self.plan.misses_nothing() && self.servers.values().any(blind) {
            return false;
        }
        self.count("cut off from all peers");
        let one = ready[self.rng.random_range(0..ready.len())];
        self.note(|| format!("{} is cut off from all others for {lasts} us", short(one)));
        if let Some(server) = self.servers.get_mut(&one) {
            server.isolated_until = self.now + lasts;
        }
        for peer in self.links_of(one) {
            self.break_link(one, peer, lasts);
        }
        // A link that was missing already does not come back before, either.
        let living = self.servers.values().filter(|server| server.alive);
        for id in living.map(|server| server.id).collect::<Vec<_>>() {
            self.lacks_links_until(id, self.now + lasts);
        }
        if wholly {
            self.count("cut off from all peers and the registry");
            self.blind(one, lasts);
        }
        true
    }

    fn any_fault(&mut self) {
        let now = self.now;
        if now >= self.plan.faults_until {
            return;
        }
        let next = now + self.rng.random_range(self.plan.fault_every / 2..self.plan.fault_every * 3 / 2);
        self.at(next, Action::Fault(Fault::Any));
        let stays = self.stays();
        if stays.is_empty() {
            if self.plan.all_leave.is_none() {
                self.replace();
            }
            return;
        }
        let one = stays[self.rng.random_range(0..stays.len())];
        match self.plan.kind {
            Kind::Calm => {}
            Kind::Gentle | Kind::Aimed => self.gentle_fault(one),
            Kind::Stormy => self.stormy_fault(one, stays.len()),
        }
    }

    fn gentle_fault(&mut self, one: MemberId) {
        let now = self.now;
        match self.rng.random_range(0..10) {
            0..2 => {
                self.cut_some_link(one, SHORT_CUT_US);
            }
            2 => {
                let linked = self.servers[&one].links_broke.is_none_or(|at| now > at + LINKS_REST_US);
                let longest = if linked { 4_500_000 } else { 1_000_000 };
                let micros = self.rng.random_range(100_000..longest);
                self.blind(one, micros);
            }
            3 | 4 => {
                self.count("slow registry");
                self.slow_until = now + self.rng.random_range(200_000..1_500_000);
                self.outage_until = self.outage_until.max(self.slow_until);
            }
            5 | 6 => {
                self.count("registry away");
                self.away_until = self.away_until.max(now + self.rng.random_range(50_000..800_000));
                self.outage_until = self.outage_until.max(self.away_until);
            }
            7 => {
                self.leave(one);
                self.replace();
            }
            _ => self.assign_some_game(one),
        }
    }

    fn stormy_fault(&mut self, one: MemberId, stays: usize) {
        let now = self.now;
        match self.rng.random_range(0..12) {
            0 => {
                self.count("add");
                self.replace();
            }
            1 => {
                // The last one leaves, too: with nobody to take its games they are parked.
                self.leave(one);
                if stays == 1 {
                    let at = now + self.rng.random_range(500_000..9_000_000);
                    self.at(at, Action::Fault(Fault::Add));
                }
            }
            2 => {
                let refuses = self.rng.random_bool(0.6);
                self.crash(one, refuses);
            }
            3 => {
                self.count("restart in place");
                self.of_kind().crashes += 1;
                self.hit_member(one, Some("owner dies"), "target dies");
                let server = &self.servers[&one];
                let (pod, revision) = (server.pod.clone(), server.revision);
                let refuses = self.rng.random_bool(0.5);
                self.kill(one, refuses);
                self.new_server(Some(pod), revision);
            }
            4 => {
                let micros = self.rng.random_range(50_000..6_000_000);
                self.pause(one, micros);
            }
            5 | 6 => {
                self.cut_some_link(one, LONG_CUT_US);
            }
            7 => {
                self.count("registry away");
                self.away_until = self.away_until.max(now + self.rng.random_range(50_000..4_000_000));
                self.outage_until = self.outage_until.max(self.away_until);
                if self.rng.random_bool(0.5) {
                    let (at, number) = (self.away_until, self.rng.random());
                    self.at(at, Action::Fault(Fault::NewRun(number)));
                }
            }
            8 => self.assign_some_game(one),
            9 => {
                let micros = self.rng.random_range(100_000..6_000_000);
                self.blind(one, micros);
            }
            10 => {
                self.count("slow registry");
                self.slow_until = now + self.rng.random_range(200_000..2_000_000);
                self.outage_until = self.outage_until.max(self.slow_until);
            }
            _ => {
                self.leave(one);
                self.replace();
            }
        }
    }

    /// Says whether there was one.
    fn cut_some_link(&mut self, one: MemberId, longest_us: u64) -> bool {
        let now = self.now;
        let gentle = self.plan.misses_nothing();
        // One that is cut off from the registry and from a member is rightly taken for dead by it.
        let rested = |server: MemberId| {
            let server = &self.servers[&server];
            !gentle
                || server.links_broke.is_none_or(|at| now > at + LINKS_REST_US)
                    && (server.blind_until == 0 || now > server.blind_until + LOOK_AGAIN_US)
        };
        let peers: Vec<MemberId> = self.links_of(one).into_iter().filter(|peer| rested(*peer)).collect();
        if peers.is_empty() || !rested(one) {
            return false;
        }
        self.count("link");
        let peer = peers[self.rng.random_range(0..peers.len())];
        let micros = self.rng.random_range(0..longest_us);
        self.break_link(one, peer, micros);
        true
    }

    fn assign_some_game(&mut self, one: MemberId) {
        self.count("assign");
        let game = self.games[self.rng.random_range(0..self.games.len())];
        self.touched.insert(game);
        self.assign(game, one, Reason::Move);
    }
}
