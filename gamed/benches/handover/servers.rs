//! Servers and a Redis as processes on loopback, and what they say of themselves.

use futures_util::SinkExt;
use protocol::{ClientMessage, GameId, Hello, PLAYER_VERSION};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub const PATIENCE: Duration = Duration::from_secs(60);
pub const LOOK: Duration = Duration::from_millis(20);

/// A process that ends with this one.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub fn start(command: &mut Command) -> Process {
        Process(command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Processor time so far, in seconds.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }
}

/// A Redis with an append-only file, synced every second.
pub struct Redis {
    pub process: Process,
    pub url: String,
    address: SocketAddr,
}

impl Redis {
    pub fn start(folder: &Path, more: &[&str]) -> Redis {
        let address = free_port();
        let process = Process::start(
            Command::new("redis-server")
                .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""])
                .args(["--appendonly", "yes", "--appendfsync", "everysec"])
                .arg("--dir")
                .arg(folder)
                .args(more)
                .stdout(Stdio::null()),
        );
        Redis { process, url: format!("redis://{address}"), address }
    }

    /// All numbers of INFO; of a command's statistics how often it was called.
    pub fn info(&self) -> Metrics {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"INFO everything\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let number = |line: &str| {
            let (name, value) = line.split_once(':')?;
            let value =
                value.strip_prefix("calls=").and_then(|calls| calls.split(',').next()).unwrap_or(value);
            Some((name.to_owned(), value.parse().ok()?))
        };
        Metrics(answer.lines().filter_map(number).collect())
    }
}

pub struct Server {
    pub process: Process,
    pub http: SocketAddr,
}

impl Server {
    pub fn start(name: &str, revision: &str, redis: &str, folder: &Path, more: &[&str]) -> Server {
        let (http, peers) = (free_port(), free_port());
        let log = std::fs::File::create(folder.join(name)).unwrap();
        let process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_gamed"))
                .args(["--listen", &http.to_string(), "--peer-listen", &peers.to_string()])
                .args(["--peer-address", &peers.to_string(), "--redis", redis, "--revision", revision])
                .args(["--cluster-key", "a key for one benchmark on loopback"])
                .args(["--bots", "0", "--empty-game-ms", "3600000", "--games-per-address", "0"])
                .args(more)
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

    pub fn get(&self, path: &str) -> Option<String> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    /// Games with so many bots in each.
    pub fn create(&self, count: usize, bots: usize) -> Vec<GameId> {
        let create = |n: usize| {
            let body = format!(r#"{{"name":"game {n}","bots":{bots}}}"#);
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

    pub fn metrics(&self) -> Option<Metrics> {
        let text = self.get("/metrics")?;
        let lines =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Some(Metrics(
            lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect(),
        ))
    }
}

#[derive(Default)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// Upper bounds of the quantiles of a histogram of seconds, in ms; of the part with that label.
    pub fn quantiles(&self, name: &str, label: &str) -> String {
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
    pub fn late_since(&self, before: &Metrics) -> f64 {
        let since = |name: &str| self.value(name) - before.value(name);
        since("gamed_late_ticks_total") / since("gamed_ticks_total").max(1.0)
    }
}

/// Below the ports that the kernel gives to whoever asks for any, so that nobody else gets it first.
pub fn free_port() -> SocketAddr {
    let mut ports =
        std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..30_000))));
    ports.find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "no {what}");
        std::thread::sleep(LOOK);
    }
}

/// A socket that has said which game it wants to play or watch.
pub async fn enter(
    server: SocketAddr,
    game: GameId,
    spectate: bool,
) -> WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>> {
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{server}/play")).await.unwrap();
    let name = if spectate { String::new() } else { "Player".to_owned() };
    let hello = Hello { version: PLAYER_VERSION, game, spectate, name, session: 1, token: None, floor: None };
    socket.send(Message::Binary(ClientMessage::Hello(hello).encode())).await.unwrap();
    socket
}
