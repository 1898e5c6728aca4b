//! What a run found, for people and for programs.
//!
//! Owns the bars that a verdict is held against, the tables and the JSON. Measures nothing.

use crate::oracle::{Fault, Spread, Verdict};
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Longest time that a player may wait for a tick at a planned move, in milliseconds.
const PLANNED_GAP_MS: f64 = 1_000.0;
/// The same at a crash: until play is back.
const CRASH_GAP_MS: f64 = 5_000.0;
/// Ticks of play that a crash may cost: one second.
const CRASH_PLAY_LOST_TICKS: u64 = 50;

/// What a verdict is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bars {
    /// Nothing is meant to happen, or a planned move may.
    Play,
    /// Games move because their owner leaves.
    Planned,
    /// Every game moves, and none twice.
    Rollout,
    /// An owner is gone without a word.
    Crash,
}

/// One line of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was measured.
    pub measure: String,
    /// What came out, with its unit.
    pub value: String,
    /// What it may be; empty: it is only told.
    pub bar: String,
    /// Was the bar kept? None where there is no bar.
    pub pass: Option<bool>,
}

/// When something happened to the games that moved, in milliseconds after the fault began.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What.
    pub step: String,
    /// In how many games (1 for what happens once).
    pub count: usize,
    /// To the first one.
    pub first_ms: f64,
    /// To the middle one.
    pub median_ms: f64,
    /// To the last one.
    pub last_ms: f64,
}

impl Step {
    /// Of the times of each game; None where it never happened.
    pub fn of(step: &str, times_ms: impl IntoIterator<Item = f64>) -> Option<Step> {
        let mut times: Vec<f64> = times_ms.into_iter().collect();
        times.sort_by(f64::total_cmp);
        let Spread { median: median_ms, max: last_ms, .. } = Spread::of(times.iter().copied());
        Some(Step {
            step: step.to_owned(),
            count: times.len(),
            first_ms: *times.first()?,
            median_ms,
            last_ms,
        })
    }
}

/// What became of a scenario.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It could not be tried here. Never counts as passed.
    NotRun {
        /// Which.
        scenario: String,
        /// Why, and what to do about it.
        reason: String,
    },
    /// It was tried.
    Ran(Box<Ran>),
}

/// A scenario that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Ran {
    /// Which.
    pub scenario: String,
    /// What was done to what.
    pub fault: String,
    /// Seed of the bots: the same one lets them play the same again.
    pub seed: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Longest gaps in a quiet watch before the fault: what the machine costs by itself. In milliseconds.
    pub quiet_gap_ms: Option<Spread>,
    /// What the oracle says.
    pub verdict: Verdict,
    /// The verdict held against the bars.
    pub checks: Vec<Check>,
    /// How the games moved.
    pub timeline: Vec<Step>,
    /// What went wrong besides: the cluster did not settle, bots gave up.
    pub troubles: Vec<String>,
}

impl Ran {
    /// Every bar kept, and nothing else wrong.
    pub fn passed(&self) -> bool {
        self.troubles.is_empty() && self.checks.iter().all(|check| check.pass != Some(false))
    }
}

impl Outcome {
    /// Did something break?
    pub fn failed(&self) -> bool {
        matches!(self, Outcome::Ran(ran) if !ran.passed())
    }

    fn result(&self) -> &'static str {
        match self {
            Outcome::NotRun { .. } => "NOT RUN",
            Outcome::Ran(ran) if ran.passed() => "PASS",
            Outcome::Ran(_) => "FAIL",
        }
    }
}

