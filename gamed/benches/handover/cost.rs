//! What games cost a server and its Redis, for each durability, with and without players in them.
//!
//! Each line has a server and a Redis of its own, so that lines differ in nothing else. `tick` stores snapshots, too: the log is
//! what it takes more than `snapshot`. Sockets are not measured: of the players in a game one is a person whose page is gone for
//! the moment, so that the game is one with people in it, and the others are bots, whose inputs go through the same desks and the
//! same log as people's.

use crate::servers::{Metrics, Redis, Server, enter, wait_for};
use futures_util::{StreamExt, stream};
use std::time::{Duration, Instant};

/// Players who come at once.
const JOINING: usize = 32;
/// Until all that is stored because players have come is stored.
const SETTLE: Duration = Duration::from_secs(3);
/// Each line is measured for so long.
const MEASURE: Duration = Duration::from_secs(10);

/// For 1,000 games: processors that are busy, Redis' scripts (one for each change of a game) and commands a second (those in
/// scripts among them), and KiB a second.
const FIGURES: [&str; 6] = ["server", "Redis", "scripts", "commands", "received KiB", "appended KiB"];
type Cost = [f64; FIGURES.len()];

/// Prints what so many games cost, empty and with so many players in each.
pub fn measure(games: usize, players: usize, sockets: &tokio::runtime::Runtime) {
    println!(
        "{games} games for {} s; for 1,000 games, and where not processors a second:\n",
        MEASURE.as_secs()
    );
    println!("players in each  durability   {}  late ticks", FIGURES.join("  "));
    let lines = [0, players];
    for players in &lines[usize::from(players == 0)..] {
        let mut costs = Vec::new();
        for durability in ["none", "snapshot", "tick"] {
            let (cost, late) = cost(durability, games, *players, sockets);
            line(*players, durability, cost, &format!("{:10.2} %", late * 100.0));
            costs.push(cost);
        }
        for (what, less, more) in [("+ snapshots", 0, 1), ("+ the log", 1, 2)] {
            line(*players, what, std::array::from_fn(|at| costs[more][at] - costs[less][at]), "");
        }
    }
}

fn line(players: usize, durability: &str, cost: Cost, late: &str) {
    let figures = FIGURES.iter().zip(cost).enumerate();
    let figures: Vec<String> = figures
        .map(|(at, (name, value))| {
            format!("{value:width$.digits$}", width = name.len(), digits = if at < 2 { 2 } else { 0 })
        })
        .collect();
    println!("{players:15}  {durability:11}  {}  {late}", figures.join("  "));
}

/// The cost, and the share of ticks that were late.
fn cost(durability: &str, games: usize, players: usize, sockets: &tokio::runtime::Runtime) -> (Cost, f64) {
    let folder = tempfile::tempdir().unwrap();
    // What the file takes is what was appended to it.
    let redis = Redis::start(folder.path(), &["--auto-aof-rewrite-percentage", "0"]);
    let server = Server::start("only", "1", &redis.url, folder.path(), &["--durability", durability]);
    let created = server.create(games, players);
    if players > 0 {
        sockets.block_on(stream::iter(created).for_each_concurrent(JOINING, async |game| {
            // It is answered when its player is in the game, and then ends.
            enter(server.http, game, false).await.next().await;
        }));
        let (people, bots) = (games as f64, (games * (players - 1)) as f64);
        wait_for("players", || {
            let metrics = server.metrics().unwrap();
            (metrics.value("gamed_players"), metrics.value("gamed_bots")) == (people, bots)
        });
    }
    std::thread::sleep(SETTLE);

    let look = || -> (Cost, Metrics) {
        let info = redis.info();
        let figures = [
            server.process.cpu(),
            info.value("used_cpu_sys") + info.value("used_cpu_user"),
            info.value("cmdstat_evalsha"),
            info.value("total_commands_processed"),
            info.value("total_net_input_bytes") / 1024.0,
            info.value("aof_current_size") / 1024.0,
        ];
        (figures, server.metrics().unwrap())
    };
    let (began, (before, metrics)) = (Instant::now(), look());
    std::thread::sleep(MEASURE);
    let (took, (after, now)) = (began.elapsed().as_secs_f64(), look());
    let scale = 1000.0 / games as f64 / took;
    (std::array::from_fn(|at| (after[at] - before[at]) * scale), now.late_since(&metrics))
}
