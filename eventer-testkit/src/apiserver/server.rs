//! The fake server's life, and what a test can look at.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::serve;
use super::state::Shared;
use crate::flood::Flood;
use crate::http::Request;

/// The bearer token in [`FakeApiServer::kubeconfig`].
pub const TOKEN: &str = "fake-token";

/// A kube-apiserver on loopback, plain HTTP/1.1, that a test drives step by step.
///
/// It keeps Events, ConfigMaps and Leases; answers as a real server does, until told otherwise; and
/// remembers every request. Dropping it ends it. Every method that changes objects gives back the version that
/// the change made.
///
/// # Ends
/// [`Self::stop`] and drop are a SIGKILL: streams end without their last chunk. For a SIGTERM, call
/// [`Self::end_watches`] first.
///
/// # Virtual time
/// It works with `#[tokio::test(start_paused = true)]`: it waits with `tokio::time` only. But sockets are
/// real, and whenever every task waits for one, tokio moves a paused clock to the next timer. So a `timeoutSeconds`
/// can be over as soon as both sides are idle: turn it off with [`Self::set_watch_timeouts`] where it is not what
/// is tested, and expect the client's own idle limits to come at once.
#[derive(Debug)]
pub struct FakeApiServer {
    address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    /// Ends the accepting task, which then ends all connections. Dropped: the same.
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl FakeApiServer {
    /// Starts a server without objects on a free port.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("loopback has a free port")
    }

    /// Starts a server on `address`, for instance that of one that was stopped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        Self::open(address, None).await
    }

    /// Starts a server whose events are a flood: generated, never stored. All else works as usual; the
    /// methods that change events, freeze etcd or steer watches have no effect on lists and watches of events, and
    /// those watches are not counted as open. Ordered answers work.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start_flood(address: SocketAddr, flood: Flood) -> io::Result<Self> {
        Self::open(address, Some(flood)).await
    }

    async fn open(address: SocketAddr, flood: Option<Flood>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(flood));
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(serve::accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stop: Some(stop), accepting })
    }

    /// The server's URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig, in YAML, that points here and carries [`TOKEN`].
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\n\
             clusters:\n- name: fake\n  cluster:\n    server: {}\n\
             contexts:\n- name: fake\n  context:\n    cluster: fake\n    user: fake\n    namespace: default\n\
             users:\n- name: fake\n  user:\n    token: {TOKEN}\n",
            self.url()
        )
    }

    /// Ends the server and waits until the port is free and all connections are closed.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // An error would be a panic in the accepting task, and it has been printed.
        drop((&mut self.accepting).await);
    }
}

/// What a test looks at.
impl FakeApiServer {
    /// All requests so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.lock().requests.clear();
    }

    /// Waits until there have been `count` requests, and gives all back.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Request> {
        self.shared.wait_for(|inner| (inner.requests.len() >= count).then(|| inner.requests.clone())).await
    }

    /// Waits until at least one watch is open: everything from here on reaches it.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_watch(&self) {
        self.shared.wait_for(|inner| (inner.open_watches > 0).then_some(())).await;
    }

    /// Waits until exactly `count` watches are open.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_open_watches(&self, count: usize) {
        self.shared.wait_for(|inner| (inner.open_watches == count).then_some(())).await;
    }

    /// Waits until `count` watches have been opened since the start. Those that an ordered answer ended at
    /// once do not count.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_watches_opened(&self, count: usize) {
        self.shared.wait_for(|inner| (inner.watches_opened >= count).then_some(())).await;
    }

    /// How many watches are open now, silent ones included.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.shared.lock().open_watches
    }

    /// Waits until no watch of a flood has anything left to send. At once, where there is no flood.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn wait_for_flood_end(&self) {
        let flood = self.shared.lock().flood.clone();
        if let Some(flood) = flood {
            flood.wait_for_end().await;
        }
    }
}
