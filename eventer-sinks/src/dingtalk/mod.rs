//! `dingtalk:URL` sends each event to a group's robot in DingTalk, as a message of its own.
//!
//! ```text
//! --sink=dingtalk:https://oapi.dingtalk.com/robot/send?access_token=$TOKEN&label=cluster-a
//! --sink=dingtalk:https://oapi.dingtalk.com/robot/send?access_token_file=/etc/eventer/token&sign_file=/etc/eventer/sign
//! --sink=dingtalk:?url_file=/etc/eventer/dingtalk-url
//! ```
//!
//! The payload is kube-eventer's: a text (the labels, the last one first, then a field a line) or, with
//! `msg_type=markdown`, a markdown with links into the console of Alibaba Cloud. The query of the request holds
//! `access_token`, and with `sign=` the `sign` and `timestamp` of the robot's signature, and nothing else. How a URL is
//! read stands in [`url`], the signature in [`sign`].
//!
//! # Limits
//! - A robot takes 20 messages a minute, and is silenced for ten when it gets more: `rate=20/m` is the default. Two sinks
//!   with the same robot, or two processes, share its limit without knowing of each other: give each its part of it.
//! - A body has at most 20,000 bytes. A longer message of an event is cut between two characters and ends in `…`.
//! - The answer is a 200 whatever happens; the `errcode` in it is read, see the table in [`answer`].
//! - There is no health check, since every request is a message to the group.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | took any 200 for a success | reads the `errcode`, and tries again | every refusal is a 200: what was sent too fast, with a wrong signature or without the robot's keyword was lost without a word |
//! | knew no limit of the rate, but waited 50 ms after each event | `rate=20/m` | the robot is silenced for ten minutes after 20 messages in one |
//! | used a label as a `printf` format | takes it literally | a `%` in a label moved all fields of the message |
//! | sent to `https://` whatever was written | to `http://` if that is written | a relay in the cluster may have no TLS |
//! | sent a message of any length | cuts it at 20,000 bytes of JSON | DingTalk refuses what is longer, for ever |
//! | took any `msg_type`, and sent a text body with it | `text` and `markdown` | DingTalk refused all others |
//! | took every `level=` but `Normal` and `Warning` for none at all, `warning` too | takes them in any case, of a list the lower; another word is an error | it opened the flood gate |
//! | ignored options that it did not know | they are errors | a misspelt filter is none |
//! | sent to nowhere without a host, or with an empty `access_token` | says so at the start | |
//! | compared the items of a list as they stand, with their spaces, an empty one with nothing, and read the first of several such options only | leaves out spaces and empty items, takes kinds in any case, and all of several options | `kinds=pod` or a space after a comma let nothing through, without a word |
//! | wrote the reading of a clock (`m=+12.3`) behind the time of an event that has none, in a markdown | has the time of its receipt alone | it means nothing to anybody else |
//! | dropped a user in the URL (`https://user:password@HOST`) | sends it as basic authentication | a relay may ask for it |

mod answer;
mod config;
mod encode;
mod sign;
mod sink;
mod url;

pub use config::DingtalkConfig;
pub use encode::{Form, MessageType};
pub use sink::DingtalkSink;

#[cfg(test)]
mod tests;
