//! The admin server: probes and metrics over HTTP. It only reads.
//!
//! `/healthz` and `/healtz` are kube-eventer's; `/livez` and `/readyz` say what they mean in Kubernetes.

mod connection;
mod readiness;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use eventer_core::Clock;
use eventer_core::status::PipelineStatus;
use eventer_core::time::{format_duration, rfc3339_seconds};
use jiff::Timestamp;
use prometheus::TextEncoder;
use tokio::net::TcpListener;

use readiness::Readiness;

/// kube-eventer calls itself sick when events were last taken longer ago than this. It allows a round to take as long
/// (`--frequency=3m`), which would be on the verge of it, so that two rounds hold if they are longer.
const ROUND_LIMIT: Duration = Duration::from_secs(180);

/// What the server tells about.
#[derive(Debug)]
pub(crate) struct Admin {
    status: PipelineStatus,
    registry: prometheus::Registry,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    frequency: Duration,
    ready_requires_sinks: bool,
}

impl Admin {
    /// Tells about a pipeline that starts now.
    pub(crate) fn new(
        status: PipelineStatus,
        registry: prometheus::Registry,
        clock: Arc<dyn Clock>,
        frequency: Duration,
        ready_requires_sinks: bool,
    ) -> Self {
        let started = clock.now();
        Self { status, registry, clock, started, frequency, ready_requires_sinks }
    }
}

/// Answers for ever.
///
/// # Cancellation
/// Dropping it closes the listener and all connections.
pub(crate) async fn serve(listener: TcpListener, admin: Admin) {
    match listener.local_addr() {
        Ok(address) => tracing::info!(%address, "admin server listens"),
        Err(error) => tracing::warn!(%error, "could not tell the admin server's address"),
    }
    connection::accept(listener, router(admin)).await;
}

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/healtz", get(healtz))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
        .method_not_allowed_fallback(async || (StatusCode::METHOD_NOT_ALLOWED, "this server only reads\n"))
        .with_state(Arc::new(admin))
}

async fn healtz(State(admin): State<Arc<Admin>>) -> Response {
    let latest = admin.status.last_round().unwrap_or(admin.started);
    let limit = ROUND_LIMIT.max(2 * admin.frequency);
    let age = Duration::try_from(admin.clock.now().duration_since(latest)).unwrap_or_default();
    // While a destination is down and the journal full, no events are taken; a restart would lose those that wait.
    let waits = admin.status.sources().iter().any(|source| source.waiting_for_room.is_some())
        // Nor are they while another process has the state directory.
        || admin.status.storage_trouble().is_some();
    if age <= limit || waits {
        return "ok".into_response();
    }
    let (limit, latest) = (format_duration(limit), rfc3339_seconds(latest));
    let error = format!("error: no event batch within {limit} (latest: {latest})\n");
    (StatusCode::INTERNAL_SERVER_ERROR, error).into_response()
}

async fn livez(State(admin): State<Arc<Admin>>) -> Response {
    if admin.status.is_live() {
        return "ok".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "a loop of the pipeline is stuck\n").into_response()
}

async fn readyz(State(admin): State<Arc<Admin>>, RawQuery(query): RawQuery) -> Response {
    let readiness = Readiness::of(
        &admin.status.sources(),
        &admin.status.sinks(),
        admin.status.storage_trouble(),
        admin.ready_requires_sinks,
    );
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let query = query.unwrap_or_default();
    let is_verbose = query.split('&').any(|pair| pair.split('=').next() == Some("verbose"));
    let text = if is_verbose { readiness.details() } else { readiness.reasons() };
    (status, text).into_response()
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    match TextEncoder::new().encode_to_string(&admin.registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;
