//! What servers show and keep holds no secret: their logs at the finest level, their metrics and answers, what players are sent
//! of each other, and all that was ever written to Redis.

mod client;
mod leaks;
mod process;

use client::{Client, PATIENCE, hello, http, own, text};
use data_encoding::{BASE64, HEXLOWER};
use leaks::{Secret, Shown, leaks};
use process::{Redis, Server, gamed, logged, program};
use protocol::{ClientMessage, CloseCode, ClusterKey, GameId, Hello, Token, Welcome};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

/// What a token proves its bearer with. The ids before it are no secret.
const SIGNATURE: usize = 32;

fn traced() -> Command {
    let mut command = gamed();
    command.args(["--log", "trace"]);
    command
}

fn written(redis: &Redis) -> Vec<Shown> {
    let folder = redis.folder.path().join("appendonlydir");
    let files = std::fs::read_dir(folder).expect("its record").map(|file| file.expect("a file").path());
    files.map(|file| Shown::new("Redis' record", std::fs::read(file).expect("a file"))).collect()
}

async fn a_server(folder: &Path, name: &str, format: &str, redis: &str, keys: &[&str]) -> Server {
    let key_file = key_file(folder, name);
    write_keys(&key_file, keys);
    let mut command = traced();
    command
        .args(["--log-format", format, "--cluster-key-read-seconds", "1", "--name", name])
        .arg("--cluster-key-file")
        .arg(key_file)
        .env("GAMED_REDIS", redis);
    Server::start(&mut command, folder.join(format!("{name}.log"))).await
}

fn key_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.key"))
}

/// What it answers to anybody.
async fn answers(server: &Server) -> Vec<Shown> {
    let mut shown = Vec::new();
    for path in ["/metrics", "/readyz", "/api/games", "/api/mazes", "/api/cluster", "/api/moves"] {
        let (status, body) = text(server.http, "GET", path, "").await.expect("it answers");
        assert_eq!(status, 200, "{path}");
        shown.push(Shown::new(path, body));
    }
    let mut stream = TcpStream::connect(server.http).await.expect("it listens");
    stream.write_all(b"GET /api/events HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut events = Vec::new();
    while !events.windows(2).any(|text| text == b"\n\n") {
        let more = timeout(PATIENCE, stream.read_buf(&mut events)).await.expect("an event");
        assert!(more.expect("no error") > 0, "the stream has ended");
    }
    shown.push(Shown::new("/api/events", events));
    shown
}

fn write_keys(file: &Path, keys: &[&str]) {
    let new = file.with_extension("new");
    std::fs::write(&new, keys.join("\n")).expect("the folder is there");
    std::fs::rename(new, file).expect("the folder is there");
}

/// What somebody sees who starts a server that ends at once.
async fn outcome(what: &str, command: &mut Command) -> (bool, Vec<Shown>) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let Output { status, stdout, stderr } =
        timeout(PATIENCE, output).await.expect("it ends").expect("it runs");
    let shown = [stdout, stderr].map(|said| Shown::new(format!("the output of {what}"), said));
    (status.success(), shown.into())
}

async fn resumes(address: SocketAddr, game: GameId, token: &[u8], session: u32) -> Client {
    let mut client = Client::connect(address).await;
    let token = Some(token.to_vec());
    client.send(ClientMessage::Hello(Hello { token, session, ..hello(game) })).await;
    client
}

fn a_key() -> String {
    HEXLOWER.encode(&rand::random::<[u8; 32]>())
}

fn of_key(name: &str, text: &str) -> [Secret; 2] {
    let raw = HEXLOWER.decode(text.as_bytes()).expect("hex");
    [Secret::new(name, raw), Secret::new(format!("the text of {name}"), text)]
}

