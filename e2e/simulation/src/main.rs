//! Runs seeds of the simulation, or one with a trace that a person can read.

use anyhow::bail;
use clap::Parser;
use simulation::{Broken, Coverage, run};

/// Whole clusters in virtual time, from seeds.
#[derive(Debug, Parser)]
struct Arguments {
    /// Run this seed alone and print what happens.
    #[arg(long)]
    seed: Option<u64>,
    /// Otherwise: run so many, from `--first` on, and print what they came to.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Break a rule on purpose.
    #[arg(long)]
    broken: Option<Broken>,
    /// Do not stop at the first broken promise.
    #[arg(long)]
    all: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (seeds, trace) = match arguments.seed {
        Some(seed) => (seed..seed + 1, true),
        None => (arguments.first..arguments.first + arguments.seeds, false),
    };
    let mut coverage = Coverage::default();
    let mut failed = 0;
    for seed in seeds {
        let outcome = run(seed, arguments.broken, trace);
        coverage.add(&outcome.coverage);
        if let Some(trace) = outcome.trace {
            print!("{trace}");
        }
        if let Some((at, sentence)) = outcome.broken {
            failed += 1;
            println!("seed {seed} at {at} us: {sentence}");
            println!("  again: cargo run -p simulation -- --seed {seed}");
            if !arguments.all {
                break;
            }
        }
    }
    println!("{coverage}");
    if failed > 0 {
        bail!("{failed} seeds broke a promise");
    }
    Ok(())
}