/// Holds a verdict against bars.
pub fn checks(verdict: &Verdict, bars: Bars) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut line = |measure: &str, value: String, bar: String, pass: Option<bool>| {
        checks.push(Check { measure: measure.to_owned(), value, bar, pass });
    };
    let told = |pass: bool| Some(pass);
    line("games", verdict.games.to_string(), String::new(), None);
    line("players", verdict.players.to_string(), String::new(), None);
    for fault in Fault::ALL {
        let count = verdict.count(fault);
        line(fault.title(), count.to_string(), "0".into(), told(count == 0));
    }
    let (moved, most) = (verdict.games_moved, verdict.moves.max);
    match bars {
        Bars::Play => line("games moved", moved.to_string(), String::new(), None),
        Bars::Planned | Bars::Crash => {
            line("games moved", moved.to_string(), ">= 1".into(), told(moved >= 1))
        }
        Bars::Rollout => {
            line("games moved", moved.to_string(), "all".into(), told(moved == verdict.games));
        }
    }
    let moves = format!("median {}, max {}", verdict.moves.median, most);
    match bars {
        Bars::Rollout => line("moves per game", moves, "<= 1".into(), told(most <= 1.0)),
        _ => line("moves per game", moves, String::new(), None),
    }
    let mut missed = verdict.ticks_missed.to_string();
    if verdict.ticks_skipped > 0 {
        let _ = write!(missed, " ({} by Skipped: the bots read too slowly)", verdict.ticks_skipped);
    }
    let lost = verdict.play_lost_ticks;
    let play_lost = format!("{lost} ticks ({} ms), {} players rewound", lost * 20, verdict.rewinds);
    let gap_bar = match bars {
        Bars::Crash => {
            // A player whose own server was killed is away until it has connected anew; the game goes on meanwhile.
            line("ticks missed by players", missed, String::new(), None);
            let bar = format!("<= {CRASH_PLAY_LOST_TICKS} ticks");
            line("play lost in a game", play_lost, bar, told(lost <= CRASH_PLAY_LOST_TICKS));
            CRASH_GAP_MS
        }
        Bars::Play | Bars::Planned | Bars::Rollout => {
            line("ticks missed by players", missed, "0".into(), told(verdict.ticks_missed == 0));
            line("play lost in a game", play_lost, "0 ticks".into(), told(lost == 0 && verdict.rewinds == 0));
            PLANNED_GAP_MS
        }
    };
    line("longest gap, median player", milliseconds(verdict.gap_ms.median), String::new(), None);
    line("longest gap, p99", milliseconds(verdict.gap_ms.p99), String::new(), None);
    let bar = format!("<= {}", milliseconds(gap_bar));
    line(
        "longest gap, worst player",
        milliseconds(verdict.gap_ms.max),
        bar,
        told(verdict.gap_ms.max <= gap_bar),
    );
    line("mean frame", format!("{:.1} B", verdict.frame_bytes), String::new(), None);
    checks
}

fn milliseconds(value: f64) -> String {
    format!("{value:.0} ms")
}

