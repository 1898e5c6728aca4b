//! What a run found, for people and for programs.
//!
//! Owns the bars that a verdict is held against, the tables and the JSON. Measures nothing.

use crate::oracle::{Fault, SentAway, Spread, Verdict};
use crate::pauses::{Judgement, Pauses, Samples};
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Longest time that a player may wait for a tick at a planned move, in milliseconds.
const PLANNED_GAP_MS: f64 = 1_000.0;
/// Ticks of play that a crash may cost those whose server it was: what their inputs wait for their place in the log.
pub const CRASH_LOST_TICKS: u64 = 10;

/// Sockets that a leaving server may send away within a quarter of a second, however few it has.
const SENT_AT_ONCE: usize = 12;
/// And as a part of those that it has, in percent.
const SENT_AT_ONCE_PERCENT: usize = 40;
/// How far the pods' games may be from their mean, in percent.
const EVEN_PERCENT: usize = 20;

/// What a verdict is held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bars {
    /// Which games have to move: a fault that moves none has tested nothing.
    pub moved: Moved,
    /// How often a game may.
    pub most_moves: Option<u32>,
    /// The pods have the same number of games in the end.
    pub even: bool,
    /// Pods that were deleted end by themselves, without an error, before their grace period does.
    pub exits: bool,
    /// What may be lost.
    pub loss: Loss,
    /// The pauses of its moves count among those of the whole run: nothing was slow on purpose.
    pub pauses: bool,
    /// All players are told that the registry is away.
    pub told_away: bool,
}

/// Which games have to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// None has to.
    Any,
    /// At least one.
    Some,
    /// All.
    All,
}

/// What may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing: games move from one living server to another.
    Nothing,
    /// Time: there is no server for a while. But no tick, and no player.
    Parked,
    /// A little play: a server is gone, or silent, without a word.
    Crash(Crash),
}

/// How long a crash may be felt, in milliseconds, and what may be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Crash {
    /// By 99 of 100 players whose own server lives on.
    pub served_p99_ms: f64,
    /// By any of them.
    pub served_ms: f64,
    /// By anybody.
    pub anybody_ms: f64,
    /// Ticks that somebody was shown and that nobody goes on from, at most.
    pub lost_ticks: u64,
}

impl Bars {
    /// Nothing is meant to happen.
    pub const PLAY: Bars = Bars {
        moved: Moved::Any,
        most_moves: None,
        even: false,
        exits: false,
        loss: Loss::Nothing,
        pauses: true,
        told_away: false,
    };
    /// Games move because their owner leaves.
    pub const PLANNED: Bars = Bars { moved: Moved::Some, exits: true, ..Bars::PLAY };
    /// Every game moves exactly once, to where there are fewest.
    pub const ROLLOUT: Bars =
        Bars { moved: Moved::All, most_moves: Some(1), even: true, exits: true, ..Bars::PLAY };
}

/// What the cluster says, besides what players were shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// Games of each pod in the end, all of the cluster, most first.
    pub games_by_pod: Vec<(String, usize)>,
    /// How the deleted pods ended.
    pub exits: Vec<Exit>,
}

/// How a deleted pod ended.
#[derive(Clone, Debug, Serialize)]
pub struct Exit {
    /// Its name.
    pub pod: String,
    /// Exit code of its process; none: nobody saw it.
    pub code: Option<i64>,
    /// From its deletionTimestamp until it was gone; none: it is still there.
    pub took_ms: Option<u64>,
    /// How long it might have taken.
    pub grace_ms: Option<u64>,
}

impl Exit {
    fn well(&self) -> bool {
        let in_time = self.took_ms.zip(self.grace_ms).is_some_and(|(took, grace)| took < grace);
        self.code == Some(0) && in_time
    }

    fn sentence(&self) -> String {
        let code = self.code.map_or("unseen".to_owned(), |code| code.to_string());
        let took = self.took_ms.map_or("not gone".to_owned(), |took| format!("{:.1} s", took as f64 / 1e3));
        format!("{} {took} code {code}", self.pod)
    }
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

impl Check {
    /// A line.
    pub fn new(measure: &str, value: String, bar: String, pass: Option<bool>) -> Check {
        Check { measure: measure.to_owned(), value, bar, pass }
    }
}

/// When something happened, in milliseconds after the fault began.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What.
    pub step: String,
    /// To how many.
    pub count: usize,
    /// Of what: games, pods, sockets; empty for what happens once.
    pub of: String,
    /// To the first one.
    pub first_ms: f64,
    /// To the middle one.
    pub median_ms: f64,
    /// To the last one.
    pub last_ms: f64,
}

