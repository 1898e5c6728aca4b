//! What kind of run a seed is: how many of what, what goes wrong, and how often at least.

use crate::broken::Broken;
use crate::toy::mix;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How rough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A rollout and nothing else; with an operator, without one, with one that dies, or undone half-way.
    Calm,
    /// A rollout, while links break for moments, calls are lost, late or slow, members are cut off from the registry and
    /// users move games about. Nobody crashes or stops: no tick may be missed.
    Gentle,
    /// As gentle, and worse things happen to the parties of a move in a chosen phase of it.
    Aimed,
    /// Anything, at any time.
    Stormy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Calm, Kind::Gentle, Kind::Aimed, Kind::Stormy];

    /// As printed.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Calm => "calm",
            Kind::Gentle => "gentle",
            Kind::Aimed => "aimed",
            Kind::Stormy => "stormy",
        }
    }

    /// What each run of that kind has to meet.
    pub fn minimum(self) -> Minimum {
        match self {
            Kind::Calm => Minimum { moves: 3, links: 0, crashes: 0, aimed: 0, inputs: 20 },
            Kind::Gentle => Minimum { moves: 3, links: 2, crashes: 0, aimed: 0, inputs: 20 },
            Kind::Aimed => Minimum { moves: 3, links: 1, crashes: 0, aimed: 1, inputs: 20 },
            Kind::Stormy => Minimum { moves: 2, links: 2, crashes: 1, aimed: 0, inputs: 20 },
        }
    }
}

/// The least that a run has to meet; one that does not is played again with other dice.
#[derive(Clone, Copy, Debug)]
pub struct Minimum {
    /// Games that changed hands.
    pub moves: u64,
    /// Links between servers that broke.
    pub links: u64,
    /// Servers that ended without having left.
    pub crashes: u64,
    /// Faults that hit a move in the phase that they were aimed at.
    pub aimed: u64,
    /// Players' inputs that they were told to be durable.
    pub inputs: u64,
}

/// A phase of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The target was asked to get ready.
    Prepare,
    /// It is ready, and the old owner is about to know.
    Prepared,
    /// The old owner's world was told to stop.
    Freeze,
    /// The move was sent to the registry.
    Commit,
    /// The registry's answer is known, and the target is about to be told.
    Hand,
    /// The target runs the game.
    Started,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 6] =
        [Phase::Prepare, Phase::Prepared, Phase::Freeze, Phase::Commit, Phase::Hand, Phase::Started];
}

/// What happens to the parties of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// Its process ends.
    KillOwner,
    /// As above.
    KillTarget,
    /// Its host is gone: nobody is refused there.
    LoseOwner,
    /// As above.
    LoseTarget,
    /// The target gets its SIGTERM.
    LeaveTarget,
    /// It stops for a while.
    PauseOwner,
    /// As above.
    PauseTarget,
    /// The link between the two breaks.
    CutBoth,
    /// All links of the old owner but the one to the target.
    CutOwnerEdges,
    /// All links of the target but the one to the old owner.
    CutTargetEdges,
    /// It alone does not reach the registry for a while.
    BlindOwner,
    /// As above.
    BlindTarget,
    /// The registry answers slowly.
    Slow,
    /// Nobody reaches it.
    Away,
    /// The next write to the game is lost, its answer is lost, or it arrives after its sender has given it up.
    LoseWrite,
    /// As above.
    LoseAnswer,
    /// As above.
    LateWrite,
    /// The game is assigned to somebody else.
    Reassign,
}

impl Blow {
    /// All of them.
    pub const ALL: [Blow; 18] = [
        Blow::KillOwner,
        Blow::KillTarget,
        Blow::LoseOwner,
        Blow::LoseTarget,
        Blow::LeaveTarget,
        Blow::PauseOwner,
        Blow::PauseTarget,
        Blow::CutBoth,
        Blow::CutOwnerEdges,
        Blow::CutTargetEdges,
        Blow::BlindOwner,
        Blow::BlindTarget,
        Blow::Slow,
        Blow::Away,
        Blow::LoseWrite,
        Blow::LoseAnswer,
        Blow::LateWrite,
        Blow::Reassign,
    ];
}

/// What happens to a member that runs what was ceded to it.
const CEDE_BLOWS: [Blow; 6] = [
    Blow::KillTarget,
    Blow::LoseTarget,
    Blow::PauseTarget,
    Blow::BlindTarget,
    Blow::CutTargetEdges,
    Blow::CutBoth,
];

/// A blow that waits for its move.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    /// Moves before are left alone.
    pub after: u64,
    /// In that phase.
    pub phase: Phase,
    /// So long after the phase began.
    pub delay: u64,
    /// What happens.
    pub blow: Blow,
}

