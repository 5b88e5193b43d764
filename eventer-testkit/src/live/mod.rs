//! Real servers, started by the tests that speak to them, each in a folder and on ports of its own.
//!
//! Where a server is installed is said by a variable; a test that lacks it fails, and says how to get it.

#[cfg(feature = "influxdb")]
pub mod influxdb;
#[cfg(feature = "kafka")]
pub mod kafka;
