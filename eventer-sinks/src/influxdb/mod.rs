//! `influxdb:URL` writes each event as a point to InfluxDB.
