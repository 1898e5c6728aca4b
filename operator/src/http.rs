//! /healthz, /readyz and /metrics.

use crate::metrics::Metrics;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use warp::Filter;
use warp::reply::{Reply, Response};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Serves until `shutdown`. Healthy while it answers; ready once `ready` says that all pods have been seen.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let healthz = warp::path!("healthz").map(|| answer(StatusCode::OK, "alive\n".into()));
    let readyz = warp::path!("readyz").map(move || match ready.load(Ordering::Relaxed) {
        true => answer(StatusCode::OK, "ready\n".into()),
        false => answer(StatusCode::SERVICE_UNAVAILABLE, "has not seen all pods yet\n".into()),
    });
    let metrics = warp::path!("metrics").map(move || match metrics.text() {
        Ok(text) => {
            let mut response = answer(StatusCode::OK, text);
            response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
            response
        }
        Err(error) => answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    });
    let routes = warp::get().and(healthz.or(readyz).or(metrics));
    warp::serve(routes).incoming(listener).graceful(shutdown).run().await;
}

fn answer(status: StatusCode, text: String) -> Response {
    warp::reply::with_status(text, status).into_response()
}