/// Whether an operator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// From the beginning to the end.
    Always,
    /// Nobody ever says what the target revision is.
    Never,
    /// It publishes, dies then, and comes back, if at all.
    Dies {
        /// When it dies.
        at: u64,
        /// When it is back.
        back: Option<u64>,
    },
}

/// An input that makes the world panic that applies it.
#[derive(Clone, Copy, Debug)]
pub struct Poison {
    /// Whose.
    pub client: usize,
    /// From that one on.
    pub seq: u32,
    /// Only where a tick is run again: whoever ran it first has borne it.
    pub again: bool,
}

/// All servers are replaced by ones of another revision, one more than wanted at a time.
#[derive(Clone, Copy, Debug)]
pub struct Rollout {
    /// When.
    pub at: u64,
    /// Between two looks of the one who drives it.
    pub step: u64,
    /// `kubectl rollout undo`.
    pub undo: Option<u64>,
}

/// The registry is away at the end of a drain. Times in microseconds, counted from the SIGTERM.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// Servers that leave before are left alone.
    pub after: u32,
    /// For everybody, or for the one that leaves.
    pub for_all: bool,
    /// When it begins.
    pub begins: u64,
    /// How long it lasts.
    pub lasts: u64,
    /// What that server has to leave.
    pub grace: u64,
    /// A member that runs what was ceded leaves so long after it, and has so long to leave.
    pub another: Option<(u64, u64)>,
    /// A target leaves as soon as it has got ready for what is to be ceded to it.
    pub target_leaves: bool,
    /// Happens to a member as soon as it runs what was ceded.
    pub blow: Option<Blow>,
}

/// The registry loses what it had. Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// When it goes away.
    pub at: u64,
    /// How long that lasts.
    pub lasts: u64,
    /// It comes back with what it had so long before it went away, or with nothing.
    pub age: Option<u64>,
}

/// A server reaches none of the others. Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Isolation {
    /// When it begins.
    pub at: u64,
    /// How long it lasts.
    pub lasts: u64,
    /// Nor the registry.
    pub wholly: bool,
}

/// How a run goes. Times in microseconds of virtual time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How rough.
    pub kind: Kind,
    /// Servers at the beginning, and how many a rollout keeps.
    pub servers: usize,
    /// Games.
    pub games: usize,
    /// When they are created.
    pub games_at: u64,
    /// Players.
    pub clients: usize,
    /// Whether an operator runs.
    pub operator: Operator,
    /// The rollout, if there is one.
    pub rollout: Option<Rollout>,
    /// All servers get their SIGTERM at once, and others come a while later.
    pub all_leave: Option<(u64, u64)>,
    /// Between two faults at random; none where it is `u64::MAX`.
    pub fault_every: u64,
    /// When links break, and when a server crashes, whatever else happens.
    pub cuts: Vec<u64>,
    /// As above.
    pub crashes: Vec<u64>,
    /// Those that are aimed.
    pub aims: Vec<Aim>,
    /// The registry is away at the end of a drain.
    pub outage: Option<Outage>,
    /// A server is cut off from all others.
    pub isolation: Option<Isolation>,
    /// The registry loses what it had.
    pub loss: Option<Loss>,
    /// Faults end then.
    pub faults_until: u64,
    /// The run ends then at the latest; games must run again by a lease, a claim and some links later.
    pub ends: u64,
    /// Chances of one call to the registry, of 1,000.
    pub request_lost: u32,
    /// As above.
    pub answer_lost: u32,
    /// The caller is told that nothing came, and the request arrives after that.
    pub request_late: u32,
    /// Chance of one hint to be lost, of 1,000.
    pub hint_lost: u32,
    /// Least and most time that a pod gets to leave.
    pub grace: (u64, u64),
    /// What one game cannot bear.
    pub poison: Option<Poison>,
    /// See [`Broken`].
    pub broken: Option<Broken>,
}

const SECOND: u64 = 1_000_000;

/// Chance of a run, but a calm one, to have a poisoned input in one of its games.
const POISONED: f64 = 0.08;

/// Chance of a run, but a calm one, to have a registry that loses what it had: one in eight of all.
const LOST: f64 = 0.15;

/// As above, to have a server that is cut off from all others: one in eight of all runs have.
const ISOLATED: f64 = 0.18;

/// Chance of such a server in a stormy run to be cut off from the registry, too: one in forty of all runs.
const WHOLLY: f64 = 0.4;

