//! What librdkafka logs, in our own log: no more than some lines a minute.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use tokio::time::Instant;

/// A cluster that is down makes librdkafka say so for each broker and connection.
const LINES: usize = 20;
const SPAN: Duration = Duration::from_secs(60);

/// Lets so many lines through in a span, and counts the others.
#[derive(Debug, Default)]
pub(super) struct LogLimit(Mutex<Option<Window>>);

#[derive(Clone, Copy, Debug)]
struct Window {
    begin: Instant,
    lines: usize,
}

impl LogLimit {
    /// Logs a line of librdkafka, unless there were too many. What the user asked for with `kafka.debug=` is never too
    /// much.
    pub(super) fn log(&self, sink: &str, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        match level {
            Level::Debug => tracing::debug!(sink, facility, "librdkafka: {message}"),
            Level::Info | Level::Notice if self.has_room(sink) => {
                tracing::info!(sink, facility, "librdkafka: {message}");
            }
            // It goes on by itself, so that nothing is worse than a warning.
            Level::Warning | Level::Error | Level::Critical | Level::Alert | Level::Emerg
                if self.has_room(sink) =>
            {
                tracing::warn!(sink, facility, "librdkafka: {message}");
            }
            _ => {}
        }
    }

    fn has_room(&self, sink: &str) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = window.filter(|window| window.begin.elapsed() < SPAN);
        if let (Some(last), None) = (*window, current)
            && last.lines > LINES
        {
            tracing::info!(sink, lines = last.lines - LINES, "librdkafka had more to say than is logged");
        }
        let current = current.unwrap_or_else(|| Window { begin: Instant::now(), lines: 0 });
        *window = Some(Window { lines: current.lines + 1, ..current });
        current.lines < LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_lines_are_logged_in_a_span_and_then_again() {
        let limit = LogLimit::default();
        let let_through = |lines: usize| (0..lines).filter(|_| limit.has_room("kafka")).count();
        assert_eq!(let_through(LINES + 5), LINES);
        tokio::time::advance(SPAN).await;
        assert_eq!(let_through(3), 3);
    }
}
