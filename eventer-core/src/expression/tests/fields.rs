//! The schema is the event's JSON: every field of it is there, under its name, and holds what stands there.

use serde_json::{Value as Json, json};

use super::*;
use crate::expression::schema::Shape;
use crate::expression::value::Type;

/// An object reference with all fields; `n` tells it from another.
fn object(n: &str) -> Json {
    json!({
        "kind": format!("kind-{n}"), "namespace": format!("namespace-{n}"), "name": format!("name-{n}"),
        "uid": format!("uid-{n}"), "apiVersion": format!("api-{n}"), "resourceVersion": format!("version-{n}"),
        "fieldPath": format!("path-{n}"), "labels": {"label": n}, "annotations": {"annotation": n},
        "ownerReferences": [owner(n)], "deleted": true,
    })
}

fn owner(n: &str) -> Json {
    json!({
        "apiVersion": format!("owner-api-{n}"), "kind": format!("owner-kind-{n}"), "name": format!("owner-{n}"),
        "uid": format!("owner-uid-{n}"), "controller": true, "blockOwnerDeletion": true,
    })
}

/// An event with all fields, no two of which hold the same.
fn full() -> Json {
    json!({
        "metadata": {
            "name": "m-name", "generateName": "m-generate", "namespace": "m-namespace", "selfLink": "m-link",
            "uid": "m-uid", "resourceVersion": "m-version", "generation": 3,
            "creationTimestamp": "2024-05-06T07:00:01Z", "deletionTimestamp": "2024-05-06T07:00:02Z",
            "deletionGracePeriodSeconds": 30, "labels": {"m-label": "a"}, "annotations": {"m-annotation": "b"},
            "ownerReferences": [owner("m")], "finalizers": ["m-finalizer"], "clusterName": "m-cluster",
        },
        "involvedObject": object("involved"), "related": object("related"),
        "reason": "reason", "message": "message", "source": {"component": "component", "host": "host"},
        "firstTimestamp": "2024-05-06T07:00:03Z", "lastTimestamp": "2024-05-06T07:00:04Z", "count": 4,
        "type": "Warning", "eventTime": "2024-05-06T07:00:05.000000Z",
        "series": {"count": 5, "lastObservedTime": "2024-05-06T07:00:06.000000Z", "state": "state"},
        "action": "action", "reportingComponent": "reporting", "reportingInstance": "instance",
        "cluster": "cluster", "staticLabels": {"static": "c"},
        "enrichment": {
            "owners": [owner("top")], "namespaceLabels": {"namespace": "d"}, "services": ["service"],
            "node": {"name": "node", "addresses": {"InternalIP": "10.0.0.1"}},
        },
    })
}

#[test]
fn every_field_holds_what_stands_in_the_json() {
    let event: Event = serde_json::from_value(full()).unwrap();
    // Nothing was left out above, and nothing was misspelt.
    assert_eq!(serde_json::to_value(&event).unwrap(), full());
    assert_eq!(conditions("", Shape::Event, &full()), 79);

    fn conditions(path: &str, shape: Shape, json: &Json) -> usize {
        let fields = shape.fields();
        let mut names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        names.sort_unstable();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, names, "{shape:?}");
        fields
            .iter()
            .map(|field| condition(&format!("{path}{}", field.name), field.gives, &json[field.name]))
            .sum()
    }

    /// How many conditions were looked at.
    fn condition(path: &str, gives: Type, json: &Json) -> usize {
        let condition = match gives {
            Type::Record(shape) => return conditions(&format!("{path}."), shape, json),
            Type::Owners => return condition(&format!("{path}[0]"), Type::Record(Shape::Owner), &json[0]),
            Type::Bool => path.to_owned(),
            Type::Time => format!("{path} == timestamp({json})"),
            Type::Labels => {
                let (key, value) = json.as_object().unwrap().iter().next().unwrap();
                format!("{path}[{key:?}] == {value}")
            }
            Type::Texts => format!("{path}[0] == {}", json[0]),
            Type::Text | Type::Int | Type::Double | Type::Duration => format!("{path} == {json}"),
        };
        let event: Event = serde_json::from_value(full()).unwrap();
        assert_eq!(matches(&condition, &event), Ok(true), "{condition}");
        assert_eq!(matches(&condition, &Event::default()), Ok(false), "{condition}");
        1
    }
}
