//! A backend does anything to its nodes and to the page, in front of a frontend of ours.

use super::bytes::{Bytes, with_size};
use domain_io::test_utils::{FakeClock, FakePort, FakeSharing, FakeStore, FrameView, World};
use domain_io::{DomainId, EventPort, GrantRef, PortNumber, Sharing, Xenstore};
use std::time::Duration;
use tpm_wire::{Header, MAX_PACKET_BYTES};
use tpmfront::{Event, Frontend};
use tpmif::nodes::DeviceId;
use tpmif::peers::Libxl;

const BACK: DomainId = DomainId(3);
const FRONT: DomainId = DomainId(5);
const MOST_STEPS: usize = 64;
/// A frontend that says more at one look never comes to its owner's other work.
const MOST_EVENTS: usize = 100;

const NODES: [&str; 4] = ["state", "feature-protocol-v2", "frontend-id", "online"];
const VALUES: [&str; 16] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-1", "", "4294967296", " 4", "4\0", "x"];
const COMMAND: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7B, 0, 8];

/// Steps, each of one byte and what belongs to it: time passes, the backend acts, or the frontend's
/// owner wants something.
///
/// # Panics
/// When the frontend does not come to rest, takes an answer that is none, has more than one page or
/// port granted, keeps them when its device is gone, or does not use the next backend.
pub fn backend(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut pair = Pair::new();
    pair.attach(0);
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        pair.step(&mut bytes);
        pair.turn();
        assert!(pair.world.grants(FRONT) <= 1 && pair.world.ports(FRONT).len() <= 1);
    }
    pair.libxl.store.remove(&id(0).frontend_dir()).expect("domain 0 may remove everything");
    pair.turn();
    assert_eq!((pair.world.grants(FRONT), pair.world.ports(FRONT).len()), (0, 0));
    pair.use_a_good_one();
}

const fn id(device: u32) -> DeviceId {
    DeviceId { frontend: FRONT, device }
}

struct Pair {
    world: World,
    libxl: Libxl,
    back: FakeStore,
    store: FakeStore,
    sharing: FakeSharing,
    clock: FakeClock,
    frontend: Frontend<FakeSharing>,
    /// The backend's end of the event channel that the frontend's node names, and that number.
    port: Option<(u32, FakePort)>,
}

impl Pair {
    fn new() -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(FRONT);
        let mut store = world.store(FRONT);
        let frontend = Frontend::new(&mut store).expect("a frontend");
        let (libxl, back, sharing) = (Libxl::new(&world), world.store(BACK), world.sharing(FRONT));
        Self { libxl, back, sharing, clock: world.clock(), store, frontend, world, port: None }
    }

    fn attach(&mut self, device: u32) {
        let _wait = self.libxl.attach(BACK, id(device));
        self.turn();
    }

    /// One round of the owner's loop.
    fn turn(&mut self) -> Vec<Event> {
        while let Some(event) = self.store.next_event() {
            assert!(self.frontend.notice(&event), "nobody else watches here: {event:?}");
        }
        let mut events = Vec::new();
        while let Some(event) = self.frontend.poll(&mut self.store, &mut self.sharing, &self.clock)
        {
            if let Event::Answer(answer) = &event {
                assert!(answer.len() <= MAX_PACKET_BYTES && Header::parse(answer).is_ok());
            }
            events.push(event);
            assert!(events.len() < MOST_EVENTS, "it never comes to rest");
        }
        events
    }

    /// What the backend, or whoever can write its nodes, puts there. Where its device is gone the
    /// toolstack's permissions are, too.
    fn set(&mut self, device: u32, name: &str, value: &str) {
        let _ = self.back.write(&format!("{}/{name}", id(device).backend_dir()), value);
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.byte() % 10 {
            0 => {
                let (node, value) = (usize::from(bytes.byte()), usize::from(bytes.byte()));
                self.set(0, NODES[node % NODES.len()], VALUES[value % VALUES.len()]);
            }
            1 => {
                let node = NODES[usize::from(bytes.byte()) % NODES.len()];
                let _ = self.back.remove(&format!("{}/{node}", id(0).backend_dir()));
            }
            2 => drop(self.connect(0)),
            3 => self.poke(bytes),
            4 => self.answer(bytes),
            5 => drop(self.frontend.submit(bytes.byte(), &COMMAND)),
            6 => self.frontend.cancel(),
            7 => drop(self.frontend.close(&mut self.store)),
            8 => self.frontend.reopen(),
            _ => self.clock.advance(Duration::from_millis(u64::from(bytes.word()))),
        }
    }

    /// A number in one of the frontend's own nodes.
    fn number(&mut self, name: &str) -> Option<u32> {
        let node = format!("{}/{name}", id(0).frontend_dir());
        self.libxl.store.read(&node).ok()?.parse().ok()
    }

    /// The page that is granted now.
    fn page(&mut self) -> Option<FrameView> {
        let grant = self.number("ring-ref")?;
        self.world.frame(FRONT, GrantRef(grant))
    }

    /// Overwrites a byte now, or whenever the frontend has read something.
    fn poke(&mut self, bytes: &mut Bytes<'_>) {
        let (at, value) = (bytes.word(), bytes.byte());
        let Some(page) = self.page() else { return };
        match at {
            0x8000.. => {
                let at = usize::from(at) % 64;
                page.after_each_read(move |_, _, page| page[at] = value);
            }
            _ => page.poke(usize::from(at) % 4096, &[value]),
        }
        self.notify();
    }

    fn answer(&mut self, bytes: &mut Bytes<'_>) {
        let length = usize::from(bytes.byte());
        let answer = with_size(bytes.take(length));
        let Some(page) = self.page() else { return };
        page.poke(8, &answer);
        page.poke(0, &u32::try_from(answer.len()).unwrap_or(u32::MAX).to_le_bytes());
        page.poke(4, &[2]);
        self.notify();
    }

    /// Raises the event channel that the frontend offers now.
    fn notify(&mut self) {
        let Some(number) = self.number("event-channel") else { return };
        if self.port.as_ref().is_none_or(|(bound, _)| *bound != number) {
            let bound = self.world.sharing(BACK).bind(FRONT, PortNumber(number));
            self.port = bound.ok().map(|port| (number, port));
        }
        if let Some((_, port)) = &self.port {
            let _ = port.notify();
        }
    }

    /// Shakes hands as a backend should.
    fn connect(&mut self, device: u32) -> Vec<Event> {
        self.set(device, "feature-protocol-v2", "1");
        self.set(device, "state", "2");
        let mut events = self.turn();
        self.set(device, "state", "4");
        events.extend(self.turn());
        events
    }

    fn use_a_good_one(&mut self) {
        self.attach(1);
        assert_eq!(self.connect(1), [Event::Connected { device: 1, backend: BACK }]);
    }
}
