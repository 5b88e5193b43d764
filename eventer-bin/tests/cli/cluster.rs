//! A cluster in which the golden events happen.

use eventer_testkit::{FakeApiServer, events};

use crate::process::soon;

/// A cluster, and the source that watches it.
pub(crate) async fn cluster() -> (FakeApiServer, String) {
    let server = FakeApiServer::start().await;
    let source = format!("--source=kubernetes:{}?inClusterConfig=false", server.url());
    (server, source)
}

/// Adds the golden events as soon as the cluster is watched.
pub(crate) async fn happen(server: &FakeApiServer) {
    soon(server.wait_for_watch()).await;
    for number in 1..=events::GOLDEN_INPUTS {
        server.add(events::golden_input(number));
    }
}
