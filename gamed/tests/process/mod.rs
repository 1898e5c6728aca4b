//! Servers, and a Redis, as people run them: processes, that can be killed.

#![allow(dead_code, reason = "each test uses a part of it")]

use crate::client::{PATIENCE, text};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

pub fn program(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

pub fn gamed() -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_gamed"));
    command.args(["--bots", "0", "--empty-game-ms", "600000"]).env("NO_COLOR", "1");
    command
}

/// Where nobody listens. Below the ports that the kernel gives to whoever asks for any, so that no other test's answers there.
pub async fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..30_000)));
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
}

/// A Redis that keeps a record of all that it was told to write.
pub struct Redis {
    _process: Child,
    pub folder: TempDir,
    pub address: SocketAddr,
}

impl Redis {
    pub async fn start(settings: &[&str]) -> Redis {
        loop {
            // Nothing, where another one got the port meanwhile.
            if let Some(redis) = Redis::start_at(free_address().await, settings).await {
                return redis;
            }
        }
    }

    /// On that address, if nobody else has it.
    pub async fn start_at(address: SocketAddr, settings: &[&str]) -> Option<Redis> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = program("redis-server")
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes"])
            .args(settings)
            .arg("--dir")
            .arg(folder.path())
            .spawn()
            .expect("redis-server is in the path");
        while process.try_wait().expect("its state").is_none() {
            if TcpStream::connect(address).await.is_ok() {
                return Some(Redis { _process: process, folder, address });
            }
            sleep(Duration::from_millis(5)).await;
        }
        None
    }
}

/// A server.
pub struct Server {
    pub process: Child,
    pub log: PathBuf,
    pub http: SocketAddr,
}

impl Server {
    /// Starts what `command` says, on free ports, and waits until it listens.
    pub async fn start(command: &mut Command, log: PathBuf) -> Server {
        let process = command
            .args(["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0", "--workers", "1"])
            .stderr(std::fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("it starts");
        let mut server = Server { process, log, http: SocketAddr::from(([0; 4], 0)) };
        let listens = |log: &str| {
            let (_, after) = log.lines().find(|line| line.contains("starting"))?.split_once("listen")?;
            let rest = after.trim_start_matches(['"', ':', '=']);
            rest.split(['"', ' ']).next()?.parse().ok()
        };
        server.http = logged(&[&server], "where it listens", listens).await;
        server
    }

    pub fn says(&self) -> String {
        let log = std::fs::read(&self.log).expect("it logs");
        String::from_utf8_lossy(&log).into_owned()
    }

    pub async fn ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !matches!(text(self.http, "GET", "/readyz", "").await, Ok((200, _))) {
            assert!(Instant::now() < deadline, "it is not ready:\n{}", self.says());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Waits until one of their logs holds that.
pub async fn logged<T>(servers: &[&Server], what: &str, look: impl Fn(&str) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let logs: Vec<String> = servers.iter().map(|server| server.says()).collect();
        if let Some(found) = logs.iter().find_map(|log| look(log)) {
            return found;
        }
        assert!(Instant::now() < deadline, "nobody says {what}:\n{}", logs.join("\n\n"));
        sleep(Duration::from_millis(20)).await;
    }
}
