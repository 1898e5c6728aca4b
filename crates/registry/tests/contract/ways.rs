//! The ways to a Redis that is not open to all: a user with few rights, TLS, sentinels.

use crate::server::{Certificates, Sentinel, Server, free_port};
use crate::*;
use registry::redis::{ConnectError, Redis, RedisSettings};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const PREFIX: &str = "tanx:test/one";
const PASSWORD: &str = "hunter2/@:?";
/// The same, in a URL.
const ENCODED: &str = "hunter2%2F%40%3A%3F";

fn patient(url: impl Into<String>) -> RedisSettings {
    RedisSettings { connect_timeout: DEADLINE, reply_timeout: DEADLINE, ..RedisSettings::new(url, PREFIX) }
}

async fn refusal(settings: RedisSettings) -> ConnectError {
    let error = Redis::connect(settings).await.expect_err("this must not work");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "shows the password: {error}");
    error
}

async fn serves(registry: &Redis) {
    let epoch = granted(registry, create(1, 10)).await;
    let store = Request::StoreSnapshot { game: GameId(1), expect: fence(epoch, 10), snapshot: snapshot(3) };
    assert_eq!(ask(registry, store).await, Reply::Done);
    assert_eq!(listed(registry, Request::Games).await, [1]);
}

/// What the operations guide tells people to give the user `tanx`.
fn rights() -> Vec<String> {
    let guide = include_str!("../../../../docs/operations.md");
    let line = guide.lines().find(|line| line.starts_with("ACL SETUSER tanx ")).unwrap();
    let line = line.replace("tanx:NAMESPACE/NAME", PREFIX).replace("PASSWORD", PASSWORD);
    line.split(' ').skip(2).map(str::to_owned).collect()
}

async fn set_user(server: &Server, rights: &[String]) {
    let words: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(rights.iter().map(String::as_str)).collect();
    server.command(&["ACL", "DELUSER", "tanx"]).await.unwrap();
    server.command(&words).await.unwrap();
}

pub async fn user() -> (Server, Redis) {
    let server = Server::start(&[]);
    set_user(&server, &rights()).await;
    let url = format!("redis://tanx:{ENCODED}@127.0.0.1:{}", server.port);
    let registry = Redis::connect(patient(url)).await.unwrap();
    (server, registry)
}

pub async fn tls() -> (Server, Redis) {
    let server = Server::start_tls(&[]);
    let url = format!("rediss://127.0.0.1:{}", server.port);
    let ca = Some(Certificates::get().ca());
    let registry = Redis::connect(RedisSettings { ca, ..patient(url) }).await.unwrap();
    (server, registry)
}

pub async fn sentinel() -> ((Server, Sentinel), Redis) {
    let server = Server::start(&[]);
    let sentinel = Sentinel::start(&server, 1, &[]);
    let url = format!("redis+sentinel://127.0.0.1:{}/tanx", sentinel.port);
    let registry = Redis::connect(patient(url)).await.unwrap();
    ((server, sentinel), registry)
}

#[tokio::test]
async fn a_user_needs_each_right_of_the_guide() {
    let server = Server::start(&[]);
    let url = format!("redis://tanx:{ENCODED}@127.0.0.1:{}", server.port);
    let all = rights();
    let is_right = |word: &&String| word.starts_with(['~', '&', '+']);
    assert!(all.iter().filter(is_right).count() > 30, "{all:?}");
    for right in all.iter().filter(is_right) {
        let less: Vec<String> = all.iter().filter(|word| *word != right).cloned().collect();
        set_user(&server, &less).await;
        let error = refusal(patient(&url)).await;
        assert!(matches!(error, ConnectError::NoPermission { .. }), "without {right}: {error:?}");
        assert!(!error.may_pass());
        if let Some(command) = right.strip_prefix('+') {
            let (command, _) = command.split_once('|').unwrap_or((command, ""));
            assert!(error.to_string().contains(command), "without {right}: {error}");
        }
    }
    // What it is told to have is enough, and nothing is left behind.
    set_user(&server, &all).await;
    Redis::connect(patient(&url)).await.unwrap();
    assert_eq!(server.command(&["DBSIZE"]).await.unwrap(), redis::Value::Int(0));
}

