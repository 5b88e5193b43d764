//! The files of `deploy/`: each decodes without a rest, asks for the least, and says what the program understands.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use eventer_core::time::parse_duration;
use eventer_core::uri::ByteSize;
use eventer_core::{ComponentUri, ConfigError, OptionValue, PipelineBuilder, Registry, SinkPlan};
use eventer_sources::kubernetes::KNOWN_KINDS;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, Namespace, PersistentVolumeClaim, PodSpec, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The example that keeps the journal where the pod is.
const NO_VOLUME: &str = "no-volume.yaml";

/// The example whose sources and sinks stand in a file.
const CONFIG: &str = "config.yaml";

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

/// The value of a flag that a pod is given.
fn argument<'a>(set: &'a StatefulSet, flag: &str) -> Option<&'a str> {
    let arguments = container(set).args.iter().flatten().filter_map(|argument| argument.split_once('='));
    arguments.into_iter().find(|(name, _)| *name == flag).map(|(_, value)| value)
}

/// A quantity of Kubernetes' in bytes. `Mi` and `Gi` mean the same here and there.
fn bytes(quantity: &str) -> u64 {
    ByteSize::parse_option(quantity).unwrap().0
}

fn files_with_a_pod() -> Vec<PathBuf> {
    let mut files = files("examples");
    files.push(deploy().join("40-statefulset.yaml"));
    files
}

