#![doc = include_str!("../README.md")]

pub mod demo;
pub mod kubernetes;
pub mod replay;

use eventer_core::Registry;

/// Adds every source of this crate to `registry`.
pub fn register_all(registry: &mut Registry) {
    registry.register_source::<demo::DemoConfig>();
    registry.register_source::<kubernetes::KubernetesConfig>();
    registry.register_source::<replay::ReplayConfig>();
}
