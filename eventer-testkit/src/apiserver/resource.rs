//! The kinds that the fake server keeps, and the URLs they live at.

use crate::http::Request;

/// A kind of object in the fake server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// `core/v1` Event.
    Events,
    /// `core/v1` ConfigMap.
    ConfigMaps,
    /// `coordination.k8s.io/v1` Lease.
    Leases,
    /// Another kind: see [`Resource::named`].
    Other(&'static OtherKind),
}

/// A kind about which the fake server knows nothing special.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherKind {
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    is_namespaced: bool,
}

const fn namespaced(api_version: &'static str, kind: &'static str, plural: &'static str) -> OtherKind {
    OtherKind { api_version, kind, plural, is_namespaced: true }
}

const fn cluster_wide(api_version: &'static str, kind: &'static str, plural: &'static str) -> OtherKind {
    OtherKind { api_version, kind, plural, is_namespaced: false }
}

/// Those of the recorded cluster, and two that a CustomResourceDefinition might have brought.
static OTHERS: [OtherKind; 26] = [
    namespaced("v1", "Pod", "pods"),
    cluster_wide("v1", "Node", "nodes"),
    namespaced("v1", "Service", "services"),
    cluster_wide("v1", "Namespace", "namespaces"),
    namespaced("v1", "Endpoints", "endpoints"),
    namespaced("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    cluster_wide("v1", "PersistentVolume", "persistentvolumes"),
    namespaced("v1", "ServiceAccount", "serviceaccounts"),
    namespaced("v1", "ReplicationController", "replicationcontrollers"),
    namespaced("v1", "ResourceQuota", "resourcequotas"),
    namespaced("apps/v1", "Deployment", "deployments"),
    namespaced("apps/v1", "ReplicaSet", "replicasets"),
    namespaced("apps/v1", "StatefulSet", "statefulsets"),
    namespaced("apps/v1", "DaemonSet", "daemonsets"),
    namespaced("apps/v1", "ControllerRevision", "controllerrevisions"),
    namespaced("batch/v1", "Job", "jobs"),
    namespaced("batch/v1", "CronJob", "cronjobs"),
    namespaced("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    namespaced("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    namespaced("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    cluster_wide("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses"),
    namespaced("networking.k8s.io/v1", "Ingress", "ingresses"),
    cluster_wide("storage.k8s.io/v1", "StorageClass", "storageclasses"),
    cluster_wide("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles"),
    namespaced("example.com/v1", "Widget", "widgets"),
    cluster_wide("example.com/v1", "Factory", "factories"),
];

impl Resource {
    /// The resource of that name, with its group behind a dot if it has one: `pods`, `replicasets.apps`.
    ///
    /// # Panics
    /// If the server keeps none of that name.
    #[must_use]
    #[track_caller]
    pub fn named(name: &str) -> Self {
        Self::all().find(|known| known.qualified() == name).unwrap_or_else(|| panic!("no resource {name}"))
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
            Self::Leases => "leases",
            Self::Other(other) => other.plural,
        }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Events => "Event",
            Self::ConfigMaps => "ConfigMap",
            Self::Leases => "Lease",
            Self::Other(other) => other.kind,
        }
    }

    pub(crate) fn group(self) -> &'static str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    pub(crate) fn version(self) -> &'static str {
        self.api_version().rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Self::Events | Self::ConfigMaps => "v1",
            Self::Leases => "coordination.k8s.io/v1",
            Self::Other(other) => other.api_version,
        }
    }

    pub(crate) fn is_namespaced(self) -> bool {
        !matches!(self, Self::Other(OtherKind { is_namespaced: false, .. }))
    }

    /// As error messages name it: `events`, `leases.coordination.k8s.io`.
    pub(crate) fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// Whether a PUT may leave the resourceVersion out (recorded for leases: `66-lease-put-no-rv`).
    pub(crate) fn takes_unconditional_puts(self) -> bool {
        self != Self::Leases
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Events, Self::ConfigMaps, Self::Leases].into_iter().chain(OTHERS.iter().map(Self::Other))
    }
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Version,
    Health,
    /// What a version of an API group serves.
    Group {
        group: String,
        version: String,
    },
    /// Whether something is allowed.
    AccessReview,
    Collection {
        resource: Resource,
        namespace: Option<String>,
    },
    /// The namespace is empty where the kind has none.
    Object {
        resource: Resource,
        namespace: String,
        name: String,
    },
    Unknown,
}

impl Route {
    /// Whether the path names one object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object { .. })
    }

    /// The kind of what it asks for, if it is objects.
    pub(crate) fn resource(&self) -> Option<Resource> {
        match self {
            Self::Collection { resource, .. } | Self::Object { resource, .. } => Some(*resource),
            Self::Version | Self::Health | Self::Group { .. } | Self::AccessReview | Self::Unknown => None,
        }
    }

    pub(crate) fn of(request: &Request) -> Self {
        match request.path.as_str() {
            "/version" => return Self::Version,
            "/readyz" | "/livez" | "/healthz" => return Self::Health,
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => return Self::AccessReview,
            _ => {}
        }
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Self::Unknown,
        };
        let named = |plural: &str, is_namespaced: bool| {
            Resource::all().find(|known| {
                let is_of_group = known.group() == group && known.version() == version;
                is_of_group && known.plural() == plural && (known.is_namespaced() || !is_namespaced)
            })
        };
        let collection = |resource, namespace: Option<&str>| Self::Collection {
            resource,
            namespace: namespace.map(str::to_owned),
        };
        let object = |resource, namespace: &str, name: &str| Self::Object {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        let route = match rest {
            [] => Some(Self::Group { group: group.to_owned(), version: version.to_owned() }),
            [plural] => named(plural, false).map(|resource| collection(resource, None)),
            [plural, name] => named(plural, false)
                .filter(|resource| !resource.is_namespaced())
                .map(|resource| object(resource, "", name)),
            ["namespaces", namespace, plural] => {
                named(plural, true).map(|resource| collection(resource, Some(namespace)))
            }
            ["namespaces", namespace, plural, name] => {
                named(plural, true).map(|resource| object(resource, namespace, name))
            }
            _ => None,
        };
        route.unwrap_or(Self::Unknown)
    }
}
