//! An answer of a destination: its status, the start of its body, and what must not be shown of it.

use std::time::Duration;

use eventer_core::{ExportError, Secret};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, Url};

use super::classify::{classify, excerpt, retry_after};

/// How much of an answer's body is read, and for how long: a body without an end must not hold events up that the
/// status has already judged.
const BODY_BYTES: usize = 64 * 1024;
pub(super) const BODY_TIME: Duration = Duration::from_secs(5);

/// What is shorter is no secret, and hiding it would make every answer unreadable.
const SHORTEST_SECRET: usize = 4;
/// From this length on a part of a path may be a credential by itself.
const LONG_WORD: usize = 12;

/// What a destination answered, whatever its status.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The start of the body, at most 64 KiB.
    pub(crate) body: Vec<u8>,
    at: Timestamp,
    secrets: Secrets,
}

impl Answer {
    /// Reads the answer that has begun to come at `at`, hiding `secrets`.
    pub(super) async fn read(response: Response, secrets: Secrets, at: Timestamp) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: body_start(response).await, at, secrets }
    }

    /// What the status means for the events, see the table of statuses in `classify`.
    ///
    /// # Errors
    /// Anything but a 2xx. The cause names the status and shows an excerpt of the body without secrets.
    pub(crate) fn verdict(&self) -> Result<(), ExportError> {
        classify(self.status, &self.headers, &self.body, &self.secrets.0, self.at)
    }

    /// The patience that it asks for, for services that hide their refusal in a 200.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers, self.at)
    }

    /// The start of `text`, a piece of this answer, as it can be shown: one short line without secrets.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        excerpt(text.as_bytes(), &self.secrets.0)
    }
}

/// What a destination may repeat and nobody may read. The longest first: hiding a part of it would leave the rest to be
/// seen.
#[derive(Default)]
pub(super) struct Secrets(Vec<Secret<String>>);

impl Secrets {
    /// Adds one.
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            let at = self.0.partition_point(|known| known.expose().len() > secret.len());
            self.0.insert(at, Secret::new(secret.to_owned()));
        }
    }

    /// Adds a URL's. A path or a query that a chat service gives out is a credential, whole or by its longest part.
    pub(super) fn add_url(&mut self, url: &Url) {
        self.add(url.path());
        url.path().split('/').filter(|part| part.len() >= LONG_WORD).for_each(|part| self.add(part));
        let raw = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        raw.for_each(|(_, value)| self.add(value));
        url.query_pairs().for_each(|(_, value)| self.add(&value));
    }

    /// Adds a URL's password, which is a secret whatever else the URL shows.
    pub(super) fn add_password(&mut self, url: &Url) {
        url.password().iter().for_each(|password| self.add(password));
    }

    /// Adds the values of those headers that are marked as sensitive.
    pub(super) fn add_headers(&mut self, headers: &HeaderMap) {
        let values = headers.values().filter(|value| value.is_sensitive());
        for value in values.filter_map(|value| value.to_str().ok()) {
            self.add(value);
            // `Bearer TOKEN`: the token alone is what an answer would repeat.
            value.split_whitespace().skip(1).for_each(|word| self.add(word));
        }
    }
}

/// What could be read of the body. One that breaks off is as long as it came: the status is known, and stands.
async fn body_start(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = BODY_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == BODY_BYTES {
                break;
            }
        }
    };
    // Out of time is as good as broken off.
    drop(tokio::time::timeout(BODY_TIME, reading).await);
    body
}
