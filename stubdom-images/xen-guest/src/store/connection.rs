//! This domain's own connection, and the toolstack's requests that come through it.
#![allow(unsafe_code, reason = "the ring's page is mapped by the boot code")]

use super::client::{Client, Host};
use super::shutdown::{Shutdown, ShutdownRequest};
use crate::paging::{STORE_RING, UNUSED};
use crate::raw_page::RawPage;
use crate::{clock, events, hypercall};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{DomainId, PortNumber, StoreError, WatchEvent, Xenstore};

struct RealHost {
    port: u32,
}

impl Host for RealHost {
    fn now(&self) -> Duration {
        clock::now()
    }

    fn wake(&self) {
        // The port is connected from the start to the end of the domain.
        let _ = hypercall::send(self.port);
    }

    fn clear(&self) {
        events::take_pending(self.port);
    }

    fn wait(&self, until: Duration) {
        events::wait_on(&[self.port], Some(until));
    }
}

/// This domain's connection to xenstored.
pub struct StoreConnection {
    client: Client<RawPage, RealHost>,
    shutdown: Shutdown,
    port: u32,
}

impl StoreConnection {
    pub(crate) fn new(port: u32) -> Self {
        // SAFETY: the boot code mapped the ring there, for ever.
        let page = unsafe { RawPage::new(STORE_RING) };
        let mut client = Client::new(page, RealHost { port });
        let mut shutdown = Shutdown::default();
        shutdown.watch(&mut client);
        Self { client, shutdown, port }
    }

    /// The port to wait on for watch events and for [`shutdown_request`](Self::shutdown_request).
    #[must_use]
    pub fn port(&self) -> PortNumber {
        PortNumber(self.port)
    }

    /// Whether [`shutdown_request`](Self::shutdown_request) or `next_event` may have something to
    /// give. To be asked before each sleep: what came with the answer to a request has spent its
    /// wake-up.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.client.has_unread()
    }

    /// Whether the toolstack wants the domain to end; acknowledges the request, as it expects.
    /// Never waits when nothing has changed and nothing is to be made up for.
    pub fn shutdown_request(&mut self) -> Option<ShutdownRequest> {
        let changed = self.client.take_control_changed();
        self.shutdown.look(&mut self.client, changed)
    }
}

impl Xenstore for StoreConnection {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        self.client.read(path)
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.client.write(path, value)
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.client.remove(path)
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.client.list(path)
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.client.watch(path, token)
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.client.unwatch(path, token)
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        match self.client.is_introduced(domain) {
            // xenstored answers this question to dom0 only, the OCaml and the C one alike. Xen's own
            // view is the same but for moments: a domain that ends is taken out of xenstore shortly
            // before or after.
            Err(StoreError::Refused(word)) if word == "EACCES" => {
                // SAFETY: the page exists for this.
                Ok(unsafe { hypercall::domain_exists(domain.0, UNUSED) })
            }
            answer => answer,
        }
    }

    fn answers_within(&mut self, limit: Duration) -> bool {
        self.client.answers_within(limit)
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.client.next_event()
    }
}
