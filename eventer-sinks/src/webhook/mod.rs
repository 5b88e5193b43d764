//! `webhook:URL` sends events to a URL of your own, in a request each or a batch in one.
//!
//! ```text
//! --sink=webhook:https://alerts.example.com/hook?method=POST&level=Warning&bearer_token=$TOKEN
//! ```
//!
//! The body is kube-eventer's default one, byte for byte ([`encode`]): a line feed before it and none after it, a tab before
//! each line; the time in the zone of the process, in the form in which Go prints it. Or it is what a template of the
//! user's makes of the event ([`template`]), which stands in the flag, in a file, or in a ConfigMap ([`body`]), or the JSON
//! that he lays out ([`layout`](crate::layout)). With
//! `batch=` the bodies of several events go in one request.
//!
//! The options are taken out of the URL; the rest of its query goes to the destination (`query.NAME=` passes on one that
//! has an option's name). Headers and credentials are in [`headers`]; those in files are read again for each export.
//!
//! Any 2xx is a delivery. 400, 413 and 422 judge the event, which then goes to the dead letters; everything else is tried
//! again, see the table in `http/classify.rs`. There is no health check, since every request that a webhook gets is an
//! event to it. `docs/sinks/webhook.md` tells users of all this.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | put values into the body as they are, and took the quotes out of the message | escapes them where the body is JSON | a line feed, a backslash or a quote made the body invalid |
//! | sent no `Content-Type`, and the `User-Agent` of its library | says what the body is, and `eventer/…`, unless `header=` gives another | receivers ask for it |
//! | ignored `header=Host=…` | sends it | |
//! | dropped a header with a second `=` | a header is cut at its first `=` | tokens in base64 end in `=` |
//! | sent its own options in the URL, headers with credentials among them | takes them out, and escapes anew what is left, with the same values | they stood in the receiver's access log |
//! | sent nothing, for ever, with an empty `namespaces=`, `kinds=` or `reason=` | takes an empty list for no condition | its chat sinks did; an empty variable is an error here |
//! | took 200 only for a success, and never tried again | any 2xx; tries again | |
//! | waited 50 ms after each event, filtered or not | does not wait | `rate=` is there for who wants that |
//! | followed any redirect, if need be with a GET without the event | follows those that keep the event and stay on the host | a login page's 200 counted as a delivery |
//! | changed the message and the time of the event that it shares with the other sinks | changes nothing | |
//! | read `custom_body_configmap` once, and went back to the default body without a word if it could not be used | follows it; the events wait for it | a receiver that waits for its own form got another |
//! | parsed the template for each event, and lost the event if that failed | parses it once, and fails at the start | |
//! | took every `level=` but `Normal` for `Warning` | takes both in any case, of a list the lower; another word is an error | `level=normal` and `level=Normal,Warning` hid what they ask for |
//! | compared the items of a list as they stand, with their spaces, an empty one with nothing, and read the first of several such options only | leaves out spaces and empty items, takes kinds in any case, and all of several options | `kinds=pod` or a space after a comma let nothing through, without a word |
//! | never let an event without a reason through a `reason=` | asks the expressions | `.*` and `^$` match nothing, too |
//! | passed over a `header=` without `=`, an empty `method=`, and a regular expression that does not compile | they are errors at the start | what is missing is not missed until it is needed |
//! | wrote the reading of a clock (`m=+12.3`) behind the time of an event that has none | has the time of its receipt alone | it means nothing to anybody else |

mod body;
mod config;
mod encode;
mod headers;
mod preview;
mod sink;
mod template;

pub use config::WebhookConfig;
pub use sink::WebhookSink;

#[cfg(test)]
mod tests;
