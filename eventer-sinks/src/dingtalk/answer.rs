//! What DingTalk's `errcode` means for the events: the one table of codes. Pure.
//!
//! | errcode | kind | because |
//! |---|---|---|
//! | 0 | taken | |
//! | 130101, 130103 (sent too fast), 410100 (limited), 90018 (all calls of this server limited) | `RateLimited`, for a minute | 20 messages a minute is the limit; who goes over it is silenced for up to ten minutes, and being told so again costs nothing |
//! | 310000 with the keyword as the reason | `Rejected` | it judges the text: the robot takes only what has its keyword, and the next event may have it. Give it as `label=` |
//! | 310000 otherwise: signature, time, address not in the whitelist | `Unauthorized` | someone will mend the secret, the clock or the robot |
//! | 300001, 300005, 400101 (no such token), 40001, 40014, 42001 (invalid token), 40035 (no token), 88 (not authorized) | `Unauthorized` | tokens rotate |
//! | 400013 (the group is gone), 400102 (robot switched off), 400106 (no such robot) | `Unauthorized` | someone switches it on, or gives the token of another |
//! | 101002, 460101, 34016 (too long) | `Rejected` | this message never fits |
//! | 430101, 430102, 430103, 430104 (forbidden links, words, pictures, content) | `Rejected` | this content is never taken |
//! | -1 (busy), any other | `Unavailable` | trouble that passes, or that nobody has written down: no event is given up for it |
//!
//! Sources: <https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages>,
//! <https://open.dingtalk.com/document/orgapp/server-api-error-codes-1>, and for 101002 and 460101
//! <https://github.com/timonwong/prometheus-webhook-dingtalk/issues/30>.

use std::time::Duration;

use eventer_core::ExportError;

/// The span in which a robot's messages are counted.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Judges an answer. `message` is what DingTalk says of the code, fit to be shown.
///
/// # Errors
/// As the table of this module says.
pub(super) fn judge(code: i64, message: &str) -> Result<(), ExportError> {
    let cause = format!("it answered errcode {code}: {message}");
    Err(match code {
        0 => return Ok(()),
        130_101 | 130_103 | 410_100 | 90_018 => ExportError::rate_limited(cause, Some(WINDOW)),
        310_000 if is_about_keywords(message) => {
            ExportError::rejected(format!("{cause}; give the keyword that the robot asks for as label="))
        }
        310_000 | 300_001 | 300_005 | 400_101 | 40_001 | 40_014 | 42_001 | 40_035 | 88 => {
            ExportError::unauthorized(cause)
        }
        400_013 | 400_102 | 400_106 => ExportError::unauthorized(cause),
        101_002 | 460_101 | 34_016 | 430_101..=430_104 => ExportError::rejected(cause),
        _ => ExportError::unavailable(cause),
    })
}

/// The one code of the robot's security settings has several reasons, told apart by words only: `keywords not in content`,
/// or `关键词不匹配` since 2022.
fn is_about_keywords(message: &str) -> bool {
    message.to_ascii_lowercase().contains("keyword") || message.contains("关键词")
}
