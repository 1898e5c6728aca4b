//! A real Redis for one test.

use crate::DEADLINE;
use registry::redis::{ConnectError, Redis, RedisSettings};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Ends with the test.
pub struct Server {
    process: Child,
    pub port: u16,
    tls: bool,
    options: Vec<String>,
    directory: TempDir,
}

impl Server {
    pub fn start(options: &[&str]) -> Server {
        Server::launch(false, options)
    }

    /// One that speaks nothing but TLS.
    pub fn start_tls(options: &[&str]) -> Server {
        Server::launch(true, options)
    }

    fn launch(tls: bool, options: &[&str]) -> Server {
        let mut directory = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|option| option.to_string()).collect();
        loop {
            let port = free_port();
            let process = launch(port, tls, &options, &directory);
            let mut server = Server { process, port, tls, options: options.clone(), directory };
            if server.wait() {
                return server;
            }
            // Somebody else took the port.
            directory = std::mem::replace(&mut server.directory, tempfile::tempdir().unwrap());
        }
    }

    /// Until it listens; false when it has exited instead.
    fn wait(&mut self) -> bool {
        listens(&mut self.process, self.port)
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
        self.command_as("", words).await
    }

    /// The same as some user: `user:password@`.
    pub async fn command_as(&self, login: &str, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(format!("redis://{login}127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await?;
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
        self.process = launch(self.port, self.tls, &self.options, &self.directory);
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

/// A CA, and what it signed for 127.0.0.1.
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    pub fn get() -> &'static Certificates {
        static MADE: LazyLock<Certificates> = LazyLock::new(|| {
            let directory = tempfile::tempdir().unwrap();
            let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
            let openssl = |words: &[&str]| {
                let run = Command::new("openssl").args(words).current_dir(directory.path()).output();
                let run = run.unwrap_or_else(|error| panic!("these tests need openssl in the path: {error}"));
                assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            };
            for (name, secret) in [("ca.crt", "ca.key"), ("other.crt", "other.key")] {
                let ca = ["req", "-x509", "-subj", "/CN=ca", "-days", "2", "-keyout", secret, "-out", name];
                openssl(&[&ca[..], &key].concat());
            }
            let request = ["req", "-subj", "/CN=redis", "-keyout", "redis.key", "-out", "redis.csr"];
            openssl(&[&request[..], &key].concat());
            std::fs::write(directory.path().join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
            openssl(&[
                "x509",
                "-req",
                "-in",
                "redis.csr",
                "-CA",
                "ca.crt",
                "-CAkey",
                "ca.key",
                "-set_serial",
                "2",
                "-days",
                "2",
                "-extfile",
                "names",
                "-out",
                "redis.crt",
            ]);
            Certificates { directory }
        });
        &MADE
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    /// The CA that signed the server's certificate, in PEM.
    pub fn ca(&self) -> String {
        std::fs::read_to_string(self.path("ca.crt")).unwrap()
    }

    /// A CA of the same name that did not.
    pub fn other(&self) -> String {
        std::fs::read_to_string(self.path("other.crt")).unwrap()
    }

    fn options(&self) -> [String; 6] {
        [
            "--tls-cert-file".into(),
            self.path("redis.crt"),
            "--tls-key-file".into(),
            self.path("redis.key"),
            "--tls-ca-cert-file".into(),
            self.path("ca.crt"),
        ]
    }
}

/// A sentinel that watches a master of the name `tanx`.
pub struct Sentinel {
    process: Child,
    pub port: u16,
    _directory: TempDir,
}

impl Sentinel {
    /// With further lines of its configuration.
    pub fn start(master: &Server, quorum: u16, lines: &[&str]) -> Sentinel {
        loop {
            let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
            let mut text = match master.tls {
                false => format!("port {port}\n"),
                true => {
                    let options = Certificates::get().options();
                    let pairs = options.chunks(2).map(|pair| format!("{} {}\n", &pair[0][2..], pair[1]));
                    let files: String = pairs.collect();
                    format!("port 0\ntls-port {port}\ntls-auth-clients no\ntls-replication yes\n{files}")
                }
            };
            text += &format!("bind 127.0.0.1\ndir {}\n", directory.path().display());
            text += &format!("sentinel monitor tanx 127.0.0.1 {} {quorum}\n", master.port);
            text += "sentinel down-after-milliseconds tanx 1000\nsentinel failover-timeout tanx 2000\n";
            text += &lines.join("\n");
            let file = directory.path().join("sentinel.conf");
            std::fs::write(&file, text + "\n").unwrap();
            let process = spawn(Command::new("redis-server").arg(file).arg("--sentinel"));
            let mut sentinel = Sentinel { process, port, _directory: directory };
            if listens(&mut sentinel.process, port) {
                return sentinel;
            }
        }
    }

    /// Past the registry.
    pub async fn command(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // An error says that it has exited already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Once it does; false when it has exited instead.
fn listens(process: &mut Child, port: u16) -> bool {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(start.elapsed() < DEADLINE, "redis-server does not listen");
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// A port that nobody listens on. Below those that the kernel gives to whoever asks for any port, so that no connection and
/// no listener of another test gets it before the server that it is for.
pub fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| rand::random_range(10_000..30_000));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn launch(port: u16, tls: bool, options: &[String], directory: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    let port = port.to_string();
    if tls {
        command.args([
            "--port",
            "0",
            "--tls-port",
            &port,
            "--tls-auth-clients",
            "no",
            "--tls-replication",
            "yes",
        ]);
        command.args(Certificates::get().options());
    } else {
        command.args(["--port", &port]);
    }
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(directory.path())
        .args(options);
    spawn(&mut command)
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| {
        panic!("these tests need redis-server in the path; install Redis 6.2 or later: {error}")
    })
}
