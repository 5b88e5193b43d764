//! The body of a message, as kube-eventer writes it. Pure.

use eventer_core::Event;
use eventer_core::time::go_string;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::chat::{fit, text};
use crate::kube_eventer::compact;

/// The most bytes of a text. Source: <https://developer.work.weixin.qq.com/document/path/90236>.
const MOST_BYTES: usize = 2048;

/// What a message looks like.
#[derive(Clone, Debug)]
pub struct Form {
    /// Id of the app that sends it.
    pub agent_id: i64,
    /// What stands with every event, to tell clusters apart.
    pub labels: Vec<String>,
}

impl Form {
    /// The text of `event`, its time in `zone`.
    pub fn content(&self, event: &Event, zone: &TimeZone) -> String {
        let head = text(event, &self.labels, &go_string(event.kube_eventer_time(), zone));
        fit(&head, &event.message, "", MOST_BYTES, char::len_utf8)
    }

    /// The body of a request that sends a text to `user`.
    pub fn body(&self, user: &str, content: &str) -> Vec<u8> {
        let message = Message {
            touser: user,
            toparty: "",
            totag: "",
            msgtype: "text",
            agentid: self.agent_id,
            text: Text { content },
            safe: 0,
        };
        let mut json = Vec::with_capacity(content.len() + 256);
        compact(&message, &mut json);
        json
    }
}

#[derive(Serialize)]
struct Message<'a> {
    touser: &'a str,
    toparty: &'a str,
    totag: &'a str,
    msgtype: &'a str,
    agentid: i64,
    text: Text<'a>,
    safe: u8,
}

#[derive(Serialize)]
struct Text<'a> {
    content: &'a str,
}
