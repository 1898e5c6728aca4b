//! A real API server for tests: etcd and kube-apiserver as processes on free ports of the loopback, gone when dropped.
//!
//! There is no controller manager, no scheduler and no kubelet: what those do, tests do by hand. The operator runs as
//! the user that the rendered chart gives rights to, so that a right that is missing fails a test.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The API server takes a few seconds to start, more on a busy machine.
const START: Duration = Duration::from_secs(90);
/// What a test waits for takes milliseconds; this is for busy machines.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Kills and reaps when dropped.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// See the module.
pub struct ApiServer {
    // Dropped in this order: the server before its store before their folder.
    _api: Process,
    _etcd: Process,
    dir: TempDir,
    port: u16,
}

/// Where programs of Kubernetes are: the PATH, or the folder that the test cluster's build fills.
pub fn program(name: &str) -> PathBuf {
    let cache = match (std::env::var_os("TANX_CACHE"), std::env::var_os("XDG_CACHE_HOME")) {
        (Some(tanx), _) => PathBuf::from(tanx),
        (None, Some(cache)) => Path::new(&cache).join("tanx"),
        (None, None) => Path::new(&std::env::var_os("HOME").expect("HOME is set")).join(".cache/tanx"),
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([cache.join("bin")])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("no {name} in PATH or {}: run `e2e/cluster/build api`", cache.join("bin").display())
        })
}

/// A port that nobody listens on. Below those that the kernel gives to whoever asks for any port, so that no connection and
/// no listener of another test gets it before the server that it is for.
pub fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| rand::random_range(10_000..30_000));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Starts it; what it says is in `dir`, in NAME.log.
pub fn spawn(dir: &Path, name: &str, command: &mut Command) -> Process {
    let log = std::fs::File::create(dir.join(format!("{name}.log"))).unwrap();
    let errors = log.try_clone().unwrap();
    let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
    Process(child.unwrap_or_else(|e| panic!("cannot start {name}: {e}")))
}

/// What that user proves itself with.
pub fn token(user: &str) -> String {
    format!("the-token-of-the-{user}")
}

impl ApiServer {
    /// The server that tests of this process share; started by the first, gone with the last.
    pub async fn shared() -> Arc<ApiServer> {
        static SHARED: Mutex<Weak<ApiServer>> = Mutex::new(Weak::new());
        let server = tokio::task::spawn_blocking(|| {
            let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            shared.upgrade().unwrap_or_else(|| {
                let server = Arc::new(ApiServer::start());
                *shared = Arc::downgrade(&server);
                server
            })
        });
        server.await.unwrap()
    }

    fn start() -> ApiServer {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let store = format!("http://127.0.0.1:{client}");
        let peers = format!("http://127.0.0.1:{peer}");
        let etcd = spawn(
            at,
            "etcd",
            Command::new(program("etcd"))
                .args(["--unsafe-no-fsync", "--log-level", "warn", "--data-dir"])
                .arg(at.join("etcd"))
                .args(["--listen-client-urls", &store, "--advertise-client-urls", &store])
                .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
                .args(["--initial-cluster", &format!("default={peers}")]),
        );
        let key = at.join("service-accounts.key");
        let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&key).stderr(Stdio::null()).status();
        assert!(made.is_ok_and(|status| status.success()), "cannot make a key: install openssl");
        let users = format!(
            "{},admin,admin,\"system:masters\"\n\
             {},system:serviceaccount:tanx-system:tanx-operator,operator,\"system:serviceaccounts\"\n",
            token("admin"),
            token("operator"),
        );
        std::fs::write(at.join("users.csv"), users).unwrap();
        let api = spawn(
            at,
            "kube-apiserver",
            Command::new(program("kube-apiserver"))
                .args([
                    "--etcd-servers",
                    &store,
                    "--bind-address",
                    "127.0.0.1",
                    "--advertise-address",
                    "127.0.0.1",
                ])
                .args(["--secure-port", &port.to_string(), "--service-cluster-ip-range", "10.96.0.0/16"])
                .args(["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"])
                .args(["--service-account-issuer", "https://kubernetes.default.svc"])
                .arg("--service-account-key-file")
                .arg(&key)
                .arg("--service-account-signing-key-file")
                .arg(&key)
                .arg("--cert-dir")
                .arg(at.join("certificates"))
                .arg("--token-auth-file")
                .arg(at.join("users.csv")),
        );
        let server = ApiServer { _api: api, _etcd: etcd, dir, port };
        for user in ["admin", "operator"] {
            std::fs::write(server.kubeconfig(user), server.kubeconfig_text(user)).unwrap();
        }
        let begun = Instant::now();
        while server.kubectl(&["get", "--raw", "/readyz"]).is_err() {
            let log =
                || std::fs::read_to_string(server.dir.path().join("kube-apiserver.log")).unwrap_or_default();
            assert!(
                begun.elapsed() < START,
                "kube-apiserver is not ready after {START:?}; it says:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        server.kubectl(&["apply", "--server-side", "-f", "../manifests/install.yaml"]).unwrap();
        server
            .kubectl(&["wait", "--for=condition=Established", "crd/tanxclusters.tanx.dev", "--timeout=60s"])
            .unwrap();
        server
    }

    /// The file by which programs are that user.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.dir.path().join(format!("{user}.kubeconfig"))
    }

    fn kubeconfig_text(&self, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:{}', insecure-skip-tls-verify: true}}}}]\n\
             users: [{{name: test, user: {{token: {}}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n",
            self.port,
            token(user),
        )
    }

    /// A client as that user: `admin` or `operator`.
    pub async fn client(&self, user: &str) -> Client {
        let config = Kubeconfig::from_yaml(&self.kubeconfig_text(user)).unwrap();
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// Runs kubectl as the administrator; what it prints, or what it complains of.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.client_program("kubectl", arguments)
    }

    /// The same for Helm.
    pub fn helm(&self, arguments: &[&str]) -> Result<String, String> {
        self.client_program("helm", arguments)
    }

    fn client_program(&self, name: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(program(name));
        let out = command.arg("--kubeconfig").arg(self.kubeconfig("admin")).args(arguments).output().unwrap();
        match out.status.success() {
            true => Ok(String::from_utf8_lossy(&out.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
        }
    }
}

/// A real Redis on a free port, gone when dropped.
pub struct RedisServer {
    _process: Process,
    _dir: TempDir,
    /// Where it is.
    pub url: String,
}

impl RedisServer {
    /// Starts it and waits until it accepts connections.
    pub async fn start() -> RedisServer {
        Self::start_with(None).await
    }

    /// The same; it wants that password, which a URL holds as it is.
    pub async fn start_with(password: Option<&str>) -> RedisServer {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--requirepass", password.unwrap_or_default(), "--dir"])
            .arg(dir.path());
        let process = spawn(dir.path(), "redis-server", &mut command);
        until("redis-server listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let login = password.map(|password| format!(":{password}@")).unwrap_or_default();
        RedisServer { _process: process, _dir: dir, url: format!("redis://{login}127.0.0.1:{port}/") }
    }
}

/// Waits until `look` finds something; fails with `what` after [`PATIENCE`].
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
