//! The run of one seed: the queue of what happens when, who is there, and the verdict.

use crate::aim::Move;
use crate::broken::Broken;
use crate::calls::{Answer, Caller, What};
use crate::client::Client;
use crate::coverage::{Coverage, OfKind};
use crate::faults::Fault;
use crate::net::{Link, pair};
use crate::oracle::Oracle;
use crate::plan::{Blow, Plan, dice};
use crate::server::{Server, snapshot};
use crate::toy::{Frame, Toy};
use ownership::{Event, Member, Settings};
use protocol::peer::{GameSettings, PeerMessage};
use protocol::{Epoch, GameId, MemberId};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use registry::memory::Store;
use registry::{MemberRecord, MemberState, Reply, Request, Snapshot};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt::Write;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

/// Servers hand in what their games ran every so many ticks.
const LOG_TICKS: u64 = 2;
/// Length of a tick, microseconds.
pub const TICK: u64 = protocol::TICK_MICROS;
/// A seed is played with other dice at most so often until it meets its kind's minimum.
const ATTEMPTS: u32 = 12;
/// After the last outage a member that came up during it is ready, claims and is watched within so long: the leases of the dead,
/// and the longest that a game may be without a running owner.
const RECOVERED_US: u64 = 7_500_000;

/// What a server sends to a player.
#[derive(Clone, Debug)]
pub enum Down {
    /// `asked`: by the player; it may lie back.
    Keyframe {
        epoch: Epoch,
        world: Toy,
        asked: bool,
    },
    Frame {
        epoch: Epoch,
        frame: Rc<Frame>,
    },
    GoAway,
    Closed,
}

#[derive(Debug)]
pub enum Action {
    ToMember(MemberId, Event),
    Wake(MemberId),
    Tick(MemberId, GameId, u64),
    /// Every 20 ms: edges with players are woken; every fifth time the cluster is looked at.
    Beat,
    Peer {
        from: MemberId,
        to: MemberId,
        generation: u64,
        message: PeerMessage,
    },
    /// A request arrives at the registry.
    Arrives {
        caller: Option<Caller>,
        what: What,
        request: Request,
        answered: bool,
        sent: u64,
    },
    /// What the registry said arrives.
    Answer(Box<Answer>),
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
    /// Apart, so that the queue moves little.
    action: Box<Action>,
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

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What happened in it.
    pub coverage: Coverage,
    /// The first broken promise: when (microseconds of virtual time), and which.
    pub broken: Option<(u64, String)>,
    /// What happened, line by line, where that was wanted.
    pub trace: Option<String>,
}

