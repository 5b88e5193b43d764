//! What Slack answers, and what that means for the event: the one table of its words. Pure.
//!
//! An incoming webhook answers `ok`, or a status with a word for what is wrong; the Web API answers a 200 whatever
//! happens, and says in its JSON `ok: false` and the word. The words are the same.
//!
//! | words | kind | because |
//! |---|---|---|
//! | `msg_too_long`, `no_text`, `invalid_blocks`, `invalid_payload` … | `Rejected` | they judge this message |
//! | `invalid_auth`, `token_revoked`, `missing_scope`, `no_service` … | `Unauthorized` | the token or the URL is not good, or not good for this; secrets rotate |
//! | `channel_not_found`, `not_in_channel`, `is_archived` … | `Unavailable` | someone will invite the bot or mend the flag |
//! | the same, if the channel is a template of the event | `Rejected` | one event's wrong channel must not hold up the others |
//! | `ratelimited`, `rate_limited`, `message_limit_exceeded` | `RateLimited` | |
//! | `internal_error`, `fatal_error`, `rollup_error` … | `Unavailable` | trouble of theirs |
//! | any other | by its status, else `Unavailable` | |
//!
//! Sources: the errors of [`chat.postMessage`](https://docs.slack.dev/reference/methods/chat.postMessage) and of
//! [incoming webhooks](https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors).

use eventer_core::ExportErrorKind;
use serde::Deserialize;

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Taken,
    /// It was not taken.
    Refused {
        /// Slack's word for why.
        word: String,
        /// What else it says of it; may be empty.
        detail: String,
    },
    /// It is not what Slack answers.
    Nonsense,
}

/// How a message goes to Slack, as far as it matters for what an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By an incoming webhook.
    Webhook,
    /// By a bot, to one channel.
    Channel,
    /// By a bot, to a channel that the event itself names.
    ChannelOfEvent,
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What happens to the event.
    pub(super) kind: ExportErrorKind,
    /// What to do about it; may be empty.
    pub(super) advice: &'static str,
}

const CONTENT: &[&str] = &[
    "attachment_payload_limit_exceeded",
    "block_mismatch",
    "cannot_parse_attachment",
    "cannot_parse_attachments",
    "invalid_arg_name",
    "invalid_arguments",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_charset",
    "invalid_json",
    "invalid_payload",
    "json_not_object",
    "markdown_text_conflict",
    "missing_text_or_fallback_or_attachments",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
];

const CREDENTIALS: &[&str] = &[
    "access_denied",
    "accesslimited",
    "account_inactive",
    "action_prohibited",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "invalid_auth",
    "invalid_token",
    "missing_scope",
    "no_active_hooks",
    "no_permission",
    "no_service",
    "no_service_id",
    "no_team",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "team_disabled",
    "team_not_found",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
];

const CHANNEL: &[&str] = &[
    "cannot_dm_bot",
    "channel_is_archived",
    "channel_not_found",
    "channel_type_not_supported",
    "is_archived",
    "is_inactive",
    "messages_tab_disabled",
    "not_in_channel",
    "posting_to_general_channel_denied",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_only_channel",
    "user_not_found",
];

const PATIENCE: &[&str] = &["message_limit_exceeded", "rate_limited", "ratelimited"];

const TROUBLE: &[&str] = &[
    "external_channel_migrating",
    "fatal_error",
    "internal_error",
    "request_timeout",
    "rollup_error",
    "service_unavailable",
    "team_added_to_org",
];

/// What the Web API answered, whatever the status. `None`: it is not for the body to say, since the status is no 2xx.
pub(super) fn of_api(is_success: bool, body: &[u8]) -> Option<Outcome> {
    match read(body) {
        None | Some(Outcome::Nonsense) => is_success.then_some(Outcome::Nonsense),
        outcome => outcome,
    }
}

/// What an incoming webhook answered. `None`: it is not for the body to say, since the status is no 2xx.
pub(super) fn of_webhook(is_success: bool, body: &[u8]) -> Option<Outcome> {
    // That of a workflow answers as the Web API does.
    match read(body) {
        None => {}
        Some(Outcome::Nonsense) => return is_success.then_some(Outcome::Nonsense),
        outcome => return outcome,
    }
    let text = std::str::from_utf8(body).unwrap_or("?").trim();
    let is_word = text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match text {
        _ if is_word => Some(Outcome::Refused { word: text.to_owned(), detail: String::new() }),
        _ if !is_success => None,
        // An empty answer is that of a relay before Slack, and some speak JSON; a page is that of a login.
        "ok" | "" => Some(Outcome::Taken),
        _ if text.starts_with('{') => Some(Outcome::Taken),
        _ => Some(Outcome::Nonsense),
    }
}

/// What a word means for an event that went that way; `None` if the word is not known.
pub(super) fn judge(word: &str, way: Way) -> Option<Verdict> {
    let verdict = |kind, advice| Some(Verdict { kind, advice });
    if CONTENT.contains(&word) {
        return verdict(ExportErrorKind::Rejected, "");
    }
    if CREDENTIALS.contains(&word) {
        let advice = match way {
            Way::Webhook => "make a new incoming webhook, and give its URL",
            Way::Channel | Way::ChannelOfEvent => "give a token of a bot that has the scope chat:write",
        };
        return verdict(ExportErrorKind::Unauthorized, advice);
    }
    if CHANNEL.contains(&word) {
        return match way {
            Way::Webhook => verdict(
                ExportErrorKind::Unavailable,
                "open the webhook's channel to it, or make a new incoming webhook for another one",
            ),
            Way::Channel => {
                verdict(ExportErrorKind::Unavailable, "invite the bot into the channel, or correct channel=")
            }
            Way::ChannelOfEvent => {
                verdict(ExportErrorKind::Rejected, "it is the channel that channel= makes of this event")
            }
        };
    }
    if PATIENCE.contains(&word) {
        return verdict(ExportErrorKind::RateLimited, "");
    }
    TROUBLE.contains(&word).then_some(Verdict { kind: ExportErrorKind::Unavailable, advice: "" })
}

