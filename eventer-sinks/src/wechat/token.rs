//! The access token: fetched once for all exports that run, and kept until shortly before it expires.
//!
//! Source: <https://developer.work.weixin.qq.com/document/path/91039>: it is valid for `expires_in` seconds, usually
//! 7,200, is to be kept, and may become invalid earlier.

use std::time::Duration;

use eventer_core::{ExportError, Secret};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long before its end a token is no longer used: a request with it takes some time, too.
const MARGIN: Duration = Duration::from_secs(300);

/// No answer can make a token last longer than this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A token as it was given out.
#[derive(Debug)]
pub(super) struct Grant {
    /// The token.
    pub(super) token: Secret<String>,
    /// How long it is valid.
    pub(super) lasts: Duration,
}

/// Keeps a token. `Debug` does not show it.
#[derive(Debug, Default)]
pub(super) struct TokenCache(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    token: Secret<String>,
    until: Instant,
}

impl TokenCache {
    /// The token that is kept, or what `fetch` gets. Who comes while it is being fetched waits for it.
    ///
    /// # Errors
    /// Those of `fetch`; nothing is kept then, and who waited fetches for himself.
    ///
    /// # Cancellation
    /// Safe: who waits next fetches.
    pub(super) async fn get(
        &self,
        fetch: impl Future<Output = Result<Grant, ExportError>>,
    ) -> Result<Secret<String>, ExportError> {
        let mut kept = self.0.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return Ok(kept.token.clone());
        }
        *kept = None;
        let Grant { token, lasts } = fetch.await?;
        let lasts = lasts.min(LONGEST);
        // A short life keeps most of it.
        let used = lasts - MARGIN.min(lasts / 10);
        *kept = Some(Kept { token: token.clone(), until: Instant::now() + used });
        Ok(token)
    }

    /// Forgets `token`, which was refused. One that was fetched since stays.
    pub(super) async fn forget(&self, token: &Secret<String>) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token == *token) {
            *kept = None;
        }
    }
}
