//! The run of one seed: the queue of what happens when, the registry behind a bad line, and the verdict.

use crate::client::Client;
use crate::faults::Fault;
use crate::hub::Own;
use crate::net::{Link, pair};
use crate::oracle::{Oracle, fence_mut};
use crate::plan::{Broken, Plan};
use crate::server::{Server, short, snapshot};
use crate::toy::{Frame, Toy};
use ownership::{CallId, Event, Member, Settings};
use protocol::peer::{GameSettings, PeerMessage};
use protocol::{Epoch, GameId, MemberId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use registry::memory::Store;
use registry::{Fence, GameRecord, Hint, MemberRecord, MemberState, RegistryError, Reply, Request};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

/// Length of a tick, microseconds.
pub const TICK: u64 = protocol::TICK_MICROS;
/// A call to the registry that is not answered in this time never is.
const CALL_TIMEOUT_US: u64 = 500_000;
/// Milliseconds since 1970 at the beginning of a run.
const BEGAN_MS: u64 = 1_700_000_000_000;
/// A calm rolling replacement may cost a player at most this, microseconds.
const CALM_GAP_US: u64 = 150_000;

/// The last pause and the last outage end within so long after the last fault began.
const SETTLED_US: u64 = 6_500_000;
/// Longest that a game may be without a running owner then.
const UNSERVED_US: u64 = 4_500_000;

/// What a server sends to a player.
#[derive(Clone, Debug)]
pub enum Down {
    Keyframe { epoch: Epoch, world: Toy, rewind: bool },
    Frame { epoch: Epoch, frame: Frame },
    GoAway,
    Closed,
}

#[derive(Debug)]
pub enum Action {
    ToMember(MemberId, Event),
    Wake(MemberId),
    Tick(MemberId, GameId, u64),
    /// Every 20 ms: edges with players are woken, links are dialled.
    Beat,
    Peer {
        from: MemberId,
        to: MemberId,
        generation: u64,
        message: PeerMessage,
    },
    /// A request arrives at the registry.
    Arrives {
        caller: Option<(MemberId, CallId)>,
        request: Request,
        answered: bool,
    },
    Down {
        client: usize,
        socket: u64,
        message: Down,
    },
    Play(usize),
    Create(GameId),
    Operator,
    Fault(Fault),
}

struct Entry {
    at: u64,
    number: u64,
    action: Action,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// How often what happened, over one or many runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Ticks run.
    pub ticks: u64,
    /// Games whose owner was stopped for long, and had to ask whether it still is.
    pub stalled: u64,
    /// Games that changed hands, by cause.
    pub moves: BTreeMap<&'static str, u64>,
    /// Hand-overs that were called off.
    pub aborted: u64,
    /// Games put into the registry by a leaving server.
    pub parked: u64,
    /// Fresh epochs taken after an answer was lost.
    pub bumps: u64,
    /// Writes that the registry refused as stale.
    pub stale: u64,
    /// Ownerships that began below what players may have seen.
    pub rewinds: u64,
    /// Keyframes that broke a player's chain.
    pub resets: u64,
    /// Links that broke, and connections that were refused.
    pub links_lost: u64,
    /// As above.
    pub refused: u64,
    /// Calls whose request, or answer, was lost, or that were carried out after that.
    pub requests_lost: u64,
    /// As above.
    pub answers_lost: u64,
    /// As above.
    pub requests_late: u64,
    /// Answers of moves among those.
    pub commits_unanswered: u64,
    /// Players' sockets that were cut.
    pub sockets_lost: u64,
    /// Players that tried another server because nothing came.
    pub reconnects: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Longest time between two ticks that a player was shown, microseconds.
    pub longest_gap: u64,
}

impl Coverage {
    /// Adds another run's.
    pub fn add(&mut self, other: &Coverage) {
        self.ticks += other.ticks;
        self.stalled += other.stalled;
        self.aborted += other.aborted;
        self.parked += other.parked;
        self.bumps += other.bumps;
        self.stale += other.stale;
        self.rewinds += other.rewinds;
        self.resets += other.resets;
        self.links_lost += other.links_lost;
        self.refused += other.refused;
        self.requests_lost += other.requests_lost;
        self.answers_lost += other.answers_lost;
        self.requests_late += other.requests_late;
        self.commits_unanswered += other.commits_unanswered;
        self.sockets_lost += other.sockets_lost;
        self.reconnects += other.reconnects;
        self.longest_gap = self.longest_gap.max(other.longest_gap);
        for (from, into) in [(&other.moves, &mut self.moves), (&other.faults, &mut self.faults)] {
            for (name, count) in from {
                *into.entry(*name).or_default() += count;
            }
        }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What happened in it.
    pub coverage: Coverage,
    /// The first broken promise: when (microseconds of virtual time), and which.
    pub broken: Option<(u64, String)>,
}

pub struct Cluster {
    pub now: u64,
    number: u64,
    queue: BinaryHeap<Reverse<Entry>>,
    pub rng: StdRng,
    pub plan: Plan,
    pub store: Store,
    /// Nobody reaches the registry before.
    pub away_until: u64,
    pub servers: BTreeMap<MemberId, Server>,
    pub clients: Vec<Client>,
    pub links: BTreeMap<(MemberId, MemberId), Link>,
    pub oracle: Oracle,
    pub coverage: Coverage,
    pub trace: bool,
    pub next_socket: u64,
    pub next_server: u64,
    games: Vec<GameId>,
    /// When each game was last seen with a running owner.
    served_at: BTreeMap<GameId, u64>,
}

/// Runs a seed to its end, or to the first broken promise.
pub fn run(seed: u64, broken: Option<Broken>, trace: bool) -> Outcome {
    let plan = Plan::of(seed, broken);
    if trace {
        println!("{plan:?}");
    }
    let mut cluster = Cluster {
        now: 0,
        number: 0,
        queue: BinaryHeap::new(),
        rng: StdRng::seed_from_u64(seed),
        store: Store::new("run-1"),
        away_until: 0,
        servers: BTreeMap::new(),
        clients: Vec::new(),
        links: BTreeMap::new(),
        oracle: Oracle::default(),
        coverage: Coverage::default(),
        trace,
        next_socket: 0,
        next_server: 0,
        games: (1..=plan.games as u64).map(GameId).collect(),
        served_at: BTreeMap::new(),
        plan,
    };
    cluster.begin();
    let ends = cluster.plan.ends;
    while let Some(Reverse(entry)) = cluster.queue.pop() {
        if entry.at > ends || cluster.oracle.broken.is_some() {
            break;
        }
        cluster.now = entry.at;
        cluster.act(entry.action);
    }
    if cluster.oracle.broken.is_none() {
        cluster.judge_the_end();
    }
    let broken = cluster.oracle.broken.take().map(|sentence| (cluster.now, sentence));
    if let (true, Some((at, sentence))) = (trace, &broken) {
        println!("{at:>10} BROKEN {sentence}");
    }
    Outcome { coverage: cluster.coverage, broken }
}

impl Cluster {
    pub fn at(&mut self, at: u64, action: Action) {
        self.number += 1;
        let at = at.max(self.now);
        self.queue.push(Reverse(Entry { at, number: self.number, action }));
    }

    pub fn deliver(&mut self, id: MemberId, at: u64, event: Event) {
        self.at(at, Action::ToMember(id, event));
    }

    fn begin(&mut self) {
        for _ in 0..self.plan.servers {
            self.new_server(None, "v1");
        }
        for game in self.games.clone() {
            self.at(1_000_000, Action::Create(game));
        }
        for index in 0..self.plan.clients {
            let game = self.games[index % self.games.len()];
            self.clients.push(Client::new(game, 1000 + index as u64));
            self.at(1_500_000 + index as u64 * 7_000, Action::Play(index));
        }
        self.at(0, Action::Beat);
        if self.plan.operator {
            self.at(1_000_000, Action::Operator);
        }
        self.plan_faults();
    }

    /// `in_place`: the pod whose container starts again.
    pub fn new_server(&mut self, in_place: Option<String>, revision: &str) -> MemberId {
        self.next_server += 1;
        let id = MemberId(self.next_server);
        let pod = in_place.unwrap_or_else(|| format!("pod-{}", id.0));
        let record = MemberRecord {
            id,
            name: pod.clone(),
            address: format!("10.0.0.{}:7946", id.0),
            pod_uid: pod.clone(),
            container: "gamed".into(),
            revision: revision.into(),
            build: revision.into(),
            state: MemberState::Joining,
            games: 0,
            players: 0,
            rules_min: 1,
            rules_max: 1,
            renewals: 0,
            joined: 0,
        };
        let hasty = self.plan.broken == Some(Broken::ClaimWithoutWaiting) && id.0.is_multiple_of(2);
        let settings = if hasty {
            Settings {
                lease_us: 300_000,
                renew_us: 100_000,
                margin_us: 0,
                poll_us: 50_000,
                ..Settings::default()
            }
        } else {
            Settings::default()
        };
        let offset = self.rng.random_range(0..1_000_000_000_000);
        let mut server = Server {
            id,
            member: Member::new(record, settings, ownership::Time(self.now + offset), self.rng.random()),
            offset,
            alive: true,
            refuses: true,
            paused_until: 0,
            peers: Vec::new(),
            hubs: BTreeMap::new(),
            pod,
            revision: revision.into(),
            terminating: false,
            lapsed: Some(self.now),
            wake: None,
        };
        server.wake = Some(self.now);
        self.servers.insert(id, server);
        let now = self.now;
        self.at(now, Action::Wake(id));
        id
    }

    fn act(&mut self, action: Action) {
        // A stopped process does nothing; what comes for it waits.
        let target = match &action {
            Action::ToMember(id, _) | Action::Wake(id) | Action::Tick(id, ..) => Some(*id),
            Action::Peer { to, .. } => Some(*to),
            _ => None,
        };
        if let Some(server) = target.and_then(|id| self.servers.get(&id)) {
            if !server.alive {
                return;
            }
            if server.paused(self.now) {
                let until = server.paused_until;
                return self.at(until, action);
            }
        }
        match action {
            Action::ToMember(id, event) => self.tell(id, event),
            Action::Wake(id) => {
                let due = self
                    .servers
                    .get(&id)
                    .is_some_and(|server| server.wake.is_some_and(|wake| wake <= self.now));
                if due {
                    self.tell(id, Event::Wake);
                }
            }
            Action::Tick(id, game, generation) => self.tick(id, game, generation),
            Action::Beat => self.beat(),
            Action::Peer { from, to, generation, message } => {
                let stands = self
                    .links
                    .get(&pair(from, to))
                    .is_some_and(|link| link.up && link.generation == generation);
                if stands {
                    self.peer(from, to, message);
                }
            }
            Action::Arrives { caller, request, answered } => self.arrives(caller, request, answered),
            Action::Down { client, socket, message } => self.came(client, socket, message),
            Action::Play(client) => self.play(client),
            Action::Create(game) => self.create(game),
            Action::Operator => self.operate(),
            Action::Fault(fault) => self.fault(fault),
        }
    }

    fn beat(&mut self) {
        let at = self.now + TICK;
        self.at(at, Action::Beat);
        if (self.now / TICK).is_multiple_of(5) {
            self.dial_all();
            self.judge_service();
        }
        let awake = self.servers.values().filter(|server| server.alive && !server.paused(self.now));
        let watched: Vec<(MemberId, GameId)> = awake
            .flat_map(|server| {
                let hubs = server.hubs.iter().filter(|(_, hub)| !hub.sockets.is_empty());
                hubs.map(|(game, _)| (server.id, *game))
            })
            .collect();
        for (id, game) in watched {
            self.edge(id, game, ownership::EdgeEvent::Wake);
        }
    }

    /// A user asks some ready server for the game, again and again until the registry has it.
    fn create(&mut self, game: GameId) {
        if self.record(game).is_some() {
            return;
        }
        let again = self.now + 800_000;
        self.at(again, Action::Create(game));
        let ready = self.servers.values().filter(|server| server.alive && server.member.is_ready());
        let ready: Vec<MemberId> = ready.map(|server| server.id).collect();
        if ready.is_empty() {
            return;
        }
        let id = ready[self.rng.random_range(0..ready.len())];
        let world = Toy::new(game.0);
        self.oracle.born(game, &world);
        let settings = GameSettings {
            name: "g".into(),
            maze: String::new(),
            maze_name: "m".into(),
            slots: 8,
            rules: 1,
            bots: 0,
            stays: false,
        };
        self.deliver(id, self.now, Event::Create { game, settings, snapshot: snapshot(&world) });
    }

    /// A request leaves a server (or the operator) for the registry.
    pub fn call(&mut self, caller: Option<(MemberId, CallId)>, request: Request) {
        let now = self.now;
        let way = self.rng.random_range(100..1_500);
        let dice = self.rng.random_range(0..1_000);
        let (lost, unheard, late) = if now < self.plan.faults_until {
            (self.plan.request_lost, self.plan.answer_lost, self.plan.request_late)
        } else {
            (0, 0, 0)
        };
        if now < self.away_until {
            let error = if dice < 500 {
                RegistryError::Refused("away".into())
            } else {
                RegistryError::Unanswered("away".into())
            };
            self.answer(caller, now + 1_000, Err(self.distort(&request, error)));
        } else if dice < lost + unheard + late {
            if matches!(request, Request::CommitMove { .. }) {
                self.coverage.commits_unanswered += 1;
            }
            let error = self.distort(&request, RegistryError::Unanswered("lost".into()));
            self.answer(caller, now + CALL_TIMEOUT_US, Err(error));
            if dice < lost {
                self.coverage.requests_lost += 1;
            } else {
                let (count, at) = if dice < lost + unheard {
                    (&mut self.coverage.answers_lost, now + way)
                } else {
                    (&mut self.coverage.requests_late, now + CALL_TIMEOUT_US + way * 400)
                };
                *count += 1;
                self.at(at, Action::Arrives { caller, request, answered: false });
            }
        } else {
            self.at(now + way, Action::Arrives { caller, request, answered: true });
        }
    }

    fn answer(&mut self, caller: Option<(MemberId, CallId)>, at: u64, reply: Result<Reply, RegistryError>) {
        if let Some((id, call)) = caller {
            self.deliver(id, at, Event::Reply(call, reply));
        }
    }

    /// What the registry holds about a game, for the judge: no call.
    pub fn record(&mut self, game: GameId) -> Option<GameRecord> {
        match self.store.apply(0, Request::Game(game)).0 {
            Reply::Game(record) => Some(record),
            _ => None,
        }
    }

    fn arrives(&mut self, caller: Option<(MemberId, CallId)>, mut request: Request, answered: bool) {
        let asked = request.clone();
        let game = fence_mut(&mut request).map(|(game, _)| game);
        let before = game.and_then(|game| self.record(game));
        if let (Some(Broken::EpochNotChecked), Some(before), Some((_, expect))) =
            (self.plan.broken, &before, fence_mut(&mut request))
        {
            *expect = Fence { epoch: before.epoch, owner: before.owner };
        }
        let (reply, hints) = self.store.apply(BEGAN_MS + self.now / 1_000, request);
        let after = game.and_then(|game| self.record(game));
        self.oracle.written(&asked, &reply, before.as_ref(), after.as_ref());
        match (&asked, &reply) {
            (Request::Claim { game, owner, expect, .. }, Reply::Claimed { .. }) => {
                if let Some(over) = expect.owner.filter(|over| over != owner) {
                    let now = self.now;
                    let lapsed = self.servers.get_mut(&over).and_then(|server| {
                        server.note_lapse(now);
                        server.lapsed
                    });
                    self.oracle.claimed(*game, over, now, lapsed);
                }
            }
            (Request::Bump { .. }, Reply::Granted { .. }) => self.coverage.bumps += 1,
            (Request::Park { .. }, Reply::Granted { .. }) => self.coverage.parked += 1,
            (_, Reply::Stale(_)) => self.coverage.stale += 1,
            _ => {}
        }
        if answered {
            let at = self.now + self.rng.random_range(100..1_500);
            self.answer(caller, at, Ok(reply));
        }
        for hint in hints {
            self.publish(hint);
        }
    }

    fn publish(&mut self, hint: Hint) {
        let ids: Vec<MemberId> = self.servers.keys().copied().collect();
        for id in ids {
            if !self.rng.random_ratio(self.plan.hint_lost.min(1_000), 1_000) {
                let at = self.now + self.rng.random_range(100..3_000);
                self.deliver(id, at, Event::Hint(hint));
            }
        }
    }

    /// The server that the registry names runs the game, under that epoch.
    fn is_served(&mut self, game: GameId) -> bool {
        let Some(record) = self.record(game) else { return false };
        let owner = record.owner.and_then(|owner| self.servers.get(&owner)).filter(|server| server.alive);
        let own = owner.and_then(|server| server.hubs.get(&game)).and_then(|hub| hub.own.as_ref());
        own.is_some_and(|Own { epoch, frozen, .. }| *epoch == record.epoch && !frozen)
    }

    /// Once the last pause and outage are over, no game stays without a running owner for longer than a lease, a claim and
    /// those who step in take.
    fn judge_service(&mut self) {
        let settled = self.plan.faults_until + SETTLED_US;
        for game in self.games.clone() {
            let ready = self.servers.values().any(|server| {
                server.alive && !server.terminating && server.member.is_ready() && !server.paused(self.now)
            });
            if !ready || self.is_served(game) {
                self.served_at.insert(game, self.now);
            }
            let since = self.served_at.get(&game).copied().unwrap_or(0);
            if self.now > settled && self.now - since > UNSERVED_US {
                let record = self.record(game);
                self.oracle.fail(format!("liveness: nobody has run {game} since {since}: {record:?}"));
            }
        }
    }

    /// Faults have been over for long enough: every game runs, and every player sees it.
    fn judge_the_end(&mut self) {
        let alive = self.servers.values().filter(|server| server.alive && !server.terminating).count();
        if alive == 0 {
            return;
        }
        for game in self.games.clone() {
            if !self.is_served(game) {
                let record = self.record(game);
                self.oracle.fail(format!("liveness: nobody runs {game} at the end: {record:?}"));
            }
        }
        for (index, client) in self.clients.iter().enumerate() {
            if self.now - client.shown_at > 200_000 {
                let servers: Vec<String> = client.lines.iter().map(|line| short(line.server)).collect();
                let sentence = format!(
                    "liveness: player {index} on {servers:?} was shown nothing since {}, last {:?}",
                    client.shown_at, client.shown
                );
                self.oracle.fail(sentence);
                break;
            }
        }
        let Coverage { resets, longest_gap, reconnects, .. } = self.coverage;
        if self.plan.calm && (resets > 0 || reconnects > 0 || longest_gap > CALM_GAP_US) {
            self.oracle.fail(format!(
                "promise 5: nothing but planned moves, but {resets} chains broke, {reconnects} players tried anew, and the longest gap was {longest_gap} us"
            ));
        }
    }
}
