//! `influxdb:URL` writes each event as a point to InfluxDB.

mod api;
mod config;
mod database;
mod encode;
pub mod line_protocol;
mod rejected;
mod sink;

pub use config::InfluxdbConfig;
pub use encode::{Payload, Shape};
pub use sink::InfluxdbSink;

#[cfg(test)]
mod tests;