/// Columns as wide as their content; those named in `right` aligned to the right.
fn table(rows: &[Vec<String>], right: &[usize], indent: &str) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = match right.contains(&column) {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:<width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// The table of one scenario.
pub fn scenario(outcome: &Outcome) -> String {
    let mut text = String::new();
    let ran = match outcome {
        Outcome::NotRun { scenario, reason } => {
            let _ = writeln!(text, "{scenario}: NOT RUN\n  {reason}");
            return text;
        }
        Outcome::Ran(ran) => ran,
    };
    let _ = writeln!(text, "{}: {}", ran.scenario, outcome.result());
    let _ = writeln!(text, "  {} ({:.0} s, seed {})\n", ran.fault, ran.seconds, ran.seed);
    let mut rows = vec![row(["measure", "value", "bar", ""])];
    for check in &ran.checks {
        let result = match check.pass {
            None => "",
            Some(true) => "PASS",
            Some(false) => "FAIL",
        };
        rows.push(row([&check.measure, &check.value, &check.bar, result]));
    }
    if let Some(quiet) = &ran.quiet_gap_ms {
        let before = format!("{} / {}", milliseconds(quiet.median), milliseconds(quiet.max));
        rows.push(row(["before the fault, median / worst", &before, "", ""]));
    }
    text.push_str(&table(&rows, &[], "  "));
    if !ran.timeline.is_empty() {
        text.push('\n');
        let mut rows = vec![row(["after the fault began", "", "first", "median", "last"])];
        for step in &ran.timeline {
            let count = if step.count == 1 { String::new() } else { format!("{} games", step.count) };
            let [first, median, last] = [step.first_ms, step.median_ms, step.last_ms].map(milliseconds);
            let once = step.count == 1;
            rows.push(if once {
                row([&step.step, &count, &first])
            } else {
                row([&step.step, &count, &first, &median, &last])
            });
        }
        text.push_str(&table(&rows, &[1, 2, 3, 4], "  "));
    }
    for trouble in &ran.troubles {
        let _ = writeln!(text, "  trouble: {trouble}");
    }
    if !ran.verdict.findings.is_empty() {
        text.push_str("\n  what the oracle saw:\n");
        let rows: Vec<_> = (ran.verdict.findings.iter().take(12))
            .map(|finding| {
                let at = format!("{:.3} s", finding.at_s);
                let who = format!("{} {} socket {}", finding.game, finding.player, finding.socket);
                row([&at, finding.fault.title(), &who, &finding.what])
            })
            .collect();
        text.push_str(&table(&rows, &[0], "  "));
        let total: u64 = ran.verdict.faults.values().sum();
        if total > rows.len() as u64 {
            let _ = writeln!(text, "  and {} more", total - rows.len() as u64);
        }
    }
    text
}

/// All scenarios, one a line.
pub fn summary(outcomes: &[Outcome]) -> String {
    let head = [
        "scenario",
        "result",
        "games",
        "lost",
        "moves/game",
        "ticks missed",
        "rejoined",
        "gap median",
        "p99",
        "max",
    ];
    let mut rows = vec![row(head)];
    for outcome in outcomes {
        rows.push(match outcome {
            Outcome::NotRun { scenario, .. } => row([scenario, outcome.result()]),
            Outcome::Ran(ran) => {
                let verdict = &ran.verdict;
                vec![
                    ran.scenario.clone(),
                    outcome.result().to_owned(),
                    verdict.games.to_string(),
                    verdict.count(Fault::GameLost).to_string(),
                    format!("{} (max {})", verdict.moves.median, verdict.moves.max),
                    verdict.ticks_missed.to_string(),
                    verdict.count(Fault::Rejoined).to_string(),
                    milliseconds(verdict.gap_ms.median),
                    milliseconds(verdict.gap_ms.p99),
                    milliseconds(verdict.gap_ms.max),
                ]
            }
        });
    }
    let count = |result: &str| outcomes.iter().filter(|outcome| outcome.result() == result).count();
    let mut text = table(&rows, &[2, 3, 4, 5, 6, 7, 8, 9], "");
    let (passed, failed, not_run) = (count("PASS"), count("FAIL"), count("NOT RUN"));
    let _ = writeln!(text, "\n{passed} passed, {failed} failed, {not_run} not run");
    text
}

/// Writes all outcomes for programs.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(outcomes: &[Outcome], path: &Path) -> Result<()> {
    let json = serde_json::to_vec_pretty(outcomes).context("outcomes have no maps with odd keys")?;
    std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{Window, judge};
    use std::time::Duration;

    /// Of a run in which all went well and each of 12 games moved once.
    fn good() -> Verdict {
        let window = Window { from: Duration::ZERO, to: Duration::from_secs(1) };
        Verdict {
            games: 12,
            players: 48,
            games_moved: 12,
            moves: Spread { median: 1.0, p99: 1.0, max: 1.0 },
            gap_ms: Spread { median: 25.0, p99: 80.0, max: 90.0 },
            ..judge(&[], window)
        }
    }

    fn failing(verdict: &Verdict, bars: Bars) -> Vec<String> {
        let failed = checks(verdict, bars).into_iter().filter(|check| check.pass == Some(false));
        failed.map(|check| check.measure).collect()
    }

    fn ran(verdict: Verdict, bars: Bars) -> Outcome {
        let checks = checks(&verdict, bars);
        Outcome::Ran(Box::new(Ran {
            scenario: "delete-pod".into(),
            fault: "pod a deleted".into(),
            seed: 1,
            seconds: 20.0,
            quiet_gap_ms: None,
            verdict,
            checks,
            timeline: Step::of("first frame of the new owner", [30.0, 10.0, 20.0]).into_iter().collect(),
            troubles: Vec::new(),
        }))
    }

    #[test]
    fn a_good_run_keeps_every_bar() {
        for bars in [Bars::Play, Bars::Planned, Bars::Rollout, Bars::Crash] {
            assert_eq!(failing(&good(), bars), Vec::<String>::new(), "{bars:?}");
        }
    }

    #[test]
    fn every_kind_of_fault_breaks_its_bar() {
        for fault in Fault::ALL {
            let mut verdict = good();
            verdict.faults.insert(fault, 1);
            assert_eq!(failing(&verdict, Bars::Crash), [fault.title()]);
        }
    }

    #[test]
    fn a_fault_that_moved_no_game_has_tested_nothing() {
        let verdict = Verdict { games_moved: 0, ..good() };
        assert_eq!(failing(&verdict, Bars::Planned), ["games moved"]);
        assert_eq!(failing(&verdict, Bars::Crash), ["games moved"]);
        assert_eq!(failing(&verdict, Bars::Play), Vec::<String>::new());
    }

    #[test]
    fn a_crash_may_cost_five_seconds_and_fifty_ticks_a_planned_move_one_second_and_none() {
        let late = |max, play_lost_ticks| {
            let gap_ms = Spread { max, ..good().gap_ms };
            Verdict { gap_ms, play_lost_ticks, ..good() }
        };
        assert_eq!(failing(&late(1_000.0, 0), Bars::Planned), Vec::<String>::new());
        assert_eq!(
            failing(&late(1_001.0, 1), Bars::Planned),
            ["play lost in a game", "longest gap, worst player"]
        );
        assert_eq!(failing(&late(5_000.0, 50), Bars::Crash), Vec::<String>::new());
        assert_eq!(
            failing(&late(5_001.0, 51), Bars::Crash),
            ["play lost in a game", "longest gap, worst player"]
        );
    }

    #[test]
    fn a_rollout_moves_every_game_once() {
        let twice = Verdict { moves: Spread { max: 2.0, ..good().moves }, ..good() };
        assert_eq!(failing(&twice, Bars::Rollout), ["moves per game"]);
        assert_eq!(failing(&Verdict { games_moved: 11, ..good() }, Bars::Rollout), ["games moved"]);
    }

    #[test]
    fn what_was_not_run_is_not_passed() {
        let not_run = Outcome::NotRun { scenario: "sigkill".into(), reason: "no rights on nodes".into() };
        let text = summary(&[ran(good(), Bars::Planned), not_run.clone()]);
        assert!(text.contains("1 passed, 0 failed, 1 not run"), "{text}");
        assert!(scenario(&not_run).contains("no rights on nodes"));
    }

    #[test]
    fn a_table_says_pass_and_fail_and_tells_the_steps() {
        let mut verdict = good();
        verdict.ticks_missed = 3;
        let outcome = ran(verdict, Bars::Planned);
        let text = scenario(&outcome);
        assert!(outcome.failed() && text.starts_with("delete-pod: FAIL"), "{text}");
        let line = text.lines().find(|line| line.contains("ticks missed")).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["ticks", "missed", "by", "players", "3", "0", "FAIL"]
        );
        assert!(text.contains("3 games"), "{text}");
    }
}
