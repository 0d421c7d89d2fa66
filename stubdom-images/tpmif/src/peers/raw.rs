//! What every frontend does, well-meaning or not: grant a page, publish nodes, touch bytes.

use crate::nodes::DeviceId;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use domain_io::test_utils::{FakePage, FakePort, FakeSharing, FakeStore, FrameView, World};
use domain_io::{DomainId, EventPort, GrantRef, Sharing, Xenstore};

/// A frontend without manners or scruples: offers single steps, in any order, with any values.
pub struct RawFrontend {
    /// The device it stands for.
    pub id: DeviceId,
    /// Its domain's connection to xenstore.
    pub store: FakeStore,
    world: World,
    sharing: FakeSharing,
    backend: DomainId,
    ring: Option<Ring>,
    /// Pages freed while the other side still had them mapped; Linux keeps those aside.
    deferred: Vec<FakePage>,
}

struct Ring {
    page: FakePage,
    grant: GrantRef,
    port: FakePort,
}

impl RawFrontend {
    /// The frontend of a device that the toolstack has created.
    #[must_use]
    pub fn new(world: &World, backend: DomainId, id: DeviceId) -> Self {
        Self {
            id,
            store: world.store(id.frontend),
            world: world.clone(),
            sharing: world.sharing(id.frontend),
            backend,
            ring: None,
            deferred: Vec::new(),
        }
    }

    /// Writes one of its own nodes.
    ///
    /// # Panics
    /// When the domain may not.
    pub fn set(&mut self, name: &str, value: &str) {
        let path = alloc::format!("{}/{name}", self.id.frontend_dir());
        self.store.write(&path, value).expect("a frontend may write its own end");
    }

    /// Removes one of its own nodes.
    pub fn unset(&mut self, name: &str) {
        let _ = self.store.remove(&alloc::format!("{}/{name}", self.id.frontend_dir()));
    }

    /// Reads a node of the backend's end; `None` when it is gone.
    pub fn backend_node(&mut self, name: &str) -> Option<String> {
        let dir = self.id.backend_dir();
        self.store.read(&alloc::format!("/local/domain/{}/{dir}/{name}", self.backend)).ok()
    }

    /// The backend's state, "0" when there is none.
    pub fn backend_state(&mut self) -> String {
        self.backend_node("state").unwrap_or_else(|| "0".to_string())
    }

    /// Grants a fresh page and allocates a port, and writes both to its nodes.
    ///
    /// # Panics
    /// When the machine has no room.
    pub fn publish_ring(&mut self) {
        let (page, grant) = self.sharing.grant(self.backend).expect("a grant");
        let port = self.sharing.allocate_port(self.backend).expect("a port");
        self.set("ring-ref", &grant.0.to_string());
        self.set("event-channel", &port.number().0.to_string());
        self.ring = Some(Ring { page, grant, port });
    }

    /// Closes its port and frees its page, which stays aside while the other side has it mapped.
    pub fn free_ring(&mut self) {
        if let Some(Ring { page, .. }) = self.ring.take() {
            self.deferred.push(page);
        }
        if self.world.mappings(self.backend) == 0 {
            self.deferred.clear();
        }
    }

    /// Whether it has a page and a port.
    #[must_use]
    pub fn has_ring(&self) -> bool {
        self.ring.is_some()
    }

    /// The page, to read and overwrite at will.
    ///
    /// # Panics
    /// Without a page.
    #[must_use]
    pub fn page(&self) -> FrameView {
        let ring = self.ring.as_ref().expect("a published ring");
        self.world.frame(self.id.frontend, ring.grant).expect("a granted page")
    }

    /// Wakes the backend.
    pub fn notify(&self) {
        if let Some(ring) = &self.ring {
            let _ = ring.port.notify();
        }
    }

    /// Whether the backend has sent an event since the last call.
    #[must_use]
    pub fn was_notified(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.port.take_pending())
    }

    /// Puts a command into the page as Linux does, without asking whether it may.
    pub fn submit(&self, packet: &[u8]) {
        let page = self.page();
        page.poke(8, packet);
        page.poke(0, &u32::try_from(packet.len()).unwrap_or(u32::MAX).to_le_bytes());
        page.poke(4, &[1]);
        self.notify();
    }

    /// The state byte.
    #[must_use]
    pub fn page_state(&self) -> u8 {
        self.page().bytes()[4]
    }

    /// The bytes of the answer, by the length in the page.
    ///
    /// # Panics
    /// When the backend announced more than a page.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        let bytes = self.page().bytes();
        let length = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
        bytes[8..][..length as usize].to_vec()
    }
}
