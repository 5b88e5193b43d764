//! `slack:` posts each event to a channel of Slack, by an incoming webhook or by a bot.
//!
//! ```text
//! --sink=slack:$SLACK_WEBHOOK_URL?exclude_namespaces=kube-system
//! --sink=slack:?token_file=/etc/eventer/slack-token&channel=#{{ .InvolvedObject.Namespace }}-alerts
//! ```
//!
//! A message has a title (type, reason and object, which may lead to a `link=`), the event's message, and `fields=`; its
//! colour is that of the type. `text=` stands for title and message: what the template itself says is
//! [Slack's markup](https://docs.slack.dev/messaging/formatting-message-text), and whatever comes from the event is
//! escaped, so that no event can mention anybody or hide where a link leads.
//!
//! # Limits
//! A text is cut to what Slack takes, with an ellipsis: 4,000 characters of text, 3,000 of the event's message, 2,000 of a
//! field, 10 fields. Slack takes about one message a second and channel; by default it is sent 30 a minute (`rate=`), of
//! level Warning (`level=`), and none that has waited for more than 15 minutes (`max_age=`), since a chat is for what
//! happens now.
//!
//! # Answers
//! The Web API hides its errors in a 200, and a webhook says them in a word: the table of words is in `answer.rs`. A channel
//! that a bot cannot post to is tried again, until someone invites it; but if the channel is a template, the event goes to
//! the dead letters, and the others are not held up.
//!
//! kube-eventer has no such sink.

mod answer;
mod config;
mod encode;
mod fields;
mod mrkdwn;
mod sink;
mod wording;

pub use config::SlackConfig;
pub use sink::SlackSink;

#[cfg(test)]
mod tests;
