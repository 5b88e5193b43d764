//! Decodes what the API server sends: watch lines, pages of a list, a Status.

use std::borrow::Cow;
use std::sync::Arc;

use eventer_core::Event;
use jiff::Timestamp;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// What one line of a watch says.
#[derive(Debug)]
pub enum WatchLine {
    /// ADDED or MODIFIED: something happened.
    Event(Arc<Event>),
    /// DELETED or BOOKMARK: nothing happened that anybody wants to hear of (an Event is deleted when it expires), but
    /// the watch has come to this version. `None` if it is no number.
    Passed(Option<u64>),
    /// ERROR: the watch ends.
    Error(Status),
}

/// What is put on every event that is received.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    /// When it was received.
    pub received_at: Timestamp,
    /// The cluster that it is from, if that has a name.
    pub cluster: Option<Arc<str>>,
}

/// Why the API server refuses: metav1.Status, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// One word in camel case, such as `Expired`.
    pub reason: String,
    /// For people.
    pub message: String,
    details: Option<StatusDetails>,
}

/// A line or a page that is none.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is not the JSON that it should be.
    #[error("this is no watch line or list of Events")]
    Json(#[from] serde_json::Error),
    /// A type of line that Kubernetes has not.
    #[error("a watch line of the unknown type \"{0}\"")]
    UnknownType(String),
}

/// Decodes watch lines; keeps some room from one to the next.
#[derive(Debug, Default)]
pub struct Decoder {
    /// A line without its `managedFields`.
    shortened: Vec<u8>,
}

impl Decoder {
    /// Decodes a line, with or without its line feed.
    ///
    /// # Errors
    /// It is no watch line.
    pub fn decode(&mut self, line: &[u8], stamp: &Stamp) -> Result<WatchLine, DecodeError> {
        // Every API server writes the type first. What follows is then one object and a brace, to be read in one go.
        let line = line.trim_ascii_end();
        let object = |prefix: &[u8]| line.strip_prefix(prefix)?.strip_suffix(b"}");
        let first = object(br#"{"type":"ADDED","object":"#);
        if let Some(object) = first.or_else(|| object(br#"{"type":"MODIFIED","object":"#))
            && let Ok(event) = serde_json::from_slice(self.without_managed_fields(object))
        {
            return Ok(WatchLine::Event(stamped(event, stamp)));
        }
        WatchLine::decode_any_order(line, stamp)
    }

    /// Leaves out the `managedFields`, which are a third of an Event: to copy the rest is faster than to read them.
    ///
    /// They stand last in the metadata, and `involvedObject` stands behind these. Neither key can be found inside a
    /// string, where quotes are escaped, nor the second one inside `managedFields`, whose keys all have a prefix. An
    /// object of another shape is left whole.
    fn without_managed_fields<'a>(&'a mut self, object: &'a [u8]) -> &'a [u8] {
        const BEGIN: &[u8] = br#","managedFields":[{"#;
        const END: &[u8] = br#"}]},"involvedObject":{"#;
        let Some(begin) = memmem::find(object, BEGIN) else { return object };
        let Some(length) = memmem::find(&object[begin..], END) else { return object };
        let end = begin + length + b"}]".len();
        self.shortened.clear();
        self.shortened.extend_from_slice(&object[..begin]);
        self.shortened.extend_from_slice(&object[end..]);
        &self.shortened
    }
}

impl WatchLine {
    fn decode_any_order(line: &[u8], stamp: &Stamp) -> Result<Self, DecodeError> {
        let AnyLine { kind, object } = serde_json::from_slice(line)?;
        let object = object.get();
        match &*kind {
            "ADDED" | "MODIFIED" => Ok(Self::Event(stamped(serde_json::from_str(object)?, stamp))),
            "DELETED" | "BOOKMARK" => {
                let object: Versioned<'_> = serde_json::from_str(object)?;
                Ok(Self::Passed(object.metadata.version()))
            }
            "ERROR" => Ok(Self::Error(serde_json::from_str(object)?)),
            other => Err(DecodeError::UnknownType(other.to_owned())),
        }
    }
}

impl Status {
    /// Whether it says that a position or a `continue` token is too old to go on from.
    pub fn is_expired(&self) -> bool {
        // With a watch cache and without, from etcd itself, the words differ; the code is there but for old servers.
        self.code == 410
            || matches!(self.reason.as_str(), "Expired" | "Gone")
            || self.message.contains("too old resource version")
            || self.message.contains("required revision has been compacted")
    }

    /// How many seconds the server wants to be left alone.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.details.as_ref().map(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0)
    }
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    /// The version that the whole list shows; `None` if it is no number.
    pub(super) version: Option<u64>,
    /// The token for the next page, if there is one.
    pub(super) next: Option<String>,
    /// The events on it.
    pub(super) events: Vec<Event>,
    /// How many items on it are no events.
    pub(super) undecodable: usize,
}

impl Page {
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct List<'a, T> {
            #[serde(borrow)]
            metadata: ListMeta<'a>,
            items: Option<Vec<T>>,
        }
        let page = |metadata: ListMeta<'_>, events, undecodable| Self {
            version: metadata.version(),
            next: metadata.into_next(),
            events,
            undecodable,
        };
        if let Ok(list) = serde_json::from_slice::<List<'_, Event>>(body) {
            return Ok(page(list.metadata, list.items.unwrap_or_default(), 0));
        }
        // One item that is no event must not keep the others.
        let list: List<'_, &RawValue> = serde_json::from_slice(body)?;
        let items = list.items.unwrap_or_default();
        let events: Vec<Event> =
            items.iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect();
        let undecodable = items.len() - events.len();
        Ok(page(list.metadata, events, undecodable))
    }

    /// Decodes only the version of a list.
    pub(super) fn decode_version(body: &[u8]) -> Result<Option<u64>, DecodeError> {
        let list: Versioned<'_> = serde_json::from_slice(body)?;
        Ok(list.metadata.version())
    }
}

