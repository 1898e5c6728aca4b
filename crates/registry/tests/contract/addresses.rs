//! What is said when the address, the password or the server is wrong.

use crate::DEADLINE;
use crate::server::{Server, free_port};
use registry::redis::{ConnectError, Redis, RedisSettings};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "hunter2";

async fn refusal(url: String) -> ConnectError {
    let settings = RedisSettings { connect_timeout: DEADLINE, ..RedisSettings::new(url, "tanx") };
    assert!(!format!("{settings:?}").contains(SECRET));
    let error = Redis::connect(settings).await.expect_err("this address is wrong");
    assert!(!format!("{error} {error:?}").contains(SECRET), "shows the password: {error}");
    error
}

/// Answers whatever comes with the next of these, for one connection.
pub async fn talker(answers: Vec<String>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        for answer in answers {
            let mut buffer = [0; 4096];
            if socket.read(&mut buffer).await.unwrap_or(0) == 0
                || socket.write_all(answer.as_bytes()).await.is_err()
            {
                return;
            }
        }
        // Stays open until the client has enough.
        socket.read_to_end(&mut Vec::new()).await.ok();
    });
    port
}

#[tokio::test]
async fn a_bad_url_is_explained() {
    for url in ["", "hello", "http://localhost:6379", "redis://:hunter2@:99999999"] {
        let error = refusal(url.to_owned()).await;
        assert!(matches!(error, ConnectError::Url(_)), "{url}: {error:?}");
        assert!(error.to_string().contains("redis://[user:password@]host:port"), "{error}");
        assert!(!error.may_pass());
    }
}

#[tokio::test]
async fn a_bad_prefix_is_explained() {
    for prefix in ["", "a b", "{a}", &"x".repeat(129), "ü"] {
        let error = Redis::connect(RedisSettings::new("redis://127.0.0.1:1", prefix)).await.unwrap_err();
        assert_eq!(error, ConnectError::Prefix);
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named() {
    let port = free_port();
    let error = refusal(format!("redis://:{SECRET}@127.0.0.1:{port}")).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("cannot reach Redis at 127.0.0.1:{port}")), "{error}");
    assert!(error.may_pass());
}

#[tokio::test]
async fn a_silent_server_is_named() {
    let port = talker(Vec::new()).await;
    let connect_timeout = Duration::from_millis(50);
    let settings =
        RedisSettings { connect_timeout, ..RedisSettings::new(format!("redis://127.0.0.1:{port}"), "tanx") };
    let error = Redis::connect(settings).await.unwrap_err();
    assert!(matches!(error, ConnectError::Silent { .. }), "{error:?}");
}

#[tokio::test]
async fn another_service_is_not_redis() {
    for answer in ["HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let error = refusal(format!("redis://127.0.0.1:{}", talker(vec![answer.to_owned()]).await)).await;
        assert!(matches!(error, ConnectError::NotRedis { .. }), "{error:?}");
        assert!(error.to_string().contains("is not Redis"), "{error}");
    }
}

#[tokio::test]
async fn an_old_redis_is_refused_by_its_version() {
    let hello = "%1\r\n+server\r\n+redis\r\n".to_owned();
    let body = "redis_version:6.0.20\r\nredis_mode:standalone\r\nrun_id:0123456789\r\n";
    let info = format!("={}\r\ntxt:{body}\r\n", 4 + body.len());
    let error = refusal(format!("redis://127.0.0.1:{}", talker(vec![hello, info]).await)).await;
    assert!(matches!(&error, ConnectError::TooOld { version, .. } if version == "6.0.20"), "{error:?}");
    let error = refusal(format!(
        "redis://127.0.0.1:{}",
        talker(vec!["-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n".to_owned()]).await
    ))
    .await;
    assert!(matches!(&error, ConnectError::TooOld { .. }), "{error:?}");
    assert!(error.to_string().contains("6.2 or later is needed"), "{error}");
}

#[tokio::test]
async fn a_password_is_asked_for_and_checked() {
    let server = Server::start(&["--requirepass", "right"]);
    let error = refusal(server.url()).await;
    assert!(matches!(error, ConnectError::NeedsPassword { .. }), "{error:?}");
    let error = refusal(format!("redis://:{SECRET}@127.0.0.1:{}", server.port)).await;
    assert!(matches!(error, ConnectError::WrongPassword { .. }), "{error:?}");
    let url = format!("redis://:right@127.0.0.1:{}", server.port);
    server.connect(RedisSettings::new(url, "tanx")).await.unwrap();
}

#[tokio::test]
async fn a_user_without_rights_is_told_so() {
    let server = Server::start(&["--user", "weak", "on", ">hunter2", "~*", "&*", "+@connection", "+info"]);
    let error = refusal(format!("redis://weak:{SECRET}@127.0.0.1:{}", server.port)).await;
    assert!(matches!(error, ConnectError::NoPermission { .. }), "{error:?}");
    let server = Server::start(&["--user", "deaf", "on", ">hunter2", "~*", "resetchannels", "+@all"]);
    let error = refusal(format!("redis://deaf:{SECRET}@127.0.0.1:{}", server.port)).await;
    assert!(matches!(error, ConnectError::NoPermission { .. }), "{error:?}");
}

#[tokio::test]
async fn replicas_and_cluster_mode_are_refused() {
    let server = Server::start(&["--replicaof", "127.0.0.1", "1"]);
    let error = refusal(server.url()).await;
    assert!(matches!(error, ConnectError::Replica { .. }), "{error:?}");
    let server = Server::start(&["--cluster-enabled", "yes"]);
    let error = refusal(server.url()).await;
    assert!(matches!(&error, ConnectError::Mode { mode, .. } if mode == "cluster"), "{error:?}");
}

#[tokio::test]
async fn tls_to_a_plain_server_is_an_error_and_not_a_panic() {
    let server = Server::start(&[]);
    let settings = RedisSettings {
        connect_timeout: Duration::from_millis(500),
        ..RedisSettings::new(format!("rediss://127.0.0.1:{}", server.port), "tanx")
    };
    let error = Redis::connect(settings).await.unwrap_err();
    assert!(error.may_pass(), "{error:?}");
}
