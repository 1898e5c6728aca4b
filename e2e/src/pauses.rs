//! The pause of a move as players see it, against what everybody on the machine sees at that moment anyway.
//!
//! Owns the statistics alone: recordings in, figures and a verdict out, the same ones for the same seed. What makes pods
//! start and end disturbs all games of a small machine; so the players of a game that moved are compared with those of
//! games that did not, at the same moment. A figure without that comparison says little.
//!
//! Invariant: a sample is one player's longest time between two new ticks among those that touch the 200 ms around a move.

use crate::arrivals::new_worlds;
use crate::oracle::{self, Spread, Window};
use crate::recording::Recording;
use crate::report::Check;
use protocol::GameId;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// To each side of a move.
const AROUND: Duration = Duration::from_millis(100);
/// A game that moves itself within so much of a move is no control for it.
const UNMOVED: Duration = Duration::from_millis(300);
/// Moves nearer to each other than this are one block: what disturbs one disturbs the next.
const SAME_BLOCK: Duration = Duration::from_millis(250);
/// Moments of a quiet watch that are looked at.
const IDLE_MOMENTS: usize = 40;
/// How often the blocks are drawn anew for the interval.
const RESAMPLES: usize = 2_000;

/// Fewest moves that say something about a 99th percentile.
pub const ENOUGH_MOVES: usize = 500;
/// How much longer than anybody's at that moment a pause may be, at the 99th percentile.
pub const MOST_RATIO: f64 = 1.2;
/// Longest pause at the 99th percentile on a machine that does nothing else, in milliseconds.
pub const MOST_MS: f64 = 40.0;
/// How late the new owner's first tick may be at the 99th percentile: a tick, in milliseconds.
pub const MOST_LATE_MS: f64 = 20.0;
/// Control players that wait so much longer than in the quiet watch say that the machine was too busy to tell.
pub const MOST_DISTURBED: f64 = 3.0;

const _: () = assert!(AROUND.as_millis() < UNMOVED.as_millis());

/// One move.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When anybody was first shown the new epoch.
    pub at: Duration,
    /// The samples of the moved game's players, in milliseconds.
    pub moved: Vec<f64>,
    /// Those of players of games that did not move.
    pub control: Vec<f64>,
}

/// What one scenario gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Its moves, in order of time.
    pub moments: Vec<Moment>,
    /// The same measure at moments at which nothing happened.
    pub idle: Vec<f64>,
    /// How long after it was due each first tick of a new owner ran, as the servers noted it, in milliseconds.
    pub late: Vec<f64>,
}

impl Samples {
    /// The figures of this scenario alone, for its table: they are judged over all together.
    pub fn told(&self) -> Vec<Check> {
        let mut told = Vec::new();
        let mut line = |measure, value| told.push(Check::new(measure, value, String::new(), None));
        if !self.late.is_empty() {
            let late = Spread::of(self.late.iter().copied());
            let value = format!("median {:.1} ms, worst {:.1} ms", late.median, late.max);
            line("first tick at a new owner, late by", value);
        }
        if !self.moments.is_empty() {
            let p99 =
                |of: fn(&Moment) -> &Vec<f64>| Spread::of(self.moments.iter().flat_map(of).copied()).p99;
            let value = format!("{:.0} ms, others {:.0} ms", p99(|one| &one.moved), p99(|one| &one.control));
            line("gap at moves, p99", value);
        }
        told
    }
}

/// What is asked of the figures besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Judge however few moves there are.
    pub judge_few: bool,
    /// The machine does nothing else: the absolute bar counts too.
    pub idle_machine: bool,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Too few moves, or nothing to compare with: told, not judged.
    Told,
    /// Within the bars.
    Pass,
    /// Beyond one.
    Fail,
    /// The machine was so busy that nothing can be said. Never counts as passed.
    Inconclusive,
}

/// All moves of a run together. Times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Pauses {
    /// Moves that were measured.
    pub moves: usize,
    /// Bursts of them.
    pub blocks: usize,
    /// Players of moved games.
    pub moved: Spread,
    /// Players of games that did not move, at the same moments.
    pub control: Spread,
    /// Everybody in the quiet watches.
    pub idle: Spread,
    /// First ticks of new owners, after they were due; as the servers say.
    pub late: Spread,
    /// 99th percentile of `moved` over that of `control`; 0 where there is none.
    pub ratio: f64,
    /// Within which the ratio lies with 95 %: over blocks drawn again and again.
    pub interval: [f64; 2],
    /// Held against the bars.
    pub judgement: Judgement,
    /// In a sentence.
    pub why: String,
}

