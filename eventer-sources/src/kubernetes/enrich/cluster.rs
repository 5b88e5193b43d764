//! What is known of the cluster, and what an event gets of it. Pure.

use std::sync::Arc;

use eventer_core::Event;
use eventer_core::event::{Enrichment, NodeInfo, ObjectReference, OwnerReference};
use eventer_core::metrics::UnenrichedReason;
use tokio::time::Instant;

use super::kinds::{Following, KindId, Kinds, KnownKind, ScopeId};
use super::object::{Detail, Object};
use super::options::EnrichOptions;
use super::store::{Slot, Store, path};
use super::vain::Vain;

/// The longest chain of owners.
const MAX_OWNERS: usize = 8;

/// What is known of a cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    options: EnrichOptions,
    /// Only these namespaces may be looked into; empty: all.
    namespaces: Vec<String>,
    pub(super) kinds: Kinds,
    pub(super) store: Store,
    vain: Vain,
    /// What must be read from now on.
    wanted: Vec<Wanted>,
}

/// A kind that is to be read, in a namespace or in all.
#[derive(Debug)]
pub(in crate::kubernetes) struct Wanted {
    pub(super) scope: ScopeId,
    pub(super) kind: KindId,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) name: String,
    pub(super) known: Option<&'static KnownKind>,
    pub(super) namespace: Option<String>,
}

/// Whether an event has all that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has: everything, or for this reason not.
    Settled(Option<UnenrichedReason>),
    /// More may come.
    Later,
}

/// One object that is looked for.
#[derive(Clone, Copy, Debug)]
struct Sought<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
    /// A version of it that somebody has seen.
    version: Option<u64>,
}

/// How it stands with all that is looked for around one event.
#[derive(Clone, Copy, Debug)]
struct Asking {
    /// When the event was received. Whatever it leads to was there before.
    since: Instant,
    /// Nothing may be waited for any more.
    is_due: bool,
    missing: Option<UnenrichedReason>,
    is_later: bool,
}

/// What came of looking for an object.
#[derive(Clone, Copy)]
enum Found {
    Here(Slot),
    Missing(UnenrichedReason),
    Later,
}

impl Cluster {
    pub(super) fn new(options: EnrichOptions, namespaces: Vec<String>) -> Self {
        let store = Store::new(options.memory);
        let (kinds, vain, wanted) = (Kinds::default(), Vain::default(), Vec::new());
        Self { options, namespaces, kinds, store, vain, wanted }
    }

    /// What must be read besides what is read already.
    pub(super) fn take_wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// Gives an event what is known around its object, once that is all there will be, or `is_due` says that it must not
    /// wait. It was received at `since`.
    pub(super) fn enrich(&mut self, event: &mut Event, since: Instant, is_due: bool) -> Outcome {
        let mut asking = Asking { since, is_due, missing: None, is_later: false };
        let EnrichOptions { labels, owners, services, .. } = self.options;
        let object = &event.involved_object;
        let wants_object = labels || owners || (services && is_core(object, "Pod"));
        let slot = wants_object.then(|| asking.take(self.find(Sought::of(object), &asking))).flatten();
        let node = self.node_of(event);
        let memo = slot.and_then(|slot| self.store.memo(slot, node));
        let is_new = memo.is_none();
        let around = memo.unwrap_or_else(|| self.around(event, slot, node, &mut asking));
        if asking.is_later {
            return Outcome::Later;
        }
        if let Some(entry) = slot.and_then(|slot| self.store.entry(slot)) {
            let object = &mut event.involved_object;
            if labels {
                object.labels.clone_from(&entry.labels);
                object.annotations.clone_from(&entry.annotations);
                object.deleted = entry.is_deleted();
            }
            if owners {
                object.owner_references.clone_from(&entry.owners);
            }
        }
        event.enrichment.clone_from(&around);
        if is_new
            && asking.missing.is_none()
            && let Some(slot) = slot
        {
            // The last of all: to make room for it, objects may go.
            let node = self.node_of(event);
            self.store.keep_memo(slot, node, around);
        }
        Outcome::Settled(asking.missing)
    }

    /// An object has come that may have been waited for.
    pub(super) fn came(&mut self, kind: KindId, object: &Object) {
        if !self.vain.is_empty() {
            self.vain.forget(&object.uid);
            self.vain.forget(&vain_name(kind, &path(&object.namespace, &object.name)));
        }
    }