/// An event's version as a number. The versions of one resource can be compared, says Kubernetes since 1.35; all
/// servers before it take them from etcd's revision.
pub(super) fn version_of(event: &Event) -> Option<u64> {
    event.metadata.resource_version.parse().ok()
}

pub(super) fn stamped(mut event: Event, stamp: &Stamp) -> Arc<Event> {
    event.received_at = stamp.received_at;
    event.cluster.clone_from(&stamp.cluster);
    Arc::new(event)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusDetails {
    retry_after_seconds: u64,
}

/// A line of any watch, its members in any order.
#[derive(Deserialize)]
pub(super) struct AnyLine<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

/// A list of anything, or an object of which only the version matters.
#[derive(Deserialize)]
pub(super) struct Versioned<'a> {
    #[serde(borrow)]
    pub(super) metadata: ListMeta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta<'a> {
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    next: Option<Cow<'a, str>>,
}

impl ListMeta<'_> {
    /// The version; `None` if it is no number.
    pub(super) fn version(&self) -> Option<u64> {
        self.resource_version.parse().ok()
    }

    /// The token for the next page, if there is one.
    pub(super) fn into_next(self) -> Option<String> {
        self.next.filter(|token| !token.is_empty()).map(Cow::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventer_testkit::events;

    fn decode(line: &str) -> Result<WatchLine, DecodeError> {
        Decoder::default().decode(line.as_bytes(), &Stamp::default())
    }

    #[test]
    fn recorded_lines_are_decoded() {
        for line in events::recorded_watch_lines() {
            let WatchLine::Event(event) = decode(line).unwrap() else { panic!("no event: {line}") };
            assert!(version_of(&event).is_some());
            assert_eq!(*event, serde_json::from_str(&events::object_of(line)).unwrap());
        }
    }

    #[test]
    fn the_order_of_the_keys_does_not_matter() {
        let WatchLine::Event(event) = decode(
            "{ \"object\": {\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}, \"type\":\"ADDED\" }\n",
        )
        .unwrap() else {
            panic!("no event")
        };
        assert_eq!(version_of(&event), Some(7));
        assert!(matches!(
            decode(r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}}"#),
            Ok(WatchLine::Passed(Some(12)))
        ));
    }

    #[test]
    fn what_looks_like_managed_fields_in_a_text_is_text() {
        let message = r#"},"managedFields":[{}]},"involvedObject":{"#;
        let mut event = Event { message: message.to_owned(), ..Event::default() };
        event.metadata.annotations.insert("managedFields".to_owned(), message.to_owned());
        for managed in ["", r#","managedFields":[{"fieldsV1":{"f:involvedObject":{}}}]"#] {
            let object = serde_json::to_string(&event).unwrap();
            let object =
                object.replacen("},\"involvedObject\"", &format!("{managed}}},\"involvedObject\""), 1);
            let line = format!(r#"{{"type":"ADDED","object":{object}}}"#);
            let WatchLine::Event(decoded) = decode(&line).unwrap() else { panic!("no event: {line}") };
            assert_eq!(*decoded, event);
        }
    }

    #[test]
    fn an_event_carries_its_stamp() {
        let stamp = Stamp { received_at: Timestamp::UNIX_EPOCH, cluster: Some("west".into()) };
        let line = events::recorded_watch_lines()[0].as_bytes();
        let WatchLine::Event(event) = Decoder::default().decode(line, &stamp).unwrap() else {
            panic!("no event")
        };
        assert_eq!(event.cluster.as_deref(), Some("west"));
    }

    #[test]
    fn lines_that_are_none_are_errors() {
        for line in
            ["", "{}", "[]", "{\"type\":\"ADDED\",\"object\":{]}", "{\"type\":\"ADDED\",\"object\":7}"]
        {
            assert!(matches!(decode(line), Err(DecodeError::Json(_))), "{line} was taken");
        }
        let unknown = decode(r#"{"type":"MOVED","object":{}}"#).unwrap_err();
        assert!(matches!(unknown, DecodeError::UnknownType(kind) if kind == "MOVED"));
    }

    #[test]
    fn expiry_is_known_in_all_its_words() {
        let recorded = [
            r#"{"kind":"Status","message":"The resourceVersion for the provided watch is too old.","reason":"Expired","code":410}"#,
            r#"{"kind":"Status","message":"too old resource version: 1 (6209)","reason":"Expired","code":410}"#,
            r#"{"code":500,"message":"etcdserver: mvcc: required revision has been compacted"}"#,
        ];
        for object in recorded {
            let Ok(WatchLine::Error(status)) = decode(&format!(r#"{{"type":"ERROR","object":{object}}}"#))
            else {
                panic!("no error: {object}")
            };
            assert!(status.is_expired(), "{object}");
        }
        let other =
            r#"{"type":"ERROR","object":{"code":500,"reason":"InternalError","message":"leader changed"}}"#;
        assert!(matches!(decode(other), Ok(WatchLine::Error(status)) if !status.is_expired()));
    }

    #[test]
    fn one_item_that_is_no_event_does_not_keep_the_others() {
        let page = Page::decode(
            br#"{"kind":"EventList","metadata":{"resourceVersion":"9","continue":"abc"},
                "items":[{"metadata":{"name":"a"}},{"metadata":7},{"metadata":{"name":"b"}}]}"#,
        )
        .unwrap();
        assert_eq!((page.version, page.next.as_deref()), (Some(9), Some("abc")));
        assert_eq!((page.events.len(), page.undecodable), (2, 1));
        let last = Page::decode(br#"{"metadata":{"resourceVersion":"9"},"items":null}"#).unwrap();
        assert_eq!((last.next, last.events.len()), (None, 0));
    }
}
