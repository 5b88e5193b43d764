//! The kinds of objects: which are known without asking, which are never read, and how far each has been read.

use std::collections::HashMap;

use eventer_core::metrics::UnenrichedReason;
use tokio::time::Instant;

/// A kind that every cluster has, and under which resource it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKind {
    /// The API group; empty for the core.
    pub group: &'static str,
    /// The version of the group in which it is read.
    pub version: &'static str,
    /// The kind, such as `Pod`.
    pub kind: &'static str,
    /// The resource, such as `pods`.
    pub plural: &'static str,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
}

const fn known(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> KnownKind {
    KnownKind { group, version, kind, plural, is_namespaced: true }
}

const fn cluster_wide(kind: &'static str, plural: &'static str) -> KnownKind {
    KnownKind { group: "", version: "v1", kind, plural, is_namespaced: false }
}

/// The kinds that most events are about, and their owners. `deploy/enrichment/` allows to read these.
pub const KNOWN_KINDS: &[KnownKind] = &[
    known("", "v1", "Pod", "pods"),
    known("apps", "v1", "ReplicaSet", "replicasets"),
    known("apps", "v1", "Deployment", "deployments"),
    known("apps", "v1", "StatefulSet", "statefulsets"),
    known("apps", "v1", "DaemonSet", "daemonsets"),
    known("batch", "v1", "Job", "jobs"),
    known("batch", "v1", "CronJob", "cronjobs"),
    known("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    known("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    known("networking.k8s.io", "v1", "Ingress", "ingresses"),
    known("", "v1", "Service", "services"),
    known("", "v1", "Endpoints", "endpoints"),
    known("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    known("", "v1", "ReplicationController", "replicationcontrollers"),
    cluster_wide("PersistentVolume", "persistentvolumes"),
    cluster_wide("Namespace", "namespaces"),
    cluster_wide("Node", "nodes"),
];

/// Kinds that are never read. Who may list Secrets may read them; Leases are renewed so often that a watch of them would be
/// the busiest of all; an Event about an Event tells nothing of it.
const LEFT_OUT: [(&str, &str); 4] =
    [("", "Secret"), ("coordination.k8s.io", "Lease"), ("", "Event"), ("events.k8s.io", "Event")];

/// So many kinds are told apart, with names of such a length. Whoever may write events may make up kinds.
const MAX_KINDS: usize = 200;
const MAX_NAME: usize = 256;

/// Index of a kind.
pub(super) type KindId = usize;
/// Index of a kind in a namespace, or in all of them: what one watch reads.
pub(super) type ScopeId = usize;

/// All kinds that were asked for.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    kinds: Vec<Kind>,
    /// By name; of one name there may be several, in different groups.
    by_name: HashMap<Box<str>, Vec<KindId>>,
    scopes: Vec<Scope>,
}

/// A kind that was asked for.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) group: String,
    /// The version in which an event named it first.
    pub(super) version: String,
    pub(super) name: String,
    pub(super) known: Option<&'static KnownKind>,
    scopes: Vec<ScopeId>,
}

#[derive(Debug)]
struct Scope {
    namespace: Option<Box<str>>,
    following: Following,
}

/// How far a kind has been read in a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// It is being listed.
    Begun,
    /// All objects that there were are known.
    Synced {
        /// When the list was begun that brought them.
        began: Instant,
        /// Up to this version all changes are known.
        version: u64,
    },
    /// It cannot be read, at least not now.
    Not(UnenrichedReason),
}

impl Kinds {
    /// The kind of an object with this `apiVersion`, which may be missing. `None`: there are too many, or it is none.
    pub(super) fn id(&mut self, api_version: &str, name: &str) -> Option<KindId> {
        let of_name = || KNOWN_KINDS.iter().filter(|known| known.kind == name);
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let group = match of_name().next() {
            Some(known) if api_version.is_empty() => known.group,
            _ => group,
        };
        let ids = self.by_name.get(name);
        if let Some(id) = ids.into_iter().flatten().find(|id| self.kinds[**id].group == group) {
            return Some(*id);
        }
        if self.kinds.len() == MAX_KINDS || name.len().max(api_version.len()) > MAX_NAME {
            return None;
        }
        let id = self.kinds.len();
        self.kinds.push(Kind {
            group: group.to_owned(),
            version: version.to_owned(),
            name: name.to_owned(),
            known: of_name().find(|known| known.group == group),
            scopes: Vec::new(),
        });
        self.by_name.entry(name.into()).or_default().push(id);
        Some(id)
    }