    /// If it is to be looked up: the node that an event is about, or on which the kubelet is that it comes from.
    fn node_of<'a>(&self, event: &'a Event) -> Option<&'a str> {
        let name = if !self.options.node {
            ""
        } else if is_core(&event.involved_object, "Node") {
            &event.involved_object.name
        } else if event.component() != "kubelet" {
            ""
        } else if event.source.host.is_empty() {
            &event.reporting_instance
        } else {
            &event.source.host
        };
        Some(name).filter(|name| !name.is_empty())
    }

    /// What is known around an object, besides itself.
    fn around(
        &mut self,
        event: &Event,
        slot: Option<Slot>,
        node: Option<&str>,
        asking: &mut Asking,
    ) -> Option<Arc<Enrichment>> {
        let object = &event.involved_object;
        let mut around = Enrichment::default();
        if self.options.owners
            && let Some(slot) = slot
        {
            around.owners = self.owners(slot, &object.namespace, asking);
        }
        if self.options.namespace && !object.namespace.is_empty() {
            let found = asking.take(self.find(Sought::named("Namespace", &object.namespace), asking));
            let labels = found.and_then(|slot| self.store.entry(slot)?.labels.clone());
            around.namespace_labels = labels.map(|labels| (*labels).clone()).unwrap_or_default();
        }
        if let Some(name) = node {
            let sought =
                if is_core(object, "Node") { Sought::of(object) } else { Sought::named("Node", name) };
            let found = asking.take(self.find(sought, asking));
            around.node = found.and_then(|slot| self.store.entry(slot)).map(|node| NodeInfo {
                name: node.name().to_owned(),
                addresses: match &node.detail {
                    Detail::Addresses(addresses) => addresses.clone(),
                    Detail::None | Detail::Selector(_) => Default::default(),
                },
            });
        }
        if self.options.services
            && is_core(object, "Pod")
            && let Some(slot) = slot
        {
            around.services = self.services(slot, &object.namespace, asking);
        }
        (around != Enrichment::default()).then(|| Arc::new(around))
    }

    /// Who controls an object, who controls that one, and so on.
    fn owners(&mut self, slot: Slot, namespace: &str, asking: &mut Asking) -> Vec<OwnerReference> {
        let mut chain: Vec<OwnerReference> = Vec::new();
        let mut uids: Vec<String> = Vec::new();
        let mut next = Some(slot);
        while let Some(entry) = next.and_then(|slot| self.store.entry(slot))
            && chain.len() < MAX_OWNERS
        {
            uids.push(entry.uid().to_owned());
            let mut owners = entry.owners.iter().flat_map(|owners| owners.iter());
            let Some(owner) = owners.find(|owner| owner.controller == Some(true)).cloned() else { break };
            if uids.contains(&owner.uid) {
                break;
            }
            let sought = Sought {
                api_version: &owner.api_version,
                kind: &owner.kind,
                namespace,
                name: &owner.name,
                uid: &owner.uid,
                version: None,
            };
            next = asking.take(self.find(sought, asking));
            chain.push(owner);
        }
        chain
    }

    /// Names of the Services that lead to a pod.
    fn services(&mut self, pod: Slot, namespace: &str, asking: &mut Asking) -> Vec<String> {
        let Some(kind) = self.kinds.id("v1", "Service") else { return Vec::new() };
        let following = self.scope(kind, namespace).map(|scope| *self.kinds.following(scope));
        match following {
            Ok(Following::Synced { .. }) => {}
            Ok(Following::Begun) => asking.wait(),
            Ok(Following::Not(reason)) | Err(reason) => asking.miss(reason),
        }
        let none = Default::default();
        let Some(labels) = self.store.entry(pod).map(|pod| pod.labels.as_deref().unwrap_or(&none)) else {
            return Vec::new();
        };
        let of_namespace = self.store.in_namespace(kind, namespace);
        let leading = of_namespace.filter(|(_, service)| match &service.detail {
            Detail::Selector(selector) if !selector.is_empty() => {
                selector.iter().all(|(name, value)| labels.get(name) == Some(value))
            }
            _ => false,
        });
        leading.map(|(name, _)| name.to_owned()).collect()
    }

    /// Looks for an object; what it needs for that is read from now on.
    fn find(&mut self, sought: Sought<'_>, asking: &Asking) -> Found {
        let Sought { api_version, kind: name, namespace, version, .. } = sought;
        let uid = sought.uid();
        if let Some(slot) = uid.and_then(|uid| self.store.by_uid(uid)) {
            return Found::Here(slot);
        }
        let Some(kind) = self.kinds.id(api_version, name) else {
            return Found::Missing(UnenrichedReason::LeftOut);
        };
        let path = path(namespace, sought.name);
        if uid.is_none()
            && let Some(slot) = self.store.by_name(kind, &path)
        {
            return Found::Here(slot);
        }
        let scope = match self.scope(kind, namespace) {
            Ok(scope) => scope,
            Err(reason) => return Found::Missing(reason),
        };
        let (began, read_to) = match *self.kinds.following(scope) {
            Following::Not(reason) => return Found::Missing(reason),
            Following::Begun => return Found::Later,
            Following::Synced { began, version } => (began, version),
        };
        // It was there before the event was; so a list that was begun later has it, if it is still there. And so it is if
        // a version of it was seen that is older than what is known.
        let is_gone = began >= asking.since || version.is_some_and(|version| version <= read_to);
        let key = || uid.map_or_else(|| vain_name(kind, &path), str::to_owned);
        if is_gone || (!self.vain.is_empty() && self.vain.has(&key())) {
            return Found::Missing(match self.store.has_evicted(kind) {
                true => UnenrichedReason::Budget,
                false => UnenrichedReason::Unknown,
            });
        }
        if asking.is_due {
            self.vain.remember(key());
        }
        Found::Later
    }

    /// The scope that holds a kind's objects of a namespace; it is read from now on.
    fn scope(&mut self, id: KindId, namespace: &str) -> Result<ScopeId, UnenrichedReason> {
        let kind = self.kinds.get(id);
        let is_cluster_wide = namespace.is_empty() || kind.known.is_some_and(|known| !known.is_namespaced);
        let namespace = Some(namespace).filter(|_| !self.namespaces.is_empty() && !is_cluster_wide);
        if namespace.is_some_and(|namespace| !self.namespaces.iter().any(|known| known == namespace)) {
            return Err(UnenrichedReason::LeftOut);
        }
        let (scope, is_new) = self.kinds.scope(id, namespace);
        if is_new {
            let kind = self.kinds.get(id);
            self.wanted.push(Wanted {
                scope,
                kind: id,
                group: kind.group.clone(),
                version: kind.version.clone(),
                name: kind.name.clone(),
                known: kind.known,
                namespace: namespace.map(str::to_owned),
            });
        }
        Ok(scope)
    }
}

