//! What can go wrong, by the stage at which it goes wrong: reading flags, opening, reading events, delivering them.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// Any error, as a cause of one of ours.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a delivery did not succeed, and with it what happens next. There is no conversion from other errors on
/// purpose: the author of a sink chooses the kind.
///
/// ```
/// use eventer_core::ExportError;
///
/// fn send() -> std::io::Result<()> {
///     Err(std::io::Error::other("connection reset"))
/// }
/// let error = send().map_err(ExportError::unavailable).unwrap_err();
/// assert!(error.is_retryable());
/// ```
#[derive(Debug)]
pub struct ExportError {
    kind: ExportErrorKind,
    cause: BoxError,
    retry_after: Option<Duration>,
    is_partial: bool,
    unsent: Vec<usize>,
    rejected: Vec<Rejection>,
}

/// The kinds of [`ExportError`]. [`as_str`](Self::as_str) is the metrics' label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportErrorKind {
    /// The destination did not take it now: no answer, a broken connection, 5xx, a 404 too. Tried again.
    Unavailable,
    /// The destination asked for patience. Tried again after what it said.
    RateLimited,
    /// The destination refused our credentials. Tried again, slowly, since secrets rotate.
    Unauthorized,
    /// The destination will never take it: a malformed or forbidden content. Not tried again.
    Rejected,
    /// The destination has gone and cannot come back, as a closed standard output. The sink is given up.
    Gone,
}

/// One event that the destination will never take, by its index in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Index in the batch that was exported.
    pub index: usize,
    /// What the destination said of it.
    pub reason: String,
}

impl ExportErrorKind {
    /// The kind as a metrics' label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::Unauthorized => "unauthorized",
            Self::Rejected => "rejected",
            Self::Gone => "gone",
        }
    }
}

impl ExportError {
    /// The destination did not take it now.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::new(ExportErrorKind::Unavailable, cause)
    }

    /// The destination asked for patience, for `retry_after` if it said how long.
    pub fn rate_limited(cause: impl Into<BoxError>, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..Self::new(ExportErrorKind::RateLimited, cause) }
    }

    /// The destination refused our credentials.
    pub fn unauthorized(cause: impl Into<BoxError>) -> Self {
        Self::new(ExportErrorKind::Unauthorized, cause)
    }

    /// The destination will never take it.
    pub fn rejected(cause: impl Into<BoxError>) -> Self {
        Self::new(ExportErrorKind::Rejected, cause)
    }

    /// The destination has gone and cannot come back.
    pub fn gone(cause: impl Into<BoxError>) -> Self {
        Self::new(ExportErrorKind::Gone, cause)
    }

    /// An error of the given kind.
    pub fn new(kind: ExportErrorKind, cause: impl Into<BoxError>) -> Self {
        Self {
            kind,
            cause: cause.into(),
            retry_after: None,
            is_partial: false,
            unsent: Vec::new(),
            rejected: Vec::new(),
        }
    }

    /// The destination said how long to wait, whatever the kind.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Says which events of the batch are still to be sent. Those that are neither unsent nor rejected were delivered;
    /// with no index at all, none is left.
    #[must_use]
    pub fn with_unsent(mut self, indices: impl IntoIterator<Item = usize>) -> Self {
        self.is_partial = true;
        self.unsent.extend(indices);
        self
    }

    /// Says that one event of the batch will never be taken, and why. Those that are neither unsent nor rejected were
    /// delivered.
    #[must_use]
    pub fn with_rejected(mut self, index: usize, reason: impl Into<String>) -> Self {
        self.is_partial = true;
        self.rejected.push(Rejection { index, reason: reason.into() });
        self
    }

    /// The kind.
    pub fn kind(&self) -> ExportErrorKind {
        self.kind
    }

    /// How long the destination asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The events that are still to be sent.
    pub fn unsent(&self) -> &[usize] {
        &self.unsent
    }

    /// The events that will never be taken.
    pub fn rejections(&self) -> &[Rejection] {
        &self.rejected
    }

    /// Whether it tells the events of the batch apart; otherwise it is about the whole batch.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Whether it speaks of events that a batch of `len` has not: a mistake of the sink.
    pub(crate) fn names_events_beyond(&self, len: usize) -> bool {
        let rejected = self.rejected.iter().map(|rejection| rejection.index);
        self.unsent.iter().copied().chain(rejected).any(|index| index >= len)
    }

    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        !matches!(self.kind, ExportErrorKind::Rejected | ExportErrorKind::Gone)
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ExportErrorKind::Unavailable => "the destination is unavailable",
            ExportErrorKind::RateLimited => "the destination asks for patience",
            ExportErrorKind::Unauthorized => "the destination refused our credentials",
            ExportErrorKind::Rejected => "the destination rejected the events",
            ExportErrorKind::Gone => "the destination has gone for good",
        })
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// What is wrong with a flag. Names the component and the option, and never their values where they may be secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is no component URI.
    #[error("{component}: {reason}")]
    Syntax {
        /// The flag and what can be said of its kind.
        component: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// No component of that kind is known.
    #[error("{component} is not known{}; known are {known}", did_you_mean(.suggestion))]
    UnknownKind {
        /// The flag and the kind.
        component: String,
        /// The known kind that is most like it.
        suggestion: Option<String>,
        /// All known kinds, for people to read.
        known: String,
    },
    /// An option that nobody takes.
    #[error("{component}: option \"{option}\" is not known{}{hint}", did_you_mean(.suggestion))]
    UnknownOption {
        /// The flag and the kind.
        component: String,
        /// The option.
        option: String,
        /// The known option that is most like it.
        suggestion: Option<String>,
        /// What else could be meant, or nothing.
        hint: String,
    },
    /// An option's value that is not understood.
    #[error("{component}: option \"{option}\": {reason}")]
    InvalidOption {
        /// The flag and the kind.
        component: String,
        /// The option.
        option: String,
        /// What is wrong with the value. Shows it only where it is no secret.
        reason: String,
    },
    /// An option that must be given.
    #[error("{component}: option \"{option}\" is missing: {help}")]
    MissingOption {
        /// The flag and the kind.
        component: String,
        /// The option.
        option: String,
        /// What the option is.
        help: String,
    },
}

