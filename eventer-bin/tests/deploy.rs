//! The files of `deploy/`: each decodes without a rest, asks for the least, and says what the program understands.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use eventer_core::{ComponentUri, Registry};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Container, Namespace, PersistentVolumeClaim, PodSpec, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// The YAML files of a folder, in the order in which kubectl takes them.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy().join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn documents(file: &Path) -> Vec<Value> {
    use serde::Deserialize as _;
    let text = fs::read_to_string(file).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{file:?}: {error}")))
        .collect()
}

/// All objects that `kubectl apply -f deploy/` makes, or one of the examples.
fn objects(folder: &str) -> Vec<Value> {
    files(folder).iter().flat_map(|file| documents(file)).collect()
}

fn decode<T: DeserializeOwned>(objects: &[Value], kind: &str) -> Vec<T> {
    let of_kind = objects.iter().filter(|object| object["kind"] == kind);
    of_kind.map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

/// Decodes an object and writes it again: what is lost is a field that Kubernetes does not know.
fn again<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
    let decoded: T =
        serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{object}: {error}"));
    serde_json::to_value(decoded).unwrap()
}

fn statefulset(file: &Path) -> StatefulSet {
    let mut found = decode(&documents(file), "StatefulSet");
    assert_eq!(found.len(), 1, "{file:?}");
    found.remove(0)
}

fn pod(set: &StatefulSet) -> &PodSpec {
    set.spec.as_ref().unwrap().template.spec.as_ref().unwrap()
}

fn container(set: &StatefulSet) -> &Container {
    let [container] = pod(set).containers.as_slice() else { panic!("one container") };
    container
}

fn files_with_a_pod() -> Vec<PathBuf> {
    let mut files = files("examples");
    files.push(deploy().join("40-statefulset.yaml"));
    files
}

#[test]
fn every_manifest_is_an_object_that_kubernetes_knows_to_its_last_field() {
    let all: Vec<Value> = objects("").into_iter().chain(objects("examples")).collect();
    assert!(all.len() >= 9, "{}", all.len());
    for object in all {
        let read_again = match object["kind"].as_str().unwrap() {
            "ClusterRole" => again::<ClusterRole>(&object),
            "ClusterRoleBinding" => again::<ClusterRoleBinding>(&object),
            "Namespace" => again::<Namespace>(&object),
            "PersistentVolumeClaim" => again::<PersistentVolumeClaim>(&object),
            "Secret" => again::<Secret>(&object),
            "Service" => again::<Service>(&object),
            "ServiceAccount" => again::<ServiceAccount>(&object),
            "StatefulSet" => again::<StatefulSet>(&object),
            other => panic!("{other} is not part of every cluster"),
        };
        assert_eq!(read_again, object);
        let metadata = &object["metadata"];
        assert!(metadata["name"].is_string() && metadata["labels"]["app.kubernetes.io/name"] == "eventer");
        let is_namespaced =
            !matches!(object["kind"].as_str(), Some("ClusterRole" | "ClusterRoleBinding" | "Namespace"));
        assert_eq!(metadata["namespace"].as_str(), is_namespaced.then_some("eventer"), "{object}");
    }
}

#[test]
fn what_others_need_is_made_first() {
    let kinds: Vec<Value> = objects("").iter().map(|object| object["kind"].clone()).collect();
    assert_eq!(kinds.first().unwrap(), "Namespace");
    assert_eq!(kinds.last().unwrap(), "StatefulSet");
}

#[test]
fn it_may_read_events_and_nothing_else() {
    let objects = objects("");
    let roles: Vec<ClusterRole> = decode(&objects, "ClusterRole");
    let bindings: Vec<ClusterRoleBinding> = decode(&objects, "ClusterRoleBinding");
    let ([role], [binding]) = (roles.as_slice(), bindings.as_slice()) else { panic!("one of each") };
    for rule in role.rules.as_ref().unwrap() {
        assert_eq!(rule.api_groups.as_deref().unwrap(), ["", "events.k8s.io"]);
        assert_eq!(rule.resources.as_deref().unwrap(), ["events"]);
        assert_eq!(rule.verbs, ["get", "list", "watch"]);
    }
    assert_eq!(role.metadata.name.as_ref(), Some(&binding.role_ref.name));
    let [subject] = binding.subjects.as_deref().unwrap() else { panic!("one subject") };
    let accounts: Vec<ServiceAccount> = decode(&objects, "ServiceAccount");
    assert_eq!(Some(&subject.name), accounts[0].metadata.name.as_ref());
    assert_eq!(subject.namespace, accounts[0].metadata.namespace);
    let set = statefulset(&deploy().join("40-statefulset.yaml"));
    assert_eq!(pod(&set).service_account_name.as_ref(), Some(&subject.name));
}

