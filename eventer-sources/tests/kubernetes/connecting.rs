//! From a URI to the right cluster, or to a clear error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventer_core::metrics::SourceMetrics;
use eventer_core::{
    BuildError, ComponentUri, ConfigError, EventSource, Registry, SourceContext, SourcePlan, SystemClock,
    report,
};
use eventer_testkit::{FakeApiServer, apiserver};

use crate::rig::event;

fn plan(uri: &str) -> Result<SourcePlan, Vec<ConfigError>> {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    let uri = ComponentUri::parse("--source", uri, &BTreeMap::new()).map_err(|error| vec![error])?;
    registry.plan_source(&uri)
}

async fn open(uri: &str) -> Result<Box<dyn EventSource>, BuildError> {
    let clock = Arc::new(SystemClock);
    let metrics = SourceMetrics::unregistered("kubernetes", clock.clone());
    let mut context = SourceContext::new("kubernetes", clock, metrics);
    context.batch_events = std::num::NonZeroUsize::MIN;
    plan(uri).unwrap().open(context).await
}

async fn refused(uri: &str) -> String {
    match open(uri).await {
        Ok(_) => panic!("{uri} was opened"),
        Err(error) => report(&error),
    }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The source sees what happens on that server.
async fn watches(mut source: Box<dyn EventSource>, server: &FakeApiServer) {
    server.wait_for_watch().await;
    server.add(event("a"));
    source.ready().await;
    let batch = source.get_new_events().await.unwrap().unwrap();
    assert_eq!(batch.events()[0].metadata.name, "a");
}

#[tokio::test]
async fn a_plain_url_is_watched_without_credentials() {
    for options in ["", "?inClusterConfig=false", "?inClusterConfig=F&useServiceAccount=true&insecure=1"] {
        let server = FakeApiServer::start().await;
        let source = open(&format!("kubernetes:{}{options}", server.url())).await.unwrap();
        watches(source, &server).await;
        assert_eq!(server.requests()[0].header("authorization"), None);
    }
}

#[tokio::test]
async fn a_kubeconfig_is_found_under_each_of_its_names() {
    let directory = tempfile::tempdir().unwrap();
    for option in [
        "kubeconfig=",
        "context=fake&kubeconfig=",
        "inClusterConfig=false&auth=",
        "inClusterConfig=false&localKubeConfig=",
        "inClusterConfig=false&context=fake&auth=",
    ] {
        let server = FakeApiServer::start().await;
        server.require_token(Some(apiserver::TOKEN));
        let path = write(directory.path(), "kubeconfig", &server.kubeconfig());
        // As in kube-eventer, the URL has no say beside `auth`.
        let url = if option.contains("auth=") { "https://192.0.2.1" } else { "" };
        let source = open(&format!("kubernetes:{url}?{option}{}", path.display())).await.unwrap();
        watches(source, &server).await;
    }
}

#[tokio::test]
async fn two_contexts_are_watched_side_by_side() {
    let (west, east) = (FakeApiServer::start().await, FakeApiServer::start().await);
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\n\
         clusters:\n- name: west\n  cluster: {{server: {}}}\n- name: east\n  cluster: {{server: {}}}\n\
         contexts:\n- name: west\n  context: {{cluster: west}}\n- name: east\n  context: {{cluster: east}}\n",
        west.url(),
        east.url()
    );
    let path = write(directory.path(), "kubeconfig", &kubeconfig);
    let uri = |context: &str| format!("kubernetes:?kubeconfig={}&context={context}", path.display());
    let (first, second) = (open(&uri("west")).await.unwrap(), open(&uri("east")).await.unwrap());
    watches(first, &west).await;
    watches(second, &east).await;

    let error = refused(&uri("north")).await;
    assert!(error.contains("find the context \"north\"") && error.contains("west, east"), "{error}");
    let error = refused(&format!("kubernetes:?kubeconfig={}", path.display())).await;
    assert!(error.contains("no current one") && error.contains("west, east"), "{error}");
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_read_shows_no_token() {
    let directory = tempfile::tempdir().unwrap();
    let text = "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: hunter2\n    auth-provider: x\n";
    let path = write(directory.path(), "kubeconfig", text);
    let error = refused(&format!("kubernetes:?kubeconfig={}", path.display())).await;
    assert!(error.contains("it is not what a kubeconfig is near line 7"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_clearly() {
    let error = refused("kubernetes:?kubeconfig=/nowhere/config").await;
    assert!(
        error.contains("read the kubeconfig /nowhere/config") && error.contains("No such file"),
        "{error}"
    );
    let error = refused("kubernetes:?inClusterConfig=false").await;
    assert!(error.contains("find the API server") && error.contains("auth="), "{error}");
    let error = refused("kubernetes:https://192.0.2.1").await;
    assert!(error.contains("this is no pod") && error.contains("kubeconfig="), "{error}");
    let error = refused("kubernetes:?inClusterConfig=true").await;
    assert!(error.contains("use the service account of the pod"), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "kubeconfig", "clusters: 7");
    let error = refused(&format!("kubernetes:?kubeconfig={}", path.display())).await;
    assert!(error.contains("read the kubeconfig"), "{error}");
}

#[test]
fn wrong_options_are_told_at_once() {
    let errors =
        plan("kubernetes:?inClusterConfig=maybe&namespace=a&page_size=0&backfill=later&probe_interval=0s")
            .unwrap_err();
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for part in ["inClusterConfig", "did you mean \"namespaces\"", "page_size", "backfill", "probe_interval"]
    {
        assert!(texts.iter().any(|text| text.contains(part)), "{part} is not in {texts:#?}");
    }
    assert_eq!(texts.len(), 5);
    for uri in [
        "kubernetes:127.0.0.1:8001",
        "kubernetes:ftp://host",
        "kubernetes:http://me:pw@host",
        "kubernetes:?namespaces=a/../b",
    ] {
        assert!(plan(uri).is_err(), "{uri} was taken");
    }
}

#[test]
fn what_users_of_kube_eventer_write_is_taken() {
    for uri in [
        "kubernetes",
        "kubernetes:",
        "kubernetes:''",
        "kubernetes:https://kubernetes.default",
        "kubernetes:https://kubernetes.default.svc:443?inClusterConfig=T&insecure=FALSE",
        "kubernetes:https://10.0.0.1:6443?inClusterConfig=false&useServiceAccount=true&auth=",
        "kubernetes:?inClusterConfig=false&localKubeConfig",
    ] {
        plan(uri).unwrap();
    }
}
