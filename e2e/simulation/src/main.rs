//! Runs seeds of the simulation, or one with a trace that a person can read.

use anyhow::bail;
use clap::Parser;
use simulation::{Broken, run, sweep};

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
    let Arguments { seed, seeds, first, broken, all } = arguments;
    let (coverage, broken) = match seed {
        Some(seed) => {
            let outcome = run(seed, broken, true);
            print!("{}", outcome.trace.unwrap_or_default());
            let broken = outcome.broken.map(|(at, sentence)| (seed, format!("at {at} us: {sentence}")));
            (outcome.coverage, Vec::from_iter(broken))
        }
        None => sweep(first..first + seeds, broken, |_, _| !all),
    };
    for (seed, sentence) in &broken {
        println!("seed {seed} {sentence}\n  to see it: cargo run -p simulation -- --seed {seed}");
    }
    println!("{coverage}");
    if !broken.is_empty() {
        bail!("{} seeds broke a promise", broken.len());
    }
    Ok(())
}
