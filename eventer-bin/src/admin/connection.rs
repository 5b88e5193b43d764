//! Connections of the admin server. Each gets one request and a bounded time, so that nobody can hold the server up.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 128;

/// From the first byte of a request to the last one of its answer.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The most that a request's head may have.
const HEAD_BYTES: usize = 16 << 10;

/// The pause when the process has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections and answers them, for ever.
///
/// # Cancellation
/// Dropping it closes everything.
pub(super) async fn accept(listener: TcpListener, router: Router) {
    // Owns the connections: dropping it ends them.
    let mut connections = JoinSet::new();
    loop {
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(answer(stream, router.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection to the admin server");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers one request.
pub(super) async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(TIME_LIMIT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the admin server broke"),
        Err(_) => tracing::debug!("a connection to the admin server took too long"),
    }
}
