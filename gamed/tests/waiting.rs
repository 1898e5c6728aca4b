//! A server that is started before its Redis: it waits, says so, and ends when it is told to.

mod client;
mod process;

use client::{PATIENCE, text};
use process::{Redis, Server, free_address, gamed, program};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tempfile::tempdir;
use tokio::time::{sleep, timeout};

/// One that was told of a Redis there, and answers.
async fn waiting(redis: SocketAddr, log: &Path) -> Server {
    loop {
        let http = free_address().await;
        let mut process = gamed()
            .args(["--redis", &format!("redis://{redis}"), "--peer-listen", "127.0.0.1:0", "--workers", "1"])
            .args(["--listen", &http.to_string()])
            .args(["--cluster-key", "a key for a test on loopback only"])
            .stderr(File::create(log).expect("a file"))
            .spawn()
            .expect("it starts");
        while process.try_wait().expect("its state").is_none() {
            let answer = timeout(PATIENCE, text(http, "GET", "/healthz", "")).await.expect("an answer");
            if let Ok(answer) = answer {
                assert_eq!(answer.0, 200, "a probe would end it: {}", answer.1);
                return Server { process, log: log.to_owned(), http };
            }
            sleep(Duration::from_millis(10)).await;
        }
        // Another one got the port meanwhile.
    }
}

#[tokio::test]
async fn a_server_that_waits_for_redis_is_alive_and_not_ready() {
    let folder = tempdir().expect("a folder");
    let server = waiting(free_address().await, &folder.path().join("log")).await;
    for path in ["/readyz", "/", "/api/games", "/play"] {
        let (status, body) =
            timeout(PATIENCE, text(server.http, "GET", path, "")).await.expect("an answer").unwrap();
        assert_eq!(status, 503, "{path}: {body}");
        assert!(body.contains("waits for Redis"), "{path}: {body}");
    }
    assert!(server.says().contains("cannot reach Redis at 127.0.0.1:"), "{}", server.says());
}

#[tokio::test]
async fn a_server_that_waits_for_redis_ends_when_it_is_told_to() {
    let folder = tempdir().expect("a folder");
    let mut server = waiting(free_address().await, &folder.path().join("log")).await;
    let id = server.process.id().expect("it runs").to_string();
    assert!(program("kill").args(["-TERM", &id]).status().await.expect("kill is in the path").success());
    let ended = timeout(PATIENCE, server.process.wait()).await.expect("it ends").expect("its state");
    assert!(ended.success(), "{ended}: {}", server.says());
}

#[tokio::test]
async fn a_server_joins_once_redis_is_there() {
    let address = free_address().await;
    let folder = tempdir().expect("a folder");
    let server = waiting(address, &folder.path().join("log")).await;
    let _redis = Redis::start_at(address, &[]).await.expect("nobody else took the port");
    server.ready().await;
}