/// When each player was shown new ticks, by game.
struct Arrivals(Vec<(GameId, Vec<Duration>)>);

impl Arrivals {
    fn of(recordings: &[Recording]) -> Arrivals {
        let times = |recording| new_worlds(recording).into_iter().map(|world| world.at).collect();
        Arrivals(recordings.iter().map(|recording| (recording.game, times(recording))).collect())
    }

    /// One sample for each player of these games who was there by then.
    fn samples(&self, around: Duration, end: Duration, games: impl Fn(GameId) -> bool) -> Vec<f64> {
        let players = self.0.iter().filter(|(game, _)| games(*game));
        players.filter_map(|(_, times)| longest_gap(times, around, end)).collect()
    }
}

/// The longest time between two of these moments among those that touch the time around `at`. A last one without another
/// lasts to the end. None: the first moment comes later.
fn longest_gap(times: &[Duration], at: Duration, end: Duration) -> Option<f64> {
    let (from, to) = (at.saturating_sub(AROUND), at + AROUND);
    let first = times.partition_point(|time| *time <= from).checked_sub(1)?;
    let gaps = (first..times.len()).take_while(|index| times[*index] < to).map(|index| {
        let until = times.get(index + 1).copied().unwrap_or(end.max(times[index]));
        (until - times[index]).as_secs_f64() * 1e3
    });
    gaps.max_by(f64::total_cmp)
}

/// Measures the moves of one scenario in the window `moves`, and the quiet watch before it. `late` is what servers noted.
pub fn samples(recordings: &[Recording], quiet: Window, moves: Window, late: Vec<f64>, seed: u64) -> Samples {
    let arrivals = Arrivals::of(recordings);
    let mut moved: Vec<(Duration, GameId)> = (oracle::moves(recordings).into_iter())
        .map(|[_, after]| (after.first, after.game))
        .filter(|(at, _)| (moves.from..=moves.to).contains(at))
        .collect();
    moved.sort();
    let mut moves_of: BTreeMap<GameId, Vec<Duration>> = BTreeMap::new();
    for (at, game) in &moved {
        moves_of.entry(*game).or_default().push(*at);
    }
    let moment = |(at, game): &(Duration, GameId)| {
        let unmoved = |other: GameId| {
            let near = |time: &Duration| time.abs_diff(*at) <= UNMOVED;
            !moves_of.get(&other).is_some_and(|times| times.iter().any(near))
        };
        Moment {
            at: *at,
            moved: arrivals.samples(*at, moves.to, |other| other == *game),
            control: arrivals.samples(*at, moves.to, unmoved),
        }
    };
    let moments = moved.iter().map(moment).collect();

    let (from, to) = (quiet.from + AROUND, quiet.to.saturating_sub(AROUND));
    let mut rng = StdRng::seed_from_u64(seed);
    let idle = if from < to {
        let moments = (0..IDLE_MOMENTS).map(|_| rng.random_range(from..to));
        moments.flat_map(|at| arrivals.samples(at, quiet.to, |_| true)).collect()
    } else {
        Vec::new()
    };
    Samples { moments, idle, late }
}

/// Samples from the greatest down, each with its block.
struct Pool {
    falling: Vec<(f64, usize)>,
    of_block: Vec<usize>,
}

impl Pool {
    fn of(samples: Vec<(f64, usize)>, blocks: usize) -> Pool {
        let mut falling = samples;
        falling.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut of_block = vec![0; blocks];
        falling.iter().for_each(|(_, block)| of_block[*block] += 1);
        Pool { falling, of_block }
    }

    fn spread(&self) -> Spread {
        Spread::of(self.falling.iter().map(|(sample, _)| *sample))
    }

    /// The 99th percentile (nearest rank) where each block counts so often.
    fn p99(&self, times: &[usize]) -> f64 {
        let total: usize = self.of_block.iter().zip(times).map(|(samples, times)| samples * times).sum();
        let mut above = total - (total * 99).div_ceil(100);
        for (sample, block) in &self.falling {
            if times[*block] > above {
                return *sample;
            }
            above -= times[*block];
        }
        0.0
    }
}

fn ratio(moved: f64, control: f64) -> f64 {
    if control > 0.0 { moved / control } else { 0.0 }
}