pub struct Cluster {
    pub now: u64,
    number: u64,
    queue: BinaryHeap<Reverse<Entry>>,
    pub rng: StdRng,
    pub plan: Plan,
    pub store: Store,
    /// What the registry may come back with, and when it has.
    pub backup: Option<Store>,
    pub restored_at: u64,
    /// Games of which the registry lacks what was called durable, and those whose owners could not put it back.
    pub exposed: BTreeSet<GameId>,
    pub lost: BTreeSet<GameId>,
    /// Nobody reaches the registry before, and it is slow before.
    pub away_until: u64,
    pub slow_until: u64,
    /// The last of all outages of the registry ends, for whomever.
    pub outage_until: u64,
    pub servers: BTreeMap<MemberId, Server>,
    pub clients: Vec<Client>,
    pub links: BTreeMap<(MemberId, MemberId), Link>,
    pub oracle: Oracle,
    pub coverage: Coverage,
    trace: Option<String>,
    pub next_socket: u64,
    pub next_server: u64,
    pub games: Vec<GameId>,
    /// Revision that is wanted, and whether all are of it.
    pub target: &'static str,
    pub rolled: bool,
    pub undone_at: Option<u64>,
    /// When the operator publishes again.
    pub publish_at: u64,
    /// Moves under way.
    pub moves: BTreeMap<GameId, Move>,
    /// Planned moves carried out, by revision of the new owner.
    pub moved: BTreeMap<(GameId, &'static str), u32>,
    /// Games whose moves were disturbed.
    pub touched: BTreeSet<GameId>,
    /// Games whose worlds have panicked, and how often that was counted.
    pub failed: BTreeMap<GameId, u32>,
    /// What becomes of the next write to a game.
    pub doomed: BTreeMap<GameId, Blow>,
    /// Epochs that the registry has granted.
    pub granted: BTreeSet<(GameId, Epoch)>,
    /// What happens to the next member that runs what was ceded to it.
    pub cede_blow: Option<Blow>,
    /// The next target that is ready for what is to be ceded leaves.
    pub target_leaves: bool,
    /// Moves and creations that were carried out after their sender gave them up.
    pub given_late: BTreeSet<(GameId, Epoch)>,
    /// Games whose owner left without knowing that it was.
    pub orphans: BTreeSet<GameId>,
    /// When each game ran its last tick, and how much longer the next one may take.
    pub ran_at: BTreeMap<GameId, u64>,
    pub excuses: BTreeMap<GameId, u64>,
    /// When each game last went on after a long pause.
    pub stood_still: BTreeMap<GameId, u64>,
    /// When each was claimed last.
    pub claimed_at: BTreeMap<GameId, u64>,
    /// When each last went on from a world before what was run, where faults explain it.
    pub went_back_at: BTreeMap<GameId, u64>,
    /// When each game was last seen with a running owner.
    pub served_at: BTreeMap<GameId, u64>,
    pub well_since: u64,
    pub ended: bool,
    /// The machine is being told of its claim to what was moved to it.
    pub claims_own: bool,
    /// For rules that are broken on purpose: worlds and lists as they were.
    pub prepared: BTreeMap<GameId, Snapshot>,
    pub stored: BTreeMap<GameId, (Snapshot, Option<Snapshot>)>,
    pub replica: Option<(u64, Reply)>,
}

/// Runs a seed to its end, or to the first broken promise. One that does not meet the minimum of its kind is played again
/// with other dice, which are the seed's, too.
pub fn run(seed: u64, broken: Option<Broken>, trace: bool) -> Outcome {
    for attempt in 0..ATTEMPTS {
        let mut outcome = run_once(seed, attempt, broken, trace);
        let kind = Plan::of(seed, attempt, broken).kind;
        let of_kind = outcome.coverage.kinds.entry(kind).or_default();
        of_kind.seeds = 1;
        of_kind.redrawn = u64::from(attempt);
        let least = kind.minimum();
        let met = of_kind.moves >= least.moves
            && of_kind.links >= least.links
            && of_kind.crashes >= least.crashes
            && of_kind.aimed >= least.aimed
            && of_kind.inputs >= least.inputs;
        if met || outcome.broken.is_some() || broken.is_some() {
            return outcome;
        }
    }
    let sentence = format!("no dice of {ATTEMPTS} meet the minimum of its kind");
    Outcome { coverage: Coverage::default(), broken: Some((0, sentence)), trace: None }
}

fn run_once(seed: u64, attempt: u32, broken: Option<Broken>, trace: bool) -> Outcome {
    let plan = Plan::of(seed, attempt, broken);
    let mut cluster = Cluster {
        now: 0,
        number: 0,
        queue: BinaryHeap::new(),
        rng: StdRng::seed_from_u64(dice(seed, attempt)),
        store: Store::new("run-1"),
        backup: None,
        restored_at: 0,
        exposed: BTreeSet::new(),
        lost: BTreeSet::new(),
        away_until: 0,
        slow_until: 0,
        outage_until: 0,
        servers: BTreeMap::new(),
        clients: Vec::new(),
        links: BTreeMap::new(),
        oracle: Oracle::default(),
        coverage: Coverage::default(),
        trace: trace.then(|| format!("{plan:#?}\n")),
        next_socket: 0,
        next_server: 0,
        games: (1..=plan.games as u64).map(GameId).collect(),
        target: "v1",
        rolled: true,
        undone_at: None,
        publish_at: 0,
        moves: BTreeMap::new(),
        moved: BTreeMap::new(),
        touched: BTreeSet::new(),
        failed: BTreeMap::new(),
        doomed: BTreeMap::new(),
        granted: BTreeSet::new(),
        cede_blow: None,
        target_leaves: false,
        given_late: BTreeSet::new(),
        orphans: BTreeSet::new(),
        ran_at: BTreeMap::new(),
        excuses: BTreeMap::new(),
        stood_still: BTreeMap::new(),
        claimed_at: BTreeMap::new(),
        went_back_at: BTreeMap::new(),
        served_at: BTreeMap::new(),
        well_since: 0,
        ended: false,
        claims_own: false,
        prepared: BTreeMap::new(),
        stored: BTreeMap::new(),
        replica: None,
        plan,
    };
    cluster.begin();
    // What a machine asserts is a promise, too: the seed is to be told, and the trace kept.
    let played = panic::catch_unwind(AssertUnwindSafe(|| cluster.play_all()));
    if played.is_err() {
        cluster.oracle.fail("an assertion failed, as told above".into());
    }
    cluster.of_kind().inputs = cluster.clients.iter().map(Client::durable_inputs).sum();
    let broken = cluster.oracle.broken.take().map(|sentence| (cluster.now, sentence));
    if let Some((_, sentence)) = &broken {
        cluster.note(|| format!("BROKEN {sentence}"));
    }
    Outcome { coverage: cluster.coverage, broken, trace: cluster.trace }
}

impl Cluster {
    fn play_all(&mut self) {
        while let Some(Reverse(entry)) = self.queue.pop() {
            // The last outage may begin late, with a drain.
            let ends = self.plan.ends.max(self.outage_until + RECOVERED_US);
            if entry.at > ends || self.ended || self.oracle.broken.is_some() {
                break;
            }
            self.now = entry.at;
            self.act(*entry.action);
        }
        if self.oracle.broken.is_none() {
            self.judge_the_end();
        }
    }

