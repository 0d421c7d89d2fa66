//! A backend played by the test, node by node and byte by byte.

use crate::{Event, Frontend};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeClock, FakeSharing, FakeStore, FrameView, World};
use domain_io::{DomainId, GrantRef, Xenstore};
use tpmif::nodes::DeviceId;
use tpmif::peers::Libxl;

pub(super) const BACK: DomainId = DomainId(3);
pub(super) const FRONT: DomainId = DomainId(5);

/// A packet of `length` bytes whose size field says so.
pub(super) fn packet(length: usize) -> Vec<u8> {
    let mut bytes = alloc::vec![0x3c; length];
    bytes[..2].copy_from_slice(&[0x80, 0x01]);
    bytes[2..6].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes
}

pub(super) struct Played {
    pub(super) world: World,
    pub(super) libxl: Libxl,
    pub(super) back: FakeStore,
    pub(super) store: FakeStore,
    pub(super) sharing: FakeSharing,
    pub(super) clock: FakeClock,
    pub(super) frontend: Frontend<FakeSharing>,
}

impl Played {
    pub(super) fn new() -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(FRONT);
        let mut store = world.store(FRONT);
        let frontend = Frontend::new(&mut store).unwrap();
        Self {
            libxl: Libxl::new(&world),
            back: world.store(BACK),
            sharing: world.sharing(FRONT),
            clock: world.clock(),
            store,
            frontend,
            world,
        }
    }

    pub(super) fn id(device: u32) -> DeviceId {
        DeviceId { frontend: FRONT, device }
    }

    /// One round of the owner's loop.
    pub(super) fn turn(&mut self) -> Vec<Event> {
        while let Some(event) = self.store.next_event() {
            assert!(self.frontend.notice(&event));
        }
        let mut events = Vec::new();
        while let Some(event) = self.frontend.poll(&mut self.store, &mut self.sharing, &self.clock)
        {
            events.push(event);
            assert!(events.len() < 100, "poll never comes to an end");
        }
        events
    }

    pub(super) fn pass(&mut self, time: Duration) -> Vec<Event> {
        self.clock.advance(time);
        self.turn()
    }

    pub(super) fn attach(&mut self, device: u32) {
        let _wait = self.libxl.attach(BACK, Self::id(device));
    }

    /// Writes a node of the backend's end.
    pub(super) fn set(&mut self, device: u32, name: &str, value: &str) {
        let path = alloc::format!("{}/{name}", Self::id(device).backend_dir());
        self.back.write(&path, value).unwrap();
    }

    /// Reads a node of the frontend's end.
    pub(super) fn get(&mut self, device: u32, name: &str) -> Option<String> {
        self.back.read(&alloc::format!("{}/{name}", Self::id(device).frontend_dir())).ok()
    }

    /// Goes through the whole handshake.
    pub(super) fn connect(&mut self, device: u32) {
        self.attach(device);
        self.set(device, "feature-protocol-v2", "1");
        self.set(device, "state", "2");
        assert_eq!(self.turn(), []);
        self.set(device, "state", "4");
        assert_eq!(self.turn(), [Event::Connected { device, backend: BACK }]);
    }

    /// The page, found by the published grant reference.
    pub(super) fn page(&mut self, device: u32) -> FrameView {
        let grant = self.get(device, "ring-ref").unwrap().parse().unwrap();
        self.world.frame(FRONT, GrantRef(grant)).unwrap()
    }

    /// Answers what stands in the page, as a backend would.
    pub(super) fn answer(&mut self, device: u32, answer: &[u8]) {
        let page = self.page(device);
        page.poke(8, answer);
        page.poke(0, &u32::try_from(answer.len()).unwrap().to_le_bytes());
        page.poke(4, &[2]);
    }
}
