//! The three kinds that the fake server keeps, and the URLs they live at.

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
}

impl Resource {
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
            Self::Leases => "leases",
        }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Events => "Event",
            Self::ConfigMaps => "ConfigMap",
            Self::Leases => "Lease",
        }
    }

    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Events | Self::ConfigMaps => "",
            Self::Leases => "coordination.k8s.io",
        }
    }

    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Self::Events | Self::ConfigMaps => "v1",
            Self::Leases => "coordination.k8s.io/v1",
        }
    }

    /// As error messages name it: `events`, `leases.coordination.k8s.io`.
    pub(crate) fn qualified(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::ConfigMaps => "configmaps",
            Self::Leases => "leases.coordination.k8s.io",
        }
    }

    /// Whether a PUT may leave the resourceVersion out (recorded for leases: `66-lease-put-no-rv`).
    pub(crate) fn takes_unconditional_puts(self) -> bool {
        self != Self::Leases
    }

    fn all() -> [Self; 3] {
        [Self::Events, Self::ConfigMaps, Self::Leases]
    }
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Version,
    Health,
    Collection { resource: Resource, namespace: Option<String> },
    Object { resource: Resource, namespace: String, name: String },
    Unknown,
}

impl Route {
    /// Whether the path names one object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object { .. })
    }

    pub(crate) fn of(request: &Request) -> Self {
        match request.path.as_str() {
            "/version" => return Self::Version,
            "/readyz" | "/livez" | "/healthz" => return Self::Health,
            _ => {}
        }
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, "v1", rest @ ..] => (*group, rest),
            _ => return Self::Unknown,
        };
        let (namespace, plural, name) = match rest {
            [plural] => (None, *plural, None),
            ["namespaces", namespace, plural] => (Some((*namespace).to_owned()), *plural, None),
            ["namespaces", namespace, plural, name] => {
                (Some((*namespace).to_owned()), *plural, Some((*name).to_owned()))
            }
            _ => return Self::Unknown,
        };
        let known = |resource: &Resource| resource.group() == group && resource.plural() == plural;
        match (Resource::all().into_iter().find(known), namespace, name) {
            (Some(resource), Some(namespace), Some(name)) => Self::Object { resource, namespace, name },
            (Some(resource), namespace, _) => Self::Collection { resource, namespace },
            (None, ..) => Self::Unknown,
        }
    }
}
