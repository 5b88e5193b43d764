//! What the server has, and what it allows: the resources of an API group, and SelfSubjectAccessReviews.

use serde_json::{Value, json};

use super::Resource;
use super::answer::page_not_found;
use super::state::Inner;
use super::status::Status;
use crate::http::Response;

/// The resources of a version of an API group (recorded: `48-api-discovery-events`).
pub(super) fn resources(group: &str, version: &str) -> Response {
    let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let of_group = Resource::all().filter(|known| known.group() == group && known.version() == version);
    let resources: Vec<Value> = of_group
        .map(|known| {
            json!({
                "name": known.plural(), "singularName": known.kind().to_lowercase(),
                "namespaced": known.is_namespaced(), "kind": known.kind(), "verbs": verbs,
            })
        })
        .collect();
    let Some(first) = Resource::all().find(|known| known.group() == group && known.version() == version)
    else {
        return page_not_found();
    };
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": first.api_version(), "resources": resources,
    });
    Response::json(200, list.to_string())
}

/// Whether something is allowed: all that is not forbidden.
pub(super) fn access_review(inner: &Inner, body: &[u8]) -> Result<Response, Status> {
    let mut review: Value =
        serde_json::from_slice(body).map_err(|error| Status::new(400, "BadRequest", error.to_string()))?;
    let asked = &review["spec"]["resourceAttributes"];
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let is_meant = |known: &&Resource| known.group() == text("group") && known.plural() == text("resource");
    let is_forbidden = inner.forbidden.iter().any(|known| is_meant(&known));
    review["status"] = json!({ "allowed": !is_forbidden });
    Ok(Response::json(201, review.to_string()))
}