    pub fn at(&mut self, at: u64, action: Action) {
        self.number += 1;
        let at = at.max(self.now);
        self.queue.push(Reverse(Entry { at, number: self.number, action: Box::new(action) }));
    }

    pub fn deliver(&mut self, id: MemberId, at: u64, event: Event) {
        self.at(at, Action::ToMember(id, event));
    }

    /// One line of the trace.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{:>10} {}", self.now, line()).expect("a string takes all");
        }
    }

    pub fn of_kind(&mut self) -> &mut OfKind {
        self.coverage.kinds.entry(self.plan.kind).or_default()
    }

    fn begin(&mut self) {
        for _ in 0..self.plan.servers {
            self.new_server(None, "v1");
        }
        for game in self.games.clone() {
            self.at(self.plan.games_at, Action::Create(game));
        }
        for index in 0..self.plan.clients {
            let game = self.games[index % self.games.len()];
            self.clients.push(Client::new(game, 1000 + index as u64));
            self.at(self.plan.games_at + 500_000 + index as u64 * 7_000, Action::Play(index));
        }
        self.at(0, Action::Beat);
        self.at(1_000_000, Action::Operator);
        self.plan_faults();
    }

    /// `in_place`: the pod whose container starts again.
    pub fn new_server(&mut self, in_place: Option<String>, revision: &'static str) -> MemberId {
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
            // v2 has other rules, and steps those of v1, too.
            rules_max: if revision == "v2" { 2 } else { 1 },
            renewals: 0,
            joined: 0,
            settled: String::new(),
        };
        let settings = match self.plan.broken {
            Some(Broken::ClaimWithoutWaiting) if id.0.is_multiple_of(2) => {
                Settings { lease_us: 300_000, renew_us: 100_000, margin_us: 0, ..Settings::default() }
            }
            Some(Broken::LeaseOutlastsWait) if id.0.is_multiple_of(2) => {
                Settings { lease_us: 6_000_000, ..Settings::default() }
            }
            _ => Settings::default(),
        };
        let offset = self.rng.random_range(0..1_000_000_000_000);
        let member = Member::new(record, settings, ownership::Time(self.now + offset), self.rng.random());
        let server = Server::new(id, member, pod, revision, offset, self.now);
        self.servers.insert(id, server);
        let now = self.now;
        self.at(now, Action::Wake(id));
        id
    }

    fn act(&mut self, action: Action) {
        // A stopped process does nothing; what comes for it waits.
        let target = match &action {
            Action::ToMember(id, _) | Action::Wake(id) | Action::Tick(id, ..) => Some(*id),
            Action::Answer(answer) => Some(answer.caller.id),
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
            Action::ToMember(id, event) => {
                match event {
                    Event::LinkUp(member) => self.link_to_hubs(id, member, true),
                    Event::LinkDown { member, refused: false } => self.link_to_hubs(id, member, false),
                    _ => {}
                }
                self.tell(id, event);
            }
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
                    .is_some_and(|link| (link.up || link.flushes) && link.generation == generation);
                if stands {
                    self.peer(from, to, message);
                }
            }
            Action::Arrives { caller, what, request, answered, sent } => {
                self.arrives(caller, what, request, answered, sent);
            }
            Action::Answer(answer) => self.answered(*answer),
            Action::Down { client, socket, message } => self.came(client, socket, message),
            Action::Play(client) => self.play(client),
            Action::Create(game) => self.create(game),
            Action::Operator => self.operate(),
            Action::Fault(fault) => self.fault(fault),
        }
    }

    fn beat(&mut self) {
        self.beat_again();
        if (self.now / TICK).is_multiple_of(5) {
            self.look();
        }
        if (self.now / TICK).is_multiple_of(LOG_TICKS) {
            for id in self.servers.keys().copied().collect::<Vec<MemberId>>() {
                self.hand_in(id);
            }
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
        if self.record(game).is_some() || self.holder(game).is_some() || self.lost.contains(&game) {
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
        let settings = settings(self.servers[&id].member.rules_for_new_games());
        let create = Event::Create { game, settings, snapshot: snapshot(&world, Epoch(0)) };
        self.deliver(id, self.now, create);
    }
}

/// What every game is, but for its rules.
pub fn settings(rules: u16) -> GameSettings {
    GameSettings {
        name: "g".into(),
        maze: String::new(),
        maze_name: "m".into(),
        slots: 8,
        rules,
        bots: 0,
        stays: false,
    }
}
