//! Whether the program is ready, and why not. Shows no secret: the reports hold none.

use std::time::Duration;

use eventer_core::status::{SinkReport, SourceReport};
use eventer_core::time::{format_duration, rfc3339_seconds};

/// A source may wait this long for room in the journal: a full journal is normal for a moment.
const ROOM_LIMIT: Duration = Duration::from_secs(5);

/// Whether the program is ready, and how each part of it is.
#[derive(Debug)]
pub(super) struct Readiness(Vec<Check>);

#[derive(Debug)]
struct Check {
    /// What was checked: `source kubernetes`.
    subject: String,
    /// What is wrong, if anything is.
    trouble: Option<String>,
    /// Whether trouble keeps the program from being ready.
    is_required: bool,
    /// More for people.
    detail: String,
}

impl Readiness {
    /// Judges the reports. A destination's trouble counts only if `sinks_are_required`.
    pub(super) fn of(
        sources: &[SourceReport],
        sinks: &[SinkReport],
        storage_trouble: Option<String>,
        sinks_are_required: bool,
    ) -> Self {
        let journal_takes = storage_trouble.is_none();
        let storage = storage_trouble.map(Check::of_storage);
        let sources = sources.iter().map(|source| Check::of_source(source, journal_takes));
        let sinks = sinks.iter().map(|sink| Check::of_sink(sink, sinks_are_required));
        Self(storage.into_iter().chain(sources).chain(sinks).collect())
    }

    /// Whether nothing that counts is wrong.
    pub(super) fn is_ready(&self) -> bool {
        self.blockers().next().is_none()
    }

    /// Why it is not ready, a reason a line; or `ok`.
    pub(super) fn reasons(&self) -> String {
        if self.is_ready() {
            return "ok".to_owned();
        }
        self.blockers().map(Check::text).collect()
    }

    /// How each part is, a part a line.
    pub(super) fn details(&self) -> String {
        let mut text: String = self.0.iter().map(Check::line).collect();
        text.push_str(if self.is_ready() { "ready\n" } else { "not ready\n" });
        text
    }

    fn blockers(&self) -> impl Iterator<Item = &Check> {
        self.0.iter().filter(|check| check.is_required && check.trouble.is_some())
    }
}

impl Check {
    fn of_storage(trouble: String) -> Self {
        let subject = "state directory".to_owned();
        Self { subject, trouble: Some(trouble), is_required: true, detail: String::new() }
    }

    /// If the journal cannot take anything, what a source waits for is no room.
    fn of_source(source: &SourceReport, journal_takes: bool) -> Self {
        let waits = source.waiting_for_room.filter(|waited| *waited > ROOM_LIMIT);
        let trouble = match (waits, source.status.is_fresh) {
            (Some(waited), _) => Some(format!(
                "{}, and has been for {}",
                if journal_takes { "the journal is full" } else { "the journal takes nothing" },
                format_duration(Duration::from_secs(waited.as_secs()))
            )),
            (None, false) => Some("it would not see an event that happens now".to_owned()),
            (None, true) => None,
        };
        let heard = source.status.last_heard.map(|at| format!("last heard at {}", rfc3339_seconds(at)));
        let detail = [Some(source.status.detail.clone()), heard].into_iter().flatten();
        let detail: Vec<String> = detail.filter(|part| !part.is_empty()).collect();
        Self {
            subject: format!("source {}", source.name),
            trouble,
            is_required: true,
            detail: detail.join(", "),
        }
    }

    fn of_sink(sink: &SinkReport, is_required: bool) -> Self {
        let trouble = match (sink.is_open, sink.failing_since) {
            (_, Some(since)) => Some(format!("failing since {}", rfc3339_seconds(since))),
            (false, None) => Some("not open yet".to_owned()),
            (true, None) => None,
        };
        let mut detail = format!("{}, {} events wait", sink.kind, sink.backlog);
        if sink.backlog > 0 {
            let lag = Duration::from_secs(sink.lag.as_secs());
            detail.push_str(&format!(", the oldest for {}", format_duration(lag)));
        }
        if let Some(error) = sink.last_error.as_ref().filter(|_| trouble.is_some()) {
            detail.push_str(&format!(", last error: {error}"));
        }
        Self { subject: format!("sink {}", sink.name), trouble, is_required, detail }
    }

    /// A line in the form of Kubernetes' own verbose checks.
    fn line(&self) -> String {
        let mark = match (&self.trouble, self.is_required) {
            (None, _) => "[+]",
            (Some(_), true) => "[-]",
            (Some(_), false) => "[!]",
        };
        format!("{mark} {}", self.text())
    }

    fn text(&self) -> String {
        let parts = [self.trouble.as_deref(), Some(&*self.detail).filter(|detail| !detail.is_empty())];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return format!("{}\n", self.subject);
        }
        format!("{}: {}\n", self.subject, parts.join("; "))
    }
}
