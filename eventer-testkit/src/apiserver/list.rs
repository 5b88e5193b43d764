//! Lists: whole or in pages, at the present version or an old one.

use super::object::Shape;
use super::page::Token;
use super::selector::Selector;
use super::state::Inner;
use super::status::Status;
use super::{Resource, object};
use crate::http::{Request, Response};

/// Answers a list of `resource`, of all namespaces or one.
pub(super) fn list(
    inner: &Inner,
    request: &Request,
    resource: Resource,
    namespace: Option<&str>,
) -> Result<Response, Status> {
    let selector = Selector::of(request, resource)?;
    let limit = request.param("limit").and_then(|text| text.parse().ok()).filter(|limit| *limit > 0);
    let (version, start) = place(inner, request, limit.is_some())?;
    let prefix = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();

    let mut items = inner
        .store
        .at(version, resource, namespace)
        .filter(|(path, _)| path.strip_prefix(&prefix).is_some_and(|path| path >= start.as_str()))
        .filter(|(_, item)| selector.matches(item));
    let mut page = Page::new(resource, Shape::of(request));
    let mut last = None;
    for (path, item) in items.by_ref().take(limit.unwrap_or(usize::MAX)) {
        page.push(item);
        last = Some(path);
    }
    let rest = items.count();
    let next = last.filter(|_| rest > 0).map(|path| Next {
        token: Token::after(version, path.strip_prefix(&prefix).unwrap_or(path)),
        // With a selector the server would have to read everything to know.
        remaining: selector.is_empty().then_some(rest),
    });
    Ok(page.into_response(version, next))
}

/// The version a list shows and the key it begins with.
fn place(inner: &Inner, request: &Request, is_limited: bool) -> Result<(u64, String), Status> {
    let (current, compacted) = (inner.store.version(), inner.store.compacted());
    if let Some(text) = request.param("continue") {
        let token = Token::decode(text).ok_or_else(Status::bad_continue)?;
        // A negative version asks for what is there now.
        let version = u64::try_from(token.version).unwrap_or(current);
        if version < compacted {
            return Err(Status::continue_too_old(&token.start));
        }
        if version > current {
            return Err(Status::version_too_large(version, current, inner.watch_cache));
        }
        return Ok((version, token.start));
    }
    let asked = match request.param("resourceVersion") {
        None | Some("0") => return Ok((current, String::new())),
        Some(text) => text.parse().map_err(|_| Status::version_invalid(text))?,
    };
    if asked > current {
        return Err(Status::version_too_large(asked, current, inner.watch_cache));
    }
    // Without a match a version means "exactly" when a limit is set, else "not older than".
    let is_exact = request.param("resourceVersionMatch").map_or(is_limited, |rule| rule == "Exact");
    match (is_exact, asked < compacted) {
        (true, true) => Err(Status::list_too_old()),
        (true, false) => Ok((asked, String::new())),
        (false, _) => Ok((current, String::new())),
    }
}

/// The body of a list in the making.
#[derive(Debug)]
pub(crate) struct Page {
    resource: Resource,
    shape: Shape,
    items: Vec<u8>,
}

/// What a page says of the pages behind it.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) token: Token,
    pub(crate) remaining: Option<usize>,
}

impl Page {
    pub(crate) fn new(resource: Resource, shape: Shape) -> Self {
        Self { resource, shape, items: Vec::new() }
    }

    pub(crate) fn push(&mut self, item: &[u8]) {
        if !self.items.is_empty() {
            self.items.push(b',');
        }
        self.items.extend_from_slice(&self.shape.item(item));
    }

    pub(crate) fn into_response(self, version: u64, next: Option<Next>) -> Response {
        let mut metadata = object::Members::default();
        metadata.set_text("resourceVersion", &version.to_string());
        if let Some(next) = next {
            metadata.set_text("continue", &next.token.encode());
            if let Some(count) = next.remaining {
                metadata.set("remainingItemCount", object::raw(&count));
            }
        }
        let (kind, api_version) = self.shape.list_kind(self.resource);
        let mut body =
            format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":").into_bytes();
        body.extend_from_slice(&metadata.to_bytes());
        body.extend_from_slice(b",\"items\":[");
        body.extend_from_slice(&self.items);
        body.extend_from_slice(b"]}\n");
        Response::json(200, body)
    }
}
