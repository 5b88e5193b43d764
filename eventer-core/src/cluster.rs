//! What a sink may ask of the cluster that the events come from. Sources that speak to a cluster answer it.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// Texts that a cluster keeps, followed as they change.
pub trait ConfigMaps: fmt::Debug + Send + Sync {
    /// Follows one key of one ConfigMap: the newest text, or why there is none so far. A text that was there once stays
    /// when the ConfigMap goes.
    ///
    /// Returns at once. What follows it ends when the last receiver is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    fn follow(&self, key: &ConfigMapKey) -> watch::Receiver<Result<Arc<str>, Arc<str>>>;
}

/// Where a text stands in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConfigMapKey {
    /// Namespace of the ConfigMap.
    pub namespace: String,
    /// Name of the ConfigMap.
    pub name: String,
    /// Key of the text in its `data`.
    pub key: &'static str,
}

impl fmt::Display for ConfigMapKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key \"{}\" of ConfigMap {}/{}", self.key, self.namespace, self.name)
    }
}
