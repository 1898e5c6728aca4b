//! A real Redis for one test.

use crate::DEADLINE;
use registry::redis::{ConnectError, Redis, RedisSettings};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Ends with the test.
pub struct Server {
    process: Child,
    pub port: u16,
    options: Vec<String>,
    directory: TempDir,
}

impl Server {
    pub fn start(options: &[&str]) -> Server {
        let mut directory = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|option| option.to_string()).collect();
        loop {
            let port = free_port();
            let process = launch(port, &options, &directory);
            let mut server = Server { process, port, options: options.clone(), directory };
            if server.wait() {
                return server;
            }
            // Somebody else took the port.
            directory = std::mem::replace(&mut server.directory, tempfile::tempdir().unwrap());
        }
    }

    /// Until it listens; false when it has exited instead.
    fn wait(&mut self) -> bool {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(start.elapsed() < DEADLINE, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn registry(&self) -> Redis {
        self.connect(RedisSettings::new(self.url(), "tanx:test/one")).await.unwrap()
    }

    /// With time-outs for a machine that is busy with other tests.
    pub async fn connect(&self, mut settings: RedisSettings) -> Result<Redis, ConnectError> {
        settings.connect_timeout = DEADLINE;
        settings.reply_timeout = DEADLINE;
        Redis::connect(settings).await
    }

    /// A plain command, past the registry.
    pub async fn command(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await
    }

    pub fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success()
        );
    }

    /// Without a chance to save anything.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// On the same port, empty.
    pub fn restart(&mut self) {
        self.process = launch(self.port, &self.options, &self.directory);
        assert!(self.wait(), "redis-server did not start again");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error says that it has exited already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn launch(port: u16, options: &[String], directory: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(directory.path())
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("these tests need redis-server in the path; install Redis 6.2 or later: {error}")
        })
}