    pub(super) fn get(&self, id: KindId) -> &Kind {
        &self.kinds[id]
    }

    /// The scope of a kind in `namespace`, and whether it is new.
    pub(super) fn scope(&mut self, kind: KindId, namespace: Option<&str>) -> (ScopeId, bool) {
        let mut of_kind = self.kinds[kind].scopes.iter();
        if let Some(id) = of_kind.find(|id| self.scopes[**id].namespace.as_deref() == namespace) {
            return (*id, false);
        }
        let id = self.scopes.len();
        let following = match self.kinds[kind].why_not() {
            Some(reason) => Following::Not(reason),
            None => Following::Begun,
        };
        self.scopes.push(Scope { namespace: namespace.map(Into::into), following });
        self.kinds[kind].scopes.push(id);
        (id, following == Following::Begun)
    }

    pub(super) fn following(&mut self, scope: ScopeId) -> &mut Following {
        &mut self.scopes[scope].following
    }
}

impl Kind {
    /// Why it need not even be asked for.
    fn why_not(&self) -> Option<UnenrichedReason> {
        if LEFT_OUT.contains(&(&self.group, &self.name)) {
            return Some(UnenrichedReason::LeftOut);
        }
        let is_word = |text: &str| {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
            !text.starts_with('.') && text.chars().all(is_plain)
        };
        // They go into the path of a request.
        let is_served = self.known.is_some() || (!self.version.is_empty() && is_word(&self.version));
        (!is_served || !is_word(&self.group)).then_some(UnenrichedReason::Unserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_group_and_name_in_any_version() {
        let mut kinds = Kinds::default();
        let pod = kinds.id("v1", "Pod");
        assert_eq!(kinds.id("", "Pod"), pod);
        let deployment = kinds.id("apps/v1beta1", "Deployment").unwrap();
        assert_eq!(kinds.id("apps/v1", "Deployment"), Some(deployment));
        assert_eq!(kinds.id("", "Deployment"), Some(deployment));
        assert_eq!(kinds.get(deployment).known.unwrap().version, "v1");
        let other = kinds.id("example.com/v1", "Deployment").unwrap();
        assert_ne!(other, deployment);
        assert_eq!(kinds.get(other).known, None);
    }

    #[test]
    fn a_scope_is_new_once() {
        let mut kinds = Kinds::default();
        let pod = kinds.id("v1", "Pod").unwrap();
        let (all, is_new) = kinds.scope(pod, None);
        assert!(is_new);
        assert_eq!(kinds.scope(pod, None), (all, false));
        assert!(kinds.scope(pod, Some("prod")).1);
    }

    #[test]
    fn what_must_not_be_asked_for_is_not() {
        for (api_version, name, reason) in [
            ("v1", "Secret", UnenrichedReason::LeftOut),
            ("coordination.k8s.io/v1", "Lease", UnenrichedReason::LeftOut),
            ("../../api/v1/secrets", "X", UnenrichedReason::Unserved),
            ("a/b?c=d", "X", UnenrichedReason::Unserved),
            ("", "Widget", UnenrichedReason::Unserved),
        ] {
            let mut kinds = Kinds::default();
            let kind = kinds.id(api_version, name).unwrap();
            let (scope, is_new) = kinds.scope(kind, None);
            assert!(!is_new, "{api_version} {name}");
            assert_eq!(*kinds.following(scope), Following::Not(reason));
        }
    }

    #[test]
    fn made_up_kinds_are_bounded() {
        let mut kinds = Kinds::default();
        let made = (0..1000).filter(|n| kinds.id("example.com/v1", &format!("Kind{n}")).is_some()).count();
        assert_eq!(made, MAX_KINDS);
        assert_eq!(kinds.id("example.com/v1", "Kind0"), Some(0));
    }
}
