//! Many seeds, and the proof that the oracle would notice.

use simulation::{Broken, Coverage, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const SEEDS: u64 = 1_200;
/// A broken rule has to be noticed within so many seeds.
const SEEDS_TO_NOTICE: u64 = 200;

/// Runs seeds on all cores until one breaks a promise; gives the first one that did.
fn run_seeds(seeds: u64, broken: Option<Broken>) -> (Coverage, Option<(u64, String)>) {
    let next = AtomicU64::new(0);
    let found = Mutex::new((Coverage::default(), None));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || found.lock().expect("no thread panics with it").1.is_some() {
                        return;
                    }
                    let outcome = run(seed, broken, false);
                    let mut found = found.lock().expect("no thread panics with it");
                    found.0.add(&outcome.coverage);
                    if let Some((at, sentence)) = outcome.broken {
                        found.1 = Some((seed, format!("at {at} us: {sentence}")));
                    }
                }
            });
        }
    });
    found.into_inner().expect("no thread panics with it")
}

#[test]
fn no_seed_breaks_a_promise() {
    let (coverage, broken) = run_seeds(SEEDS, None);
    println!("{SEEDS} seeds: {coverage:#?}");
    if let Some((seed, sentence)) = broken {
        panic!("seed {seed} {sentence}\n  to see it: cargo run -p simulation -- --seed {seed}");
    }
    for cause in ["move", "refused", "restarted", "lease", "operator", "parked"] {
        assert!(coverage.moves.contains_key(cause), "no game changed hands by {cause:?}");
    }
    let counts = [
        ("hand-overs called off", coverage.aborted),
        ("games parked", coverage.parked),
        ("fresh epochs after lost answers", coverage.bumps),
        ("stale writes refused", coverage.stale),
        ("rewinds", coverage.rewinds),
        ("links lost", coverage.links_lost),
        ("connections refused", coverage.refused),
        ("requests lost", coverage.requests_lost),
        ("answers lost", coverage.answers_lost),
        ("requests late", coverage.requests_late),
        ("moves unanswered", coverage.commits_unanswered),
        ("sockets lost", coverage.sockets_lost),
    ];
    for (what, count) in counts {
        assert!(count > 0, "the seeds never come to this: {what}");
    }
}

#[test]
fn every_rule_that_is_broken_on_purpose_is_noticed() {
    let rules = [
        (Broken::EpochNotChecked, "promise 3"),
        (Broken::StartBeforeCommit, "promise 1"),
        (Broken::EdgeShowsBoth, "promise 2"),
        (Broken::ClaimWithoutWaiting, "promise 8"),
        (Broken::GoOnAfterLostCommit, "promise 5"),
        (Broken::DurableBeforeStored, "promise 4"),
    ];
    for (rule, promise) in rules {
        let (_, broken) = run_seeds(SEEDS_TO_NOTICE, Some(rule));
        let (seed, sentence) =
            broken.unwrap_or_else(|| panic!("{rule:?} went unnoticed for {SEEDS_TO_NOTICE} seeds"));
        println!("{rule:?}: seed {seed} {sentence}");
        assert!(sentence.contains(promise), "{rule:?} is noticed as something else: seed {seed} {sentence}");
    }
}

#[test]
fn a_seed_replays() {
    let (one, other) = (run(7, None, false), run(7, None, false));
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}
