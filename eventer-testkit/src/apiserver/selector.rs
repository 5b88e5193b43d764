//! Field and label selectors, as far as equality goes.

use serde_json::Value;

use super::Resource;
use super::status::Status;
use crate::http::Request;

/// The fields that Events can be selected by, besides the metadata's (`pkg/apis/core/v1/conversion.go` in
/// kubernetes/kubernetes).
const EVENT_FIELDS: [&str; 11] = [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

/// What a list or a watch lets through. Empty: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    fields: Vec<Term>,
    labels: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Is(String),
    IsNot(String),
    Exists,
    IsAbsent,
}

impl Selector {
    pub(crate) fn of(request: &Request, resource: Resource) -> Result<Self, Status> {
        let terms = |name| request.param(name).map(parse).unwrap_or_default();
        let selector = Self { fields: terms("fieldSelector"), labels: terms("labelSelector") };
        match selector.fields.iter().find(|term| !is_selectable(resource, &term.key)) {
            Some(term) => {
                Err(Status::new(400, "BadRequest", format!("field label not supported: {}", term.key)))
            }
            None => Ok(selector),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    /// Whether the object, in JSON, passes.
    pub(crate) fn matches(&self, item: &[u8]) -> bool {
        if self.is_empty() {
            return true;
        }
        let Ok(value) = serde_json::from_slice::<Value>(item) else { return false };
        let field = |term: &Term| term.passes(Some(field(&value, &term.key)));
        let label = |term: &Term| term.passes(value["metadata"]["labels"][&term.key].as_str());
        self.fields.iter().all(field) && self.labels.iter().all(label)
    }
}

impl Term {
    fn passes(&self, found: Option<&str>) -> bool {
        match &self.test {
            Test::Is(wanted) => found == Some(wanted),
            Test::IsNot(unwanted) => found != Some(unwanted),
            Test::Exists => found.is_some(),
            Test::IsAbsent => found.is_none(),
        }
    }
}

fn parse(text: &str) -> Vec<Term> {
    let term = |part: &str| {
        let (key, test) = if let Some((key, value)) = part.split_once("!=") {
            (key, Test::IsNot(value.trim().to_owned()))
        } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (key, Test::Is(value.trim().to_owned()))
        } else if let Some(key) = part.strip_prefix('!') {
            (key, Test::IsAbsent)
        } else {
            (part, Test::Exists)
        };
        Term { key: key.trim().to_owned(), test }
    };
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(term).collect()
}

fn is_selectable(resource: Resource, key: &str) -> bool {
    matches!(key, "metadata.name" | "metadata.namespace")
        || (resource == Resource::Events && EVENT_FIELDS.contains(&key))
}

/// The field's text; an absent field is the empty text.
fn field<'a>(object: &'a Value, key: &str) -> &'a str {
    let text = |path: &str| path.split('.').fold(object, |value, name| &value[name]).as_str().unwrap_or("");
    match key {
        // The source's component, or else the reporter, as the registry's own selector says it.
        "source" => match text("source.component") {
            "" => text("reportingComponent"),
            component => component,
        },
        path => text(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(fields: &str, labels: &str) -> bool {
        let item = br#"{"metadata":{"name":"a","namespace":"shop","labels":{"app":"web"}},
            "involvedObject":{"kind":"Pod","name":"web-0"},"type":"Warning","source":{"component":"kubelet"}}"#;
        Selector { fields: parse(fields), labels: parse(labels) }.matches(item)
    }

    #[test]
    fn terms_are_all_needed() {
        assert!(passes("type=Warning,involvedObject.kind==Pod,reason!=Pulled,source=kubelet", ""));
        assert!(!passes("type=Warning,involvedObject.kind=Node", ""));
        assert!(!passes("type!=Warning", ""));
        assert!(passes("involvedObject.namespace=", "app=web,!tier,app,tier!=db"));
        assert!(!passes("", "app=db"));
    }
}
