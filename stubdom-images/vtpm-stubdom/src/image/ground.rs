//! What the link to the manager stands on.

use core::time::Duration;
use domain_io::{Clock, PortNumber, WatchEvent};
use vtpm_keeper::{FrontendLink, LinkHost, SharedStore};
use xen_guest::{DomainClock, DomainSharing, StoreConnection, Waiter};

/// The domain's xenstore, shared by the backend and the link.
pub(crate) type Store = SharedStore<StoreConnection>;

/// The link to the manager.
pub(crate) type Link = FrontendLink<Store, DomainSharing, Ground>;

/// Time and sleep of a domain that waits for its manager.
pub(crate) struct Ground {
    clock: DomainClock,
    waiter: Waiter,
    store: PortNumber,
}

impl Ground {
    pub(crate) const fn new(clock: DomainClock, waiter: Waiter, store: PortNumber) -> Self {
        Self { clock, waiter, store }
    }
}

impl Clock for Ground {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl LinkHost for Ground {
    fn wait(&self, port: Option<PortNumber>, until: Duration) {
        match port {
            Some(port) => self.waiter.wait(&[self.store, port], Some(until)),
            None => self.waiter.wait(&[self.store], Some(until)),
        }
    }
}

/// Whether a watch event belongs to the link to the manager.
pub(crate) fn is_link(event: &WatchEvent) -> bool {
    tpmfront::is_own(event)
}