impl Plan {
    /// The plan of a seed's so-manieth try.
    pub fn of(seed: u64, attempt: u32, broken: Option<Broken>) -> Plan {
        let mut rng = StdRng::seed_from_u64(dice(seed, attempt) ^ 0x706c_616e);
        // The kind is the seed's, whatever the try.
        let kind = match mix(seed) % 100 {
            0..15 => Kind::Calm,
            15..40 => Kind::Gentle,
            40..65 => Kind::Aimed,
            _ => Kind::Stormy,
        };
        let mut plan = Plan::common(kind, &mut rng, broken);
        match kind {
            Kind::Calm => plan.calm(&mut rng),
            Kind::Gentle => plan.gentle(&mut rng),
            Kind::Aimed => plan.aimed(&mut rng),
            Kind::Stormy => plan.stormy(&mut rng),
        }
        plan.ends = plan.faults_until + 14 * SECOND;
        // Dice of its own: all else goes as it would without.
        let mut rng = StdRng::seed_from_u64(dice(seed, attempt) ^ 0x706f_6973_6f6e);
        if kind != Kind::Calm && rng.random_bool(POISONED) {
            let client = rng.random_range(0..plan.clients);
            plan.poison = Some(Poison { client, seq: rng.random_range(3..25), again: rng.random_bool(0.4) });
        }
        if kind != Kind::Calm && rng.random_bool(ISOLATED) {
            let at = rng.random_range(2 * SECOND..plan.faults_until - SECOND);
            let lasts = rng.random_range(SECOND..6 * SECOND);
            plan.isolation = Some(Isolation { at, lasts, wholly: false });
            // Where one of two cannot reach the other, neither is the one that is cut off.
            plan.servers = plan.servers.max(3);
        }
        if kind != Kind::Calm && rng.random_bool(LOST) {
            let at = rng.random_range(2 * SECOND..plan.faults_until - SECOND);
            let age = rng.random_bool(0.6).then(|| rng.random_range(0..5 * SECOND));
            plan.loss = Some(Loss { at, lasts: rng.random_range(20_000..1_500_000), age });
        }
        if let Some(isolation) = plan.isolation.as_mut().filter(|_| kind == Kind::Stormy)
            && rng.random_bool(WHOLLY)
        {
            // It stands still a lease later.
            isolation.lasts += 3 * SECOND;
            isolation.wholly = true;
        }
        plan
    }

    fn common(kind: Kind, rng: &mut StdRng, broken: Option<Broken>) -> Plan {
        Plan {
            kind,
            servers: rng.random_range(2..=4),
            games: rng.random_range(3..=6),
            games_at: SECOND,
            clients: rng.random_range(3..=5),
            operator: if rng.random_bool(0.5) { Operator::Always } else { Operator::Never },
            rollout: None,
            all_leave: None,
            fault_every: u64::MAX,
            cuts: Vec::new(),
            crashes: Vec::new(),
            aims: Vec::new(),
            outage: None,
            isolation: None,
            loss: None,
            faults_until: 0,
            ends: 0,
            request_lost: 0,
            answer_lost: 0,
            request_late: 0,
            hint_lost: if rng.random_bool(0.3) { rng.random_range(0..=1_000) } else { 0 },
            grace: (5 * SECOND, 10 * SECOND),
            poison: None,
            broken,
        }
    }

    fn calm(&mut self, rng: &mut StdRng) {
        let at = rng.random_range(2_000_000..2_500_000);
        let step = rng.random_range(100_000..500_000);
        self.servers = rng.random_range(2..=3);
        self.games = rng.random_range(3..=8);
        match rng.random_range(0..10) {
            // It says what is to run, and is gone when something else is to, before or after what it said has grown stale.
            0 => {
                let away = rng.random_range(500_000..crate::operator::STALE_US + SECOND);
                self.operator = Operator::Dies { at: 1_600_000, back: None };
                self.games_at = SECOND.max(600_000 + away);
                self.rollout = Some(Rollout { at: 1_600_000 + away, step, undo: None });
            }
            1 => {
                // Not before it has said what is to run.
                let dies = at + rng.random_range(200_000..2_000_000);
                let back = rng.random_bool(0.5).then(|| dies + rng.random_range(300_000..2_000_000));
                self.operator = Operator::Dies { at: dies, back };
                self.rollout = Some(Rollout { at, step, undo: None });
            }
            2 | 3 => {
                self.operator = Operator::Always;
                let undo = at + rng.random_range(200_000..2_500_000);
                self.rollout = Some(Rollout { at, step, undo: Some(undo) });
            }
            _ => self.rollout = Some(Rollout { at, step, undo: None }),
        }
        self.faults_until = self.rollout.map_or(at, |rollout| rollout.at) + 3 * SECOND;
    }

    fn gentle(&mut self, rng: &mut StdRng) {
        self.rollout(rng);
        self.lossy(rng);
        self.servers = rng.random_range(2..=3);
        self.fault_every = rng.random_range(150_000..500_000);
        self.faults_until = rng.random_range(6 * SECOND..7 * SECOND);
        // Far enough apart for one edge.
        let first = rng.random_range(2_000_000..2_400_000);
        self.cuts = vec![first, first + rng.random_range(2_900_000..3_500_000)];
        self.sometimes_away(rng, 0.4, &[]);
    }

