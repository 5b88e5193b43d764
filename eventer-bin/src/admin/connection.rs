//! Connections of the admin server. Each gets one request and a bounded time, and gives way to a new one when there are
//! too many, so that nobody can hold the server up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Connections at a time; each one more takes the place of another.
pub(super) const CONNECTIONS: usize = 128;

/// From the begin of a connection to the end of its request's head.
pub(super) const HEAD_TIME_LIMIT: Duration = Duration::from_secs(2);

/// From the begin of a connection to the last byte of its answer.
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
    let mut connections = Connections::new(router);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.add(stream),
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection to the admin server");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The connections that are open. Dropping it closes them.
pub(super) struct Connections {
    router: Router,
    tasks: JoinSet<()>,
    /// The oldest one first.
    open: VecDeque<Connection>,
}

struct Connection {
    task: AbortHandle,
    has_head: Arc<AtomicBool>,
}

impl Connections {
    pub(super) fn new(router: Router) -> Self {
        Self { router, tasks: JoinSet::new(), open: VecDeque::new() }
    }

    /// Begins to answer a connection. Never waits: a probe must not stand in line behind those who say nothing.
    pub(super) fn add(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.open.retain(|connection| !connection.task.is_finished());
        if self.open.len() >= CONNECTIONS {
            self.close_one();
        }
        let has_head = Arc::new(AtomicBool::new(false));
        let task = self.tasks.spawn(answer(stream, self.router.clone(), has_head.clone()));
        self.open.push_back(Connection { task, has_head });
    }

    /// How many are open.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.iter().filter(|connection| !connection.task.is_finished()).count()
    }

    /// Closes the oldest one that has not sent its head, or else the oldest one, which does not read its answer.
    fn close_one(&mut self) {
        let silent = self.open.iter().position(|connection| !connection.has_head.load(Ordering::Relaxed));
        if let Some(connection) = self.open.remove(silent.unwrap_or_default()) {
            connection.task.abort();
            tracing::debug!("a connection to the admin server gave way to a new one");
        }
    }
}

/// Answers one request. `has_head` turns true when its head has been read.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    has_head: Arc<AtomicBool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        has_head.store(true, Ordering::Relaxed);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let time_is_up = async {
        sleep(HEAD_TIME_LIMIT).await;
        if has_head.load(Ordering::Relaxed) {
            sleep(TIME_LIMIT - HEAD_TIME_LIMIT).await;
        }
    };
    tokio::select! {
        result = connection => match result {
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "a connection to the admin server broke"),
        },
        () = time_is_up => tracing::debug!("a connection to the admin server took too long"),
    }
}
