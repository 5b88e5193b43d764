//! The kubernetes source against a fake API server: each version once, whatever happens.

mod connecting;
mod ends;
mod pace;
mod pressure;
mod relists;
mod rig;
mod silence;
mod starts;
