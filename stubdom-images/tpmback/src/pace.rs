//! How often something may happen.

use core::time::Duration;

/// Lets `BURST` things happen at once and then one per interval (a leaky bucket, kept as the one
/// moment at which it will be empty).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    empty_at: Duration,
}

/// An interval and how many may come at once before it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) every: Duration,
    pub(crate) burst: u32,
}

impl Pace {
    /// The first moment at which the next one may happen.
    pub(crate) fn next(self, rate: Rate) -> Duration {
        self.empty_at.saturating_sub(rate.every * rate.burst.saturating_sub(1))
    }

    /// Counts one that happens now.
    pub(crate) fn spend(&mut self, now: Duration, rate: Rate) {
        self.empty_at = self.empty_at.max(now).saturating_add(rate.every);
    }

    /// Counts one if it may happen now, and says whether.
    pub(crate) fn try_spend(&mut self, now: Duration, rate: Rate) -> bool {
        let allowed = now >= self.next(rate);
        if allowed {
            self.spend(now, rate);
        }
        allowed
    }
}
