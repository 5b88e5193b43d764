//! The Status answers of the API server, word for word as recorded.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::object::{Members, raw};
use super::{Resource, page};
use crate::http::Response;

/// The message of a 410 to a watch without a watch cache (recorded: `80-410-watch-compacted`).
pub(crate) const WATCH_TOO_OLD: &str = "The resourceVersion for the provided watch is too old.";
/// The message of a 410 to a list (recorded: `81-410-list-exact-compacted`).
const LIST_TOO_OLD: &str = "The resourceVersion for the provided list is too old.";
/// The message of a 410 to an expired `continue` (recorded: `82-410-expired-continue`).
const CONTINUE_TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. \
    You can start a new list without the continue parameter, or use the continue token in this response to \
    retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - \
    objects that were created, modified, or deleted between the time the first chunk was returned and now may \
    show up in the list.";

/// A failure Status in the making.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    code: u16,
    reason: &'static str,
    message: String,
    continuation: Option<String>,
    details: Option<Box<RawValue>>,
    retry_after: Option<u64>,
    nosniff: bool,
}

impl Status {
    /// A Status with `code`; an empty `reason` is left out, as the server does.
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            continuation: None,
            details: None,
            retry_after: None,
            nosniff: false,
        }
    }

    fn with_details(mut self, details: &str) -> Self {
        self.details = RawValue::from_string(details.to_owned()).ok();
        self
    }

    /// The details that name an object.
    fn about(self, resource: Resource, name: &str, causes: &str) -> Self {
        let group = match resource.group() {
            "" => String::new(),
            group => format!("\"group\":\"{group}\","),
        };
        let name = raw(name);
        self.with_details(&format!("{{\"name\":{name},{group}\"kind\":\"{}\"{causes}}}", resource.plural()))
    }

    /// Recorded: `30-401-bad-token`.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// Recorded: `32-403-sa-list`, `33-403-sa-watch`.
    pub(crate) fn forbidden(resource: Resource, verb: &str, namespace: Option<&str>) -> Self {
        let place = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{} is forbidden: User \"system:serviceaccount:wire:exporter\" cannot {verb} resource \"{}\" \
             in API group \"{}\" {place}",
            resource.qualified(),
            resource.plural(),
            resource.group(),
        );
        let mut status = Self::new(403, "Forbidden", message);
        status.nosniff = true;
        let group = match resource.group() {
            "" => String::new(),
            group => format!("\"group\":\"{group}\","),
        };
        status.with_details(&format!("{{{group}\"kind\":\"{}\"}}", resource.plural()))
    }

    /// Recorded: `59-event-404`, `60-lease-get-404`.
    pub(crate) fn not_found(resource: Resource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", resource.qualified()))
            .about(resource, name, "")
    }

    /// Recorded: `62-lease-create-409-exists`.
    pub(crate) fn already_exists(resource: Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource, name, "")
    }

    /// Recorded: `65-lease-put-stale-409-conflict`.
    pub(crate) fn conflict(resource: Resource, name: &str) -> Self {
        let cause =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::cannot_fulfil(resource, name, cause)
    }

    /// Recorded: `68-lease-put-wrong-uid-409` and, with an empty `found`, `69b-lease-put-after-delete-404`.
    pub(crate) fn wrong_uid(resource: Resource, path: &str, name: &str, wanted: &str, found: &str) -> Self {
        let cause = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{path}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
            resource.plural(),
        );
        Self::cannot_fulfil(resource, name, &cause)
    }

    fn cannot_fulfil(resource: Resource, name: &str, cause: &str) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} \"{name}\": {cause}", resource.qualified());
        Self::new(409, "Conflict", message).about(resource, name, "")
    }

    /// Recorded: `66-lease-put-no-rv`.
    pub(crate) fn version_missing(resource: Resource, name: &str) -> Self {
        let cause = "Invalid value: 0: must be specified for an update";
        let message =
            format!("{} \"{name}\" is invalid: metadata.resourceVersion: {cause}", resource.qualified());
        let causes = format!(
            ",\"causes\":[{{\"reason\":\"FieldValueInvalid\",\"message\":\"{cause}\",\
             \"field\":\"metadata.resourceVersion\"}}]"
        );
        Self::new(422, "Invalid", message).about(resource, name, &causes)
    }

    /// Recorded: `81-410-list-exact-compacted`.
    pub(crate) fn list_too_old() -> Self {
        Self::new(410, "Expired", LIST_TOO_OLD)
    }

    /// Recorded: `82-410-expired-continue`. The token in it goes on from `start` without consistency.
    pub(crate) fn continue_too_old(start: &str) -> Self {
        let mut status = Self::new(410, "Expired", CONTINUE_TOO_OLD);
        status.continuation = Some(page::Token { version: -1, start: start.to_owned() }.encode());
        status
    }

    /// Recorded: `80-410-watch-compacted`.
    pub(crate) fn watch_too_old() -> Self {
        Self::new(410, "Expired", WATCH_TOO_OLD)
    }

    /// Recorded: `80d-410-watch-rv1-watchcache`.
    pub(crate) fn cached_watch_too_old(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// Recorded: `16-list-future-rv`; with a watch cache `16b-list-future-rv-watchcache`.
    pub(crate) fn version_too_large(asked: u64, current: u64, watch_cache: bool) -> Self {
        let retry = if watch_cache { ",\"retryAfterSeconds\":1" } else { "" };
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let mut status = Self::new(504, "Timeout", message).with_details(&format!(
            "{{\"causes\":[{{\"reason\":\"ResourceVersionTooLarge\",\
             \"message\":\"Too large resource version\"}}]{retry}}}"
        ));
        status.retry_after = watch_cache.then_some(1);
        status
    }

    /// Recorded: `17-watch-invalid-rv`.
    pub(crate) fn version_invalid(asked: &str) -> Self {
        let message = format!(
            "resourceVersion: Invalid value: \"{asked}\": strconv.ParseUint: parsing \"{asked}\": invalid syntax"
        );
        Self::new(500, "", message)
    }

    /// Recorded, for the token `garbage`: `18-list-bad-continue`.
    pub(crate) fn bad_continue() -> Self {
        let message = "invalid continue token: continue key is not valid: \
            invalid character '\\u0081' looking for beginning of value";
        Self::new(400, "BadRequest", message)
    }

    /// Recorded: `21-streaming-list-no-match`.
    pub(crate) fn match_missing() -> Self {
        let cause = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: {cause}");
        Self::new(422, "Invalid", message).with_details(&format!(
            "{{\"group\":\"meta.k8s.io\",\"kind\":\"ListOptions\",\"causes\":[{{\
             \"reason\":\"FieldValueForbidden\",\"message\":\"{cause}\",\"field\":\"resourceVersionMatch\"}}]}}"
        ))
    }

    /// The Status as JSON.
    pub(crate) fn to_json(&self) -> Bytes {
        let mut metadata = Members::default();
        if let Some(token) = &self.continuation {
            metadata.set_text("continue", token);
        }
        let mut members = Members::default();
        members.set_text("kind", "Status");
        members.set_text("apiVersion", "v1");
        members.set("metadata", raw(&metadata));
        members.set_text("status", "Failure");
        members.set_text("message", &self.message);
        if !self.reason.is_empty() {
            members.set_text("reason", self.reason);
        }
        if let Some(details) = &self.details {
            members.set("details", details.clone());
        }
        members.set("code", raw(&self.code));
        members.to_bytes()
    }

    /// The Status as a whole answer.
    pub(crate) fn to_response(&self) -> Response {
        // The server ends the document with a line feed, as Go's encoder does.
        let mut body = self.to_json().to_vec();
        body.push(b'\n');
        let mut response = Response::json(self.code, body);
        if let Some(seconds) = self.retry_after {
            response = response.with_header("Retry-After", seconds.to_string());
        }
        if self.nosniff {
            response = response.with_header("X-Content-Type-Options", "nosniff");
        }
        response
    }

    /// The Status as the ERROR line of a watch.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        let mut line = b"{\"type\":\"ERROR\",\"object\":".to_vec();
        line.extend_from_slice(&self.to_json());
        line.extend_from_slice(b"}\n");
        line
    }
}
