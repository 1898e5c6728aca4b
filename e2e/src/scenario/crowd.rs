//! Many clients come back at once, some read nothing, and some send garbage.
//!
//! What goes wrong without the product: those who play pay for them, because one thread serves all, or one queue. What
//! repairs it: games run on threads of their own, each socket's queue and each sender's rate have a limit, and whoever
//! reaches it is closed.

use super::{Done, Stage, registry};
use crate::arrivals::new_worlds;
use crate::crowd::{Crowd, Manner};
use crate::oracle::Spread;
use crate::recording::Recording;
use crate::report::{Bars, Check};
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Clients that come back.
const WATCHERS: usize = 500;
/// Clients that read nothing, and that send garbage.
const HOSTILE: usize = 50;
/// Longest wait until all watchers are in.
const IN_WITHIN: Duration = Duration::from_secs(60);
/// How often each part has its turn, one after the other: the machine that all of this runs on is slower in some minutes than in
/// others, and what is compared shall have its share of both. The quiet turns come to a minute.
const ROUNDS: usize = 6;
/// How long each turn is.
const TURN: Duration = Duration::from_secs(10);
/// How much longer than in the quiet minute others may wait for a tick, at the 99th percentile.
const MOST_RATIO: f64 = 1.2;

/// Those who play notice nothing, and no game moves.
pub(super) const BARS: Bars = registry::BARS;

/// What others see meanwhile is held against what they saw in the first part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    name: &'static str,
    turns: Vec<(Instant, Instant)>,
}

impl Part {
    fn new(name: &'static str) -> Part {
        Part { name, turns: Vec::new() }
    }

    /// A turn, which is under way since `from`, lasts as long as all do.
    async fn turn(&mut self, from: Instant) {
        sleep(TURN.saturating_sub(from.elapsed())).await;
        self.turns.push((from, Instant::now()));
    }
}

pub(super) async fn come(stage: &Stage<'_>) -> Result<Done> {
    let settings = stage.settings;
    let crowd =
        |manner, count| Crowd::come(&settings.address, &stage.arena.games, manner, count, settings.seed);
    let watchers = crowd(Manner::Watch, WATCHERS)?;
    watchers.visited(WATCHERS, IN_WITHIN).await.context("not all watchers were let in")?;
    let what = format!(
        "{ROUNDS} times, each for {TURN:?}: nothing; {WATCHERS} watchers come back at once; {HOSTILE} clients come and \
         read nothing; {HOSTILE} come and send garbage"
    );
    let mut done = Done::new(what, Instant::now());
    let (mut quiet, mut returning) =
        (Part::new("quiet, with the watchers"), Part::new("all watchers come back"));
    let mut hostile = [
        (Part::new("some read nothing"), Manner::Deaf, 0),
        (Part::new("some send garbage"), Manner::Garbage, 0),
    ];
    let mut slowest = Duration::ZERO;
    for round in 1..=ROUNDS {
        quiet.turn(Instant::now()).await;
        let began = Instant::now();
        watchers.come_again();
        watchers.visited(WATCHERS * (round + 1), TURN).await.context("not all watchers came back")?;
        slowest = slowest.max(began.elapsed());
        returning.turn(began).await;
        for (part, manner, visits) in &mut hostile {
            let began = Instant::now();
            let clients = crowd(*manner, HOSTILE)?;
            part.turn(began).await;
            *visits += clients.visits();
        }
    }
    done.step("the last of them has left");
    let mut told = |measure: &str, value| done.checks.push(Check::new(measure, value, String::new(), None));
    told("all watchers are back within", format!("{:.1} s", slowest.as_secs_f64()));
    for (part, _, visits) in &hostile {
        told(&format!("times one came: {}", part.name), visits.to_string());
    }
    done.parts = [quiet, returning].into_iter().chain(hostile.map(|(part, ..)| part)).collect();
    Ok(done)
}

/// One line for each part: the 99th percentile of all gaps between a player's new ticks, in its median turn.
pub(super) fn compared(parts: &[Part], recordings: &[Recording], start: Instant) -> Vec<Check> {
    let p99s = |part: &Part| {
        let turns = part.turns.iter().map(|(from, to)| (*from - start, *to - start));
        Spread::of(turns.map(|(from, to)| Spread::of(gaps(recordings, from, to)).p99))
    };
    let quiet = parts.first().map(p99s).unwrap_or_default().median;
    let line = |(index, part): (usize, &Part)| {
        let (Spread { median, max, .. }, most) = (p99s(part), quiet * MOST_RATIO);
        let judged = index > 0;
        let bar = if judged { format!("<= {most:.1} ms") } else { String::new() };
        let measure = format!("gap between ticks, p99: {}", part.name);
        let value = format!("{median:.1} ms, worst turn {max:.1} ms");
        Check::new(&measure, value, bar, judged.then_some(median <= most))
    };
    parts.iter().enumerate().map(line).collect()
}

/// In milliseconds, by the tick that ended each.
fn gaps(recordings: &[Recording], from: Duration, to: Duration) -> Vec<f64> {
    let mut gaps = Vec::new();
    for recording in recordings {
        let times: Vec<Duration> = new_worlds(recording).iter().map(|world| world.at).collect();
        let ended = times.windows(2).filter(|pair| (from..to).contains(&pair[1]));
        gaps.extend(ended.map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1e3));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::What;
    use protocol::{Epoch, GameId, Keyframe, ServerMessage, Tick};

    #[test]
    fn each_part_is_held_against_the_first() {
        let mut recording = Recording::new(GameId(1), "bot");
        let mut at = 0;
        for tick in 0..300 {
            let keyframe = Keyframe { epoch: Epoch(1), tick: Tick(tick), ..Keyframe::default() };
            let message = ServerMessage::Keyframe(keyframe).encode();
            recording.push(Duration::from_millis(at), 1, What::Message(&message));
            at += if tick < 200 { 20 } else { 25 };
        }
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        // One turn that is slower does not count.
        let part = |name, from, to| Part {
            name,
            turns: [(from, to), (from, to), (4_100, 6_000)].map(|(from, to)| (at(from), at(to))).to_vec(),
        };
        let parts = [part("quiet", 0, 2_000), part("same", 2_000, 4_000), part("slower", 4_100, 6_000)];
        let checks = compared(&parts, &[recording], start);
        let median = |check: &Check| check.value.split(',').next().map(str::to_owned).unwrap();
        let found: Vec<_> = checks.iter().map(|check| (median(check), check.pass)).collect();
        let wanted = [("20.0 ms", None), ("20.0 ms", Some(true)), ("25.0 ms", Some(false))];
        assert_eq!(found, wanted.map(|(median, pass)| (median.to_owned(), pass)));
        assert!(compared(&[], &[], start).is_empty());
    }
}
