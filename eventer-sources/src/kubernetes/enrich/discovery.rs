//! Under which resource a kind is read that is not known: one question for each version of an API group.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventer_core::report;
use http::StatusCode;
use kube::Client;
use serde::Deserialize;
use tokio::time::Instant;

use crate::kubernetes::api::{Resource, ask, group_path};
use crate::kubernetes::failure::Failure;

/// A kind that is not there is asked for again after this time: its definition may come.
const AGAIN: Duration = Duration::from_secs(600);

/// What the API server serves, as far as it was asked.
pub(super) struct Discovery {
    client: Client,
    request_timeout: Duration,
    /// By the path of the group's version. Whoever holds the inner lock asks; the others wait for the answer.
    groups: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Group>>>>>,
}

/// A version of an API group, and when it was asked for.
struct Group {
    at: Instant,
    served: Vec<Served>,
}

/// A resource that can be listed and watched.
#[derive(Clone, Debug)]
pub(super) struct Served {
    kind: String,
    pub(super) resource: Resource,
    pub(super) is_namespaced: bool,
}

impl Discovery {
    pub(super) fn new(client: Client, request_timeout: Duration) -> Self {
        Self { client, request_timeout, groups: Mutex::default() }
    }

    /// The resource of a kind; `None`: there is none that can be watched.
    pub(super) async fn find(
        &self,
        group: &str,
        version: &str,
        kind: &str,
    ) -> Result<Option<Served>, Failure> {
        let path = group_path(group, version);
        let known = {
            let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            groups.entry(path.clone()).or_default().clone()
        };
        let mut known = known.lock().await;
        let of_kind = |group: &Group| group.served.iter().find(|served| served.kind == kind).cloned();
        if let Some(group) = &*known {
            let found = of_kind(group);
            if found.is_some() || group.at.elapsed() < AGAIN {
                return Ok(found);
            }
        }
        let served = self.ask(&path, group, version).await?;
        Ok(of_kind(known.insert(Group { at: Instant::now(), served })))
    }

    async fn ask(&self, path: &str, group: &str, version: &str) -> Result<Vec<Served>, Failure> {
        #[derive(Deserialize)]
        struct ResourceList {
            resources: Vec<ApiResource>,
        }
        #[derive(Deserialize)]
        struct ApiResource {
            name: String,
            namespaced: bool,
            kind: String,
            verbs: Vec<String>,
        }
        let tried = format!("ask which resources {path} has");
        let body = match ask(&self.client, path, None, &tried, self.request_timeout).await {
            Ok(body) => body,
            Err(failure) if failure.status == Some(StatusCode::NOT_FOUND) => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let list: ResourceList = serde_json::from_slice(&body)
            .map_err(|error| Failure::not_understood("the resources that it has", &report(&error)))?;
        let can = |resource: &ApiResource, verb: &str| resource.verbs.iter().any(|known| known == verb);
        // Those with a slash are parts of others.
        let resources = list.resources.into_iter().filter(|resource| {
            !resource.name.contains('/') && can(resource, "list") && can(resource, "watch")
        });
        let served = resources.map(|resource| Served {
            kind: resource.kind,
            resource: Resource {
                group: group.to_owned().into(),
                version: version.to_owned().into(),
                plural: resource.name.into(),
            },
            is_namespaced: resource.namespaced,
        });
        Ok(served.collect())
    }
}
