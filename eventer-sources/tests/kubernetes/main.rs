//! The kubernetes source against a fake API server: each version once, whatever happens.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod checking;
mod config_maps;
mod connecting;
mod ends;
mod enriching;
mod pace;
mod pressure;
mod relists;
mod rig;
mod silence;
mod starts;
