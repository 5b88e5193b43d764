//! Lists and watches of a flood.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::template::{NAMESPACES, name, namespace, number};
use super::{BASE, Flood};
use crate::apiserver::list::{Next, Page};
use crate::apiserver::object::Shape;
use crate::apiserver::page::Token;
use crate::apiserver::selector::Selector;
use crate::apiserver::status::Status;
use crate::apiserver::watch::{BOOKMARK_INTERVAL, bookmark, watch_head};
use crate::apiserver::{After, Resource};
use crate::http::response::{LAST_CHUNK, put_chunk};
use crate::http::{Connection, Request, Response};

/// As much is written at a time: large, so that there are few system calls.
const BATCH: usize = 512 * 1024;
/// How often a watch with a rate writes.
const TICK: Duration = Duration::from_millis(10);

impl Flood {
    /// Answers a list, generating only its page.
    pub(crate) fn list(&self, request: &Request, place: Option<&str>) -> Result<Response, Status> {
        let selector = Selector::of(request, Resource::Events)?;
        let limit = request.param("limit").and_then(|text| text.parse().ok()).filter(|limit| *limit > 0);
        let (newest, start) = match request.param("continue") {
            None => (self.newest(), None),
            Some(text) => {
                let token = Token::decode(text).ok_or_else(Status::bad_continue)?;
                let version = u64::try_from(token.version).unwrap_or(BASE + self.newest());
                let last = number(token.start.trim_end_matches('\0')).ok_or_else(Status::bad_continue)?;
                (version.saturating_sub(BASE), Some(last))
            }
        };
        let asked = request.param("resourceVersion").and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        if asked > BASE + newest {
            return Err(Status::version_too_large(asked, BASE + newest, false));
        }

        let mut page = Page::new(Resource::Events, Shape::Whole);
        let (mut item, mut taken, mut last) = (Vec::new(), 0, None);
        let mut numbers = in_key_order(newest, place, start).peekable();
        while taken < limit.unwrap_or(u64::MAX)
            && let Some(n) = numbers.next()
        {
            item.clear();
            self.templates.put_item(n, &mut item);
            if selector.matches(&item) {
                page.push(&item);
                (taken, last) = (taken + 1, Some(n));
            }
        }
        let next = last.filter(|_| numbers.peek().is_some()).map(|n| {
            let key = match place {
                Some(_) => name(n),
                None => format!("{}/{}", NAMESPACES[namespace(n)], name(n)),
            };
            let remaining = selector.is_empty().then(|| count_behind(newest, place, n));
            Next { token: Token::after(BASE + newest, &key), remaining }
        });
        Ok(page.into_response(BASE + newest, next))
    }

