//! A real InfluxDB 1.
