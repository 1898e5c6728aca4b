//! What goes wrong, and the operator that may help.

use crate::cluster::{Action, Cluster, Down};
use crate::server::short;
use ownership::Event;
use ownership::placement::{PlacedGame, PlacedMember, place};
use protocol::MemberId;
use rand::Rng;
use registry::{ClusterRecord, Fence, MemberState, Reason, Reply, Request};

/// What Kubernetes gives a pod to leave.
const GRACE_US: u64 = 8_000_000;

#[derive(Clone, Debug)]
pub enum Fault {
    /// One at random, and then the next one.
    Any,
    /// A new server comes.
    Add(String),
    /// It gets its SIGTERM, and is killed when the grace is over.
    Leave(MemberId),
    /// The oldest of those that are not leaving leaves.
    Replace,
    /// Its process is gone.
    Kill { server: MemberId, refuses: bool },
    /// It says GoAway to its players.
    GoAway(MemberId),
    /// It exits when nothing is left to do.
    Exit(MemberId),
    /// The registry starts again with what it had.
    NewRun(u32),
}

impl Cluster {
    pub fn plan_faults(&mut self) {
        if self.plan.rolling {
            for number in 0..self.plan.servers as u64 {
                let at = 2_500_000 + number * 1_700_000;
                self.at(at, Action::Fault(Fault::Add("v2".into())));
                self.at(at + 900_000, Action::Fault(Fault::Replace));
            }
        }
        if !self.plan.calm {
            self.at(2_000_000, Action::Fault(Fault::Any));
        }
    }

    fn stays(&self) -> Vec<MemberId> {
        let stays = self.servers.values().filter(|server| server.alive && !server.terminating);
        stays.map(|server| server.id).collect()
    }

    fn count(&mut self, fault: &'static str) {
        if self.trace {
            println!("{:>10} FAULT {fault}", self.now);
        }
        *self.coverage.faults.entry(fault).or_default() += 1;
    }