/// What a JSON answer says; `None` if it is none with an `ok`.
fn read(body: &[u8]) -> Option<Outcome> {
    #[derive(Deserialize)]
    struct Reply {
        ok: bool,
        #[serde(default)]
        error: String,
        /// The scope that the token has not.
        #[serde(default)]
        needed: String,
        #[serde(default)]
        response_metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        #[serde(default)]
        messages: Vec<String>,
    }
    let reply: Reply = match serde_json::from_slice(body) {
        Ok(reply) => reply,
        // Slack repeats the message after its `ok`, and of a long answer only the start is read. If that were taken for
        // a failure, the message would be sent for ever.
        Err(error) if error.is_eof() && begins_with_ok(body) => return Some(Outcome::Taken),
        Err(_) => return None,
    };
    if reply.ok {
        return Some(Outcome::Taken);
    }
    if reply.error.is_empty() {
        return Some(Outcome::Nonsense);
    }
    let needed = (!reply.needed.is_empty()).then(|| format!("needed: {}", reply.needed));
    let detail: Vec<String> = needed.into_iter().chain(reply.response_metadata.messages).collect();
    Some(Outcome::Refused { word: reply.error, detail: detail.join("; ") })
}

fn begins_with_ok(body: &[u8]) -> bool {
    let start = &body[..body.len().min(64)];
    let start: Vec<u8> = start.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    start.starts_with(b"{\"ok\":true,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(word: &str, detail: &str) -> Option<Outcome> {
        Some(Outcome::Refused { word: word.to_owned(), detail: detail.to_owned() })
    }

    #[test]
    fn each_word_has_its_kind() {
        use ExportErrorKind::{RateLimited, Rejected, Unauthorized, Unavailable};
        let table: [(&[&str], [ExportErrorKind; 3]); 5] = [
            (CONTENT, [Rejected; 3]),
            (CREDENTIALS, [Unauthorized; 3]),
            (CHANNEL, [Unavailable, Unavailable, Rejected]),
            (PATIENCE, [RateLimited; 3]),
            (TROUBLE, [Unavailable; 3]),
        ];
        let ways = [Way::Webhook, Way::Channel, Way::ChannelOfEvent];
        for (words, kinds) in table {
            for word in words {
                for (way, kind) in ways.into_iter().zip(kinds) {
                    assert_eq!(judge(word, way).map(|verdict| verdict.kind), Some(kind), "{word} {way:?}");
                }
            }
        }
        assert_eq!(judge("on_holiday", Way::Channel), None);
    }

    #[test]
    fn no_word_stands_in_two_rows() {
        let mut words: Vec<&str> = [CONTENT, CREDENTIALS, CHANNEL, PATIENCE, TROUBLE].concat();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn the_web_api_says_it_in_its_json() {
        assert_eq!(of_api(true, br#"{"ok":true,"channel":"C1","ts":"1.2"}"#), Some(Outcome::Taken));
        assert_eq!(of_api(true, br#"{"ok":false,"error":"no_text"}"#), refused("no_text", ""));
        assert_eq!(of_api(false, br#"{"ok":false,"error":"ratelimited"}"#), refused("ratelimited", ""));
        assert_eq!(
            of_api(
                true,
                br#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"users:read"}"#
            ),
            refused("missing_scope", "needed: chat:write")
        );
        assert_eq!(
            of_api(
                true,
                br#"{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] too long"]}}"#
            ),
            refused("invalid_blocks", "[ERROR] too long")
        );
        for nonsense in
            ["", "ok", "<html>", "[]", "{}", "{\"ok\":1}", "{\"ok\":false}", "{\"ok\":false", "{\"ok\":tr"]
        {
            assert_eq!(of_api(true, nonsense.as_bytes()), Some(Outcome::Nonsense), "{nonsense}");
            assert_eq!(of_api(false, nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn a_delivery_whose_long_answer_is_cut_off_stays_a_delivery() {
        assert_eq!(of_api(true, br#"{"ok":true,"message":{"text":"Back-of"#), Some(Outcome::Taken));
        assert_eq!(of_api(true, br#"{ "ok" : true, "message":"#), Some(Outcome::Taken));
    }

    #[test]
    fn a_webhook_answers_a_word() {
        for taken in ["ok", "ok\n", "", "{\"ok\":true}", "{\"success\":true}"] {
            assert_eq!(of_webhook(true, taken.as_bytes()), Some(Outcome::Taken), "{taken}");
        }
        assert_eq!(of_webhook(false, b"invalid_payload"), refused("invalid_payload", ""));
        assert_eq!(of_webhook(false, b"no_service\n"), refused("no_service", ""));
        assert_eq!(of_webhook(true, b"no_text"), refused("no_text", ""));
        assert_eq!(of_webhook(true, br#"{"ok":false,"error":"no_text"}"#), refused("no_text", ""));
        for page in ["{\"ok\":false}", "<!DOCTYPE html>", "Please log in", "\u{fffd}"] {
            assert_eq!(of_webhook(true, page.as_bytes()), Some(Outcome::Nonsense), "{page}");
            assert_eq!(of_webhook(false, page.as_bytes()), None, "{page}");
        }
        assert_eq!(of_webhook(true, b"\xff\xfe"), Some(Outcome::Nonsense));
    }
}
