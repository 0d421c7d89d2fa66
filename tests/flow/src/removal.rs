//! How guests and their devices end, and how long libxl waits for it.

use crate::chain::{Chain, VTPM};
use crate::guest::Guest;
use domain_io::Xenstore;
use std::time::Duration;
use tpmif::nodes::DeviceId;
use tpmif::peers::{Waiting, Waits};
use vtpm_engine::LibTpms;
use vtpm_service::StateKeeper;

/// What libxl saw while it removed a device. It waits up to ten seconds for each step.
#[derive(Debug, PartialEq, Eq)]
pub struct Removal {
    /// The wait for the backend's `Closed`.
    pub closed: (Waiting, Duration),
    /// The wait for the backend's nodes to be gone.
    pub removed: (Waiting, Duration),
}

impl Removal {
    /// Whether both waits ended as they should, each within `limit`.
    #[must_use]
    pub fn is_within(&self, limit: Duration) -> bool {
        [self.closed, self.removed]
            .iter()
            .all(|(ended, took)| *ended == Waiting::Reached && *took <= limit)
    }

    /// Follows a removal to its end; `closed` is what the frontend does on the backend's `Closed`.
    fn watch<K: StateKeeper<LibTpms>>(
        chain: &mut Chain<K>,
        id: DeviceId,
        mut first: Waits,
        closed: impl FnOnce(),
    ) -> Self {
        let first = chain.until(&mut first);
        closed();
        let mut second = chain.libxl.wait_for_removal(VTPM, id);
        let second = chain.until(&mut second);
        chain.libxl.finish_removal(id);
        Self { closed: first, removed: second }
    }
}

impl Guest {
    /// `xl vtpm-detach`; the guest runs on.
    pub fn detach<K: StateKeeper<LibTpms>>(&mut self, chain: &mut Chain<K>) -> Removal {
        let wait = chain.libxl.detach(VTPM, self.id);
        // The driver hears of it as the backend does, and has its answer first if it waits for one.
        chain.tick();
        self.driver.backend_changed();
        Removal::watch(chain, self.id, wait, || {})
    }

    /// `xl destroy`: the guest ends between two of its instructions.
    pub fn destroy<K: StateKeeper<LibTpms>>(self, chain: &mut Chain<K>) -> Removal {
        let wait = chain.libxl.destroy(VTPM, self.id);
        let removal = Removal::watch(chain, self.id, wait, || {});
        let home = format!("/local/domain/{}", self.id.frontend);
        chain.libxl.store.remove(&home).expect("domain 0 may remove a domain's nodes");
        removal
    }

    /// The guest shuts down: its kernel closes the device and waits up to five seconds for the
    /// backend, then its domain ends. How long the kernel waited, and the removal.
    ///
    /// # Panics
    /// When the kernel would have waited out its five seconds.
    pub fn shut_down<K: StateKeeper<LibTpms>>(
        mut self,
        chain: &mut Chain<K>,
    ) -> (Duration, Removal) {
        let start = chain.now();
        self.driver.begin_shutdown();
        while !self.driver.shutdown_goes_on() {
            assert!(
                chain.now() - start < Duration::from_secs(5),
                "the guest waits for the backend"
            );
            chain.tick();
        }
        let waited = chain.now() - start;
        (waited, self.destroy(chain))
    }

    /// `xl reboot`: the guest shuts down, and a domain with the next number takes its place.
    #[must_use]
    pub fn reboot<K: StateKeeper<LibTpms>>(self, chain: &mut Chain<K>) -> Self {
        let next = self.id.frontend.0 + 1;
        let _ = self.shut_down(chain);
        Self::boot(chain, next)
    }
}