    /// Serves a watch: from its version to the last event, then as [`Flood::ending`] says.
    pub(crate) async fn watch(
        &self,
        connection: &mut Connection,
        request: &Request,
        place: Option<&str>,
    ) -> io::Result<After> {
        let close = request.wants_close();
        let selector = match Selector::of(request, Resource::Events) {
            Ok(selector) => selector,
            Err(status) => {
                connection.write(&status.to_response().encode(close)).await?;
                return Ok(After::KeepAlive);
            }
        };
        connection.write(&watch_head().encode_chunked_head(close)).await?;
        let asked: u64 = request.param("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0);
        let bookmarks = self.bookmarks && request.param("allowWatchBookmarks") == Some("true");
        let began = Instant::now();
        let seconds = request.param("timeoutSeconds").and_then(|text| text.parse().ok());
        let deadline = seconds.map(|seconds| began + Duration::from_secs(seconds));

        let first = asked.saturating_sub(BASE) + 1;
        let mut next = first;
        let mut next_bookmark = began + BOOKMARK_INTERVAL;
        let mut out = Vec::with_capacity(BATCH + 4096);
        while next <= self.last() {
            out.clear();
            let allowed = match self.rate {
                Some(rate) => first + began.elapsed().as_millis() as u64 * rate.get() / 1000,
                None => u64::MAX,
            };
            while out.len() < BATCH && next <= self.last() && next < allowed {
                if place.is_none_or(|place| place == NAMESPACES[namespace(next)])
                    && self.passes(&selector, next)
                {
                    self.templates.put_chunk(next, &mut out);
                }
                next += 1;
            }
            connection.write(&out).await?;
            self.sent(next - 1);
            let now = Instant::now();
            if bookmarks && (now >= next_bookmark || next > self.last()) {
                next_bookmark = now + BOOKMARK_INTERVAL;
                self.write_bookmark(connection, next - 1).await?;
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                connection.write(LAST_CHUNK).await?;
                return Ok(After::KeepAlive);
            }
            if next <= self.last() && next >= allowed {
                tokio::select! {
                    () = sleep_until(now + TICK) => {}
                    () = connection.closed() => return Ok(After::Close),
                }
            }
        }
        if self.ends {
            connection.write(LAST_CHUNK).await?;
            self.done.send_replace(true);
            return Ok(After::KeepAlive);
        }
        self.done.send_replace(true);
        self.hold(connection, deadline, bookmarks).await
    }

    /// Keeps a watch open behind the last event.
    async fn hold(
        &self,
        connection: &mut Connection,
        deadline: Option<Instant>,
        bookmarks: bool,
    ) -> io::Result<After> {
        loop {
            let next_bookmark = Instant::now() + BOOKMARK_INTERVAL;
            tokio::select! {
                () = connection.closed() => return Ok(After::Close),
                () = sleep_until(deadline.unwrap_or(next_bookmark)), if deadline.is_some() => {
                    connection.write(LAST_CHUNK).await?;
                    return Ok(After::KeepAlive);
                }
                () = sleep_until(next_bookmark), if bookmarks => {
                    self.write_bookmark(connection, self.newest()).await?;
                }
            }
        }
    }

    async fn write_bookmark(&self, connection: &mut Connection, event: u64) -> io::Result<()> {
        let mut out = Vec::new();
        put_chunk(&bookmark(Resource::Events, Shape::Whole, BASE + event, false), &mut out);
        connection.write(&out).await
    }

    fn passes(&self, selector: &Selector, n: u64) -> bool {
        // Parsing each event would cost more than everything else.
        selector.is_empty() || {
            let mut item = Vec::new();
            self.templates.put_item(n, &mut item);
            selector.matches(&item)
        }
    }
}

/// The numbers of events 1 to `newest` in the order of their keys, behind event `start`.
fn in_key_order(newest: u64, place: Option<&str>, start: Option<u64>) -> impl Iterator<Item = u64> {
    let step = NAMESPACES.len();
    let from = start.map_or(0, namespace);
    let wanted = place.map(|place| NAMESPACES.iter().position(|name| *name == place));
    (from..step).filter(move |at| wanted.is_none_or(|wanted| wanted == Some(*at))).flat_map(move |at| {
        let first = match start {
            Some(last) if namespace(last) == at => last + step as u64,
            _ if at == 0 => step as u64,
            _ => at as u64,
        };
        (first..=newest).step_by(step)
    })
}

/// How many events are behind event `n` in key order.
fn count_behind(newest: u64, place: Option<&str>, n: u64) -> usize {
    let step = NAMESPACES.len() as u64;
    let in_its_own = newest.saturating_sub(n) / step;
    let in_later = match place {
        Some(_) => 0,
        None => (namespace(n) as u64 + 1..step).map(|at| (newest + step - at) / step).sum(),
    };
    usize::try_from(in_its_own + in_later).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_events_are_listed_once_in_key_order() {
        let all: Vec<u64> = in_key_order(100, None, None).collect();
        let keys: Vec<String> =
            all.iter().map(|n| format!("{}/{}", NAMESPACES[namespace(*n)], name(*n))).collect();
        assert!(keys.is_sorted());
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (1..=100).collect::<Vec<_>>());
        for (at, n) in all.iter().enumerate() {
            assert_eq!(count_behind(100, None, *n), 99 - at);
            assert!(in_key_order(100, None, Some(*n)).eq(all[at + 1..].iter().copied()));
        }
        assert_eq!(in_key_order(100, Some("shop"), None).count(), 12);
        assert_eq!(in_key_order(100, Some("nowhere"), None).count(), 0);
    }
}
