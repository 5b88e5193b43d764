//! The JSON in which kube-eventer writes an event, shared by the sinks that keep to it.