impl Step {
    /// Of the times of each; None where it never happened.
    pub fn of(step: &str, of: &str, times_ms: impl IntoIterator<Item = f64>) -> Option<Step> {
        let mut times: Vec<f64> = times_ms.into_iter().collect();
        times.sort_by(f64::total_cmp);
        let Spread { median: median_ms, max: last_ms, .. } = Spread::of(times.iter().copied());
        Some(Step {
            step: step.to_owned(),
            count: times.len(),
            of: of.to_owned(),
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
    /// What the cluster says.
    pub facts: Facts,
    /// How the games moved.
    pub timeline: Vec<Step>,
    /// The pauses that players saw, and their control.
    #[serde(skip)]
    pub samples: Samples,
    /// What went wrong besides: the cluster did not settle, bots gave up.
    pub troubles: Vec<String>,
}

impl Ran {
    /// Every bar kept, and nothing else wrong.
    pub fn passed(&self) -> bool {
        self.troubles.is_empty() && self.checks.iter().all(|check| check.pass != Some(false))
    }

    fn broke(&self, measure: &str) -> bool {
        self.checks.iter().any(|check| check.measure == measure && check.pass == Some(false))
    }
}

impl Outcome {
    /// Did something break?
    pub fn failed(&self) -> bool {
        matches!(self, Outcome::Ran(ran) if !ran.passed())
    }

    /// The pauses that players saw, where games moved by plan.
    pub fn samples(&self) -> Option<&Samples> {
        match self {
            Outcome::NotRun { .. } => None,
            Outcome::Ran(ran) => Some(&ran.samples),
        }
    }

    fn result(&self) -> &'static str {
        match self {
            Outcome::NotRun { .. } => "NOT RUN",
            Outcome::Ran(ran) if ran.passed() => "PASS",
            Outcome::Ran(_) => "FAIL",
        }
    }
}

/// Holds a verdict, and what the cluster says, against bars.
pub fn checks(verdict: &Verdict, facts: &Facts, bars: Bars) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut line = |measure: &str, value: String, bar: String, pass: Option<bool>| {
        checks.push(Check::new(measure, value, bar, pass));
    };
    line("games", verdict.games.to_string(), String::new(), None);
    line("players", verdict.players.to_string(), String::new(), None);
    for fault in Fault::ALL {
        let count = verdict.count(fault);
        // Whose server is gone before another is there has no socket to go on with.
        let expected = fault == Fault::SocketLost && bars.loss != Loss::Nothing;
        let bar = if expected { "" } else { "0" };
        line(fault.title(), count.to_string(), bar.to_owned(), (!expected).then_some(count == 0));
    }

    let (moved, most) = (verdict.games_moved, verdict.moves.max);
    let (bar, pass) = match bars.moved {
        Moved::Any => ("", None),
        Moved::Some => (">= 1", Some(moved >= 1)),
        Moved::All => ("all", Some(moved == verdict.games)),
    };
    line("games moved", moved.to_string(), bar.to_owned(), pass);
    let bar = bars.most_moves.map_or(String::new(), |most| format!("<= {most}"));
    let pass = bars.most_moves.map(|bar| most <= f64::from(bar));
    line("moves per game", format!("median {}, max {most}", verdict.moves.median), bar, pass);
    if bars.told_away || verdict.told_away > 0 {
        let (told, all) = (verdict.told_away, verdict.players);
        let bar = if bars.told_away { "all" } else { "" };
        let pass = bars.told_away.then_some(told == all);
        line("players told that the registry is away", told.to_string(), bar.to_owned(), pass);
    }
    even(facts, bars, &mut line);
    exits(facts, bars, &mut line);
    sent_away(verdict, bars, &mut line);

    let mut missed = verdict.ticks_missed.to_string();
    if verdict.ticks_skipped > 0 {
        let _ = write!(missed, " ({} by Skipped: the bots read too slowly)", verdict.ticks_skipped);
    }
    let lost = verdict.play_lost_ticks;
    let play_lost = format!("{lost} ticks ({} ms), {} players rewound", lost * 20, verdict.rewinds);
    match bars.loss {
        Loss::Nothing => line("ticks missed by players", missed, "0".into(), Some(verdict.ticks_missed == 0)),
        // A player without a server misses what goes on until it has connected anew.
        Loss::Parked | Loss::Crash(_) => line("ticks missed by players", missed, String::new(), None),
    }
    match bars.loss {
        Loss::Nothing | Loss::Parked => {
            line("play lost in a game", play_lost, "0 ticks".into(), Some(lost == 0 && verdict.rewinds == 0));
        }
        Loss::Crash(crash) => {
            let bar = format!("<= {} ticks", crash.lost_ticks);
            line("play lost in a game", play_lost, bar, Some(lost <= crash.lost_ticks));
            let rewinds = verdict.rewinds_in_place;
            line("players of living servers rewound", rewinds.to_string(), "0".into(), Some(rewinds == 0));
            let (gap, served) = (verdict.served_gap_ms, verdict.served);
            line("players of living servers", served.to_string(), String::new(), None);
            let held = |gap: f64, bar: f64| (served > 0).then_some(gap <= bar);
            let value = format!("median {}, p99 {}", milliseconds(gap.median), milliseconds(gap.p99));
            let (bar, pass) =
                (format!("<= {}", milliseconds(crash.served_p99_ms)), held(gap.p99, crash.served_p99_ms));
            line("longest gap, players of living servers", value, bar, pass);
            let (bar, pass) =
                (format!("<= {}", milliseconds(crash.served_ms)), held(gap.max, crash.served_ms));
            line("the worst of them", milliseconds(gap.max), bar, pass);
        }
    }
    let gap_bar = match bars.loss {
        Loss::Nothing => Some(PLANNED_GAP_MS),
        Loss::Parked => None,
        Loss::Crash(crash) => Some(crash.anybody_ms),
    };
    line("longest gap, median player", milliseconds(verdict.gap_ms.median), String::new(), None);
    line("longest gap, p99", milliseconds(verdict.gap_ms.p99), String::new(), None);
    let bar = gap_bar.map_or(String::new(), |bar| format!("<= {}", milliseconds(bar)));
    let worst = verdict.gap_ms.max;
    line("longest gap, worst player", milliseconds(worst), bar, gap_bar.map(|bar| worst <= bar));
    line("mean frame", format!("{:.1} B", verdict.frame_bytes), String::new(), None);
    checks
}

type Line<'a> = &'a mut dyn FnMut(&str, String, String, Option<bool>);

fn even(facts: &Facts, bars: Bars, line: Line<'_>) {
    let counts: Vec<usize> = facts.games_by_pod.iter().map(|(_, games)| *games).collect();
    if counts.is_empty() {
        return;
    }
    // Rounded in the pods' favour: games are whole.
    let (games, pods) = (counts.iter().sum::<usize>(), counts.len());
    let least = games * (100 - EVEN_PERCENT) / (100 * pods);
    let most = (games * (100 + EVEN_PERCENT)).div_ceil(100 * pods);
    let is_even = counts.iter().all(|count| (least..=most).contains(count));
    let value = counts.iter().map(usize::to_string).collect::<Vec<_>>().join(" + ");
    let bar = if bars.even { format!("{least} to {most} each") } else { String::new() };
    line("games of the pods in the end", value, bar, bars.even.then_some(is_even));
}

fn exits(facts: &Facts, bars: Bars, line: Line<'_>) {
    if facts.exits.is_empty() && !bars.exits {
        return;
    }
    let well = facts.exits.iter().filter(|exit| exit.well()).count();
    let worst = facts.exits.iter().filter(|exit| !exit.well()).map(Exit::sentence).collect::<Vec<_>>();
    let slowest = facts.exits.iter().filter_map(|exit| exit.took_ms).max().unwrap_or(0) as f64 / 1e3;
    let mut value = format!("{well} of {}, slowest {slowest:.1} s", facts.exits.len());
    if !worst.is_empty() {
        let _ = write!(value, "; not: {}", worst.join(", "));
    }
    let pass = bars.exits.then_some(well == facts.exits.len() && well > 0);
    let bar = if bars.exits { "all, code 0 before the grace ends" } else { "" };
    line("leaving pods that ended by themselves", value, bar.to_owned(), pass);
}

fn sent_away(verdict: &Verdict, bars: Bars, line: Line<'_>) {
    let most = |sockets: usize| SENT_AT_ONCE.max(sockets * SENT_AT_ONCE_PERCENT / 100);
    let beyond = |one: &&SentAway| one.most_at_once.saturating_sub(most(one.sockets));
    let Some(worst) = (verdict.sent_away.iter()).max_by_key(|one| (beyond(one), one.most_at_once)) else {
        return;
    };
    let value = format!(
        "{} of {} in 250 ms, all in {:.1} s",
        worst.most_at_once,
        worst.sockets,
        worst.over_ms as f64 / 1e3
    );
    let judged = bars.loss == Loss::Nothing;
    let bar = if judged { format!("<= {SENT_AT_ONCE} or {SENT_AT_ONCE_PERCENT} %") } else { String::new() };
    line("players sent away at once, worst pod", value, bar, judged.then_some(beyond(&worst) == 0));
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
            let once = step.count == 1;
            let count = match (step.of.as_str(), once) {
                ("", _) => String::new(),
                (of, true) => format!("1 {}", of.trim_end_matches('s')),
                (of, false) => format!("{} {of}", step.count),
            };
            let [first, median, last] = [step.first_ms, step.median_ms, step.last_ms].map(milliseconds);
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
    // Of what is expected here the count is enough.
    let broken: Vec<Fault> = Fault::ALL
        .into_iter()
        .filter(|fault| ran.broke(fault.title()) && ran.verdict.count(*fault) > 0)
        .collect();
    let findings = || ran.verdict.findings.iter().filter(|finding| broken.contains(&finding.fault));
    if findings().next().is_some() {
        text.push_str("\n  what the oracle saw:\n");
        let rows: Vec<_> = findings()
            .map(|finding| {
                let at = format!("{:.3} s", finding.at_s);
                let who = format!("{} {} socket {}", finding.game, finding.player, finding.socket);
                row([&at, finding.fault.title(), &who, &finding.what])
            })
            .collect();
        text.push_str(&table(&rows, &[0], "  "));
        let total: u64 = broken.iter().map(|fault| ran.verdict.count(*fault)).sum();
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

/// The pauses of all scenarios together.
pub fn pauses(pauses: &Pauses) -> String {
    let result = match pauses.judgement {
        Judgement::Told => "told, not judged",
        Judgement::Pass => "PASS",
        Judgement::Fail => "FAIL",
        Judgement::Inconclusive => "INCONCLUSIVE",
    };
    let mut text = format!("pauses at moves: {result}\n  {}\n\n", pauses.why);
    let mut rows = vec![row(["longest gap within 100 ms of a move", "median", "p99", "max"])];
    let of = [
        ("players of the game that moved", &pauses.moved),
        ("players of games that did not, at that moment", &pauses.control),
        ("everybody, before anything happened", &pauses.idle),
    ];
    for (who, spread) in of {
        let [median, p99, max] = [spread.median, spread.p99, spread.max].map(|ms| format!("{ms:.1} ms"));
        rows.push(row([who, &median, &p99, &max]));
    }
    let [median, p99, max] =
        [pauses.late.median, pauses.late.p99, pauses.late.max].map(|ms| format!("{ms:.1} ms"));
    rows.push(row(["first tick at a new owner, late by", &median, &p99, &max]));
    text.push_str(&table(&rows, &[1, 2, 3], "  "));
    let [low, high] = pauses.interval;
    let _ = writeln!(
        text,
        "  ratio of the p99s {:.2}, 95 % interval {low:.2} to {high:.2}; {} moves in {} bursts",
        pauses.ratio, pauses.moves, pauses.blocks
    );
    text
}

/// Everything for people, as a page of Markdown.
pub fn page(outcomes: &[Outcome], pooled: &Pauses, title: &str) -> String {
    let mut text = format!("# {title}\n\n```text\n{}\n{}```\n", summary(outcomes), pauses(pooled));
    for outcome in outcomes {
        let _ = write!(text, "\n```text\n{}```\n", scenario(outcome));
    }
    text
}

#[derive(Serialize)]
struct Results<'a> {
    scenarios: &'a [Outcome],
    pauses: &'a Pauses,
}

/// Writes all of it for programs.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json(scenarios: &[Outcome], pauses: &Pauses, path: &Path) -> Result<()> {
    let json = serde_json::to_vec_pretty(&Results { scenarios, pauses })
        .context("outcomes have no maps with odd keys")?;
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

    /// Three pods with four games each, the old ones gone after five of sixty seconds.
    fn facts() -> Facts {
        let exit = |pod: &str| Exit {
            pod: pod.to_owned(),
            code: Some(0),
            took_ms: Some(5_000),
            grace_ms: Some(60_000),
        };
        Facts {
            games_by_pod: ["a", "b", "c"].map(|pod| (pod.to_owned(), 4)).into(),
            exits: ["x", "y", "z"].map(exit).into(),
        }
    }

    const CRASH: Bars = Bars {
        loss: Loss::Crash(Crash {
            served_p99_ms: 500.0,
            served_ms: 1_500.0,
            anybody_ms: 5_000.0,
            lost_ticks: CRASH_LOST_TICKS,
        }),
        exits: false,
        ..Bars::PLANNED
    };
    const PARKED: Bars = Bars { loss: Loss::Parked, moved: Moved::All, ..Bars::PLANNED };

    fn failing_with(verdict: &Verdict, facts: &Facts, bars: Bars) -> Vec<String> {
        let failed = checks(verdict, facts, bars).into_iter().filter(|check| check.pass == Some(false));
        failed.map(|check| check.measure).collect()
    }

    fn failing(verdict: &Verdict, bars: Bars) -> Vec<String> {
        failing_with(verdict, &facts(), bars)
    }

    fn ran(verdict: Verdict, bars: Bars) -> Outcome {
        let checks = checks(&verdict, &facts(), bars);
        let timeline = Step::of("first frame of the new owner", "games", [30.0, 10.0, 20.0]);
        Outcome::Ran(Box::new(Ran {
            scenario: "delete-pod".into(),
            fault: "pod a deleted".into(),
            seed: 1,
            seconds: 20.0,
            quiet_gap_ms: None,
            verdict,
            checks,
            facts: facts(),
            timeline: timeline.into_iter().collect(),
            samples: Samples::default(),
            troubles: Vec::new(),
        }))
    }

    #[test]
    fn a_good_run_keeps_every_bar() {
        for bars in [Bars::PLAY, Bars::PLANNED, Bars::ROLLOUT, PARKED, CRASH] {
            assert_eq!(failing(&good(), bars), Vec::<String>::new(), "{bars:?}");
        }
    }

    #[test]
    fn every_kind_of_fault_breaks_its_bar() {
        for fault in Fault::ALL {
            let mut verdict = good();
            verdict.faults.insert(fault, 1);
            assert_eq!(failing(&verdict, Bars::PLANNED), [fault.title()]);
            let of_crash: &[&str] = if fault == Fault::SocketLost { &[] } else { &[fault.title()] };
            assert_eq!(failing(&verdict, CRASH), of_crash, "a socket does not outlive its server");
        }
    }

    #[test]
    fn a_fault_that_moved_no_game_has_tested_nothing() {
        let verdict = Verdict { games_moved: 0, ..good() };
        assert_eq!(failing(&verdict, Bars::PLANNED), ["games moved"]);
        assert_eq!(failing(&verdict, CRASH), ["games moved"]);
        assert_eq!(failing(&verdict, Bars::PLAY), Vec::<String>::new());
    }

    #[test]
    fn a_crash_may_cost_more_than_a_planned_move_but_takes_nothing_back_from_those_who_have_a_server() {
        let late = |max, play_lost_ticks| {
            let gap_ms = Spread { max, ..good().gap_ms };
            Verdict { gap_ms, play_lost_ticks, ..good() }
        };
        let both = ["play lost in a game", "longest gap, worst player"];
        assert_eq!(failing(&late(1_000.0, 0), Bars::PLANNED), Vec::<String>::new());
        assert_eq!(failing(&late(1_001.0, 1), Bars::PLANNED), both);
        assert_eq!(failing(&late(5_000.0, 10), CRASH), Vec::<String>::new());
        assert_eq!(failing(&late(5_001.0, 11), CRASH), both);
        let (p99, max) = (501.0, 1_501.0);
        let served = |served| Verdict { served, served_gap_ms: Spread { p99, max, median: 20.0 }, ..good() };
        let long = ["longest gap, players of living servers", "the worst of them"];
        assert_eq!(failing(&served(1), CRASH), long);
        assert!(failing(&served(0), CRASH).is_empty(), "there was none");
        let rewound = Verdict { rewinds: 1, rewinds_in_place: 1, ..good() };
        assert_eq!(failing(&rewound, CRASH), ["players of living servers rewound"]);
        assert_eq!(failing(&late(90_000.0, 0), PARKED), Vec::<String>::new());
        assert_eq!(failing(&late(90_000.0, 1), PARKED), ["play lost in a game"]);
    }

    #[test]
    fn where_the_registry_is_away_all_players_are_told() {
        let bars = Bars { told_away: true, ..Bars::PLAY };
        let told = |told_away| failing(&Verdict { told_away, ..good() }, bars);
        assert_eq!(told(47), ["players told that the registry is away"]);
        assert!(told(48).is_empty());
    }

    #[test]
    fn a_rollout_moves_every_game_exactly_once() {
        let twice = Verdict { moves: Spread { max: 2.0, ..good().moves }, ..good() };
        assert_eq!(failing(&twice, Bars::ROLLOUT), ["moves per game"]);
        assert_eq!(failing(&twice, Bars::PLANNED), Vec::<String>::new());
        assert_eq!(failing(&Verdict { games_moved: 11, ..good() }, Bars::ROLLOUT), ["games moved"]);
    }

    #[test]
    fn pods_are_even_within_a_fifth() {
        let with = |counts: [usize; 3]| Facts {
            games_by_pod: counts.map(|count| ("pod".to_owned(), count)).into(),
            ..facts()
        };
        for (counts, even) in
            [([24, 20, 16], true), ([25, 20, 15], false), ([5, 4, 3], true), ([6, 4, 2], false)]
        {
            let failing = failing_with(&good(), &with(counts), Bars::ROLLOUT);
            assert_eq!(failing.is_empty(), even, "{counts:?}: {failing:?}");
        }
    }

    #[test]
    fn a_pod_that_is_killed_or_late_or_still_there_has_not_ended_by_itself() {
        let with = |change: fn(&mut Exit)| {
            let mut facts = facts();
            change(&mut facts.exits[1]);
            failing_with(&good(), &facts, Bars::PLANNED)
        };
        let failed = ["leaving pods that ended by themselves"];
        assert_eq!(with(|exit| exit.code = Some(137)), failed);
        assert_eq!(with(|exit| exit.code = None), failed);
        assert_eq!(with(|exit| exit.took_ms = Some(60_000)), failed);
        assert_eq!(with(|exit| exit.took_ms = None), failed);
        assert_eq!(failing_with(&good(), &Facts::default(), Bars::PLANNED), failed, "none was seen to end");
    }

    #[test]
    fn all_players_of_a_pod_at_once_are_too_many() {
        let with = |sockets, most_at_once| {
            let away = SentAway { server: "a".into(), sockets, most_at_once, over_ms: 2_000 };
            failing(&Verdict { sent_away: vec![away], ..good() }, Bars::PLANNED)
        };
        assert_eq!(with(12, 12), Vec::<String>::new(), "so few are no storm");
        assert_eq!(with(80, 32), Vec::<String>::new());
        assert_eq!(with(80, 33), ["players sent away at once, worst pod"]);
    }

    #[test]
    fn what_was_not_run_is_not_passed() {
        let not_run = Outcome::NotRun { scenario: "sigkill".into(), reason: "no rights on nodes".into() };
        let text = summary(&[ran(good(), Bars::PLANNED), not_run.clone()]);
        assert!(text.contains("1 passed, 0 failed, 1 not run"), "{text}");
        assert!(scenario(&not_run).contains("no rights on nodes"));
    }

    #[test]
    fn a_table_says_pass_and_fail_and_tells_the_steps() {
        let mut verdict = good();
        verdict.ticks_missed = 3;
        let outcome = ran(verdict, Bars::PLANNED);
        let text = scenario(&outcome);
        assert!(outcome.failed() && text.starts_with("delete-pod: FAIL"), "{text}");
        let line = text.lines().find(|line| line.contains("ticks missed")).unwrap();
        assert_eq!(
            line.split_whitespace().collect::<Vec<_>>(),
            ["ticks", "missed", "by", "players", "3", "0", "FAIL"]
        );
        assert!(text.contains("3 games"), "{text}");
    }

    #[test]
    fn a_page_holds_every_table() {
        let pooled = crate::pauses::compare([], 1, crate::pauses::Asked::default());
        let page = page(&[ran(good(), Bars::PLANNED)], &pooled, "Planned moves");
        for part in ["# Planned moves", "1 passed", "told, not judged", "delete-pod: PASS"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
