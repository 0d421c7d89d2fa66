//! Our backend, at the other end of our frontend.

use domain_io::test_utils::{FakeClock, FakeSharing, FakeStore, World};
use domain_io::{DomainId, Xenstore};
use tpmback::{Backend, Event, Limits};

/// A domain with a backend that answers each command with the command's own bytes.
pub(super) struct Behind {
    pub(super) store: FakeStore,
    sharing: FakeSharing,
    pub(super) backend: Backend<FakeSharing>,
}

impl Behind {
    /// In a domain that is there already.
    pub(super) fn new(world: &World, domain: DomainId) -> Self {
        let mut store = world.store(domain);
        let backend = Backend::new(&mut store, Limits { frontends: 4 }).unwrap();
        Self { store, sharing: world.sharing(domain), backend }
    }

    /// All that it has to do now.
    pub(super) fn serve(&mut self, clock: &FakeClock) {
        while let Some(event) = self.store.next_event() {
            self.backend.notice(&event);
        }
        while let Some(event) = self.backend.poll(&mut self.store, &mut self.sharing, clock) {
            if let Event::Command(command) = event {
                self.backend.respond(command.ticket, &command.bytes).unwrap();
            }
        }
    }
}
