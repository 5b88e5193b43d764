//! `newsink:URL` sends batches of events to … as one JSON object a line. (What it writes, a link to the vendor's page, the
//! limits on size and rate, what differs from other tools and why.)

mod config;
mod encode;
mod sink;

pub use config::NewSinkConfig;
pub use sink::NewSinkSink;

#[cfg(test)]
mod tests;
