//! Time for the drivers of the hardware TPM.

use core::time::Duration;
use domain_io::{Clock, Pause};
use xen_guest::{DomainClock, Waiter};

/// The domain's clock and its way to sleep.
#[derive(Clone, Copy)]
pub(crate) struct Time {
    pub(crate) clock: DomainClock,
    pub(crate) waiter: Waiter,
}

impl Clock for Time {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl Pause for Time {
    fn pause(&self, time: Duration) {
        self.waiter.sleep(time);
    }
}