#[test]
fn the_pod_has_the_least_rights_and_time_to_drain() {
    let set = statefulset(&deploy().join("40-statefulset.yaml"));
    assert_eq!(set.spec.as_ref().unwrap().replicas, Some(1));
    // `--stop-timeout` is 20 s.
    assert!(pod(&set).termination_grace_period_seconds.unwrap() > 20);
    let of_pod = pod(&set).security_context.as_ref().unwrap();
    assert_eq!((of_pod.run_as_non_root, of_pod.run_as_user), (Some(true), Some(65532)));
    assert_eq!(of_pod.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
    let container = container(&set);
    let own = container.security_context.as_ref().unwrap();
    assert_eq!(own.read_only_root_filesystem, Some(true));
    assert_eq!(own.allow_privilege_escalation, Some(false));
    assert_eq!(own.capabilities.as_ref().unwrap().drop.as_deref().unwrap(), ["ALL"]);
    let limits = container.resources.as_ref().unwrap().limits.as_ref().unwrap();
    assert_eq!(limits["memory"].0, "128Mi");
    let version = container.image.as_ref().unwrap().rsplit(':').next().unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn probes_and_service_lead_to_the_admin_server() {
    let set = statefulset(&deploy().join("40-statefulset.yaml"));
    let container = container(&set);
    let [port] = container.ports.as_deref().unwrap() else { panic!("one port") };
    assert_eq!((port.name.as_deref(), port.container_port), (Some("http"), 8084));
    let probes = [
        (&container.startup_probe, "/livez"),
        (&container.liveness_probe, "/livez"),
        (&container.readiness_probe, "/readyz"),
    ];
    for (probe, path) in probes {
        let get = probe.as_ref().unwrap().http_get.as_ref().unwrap();
        assert_eq!(get.path.as_deref(), Some(path));
        assert_eq!(serde_json::to_value(&get.port).unwrap(), "http");
    }
    let services: Vec<Service> = decode(&objects(""), "Service");
    let annotations = services[0].metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations["prometheus.io/port"], port.container_port.to_string());
    let spec = set.spec.as_ref().unwrap();
    assert_eq!(spec.service_name, services[0].metadata.name);
    let labels = spec.template.metadata.as_ref().unwrap().labels.as_ref();
    assert_eq!(services[0].spec.as_ref().unwrap().selector.as_ref(), labels);
    assert_eq!(spec.selector.match_labels.as_ref(), labels);
}

#[test]
fn an_example_is_the_same_pod_with_other_sinks() {
    let base = statefulset(&deploy().join("40-statefulset.yaml"));
    for file in files("examples") {
        let mut example = statefulset(&file);
        let pod = example.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
        pod.volumes = None;
        pod.containers[0].volume_mounts = None;
        pod.containers[0].args = container(&base).args.clone();
        pod.containers[0].env.as_mut().unwrap().retain(|variable| variable.name == "TZ");
        assert_eq!(example, base, "{file:?}");
    }
}

#[test]
fn every_uri_is_understood_with_the_variables_that_the_pod_has() {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    for file in files_with_a_pod() {
        let set = statefulset(&file);
        let environment = environment(container(&set), &decode(&documents(&file), "Secret"));
        let mut flags = BTreeSet::new();
        for argument in container(&set).args.as_ref().unwrap() {
            let (flag, uri) = argument.split_once('=').unwrap();
            let uri = ComponentUri::parse(flag, uri, &environment).unwrap();
            let errors = match flag {
                "--source" => registry.plan_source(&uri).err(),
                "--sink" => registry.plan_sink(&uri).err(),
                other => panic!("{other}"),
            };
            assert_eq!(errors, None, "{file:?}");
            flags.insert(flag.to_owned());
        }
        assert_eq!(flags.len(), 2, "{file:?}");
        for name in environment.keys() {
            let is_used = container(&set).args.iter().flatten().any(|arg| arg.contains(&format!("${name}")));
            assert!(is_used || name == "TZ", "{file:?}: {name} is for nothing");
        }
    }
}

/// The variables of a container, with the values of those secrets that stand in the same file.
fn environment(container: &Container, secrets: &[Secret]) -> BTreeMap<String, String> {
    let variables = container.env.iter().flatten().map(|variable| {
        let value = variable.value.clone().unwrap_or_else(|| {
            let key = variable.value_from.as_ref().unwrap().secret_key_ref.as_ref().unwrap();
            let secret =
                secrets.iter().find(|secret| secret.metadata.name.as_ref() == Some(&key.name)).unwrap();
            secret.string_data.as_ref().unwrap()[&key.key].clone()
        });
        (variable.name.clone(), value)
    });
    variables.collect()
}

#[test]
fn alerts_ask_for_metrics_that_exist() {
    let metrics = declared_metrics();
    let mut alerts = Vec::new();
    let mut asked = BTreeSet::new();
    for file in files("alerts") {
        for document in documents(&file) {
            for group in document["groups"].as_array().unwrap() {
                assert!(group["name"].is_string());
                for rule in group["rules"].as_array().unwrap() {
                    alerts.push(rule["alert"].as_str().unwrap().to_owned());
                    let annotations = &rule["annotations"];
                    assert!(annotations["summary"].is_string() && annotations["description"].is_string());
                    assert!(rule["labels"]["severity"].is_string());
                    asked.extend(metric_names(rule["expr"].as_str().unwrap()));
                }
            }
        }
    }
    let distinct: BTreeSet<_> = alerts.iter().collect();
    assert_eq!(distinct.len(), alerts.len(), "{alerts:?}");
    let unknown: Vec<_> = asked.difference(&metrics).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for needed in [
        "eventer_events_dropped_total",
        "eventer_events_rejected_total",
        "eventer_sink_lag_seconds",
        "eventer_watch_gaps_total",
        "eventer_watch_silence_seconds",
    ] {
        assert!(asked.contains(needed), "{needed} has no alert");
    }
}

/// The names of all metrics, from the one folder that declares them.
fn declared_metrics() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../eventer-core/src/metrics");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|file| fs::read_to_string(file).unwrap());
    let strings = |text: String| text.split('"').map(str::to_owned).collect::<Vec<_>>();
    texts.flat_map(strings).filter(|text| metric_names(text) == [text.clone()]).collect()
}

fn metric_names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("eventer_")).map(str::to_owned).collect()
}
