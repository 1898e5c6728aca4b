//! Fuzzing on a stable compiler: bytes that were seen to matter, changed at random, for as long as a setting says.
//!
//! Owns the search and its corpus, one file of hex lines for each target in `gamed/corpus`. What a target makes of its input
//! it describes in a text; an input whose text has something new (see [`features`]) is one to go on from. A panic is a failure: its
//! input is made smaller, printed, and written into the corpus, from where it is run first next time.
//!
//! TANX_FUZZ_SECONDS sets how long each target is tried (1; `make test`: 10), TANX_FUZZ_SEED the dice, TANX_FUZZ_KEEP=1 writes what was found
//! into the corpus. Lives here because this crate knows all that is decoded, and hubs are no one else's.

mod targets;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest input that is tried, in bytes.
const LONGEST: usize = 16 << 10;

/// Features are told apart up to this many: it bounds what is kept in memory, however long the search.
const FEATURES: u64 = 1 << 16;

/// Lines of a corpus file that are written by themselves, and bytes of one.
const KEPT: usize = 400;
const KEPT_BYTES: usize = 700;

/// An input that takes so long is a fault, too: decoders run where nobody may wait.
const TOO_LONG: Duration = Duration::from_secs(5);

/// A target under way.
struct Fuzz<'a> {
    name: &'a str,
    run: &'a dyn Fn(&[u8]) -> String,
    /// Things to go on from.
    corpus: Vec<Vec<u8>>,
    /// The features that were seen.
    features: HashSet<u64>,
    runs: u64,
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text:?} is no number")))
}

/// Tries a target: first what is known, then changes of it. `words` are put into inputs as they are.
pub fn fuzz(name: &str, seeds: Vec<Vec<u8>>, words: &[&[u8]], run: impl Fn(&[u8]) -> String) {
    let seed = setting("TANX_FUZZ_SEED").unwrap_or_else(rand::random::<u64>);
    let time = Duration::from_secs_f64(setting("TANX_FUZZ_SECONDS").unwrap_or(1.0));
    let mut dice = StdRng::seed_from_u64(seed);
    let mut fuzz = Fuzz { name, run: &run, corpus: Vec::new(), features: HashSet::new(), runs: 0 };
    for input in seeds.into_iter().chain(read(name)) {
        fuzz.try_out(input, seed);
    }
    let (known, began) = (fuzz.corpus.len(), Instant::now());
    while began.elapsed() < time {
        let input = change(&fuzz.corpus, words, &mut dice);
        fuzz.try_out(input, seed);
    }
    let Fuzz { corpus, runs, features, .. } = &fuzz;
    let new = corpus.len() - known;
    println!(
        "{name}: {runs} runs, {} features by {} inputs, {new} of them new, seed {seed}",
        features.len(),
        corpus.len()
    );
    if setting("TANX_FUZZ_KEEP") == Some(1) {
        // What is there stays: it may be the test of a repair.
        let kept = read(name);
        let found = corpus[known..].iter().filter(|input| input.len() <= KEPT_BYTES && !kept.contains(input));
        write(name, kept.iter().chain(found.take(KEPT.saturating_sub(kept.len()))));
    }
}

impl Fuzz<'_> {
    fn try_out(&mut self, input: Vec<u8>, seed: u64) {
        self.runs += 1;
        let began = Instant::now();
        let Ok(text) = self.outcome(&input) else { self.fails(input, seed) };
        assert!(began.elapsed() < TOO_LONG, "{}: {} took {:?}", self.name, hex(&input), began.elapsed());
        let known = self.features.len();
        features(&text, |feature| {
            self.features.insert(feature % FEATURES);
        });
        if self.features.len() > known {
            self.corpus.push(input);
        }
    }

    fn outcome(&self, input: &[u8]) -> std::thread::Result<String> {
        catch_unwind(AssertUnwindSafe(|| (self.run)(input)))
    }

    fn fails(&self, mut input: Vec<u8>, seed: u64) -> ! {
        // Each part is left out that the failure does not need.
        let mut part = input.len() / 2;
        while part > 0 {
            let mut at = 0;
            while at + part <= input.len() {
                let rest = [&input[..at], &input[at + part..]].concat();
                match self.outcome(&rest) {
                    Ok(_) => at += part,
                    Err(_) => input = rest,
                }
            }
            part /= 2;
        }
        let known = read(self.name);
        if !known.contains(&input) {
            write(self.name, known.iter().chain([&input]));
        }
        panic!("{}: fails with {} (seed {seed}); it is in {:?} now", self.name, hex(&input), file(self.name));
    }
}

