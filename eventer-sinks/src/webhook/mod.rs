//! `webhook:URL` sends each event to a URL of your own, in a request of its own.
//!
//! ```text
//! --sink=webhook:https://alerts.example.com/hook?method=POST&level=Warning&header=Authorization=$TOKEN
//! ```
//!
//! The body is kube-eventer's default one, byte for byte: a line feed before it and none after it, a tab before each line;
//! the time in the zone of the process, in the form in which Go prints it:
//!
//! ```text
//! {
//!     "EventType": "Warning",
//!     "EventKind": "Pod",
//!     "EventReason": "BackOff",
//!     "EventTime": "2024-05-06 07:08:10 +0000 UTC",
//!     "EventMessage": "Back-off restarting failed container web in pod web-0_prod"
//! }
//! ```
//!
//! The options are taken out of the URL; the rest of its query goes to the destination (`query.NAME=` passes on one that
//! has an option's name). `level`, `namespaces`, `kinds` and `reason` mean what they mean for every sink. In a header, a
//! `+` is a space, as in every query: write `%2B`, or take the value from a variable, which is put in as it is.
//!
//! Any 2xx is a delivery. 400, 413 and 422 judge the event, which then goes to the dead letters; everything else is tried
//! again, see the table in `http/classify.rs`. A destination that answers 405 wants `method=POST`. There is no health
//! check, since every request that a webhook gets is an event to it.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | put values into the body as they are, and took the quotes out of the message | values are escaped as JSON strings | a line feed, a backslash or a quote made the body invalid |
//! | sent no `Content-Type` | `application/json`, unless `header=` gives another | it is JSON |
//! | dropped a header with a second `=` | a header is cut at its first `=` | tokens in base64 end in `=` |
//! | sent its own options in the URL, headers with credentials among them | takes them out | they stood in the receiver's access log |
//! | sent nothing, for ever, with an empty `namespaces=`, `kinds=` or `reason=` | takes an empty list for no condition | its chat sinks did; an empty variable is an error here |
//! | took 200 only for a success, and never tried again | any 2xx; tries again | |
//! | waited 50 ms after each event, filtered or not | does not wait | `rate=` is there for who wants that |
//! | followed any redirect, if need be with a GET without the event | follows those that keep the event and stay on the host | a login page's 200 counted as a delivery |
//! | changed the message and the time of the event that it shares with the other sinks | changes nothing | |
//! | went back to the default body without a word when `custom_body_configmap` could not be used | says that it cannot | a receiver that waits for its own form would get another |

mod config;
mod encode;
mod sink;

pub use config::WebhookConfig;
pub use sink::WebhookSink;

#[cfg(test)]
mod tests;
