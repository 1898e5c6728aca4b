//! What the runs came to: how much of everything, and which rare branches of the rules were taken how often.

use crate::plan::{Kind, Phase};
use std::collections::BTreeMap;
use std::fmt;

/// A branch of a rule that only faults lead to.
#[derive(Clone, Copy, Debug)]
pub struct Branch {
    /// Number of the rule in the design, as the documentation has it.
    pub rule: u8,
    /// What happened.
    pub name: &'static str,
}

macro_rules! branches {
    ($($constant:ident = $rule:literal $name:literal;)*) => {
        $(pub const $constant: &str = $name;)*
        /// All of them; each is taken in some run of the default number.
        pub const BRANCHES: &[Branch] = &[$(Branch { rule: $rule, name: $name },)*];
    };
}

branches! {
    LEASE_WATCHED = 2 "claimed after a lease that was watched to lapse";
    REFUSED_SEEN = 3 "claimed from one whose address refuses";
    RESTARTED_SEEN = 3 "claimed from one that started again in place";
    OPERATOR_WORD = 3 "claimed on the operator's word";
    MOVE_LOST = 6 "move unanswered and not carried out: a fresh epoch";
    MOVE_CARRIED_OUT = 6 "move unanswered and carried out: the target gets the game all the same";
    MOVE_LATE = 6 "move arrives after its sender took a fresh epoch, and is refused";
    MOVE_REFUSED = 6 "move refused by a registry that is away: the owner goes on";
    BUMP_AGAIN = 6 "fresh epoch unanswered, asked for again";
    BUMP_OVER_OWN = 6 "fresh epoch taken over an own one that was given late";
    PARK_UNANSWERED = 6 "parking unanswered";
    CLAIM_UNANSWERED = 6 "claim unanswered";
    CLAIM_LATE = 6 "claim carried out after its sender gave it up";
    ABORTED = 6 "abort answered: not started";
    ABORT_STARTED = 6 "abort answered: started";
    COMMIT_AGAIN = 7 "target told again that the game is its own";
    COMMIT_AFTER_CLAIM = 7 "target told after it claimed by itself";
    CLAIM_OWN = 7 "target claims what was moved to it unheard";
    CLAIM_LEAVING = 7 "leaving target claims what was moved to it";
    PREPARE_GIVEN_UP = 7 "target did not get ready, or was lost";
    PREPARE_REFUSED = 7 "target refused";
    RING_ASKED = 8 "edge gets ticks of the old owner from the target";
    RESET_IN_MOVE = 8 "edge starts anew within a move";
    CEDED = 9 "ceded while the registry is away: the target runs the game under an epoch of its own";
    CEDED_TO_KNOWN = 9 "ceded by one that is cut off to one that is not: the registry grants it at once";
    CEDED_AGAIN = 9 "ceded on by its target before the registry is back";
    CEDE_REFUSED = 9 "ceded game refused: the old owner goes on";
    CEDE_OVER_LATE = 9 "ceded game taken over a write of a former owner that was carried out late";
    CEDE_ASSERTED = 9 "ceded game is put back when the registry is";
    CEDE_FENCED = 9 "ceded game turns out to have been claimed";
    PUT_BACK = 9 "game put back by its owner over the older record of a registry that was restored";
    RECREATED = 9 "game put back by its owner into a registry that has lost it";
    PARKED = 10 "parked shortly before the grace ended";
    PARKED_CLAIMED = 10 "parked game claimed";
    BEHIND = 12 "log goes on from a new snapshot: the registry was behind";
    REPLAYED = 12 "claimed game is run again from its log";
    TAIL = 12 "claimed game goes on beyond its log, from what players elsewhere were shown";
    STALLED_OWNER = 18 "owner that was stopped for long finds that it still is";
    STALLED_REPLACED = 18 "owner that was stopped for long finds itself replaced";
    FAILED = 20 "world that panics is given back, and the game claimed again";
    FAILED_AGAIN = 20 "world panics when it is run again from its log";
    QUARANTINED = 20 "game whose world panics again and again is quarantined";
    CUT_OFF = 19 "member finds itself cut off from most others, and leaves its games to them or stands still";
}

/// Faults of which each happens in so many of 1,000 runs, at least.
pub const LEAST: [(&str, u64); 4] = [
    ("cut off from all peers", 100),
    ("cut off from all peers and the registry", 15),
    ("registry restored from an older copy", 50),
    ("registry back with nothing", 30),
];

/// What can happen to a party of a move in each phase.
pub const HITS: [&str; 7] = [
    "owner dies",
    "target dies",
    "owner stops",
    "target stops",
    "target leaves",
    "their link breaks",
    "target is cut off from the registry",
];

