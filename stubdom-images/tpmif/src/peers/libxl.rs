//! libxl as it attaches, detaches and destroys vTPM devices (Xen 4.17, tools/libs/light).

use super::waiting::Waits;
use crate::nodes::DeviceId;
use alloc::string::String;
use core::time::Duration;
use domain_io::test_utils::{Access, FakeStore, Permissions, World};
use domain_io::{DomainId, Xenstore};

const DOM0: DomainId = DomainId(0);

/// The uuid that devices get here.
pub const UUID: &str = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";

/// The toolstack in domain 0.
pub struct Libxl {
    world: World,
    /// Its connection to xenstore.
    pub store: FakeStore,
    /// How long it takes from a watch event to reading the node: nothing on an idle machine.
    pub delay: Duration,
}

impl Libxl {
    /// The toolstack of `world`.
    #[must_use]
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), store: world.store(DOM0), delay: Duration::ZERO }
    }

    fn write(&mut self, path: &str, value: &str) {
        self.store.write(path, value).expect("domain 0 may write");
    }

    fn own(&mut self, path: &str, owner: DomainId, reader: DomainId) {
        self.write(path, "");
        let permissions = Permissions::owned(owner).with(reader, Access::Read);
        self.store.set_permissions(path, permissions).expect("domain 0 may set permissions");
    }

    /// The backend's directory as a full path.
    #[must_use]
    pub fn backend_dir(backend: DomainId, id: DeviceId) -> String {
        alloc::format!("/local/domain/{backend}/{}", id.backend_dir())
    }

    /// Writes all nodes of a device (libxl_device.c, `libxl__device_generic_add`) and starts the
    /// wait for exactly `InitWait`.
    ///
    /// # Panics
    /// Never: domain 0 may write everything.
    pub fn attach(&mut self, backend: DomainId, id: DeviceId) -> Waits {
        let (front, back) = (id.frontend_dir(), Self::backend_dir(backend, id));
        let (domain, device) = (alloc::format!("{}", id.frontend), alloc::format!("{}", id.device));
        self.own(&front, id.frontend, backend);
        self.own(&back, backend, id.frontend);
        for (name, value) in [
            ("backend", back.as_str()),
            ("backend-id", &alloc::format!("{backend}")),
            ("state", "1"),
            ("handle", &device),
        ] {
            self.write(&alloc::format!("{front}/{name}"), value);
        }
        for (name, value) in [
            ("frontend", front.as_str()),
            ("frontend-id", &domain),
            ("online", "1"),
            ("state", "1"),
            ("handle", &device),
            ("uuid", UUID),
            ("resume", "False"),
        ] {
            self.write(&alloc::format!("{back}/{name}"), value);
        }
        self.wait(alloc::format!("{back}/state"), Some("2"))
    }

    /// `xl vtpm-detach`: asks the backend to close and starts the wait for `Closed`, which
    /// [`wait_for_removal`](Self::wait_for_removal) follows.
    ///
    /// # Panics
    /// Never: domain 0 may write everything.
    pub fn detach(&mut self, backend: DomainId, id: DeviceId) -> Waits {
        let state = alloc::format!("{}/state", Self::backend_dir(backend, id));
        if let Ok(now) = self.store.read(&state) {
            self.write(&alloc::format!("{}/online", Self::backend_dir(backend, id)), "0");
            if now != "6" {
                self.write(&state, "5");
            }
        }
        self.wait(state, Some("6"))
    }

    /// `xl destroy` of the frontend's domain, which is already gone when this begins: deletes the
    /// frontend's end first, then as [`detach`](Self::detach).
    pub fn destroy(&mut self, backend: DomainId, id: DeviceId) -> Waits {
        self.world.destroy_domain(id.frontend);
        let _ = self.store.remove(&id.frontend_dir());
        self.detach(backend, id)
    }

    /// The second wait of a removal: for the backend to delete its end.
    #[must_use]
    pub fn wait_for_removal(&self, backend: DomainId, id: DeviceId) -> Waits {
        self.wait(Self::backend_dir(backend, id), None)
    }

    /// What a removal ends with: the frontend's end goes too.
    pub fn finish_removal(&mut self, id: DeviceId) {
        let _ = self.store.remove(&id.frontend_dir());
    }

    fn wait(&self, path: String, wanted: Option<&'static str>) -> Waits {
        let store = self.world.store(DOM0);
        Waits::new(store, self.world.clock(), path, wanted, self.delay)
    }
}
