//! Values that must never be shown.

use std::fmt;

/// A value that shows itself nowhere: `Debug` and `Display` redact, and there is no `Serialize`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, to be sent to where it belongs.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Shows of a URL what helps to find the destination, and nothing that could be a secret: scheme, host and port.
///
/// Paths and queries of webhooks are credentials themselves (Slack, DingTalk).
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "[redacted]".to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let more = if authority.len() < rest.trim_end_matches('/').len() { "/…" } else { "" };
    format!("{scheme}://{host}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret} {secret:?}").contains("hunter2"));
        assert_eq!(*secret.expose(), "hunter2");
    }

    #[test]
    fn a_url_shows_its_host_only() {
        let shown = redact_url("https://user:pw@hooks.example.com:8443/services/T0/B0?access_token=x");
        assert_eq!(shown, "https://hooks.example.com:8443/…");
        assert_eq!(redact_url("http://a/"), "http://a");
        assert_eq!(redact_url("user:pw@tcp(h:3306)"), "[redacted]");
    }
}