/// Pools the moves of all scenarios and judges them.
pub fn compare<'a>(scenarios: impl IntoIterator<Item = &'a Samples>, seed: u64, asked: Asked) -> Pauses {
    let (mut moved, mut control, mut idle, mut late) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut moves, mut blocks) = (0, 0);
    for samples in scenarios {
        idle.extend(&samples.idle);
        late.extend(&samples.late);
        let mut last = None;
        for moment in &samples.moments {
            if last.is_none_or(|last| moment.at - last >= SAME_BLOCK) {
                blocks += 1;
            }
            last = Some(moment.at);
            moves += 1;
            moved.extend(moment.moved.iter().map(|sample| (*sample, blocks - 1)));
            control.extend(moment.control.iter().map(|sample| (*sample, blocks - 1)));
        }
    }
    let (moved, control) = (Pool::of(moved, blocks), Pool::of(control, blocks));

    let mut rng = StdRng::seed_from_u64(seed);
    let mut ratios: Vec<f64> = (0..if blocks > 0 { RESAMPLES } else { 0 })
        .map(|_| {
            let mut times = vec![0; blocks];
            (0..blocks).for_each(|_| times[rng.random_range(0..blocks)] += 1);
            ratio(moved.p99(&times), control.p99(&times))
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let at = |thousandths: usize| ratios.get(ratios.len() * thousandths / 1_000).copied().unwrap_or_default();
    let interval = [at(25), at(975)];
    let (moved, control, idle, late) = (moved.spread(), control.spread(), Spread::of(idle), Spread::of(late));
    let ratio = ratio(moved.p99, control.p99);
    let (judgement, why) = judge(moves, [moved.p99, control.p99, idle.p99, late.p99], ratio, asked);
    Pauses { moves, blocks, moved, control, idle, late, ratio, interval, judgement, why }
}

fn judge(
    moves: usize,
    [moved, control, idle, late]: [f64; 4],
    ratio: f64,
    asked: Asked,
) -> (Judgement, String) {
    if moves == 0 || control == 0.0 {
        return (Judgement::Told, "no move beside a game that stayed: nothing to compare".to_owned());
    }
    if moves < ENOUGH_MOVES && !asked.judge_few {
        return (Judgement::Told, format!("{moves} moves; {ENOUGH_MOVES} are judged"));
    }
    if control > MOST_DISTURBED * idle {
        let why = format!(
            "games that stayed waited {control:.0} ms at p99, more than {MOST_DISTURBED} times the {idle:.0} ms of quiet times: \
             the machine was too busy to tell"
        );
        return (Judgement::Inconclusive, why);
    }
    if ratio > MOST_RATIO {
        return (Judgement::Fail, format!("{ratio:.2} times the control at p99, of at most {MOST_RATIO}"));
    }
    if late > MOST_LATE_MS {
        return (Judgement::Fail, format!("first ticks {late:.1} ms late at p99, of at most {MOST_LATE_MS}"));
    }
    if asked.idle_machine && moved > MOST_MS {
        return (Judgement::Fail, format!("{moved:.0} ms at p99, of at most {MOST_MS} on an idle machine"));
    }
    (Judgement::Pass, format!("{ratio:.2} times the control at p99"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::What;
    use protocol::{Epoch, Keyframe, ServerMessage, Tick};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A player shown a tick every 20 ms for 10 s, with `noise` of up to so many ms; the epoch rises at `moves`, whose first
    /// tick comes later by `late`.
    fn player(game: u64, moves: &[u64], late: u64, noise: u64, seed: u64) -> Recording {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut recording = Recording::new(GameId(game), "bot");
        for tick in 1..=500 {
            let due = tick * 20;
            let epoch = 1 + moves.iter().filter(|at| **at <= due).count() as u64;
            let delay = rng.random_range(0..=noise) + if moves.contains(&due) { late } else { 0 };
            let keyframe = Keyframe { epoch: Epoch(epoch), tick: Tick(tick), ..Keyframe::default() };
            let message = ServerMessage::Keyframe(keyframe).encode();
            recording.push(ms(due + delay), 1, What::Message(&message));
        }
        recording
    }

    const QUIET: Window = Window { from: Duration::from_millis(200), to: Duration::from_millis(900) };
    const MOVES: Window = Window { from: Duration::from_millis(1_000), to: Duration::from_millis(10_000) };

    /// 30 games of two players; every third moves, each at a moment of its own.
    fn run(late: u64, noise: u64, seed: u64) -> Samples {
        let recordings: Vec<Recording> = (0..30)
            .flat_map(|game| {
                let moves = if game % 3 == 0 { vec![2_000 + game * 240] } else { Vec::new() };
                (0..2).map(move |bot| player(game, &moves, late, noise, seed * 1_000 + game * 10 + bot))
            })
            .collect();
        samples(&recordings, QUIET, MOVES, vec![1.0], 1)
    }

    fn judged(samples: &[Samples]) -> Pauses {
        compare(samples, 7, Asked { judge_few: true, idle_machine: false })
    }

    #[test]
    fn a_sample_is_the_longest_gap_that_touches_the_time_around() {
        let times: Vec<Duration> = [0, 20, 40, 95, 110, 130, 230, 400].map(ms).into();
        // Around 200: from 100 to 300. The gap that began before it counts whole, as does the one that ends after it.
        assert_eq!(longest_gap(&times, ms(200), ms(500)), Some(170.0));
        assert_eq!(longest_gap(&times, ms(100), ms(500)), Some(100.0), "the one from 130 on touches 200");
        assert_eq!(longest_gap(&times, ms(450), ms(900)), Some(500.0), "silence lasts to the end");
        assert_eq!(longest_gap(&times[4..], ms(150), ms(900)), None, "it was not there yet");
    }

    #[test]
    fn players_of_moved_games_are_told_from_those_whose_games_stay() {
        let samples = run(0, 0, 1);
        assert_eq!(samples.moments.len(), 10);
        assert!(samples.moments.iter().all(|moment| moment.moved.len() == 2 && moment.control.len() == 58));
        assert_eq!(samples.idle.len(), IDLE_MOMENTS * 60);
        assert_eq!(samples.moments[1].at, ms(2_720));
    }

    #[test]
    fn games_that_move_a_little_later_are_no_control() {
        let recordings =
            [player(1, &[2_000], 0, 0, 1), player(2, &[2_300], 0, 0, 2), player(3, &[], 0, 0, 3)];
        let samples = samples(&recordings, QUIET, MOVES, Vec::new(), 1);
        assert_eq!(samples.moments.iter().map(|moment| moment.control.len()).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn moves_that_are_no_longer_than_anything_else_pass_and_the_interval_holds_one() {
        let pauses = judged(&[run(0, 12, 1), run(0, 12, 2), run(0, 12, 3)]);
        assert_eq!((pauses.moves, pauses.judgement), (30, Judgement::Pass), "{pauses:?}");
        let [low, high] = pauses.interval;
        assert!(low <= 1.0 && 1.0 <= high && low <= pauses.ratio && pauses.ratio <= high, "{pauses:?}");
    }

    #[test]
    fn fifteen_milliseconds_at_each_move_are_seen() {
        let pauses = judged(&[run(15, 5, 1), run(15, 5, 2)]);
        assert_eq!(pauses.judgement, Judgement::Fail, "{pauses:?}");
        assert!(pauses.ratio > 1.3 && pauses.interval[0] > MOST_RATIO, "{pauses:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let samples = [run(5, 9, 1)];
        assert_eq!(judged(&samples).interval, judged(&samples).interval);
    }

    #[test]
    fn a_busy_machine_is_inconclusive_few_moves_are_told_and_an_idle_machine_has_a_bar_of_its_own() {
        let judge = |moves, p99s, asked| judge(moves, p99s, p99s[0] / p99s[1], asked).0;
        let (all, few) = (Asked::default(), Asked { judge_few: true, idle_machine: true });
        assert_eq!(judge(500, [100.0, 100.0, 30.0, 1.0], all), Judgement::Inconclusive);
        assert_eq!(judge(499, [100.0, 10.0, 30.0, 1.0], all), Judgement::Told);
        assert_eq!(judge(499, [100.0, 10.0, 30.0, 1.0], few), Judgement::Fail);
        assert_eq!(judge(500, [60.0, 50.0, 30.0, 20.0], all), Judgement::Pass);
        assert_eq!(judge(500, [60.0, 50.0, 30.0, 20.1], all), Judgement::Fail);
        assert_eq!(judge(500, [61.0, 50.0, 30.0, 1.0], all), Judgement::Fail);
        assert_eq!(judge(500, [41.0, 40.0, 30.0, 1.0], few), Judgement::Fail);
        assert_eq!(judge(500, [40.0, 40.0, 30.0, 1.0], few), Judgement::Pass);
        assert_eq!(judge(0, [0.0; 4], few), Judgement::Told);
    }

    #[test]
    fn moves_close_to_each_other_are_one_block_and_those_of_two_scenarios_are_two() {
        let moment = |at| Moment { at: ms(at), moved: vec![20.0], control: vec![20.0] };
        let burst =
            Samples { moments: [0, 100, 340, 590].map(moment).into(), idle: vec![20.0], late: vec![1.0] };
        let pauses = compare([&burst, &burst], 1, Asked::default());
        assert_eq!((pauses.moves, pauses.blocks, pauses.ratio), (8, 4, 1.0));
    }
}