/// The runs of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfKind {
    /// Seeds.
    pub seeds: u64,
    /// Runs that met less than the minimum and were played again with other dice.
    pub redrawn: u64,
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
    /// Longest time between two ticks of a game, microseconds.
    pub longest_pause: u64,
}

/// How often what happened, over one or many runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// By kind of run.
    pub kinds: BTreeMap<Kind, OfKind>,
    /// Branches of [`BRANCHES`].
    pub branches: BTreeMap<&'static str, u64>,
    /// What of [`HITS`] happened in which phase of a move.
    pub hits: BTreeMap<(&'static str, Phase), u64>,
    /// Games that changed hands, by cause.
    pub moves: BTreeMap<&'static str, u64>,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Other things worth a number.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Counts one of [`Coverage::counts`].
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Counts a branch.
    pub fn branch(&mut self, name: &'static str) {
        *self.branches.entry(name).or_default() += 1;
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Coverage) {
        for (kind, from) in &other.kinds {
            let into = self.kinds.entry(*kind).or_default();
            into.seeds += from.seeds;
            into.redrawn += from.redrawn;
            into.moves += from.moves;
            into.links += from.links;
            into.crashes += from.crashes;
            into.aimed += from.aimed;
            into.inputs += from.inputs;
            into.longest_pause = into.longest_pause.max(from.longest_pause);
        }
        sum(&other.branches, &mut self.branches);
        sum(&other.hits, &mut self.hits);
        sum(&other.moves, &mut self.moves);
        sum(&other.faults, &mut self.faults);
        sum(&other.counts, &mut self.counts);
    }

    /// Seeds that were run.
    pub fn seeds(&self) -> u64 {
        self.kinds.values().map(|kind| kind.seeds).sum()
    }

    /// Branches and hits that no run came to, and faults that too few came to.
    pub fn missing(&self) -> Vec<String> {
        let branches = BRANCHES.iter().filter(|branch| !self.branches.contains_key(branch.name));
        let branches = branches.map(|Branch { rule, name }| format!("rule {rule}: {name}"));
        let least = LEAST.iter().filter(|(fault, least)| {
            self.faults.get(fault).copied().unwrap_or(0) < self.seeds() * least / 1_000
        });
        let least = least.map(|(fault, least)| format!("{fault} in {least} of 1,000 runs"));
        let hits = HITS.iter().flat_map(|hit| Phase::ALL.map(|phase| (*hit, phase)));
        let hits = hits.filter(|hit| !self.hits.contains_key(hit));
        branches.chain(least).chain(hits.map(|(hit, phase)| format!("{hit} in {phase:?}"))).collect()
    }
}

fn sum<Key: Ord + Copy>(from: &BTreeMap<Key, u64>, into: &mut BTreeMap<Key, u64>) {
    for (key, count) in from {
        *into.entry(*key).or_default() += count;
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = self.seeds().max(1);
        writeln!(
            f,
            "kind      seeds  redrawn    moves    links  crashes    aimed   inputs  (a seed: moves, links, crashes, aimed, inputs)  longest pause"
        )?;
        for (kind, of) in &self.kinds {
            let a_seed = |count: u64| count as f64 / of.seeds.max(1) as f64;
            writeln!(
                f,
                "{:<8} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  {:>8.1} {:>6.1} {:>6.1} {:>6.1} {:>6.0} {:>18} ms",
                kind.name(),
                of.seeds,
                of.redrawn,
                of.moves,
                of.links,
                of.crashes,
                of.aimed,
                of.inputs,
                a_seed(of.moves),
                a_seed(of.links),
                a_seed(of.crashes),
                a_seed(of.aimed),
                a_seed(of.inputs),
                of.longest_pause / 1_000
            )?;
        }
        writeln!(f, "\nrule  taken  a 1,000 seeds  branch")?;
        for Branch { rule, name } in BRANCHES {
            let count = self.branches.get(name).copied().unwrap_or(0);
            writeln!(f, "{rule:>4} {count:>6} {:>14.1}  {name}", count as f64 * 1_000.0 / seeds as f64)?;
        }
        write!(f, "\n{:<36}", "in which phase of a move")?;
        for phase in Phase::ALL {
            write!(f, " {:>8}", format!("{phase:?}").to_lowercase())?;
        }
        writeln!(f)?;
        for hit in HITS {
            write!(f, "{hit:<36}")?;
            for phase in Phase::ALL {
                write!(f, " {:>8}", self.hits.get(&(hit, phase)).copied().unwrap_or(0))?;
            }
            writeln!(f)?;
        }
        for (name, counts) in
            [("moves by cause", &self.moves), ("faults", &self.faults), ("and", &self.counts)]
        {
            let list: Vec<String> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
            writeln!(f, "\n{name}: {}", list.join(", "))?;
        }
        Ok(())
    }
}