impl ConfigError {
    /// The option that it is about.
    pub fn option(&self) -> Option<&str> {
        match self {
            Self::UnknownOption { option, .. }
            | Self::InvalidOption { option, .. }
            | Self::MissingOption { option, .. } => Some(option),
            Self::Syntax { .. } | Self::UnknownKind { .. } => None,
        }
    }

    /// The same of a component that is called otherwise, such as by its place in a file.
    #[must_use]
    pub fn of(mut self, name: String) -> Self {
        match &mut self {
            Self::Syntax { component, .. }
            | Self::UnknownKind { component, .. }
            | Self::UnknownOption { component, .. }
            | Self::InvalidOption { component, .. }
            | Self::MissingOption { component, .. } => *component = name,
        }
        self
    }
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|word| format!(", did you mean \"{word}\"?")).unwrap_or_default()
}

/// A component that could not be opened, although its flag is right.
#[derive(Debug, Error)]
#[error("could not {tried}")]
pub struct BuildError {
    tried: String,
    #[source]
    cause: BoxError,
}

impl BuildError {
    /// Says what was tried (`open the file`) and what went wrong.
    pub fn new(tried: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self { tried: tried.into(), cause: cause.into() }
    }
}

/// Why a source cannot hand out events now. All are passing: the source goes on by itself.
#[derive(Debug, Error)]
#[error("could not {tried}")]
pub struct SourceError {
    tried: String,
    #[source]
    cause: BoxError,
}

impl SourceError {
    /// Says what was tried (`read the recording`) and what went wrong.
    pub fn new(tried: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self { tried: tried.into(), cause: cause.into() }
    }
}

/// Writes an error and all its causes in one line: `could not open the file: permission denied`.
pub fn report(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_each_cause_once() {
        let error = BuildError::new("open the file", std::io::Error::other("permission denied"));
        assert_eq!(error.to_string(), "could not open the file");
        assert_eq!(report(&error), "could not open the file: permission denied");
    }

    #[test]
    fn an_error_can_say_of_each_event_what_became_of_it() {
        let error = ExportError::unavailable("bulk").with_unsent([1, 2]).with_rejected(3, "too large");
        assert!(error.is_partial());
        assert_eq!(error.unsent(), [1, 2]);
        assert_eq!(error.rejections()[0].index, 3);
    }
}
