//! Says once that something is wrong, not at every retry; and once that it works again.

use std::time::Duration;

use tokio::time::Instant;

/// The same trouble is told again after this time.
const AGAIN: Duration = Duration::from_secs(60);
/// So many different troubles are told apart.
const REMEMBERED: usize = 8;

/// Decides what is worth a line in the log.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    since: Option<Instant>,
    told: Vec<(String, Instant)>,
}

impl Trouble {
    /// There is trouble. Says whether to tell of it.
    pub(super) fn is_news(&mut self, text: &str) -> bool {
        let now = Instant::now();
        self.since.get_or_insert(now);
        self.told.retain(|(_, at)| now.duration_since(*at) < AGAIN);
        if self.told.iter().any(|(told, _)| told == text) || self.told.len() == REMEMBERED {
            return false;
        }
        self.told.push((text.to_owned(), now));
        true
    }

    /// Whether there is trouble.
    pub(super) fn is_some(&self) -> bool {
        self.since.is_some()
    }

    /// All is well. Says how long there was trouble, if there was.
    pub(super) fn is_over(&mut self) -> Option<Duration> {
        self.told.clear();
        self.since.take().map(|since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_a_minute() {
        let mut trouble = Trouble::default();
        assert!(trouble.is_news("no route"));
        assert!(!trouble.is_news("no route"));
        assert!(trouble.is_news("refused"));
        assert!(!trouble.is_news("no route"), "two that alternate are no news either");
        tokio::time::advance(AGAIN).await;
        assert!(trouble.is_news("no route"));
        assert_eq!(trouble.is_over(), Some(AGAIN));
        assert_eq!(trouble.is_over(), None);
    }
}
