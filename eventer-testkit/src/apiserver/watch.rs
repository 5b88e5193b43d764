//! Watches: lines, one chunk each, until the client, the clock or the test ends them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};

use super::Resource;
use super::answer::Then;
use super::object::Shape;
use super::selector::Selector;
use super::serve::After;
use super::state::{Inner, Shared};
use super::status::Status;
use super::store::{Change, Entry, Kind, Order};
use crate::http::response::{LAST_CHUNK, put_chunk};
use crate::http::{Connection, Request, Response};

/// How often a watch cache sends bookmarks (recorded: "about once a minute").
pub(crate) const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// As much is written at a time, and then the state is looked at again.
const BATCH: usize = 256 * 1024;
/// What a cut line begins with, when the store has never seen an object.
const SOME_LINE: &[u8] = br#"{"type":"ADDED","object":{"kind":"Event","apiVersion":"v1","metadata":{"name":"#;

/// What a test ordered for this one watch.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    pub(super) lines: Vec<Bytes>,
    pub(super) then: Option<Then>,
    /// Break off in the middle of the first line.
    pub(super) is_broken: bool,
}

/// Serves a watch to its end.
pub(super) async fn watch(
    connection: &mut Connection,
    shared: &Shared,
    request: &Request,
    (resource, namespace): (Resource, Option<&str>),
    ordered: Ordered,
) -> io::Result<After> {
    let close = request.wants_close();
    let mut changed = shared.subscribe();
    let opened = View::open(&shared.lock(), request, resource, namespace);
    let mut view = match opened {
        Ok(view) => view,
        Err(status) => {
            connection.write(&status.to_response().encode(close)).await?;
            return Ok(After::KeepAlive);
        }
    };
    connection.write(&watch_head().encode_chunked_head(close)).await?;
    let mut out = Vec::new();
    for line in &ordered.lines {
        put_chunk(line, &mut out);
    }
    connection.write(&out).await?;
    if ordered.then == Some(Then::End) {
        connection.write(LAST_CHUNK).await?;
        return Ok(After::KeepAlive);
    }

    let _open = OpenWatch::new(shared);
    if ordered.then == Some(Then::Silence) {
        connection.closed().await;
        return Ok(After::Close);
    }
    let mut next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
    loop {
        out.clear();
        let (next, timeouts, bookmarks) = {
            let inner = shared.lock();
            (view.read(&inner, &mut out), inner.watch_timeouts, inner.bookmarks && view.wants_bookmarks)
        };
        if ordered.is_broken && !out.is_empty() {
            let end = out.iter().position(|byte| *byte == b'\n').unwrap_or(out.len());
            connection.write(&out[..end / 2]).await?;
            return Ok(After::Close);
        }
        connection.write(&out).await?;
        match next {
            Next::More => continue,
            Next::Wait => {}
            Next::End => {
                connection.write(LAST_CHUNK).await?;
                return Ok(After::KeepAlive);
            }
            Next::Cut => return Ok(After::Close),
            Next::Silence => {
                connection.closed().await;
                return Ok(After::Close);
            }
        }
        let deadline = view.deadline.filter(|_| timeouts);
        tokio::select! {
            // The sender lives as long as the state.
            _ = changed.changed() => {}
            () = connection.closed() => return Ok(After::Close),
            () = until(deadline) => {
                connection.write(LAST_CHUNK).await?;
                return Ok(After::KeepAlive);
            }
            () = until(Some(next_bookmark)), if bookmarks => {
                next_bookmark += BOOKMARK_INTERVAL;
                let version = shared.lock().store.version();
                out.clear();
                put_chunk(&bookmark(resource, view.shape, version, false), &mut out);
                connection.write(&out).await?;
            }
        }
    }
}

/// The head of a watch, before its framing (recorded: `10-watch-timeout5`).
pub(crate) fn watch_head() -> Response {
    Response::json(200, Bytes::new())
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Counts a watch as open while it lives.
struct OpenWatch<'a>(&'a Shared);

impl<'a> OpenWatch<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.update(|inner| {
            inner.open_watches += 1;
            inner.watches_opened += 1;
        });
        Self(shared)
    }
}

impl Drop for OpenWatch<'_> {
    fn drop(&mut self) {
        self.0.update(|inner| inner.open_watches -= 1);
    }
}

/// What a watch does after the lines it has written.
enum Next {
    Wait,
    More,
    End,
    Cut,
    Silence,
}

/// One watch's place in the log and what it sees of it.
struct View {
    resource: Resource,
    namespace: Option<String>,
    shape: Shape,
    selector: Selector,
    wants_bookmarks: bool,
    deadline: Option<Instant>,
    /// Lines for the objects that are there at the start.
    initial: Vec<u8>,
    /// Changes up to this version are known to the client. It may lie in the future.
    known: u64,
    cursor: usize,
    /// Orders before this place in the log were for other watches.
    opened_at: usize,
    generation: u64,
    is_expired: bool,
}

