//! Linux's xen-tpmfront (drivers/char/tpm/xen-tpmfront.c, 6.1).

use super::raw::RawFrontend;
use crate::nodes::DeviceId;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeClock, World};
use domain_io::{Clock, DomainId};

/// How long the driver waits for an answer to a command whose duration it does not know.
const DURATION: Duration = Duration::from_secs(120);

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// The driver polls the page every five milliseconds.
    Waiting,
    /// The answer.
    Answer(Vec<u8>),
    /// `-ETIME`: the driver gave up, set CANCEL and notified.
    TimedOut,
}

/// The driver of one device.
pub struct LinuxFrontend {
    /// Its page and nodes.
    pub raw: RawFrontend,
    clock: FakeClock,
    sent_at: Option<Duration>,
    connected: bool,
}

impl LinuxFrontend {
    /// The driver, not yet loaded.
    #[must_use]
    pub fn new(world: &World, backend: DomainId, id: DeviceId) -> Self {
        let raw = RawFrontend::new(world, backend, id);
        Self { raw, clock: world.clock(), sent_at: None, connected: false }
    }

    /// Loads the driver: publishes everything and goes to `Initialised` without a look at the
    /// backend, then at once sends the first command of its probe.
    pub fn probe(&mut self, first: &[u8]) {
        self.raw.publish_ring();
        self.raw.set("feature-protocol-v2", "1");
        self.raw.set("state", "3");
        assert!(self.send(first), "the page is fresh");
    }

    /// Sends a command unless an earlier one is still in the page.
    pub fn send(&mut self, packet: &[u8]) -> bool {
        let free = matches!(self.raw.page_state(), 0 | 2);
        if free {
            self.raw.submit(packet);
            self.sent_at = Some(self.clock.now());
        }
        free
    }

    /// One look of the driver's polling loop at the page.
    pub fn receive(&mut self) -> Sent {
        let Some(sent_at) = self.sent_at else { return Sent::TimedOut };
        if matches!(self.raw.page_state(), 0 | 2) {
            self.sent_at = None;
            return Sent::Answer(self.raw.answer());
        }
        if self.clock.now() >= sent_at + DURATION {
            self.sent_at = None;
            self.raw.page().poke(4, &[3]);
            self.raw.notify();
            return Sent::TimedOut;
        }
        Sent::Waiting
    }

    /// The xenbus callback for the backend's state.
    pub fn backend_changed(&mut self) {
        match self.raw.backend_state().as_str() {
            "4" if !self.connected && self.raw.has_ring() => {
                let version = self.raw.backend_node("feature-protocol-v2");
                assert_eq!(version.as_deref(), Some("1"), "vTPM protocol 2 required");
                self.connected = true;
                self.raw.set("state", "4");
            }
            "5" | "6" if self.raw.has_ring() => {
                self.unload();
                self.raw.set("state", "6");
            }
            _ => {}
        }
    }

    /// Whether the driver has seen the backend connect.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    fn unload(&mut self) {
        self.raw.free_ring();
        self.sent_at = None;
        self.connected = false;
    }

    /// Unbinds the driver.
    pub fn remove(&mut self) {
        self.unload();
        self.raw.set("state", "6");
    }

    /// Guest shutdown: `Closing`, then up to five seconds for the backend's `Closing`
    /// (xenbus_dev_shutdown).
    pub fn begin_shutdown(&mut self) {
        self.raw.set("state", "5");
    }

    /// Whether the guest may go on shutting down.
    pub fn shutdown_goes_on(&mut self) -> bool {
        self.raw.backend_state() == "5"
    }
}
