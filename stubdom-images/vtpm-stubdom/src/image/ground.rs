//! What the link to the manager stands on.

use super::announce;
use alloc::rc::Rc;
use core::cell::Cell;
use core::time::Duration;
use domain_io::{Clock, PortNumber, WatchEvent};
use vtpm_keeper::{FrontendLink, LinkHost, Meanwhile, SharedStore};
use vtpm_service::announce::State;
use vtpm_stubdom::Desk;
use xen_guest::{DomainClock, DomainSharing, Ending, ShutdownRequest, StoreConnection, Waiter};

/// The domain's xenstore, shared by the backend and the link.
pub(crate) type Store = SharedStore<StoreConnection>;

/// The link to the manager.
pub(crate) type Link = FrontendLink<Store, DomainSharing, Ground>;

/// What the toolstack asks of the domain, as whoever looks first found it.
#[derive(Clone)]
pub(crate) struct Requests {
    store: Store,
    seen: Rc<Cell<Option<ShutdownRequest>>>,
}

impl Requests {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone(), seen: Rc::default() }
    }

    /// How the domain is to end, if it is; said at once where the toolstack looks.
    pub(crate) fn shutdown(&self) -> Option<Ending> {
        if self.seen.get().is_none() {
            let request = self.store.with(|store| store.shutdown_request())?;
            self.seen.set(Some(request));
            log::info!("asked to stop");
            announce(&mut self.store.clone(), State::Stopping);
        }
        self.seen.get().map(|request| match request {
            ShutdownRequest::Poweroff => Ending::Poweroff,
            ShutdownRequest::Reboot => Ending::Reboot,
        })
    }
}

/// A domain that waits for its manager.
pub(crate) struct Ground {
    pub(crate) clock: DomainClock,
    pub(crate) waiter: Waiter,
    pub(crate) links: Store,
    pub(crate) store: Store,
    pub(crate) sharing: DomainSharing,
    pub(crate) requests: Requests,
    pub(crate) desk: Desk<DomainSharing>,
}

impl Clock for Ground {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl LinkHost for Ground {
    fn wait(&self, port: Option<PortNumber>, until: Duration) {
        if self.links.has_aside() || self.store.has_aside() {
            return;
        }
        if self.store.with(|store| store.has_unread()) {
            return;
        }
        let until = self.desk.next_meanwhile().map_or(until, |due| due.min(until));
        let store = self.store.with(|store| store.port());
        match port {
            Some(port) => self.waiter.wait(&[store, port], Some(until)),
            None => self.waiter.wait(&[store], Some(until)),
        }
    }

    fn meanwhile(&mut self) -> Meanwhile {
        self.desk.meanwhile(&mut self.store, &mut self.sharing, &self.clock);
        match self.requests.shutdown() {
            Some(_) => Meanwhile::Stop,
            None => Meanwhile::GoOn,
        }
    }
}

/// Whether a watch event belongs to the link to the manager.
pub(crate) fn is_link(event: &WatchEvent) -> bool {
    tpmfront::is_own(event)
}
