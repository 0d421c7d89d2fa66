//! The frontend of mini-os (tpmfront.c), as upstream's domains and pv-grub use it.

use super::raw::RawFrontend;
use crate::nodes::DeviceId;
use domain_io::DomainId;
use domain_io::test_utils::World;

/// How far a close is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Waits for the backend to be closing, then frees its page.
    AtFive,
    /// Waits for the backend to be closed or to wait for a new opening.
    AtSix,
    /// Over; its state is back at `Initialising` for a later opening.
    Done,
}

/// One device of mini-os.
pub struct MiniOsFrontend {
    /// Its page and nodes.
    pub raw: RawFrontend,
    closing: Closing,
}

impl MiniOsFrontend {
    /// The frontend, not yet opened.
    #[must_use]
    pub fn new(world: &World, backend: DomainId, id: DeviceId) -> Self {
        Self { raw: RawFrontend::new(world, backend, id), closing: Closing::Done }
    }

    /// Publishes everything and goes straight to `Connected`.
    pub fn open(&mut self) {
        self.raw.set("feature-protocol-v2", "1");
        self.raw.publish_ring();
        self.raw.set("state", "4");
    }

    /// Whether the backend has connected; the real one waits for ever, and gives up when the
    /// backend is unknown, closing or closed.
    pub fn is_open(&mut self) -> bool {
        let version = self.raw.backend_node("feature-protocol-v2");
        self.raw.backend_state() == "4" && version.as_deref() == Some("1")
    }

    /// Begins to close.
    pub fn begin_close(&mut self) {
        self.raw.set("state", "5");
        self.closing = Closing::AtFive;
    }

    /// Takes the next step of closing if the backend has taken its own.
    pub fn go_on_closing(&mut self) -> Closing {
        let backend = self.raw.backend_state();
        match (self.closing, backend.as_str()) {
            (Closing::AtFive, "5" | "6") => {
                self.raw.free_ring();
                self.raw.unset("event-channel");
                self.raw.unset("ring-ref");
                self.raw.set("state", "6");
                self.closing = Closing::AtSix;
            }
            (Closing::AtSix, "2" | "6") => {
                self.raw.set("state", "1");
                self.closing = Closing::Done;
            }
            _ => {}
        }
        self.closing
    }
}
