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
/// The watch before, with the watchers there.
const QUIET: Duration = Duration::from_secs(60);
/// How often the watchers come back.
const RETURNS: usize = 3;
/// How long each time is looked at.
const RETURN: Duration = Duration::from_secs(10);
/// Each part is looked at in slices of that length, so that the machine's standing still once does not decide.
const SLICE: Duration = RETURN;
/// How long the hostile ones stay.
const STAY: Duration = Duration::from_secs(30);
/// How much longer than in the quiet minute others may wait for a tick, at the 99th percentile.
const MOST_RATIO: f64 = 1.2;

/// Those who play notice nothing, and no game moves.
pub(super) const BARS: Bars = registry::BARS;

/// What others see meanwhile is held against what they saw in the first part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    name: &'static str,
    from: Instant,
    to: Instant,
}

/// A part that lasts until `then` is over.
async fn part(name: &'static str, then: impl Future<Output = ()>) -> Part {
    let from = Instant::now();
    then.await;
    Part { name, from, to: Instant::now() }
}

pub(super) async fn come(stage: &Stage<'_>) -> Result<Done> {
    let settings = stage.settings;
    let crowd =
        |manner, count| Crowd::come(&settings.address, &stage.arena.games, manner, count, settings.seed);
    let watchers = crowd(Manner::Watch, WATCHERS)?;
    watchers.visited(WATCHERS, IN_WITHIN).await.context("not all watchers were let in")?;
    let quiet = part("quiet, with them", sleep(QUIET)).await;

    let what = format!(
        "{WATCHERS} watchers come back at once, {RETURNS} times; then {HOSTILE} clients read nothing for {STAY:?}; \
         then {HOSTILE} send garbage for {STAY:?}"
    );
    let mut done = Done::new(what, Instant::now());
    let mut back = Vec::new();
    let returning = part("all watchers come back", async {
        for time in 1..=RETURNS {
            let began = Instant::now();
            watchers.come_again();
            let all = watchers.visited(WATCHERS * (time + 1), RETURN).await;
            back.push(all.map(|()| began.elapsed()));
            sleep(RETURN.saturating_sub(began.elapsed())).await;
        }
    });
    let returning = returning.await;
    done.step("the watchers have come back");
    let mut hostile = Vec::new();
    for (name, manner) in [("some read nothing", Manner::Deaf), ("some send garbage", Manner::Garbage)] {
        let clients = crowd(manner, HOSTILE)?;
        let part = part(name, sleep(STAY)).await;
        hostile.push((part, clients.visits()));
        done.step(name);
    }
    let slowest = back.into_iter().collect::<Result<Vec<_>>>().context("not all watchers came back")?;
    let slowest = slowest.into_iter().max().unwrap_or_default().as_secs_f64();
    let mut told = |measure: &str, value| done.checks.push(Check::new(measure, value, String::new(), None));
    told("all watchers are back within", format!("{slowest:.1} s"));
    for (part, visits) in &hostile {
        told(&format!("times one came: {}", part.name), visits.to_string());
    }
    done.parts = [quiet, returning].into_iter().chain(hostile.into_iter().map(|(part, _)| part)).collect();
    Ok(done)
}

/// One line for each part: the 99th percentile of all gaps between a player's new ticks, in its median slice. Those who read
/// nothing come anew in each, as all others do.
pub(super) fn compared(parts: &[Part], recordings: &[Recording], start: Instant) -> Vec<Check> {
    let p99s = |part: &Part| {
        let slices = slices(part.from - start, part.to - start);
        Spread::of(slices.map(|(from, to)| Spread::of(gaps(recordings, from, to)).p99))
    };
    let quiet = parts.first().map(p99s).unwrap_or_default().median;
    let line = |(index, part): (usize, &Part)| {
        let (Spread { median, max, .. }, most) = (p99s(part), quiet * MOST_RATIO);
        let judged = index > 0;
        let bar = if judged { format!("<= {most:.1} ms") } else { String::new() };
        let measure = format!("gap between ticks, p99: {}", part.name);
        let value = format!("{median:.1} ms, worst slice {max:.1} ms");
        Check::new(&measure, value, bar, judged.then_some(median <= most))
    };
    parts.iter().enumerate().map(line).collect()
}

/// As many as fit, of [`SLICE`] and a little more; one where none fits.
fn slices(from: Duration, to: Duration) -> impl Iterator<Item = (Duration, Duration)> {
    let count = ((to - from).as_millis() / SLICE.as_millis()).max(1) as u32;
    let each = (to - from) / count;
    (0..count).map(move |index| (from + each * index, from + each * (index + 1)))
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
    fn a_part_is_cut_into_slices() {
        let ms = |ms| Duration::from_millis(ms);
        let of = |from, to| slices(ms(from), ms(to)).collect::<Vec<_>>();
        assert_eq!(of(500, 2_500), [(ms(500), ms(2_500))]);
        assert_eq!(of(0, 30_009).len(), 3);
        assert_eq!(of(0, 30_009)[1], (ms(10_003), ms(20_006)));
    }

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
        let part = |name, from, to| Part {
            name,
            from: start + Duration::from_millis(from),
            to: start + Duration::from_millis(to),
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
