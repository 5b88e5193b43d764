//! What an event gets, and when there is nothing to wait for.

use std::time::Duration;

use eventer_core::Event;
use eventer_core::event::{NodeInfo, ObjectReference, Origin, OwnerReference};
use eventer_core::metrics::UnenrichedReason;
use tokio::time::{Instant, advance};

use super::super::cluster::{Cluster, Outcome};
use super::super::kinds::Following;
use super::super::object::{Detail, Object};
use super::super::options::EnrichOptions;
use super::super::store::Seen;
use super::{labels, object, owned, owner, uid};

const VERSION: u64 = 100;

/// Looks up what `words` say in a cluster that has been read to [`VERSION`] a minute ago.
struct Rig {
    cluster: Cluster,
    synced: Instant,
}

impl Rig {
    async fn new(words: &str) -> Self {
        Self::with(words, &[]).await
    }

    async fn with(words: &str, namespaces: &[&str]) -> Self {
        let mut options = EnrichOptions::default();
        words.split(',').for_each(|word| options.add(word).unwrap());
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        let rig = Self { cluster: Cluster::new(options, namespaces), synced: Instant::now() };
        advance(Duration::from_secs(60)).await;
        rig
    }

    /// An object is there; all of its kind are known.
    fn has(&mut self, api_version: &str, kind: &str, object: Object) {
        let scope = self.syncs(api_version, kind);
        let kind = self.cluster.kinds.id(api_version, kind).unwrap();
        self.cluster.came(kind, &object);
        self.cluster.store.put(kind, Seen { scope, list: 1 }, object);
    }

    fn syncs(&mut self, api_version: &str, kind: &str) -> usize {
        let kind = self.cluster.kinds.id(api_version, kind).unwrap();
        let (scope, _) = self.cluster.kinds.scope(kind, None);
        *self.cluster.kinds.following(scope) = Following::Synced { began: self.synced, version: VERSION };
        scope
    }

    /// An event that is received now.
    fn enrich(&mut self, event: &mut Event) -> Outcome {
        self.cluster.enrich(event, Instant::now(), false)
    }

    /// An event that has waited as long as it may.
    fn enrich_at_last(&mut self, event: &mut Event) -> Outcome {
        self.cluster.enrich(event, Instant::now() - Duration::from_millis(500), true)
    }
}

/// An event of the kubelet about a pod.
fn event(pod: &str) -> Event {
    Event {
        involved_object: ObjectReference {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: "prod".to_owned(),
            name: pod.to_owned(),
            uid: uid(pod),
            ..ObjectReference::default()
        },
        source: Origin { component: "kubelet".to_owned(), host: "node-1".to_owned() },
        ..Event::default()
    }
}

fn node(name: &str, ip: &str) -> Object {
    let detail = Detail::Addresses(labels(&[("InternalIP", ip)]));
    Object { namespace: String::new(), detail, ..object(name) }
}

fn missing(reason: UnenrichedReason) -> Outcome {
    Outcome::Settled(Some(reason))
}

const WHOLE: Outcome = Outcome::Settled(None);

#[tokio::test(start_paused = true)]
async fn what_was_not_asked_for_is_not_looked_up() {
    let mut rig = Rig::new("labels").await;
    rig.has("v1", "Pod", owned("web", owner("apps/v1", "ReplicaSet", "rs")));
    let mut event = event("web");
    assert_eq!(rig.enrich(&mut event), WHOLE);
    assert_eq!(event.involved_object.labels.as_deref(), Some(&labels(&[("app", "web")])));
    assert_eq!((event.involved_object.annotations, event.involved_object.owner_references), (None, None));
    assert_eq!(event.enrichment, None);
    assert!(rig.cluster.take_wanted().is_empty(), "all that is needed is read already");
}

#[tokio::test(start_paused = true)]
async fn all_kinds_that_are_needed_are_read_at_once() {
    let mut rig = Rig::new("labels,owners,node,namespace,services").await;
    assert_eq!(rig.enrich(&mut event("web")), Outcome::Later);
    let mut wanted: Vec<String> = rig.cluster.take_wanted().into_iter().map(|wanted| wanted.name).collect();
    wanted.sort();
    // Services only once the pod is there.
    assert_eq!(wanted, ["Namespace", "Node", "Pod"]);
    assert_eq!(rig.enrich(&mut event("other")), Outcome::Later);
    assert!(rig.cluster.take_wanted().is_empty(), "each is asked for once");
}

