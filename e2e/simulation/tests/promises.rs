//! Many seeds, and the proof that the judge would notice.

use simulation::{Kind, TEETH, run, sweep};

const SEEDS: u64 = 10_000;

#[test]
fn no_seed_breaks_a_promise() {
    let (coverage, broken) = sweep(0..SEEDS, None, |_, _| true);
    println!("{coverage}");
    if let Some((seed, sentence)) = broken.first() {
        panic!("seed {seed} {sentence}\n  to see it: cargo run -p simulation -- --seed {seed}");
    }
    assert_eq!(coverage.seeds(), SEEDS);
    for kind in Kind::ALL {
        let of = coverage.kinds[&kind];
        assert!(of.seeds > SEEDS / 10, "only {} seeds are {}", of.seeds, kind.name());
        // Each run meets the minimum; playing many again to get there would be waste.
        assert!(of.redrawn < of.seeds / 2, "{} runs are played again: {}", kind.name(), of.redrawn);
    }
    let missing = coverage.missing();
    assert!(missing.is_empty(), "the seeds never come to this:\n{}", missing.join("\n"));
}

#[test]
fn every_rule_that_is_broken_on_purpose_is_noticed() {
    let mut unnoticed = Vec::new();
    for tooth in TEETH {
        // The same seed breaks nothing while the rule holds.
        let names = |seed: u64, sentence: &str| {
            sentence.contains(tooth.promise) && run(seed, None, false).broken.is_none()
        };
        let (coverage, broken) = sweep(0..SEEDS, Some(tooth.broken), names);
        let Some((seed, sentence)) = broken.iter().find(|(seed, sentence)| names(*seed, sentence)) else {
            unnoticed.push(format!("{:?} ({})", tooth.broken, tooth.promise));
            continue;
        };
        println!("{:?} after {} seeds: seed {seed} {sentence}", tooth.broken, coverage.seeds());
    }
    assert!(unnoticed.is_empty(), "unnoticed for {SEEDS} seeds: {}", unnoticed.join(", "));
}

#[test]
fn a_seed_replays() {
    for seed in 0..12 {
        let (one, other) = (run(seed, None, true), run(seed, None, true));
        let (one, other) = (one.trace.unwrap_or_default(), other.trace.unwrap_or_default());
        assert!(one.lines().count() > 100, "seed {seed} has hardly a trace");
        let differs = one.lines().zip(other.lines()).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed} goes another way the second time");
        assert_eq!(one.len(), other.len(), "seed {seed} goes on longer the second time");
    }
}
