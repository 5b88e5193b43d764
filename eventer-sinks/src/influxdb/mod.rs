//! `influxdb:URL` writes each event as a point to InfluxDB 1, 2 or 3.
//!
//! ```text
//! --sink=influxdb:http://influxdb:8086?db=k8s&user=eventer&pw=$INFLUXDB_PASSWORD
//! --sink=influxdb:https://influxdb:8086?org=ops&bucket=events&token_file=/secrets/influxdb&withfields=true
//! --sink=influxdb:http://influxdb:8181?db=events&token_file=/secrets/influxdb&withfields=true
//! ```
//!
//! `org` or `bucket` chooses the API of version 2, a `token` alone that of 3, and else it is that of 1, unless
//! `api_version` says so; the table in `api.rs` has what each is asked. A server that is named without a port is asked at
//! that of its scheme, as in kube-eventer; none at all is `localhost:8086`, of version 3 `localhost:8181`.
//!
//! # Points
//! The shapes are kube-eventer's, byte for byte: by default the measurement `log/events` with the event's JSON as the field
//! `value`; with `withfields=true` the measurement `events` with the message as the field `message`, and with kind,
//! namespace, name, reason, type and so on as tags. `withcount=true` adds how often the event was seen, the integer `count`.
//! The time is kube-eventer's: `lastTimestamp`, or else `eventTime`, or else that of the receipt.
//!
//! To InfluxDB, points of the same tags and the same time are one point. The tag `uid` is that of the Event, so a repeat
//! overwrites what it repeats, and nothing arrives twice. For the same reason the later of two versions of one Event within
//! its time replaces the earlier: it is the Event's own later state, with the higher count. An Event that repeats as a
//! series keeps the time of its first occurrence, and so is one point, of its newest version.
//!
//! What line protocol cannot hold in a tag is in [`line_protocol`]; the text of a field can be anything.
//!
//! # Answers
//! The database of version 1 is created before the first write, and again when it has gone; who may not create it may
//! still write. A bucket of version 2 must be there. Lines that the server names as unreadable go to the dead letters
//! and the rest is sent again (`rejected.rs`); a refusal that names none, as one of points beyond the retention policy, is cut
//! in halves until the guilty ones stand alone. Two limits of version 1, `max-values-per-tag` and
//! `max-series-per-database`, stop every new event alike: the events wait until somebody raises them. `uid` has a new
//! value for each Event, so that a busy cluster reaches the first one (100000) in time: set it to 0, with `index-version =
//! "tsi1"`. For the rest see the table in `http/classify.rs`. The health check asks `/ping` of version 1, else `/health`.
//!
//! Requests are compressed for versions 2 and 3; for 1 with `gzip=true` only, so that what is on the wire stays what it was.
//!
//! The `influxdb2` crate was measured and left out: six RustSec advisories through reqwest 0.11, no `Retry-After`, and an
//! escaping of tags and fields that lets an event's text break a batch.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | sent an empty body each time that there was no event | sends nothing | |
//! | gave a batch up after one failure | tries again, without ever doubling a point | |
//! | waited for an answer without end | hangs up when the attempt's time is up | |
//! | lost the points of a refused batch | sends again those that are not named; finds the guilty by halves | |
//! | took a database that has another default policy for ready, and was refused for ever | creates the policy that it writes to, and leaves the default alone | |
//! | wrote nothing if its user may write, but not create databases | writes | such users are the rule |
//! | did not create its retention policy again when it was dropped | does | |
//! | put a line end into a tag as it is, and a backslash before a separator or at the end | see [`line_protocol`] | the line broke, and the batch with it |
//! | exported `metadata.managedFields` | leaves them out | |
//! | ignored an address without a scheme, and wrote to `localhost:8086` | asks that address | |
//! | ignored credentials in the URL (`http://user:pw@host`) | says that they belong into `user` and `pw` | |
//! | read `retention` and `disable_counter_metrics`, without any effect | the same, and a wrong boolean is an error, too | |
//! | had `concurrency` without effect | it is that of every sink | |
//! | sent an empty `Content-Type`, and its own `User-Agent` | `text/plain`, and `eventer/…` | |
//! | dropped a point whose time InfluxDB cannot store | gives it the time of the receipt | |
//! | ignored `level=` and other filters, and options that it did not know | takes the filters of every sink; what nobody knows is an error | a misspelt option is none |

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
