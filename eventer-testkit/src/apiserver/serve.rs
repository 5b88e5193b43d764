//! Connections: accepted, read, answered, closed.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::answer::{self, Outcome};
use super::state::Shared;
use super::watch::{Ordered, request_timeout, watch};
use super::{Resource, Route, discovery, list, write};
use crate::http::{Connection, Request, Response};

/// The body of `/version` (recorded: `45-version`).
const VERSION: &str = include_str!("version.json");

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
}

/// Accepts connections until told to stop, or until this future is dropped; then ends them all.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An accept can fail for a client that is gone already; that is no reason to end.
                if let Ok((stream, _)) = accepted {
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move {
                        // A client that goes away in the middle is what tests do all the time.
                        drop(converse(stream, &shared).await);
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
        connection.read_body(&mut request).await?;
        let after = answer(&mut connection, shared, &request).await?;
        if after == After::Close || request.wants_close() {
            break;
        }
    }
    Ok(())
}

async fn answer(connection: &mut Connection, shared: &Shared, request: &Request) -> io::Result<After> {
    let route = Route::of(request);
    shared.update(|inner| inner.requests.push(request.clone()));
    if let Some(resource) = route.resource()
        && shared.lock().held.contains(&resource)
    {
        tokio::select! {
            () = shared.wait_for(|inner| (!inner.held.contains(&resource)).then_some(())) => {}
            () = connection.closed() => return Ok(After::Close),
        }
    }
    let mut ordered = Ordered::default();
    match shared.update(|inner| inner.take_order(request, &route)) {
        Outcome::AsUsual => {}
        Outcome::Respond(response) => return send(connection, request, &response, false).await,
        Outcome::Drop => return Ok(After::Close),
        Outcome::Hang => {
            connection.closed().await;
            return Ok(After::Close);
        }
        Outcome::Break => ordered.is_broken = true,
        Outcome::Lines(lines, then) => {
            ordered.lines = lines;
            ordered.then = Some(then);
        }
    }
    if let Route::Collection { resource, namespace } = &route
        && (request.is_watch() || ordered.then.is_some())
    {
        let flood = shared.lock().flood.clone();
        let place = (*resource, namespace.as_deref());
        return match flood {
            Some(flood) if *resource == Resource::Events && ordered.then.is_none() => {
                flood.watch(connection, request, namespace.as_deref()).await
            }
            _ => watch(connection, shared, request, place, ordered).await,
        };
    }
    let touches_etcd = matches!(route, Route::Collection { .. } | Route::Object { .. });
    if touches_etcd && shared.lock().is_frozen {
        tokio::select! {
            () = shared.wait_for(|inner| (!inner.is_frozen).then_some(())) => {}
            () = connection.closed() => return Ok(After::Close),
            () = request_timeout() => {
                return match route {
                    Route::Object { .. } => send(connection, request, &answer::gateway_timeout(), false).await,
                    _ => Ok(After::Close),
                };
            }
        }
    }
    let response = shared.update(|inner| respond(inner, request, &route));
    send(connection, request, &response, ordered.is_broken).await
}

fn respond(inner: &mut super::state::Inner, request: &Request, route: &Route) -> Response {
    let result = match route {
        Route::Version => Ok(Response::json(200, VERSION.trim_end())),
        Route::Health => Ok(Response::text(200, "ok")),
        Route::Group { group, version } => Ok(discovery::resources(group, version)),
        Route::AccessReview => discovery::access_review(inner, &request.body),
        Route::Unknown => Ok(answer::page_not_found()),
        Route::Collection { resource, namespace } => {
            match (request.method.as_str(), namespace, &inner.flood) {
                ("GET", namespace, Some(flood)) if *resource == Resource::Events => {
                    flood.list(request, namespace.as_deref())
                }
                ("GET", namespace, _) => list::list(inner, request, *resource, namespace.as_deref()),
                ("POST", Some(namespace), _) => {
                    write::create(&mut inner.store, &request.body, *resource, namespace)
                }
                _ => Err(write::method_not_allowed()),
            }
        }
        Route::Object { resource, namespace, name } => {
            write::object(&mut inner.store, request, *resource, namespace, name)
        }
    };
    result.unwrap_or_else(|status| status.to_response())
}

/// Writes a response; a broken one ends in its middle, without a word.
async fn send(
    connection: &mut Connection,
    request: &Request,
    response: &Response,
    is_broken: bool,
) -> io::Result<After> {
    let bytes = response.encode(request.wants_close());
    if is_broken {
        let body = response.body.len();
        connection.write(&bytes[..bytes.len() - body / 2 - 1]).await?;
        return Ok(After::Close);
    }
    connection.write(&bytes).await?;
    Ok(After::KeepAlive)
}
