//! How long a member takes to hand over all its games, and what that costs: `cargo bench -p gamed --bench handover -- [N ...]`.
//!
//! For each number of games: a Redis (AOF, every second) and three servers with one game thread each, as processes on
//! loopback. All games are on the first; the second gets them; the third has 200 of its own, and a socket to every fiftieth
//! game that moves. The first gets SIGTERM. Needs `redis-server` in the path. Fails where 1,000 games take more than 2 s, or
//! a move takes more work the more of them there are: processor time of all processes, beyond what the same games take while
//! nothing moves. Wall time tells less: ticking and storing 4,000 games fills half of two processors.
//!
//! `-- cost [GAMES [PLAYERS]]` moves nothing, and prints what so many games cost a server and its Redis: see [`cost`].

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends with what went wrong")]

mod cost;
mod servers;

use futures_util::StreamExt;
use protocol::GameId;
use servers::{LOOK, Metrics, PATIENCE, Redis, Server, enter, wait_for};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

const STAYING: usize = 200;
const ONE_THREAD: &[&str] = &["--workers", "1"];
const QUIET: Duration = Duration::from_secs(3);

/// Watches a game through a server for as long as it is open.
async fn watch(server: SocketAddr, game: GameId) {
    let mut socket = enter(server, game, true).await;
    while let Some(Ok(_)) = socket.next().await {}
}

/// Most work of a move among many, over that among few.
const MOST_GROWTH: f64 = 1.5;

/// What a drain took.
struct Took {
    games: f64,
    /// From SIGTERM to the last game's first tick at its new owner.
    seconds: f64,
    /// Processor time of one move, in ms.
    work: f64,
}

fn measure(games: usize, sockets: &tokio::runtime::Runtime) -> Took {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start(folder.path(), &[]);
    let old = Server::start("old", "1", &redis.url, folder.path(), ONE_THREAD);
    let edge = Server::start("edge", "1", &redis.url, folder.path(), ONE_THREAD);
    let moving = old.create(games, 0);
    edge.create(STAYING, 0);
    let new = Server::start("new", "2", &redis.url, folder.path(), ONE_THREAD);
    for game in moving.iter().step_by(50) {
        sockets.spawn(watch(edge.http, *game));
    }
    let watching = moving.len().div_ceil(50) as f64;
    wait_for("sockets", || edge.metrics().is_some_and(|metrics| metrics.value("gamed_sockets") >= watching));

    let servers =
        [("old", &old.process), ("new", &new.process), ("edge", &edge.process), ("redis", &redis.process)];
    let processor = || servers.iter().map(|(_, process)| process.cpu()).collect::<Vec<f64>>();
    let started = edge.metrics().unwrap();
    let (idle_from, idle) = (Instant::now(), processor());
    std::thread::sleep(QUIET);
    let before = edge.metrics().unwrap();
    let quiet = before.late_since(&started);
    let cpu = processor();
    // The same games tick and are stored while they move.
    let resting = (cpu.iter().sum::<f64>() - idle.iter().sum::<f64>()) / idle_from.elapsed().as_secs_f64();

    let began = Instant::now();
    Command::new("kill").args(["-TERM", &old.process.0.id().to_string()]).status().unwrap();
    let mut stages = None;
    let mut used = vec![0.0; 4];
    loop {
        let came = |server: &Server| {
            server.metrics().map_or(0.0, |metrics| metrics.value("gamed_moves_total{cause=\"move\"}"))
        };
        // Where the new one is busy the old one may turn to the other.
        let elsewhere = came(&edge);
        let moved = came(&new) + elsewhere;
        // The old one is gone soon after its last game.
        stages = old.metrics().or(stages);
        for ((_, process), (used, before)) in servers.iter().zip(used.iter_mut().zip(&cpu)) {
            *used = f64::max(*used, process.cpu() - before);
        }
        if moved >= games as f64 {
            if elsewhere > 0.0 {
                println!("{elsewhere} games went to the other old one");
            }
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{moved} of {games} games have moved");
        std::thread::sleep(LOOK);
    }
    let took = began.elapsed().as_secs_f64();
    let after = edge.metrics().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let (new_metrics, edge_metrics) = (new.metrics().unwrap(), edge.metrics().unwrap());

    println!("{games} games: {took:.2} s from SIGTERM to the last first tick");
    let stages = stages.unwrap_or(Metrics::default());
    for stage in ["prepare", "freeze", "commit", "hand"] {
        let label = format!("stage=\"{stage}\"");
        println!("  {stage:22} {}", stages.quantiles("gamed_move_stage_seconds", &label));
    }
    println!("  {:22} {}", "tick to tick", new_metrics.quantiles("gamed_move_between_ticks_seconds", ""));
    println!("  {:22} {}", "as sockets waited", edge_metrics.quantiles("gamed_player_move_gap_seconds", ""));
    let work = (used.iter().sum::<f64>() - resting * took) * 1e3 / games as f64;
    println!(
        "  processor              {work:6.3} ms a game, beyond the {resting:.2} that are busy while nothing moves"
    );
    for ((name, _), used) in servers.iter().zip(used) {
        println!("  processor, {name:10} {:6.3} ms a game", used * 1e3 / games as f64);
    }
    let disturbed = after.late_since(&before);
    println!(
        "  late ticks of {STAYING} games that stay: {:.2} %, before {:.2} %",
        disturbed * 100.0,
        quiet * 100.0
    );
    Took { games: games as f64, seconds: took, work }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let sockets = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    if arguments.iter().any(|argument| argument == "cost") {
        return cost::measure(*wanted.first().unwrap_or(&1000), *wanted.get(1).unwrap_or(&4), &sockets);
    }
    let wanted = if wanted.is_empty() { vec![500, 1000, 2000, 4000] } else { wanted };
    let took: Vec<Took> = wanted.iter().map(|games| measure(*games, &sockets)).collect();

    let mean = |of: fn(&Took) -> f64| took.iter().map(of).sum::<f64>() / took.len() as f64;
    let (games, seconds) = (mean(|took| took.games), mean(|took| took.seconds));
    let (up, along) = took.iter().fold((0.0, 0.0), |(up, along), took| {
        let from_mean = took.games - games;
        (up + from_mean * (took.seconds - seconds), along + from_mean.powi(2))
    });
    if took.len() > 1 {
        println!("slope: {:.3} ms for each further game", up / along * 1e3);
    }
    let mut failed = false;
    if let Some(took) = took.iter().find(|took| took.games == 1000.0 && took.seconds > 2.0) {
        println!("FAIL: 1,000 games took {:.2} s, more than 2 s", took.seconds);
        failed = true;
    }
    let by_games = |a: &&Took, b: &&Took| a.games.total_cmp(&b.games);
    if let (Some(few), Some(many)) = (took.iter().min_by(by_games), took.iter().max_by(by_games))
        && many.work > MOST_GROWTH * few.work
    {
        let [few, many] = [few, many].map(|took| format!("{:.2} ms among {}", took.work, took.games));
        println!("FAIL: a move takes {many}, {few}: more than {MOST_GROWTH} times as much");
        failed = true;
    }
    std::process::exit(i32::from(failed));
}
