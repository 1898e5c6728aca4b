//! How long a member takes to hand over all its games, and what that costs: `cargo bench -p gamed --bench handover -- [N ...]`.
//!
//! For each number of games: a Redis (AOF, every second) and three servers with one game thread each, as processes on
//! loopback. All games are on the first; the second gets them; the third has 200 of its own, and a socket to every fiftieth
//! game that moves. The first gets SIGTERM. Needs `redis-server` in the path. Fails where 1,000 games take more than 2 s, or
//! a move takes more work the more of them there are: processor time of all processes, beyond what the same games take while
//! nothing moves. Wall time tells less: ticking and storing 4,000 games fills half of two processors.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends with what went wrong")]

use futures_util::{SinkExt, StreamExt};
use protocol::{ClientMessage, GameId, Hello, PLAYER_VERSION};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const STAYING: usize = 200;
const QUIET: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// A process that ends with this one.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(command: &mut Command) -> Process {
        Process(command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Processor time so far, in seconds.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }
}

struct Server {
    process: Process,
    http: SocketAddr,
}

impl Server {
    fn start(name: &str, revision: &str, redis: &str, folder: &std::path::Path) -> Server {
        let (http, peers) = (free_port(), free_port());
        let log = std::fs::File::create(folder.join(name)).unwrap();
        let process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_gamed"))
                .args(["--listen", &http.to_string(), "--peer-listen", &peers.to_string()])
                .args(["--peer-address", &peers.to_string(), "--redis", redis, "--revision", revision])
                .args(["--cluster-key", "a key for one benchmark on loopback", "--workers", "1"])
                .args(["--bots", "0", "--empty-game-ms", "3600000", "--games-per-address", "0"])
                .env("POD_NAME", name)
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        );
        let server = Server { process, http };
        wait_for("a server that is ready", || server.get("/readyz").is_some());
        server
    }

    /// The body, where the answer is a good one.
    fn ask(&self, request: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 2").then(|| body.to_owned())
    }

    fn get(&self, path: &str) -> Option<String> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    fn create(&self, count: usize) -> Vec<GameId> {
        let create = |n: usize| {
            let body = format!(r#"{{"name":"game {n}"}}"#);
            let length = body.len();
            let request = format!(
                "POST /api/games HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            // A busy machine's Redis may not answer in time.
            let answer = (0..10).find_map(|_| self.ask(&request)).expect("a new game");
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            answer["id"].as_str().unwrap().parse().unwrap()
        };
        std::thread::scope(|scope| {
            let each = 8;
            let threads: Vec<_> = (0..each)
                .map(|first| {
                    scope.spawn(move || (first..count).step_by(each).map(create).collect::<Vec<_>>())
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn metrics(&self) -> Option<Metrics> {
        let text = self.get("/metrics")?;
        let lines =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Some(Metrics(
            lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect(),
        ))
    }
}

struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// Upper bounds of the quantiles of a histogram of seconds, in ms; of the part with that label.
    fn quantiles(&self, name: &str, label: &str) -> String {
        let bucket = |key: &str| {
            let labels = key.strip_prefix(name)?.strip_prefix("_bucket{")?;
            let bound = labels.split("le=\"").nth(1)?.split('"').next()?;
            labels.contains(label).then(|| bound.parse::<f64>().unwrap_or(f64::INFINITY))
        };
        let mut buckets: Vec<(f64, f64)> =
            self.0.iter().filter_map(|(key, count)| Some((bucket(key)?, *count))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = buckets.last().map_or(0.0, |(_, count)| *count);
        let quantile = |share: f64| {
            let found = buckets.iter().find(|(_, count)| *count >= share * total);
            found.map_or(f64::NAN, |(bound, _)| bound * 1e3)
        };
        format!(
            "n {total:5}   p50 <= {:6.1}   p99 <= {:6.1}   max <= {:6.1} ms",
            quantile(0.5),
            quantile(0.99),
            quantile(1.0)
        )
    }

    /// Share of ticks between two looks that were late.
    fn late_since(&self, before: &Metrics) -> f64 {
        let since = |name: &str| self.value(name) - before.value(name);
        since("gamed_late_ticks_total") / since("gamed_ticks_total").max(1.0)
    }
}

/// Below the ports that the kernel gives to whoever asks for any, so that nobody else gets it first.
fn free_port() -> SocketAddr {
    let mut ports =
        std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..30_000))));
    ports.find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "no {what}");
        std::thread::sleep(LOOK);
    }
}

/// Watches a game through a server for as long as it is open.
async fn watch(server: SocketAddr, game: GameId) {
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{server}/play")).await.unwrap();
    let hello = Hello {
        version: PLAYER_VERSION,
        game,
        spectate: true,
        name: String::new(),
        session: 1,
        token: None,
        floor: None,
    };
    socket.send(Message::Binary(ClientMessage::Hello(hello).encode())).await.unwrap();
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
    let port = free_port().port();
    let redis = Process::start(
        Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "everysec"])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null()),
    );
    let url = format!("redis://127.0.0.1:{port}");
    let old = Server::start("old", "1", &url, folder.path());
    let edge = Server::start("edge", "1", &url, folder.path());
    let moving = old.create(games);
    edge.create(STAYING);
    let new = Server::start("new", "2", &url, folder.path());
    for game in moving.iter().step_by(50) {
        sockets.spawn(watch(edge.http, *game));
    }
    let watching = moving.len().div_ceil(50) as f64;
    wait_for("sockets", || edge.metrics().is_some_and(|metrics| metrics.value("gamed_sockets") >= watching));

    let servers = [("old", &old.process), ("new", &new.process), ("edge", &edge.process), ("redis", &redis)];
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
    let stages = stages.unwrap_or(Metrics(BTreeMap::new()));
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
    let wanted: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let wanted = if wanted.is_empty() { vec![500, 1000, 2000, 4000] } else { wanted };
    let sockets = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
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
