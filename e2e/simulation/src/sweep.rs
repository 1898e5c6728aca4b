//! Many seeds on all cores.

use crate::broken::Broken;
use crate::cluster::run;
use crate::coverage::Coverage;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Runs seeds on all cores until one ends as `wanted` (seed, sentence) wants it; gives what they came to and, in order, all
/// that broke a promise until then.
pub fn sweep(
    seeds: Range<u64>,
    broken: Option<Broken>,
    wanted: impl Fn(u64, &str) -> bool + Sync,
) -> (Coverage, Vec<(u64, String)>) {
    let (next, done) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let found = Mutex::new((Coverage::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(seed, broken, false);
                    if outcome.broken.as_ref().is_some_and(|(_, sentence)| wanted(seed, sentence)) {
                        done.store(true, Ordering::Relaxed);
                    }
                    let mut found = found.lock().expect("no thread panics with it");
                    found.0.add(&outcome.coverage);
                    if let Some((at, sentence)) = outcome.broken {
                        found.1.push((seed, format!("at {at} us: {sentence}")));
                    }
                }
            });
        }
    });
    let (coverage, mut broken) = found.into_inner().expect("no thread panics with it");
    broken.sort();
    (coverage, broken)
}
