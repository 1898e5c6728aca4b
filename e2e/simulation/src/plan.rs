//! What kind of run a seed is, and which rule, if any, is broken on purpose.

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A rule that is broken on purpose, to see that the oracle notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Broken {
    /// The registry carries out writes whatever epoch they name.
    EpochNotChecked,
    /// A target ticks as soon as it is prepared.
    StartBeforeCommit,
    /// An edge shows whatever comes, from whomever.
    EdgeShowsBoth,
    /// Some members wait for a fraction of a lease only.
    ClaimWithoutWaiting,
    /// An owner goes on under its epoch after a move that was not answered.
    GoOnAfterLostCommit,
    /// A game is called durable before it is stored.
    DurableBeforeStored,
}

/// How a seed's run goes. Times in microseconds of virtual time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Servers at the beginning.
    pub servers: usize,
    /// Games.
    pub games: usize,
    /// Players.
    pub clients: usize,
    /// Nothing but a rolling replacement happens: what players see is judged more strictly.
    pub calm: bool,
    /// An operator runs.
    pub operator: bool,
    /// All servers are replaced, one after the other.
    pub rolling: bool,
    /// Between two faults.
    pub fault_every: u64,
    /// Faults end then.
    pub faults_until: u64,
    /// The run ends then; games must run again by a lease, a claim and some links later.
    pub ends: u64,
    /// Chances of one call to the registry, of 1,000.
    pub request_lost: u32,
    /// As above.
    pub answer_lost: u32,
    /// The caller is told that nothing came, and the request arrives after that.
    pub request_late: u32,
    /// Chance of one hint to be lost, of 1,000.
    pub hint_lost: u32,
    /// See [`Broken`].
    pub broken: Option<Broken>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64, broken: Option<Broken>) -> Plan {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x706c_616e);
        let calm = rng.random_bool(0.2);
        let faults_until = rng.random_range(5_000_000..9_000_000);
        let lossy = !calm && rng.random_bool(0.7);
        let mut chance = |most: u32| if lossy { rng.random_range(0..=most) } else { 0 };
        let (request_lost, answer_lost, request_late) = (chance(30), chance(60), chance(30));
        let hint_lost = chance(1000);
        Plan {
            servers: rng.random_range(1..=4),
            games: rng.random_range(1..=4),
            clients: rng.random_range(1..=5),
            calm,
            operator: rng.random_bool(0.5),
            rolling: calm || rng.random_bool(0.6),
            fault_every: if calm { u64::MAX } else { rng.random_range(200_000..1_500_000) },
            faults_until,
            ends: faults_until + 12_000_000,
            request_lost,
            answer_lost,
            request_late,
            hint_lost,
            broken,
        }
    }
}