impl<'a> Sought<'a> {
    fn of(object: &'a ObjectReference) -> Self {
        Self {
            api_version: &object.api_version,
            kind: &object.kind,
            namespace: &object.namespace,
            name: &object.name,
            uid: &object.uid,
            version: object.resource_version.parse().ok(),
        }
    }

    /// An object of the core without a namespace.
    fn named(kind: &'a str, name: &'a str) -> Self {
        Self { api_version: "v1", kind, namespace: "", name, uid: "", version: None }
    }

    /// The uid, if there is one. The kubelet writes the name of a Node there.
    fn uid(&self) -> Option<&'a str> {
        let is_name = self.kind == "Node" && self.uid == self.name;
        Some(self.uid).filter(|uid| !uid.is_empty() && !is_name)
    }
}

impl Asking {
    fn take(&mut self, found: Found) -> Option<Slot> {
        match found {
            Found::Here(slot) => return Some(slot),
            Found::Missing(reason) => self.miss(reason),
            Found::Later => self.wait(),
        }
        None
    }

    fn wait(&mut self) {
        if self.is_due {
            self.miss(UnenrichedReason::Wait);
        } else {
            self.is_later = true;
        }
    }

    fn miss(&mut self, reason: UnenrichedReason) {
        self.missing.get_or_insert(reason);
    }
}

/// The key of an object that is looked for by name.
fn vain_name(kind: KindId, path: &str) -> String {
    format!("{kind}/{path}")
}

fn is_core(object: &ObjectReference, kind: &str) -> bool {
    object.kind == kind && matches!(&*object.api_version, "v1" | "")
}
