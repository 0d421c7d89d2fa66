//! A backend's domain, its owner's loop, and the toolstack beside it.

use crate::{Backend, DeviceId, Event, Limits, Reason, WATCHES_PER_TURN};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeClock, FakeSharing, FakeStore, World};
use domain_io::{DomainId, Xenstore};
use tpmif::peers::{Libxl, LinuxFrontend, MiniOsFrontend, RawFrontend, Waiting, Waits};

pub(super) const BACK: DomainId = DomainId(3);
const TICK: Duration = Duration::from_millis(5);

pub(super) fn id(frontend: u16, device: u32) -> DeviceId {
    DeviceId { frontend: DomainId(frontend), device }
}

/// A command packet of `length` bytes.
pub(super) fn command(length: usize) -> Vec<u8> {
    let mut bytes = alloc::vec![0x5a; length];
    bytes[..2].copy_from_slice(&[0x80, 0x01]);
    bytes[2..6].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    Attached(DeviceId),
    Connected(DeviceId),
    Disconnected(DeviceId, Reason),
    Removed(DeviceId),
    Command(DeviceId, u8, Vec<u8>),
}

pub(super) struct Host {
    pub(super) world: World,
    pub(super) store: FakeStore,
    pub(super) sharing: FakeSharing,
    pub(super) clock: FakeClock,
    pub(super) backend: Backend<FakeSharing>,
    pub(super) libxl: Libxl,
    pub(super) notes: Vec<Note>,
    /// Domains whose devices the owner refuses.
    pub(super) refused: Vec<DomainId>,
}

impl Host {
    pub(super) fn new(frontends: usize) -> Self {
        let world = World::new();
        world.add_domain(BACK);
        let mut store = world.store(BACK);
        let backend = Backend::new(&mut store, Limits { frontends }).unwrap();
        Self {
            store,
            backend,
            sharing: world.sharing(BACK),
            clock: world.clock(),
            libxl: Libxl::new(&world),
            notes: Vec::new(),
            refused: Vec::new(),
            world,
        }
    }

    /// One round of the owner's loop: each command is answered with itself.
    pub(super) fn turn(&mut self) {
        for _ in 0..WATCHES_PER_TURN {
            let Some(event) = self.store.next_event() else { break };
            assert!(self.backend.notice(&event), "nobody else watches here: {event:?}");
        }
        for _ in 0..10_000 {
            let event = self.backend.poll(&mut self.store, &mut self.sharing, &self.clock);
            let Some(event) = event else { return };
            self.take(event);
        }
        panic!("poll never comes to an end");
    }

    fn take(&mut self, event: Event) {
        let note = match event {
            Event::Attached { id, .. } => {
                if self.refused.contains(&id.frontend) {
                    self.backend.refuse(&mut self.store, id, "this TPM has its guest");
                }
                Note::Attached(id)
            }
            Event::Connected(id) => Note::Connected(id),
            Event::Disconnected(id, reason) => Note::Disconnected(id, reason),
            Event::Removed(id) => Note::Removed(id),
            Event::Command(command) => {
                self.backend.respond(command.ticket, &command.bytes).unwrap();
                Note::Command(command.id, command.locality, command.bytes)
            }
        };
        self.notes.push(note);
    }

    /// Lets five milliseconds pass, then a round.
    pub(super) fn tick(&mut self) {
        self.clock.advance(TICK);
        self.turn();
    }

    pub(super) fn run(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / TICK.as_millis() {
            self.tick();
        }
    }

    /// Runs until the wait is over; returns how it ended and after how long.
    pub(super) fn until(&mut self, wait: &mut Waits) -> (Waiting, Duration) {
        use domain_io::Clock;
        let start = self.clock.now();
        while wait.poll() == Waiting::Still {
            self.tick();
        }
        (wait.poll(), self.clock.now() - start)
    }

    /// Attaches a device to a domain that is then let run, as `xl create` does.
    pub(super) fn attach(&mut self, id: DeviceId) {
        self.world.add_domain(id.frontend);
        let mut wait = self.libxl.attach(BACK, id);
        assert_eq!(self.until(&mut wait).0, Waiting::Reached);
    }

    pub(super) fn linux(&mut self, id: DeviceId) -> LinuxFrontend {
        self.attach(id);
        LinuxFrontend::new(&self.world, BACK, id)
    }

    /// A Linux guest whose driver is connected and has had its first answer.
    pub(super) fn connected_linux(&mut self, id: DeviceId) -> LinuxFrontend {
        let mut front = self.linux(id);
        front.probe(&command(22));
        self.run(Duration::from_secs(2));
        front.backend_changed();
        assert!(front.is_connected());
        assert_eq!(front.receive(), tpmif::peers::Sent::Answer(command(22)));
        front
    }

    pub(super) fn mini_os(&mut self, id: DeviceId) -> MiniOsFrontend {
        self.attach(id);
        MiniOsFrontend::new(&self.world, BACK, id)
    }

    /// A frontend that has published itself properly and is connected.
    pub(super) fn connected_raw(&mut self, id: DeviceId) -> RawFrontend {
        self.attach(id);
        let mut front = RawFrontend::new(&self.world, BACK, id);
        front.publish_ring();
        front.set("feature-protocol-v2", "1");
        front.set("state", "4");
        self.run(Duration::from_secs(2));
        assert_eq!(front.backend_state(), "4");
        front
    }

    pub(super) fn own_node(&mut self, id: DeviceId, name: &str) -> Option<alloc::string::String> {
        self.store.read(&alloc::format!("{}/{name}", id.backend_dir())).ok()
    }

    pub(super) fn message(&mut self, id: DeviceId) -> Option<alloc::string::String> {
        self.store.read(&alloc::format!("error/{}/error", id.backend_dir())).ok()
    }

    pub(super) fn commands(&self) -> usize {
        self.notes.iter().filter(|note| matches!(note, Note::Command(..))).count()
    }
}
