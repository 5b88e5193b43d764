//! An object as people name it to kubectl: `pod/web-0`, `deploy/shop`. Pure.

use eventer_core::{EventFilter, OptionValue};

/// What kubectl's short names stand for.
const SHORT_NAMES: [(&str, &str); 27] = [
    ("cj", "CronJob"),
    ("cm", "ConfigMap"),
    ("crd", "CustomResourceDefinition"),
    ("csr", "CertificateSigningRequest"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("ep", "Endpoints"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ing", "Ingress"),
    ("limits", "LimitRange"),
    ("netpol", "NetworkPolicy"),
    ("no", "Node"),
    ("ns", "Namespace"),
    ("pc", "PriorityClass"),
    ("pdb", "PodDisruptionBudget"),
    ("po", "Pod"),
    ("pv", "PersistentVolume"),
    ("pvc", "PersistentVolumeClaim"),
    ("quota", "ResourceQuota"),
    ("rc", "ReplicationController"),
    ("rs", "ReplicaSet"),
    ("sa", "ServiceAccount"),
    ("sc", "StorageClass"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
    ("va", "VolumeAttachment"),
    ("vpa", "VerticalPodAutoscaler"),
];

/// An object by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectName {
    /// The kinds that may be meant, in any case: people write `pods`, `pod` and `po`.
    kinds: Vec<String>,
    /// The name.
    pub(super) name: String,
}

impl ObjectName {
    /// Reads `KIND/NAME`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        // `deployments.apps` says the group, too.
        let kind = kind.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let is_of_kind = |c: char| c.is_ascii_alphanumeric();
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        let is_object = !kind.is_empty()
            && kind.chars().all(is_of_kind)
            && !name.is_empty()
            && name.chars().all(is_of_name);
        is_object.then(|| Self { kinds: kinds(&kind), name: name.to_owned() })
    }

    /// Lets only the events of this object pass.
    pub(super) fn narrow(&self, filter: &mut EventFilter) {
        let pattern = format!("^{}$", self.name.replace('.', "\\."));
        filter.kinds.clone_from(&self.kinds);
        filter.object_name = vec![
            OptionValue::parse_option(&pattern)
                .expect("a name whose dots are escaped is a regular expression"),
        ];
    }
}

/// What `word` may mean: a short name, a kind, or the plural of one.
fn kinds(word: &str) -> Vec<String> {
    if let Some((_, kind)) = SHORT_NAMES.iter().find(|(short, _)| *short == word) {
        return vec![(*kind).to_owned()];
    }
    let singulars = [("s", ""), ("es", ""), ("ies", "y")];
    let singulars =
        singulars.iter().filter_map(|(many, one)| Some(format!("{}{one}", word.strip_suffix(many)?)));
    std::iter::once(word.to_owned()).chain(singulars).filter(|kind| !kind.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use eventer_core::Event;

    use super::*;

    #[track_caller]
    fn assert_means(text: &str, kind: &str, name: &str, is_meant: bool) {
        let mut filter = EventFilter::default();
        ObjectName::parse(text).unwrap().narrow(&mut filter);
        let mut event = Event::default();
        event.involved_object.kind = kind.to_owned();
        event.involved_object.name = name.to_owned();
        assert_eq!(filter.wants(&event), is_meant, "{text} {kind}/{name}");
    }

    #[test]
    fn a_kind_is_written_as_kubectl_takes_it() {
        for (word, kind) in [
            ("pod", "Pod"),
            ("pods", "Pod"),
            ("po", "Pod"),
            ("Pod", "Pod"),
            ("deploy", "Deployment"),
            ("deployments.apps", "Deployment"),
            ("ingresses", "Ingress"),
            ("ingress", "Ingress"),
            ("networkpolicies", "NetworkPolicy"),
            ("endpoints", "Endpoints"),
        ] {
            assert_means(&format!("{word}/web-0"), kind, "web-0", true);
        }
        assert_means("deploy/web", "Pod", "web", false);
    }

    #[test]
    fn a_name_is_meant_as_a_whole() {
        assert_means("pod/web-0", "Pod", "web-01", false);
        assert_means("no/ip-10.eu", "Node", "ip-10.eu", true);
        assert_means("no/ip-10.eu", "Node", "ip-10xeu", false);
    }

    #[test]
    fn what_is_no_object_is_none() {
        for text in ["web-0", "/web-0", "pod/", "pod/a b", "po d/a", "pod/a/b", "pod/*"] {
            assert_eq!(ObjectName::parse(text), None, "{text}");
        }
    }
}
