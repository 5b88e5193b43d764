//! Create, read, replace, patch and delete of one object, with the rules for conflicts.

use bytes::Bytes;
use serde_json::Value;

use super::Resource;
use super::object::{Object, in_order_of, with_kind};
use super::status::Status;
use super::store::{Key, Store};
use crate::http::{Request, Response};

/// The creation time of objects that come without one. Fixed, so that answers are the same in every run.
const CREATED: &str = "2026-11-21T05:00:00Z";

/// Answers a request for one object.
pub(super) fn object(
    store: &mut Store,
    request: &Request,
    resource: Resource,
    namespace: &str,
    name: &str,
) -> Result<Response, Status> {
    let key = Key::new(resource, namespace, name);
    match request.method.as_str() {
        "GET" => {
            let item = store.get(&key).ok_or_else(|| Status::not_found(resource, name))?;
            Ok(show(200, resource, item))
        }
        "PUT" => replace(store, &request.body, resource, key, name),
        "PATCH" => patch(store, &request.body, resource, &key, name),
        "DELETE" => delete(store, resource, key, name),
        _ => Err(method_not_allowed()),
    }
}

/// Answers a POST to a collection.
pub(super) fn create(
    store: &mut Store,
    body: &[u8],
    resource: Resource,
    namespace: &str,
) -> Result<Response, Status> {
    let mut object = parse(body)?;
    if object.meta("name").is_none()
        && let Some(prefix) = object.meta("generateName")
    {
        object.set_meta("name", &format!("{prefix}{:05x}", store.version()));
    }
    let name = object.meta("name").ok_or_else(|| bad_request("name or generateName is required"))?;
    let key = Key::new(resource, namespace, &name);
    if store.get(&key).is_some() {
        return Err(Status::already_exists(resource, &name));
    }
    object.set_meta("namespace", namespace);
    let item = insert(store, key, object);
    Ok(show(201, resource, &item))
}

/// Stores a new object, with what the server adds to it. Its own uid and creation time stay, if it has them.
pub(super) fn insert(store: &mut Store, key: Key, mut object: Object) -> Bytes {
    let version = store.next_version();
    object.default_meta("uid", &format!("00000000-0000-4000-8000-{version:012x}"));
    object.default_meta("creationTimestamp", CREATED);
    put(store, version, key, object)
}

/// Stores an object at a version.
pub(super) fn put(store: &mut Store, version: u64, key: Key, mut object: Object) -> Bytes {
    object.set_meta("resourceVersion", &version.to_string());
    let item = object.into_item();
    store.put(version, key, item.clone());
    item
}

/// Removes an object, as expiry and DELETE do: the last state goes out with the version of its end.
pub(super) fn remove(store: &mut Store, version: u64, key: Key) {
    if let Some(mut object) = store.get(&key).and_then(|item| Object::parse(item).ok()) {
        object.set_meta("resourceVersion", &version.to_string());
        store.delete(version, key, object.into_item());
    }
}

/// Puts `value` in the place of the object at `key`; false when that changes nothing, which makes no version.
pub(super) fn change(store: &mut Store, key: Key, value: &Value) -> Result<bool, Status> {
    let Some(old) = store.get(&key).cloned() else { return Ok(false) };
    if serde_json::from_slice::<Value>(&old).is_ok_and(|before| before == *value) {
        return Ok(false);
    }
    let object = parse(in_order_of(&old, value).get().as_bytes())?;
    let version = store.next_version();
    put(store, version, key, object);
    Ok(true)
}

fn replace(
    store: &mut Store,
    body: &[u8],
    resource: Resource,
    key: Key,
    name: &str,
) -> Result<Response, Status> {
    let mut object = parse(body)?;
    let old = store.get(&key).map(|item| parse(item)).transpose()?;
    let found = old.as_ref().and_then(|old| old.meta("uid"));
    if let Some(wanted) = object.meta("uid")
        && found.as_ref() != Some(&wanted)
    {
        return Err(Status::wrong_uid(resource, &key.path, name, &wanted, &found.unwrap_or_default()));
    }
    let asked = object.meta("resourceVersion");
    let Some(old) = old else {
        return match (resource, asked) {
            (Resource::ConfigMaps, _) => Err(Status::not_found(resource, name)),
            (_, Some(_)) => Err(Status::conflict(resource, name)),
            // A PUT of what does not exist creates it, for leases and events.
            (_, None) => Ok(show(201, resource, &insert(store, key, object))),
        };
    };
    match asked {
        None if !resource.takes_unconditional_puts() => return Err(Status::version_missing(resource, name)),
        Some(asked) if old.meta("resourceVersion").as_ref() != Some(&asked) => {
            return Err(Status::conflict(resource, name));
        }
        _ => {}
    }
    for key in ["uid", "creationTimestamp", "namespace", "name"] {
        if let Some(value) = old.meta(key) {
            object.set_meta(key, &value);
        }
    }
    let version = store.next_version();
    Ok(show(200, resource, &put(store, version, key, object)))
}

fn patch(
    store: &mut Store,
    body: &[u8],
    resource: Resource,
    key: &Key,
    name: &str,
) -> Result<Response, Status> {
    let patch: Value = serde_json::from_slice(body).map_err(|error| bad_request(&error.to_string()))?;
    let item = store.get(key).ok_or_else(|| Status::not_found(resource, name))?;
    let mut value: Value = serde_json::from_slice(item).map_err(|error| bad_request(&error.to_string()))?;
    if let Some(asked) = patch["metadata"]["resourceVersion"].as_str()
        && value["metadata"]["resourceVersion"] != asked
    {
        return Err(Status::conflict(resource, name));
    }
    merge(&mut value, patch);
    if let Value::Object(members) = &mut value {
        members.remove("kind");
        members.remove("apiVersion");
    }
    change(store, key.clone(), &value)?;
    let item = store.get(key).ok_or_else(|| Status::not_found(resource, name))?;
    Ok(show(200, resource, item))
}

/// Recorded: `69-lease-delete`.
fn delete(store: &mut Store, resource: Resource, key: Key, name: &str) -> Result<Response, Status> {
    let item = store.get(&key).ok_or_else(|| Status::not_found(resource, name))?;
    let uid = parse(item)?.meta("uid").unwrap_or_default();
    let group = match resource.group() {
        "" => String::new(),
        group => format!("\"group\":\"{group}\","),
    };
    let version = store.next_version();
    remove(store, version, key);
    let body = format!(
        "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Success\",\
         \"details\":{{\"name\":\"{name}\",{group}\"kind\":\"{}\",\"uid\":\"{uid}\"}}}}\n",
        resource.plural()
    );
    Ok(Response::json(200, body))
}

/// RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(members) = target {
        for (name, value) in patch {
            if value.is_null() {
                members.remove(&name);
            } else {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

fn show(code: u16, resource: Resource, item: &[u8]) -> Response {
    let mut body = with_kind(resource, item);
    body.push(b'\n');
    Response::json(code, body)
}

fn parse(body: &[u8]) -> Result<Object, Status> {
    Object::parse(body).map_err(|error| bad_request(&error.to_string()))
}

fn bad_request(message: &str) -> Status {
    Status::new(400, "BadRequest", message)
}

pub(super) fn method_not_allowed() -> Status {
    Status::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
}