impl View {
    fn open(
        inner: &Inner,
        request: &Request,
        resource: Resource,
        namespace: Option<&str>,
    ) -> Result<Self, Status> {
        let store = &inner.store;
        let asked = match request.param("resourceVersion") {
            None => 0,
            Some(text) => text.parse().map_err(|_| Status::version_invalid(text))?,
        };
        let is_streaming = request.param("sendInitialEvents") == Some("true");
        if is_streaming && request.param("resourceVersionMatch") != Some("NotOlderThan") {
            return Err(Status::match_missing());
        }
        let seconds = request.param("timeoutSeconds").and_then(|text| text.parse().ok());
        let mut view = Self {
            resource,
            namespace: namespace.map(str::to_owned),
            shape: Shape::of(request),
            selector: Selector::of(request, resource)?,
            wants_bookmarks: request.param("allowWatchBookmarks") == Some("true"),
            deadline: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
            initial: Vec::new(),
            known: asked,
            cursor: store.log().len(),
            opened_at: store.log().len(),
            generation: store.generation(),
            is_expired: false,
        };
        if is_streaming || asked == 0 {
            view.known = store.version();
            for (_, item) in store.at(store.version(), resource, namespace) {
                if view.selector.matches(item) {
                    put_chunk(&line(Kind::Added, view.shape, resource, item), &mut view.initial);
                }
            }
            if is_streaming && view.wants_bookmarks {
                put_chunk(&bookmark(resource, view.shape, store.version(), true), &mut view.initial);
            }
        } else if asked < store.compacted() {
            let status = if inner.watch_cache {
                Status::cached_watch_too_old(asked, store.compacted())
            } else {
                Status::watch_too_old()
            };
            put_chunk(&status.to_line(), &mut view.initial);
            view.is_expired = true;
        } else {
            view.cursor = store.position_after(asked);
        }
        Ok(view)
    }

    /// Appends what there is to send.
    fn read(&mut self, inner: &Inner, out: &mut Vec<u8>) -> Next {
        if inner.is_frozen {
            return Next::Wait;
        }
        out.append(&mut self.initial);
        if self.is_expired || self.generation != inner.store.generation() {
            return Next::End;
        }
        while let Some(entry) = inner.store.log().get(self.cursor) {
            let is_mine = self.cursor >= self.opened_at;
            self.cursor += 1;
            match entry {
                Entry::Change(change) => self.show(change, out),
                Entry::Order(order) if is_mine => match order {
                    Order::Bookmark(version) if self.wants_bookmarks => {
                        put_chunk(&bookmark(self.resource, self.shape, *version, false), out);
                    }
                    Order::Bookmark(_) => {}
                    Order::Line(line) => put_chunk(line, out),
                    Order::End => return Next::End,
                    Order::Cut => {
                        self.put_half_a_line(inner, out);
                        return Next::Cut;
                    }
                    Order::Silence => return Next::Silence,
                },
                Entry::Order(_) => {}
            }
            if out.len() >= BATCH {
                return Next::More;
            }
        }
        Next::Wait
    }

    fn show(&self, change: &Change, out: &mut Vec<u8>) {
        if change.version <= self.known || !change.key.is_in(self.resource, self.namespace.as_deref()) {
            return;
        }
        let before = change.before.as_ref().is_some_and(|item| self.selector.matches(item));
        let after = change.kind != Kind::Deleted && self.selector.matches(&change.item);
        // An object that a change moves out of the selection is deleted for this watch, and the reverse.
        let kind = match (before, after) {
            (false, false) => return,
            (false, true) => Kind::Added,
            (true, true) => Kind::Modified,
            (true, false) => Kind::Deleted,
        };
        put_chunk(&line(kind, self.shape, self.resource, &change.item), out);
    }

    /// Announces a whole chunk and gives half of it.
    fn put_half_a_line(&self, inner: &Inner, out: &mut Vec<u8>) {
        let item = inner.store.at(inner.store.version(), self.resource, None).last();
        let whole = item
            .map_or(SOME_LINE.to_vec(), |(_, item)| line(Kind::Modified, self.shape, self.resource, item));
        let mut chunk = Vec::new();
        put_chunk(&whole, &mut chunk);
        out.extend_from_slice(&chunk[..chunk.len() / 2]);
    }
}

fn line(kind: Kind, shape: Shape, resource: Resource, item: &[u8]) -> Vec<u8> {
    let mut line = format!("{{\"type\":\"{}\",\"object\":", kind.word()).into_bytes();
    line.extend_from_slice(&shape.object(resource, item));
    line.extend_from_slice(b"}\n");
    line
}

/// A bookmark: an object that is empty but for its version (recorded: `85-streaming-list-rv-compacted`).
pub(crate) fn bookmark(resource: Resource, shape: Shape, version: u64, ends_initial_events: bool) -> Vec<u8> {
    let annotations =
        if ends_initial_events { r#","annotations":{"k8s.io/initial-events-end":"true"}"# } else { "" };
    let rest = match resource {
        Resource::Events => {
            ",\"involvedObject\":{},\"source\":{},\"firstTimestamp\":null,\"lastTimestamp\":null,\
             \"eventTime\":null,\"reportingComponent\":\"\",\"reportingInstance\":\"\""
        }
        Resource::Leases => ",\"spec\":{}",
        Resource::ConfigMaps | Resource::Other(_) => "",
    };
    let item = format!("{{\"metadata\":{{\"resourceVersion\":\"{version}\"{annotations}}}{rest}}}");
    let mut line = b"{\"type\":\"BOOKMARK\",\"object\":".to_vec();
    line.extend_from_slice(&shape.object(resource, item.as_bytes()));
    line.extend_from_slice(b"}\n");
    line
}

/// Waits as long as a real server lets a request wait for a frozen etcd (recorded: `99b-list-while-etcd-frozen`).
pub(super) async fn request_timeout() {
    sleep(Duration::from_secs(60)).await;
}