    pub fn fault(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::Any => self.any_fault(),
            Fault::Add(revision) => drop(self.new_server(None, &revision)),
            Fault::Replace => {
                let oldest = self.stays().into_iter().find(|id| self.servers[id].revision == "v1");
                if let Some(id) = oldest {
                    self.fault(Fault::Leave(id));
                }
            }
            Fault::Leave(id) => {
                let Some(server) = self.servers.get_mut(&id).filter(|server| !server.terminating) else {
                    return;
                };
                server.terminating = true;
                self.count("leave");
                self.tell_of(id, "leaves");
                self.deliver(id, now, Event::Terminate { grace_us: GRACE_US });
                let soon = now + self.rng.random_range(20_000..600_000);
                self.at(soon, Action::Fault(Fault::GoAway(id)));
                self.at(now + 1_500_000, Action::Fault(Fault::Exit(id)));
                self.at(now + GRACE_US, Action::Fault(Fault::Kill { server: id, refuses: true }));
            }
            Fault::GoAway(id) => {
                for (socket, client) in self.sockets_of(id) {
                    self.down(socket, client, Down::GoAway);
                }
            }
            Fault::Exit(id) => {
                let Some(server) = self.servers.get(&id).filter(|server| server.alive) else { return };
                let idle =
                    server.member.is_drained() && server.hubs.values().all(|hub| hub.sockets.is_empty());
                if idle {
                    self.call(None, Request::Leave(id));
                    self.fault(Fault::Kill { server: id, refuses: true });
                } else {
                    self.fault(Fault::GoAway(id));
                    self.at(now + 200_000, Action::Fault(Fault::Exit(id)));
                }
            }
            Fault::Kill { server: id, refuses } => self.kill(id, refuses),
            Fault::NewRun(number) => self.store.set_run_id(format!("run-{number}")),
        }
    }

    fn tell_of(&self, id: MemberId, what: &str) {
        if self.trace {
            println!("{:>10} {} {what}", self.now, short(id));
        }
    }

    fn sockets_of(&self, id: MemberId) -> Vec<(u64, usize)> {
        let hubs = self.servers.get(&id).into_iter().flat_map(|server| server.hubs.values());
        hubs.flat_map(|hub| hub.sockets.iter().map(|(socket, state)| (*socket, state.client))).collect()
    }

    fn kill(&mut self, id: MemberId, refuses: bool) {
        let Some(server) = self.servers.get(&id).filter(|server| server.alive) else { return };
        self.tell_of(id, if server.terminating { "ends" } else { "is killed" });
        if refuses {
            for (socket, client) in self.sockets_of(id) {
                self.down(socket, client, Down::Closed);
            }
        }
        let now = self.now;
        for peer in self.links_of(id) {
            // A host that is gone is noticed by its silence.
            self.break_link(id, peer, if refuses { 0 } else { 1_000_000 });
        }
        if let Some(server) = self.servers.get_mut(&id) {
            (server.alive, server.refuses) = (false, refuses);
            server.note_lapse(now);
            server.hubs.clear();
        }
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
            self.count("add");
            self.new_server(None, "v2");
            return;
        }
        let one = stays[self.rng.random_range(0..stays.len())];
        match self.rng.random_range(0..10) {
            0 => {
                self.count("add");
                self.new_server(None, "v2");
            }
            1 => {
                // The last one leaves, too: with nobody to take its games they are parked.
                self.fault(Fault::Leave(one));
                if stays.len() == 1 {
                    let at = now + self.rng.random_range(500_000..9_000_000);
                    self.at(at, Action::Fault(Fault::Add("v2".into())));
                }
            }
            2 => {
                let refuses = self.rng.random_bool(0.6);
                self.count(if refuses { "kill" } else { "host gone" });
                self.kill(one, refuses);
                self.new_server(None, "v1");
            }
            3 => {
                self.count("restart in place");
                let server = &self.servers[&one];
                let (pod, revision) = (server.pod.clone(), server.revision.clone());
                let refuses = self.rng.random_bool(0.5);
                self.kill(one, refuses);
                self.new_server(Some(pod), &revision);
            }
            4 => {
                self.count("pause");
                let micros = self.rng.random_range(50_000..6_000_000);
                if let Some(server) = self.servers.get_mut(&one) {
                    server.paused_until = now + micros;
                }
                if micros > 600_000 {
                    for peer in self.links_of(one) {
                        self.break_link(one, peer, micros);
                    }
                }
            }
            5 | 6 => {
                self.count("link");
                let peers = self.links_of(one);
                if !peers.is_empty() {
                    let peer = peers[self.rng.random_range(0..peers.len())];
                    let micros = self.rng.random_range(0..2_500_000);
                    self.break_link(one, peer, micros);
                }
            }
            7 => {
                self.count("registry away");
                self.away_until = now + self.rng.random_range(50_000..4_000_000);
                if self.rng.random_bool(0.5) {
                    let (at, number) = (self.away_until, self.rng.random());
                    self.at(at, Action::Fault(Fault::NewRun(number)));
                }
            }
            8 => {
                self.count("assign");
                let games = self.games_in_registry();
                if !games.is_empty() {
                    let (game, _) = games[self.rng.random_range(0..games.len())].clone();
                    self.assign(&game, one, Reason::Move);
                }
            }
            _ => {
                self.count("leave");
                self.fault(Fault::Leave(one));
                self.new_server(None, "v2");
            }
        }
    }

    fn games_in_registry(&mut self) -> Vec<(PlacedGame, Fence)> {
        let Reply::Games(records) = self.store.apply(0, Request::Games).0 else { return Vec::new() };
        let placed = |record: registry::GameRecord| {
            let fence = Fence { epoch: record.epoch, owner: record.owner };
            let next = record.next.map(|(next, _)| next);
            (PlacedGame { id: record.id, owner: record.owner, next, rules: record.rules }, fence)
        };
        records.into_iter().map(placed).collect()
    }

    fn assign(&mut self, game: &PlacedGame, next: MemberId, reason: Reason) {
        let Some(record) = self.record(game.id) else { return };
        let expect = Fence { epoch: record.epoch, owner: record.owner };
        self.call(None, Request::Assign { game: game.id, expect, next, reason });
    }

    /// As the operator: it knows which pods are leaving and which containers have ended, and places their games.
    pub fn operate(&mut self) {
        let at = self.now + self.rng.random_range(20_000..150_000);
        self.at(at, Action::Operator);
        if self.now < self.away_until {
            return;
        }
        let Reply::Members { members, .. } = self.store.apply(0, Request::Members).0 else { return };
        let newest = members.iter().max_by_key(|member| member.joined).map(|member| member.revision.clone());
        let target = newest.unwrap_or_default();
        let placed: Vec<PlacedMember> = members
            .iter()
            .filter(|member| self.servers.get(&member.id).is_some_and(|server| server.alive))
            .map(|member| PlacedMember {
                id: member.id,
                accepts: member.state == MemberState::Ready && !self.servers[&member.id].terminating,
                revision: member.revision.clone(),
                rules_min: member.rules_min,
                rules_max: member.rules_max,
            })
            .collect();
        let games: Vec<PlacedGame> = self.games_in_registry().into_iter().map(|(game, _)| game).collect();
        for (id, next) in place(&games, &placed, &target) {
            let Some(game) = games.iter().find(|game| game.id == id && game.next != Some(next)).cloned()
            else {
                continue;
            };
            let Some(owner) = game.owner.and_then(|owner| self.servers.get(&owner)) else { continue };
            let reason =
                if owner.alive { Reason::Move } else { Reason::Dead("its container has ended".into()) };
            self.assign(&game, next, reason);
        }
        self.call(
            None,
            Request::PublishCluster(ClusterRecord { target_revision: target, rules: 1, beat: 0 }),
        );
    }
}
