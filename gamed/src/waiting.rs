//! What a server answers before it has reached its registry: alive, and not ready.
//!
//! Without it a probe would end the process for what only its registry lacks.

use crate::limits;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::warn;

/// Answers whoever connects, until dropped; connections end then, too.
pub async fn answer(listener: &TcpListener) -> Infallible {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits::HTTP_HEADER).max_buf_size(16 << 10);
    // A page that asks again should find the server behind it, not this.
    http.keep_alive(false);
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely.
                warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        if connections.len() < limits::EXCESS_CONNECTIONS {
            connections.spawn(http.serve_connection(TokioIo::new(stream), service_fn(respond)));
        }
    }
}

async fn respond(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let (status, text) = match request.uri().path() {
        "/healthz" => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "this server waits for Redis\n"),
    };
    let mut response = Response::new(text.to_owned());
    *response.status_mut() = status;
    Ok(response)
}
