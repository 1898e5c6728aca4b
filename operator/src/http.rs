//! /healthz, /readyz and /metrics.

use crate::metrics::Metrics;
use http::StatusCode;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use warp::Filter;

/// Serves until `shutdown`. Healthy while it answers; ready once `ready` says that all pods have been seen.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let healthz = warp::path!("healthz").map(|| warp::reply::with_status("alive\n", StatusCode::OK));
    let readyz = warp::path!("readyz").map(move || match ready.load(Ordering::Relaxed) {
        true => warp::reply::with_status("ready\n", StatusCode::OK),
        false => warp::reply::with_status("has not seen all pods yet\n", StatusCode::SERVICE_UNAVAILABLE),
    });
    let metrics = warp::path!("metrics").map(move || match metrics.text() {
        Ok(text) => warp::reply::with_status(text, StatusCode::OK),
        Err(error) => warp::reply::with_status(error.to_string(), StatusCode::INTERNAL_SERVER_ERROR),
    });
    let metrics = metrics.with(warp::reply::with::header(
        "content-type",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ));
    let routes = warp::get().and(healthz.or(readyz).or(metrics));
    warp::serve(routes).incoming(listener).graceful(shutdown).run().await;
}
