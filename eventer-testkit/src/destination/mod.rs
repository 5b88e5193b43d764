//! A fake HTTP destination: records every request, answers as told.
//!
//! [`FakeDestination`] is the server, [`Reply`] what it can do.

mod reply;

pub use reply::Reply;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::http::{Connection, Request};

type Responder = Box<dyn FnMut(&Request) -> Reply + Send>;

/// An HTTP/1.1 destination on loopback.
///
/// For each request it gives the oldest reply of the queue ([`Self::next`]), or else what the function says
/// ([`Self::respond_with`]), or else the default ([`Self::set_default`]; at first `200` with an empty body). Dropping
/// it ends it. Waits use `tokio::time` only; see [`crate::FakeApiServer`] about virtual time.
#[derive(Debug)]
pub struct FakeDestination {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ends the accepting task, which then ends all connections. Dropped: the same.
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl FakeDestination {
    /// Starts a destination that answers `200` on a free port.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("loopback has a free port")
    }

    /// Starts a destination on `address`, for instance that of one that was stopped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new());
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stop: Some(stop), accepting })
    }

    /// The destination's URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Orders the reply to the next request that nothing is ordered for yet.
    pub fn next(&self, reply: Reply) {
        self.shared.lock().queue.push_back(reply);
    }

    /// Sets the reply to requests that nothing else is said about.
    pub fn set_default(&self, reply: Reply) {
        self.shared.lock().default = reply;
    }

    /// Lets a function choose the reply, from the whole request.
    pub fn respond_with(&self, responder: impl FnMut(&Request) -> Reply + Send + 'static) {
        self.shared.lock().responder = Some(Box::new(responder));
    }

    /// Whether requests are remembered with their bodies (default: yes). A benchmark counts only.
    pub fn set_recording(&self, on: bool) {
        self.shared.lock().is_recording = on;
    }

    /// All requests so far, in order of arrival; one whose body was not read has none.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// How many requests there have been.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.lock().count
    }

    /// How many connections have been accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.lock().open_connections
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        let mut inner = self.shared.lock();
        inner.requests.clear();
        inner.count = 0;
    }

    /// Waits until there have been `count` requests, and gives all back.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for(&self, count: usize) -> Vec<Request> {
        self.shared.wait_until(|inner| inner.count >= count).await;
        self.requests()
    }

    /// Waits until no connection is open: a client that gave up has hung up.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_no_connections(&self) {
        self.shared.wait_until(|inner| inner.open_connections == 0).await;
    }

    /// Ends the destination and waits until the port is free and all connections are closed.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // An error would be a panic in the accepting task, and it has been printed.
        drop((&mut self.accepting).await);
    }
}

struct Inner {
    queue: VecDeque<Reply>,
    responder: Option<Responder>,
    default: Reply,
    is_recording: bool,
    requests: Vec<Request>,
    count: usize,
    connections: usize,
    open_connections: usize,
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inner")
            .field("queue", &self.queue)
            .field("default", &self.default)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

impl Shared {
    fn new() -> Self {
        let inner = Inner {
            queue: VecDeque::new(),
            responder: None,
            default: Reply::ok(),
            is_recording: true,
            requests: Vec::new(),
            count: 0,
            connections: 0,
            open_connections: 0,
        };
        Self { inner: Mutex::new(inner), changed: watch::Sender::new(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked under the lock has failed already; its server may still be asked things.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }

    async fn wait_until(&self, reached: impl Fn(&Inner) -> bool) {
        let mut changed = self.changed.subscribe();
        while !reached(&self.lock()) {
            // The sender lives as long as `self`, so this does not fail.
            drop(changed.changed().await);
        }
    }

    fn record(&self, request: &Request) {
        self.update(|inner| {
            inner.count += 1;
            if inner.is_recording {
                inner.requests.push(request.clone());
            }
        });
    }

    /// The reply to a whole request, the queue being empty when its head came.
    fn reply(&self, request: &Request) -> Reply {
        let mut inner = self.lock();
        match &mut inner.responder {
            Some(responder) => responder(request),
            None => inner.default.clone(),
        }
    }
}

/// Counts a connection as open while it lives.
struct OpenConnection(Arc<Shared>);

impl OpenConnection {
    fn new(shared: Arc<Shared>) -> Self {
        shared.update(|inner| {
            inner.connections += 1;
            inner.open_connections += 1;
        });
        Self(shared)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.update(|inner| inner.open_connections -= 1);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An accept can fail for a client that is gone already; that is no reason to end.
                if let Ok((stream, _)) = accepted {
                    let open = OpenConnection::new(Arc::clone(&shared));
                    connections.spawn(async move {
                        // A client that goes away in the middle is what tests do all the time.
                        drop(converse(stream, &open.0).await);
                    });
                }
            }
            Some(_) = connections.join_next() => {}
            _ = &mut stop => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn converse(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut connection = Connection::new(stream);
    while let Some(mut request) = connection.read_head().await? {
        let ordered = shared.lock().queue.pop_front();
        if matches!(ordered, Some(Reply::CloseBeforeBody)) {
            shared.record(&request);
            return Ok(());
        }
        connection.read_body(&mut request).await?;
        shared.record(&request);
        let reply = ordered.unwrap_or_else(|| shared.reply(&request));
        if !reply.perform(&mut connection, &request).await? || request.wants_close() {
            return Ok(());
        }
    }
    Ok(())
}
