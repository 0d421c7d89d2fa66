//! Time that passes only when a test says so.

use crate::host::{Clock, Pause};
use alloc::rc::Rc;
use core::cell::Cell;
use core::time::Duration;

/// A clock that tests advance. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct FakeClock {
    now: Rc<Cell<Duration>>,
}

impl FakeClock {
    /// Lets `by` pass.
    pub fn advance(&self, by: Duration) {
        self.now.set(self.now.get() + by);
    }

    /// Lets time pass until `moment`; a moment in the past changes nothing.
    pub fn advance_to(&self, moment: Duration) {
        self.now.set(self.now.get().max(moment));
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.now.get()
    }
}

/// A pause is over at once and has moved the clock by exactly its length.
impl Pause for FakeClock {
    fn pause(&self, time: Duration) {
        self.advance(time);
    }
}