#[tokio::test]
async fn all_rights_that_are_missing_are_named_at_once() {
    let server = Server::start(&[]);
    let less: Vec<String> = rights()
        .into_iter()
        .filter(|word| !["+xadd", "+hset", "+publish"].contains(&word.as_str()))
        .collect();
    set_user(&server, &less).await;
    let error = refusal(patient(format!("redis://tanx:{ENCODED}@127.0.0.1:{}", server.port))).await;
    assert!(error.to_string().contains("it refuses hset, publish, xadd;"), "{error}");
}

#[tokio::test]
async fn a_user_reaches_nothing_of_other_clusters() {
    let (server, registry) = user().await;
    serves(&registry).await;
    let login = format!("tanx:{ENCODED}@");
    for words in
        [&["HGETALL", "{tanx:test/two}:members"][..], &["DEL", "tanx:test/two:parked"], &["KEYS", "*"]]
    {
        let error = server.command_as(&login, words).await.unwrap_err();
        assert_eq!(error.code(), Some("NOPERM"), "{words:?}: {error}");
    }
}

#[tokio::test]
async fn a_user_with_another_password_is_refused() {
    let server = Server::start(&[]);
    set_user(&server, &rights()).await;
    for login in ["tanx:hunter2wrong", "nobody:hunter2"] {
        let error = refusal(patient(format!("redis://{login}@127.0.0.1:{}", server.port))).await;
        assert!(matches!(error, ConnectError::WrongPassword { .. }), "{error:?}");
        assert!(!error.may_pass());
    }
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_missed_at_the_next_connection() {
    let (server, registry) = user().await;
    serves(&registry).await;
    server.command(&["ACL", "SETUSER", "tanx", "-xadd"]).await.unwrap();
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await.unwrap();
    let start = Instant::now();
    loop {
        if let Err(RegistryError::Refused(why)) = registry.call(Request::Game(GameId(1))).await
            && why.contains("it refuses xadd")
        {
            break;
        }
        assert!(start.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.command(&["ACL", "SETUSER", "tanx", "+xadd"]).await.unwrap();
    assert!(matches!(eventually(&registry, Request::Game(GameId(1))).await, Reply::Game(_)));
}

#[tokio::test]
async fn a_certificate_counts_only_if_the_ca_signed_it() {
    let server = Server::start_tls(&[]);
    let url = format!("rediss://127.0.0.1:{}", server.port);
    for ca in [None, Some(Certificates::get().other())] {
        let error = refusal(RedisSettings { ca, ..patient(&url) }).await;
        assert!(matches!(error, ConnectError::Certificate { .. }), "{error:?}");
        assert!(error.to_string().contains("is not accepted"), "{error}");
    }
    // The certificate names an address only.
    let ca = Some(Certificates::get().ca());
    let url = format!("rediss://localhost:{}", server.port);
    let error = refusal(RedisSettings { ca, ..patient(&url) }).await;
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error:?}");
    // One of several CAs is enough.
    let ca = Some(Certificates::get().other() + &Certificates::get().ca());
    let url = format!("rediss://127.0.0.1:{}", server.port);
    serves(&Redis::connect(RedisSettings { ca, ..patient(&url) }).await.unwrap()).await;
}

#[tokio::test]
async fn a_ca_that_cannot_be_meant_is_refused() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for ca in ["", "hello", broken] {
        let settings = RedisSettings { ca: Some(ca.into()), ..patient("rediss://127.0.0.1:1") };
        let error = refusal(settings).await;
        assert!(matches!(error, ConnectError::Ca(_)), "{ca}: {error:?}");
    }
    for url in ["redis://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/tanx"] {
        let settings = RedisSettings { ca: Some(Certificates::get().ca()), ..patient(url) };
        assert_eq!(refusal(settings).await, ConnectError::CaWithoutTls);
    }
}

#[tokio::test]
async fn a_server_of_tls_refuses_those_without() {
    let server = Server::start_tls(&[]);
    let error = refusal(patient(format!("redis://127.0.0.1:{}", server.port))).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_broken_tls_connection_is_made_again() {
    let (mut server, registry) = tls().await;
    serves(&registry).await;
    let mut hints = registry.hints();
    server.kill();
    server.restart();
    assert_eq!(next_hint(&mut hints).await, Hint::Lost);
    // A listing needs both connections, each of which comes back in its own time.
    assert_eq!(eventually(&registry, Request::Games).await, Reply::Games(vec![]));
    serves(&registry).await;
}

/// A master, its replica, and three sentinels that know each other and both.
async fn watched() -> (Server, Server, Vec<Sentinel>, String) {
    let master = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port.to_string()]);
    holds("the replica is in step", async || {
        let info = text(master.command(&["INFO", "replication"]).await);
        info.contains("state=online")
    })
    .await;
    let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::start(&master, 2, &[])).collect();
    for sentinel in &sentinels {
        holds("the sentinels know each other", async || {
            let info = text(sentinel.command(&["INFO", "sentinel"]).await);
            info.contains("slaves=1,sentinels=3")
        })
        .await;
    }
    let hosts: Vec<String> =
        sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    let url = format!("redis+sentinel://{}/tanx", hosts.join(","));
    (master, replica, sentinels, url)
}