#[tokio::test(start_paused = true)]
async fn owners_are_followed_up_to_the_top() {
    let mut rig = Rig::new("owners").await;
    rig.has("v1", "Pod", owned("web", owner("apps/v1", "ReplicaSet", "rs")));
    rig.has("apps/v1", "ReplicaSet", owned("rs", owner("apps/v1", "Deployment", "deploy")));
    rig.has("apps/v1", "Deployment", object("deploy"));
    let mut event = event("web");
    assert_eq!(rig.enrich(&mut event), WHOLE);
    let owners = &event.enrichment.unwrap().owners;
    assert_eq!(owners[..], [owner("apps/v1", "ReplicaSet", "rs"), owner("apps/v1", "Deployment", "deploy")]);
    assert_eq!(event.involved_object.owner_references.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn owners_that_own_each_other_end() {
    let mut rig = Rig::new("owners").await;
    for (name, of) in [("a", "b"), ("b", "c"), ("c", "a"), ("self", "self")] {
        rig.has("v1", "Pod", owned(name, owner("v1", "Pod", of)));
    }
    let mut names = |of: &str| {
        let mut event = event(of);
        assert_eq!(rig.enrich(&mut event), WHOLE);
        let owners = event.enrichment.map(|around| around.owners.clone()).unwrap_or_default();
        owners.into_iter().map(|owner| owner.name).collect::<Vec<_>>()
    };
    assert_eq!(names("a"), ["b", "c"]);
    assert_eq!(names("self"), [""; 0]);
    for n in 0..50 {
        rig.has("v1", "Pod", owned(&format!("p{n}"), owner("v1", "Pod", &format!("p{}", n + 1))));
    }
    let mut event = event("p0");
    assert_eq!(rig.enrich(&mut event), WHOLE);
    assert_eq!(event.enrichment.unwrap().owners.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_control_is_no_link_of_the_chain() {
    let mut rig = Rig::new("owners").await;
    let bystander = OwnerReference { controller: None, ..owner("v1", "Node", "node-1") };
    rig.has("v1", "Pod", owned("web", bystander));
    let mut event = event("web");
    assert_eq!(rig.enrich(&mut event), WHOLE);
    assert_eq!((event.involved_object.owner_references.unwrap().len(), event.enrichment), (1, None));
}

#[tokio::test(start_paused = true)]
async fn the_node_is_that_of_the_event_or_that_of_the_kubelet() {
    let mut rig = Rig::new("node").await;
    rig.has("v1", "Node", node("node-1", "10.0.0.1"));
    rig.has("v1", "Node", node("node-2", "10.0.0.2"));
    let first = NodeInfo { name: "node-1".to_owned(), addresses: labels(&[("InternalIP", "10.0.0.1")]) };
    let mut found = |mut event: Event| {
        assert_eq!(rig.enrich(&mut event), WHOLE);
        event.enrichment.and_then(|around| around.node.clone())
    };
    assert_eq!(found(event("web")), Some(first.clone()));
    // Through events.k8s.io.
    let mut new_form = event("web");
    new_form.source = Origin::default();
    new_form.reporting_component = "kubelet".to_owned();
    new_form.reporting_instance = "node-1".to_owned();
    assert_eq!(found(new_form.clone()), Some(first.clone()));
    new_form.reporting_component = "default-scheduler".to_owned();
    assert_eq!(found(new_form), None);
    // The kubelet writes a Node's name as its uid, and leaves out the version; the controller manager does not.
    for (api_version, uid) in [("", "node-1".to_owned()), ("v1", uid("node-1")), ("v1", String::new())] {
        let mut about = event("web");
        about.source = Origin::default();
        about.involved_object = ObjectReference {
            api_version: api_version.to_owned(),
            kind: "Node".to_owned(),
            name: "node-1".to_owned(),
            uid,
            ..ObjectReference::default()
        };
        assert_eq!(found(about), Some(first.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn services_are_those_whose_whole_selector_the_pod_has() {
    let mut rig = Rig::new("services").await;
    rig.has("v1", "Pod", Object { labels: labels(&[("app", "web"), ("tier", "front")]), ..object("web") });
    rig.syncs("v1", "Service");
    let mut selecting = |name: &str, selector: &[(&str, &str)]| {
        let detail = Detail::Selector(labels(selector));
        rig.has("v1", "Service", Object { detail, ..object(name) });
    };
    selecting("z-all", &[("app", "web")]);
    selecting("front", &[("app", "web"), ("tier", "front")]);
    selecting("back", &[("app", "web"), ("tier", "back")]);
    selecting("none", &[]);
    let mut first = event("web");
    assert_eq!(rig.enrich(&mut first), WHOLE);
    assert_eq!(first.enrichment.unwrap().services, ["front", "z-all"]);
    assert_eq!(first.involved_object.labels, None, "they were looked at, but not asked for");

    rig.cluster.store.bury(&uid("front"), Instant::now());
    let mut second = event("web");
    assert_eq!(rig.enrich(&mut second), WHOLE);
    assert_eq!(second.enrichment.unwrap().services, ["z-all"]);
}

#[tokio::test(start_paused = true)]
async fn a_static_pod_is_known_by_the_uid_that_its_kubelet_writes() {
    let mut rig = Rig::new("labels").await;
    rig.has("v1", "Pod", Object { alias: Some("of-the-kubelet".to_owned()), ..object("etcd") });
    let mut event = event("etcd");
    event.involved_object.uid = "of-the-kubelet".to_owned();
    assert_eq!(rig.enrich(&mut event), WHOLE);
    assert!(event.involved_object.labels.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_object_of_the_same_name_is_another_one() {
    let mut rig = Rig::new("labels").await;
    rig.has("v1", "Pod", object("web"));
    let mut other = event("web");
    other.involved_object.uid = "of-the-one-before".to_owned();
    other.involved_object.resource_version = "7".to_owned();
    assert_eq!(rig.enrich(&mut other), missing(UnenrichedReason::Unknown));
    assert_eq!(other.involved_object.labels, None);
    let mut without = event("web");
    without.involved_object.uid.clear();
    assert_eq!(rig.enrich(&mut without), WHOLE);
    assert!(without.involved_object.labels.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_not_waited_for() {
    let mut rig = Rig::new("labels").await;
    rig.syncs("v1", "Pod");
    // Somebody has seen it in a version that is known here.
    let mut seen = event("old");
    seen.involved_object.resource_version = VERSION.to_string();
    assert_eq!(rig.enrich(&mut seen), missing(UnenrichedReason::Unknown));
    // It may just not have come yet.
    seen.involved_object.resource_version = (VERSION + 1).to_string();
    assert_eq!(rig.enrich(&mut seen), Outcome::Later);
    // The list was begun after the event was received.
    let received = Instant::now();
    rig.synced = received + Duration::from_millis(1);
    rig.syncs("v1", "Pod");
    assert_eq!(rig.cluster.enrich(&mut event("x"), received, false), missing(UnenrichedReason::Unknown));
}

#[tokio::test(start_paused = true)]
async fn what_was_waited_for_in_vain_is_not_waited_for_again_until_it_comes() {
    let mut rig = Rig::new("labels,namespace").await;
    rig.syncs("v1", "Pod");
    rig.syncs("v1", "Namespace");
    assert_eq!(rig.enrich(&mut event("web")), Outcome::Later);
    assert_eq!(rig.enrich_at_last(&mut event("web")), missing(UnenrichedReason::Wait));
    assert_eq!(rig.enrich(&mut event("web")), missing(UnenrichedReason::Unknown));
    rig.has("v1", "Pod", object("web"));
    rig.has("v1", "Namespace", Object { namespace: String::new(), ..object("prod") });
    let mut event = event("web");
    assert_eq!(rig.enrich(&mut event), WHOLE);
    assert!(event.involved_object.labels.is_some());
    assert_eq!(event.enrichment.unwrap().namespace_labels, labels(&[("app", "web")]));
}

#[tokio::test(start_paused = true)]
async fn what_is_known_goes_out_without_what_is_not() {
    let mut rig = Rig::new("labels,node").await;
    rig.has("v1", "Pod", object("web"));
    let mut event = event("web");
    assert_eq!(rig.enrich(&mut event), Outcome::Later);
    assert_eq!(event.involved_object.labels, None, "all at once");
    assert_eq!(rig.enrich_at_last(&mut event), missing(UnenrichedReason::Wait));
    assert!(event.involved_object.labels.is_some() && event.enrichment.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_had_to_go_is_told_apart_from_what_was_never_there() {
    let mut rig = Rig::new("labels").await;
    rig.cluster =
        Cluster::new(EnrichOptions { labels: true, memory: 2000, ..EnrichOptions::default() }, vec![]);
    for n in 0..20 {
        rig.has("v1", "Pod", object(&format!("web-{n}")));
    }
    let mut event = event("web-0");
    event.involved_object.resource_version = "7".to_owned();
    assert_eq!(rig.enrich(&mut event), missing(UnenrichedReason::Budget));
}

#[tokio::test(start_paused = true)]
async fn what_was_found_is_found_again_until_it_changes() {
    let mut rig = Rig::new("owners,node,namespace").await;
    rig.has("v1", "Pod", owned("web", owner("apps/v1", "ReplicaSet", "rs")));
    rig.has("apps/v1", "ReplicaSet", object("rs"));
    rig.has("v1", "Node", node("node-1", "10.0.0.1"));
    rig.has("v1", "Node", node("node-2", "10.0.0.2"));
    rig.has("v1", "Namespace", Object { namespace: String::new(), ..object("prod") });
    let around = |rig: &mut Rig, host: &str| {
        let mut event = event("web");
        host.clone_into(&mut event.source.host);
        assert_eq!(rig.enrich(&mut event), WHOLE);
        event.enrichment.unwrap()
    };
    let first = around(&mut rig, "node-1");
    assert!(std::sync::Arc::ptr_eq(&first, &around(&mut rig, "node-1")), "it is shared");
    assert_eq!(around(&mut rig, "node-2").node.as_ref().unwrap().name, "node-2");

    // Another version of the same changes nothing.
    let before = around(&mut rig, "node-1");
    rig.has("v1", "Pod", Object { version: Some(101), ..owned("web", owner("apps/v1", "ReplicaSet", "rs")) });
    assert!(std::sync::Arc::ptr_eq(&before, &around(&mut rig, "node-1")));

    rig.has(
        "v1",
        "Namespace",
        Object { namespace: String::new(), labels: labels(&[("team", "a")]), ..object("prod") },
    );
    assert_eq!(around(&mut rig, "node-1").namespace_labels, labels(&[("team", "a")]));
    rig.has("v1", "Node", node("node-1", "10.9.9.9"));
    assert_eq!(around(&mut rig, "node-1").node.as_ref().unwrap().addresses["InternalIP"], "10.9.9.9");
    rig.has("apps/v1", "ReplicaSet", owned("rs", owner("apps/v1", "Deployment", "deploy")));
    rig.has("apps/v1", "Deployment", object("deploy"));
    assert_eq!(around(&mut rig, "node-1").owners.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_the_namespaces_that_are_watched_are_looked_into() {
    let mut rig = Rig::with("labels,namespace,node", &["prod", "shop"]).await;
    assert_eq!(rig.enrich(&mut event("web")), Outcome::Later);
    let mut wanted: Vec<_> =
        rig.cluster.take_wanted().into_iter().map(|wanted| (wanted.name, wanted.namespace)).collect();
    wanted.sort();
    let prod = ("Pod".to_owned(), Some("prod".to_owned()));
    assert_eq!(wanted, [("Namespace".to_owned(), None), ("Node".to_owned(), None), prod]);
    let mut elsewhere = event("web");
    elsewhere.involved_object.namespace = "kube-system".to_owned();
    rig.enrich(&mut elsewhere);
    assert!(rig.cluster.take_wanted().is_empty());
}
