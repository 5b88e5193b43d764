//! What is read of an object: its metadata, and of a few kinds some fields more. Pure.

use eventer_core::event::{Labels, OwnerReference};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::kubernetes::decode::{AnyLine, ListMeta, Status, Versioned};

/// An annotation that is longer tells people nothing.
const MAX_ANNOTATION: usize = 2048;
/// The whole object once more; of a Secret, its secrets.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The uid that the kubelet gives to a static pod, and writes into its events. That of the API server's copy is another.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// As much of an object as events can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) uid: String,
    /// Another uid, under which events know it.
    pub(super) alias: Option<String>,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) version: Option<u64>,
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
    pub(super) owners: Vec<OwnerReference>,
    /// It is being deleted.
    pub(super) is_going: bool,
    pub(super) detail: Detail,
}

/// What is known of an object besides its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Detail {
    #[default]
    None,
    /// Of a Node: the first address of each type.
    Addresses(Labels),
    /// Of a Service: the labels of the pods that it leads to.
    Selector(Labels),
}

/// Which fields are read besides the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fields {
    Metadata,
    Addresses,
    Selector,
}

/// What a line of a watch says.
#[derive(Debug)]
pub(super) enum Line {
    /// It is there, in this state.
    Is(Object),
    /// It is gone, and was so at last.
    Was(Object),
    /// Nothing but that the watch has come to a version.
    Passed(Option<u64>),
    /// The watch ends.
    Error(Status),
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) version: Option<u64>,
    pub(super) next: Option<String>,
    pub(super) objects: Vec<Object>,
}

impl Fields {
    pub(super) fn decode_line(self, line: &[u8]) -> serde_json::Result<Line> {
        let AnyLine { kind, object } = serde_json::from_slice(line)?;
        Ok(match &*kind {
            "ADDED" | "MODIFIED" => Line::Is(self.decode(object.get())?),
            "DELETED" => Line::Was(self.decode(object.get())?),
            "ERROR" => Line::Error(serde_json::from_str(object.get())?),
            _ => {
                let object: Versioned<'_> = serde_json::from_str(object.get())?;
                Line::Passed(object.metadata.version())
            }
        })
    }

    pub(super) fn decode_page(self, body: &[u8]) -> serde_json::Result<Page> {
        #[derive(Deserialize)]
        struct List<'a> {
            #[serde(borrow)]
            metadata: ListMeta<'a>,
            #[serde(borrow)]
            items: Option<Vec<&'a RawValue>>,
        }
        let List { metadata, items } = serde_json::from_slice(body)?;
        // One item that cannot be read must not keep the others.
        let objects = items.iter().flatten().filter_map(|item| self.decode(item.get()).ok());
        Ok(Page { version: metadata.version(), objects: objects.collect(), next: metadata.into_next() })
    }

    fn decode(self, json: &str) -> serde_json::Result<Object> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            metadata: Metadata,
            #[serde(borrow)]
            spec: Option<&'a RawValue>,
            #[serde(borrow)]
            status: Option<&'a RawValue>,
        }
        let Raw { metadata, spec, status } = serde_json::from_str(json)?;
        let detail = match (self, spec, status) {
            (Self::Addresses, _, Some(status)) => Detail::Addresses(addresses(status)?),
            (Self::Selector, Some(spec), _) => Detail::Selector(selector(spec)?),
            _ => Detail::None,
        };
        Ok(metadata.into_object(detail))
    }
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Metadata {
    uid: String,
    namespace: String,
    name: String,
    resource_version: String,
    deletion_timestamp: Option<String>,
    labels: Option<Labels>,
    annotations: Option<Labels>,
    owner_references: Option<Vec<OwnerReference>>,
}

impl Metadata {
    fn into_object(self, detail: Detail) -> Object {
        let mut annotations = self.annotations.unwrap_or_default();
        annotations.retain(|name, value| name != LAST_APPLIED && value.len() <= MAX_ANNOTATION);
        Object {
            version: self.resource_version.parse().ok(),
            alias: annotations.get(MIRROR).cloned(),
            is_going: self.deletion_timestamp.is_some(),
            labels: self.labels.unwrap_or_default(),
            annotations,
            owners: self.owner_references.unwrap_or_default(),
            uid: self.uid,
            namespace: self.namespace,
            name: self.name,
            detail,
        }
    }
}

fn addresses(status: &RawValue) -> serde_json::Result<Labels> {
    #[derive(Deserialize)]
    struct NodeStatus {
        addresses: Option<Vec<Address>>,
    }
    #[derive(Deserialize)]
    struct Address {
        #[serde(rename = "type")]
        kind: String,
        address: String,
    }
    let status: NodeStatus = serde_json::from_str(status.get())?;
    let mut found = Labels::new();
    for Address { kind, address } in status.addresses.into_iter().flatten() {
        found.entry(kind).or_insert(address);
    }
    Ok(found)
}

fn selector(spec: &RawValue) -> serde_json::Result<Labels> {
    #[derive(Deserialize)]
    struct ServiceSpec {
        selector: Option<Labels>,
    }
    let spec: ServiceSpec = serde_json::from_str(spec.get())?;
    Ok(spec.selector.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(given: &[(&str, &str)]) -> Labels {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_large_and_says_nothing_is_left_out() {
        let long = "x".repeat(MAX_ANNOTATION + 1);
        let json = format!(
            r#"{{"metadata":{{"uid":"u","name":"a","annotations":{{"{LAST_APPLIED}":"{{}}","long":"{long}","short":"x"}}}}}}"#
        );
        assert_eq!(Fields::Metadata.decode(&json).unwrap().annotations, labels(&[("short", "x")]));
    }

    #[test]
    fn a_node_has_the_first_address_of_each_type() {
        let line = br#"{"type":"MODIFIED","object":{"metadata":{"uid":"u","name":"n","resourceVersion":"7"},
            "spec":{},"status":{"images":[{}],"addresses":[{"type":"InternalIP","address":"10.0.0.1"},
            {"type":"InternalIP","address":"fd00::1"},{"type":"Hostname","address":"n"}]}}}"#;
        let Line::Is(node) = Fields::Addresses.decode_line(line).unwrap() else { panic!("it is there") };
        assert_eq!(node.version, Some(7));
        assert_eq!(node.detail, Detail::Addresses(labels(&[("Hostname", "n"), ("InternalIP", "10.0.0.1")])));
    }

    #[test]
    fn a_service_without_a_selector_selects_by_nothing() {
        for (spec, selector) in [
            (r#"{"selector":{"app":"web"}}"#, labels(&[("app", "web")])),
            (r#"{"externalName":"x"}"#, Labels::new()),
        ] {
            let json = format!(r#"{{"metadata":{{"uid":"u"}},"spec":{spec}}}"#);
            assert_eq!(Fields::Selector.decode(&json).unwrap().detail, Detail::Selector(selector));
        }
    }

    #[test]
    fn one_item_that_is_no_object_does_not_keep_the_others() {
        let body = br#"{"metadata":{"resourceVersion":"9","continue":"more"},"items":[{"metadata":7},{"metadata":{"uid":"u"}}]}"#;
        let page = Fields::Metadata.decode_page(body).unwrap();
        assert_eq!((page.version, page.next.as_deref(), page.objects.len()), (Some(9), Some("more"), 1));
    }
}
