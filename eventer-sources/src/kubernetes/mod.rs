//! Watches the Events of a Kubernetes cluster.
