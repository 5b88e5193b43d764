//! How long to wait before the next attempt. Arithmetic only.

use std::time::Duration;

/// Waits that double from `min` to `max`, each shortened by up to a fifth so that many do not come at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
    jitter: fastrand::Rng,
}

impl Backoff {
    /// Begins with a wait of `min`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), next: min, jitter: fastrand::Rng::new() }
    }

    /// The wait before the next attempt; the one after it is twice as long.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.max);
        self.jittered(wait)
    }

    /// The longest wait, for trouble that seldom passes soon.
    pub fn longest_wait(&mut self) -> Duration {
        self.next = self.max;
        self.jittered(self.max)
    }

    /// All is well again: the next wait is `min`.
    pub fn reset(&mut self) {
        self.next = self.min;
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(1.0 - 0.2 * self.jitter.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_wait_is_within_its_bounds(min in 1_u64..1000, factor in 1_u64..100, steps in 1_usize..40) {
            let (min, max) = (Duration::from_millis(min), Duration::from_millis(min * factor));
            let mut backoff = Backoff::new(min, max);
            let mut full = min;
            for _ in 0..steps {
                let wait = backoff.next_wait();
                prop_assert!(wait <= full && wait >= full.mul_f64(0.8));
                full = (full * 2).min(max);
            }
            backoff.reset();
            prop_assert!(backoff.next_wait() <= min);
        }
    }
}
