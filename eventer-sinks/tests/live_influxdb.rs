//! InfluxDB 1.
fn main() {}