    fn aimed(&mut self, rng: &mut StdRng) {
        self.rollout(rng);
        if rng.random_bool(0.5) {
            self.lossy(rng);
        }
        self.servers = rng.random_range(2..=4);
        self.grace = (2 * SECOND, 10 * SECOND);
        self.fault_every = rng.random_range(500_000..2_000_000);
        self.faults_until = rng.random_range(5 * SECOND..7 * SECOND);
        self.cuts = vec![rng.random_range(2 * SECOND..self.faults_until - SECOND)];
        for _ in 0..rng.random_range(2..=5) {
            self.aims.push(aim(rng));
        }
        self.sometimes_all_leave(rng, 0.1);
        self.sometimes_away(rng, 0.4, &CEDE_BLOWS);
    }

    fn stormy(&mut self, rng: &mut StdRng) {
        if rng.random_bool(0.6) {
            self.rollout(rng);
        }
        if rng.random_bool(0.7) {
            self.lossy(rng);
        }
        if rng.random_bool(0.3) {
            let at = rng.random_range(1_500_000..6_000_000);
            let back = rng.random_bool(0.5).then(|| at + rng.random_range(500_000..4_000_000));
            self.operator = Operator::Dies { at, back };
        }
        self.servers = rng.random_range(1..=5);
        self.grace = (2 * SECOND, 10 * SECOND);
        self.fault_every = rng.random_range(200_000..1_200_000);
        self.faults_until = rng.random_range(5 * SECOND..9 * SECOND);
        self.crashes = vec![rng.random_range(2 * SECOND..self.faults_until)];
        self.cuts = (0..2).map(|_| rng.random_range(2 * SECOND..self.faults_until - SECOND)).collect();
        for _ in 0..rng.random_range(0..=2) {
            self.aims.push(aim(rng));
        }
        self.sometimes_all_leave(rng, 0.15);
        self.sometimes_away(rng, 0.4, &CEDE_BLOWS);
    }

    fn rollout(&mut self, rng: &mut StdRng) {
        let at = rng.random_range(2_000_000..3_000_000);
        let undo = rng.random_bool(0.25).then(|| at + rng.random_range(200_000..2_500_000));
        self.rollout = Some(Rollout { at, step: rng.random_range(100_000..700_000), undo });
    }

    fn lossy(&mut self, rng: &mut StdRng) {
        (self.request_lost, self.answer_lost, self.request_late) =
            (rng.random_range(0..=30), rng.random_range(0..=60), rng.random_range(0..=30));
    }

    fn sometimes_all_leave(&mut self, rng: &mut StdRng, chance: f64) {
        if rng.random_bool(chance) {
            let at = rng.random_range(2_000_000..self.faults_until - SECOND);
            self.all_leave = Some((at, at + rng.random_range(0..9_000_000)));
        }
    }

    fn sometimes_away(&mut self, rng: &mut StdRng, chance: f64, blows: &[Blow]) {
        if !rng.random_bool(chance) {
            return;
        }
        let grace = rng.random_range(3_500_000..5_500_000);
        let mut lasts = rng.random_range(grace / 2..grace * 5 / 4);
        let again = rng.random_range(1_500_000..2_500_000);
        let another = rng.random_bool(0.3).then(|| (rng.random_range(grace * 3 / 4..grace), again));
        if let Some((after, again)) = another {
            lasts = after + again / 2 + rng.random_range(0..again);
        }
        let blow = rng.random_bool(0.6) && !blows.is_empty();
        self.outage = Some(Outage {
            after: rng.random_range(0..2),
            for_all: rng.random_bool(0.7),
            begins: rng.random_range(0..250_000),
            lasts,
            grace,
            another,
            target_leaves: rng.random_bool(0.2),
            blow: blow.then(|| blows[rng.random_range(0..blows.len())]),
        });
    }

    /// Whether nobody crashes or stops: no tick of a game that runs may be missed, and no chain broken.
    pub fn misses_nothing(&self) -> bool {
        matches!(self.kind, Kind::Calm | Kind::Gentle)
    }
}

fn aim(rng: &mut StdRng) -> Aim {
    Aim {
        after: rng.random_range(1_500_000..5_000_000),
        phase: Phase::ALL[rng.random_range(0..Phase::ALL.len())],
        delay: if rng.random_bool(0.5) { 0 } else { rng.random_range(0..30_000) },
        blow: Blow::ALL[rng.random_range(0..Blow::ALL.len())],
    }
}

/// The dice of a seed's so-manieth try.
pub fn dice(seed: u64, attempt: u32) -> u64 {
    if attempt == 0 { seed } else { mix(seed ^ u64::from(attempt) << 56) }
}