fn of_token(name: &str, token: &[u8]) -> Secret {
    assert_eq!(token.len(), Token::LENGTH);
    Secret::new(name, &token[Token::LENGTH - SIGNATURE..])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_servers_show_and_keep_holds_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let password = format!("{}@{:016x}", rand::random::<u64>(), rand::random::<u64>());
    let redis = Redis::start(&["--requirepass", &password]).await;
    let url = format!("redis://:{}@{}", password.replace('@', "%40"), redis.address);
    let (old, new, foreign) = (a_key(), a_key(), a_key());
    let mut secrets = vec![Secret::new("the password of Redis", password.clone())];
    for (name, key) in [("the old key", &old), ("the new key", &new), ("a foreign key", &foreign)] {
        secrets.extend(of_key(name, key));
    }

    let mut one = a_server(folder, "one", "json", &url, &[&old]).await;
    let two = a_server(folder, "two", "text", &url, &[&old]).await;
    one.ready().await;
    two.ready().await;
    let (status, created) =
        http(one.http, "POST", "/api/games", r#"{"name":"a game"}"#).await.expect("it answers");
    assert_eq!(status, 201, "{created}");
    let game: GameId = created["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let mut shown = vec![Shown::new("the new game", created.to_string())];

    // At the owner and at an edge, which are linked: frames come to the latter over the link.
    let (mut player, welcome, _) = Client::enter(one.http, hello(game)).await;
    let (mut other, others, _) = Client::enter(two.http, hello(game)).await;
    secrets.push(of_token("a token", &welcome.token));
    secrets.push(of_token("the token of another player", &others.token));
    let world = player.world("the other player", |world| own(world, others.player).is_some()).await;
    shown.push(Shown::new("a world", format!("{world:?}")));
    other.pass(5).await;
    let frames = player.frames.iter().chain(&other.frames);
    shown.extend(frames.map(|(_, frame)| Shown::new("a frame", frame.to_vec())));
    drop((player, other));

    // Whom they refuse: a server with another key, a token that one has signed, and one that is none.
    let mut stranger = a_server(folder, "stranger", "json", &url, &[&foreign]).await;
    let refused = |log: &str| log.contains("does not hold this cluster's key").then_some(());
    logged(&[&one, &two, &stranger], "that there is a stranger", refused).await;
    stranger.process.kill().await.expect("it runs");
    let forged =
        Token { game, player: welcome.player }.sign(&ClusterKey::parse(foreign.as_bytes()).expect("a key"));
    secrets.push(of_token("a forged token", &forged));
    for token in [&forged[..], &forged[1..]] {
        resumes(one.http, game, token, 9).await.closes_with(CloseCode::Token).await;
    }

    // The key is exchanged, and players resume at the other server.
    let mut newest = welcome.token.clone();
    for (step, keys) in [&[&old[..], &new][..], &[&new, &old], &[&new]].into_iter().enumerate() {
        for (name, server) in [("one", &one), ("two", &two)] {
            write_keys(&key_file(folder, name), keys);
            let read = |log: &str| (log.matches("the cluster key has changed").count() > step).then_some(());
            logged(&[server], "that it has read the keys", read).await;
        }
        let mut again = resumes(two.http, game, &newest, 2 + step as u32).await;
        let Welcome { player, token, .. } = again.welcome().await.0;
        assert_eq!(player, welcome.player);
        again.pass(5).await;
        secrets.push(of_token(&format!("a token of step {}", step + 1), &token));
        newest = token;
    }
    resumes(one.http, game, &welcome.token, 10).await.closes_with(CloseCode::Token).await;

    for server in [&one, &two] {
        shown.extend(answers(server).await);
    }

    // A move, and the end of a server.
    let id = one.process.id().expect("it runs").to_string();
    assert!(program("kill").args(["-TERM", &id]).status().await.expect("kill is in the path").success());
    let ended = timeout(PATIENCE, one.process.wait()).await.expect("it leaves").expect("its state");
    assert!(ended.success(), "{}", one.says());
    shown.extend(answers(&two).await);

    // Commands, those that fail among them.
    let (good, said) =
        outcome("quarantine list", traced().env("GAMED_REDIS", &url).args(["quarantine", "list"])).await;
    assert!(good);
    shown.extend(said);
    let wrong = format!("not-{password}");
    let wrong_url = url.replace(&password.replace('@', "%40"), &wrong.replace('@', "%40"));
    let free = ["--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"];
    for (what, redis, key) in [
        ("a start with a wrong password", &wrong_url[..], &new[..]),
        ("a start with a wrong URL", &wrong_url.replace("127.0.0.1:", "127.0.0.1:x")[..], &new),
        ("a start with a short key", &url, &new[..31]),
    ] {
        let mut command = traced();
        command.args(free).env("GAMED_REDIS", redis).env("GAMED_CLUSTER_KEY", key);
        let (good, said) = outcome(what, &mut command).await;
        assert!(!good, "{what}");
        shown.extend(said);
    }

    for server in [&one, &two, &stranger] {
        let log = server.says();
        assert!(log.contains("DEBUG"), "{} says little", server.log.display());
        shown.push(Shown::new(format!("the log {}", server.log.display()), log));
    }
    let written = written(&redis);
    assert!(
        written.iter().any(|file| file.bytes.windows(6).any(|text| text == b"a game")),
        "Redis keeps a record"
    );
    shown.extend(written);
    let found = leaks(&secrets, &shown);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    let bytes: [u8; 32] = rand::random();
    let secret = [Secret::new("it", bytes)];
    let debug = format!("{:?}", bytes::Bytes::copy_from_slice(&bytes));
    let base64 = |before: usize| BASE64.encode(&[&vec![b'x'; before], &bytes[..]].concat());
    for (what, planted) in [
        ("raw", bytes.to_vec()),
        ("hex", HEXLOWER.encode(&bytes).into()),
        ("hex in capitals", HEXLOWER.encode(&bytes).to_uppercase().into()),
        ("base64", base64(0).into()),
        ("base64 of it behind one byte", base64(1).into()),
        ("base64 of it behind two", base64(2).into()),
        ("base64 for URLs", data_encoding::BASE64URL_NOPAD.encode(&bytes).into()),
        ("Vec as Debug", format!("{:?}", bytes.to_vec()).into()),
        ("Vec as JSON", serde_json::to_vec(&bytes.to_vec()).expect("JSON")),
        ("Vec as Debug in hex", format!("{bytes:02x?}").into()),
        ("Bytes as Debug", debug.clone().into()),
        ("Bytes as Debug in JSON", serde_json::to_vec(&debug).expect("JSON")),
        ("the first half", bytes[..16].to_vec()),
        ("the second half in hex", HEXLOWER.encode(&bytes[16..]).into()),
    ] {
        let shown = [Shown::new("a log", [b"before ", &planted[..], b" behind"].concat())];
        assert!(!leaks(&secret, &shown).is_empty(), "{what}: {bytes:?}");
    }
    let others: Vec<u8> = (0..10_000).map(|_| rand::random()).collect();
    let innocent =
        [Shown::new("noise", others.clone()), Shown::new("noise in hex", HEXLOWER.encode(&others))];
    assert!(leaks(&secret, &innocent).is_empty());

    let password = "pass/word@of:Redis";
    let url = "redis://:pass%2Fword%40of%3ARedis@host:6379".to_owned();
    for url in [url.clone(), BASE64.encode(url.as_bytes()), format!("{:?}", Some(password))] {
        let secret =
            [Secret::new("in a URL", password), Secret::new("as in a URL", "pass%2Fword%40of%3ARedis")];
        assert!(!leaks(&secret, &[Shown::new("an error", url.clone())]).is_empty(), "{url}");
    }
}
