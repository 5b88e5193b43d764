//! Asks the API server whether it would hand out what the source reads: is it there, and is each list and watch allowed?

use eventer_core::{Finding, report};
use kube::Client;
use serde::Deserialize;
use serde_json::json;

use super::KubernetesConfig;
use super::api::{Resource, ask};
use super::enrich::{EnrichOptions, KNOWN_KINDS, KnownKind, resource_of};
use super::failure::Failure;

/// What allows to read events, and what allows to read what is looked up around them.
const EVENTS: Manifest = Manifest { path: "deploy/20-rbac.yaml", cluster_role: "eventer" };
const ENRICHMENT: Manifest =
    Manifest { path: "deploy/enrichment/rbac.yaml", cluster_role: "eventer-enrichment" };
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

impl KubernetesConfig {
    /// One finding for the API server, and if it answers, one for each thing that is read of it.
    pub(super) async fn ask_for_all(&self) -> Vec<Finding> {
        let asker = match self.connect.client(&self.watch).await {
            Ok(client) => Asker { client, config: self },
            Err(error) => return vec![unreachable(report(&error))],
        };
        let version = match asker.version().await {
            Ok(version) => version,
            Err(failure) => return vec![unreachable(failure.to_string())],
        };
        let question = format!("reach the API server ({version})");
        let mut findings = vec![Finding { question, answer: Ok(()) }];
        for (resource, is_namespaced, manifest) in self.read() {
            for namespace in self.scopes(is_namespaced) {
                findings.push(asker.may_read(&resource, namespace, manifest).await);
            }
        }
        findings
    }

    /// What is read, whether that is in namespaces, and what allows it.
    fn read(&self) -> Vec<(Resource, bool, Manifest)> {
        let enriched = KNOWN_KINDS.iter().filter(|known| is_read(known, &self.watch.enrich));
        let enriched = enriched.map(|known| (resource_of(known), known.is_namespaced, ENRICHMENT));
        let mut read = vec![(Resource::EVENTS, true, EVENTS)];
        read.extend(enriched);
        read
    }

    fn scopes(&self, is_namespaced: bool) -> Vec<Option<&str>> {
        match &*self.watch.namespaces {
            names if is_namespaced && !names.is_empty() => {
                names.iter().map(|name| Some(name.as_str())).collect()
            }
            _ => vec![None],
        }
    }
}

/// Whether a kind is read for what is to be looked up.
fn is_read(known: &KnownKind, enrich: &EnrichOptions) -> bool {
    let is_object = enrich.labels || enrich.owners;
    match known.plural {
        "pods" | "services" => is_object || enrich.services,
        "nodes" => is_object || enrich.node,
        "namespaces" => is_object || enrich.namespace,
        _ => is_object,
    }
}

fn unreachable(why: String) -> Finding {
    Finding { question: "reach the API server".to_owned(), answer: Err(why) }
}

/// A manifest, and the ClusterRole in it that can be bound in single namespaces.
#[derive(Clone, Copy)]
struct Manifest {
    path: &'static str,
    cluster_role: &'static str,
}

struct Asker<'a> {
    client: Client,
    config: &'a KubernetesConfig,
}

impl Asker<'_> {
    async fn version(&self) -> Result<String, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let body = self.ask("/version", None, "ask the API server for its version").await?;
        let version: Version = serde_json::from_slice(&body)
            .map_err(|error| Failure::not_understood("its version", &report(&error)))?;
        Ok(version.git_version)
    }

    /// Whether a resource may be listed and watched.
    async fn may_read(&self, resource: &Resource, namespace: Option<&str>, manifest: Manifest) -> Finding {
        let place = match namespace {
            None => "in all namespaces".to_owned(),
            Some(name) => format!("in the namespace {name}"),
        };
        let question = format!("may list and watch {resource} {place}");
        let mut denied = Vec::new();
        for verb in ["list", "watch"] {
            match self.may(verb, resource, namespace).await {
                Ok(true) => {}
                Ok(false) => denied.push(verb),
                Err(failure) => return Finding { question, answer: Err(failure.to_string()) },
            }
        }
        if denied.is_empty() {
            return Finding { question, answer: Ok(()) };
        }
        let Manifest { path, cluster_role } = manifest;
        let remedy = match namespace {
            None => format!("apply {path}"),
            Some(name) => format!(
                "with the ClusterRole of {path}: kubectl -n {name} create rolebinding {cluster_role} \
                 --clusterrole={cluster_role} --serviceaccount=NAMESPACE:NAME"
            ),
        };
        let why = format!(
            "{} of {resource} (API group \"{}\") is not allowed {place}; {remedy}",
            denied.join(" and "),
            resource.group
        );
        Finding { question, answer: Err(why) }
    }

    async fn may(&self, verb: &str, resource: &Resource, namespace: Option<&str>) -> Result<bool, Failure> {
        #[derive(Deserialize)]
        struct Review {
            status: ReviewStatus,
        }
        #[derive(Deserialize)]
        struct ReviewStatus {
            allowed: bool,
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": verb,
                "group": resource.group,
                "version": resource.version,
                "resource": resource.plural,
                "namespace": namespace.unwrap_or_default(),
            }},
        });
        let tried = format!("ask whether the {verb} of {resource} is allowed");
        let body = self.ask(REVIEWS, Some(review.to_string()), &tried).await?;
        let review: Review = serde_json::from_slice(&body)
            .map_err(|error| Failure::not_understood("what is allowed", &report(&error)))?;
        Ok(review.status.allowed)
    }

    async fn ask(&self, path: &str, json: Option<String>, tried: &str) -> Result<bytes::Bytes, Failure> {
        let limit = self.config.watch.request_timeout;
        ask(&self.client, path, json.map(String::into_bytes), tried, limit).await
    }
}