#[test]
fn every_manifest_is_an_object_that_kubernetes_knows_to_its_last_field() {
    let folders = ["", "enrichment", "examples"];
    let all: Vec<Value> = folders.iter().flat_map(|folder| objects(folder)).collect();
    assert!(all.len() >= 9, "{}", all.len());
    for object in all {
        let read_again = match object["kind"].as_str().unwrap() {
            "ClusterRole" => again::<ClusterRole>(&object),
            "ClusterRoleBinding" => again::<ClusterRoleBinding>(&object),
            "ConfigMap" => again::<ConfigMap>(&object),
            "Namespace" => again::<Namespace>(&object),
            "PersistentVolumeClaim" => again::<PersistentVolumeClaim>(&object),
            "Role" => again::<Role>(&object),
            "RoleBinding" => again::<RoleBinding>(&object),
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
fn what_is_looked_up_may_be_read_and_nothing_else() {
    let objects = objects("enrichment");
    let roles: Vec<ClusterRole> = decode(&objects, "ClusterRole");
    let bindings: Vec<ClusterRoleBinding> = decode(&objects, "ClusterRoleBinding");
    let [in_namespaces, in_none] = roles.as_slice() else { panic!("two roles") };
    for (role, is_namespaced) in [(in_namespaces, true), (in_none, false)] {
        let mut allowed = BTreeSet::new();
        for rule in role.rules.as_ref().unwrap() {
            assert_eq!(rule.verbs, ["list", "watch"]);
            let [group] = rule.api_groups.as_deref().unwrap() else { panic!("one group a rule") };
            let resources = rule.resources.iter().flatten();
            allowed.extend(resources.map(|resource| (group.clone(), resource.clone())));
        }
        let known = KNOWN_KINDS.iter().filter(|known| known.is_namespaced == is_namespaced);
        let needed: BTreeSet<_> =
            known.map(|known| (known.group.to_owned(), known.plural.to_owned())).collect();
        assert_eq!(allowed, needed);
    }
    let set = statefulset(&deploy().join("40-statefulset.yaml"));
    assert_eq!(bindings.len(), roles.len());
    for (binding, role) in bindings.iter().zip(&roles) {
        assert_eq!(Some(&binding.role_ref.name), role.metadata.name.as_ref());
        let [subject] = binding.subjects.as_deref().unwrap() else { panic!("one subject") };
        assert_eq!(Some(&subject.name), pod(&set).service_account_name.as_ref());
        assert_eq!(subject.namespace, set.metadata.namespace);
    }
}

#[test]
fn the_pod_has_the_least_rights_and_time_to_drain() {
    let set = statefulset(&deploy().join("40-statefulset.yaml"));
    assert_eq!(set.spec.as_ref().unwrap().replicas, Some(1));
    let stop_timeout = argument(&set, "--stop-timeout")
        .map_or(PipelineBuilder::DEFAULT_STOP_TIMEOUT, |text| parse_duration(text).unwrap());
    let grace = pod(&set).termination_grace_period_seconds.unwrap().cast_unsigned();
    assert!(Duration::from_secs(grace) > stop_timeout + Duration::from_secs(2));
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
fn what_waits_is_kept_on_a_volume_that_holds_it_and_that_the_user_may_write() {
    for file in files_with_a_pod() {
        let set = statefulset(&file);
        let state_dir = Path::new(argument(&set, "--state-dir").unwrap());
        let mounts = container(&set).volume_mounts.iter().flatten();
        let mount = mounts.into_iter().find(|mount| state_dir.starts_with(&mount.mount_path));
        let mount = mount.unwrap_or_else(|| panic!("{file:?}: {state_dir:?} is on no volume"));
        assert_ne!(mount.read_only, Some(true), "{file:?}");
        let size = if file.ends_with(NO_VOLUME) {
            let volumes = pod(&set).volumes.as_deref().unwrap();
            let volume = volumes.iter().find(|volume| volume.name == mount.name).unwrap();
            volume.empty_dir.as_ref().unwrap().size_limit.clone().unwrap()
        } else {
            let claims = set.spec.as_ref().unwrap().volume_claim_templates.as_deref().unwrap();
            let claim = claims.iter().find(|claim| claim.metadata.name.as_ref() == Some(&mount.name));
            let spec = claim.unwrap().spec.as_ref().unwrap();
            assert_eq!(spec.access_modes.as_deref().unwrap(), ["ReadWriteOnce"], "{file:?}");
            spec.resources.as_ref().unwrap().requests.as_ref().unwrap()["storage"].clone()
        };
        // As docs/delivery.md says.
        let journal = bytes(argument(&set, "--journal-size").unwrap());
        assert!(bytes(&size.0) >= 2 * journal + bytes("256Mi"), "{file:?}: {size:?}");
        let context = pod(&set).security_context.as_ref().unwrap();
        assert_eq!(context.fs_group, context.run_as_user, "{file:?}");
        let own = container(&set).security_context.as_ref().unwrap();
        assert_eq!(own.read_only_root_filesystem, Some(true), "{file:?}");
    }
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
        if file.ends_with(NO_VOLUME) {
            let spec = example.spec.as_mut().unwrap();
            assert!(spec.volume_claim_templates.is_none());
            spec.volume_claim_templates = base.spec.as_ref().unwrap().volume_claim_templates.clone();
        }
        let pod = example.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
        pod.volumes = None;
        pod.containers[0].volume_mounts.as_mut().unwrap().retain(|mount| mount.name == "state");
        pod.containers[0].args = container(&base).args.clone();
        pod.containers[0].env.as_mut().unwrap().retain(|variable| variable.name == "TZ");
        assert_eq!(example, base, "{file:?}");
    }
}

fn files_with_flags() -> Vec<PathBuf> {
    files_with_a_pod().into_iter().filter(|file| !file.ends_with(CONFIG)).collect()
}

/// The plans of a pod's sinks, and their flags; those of kinds that this build lacks are left out.
fn sinks(file: &Path) -> Vec<(SinkPlan, String)> {
    let mut registry = Registry::new();
    eventer_sources::register_all(&mut registry);
    eventer_sinks::register_all(&mut registry);
    let set = statefulset(file);
    let variables = container(&set).env.iter().flatten();
    let environment: BTreeMap<String, String> =
        variables.map(|variable| (variable.name.clone(), variable.value.clone().unwrap())).collect();
    let mut flags = BTreeSet::new();
    let mut plans = Vec::new();
    for argument in container(&set).args.as_ref().unwrap() {
        let (flag, text) = argument.split_once('=').unwrap();
        flags.insert(flag.to_owned());
        if matches!(flag, "--journal-size" | "--state-dir") {
            continue;
        }
        let uri = ComponentUri::parse(flag, text, &environment).unwrap();
        match flag {
            "--source" => {
                drop(registry.plan_source(&uri).unwrap_or_else(|errors| panic!("{file:?}: {errors:?}")))
            }
            "--sink" => match registry.plan_sink(&uri) {
                Ok(plan) => plans.push((plan, text.to_owned())),
                Err(errors) => {
                    let is_known = deploy().join(format!("../docs/sinks/{}.md", uri.kind())).exists();
                    let is_left_out = matches!(&*errors, [ConfigError::UnknownKind { .. }]) && is_known;
                    assert!(is_left_out, "{file:?}: {errors:?}");
                }
            },
            other => panic!("{other}"),
        }
    }
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    assert_eq!(flags, ["--journal-size", "--sink", "--source", "--state-dir"], "{file:?}");
    plans
}

#[test]
fn the_file_of_an_example_is_mounted_whole_and_understood() {
    let file = deploy().join("examples").join(CONFIG);
    let set = statefulset(&file);
    let path = Path::new(argument(&set, "--config").unwrap());
    let mounts = container(&set).volume_mounts.iter().flatten();
    let mount = mounts.into_iter().find(|mount| path.starts_with(&mount.mount_path)).unwrap();
    assert_eq!((mount.read_only, &mount.sub_path), (Some(true), &None));
    let volume = pod(&set).volumes.iter().flatten().find(|volume| volume.name == mount.name).unwrap();
    let map: ConfigMap = decode(&documents(&file), "ConfigMap").pop().unwrap();
    assert_eq!(volume.config_map.as_ref().unwrap().name, map.metadata.name.unwrap());
    let text = &map.data.unwrap()[path.file_name().unwrap().to_str().unwrap()];
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("eventer.yaml");
    fs::write(&config, text).unwrap();
    let flag = format!("--config={}", config.display());
    let output = Command::new(env!("CARGO_BIN_EXE_eventer")).args(["check", &flag]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_uri_is_understood() {
    for file in files_with_flags() {
        sinks(&file);
    }
}

#[test]
fn every_secret_is_a_file_of_a_secret_that_is_mounted() {
    let mut used = 0;
    for file in files_with_flags() {
        let set = statefulset(&file);
        let mut there = BTreeSet::new();
        let secrets: Vec<Secret> = decode(&documents(&file), "Secret");
        for secret in &secrets {
            let name = secret.metadata.name.as_ref();
            let volumes = pod(&set).volumes.iter().flatten();
            let mut of_secret = volumes.filter(|volume| {
                volume.secret.as_ref().is_some_and(|secret| secret.secret_name.as_ref() == name)
            });
            let volume = of_secret.next().unwrap_or_else(|| panic!("{file:?}: {name:?} is not mounted"));
            let mounts = container(&set).volume_mounts.iter().flatten();
            let mount = mounts.clone().find(|mount| mount.name == volume.name).unwrap();
            assert_eq!((mount.read_only, &mount.sub_path), (Some(true), &None), "{file:?}");
            for key in secret.string_data.as_ref().unwrap().keys() {
                there.insert(format!("{}/{key}", mount.mount_path));
            }
        }
        let flags = container(&set).args.iter().flatten().flat_map(|flag| flag.split(['?', '&']));
        let values = flags.filter_map(|option| option.split_once('=')).map(|(_, value)| value.to_owned());
        let named: BTreeSet<String> = values.filter(|value| value.starts_with("/etc/")).collect();
        assert_eq!(named, there, "{file:?}");
        used += named.len();
    }
    assert!(used >= 2);
}

#[test]
fn the_config_map_of_a_sink_and_no_other_may_be_read() {
    let mut asking = 0;
    for file in files_with_flags() {
        let roles: Vec<Role> = decode(&documents(&file), "Role");
        let asked = sinks(&file).into_iter().find(|(plan, _)| plan.config_map_option().is_some());
        let Some((_, flag)) = asked else {
            // If this build has the sink, nothing else needs a role.
            assert!(roles.is_empty() || sinks(&file).is_empty(), "{file:?}");
            continue;
        };
        asking += 1;
        let option = |name: &str| {
            let options = flag.split(['?', '&']).filter_map(|option| option.split_once('='));
            options.clone().find(|(known, _)| *known == name).unwrap().1.to_owned()
        };
        let name = option("custom_body_configmap");
        let namespace = Some(option("custom_body_configmap_namespace"));
        let config_maps: Vec<ConfigMap> = decode(&documents(&file), "ConfigMap");
        assert_eq!(config_maps[0].metadata.name.as_ref(), Some(&name));
        assert!(config_maps[0].data.as_ref().unwrap().contains_key("content"));
        let [role] = &*roles else { panic!("{file:?}: one role") };
        let [rule] = role.rules.as_deref().unwrap() else { panic!("{file:?}: one rule") };
        assert_eq!(rule.resources.as_deref().unwrap(), ["configmaps"]);
        assert_eq!(rule.resource_names.as_deref().unwrap(), [name]);
        assert_eq!(rule.verbs, ["get", "list", "watch"]);
        let [binding] = &*decode::<RoleBinding>(&documents(&file), "RoleBinding") else { panic!("one") };
        assert_eq!(Some(&binding.role_ref.name), role.metadata.name.as_ref());
        let [subject] = binding.subjects.as_deref().unwrap() else { panic!("one subject") };
        assert_eq!(Some(&subject.name), pod(&statefulset(&file)).service_account_name.as_ref());
        for metadata in [&config_maps[0].metadata, &role.metadata, &binding.metadata] {
            assert_eq!(metadata.namespace, namespace);
        }
    }
    let mut registry = Registry::new();
    eventer_sinks::register_all(&mut registry);
    assert_eq!(asking, usize::from(registry.policy_defaults("webhook").is_some()));
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
        "eventer_journal_bytes",
        "eventer_journal_writable",
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