/// Nothing where there is no answer: sentinels break the connections to what they turn into something else.
fn text(answer: redis::RedisResult<redis::Value>) -> String {
    answer.ok().and_then(|answer| redis::from_redis_value(answer).ok()).unwrap_or_default()
}

async fn holds(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < 2 * DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_master_that_a_fail_over_made_is_found() {
    fail_over(false).await;
}

#[tokio::test]
async fn a_master_that_hangs_is_left_for_the_one_that_a_fail_over_made() {
    fail_over(true).await;
}

async fn fail_over(hangs: bool) {
    let (mut master, replica, _sentinels, url) = watched().await;
    // An attempt that hangs must end soon; otherwise for a busy machine.
    let reply_timeout = Duration::from_secs(2);
    let registry =
        Redis::connect(RedisSettings { reply_timeout, ..RedisSettings::new(url, PREFIX) }).await.unwrap();
    let mut hints = registry.hints();
    serves(&registry).await;
    holds("the replica has it", async || {
        let snapshot = ["HGET", "tanx:test/one:{0000000000000001}:record", "snapshot"];
        replica.command(&snapshot).await.unwrap() == master.command(&snapshot).await.unwrap()
    })
    .await;
    let broken = Instant::now();
    if hangs {
        master.signal("-STOP");
    } else {
        master.kill();
    }
    let promoted = async {
        holds("the replica is promoted", async || {
            text(replica.command(&["INFO", "replication"]).await).contains("role:master")
        })
        .await;
        broken.elapsed()
    };
    let found = async {
        let mut refused = 0;
        loop {
            // Meanwhile the sentinels name the old one, or what is not promoted yet: no answer, not a wrong one.
            match registry.call(Request::Game(GameId(1))).await {
                Ok(Reply::Game(record)) => return (record, refused, broken.elapsed()),
                Ok(other) => panic!("{other:?}"),
                Err(_) => refused += 1,
            }
            assert!(broken.elapsed() < 2 * DEADLINE, "the new master was not found");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (promoted, (before, refused, found)) = tokio::join!(promoted, found);
    println!("promoted after {promoted:?}, found after {found:?}");
    assert!(refused > 0);
    assert!(found < promoted + Duration::from_secs(5), "found {found:?}, promoted {promoted:?}");
    let claimed = eventually(&registry, claim(1, fence(before.epoch, 10), 11)).await;
    assert!(matches!(claimed, Reply::Claimed { .. }), "{claimed:?}");
    while next_hint(&mut hints).await != Hint::Lost {}
    if hangs {
        // The old one comes back, for a while as the master that it was.
        master.signal("-CONT");
        holds("the old master has become a replica", async || {
            text(master.command(&["INFO", "replication"]).await).contains("role:slave")
        })
        .await;
        let Reply::Game(record) = eventually(&registry, Request::Game(GameId(1))).await else { panic!() };
        assert_eq!(record.owner, Some(MemberId(11)));
    }
}

#[tokio::test]
async fn a_member_goes_where_a_planned_fail_over_leads() {
    let (master, replica, sentinels, url) = watched().await;
    let registry = Redis::connect(patient(url)).await.unwrap();
    serves(&registry).await;
    let epoch = record(&registry, 1).await.epoch;
    // The old master lives on as a replica and would answer with what it has.
    sentinels[0].command(&["SENTINEL", "FAILOVER", "tanx"]).await.unwrap();
    let start = Instant::now();
    loop {
        let answer = registry.call(claim(1, fence(epoch, 10), 11)).await;
        let primary = text(replica.command(&["INFO", "replication"]).await).contains("role:master");
        if primary && matches!(&answer, Ok(Reply::Claimed { .. } | Reply::Stale(_))) {
            break;
        }
        assert!(start.elapsed() < 2 * DEADLINE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holds("the old master has become a replica", async || {
        text(master.command(&["INFO", "replication"]).await).contains("role:slave")
    })
    .await;
    assert!(matches!(eventually(&registry, Request::Members).await, Reply::Members { .. }));
    granted(&registry, create(2, 10)).await;
    assert_eq!(
        replica.command(&["EXISTS", "tanx:test/one:{0000000000000002}:record"]).await.unwrap(),
        redis::Value::Int(1)
    );
}

/// Takes connections and says nothing.
async fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn sentinels_that_are_dead_or_hang_delay_nobody() {
    let server = Server::start(&[]);
    let sentinel = Sentinel::start(&server, 1, &[]);
    let (dead, (_listener, hung)) = (free_port(), silent().await);
    let url = format!("redis+sentinel://127.0.0.1:{dead},127.0.0.1:{hung},127.0.0.1:{}/tanx", sentinel.port);
    let start = Instant::now();
    serves(&Redis::connect(patient(url)).await.unwrap()).await;
    assert!(start.elapsed() < DEADLINE / 2, "waited for a sentinel that hangs");
}

#[tokio::test]
async fn a_sentinel_that_names_what_is_no_master_is_not_believed() {
    let server = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", "1"]);
    let (gone, (_listener, hung)) = (free_port(), silent().await);
    let right = Sentinel::start(&server, 1, &[]);
    for port in [gone, hung, replica.port] {
        let stale = talking_sentinel(port).await;
        let url = format!("redis+sentinel://127.0.0.1:{stale},127.0.0.1:{}/tanx", right.port);
        Redis::connect(patient(url)).await.unwrap();
    }
    let stale = talking_sentinel(replica.port).await;
    let error = refusal(patient(format!("redis+sentinel://127.0.0.1:{stale}/tanx"))).await;
    assert!(matches!(error, ConnectError::Replica { .. }), "{error:?}");
    assert!(error.may_pass());
}

/// Says to one that the master is at that port.
async fn talking_sentinel(names: u16) -> u16 {
    let names = names.to_string();
    let place = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{names}\r\n", names.len());
    crate::addresses::talker(vec!["%1\r\n+server\r\n+redis\r\n".to_owned(), place]).await
}

#[tokio::test]
async fn a_wrong_sentinel_is_explained() {
    let server = Server::start(&[]);
    let sentinel = Sentinel::start(&server, 1, &[]);
    let at = format!("127.0.0.1:{}", sentinel.port);
    let error = refusal(patient(format!("redis+sentinel://u:hunter2@{at}/other"))).await;
    assert!(matches!(&error, ConnectError::NoMaster { master, .. } if master == "other"), "{error:?}");
    assert!(
        error.to_string().contains(&format!("the sentinel {at} knows no master of the name other")),
        "{error}"
    );
    let error = refusal(patient(format!("redis://{at}"))).await;
    assert!(matches!(error, ConnectError::Sentinel { .. }), "{error:?}");
    let error = refusal(patient(format!("redis+sentinel://127.0.0.1:{}/tanx", server.port))).await;
    assert!(matches!(error, ConnectError::NotSentinel { .. }), "{error:?}");
    let error = refusal(patient(format!("redis+sentinel://127.0.0.1:{}/tanx", free_port()))).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.may_pass());
}

#[tokio::test]
async fn a_bad_url_of_sentinels_is_explained() {
    for rest in [
        "",
        "host",
        "host:1",
        "host:1/",
        "/tanx",
        "host:1,/tanx",
        "host:x/tanx",
        "host:1/tanx/db",
        "host:1/ta nx",
        "host:1/tanx?password=hunter2",
        "host:1/tanx#insecure",
        // Passwords that were not encoded.
        ":hunter2/x@host:1/tanx",
        "u:1/hunter2@host:1/tanx",
        "u:1/hunter2@host",
        "u:1,hunter2:2/x@host/tanx",
    ] {
        let error = refusal(patient(format!("redis+sentinel://{rest}"))).await;
        assert!(matches!(error, ConnectError::Url(_)), "{rest}: {error:?}");
        assert!(!error.may_pass());
    }
    let error = refusal(patient("http+sentinel://host:1/tanx")).await;
    assert!(matches!(error, ConnectError::Url(_)), "{error:?}");
}

#[tokio::test]
async fn user_tls_and_sentinels_go_together() {
    let server = Server::start_tls(&["--user", "tanx", "on", ">hunter2/@:?", "~*", "&*", "+@all"]);
    let sentinel = Sentinel::start(
        &server,
        1,
        &["user default off", "user watch on >hunter2/@:? allchannels +@all", "sentinel sentinel-user watch"],
    );
    let at = format!("127.0.0.1:{}", sentinel.port);
    let ca = Some(Certificates::get().ca());
    let with = |login: &str, rest: &str| RedisSettings {
        ca: ca.clone(),
        ..patient(format!("rediss+sentinel://{login}{at}/tanx/3{rest}"))
    };
    let login = format!("tanx:{ENCODED}@");
    // In a query these are free.
    let query = "?sentinel_username=watch&sentinel_password=hunter2/@:?";
    let registry = Redis::connect(with(&login, query)).await.unwrap();
    serves(&registry).await;
    let error = refusal(with(&login, "")).await;
    assert!(
        matches!(&error, ConnectError::NeedsPassword { address } if address.contains("sentinel")),
        "{error:?}"
    );
    let error = refusal(with(&login, "?sentinel_username=watch&sentinel_password=hunter2wrong")).await;
    assert!(
        matches!(&error, ConnectError::WrongPassword { address } if address.contains("sentinel")),
        "{error:?}"
    );
    let error = refusal(with("tanx:hunter2wrong@", query)).await;
    assert!(
        matches!(&error, ConnectError::WrongPassword { address } if !address.contains("sentinel")),
        "{error:?}"
    );
    let error = refusal(RedisSettings { ca: None, ..with(&login, query) }).await;
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error:?}");
}

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_password_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // This test's thread runs all of its tasks.
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut server = Server::start(&["--user", "tanx", "on", ">hunter2", "~*", "&*", "+@all"]);
    let sentinel = Sentinel::start(&server, 1, &["requirepass hunter2"]);
    let direct = format!("redis://tanx:hunter2@127.0.0.1:{}", server.port);
    let watched =
        format!("redis+sentinel://tanx:hunter2@127.0.0.1:{}/tanx?sentinel_password=hunter2", sentinel.port);
    let mut members = Vec::new();
    for url in [direct, watched] {
        let registry = Redis::connect(patient(url)).await.unwrap();
        assert!(!format!("{registry:?}").contains("hunter2"));
        members.push(registry);
    }
    server.kill();
    for registry in &members {
        let start = Instant::now();
        loop {
            let answer = registry.call(create(1, 10)).await;
            assert!(!format!("{answer:?}").contains("hunter2"), "{answer:?}");
            if matches!(&answer, Err(RegistryError::Refused(why)) if why.contains("cannot reach")) {
                break;
            }
            assert!(start.elapsed() < DEADLINE, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    server.restart();
    for registry in &members {
        eventually(registry, Request::Members).await;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("lost the connection to Redis") && log.contains("connected to Redis again"),
        "{log}"
    );
    assert!(log.contains("no connection to Redis yet"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
