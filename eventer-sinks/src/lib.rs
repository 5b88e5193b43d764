#![doc = include_str!("../README.md")]

mod registry;

pub use registry::*;
