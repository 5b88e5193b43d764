//! `wechat:` sends each event to people in WeCom (WeChat Work), as a text message of an app.
//!
//! ```text
//! --sink=wechat:?corp_id=ww0123456789abcdef&corp_secret_file=/etc/eventer/corp-secret&agent_id=1000012&to_user=zhangsan,lisi
//! ```
//!
//! The payload is kube-eventer's, one request a user: a text of the labels, the last one first, then a field a line. The
//! access token is fetched when it is needed and kept until it expires ([`token`]); a check of health fetches it, too.
//! `api_url=` leads to a relay instead of `https://qyapi.weixin.qq.com`.
//!
//! # Limits
//! - WeCom drops, without a word, what a user gets from an app beyond 30 messages a minute or 1,000 an hour. `rate=16/m`
//!   keeps below both and is the default.
//! - A text has at most 2,048 bytes; WeCom would cut off the rest. A longer message of an event is cut between two
//!   characters and ends in `…`.
//! - The answer is a 200 whatever happens; the `errcode` in it is read, see the table in [`answer`].
//! - An event is delivered when every user has it. Of several users, those who have it already do not get it again when the
//!   next attempt sends it to the others ([`progress`]); after a restart they may. Users whom WeCom does not know are
//!   logged and passed over as long as somebody gets the event; if nobody does, it waits until `to_user=` or the app is
//!   mended.
//!
//! # Mended
//! | kube-eventer | here | because |
//! |---|---|---|
//! | fetched a token for every event | keeps it for as long as it is valid | WeCom limits how often it gives one out |
//! | put `corp_id` and `corp_secret` into the URL as they are | escapes them | a `+` or `&` in a secret made another one of it |
//! | took any 200 for a success | reads the `errcode`, and tries again | every refusal is a 200: what was sent with a stale token was lost without a word |
//! | left out the other users when a request to one failed | tries again, and sends it to those only who do not have it | |
//! | knew no limit of the rate, but waited 50 ms after each event | `rate=16/m` | what goes over the limit is dropped by WeCom |
//! | left the cutting of a text to WeCom | cuts it, and shows that it did | |
//! | took spaces and empty names in `to_user` for users | leaves them out | there is no user of that name |
//! | used a label as a `printf` format | takes it literally | a `%` in a label moved all fields of the message |
//! | took every `level=` but `Normal` and `Warning` for none at all, `warning` too | takes them in any case, of a list the lower; another word is an error | it opened the flood gate |
//! | ignored options that it did not know | they are errors | a misspelt filter is none |
//! | never closed the bodies of answers | reads and closes them | each event leaked a connection |
//! | compared the items of a list as they stand, with their spaces, an empty one with nothing, and read the first of several such options only | leaves out spaces and empty items, takes kinds in any case, and all of several options | `kinds=pod` or a space after a comma let nothing through, without a word |
//! | wrote the reading of a clock (`m=+12.3`) behind the time of an event that has none | has the time of its receipt alone | it means nothing to anybody else |
//! | asked for a token with an empty `corp_id` or `corp_secret` | says so at the start | |

mod answer;
mod config;
mod encode;
mod progress;
mod sink;
mod token;

pub use config::WechatConfig;
pub use encode::Form;
pub use sink::WechatSink;

#[cfg(test)]
mod tests;
