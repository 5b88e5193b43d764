//! What an event gets of a cluster that is made of a few objects.

mod cluster;
mod store;

use eventer_core::event::{Labels, OwnerReference};

use super::object::Object;
use super::store::Seen;

const SEEN: Seen = Seen { scope: 0, list: 1 };

fn labels(given: &[(&str, &str)]) -> Labels {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An object whose uid is that of its name.
fn object(name: &str) -> Object {
    Object {
        uid: uid(name),
        namespace: "prod".to_owned(),
        name: name.to_owned(),
        labels: labels(&[("app", "web")]),
        ..Object::default()
    }
}

fn owned(name: &str, owner: OwnerReference) -> Object {
    Object { owners: vec![owner], ..object(name) }
}

fn owner(api_version: &str, kind: &str, name: &str) -> OwnerReference {
    OwnerReference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: uid(name),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

fn uid(name: &str) -> String {
    format!("uid-{name}")
}
