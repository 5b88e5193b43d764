//! What WeCom's `errcode` means for the events: the one table of codes. Pure.
//!
//! | errcode | about | kind | because |
//! |---|---|---|---|
//! | 0 | | taken | |
//! | 40014, 42001 (token not valid, expired), 41001 (no token) | the token | `Unavailable` | the token is forgotten, and the next attempt has a new one |
//! | 40001 (invalid secret or credential) | the token | `Unauthorized` | as before, but the new one may be refused too |
//! | 40013 (corp_id), 40056 (agent_id), 40091 (secret), 41002, 41004, 41011 (one of them is missing), 48002, 48004, 60011, 301002 (no permission), 50003 (app switched off), 60020 (address not allowed) | | `Unauthorized` | someone will mend the flag, the secret or the app |
//! | 45009 (limit of calls) | | `RateLimited`, for a minute | calls are counted by the minute, and refused for one |
//! | 45033 (limit of calls at a time) | | `RateLimited` | |
//! | 40003, 40031, 46004, 60111, 81013, 82001 (no such user, or the app may not see them) | the receiver | `Unavailable` | it judges the user, hence every event alike: someone will mend `to_user=` or what the app sees |
//! | 40008, 40033, 40035, 40058, 40063 (parameters), 44004 (empty), 45002 (too long), 47001 (no JSON) | | `Rejected` | they judge this content |
//! | -1, 6000 (busy), any other | | `Unavailable` | trouble that passes, or that nobody has written down: no event is given up for it |
//!
//! Sources: <https://developer.work.weixin.qq.com/document/path/90313> (codes),
//! <https://developer.work.weixin.qq.com/document/path/90236> (81013: none of the receivers),
//! <https://developer.work.weixin.qq.com/document/path/90312> (limits).

use std::time::Duration;

use eventer_core::ExportError;

/// How long calls are refused that go over a minute's limit.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What was refused.
    pub(super) about: About,
    /// What it means for the event.
    pub(super) error: ExportError,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The access token.
    Token,
    /// Whom the message is for.
    Receiver,
    /// Anything else.
    Other,
}

/// Judges an answer. `message` is what WeCom says of the code, fit to be shown.
///
/// # Errors
/// As the table of this module says.
pub(super) fn judge(code: i64, message: &str) -> Result<(), Refusal> {
    let cause = format!("it answered errcode {code}: {message}");
    let (about, error) = match code {
        0 => return Ok(()),
        40_014 | 41_001 | 42_001 => (About::Token, ExportError::unavailable(cause)),
        40_001 => (About::Token, ExportError::unauthorized(cause)),
        40_013 | 40_056 | 40_091 | 41_002 | 41_004 | 41_011 | 48_002 | 48_004 | 50_003 | 60_011 | 60_020
        | 301_002 => (About::Other, ExportError::unauthorized(cause)),
        45_009 => (About::Other, ExportError::rate_limited(cause, Some(WINDOW))),
        45_033 => (About::Other, ExportError::rate_limited(cause, None)),
        40_003 | 40_031 | 46_004 | 60_111 | 81_013 | 82_001 => {
            (About::Receiver, ExportError::unavailable(cause))
        }
        40_008 | 40_033 | 40_035 | 40_058 | 40_063 | 44_004 | 45_002 | 47_001 => {
            (About::Other, ExportError::rejected(cause))
        }
        _ => (About::Other, ExportError::unavailable(cause)),
    };
    Err(Refusal { about, error })
}