/// Calls `seen` with each two words of a text that follow each other, and how often they do, up to a power of two. Numbers are
/// told apart by their length, and so is what stands in quotes.
fn features(text: &str, mut seen: impl FnMut(u64)) {
    let mut pairs: HashMap<u64, u32> = HashMap::new();
    let (mut rest, mut before) = (text, 0);
    while let Some(first) = rest.chars().next() {
        let end = |of: &dyn Fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
        let mut hasher = DefaultHasher::new();
        let length = match first {
            '0'..='9' => {
                let end = end(&|c| c.is_ascii_digit());
                ('0', end.ilog2()).hash(&mut hasher);
                end
            }
            'a'..='z' | 'A'..='Z' => {
                let end = end(&|c| c.is_ascii_alphabetic());
                rest[..end].hash(&mut hasher);
                end
            }
            '"' => {
                let mut escaped = false;
                let closes = |c: char| {
                    let closes = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes
                };
                let end = rest[1..].find(closes).map_or(rest.len(), |end| end + 2);
                ('"', end.ilog2()).hash(&mut hasher);
                end
            }
            first => {
                first.hash(&mut hasher);
                first.len_utf8()
            }
        };
        let word = hasher.finish();
        *pairs.entry(word ^ before).or_default() += 1;
        (before, rest) = (word.rotate_left(1), &rest[length..]);
    }
    for (pair, times) in pairs {
        seen(pair ^ u64::from(times.ilog2()) << 40);
    }
}

/// An input made of others.
fn change(corpus: &[Vec<u8>], words: &[&[u8]], dice: &mut StdRng) -> Vec<u8> {
    const BYTES: [u8; 10] = [0, 1, 2, 7, 32, 33, 0x7f, 0x80, 0xfe, 0xff];
    let mut input = corpus.choose(dice).cloned().unwrap_or_default();
    loop {
        let at = dice.random_range(0..=input.len());
        let end = (at + dice.random_range(1..=16)).min(input.len());
        match dice.random_range(0..12) {
            0 if at < input.len() => input[at] ^= 1 << dice.random_range(0..8),
            1 if at < input.len() => input[at] = BYTES[dice.random_range(0..BYTES.len())],
            2 if at < input.len() => input[at] = dice.random(),
            3 => drop(input.drain(at..end)),
            4 => input.truncate(at),
            5 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            6 => {
                let other = corpus.choose(dice).map_or(&[][..], |other| &other[..]);
                let from = dice.random_range(0..=other.len());
                let to = dice.random_range(from..=other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            // A number as wire and registry have them, and the longest one.
            7 => {
                let mut number = dice.random::<u64>() >> dice.random_range(0..64);
                let mut bytes = Vec::new();
                while number >= 0x80 {
                    bytes.push(number as u8 | 0x80);
                    number >>= 7;
                }
                bytes.push(number as u8);
                input.splice(at..end.min(at + bytes.len()), bytes);
            }
            8 => drop(input.splice(at..at, [[0xff; 9].as_slice(), &[1]].concat())),
            9 => drop(input.splice(
                at..at,
                (0..dice.random_range(1..8)).map(|_| dice.random::<u8>()).collect::<Vec<_>>(),
            )),
            _ if !words.is_empty() => {
                let word = words[dice.random_range(0..words.len())];
                let end = if dice.random() { at } else { end };
                input.splice(at..end, word.iter().copied());
            }
            _ => continue,
        }
        if dice.random_range(0..3) == 0 {
            break;
        }
    }
    input.truncate(LONGEST);
    input
}

fn file(name: &str) -> PathBuf {
    format!("corpus/{name}.hex").into()
}

fn read(name: &str) -> Vec<Vec<u8>> {
    let text = match std::fs::read_to_string(file(name)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{:?}: {error}", file(name)),
    };
    let unhex = |line: &str| -> Vec<u8> {
        let digits =
            |at| u8::from_str_radix(&line[at..at + 2], 16).expect("a corpus holds pairs of hex digits");
        (0..line.len()).step_by(2).map(digits).collect()
    };
    text.lines().map(unhex).collect()
}

fn write<'a>(name: &str, inputs: impl Iterator<Item = &'a Vec<u8>>) {
    let mut lines: Vec<String> = inputs.map(|input| hex(input)).collect();
    lines.sort_by_key(|line| (line.len(), line.clone()));
    let text: String = lines.into_iter().map(|line| line + "\n").collect();
    std::fs::write(file(name), text).expect("the corpus is where the source is");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_fault_is_found_by_changing_what_is_known_and_made_small() {
    let fault = |input: &[u8]| -> String {
        let found: Vec<_> = b"tanx".iter().take_while(|byte| input.contains(byte)).collect();
        assert!(found.len() < 4, "all of them");
        format!("{found:?}")
    };
    let failed = catch_unwind(|| fuzz("none", vec![b"t___".to_vec()], &[b"a__n"], fault));
    let said = failed.expect_err("found within a second").downcast::<String>().expect("a sentence");
    std::fs::remove_file(file("none")).expect("it was kept");
    let mut small: Vec<u8> = said.split(' ').nth(3).expect("the input").as_bytes().to_vec();
    small.sort_unstable();
    assert_eq!(small, *b"1466778e", "four bytes and no more: {said}");
}
