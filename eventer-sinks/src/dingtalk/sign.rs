//! The signature of a request to a robot, and the query that holds it. Pure.
//!
//! Source: <https://open.dingtalk.com/document/robots/customize-robot-security-settings>: HMAC-SHA256, with the robot's
//! secret as the key, of the time in milliseconds, a line feed, and the secret again; in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventer_core::Secret;
use jiff::Timestamp;
use reqwest::Url;
use ring::hmac;

/// The URL of a request: `robot` with the query that is its own. The names stand in the order of the alphabet, as Go
/// writes a query.
pub(super) fn signed(robot: &Url, token: &str, secret: Option<&str>, now: Timestamp) -> Secret<Url> {
    let mut url = robot.clone();
    url.set_query(None);
    let mut query = url.query_pairs_mut();
    query.append_pair("access_token", token);
    if let Some(secret) = secret {
        let millis = now.as_millisecond();
        query.append_pair("sign", &signature(millis, secret));
        query.append_pair("timestamp", &millis.to_string());
    }
    drop(query);
    Secret::new(url)
}

/// The signature at `millis` of the Unix epoch.
pub(super) fn signature(millis: i64, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, format!("{millis}\n{secret}").as_bytes()))
}
