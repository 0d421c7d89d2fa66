//! A machine with a manager domain, vTPM domains and a toolstack.

use domain_io::test_utils::{FakeClock, FakeEntropy, FakeSharing, FakeStore, TracedDisk, World};
use domain_io::{Clock, DomainId, PortNumber, Xenstore};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::Header;
use tpm_wire::manager::Request;
use tpmfront::{Event, Frontend};
use tpmif::Uuid;
use tpmif::nodes::DeviceId;
use tpmif::peers::{Libxl, Waiting};
use vtpm_manager::{Arguments, Hardware, Manager, OpenError, Parts, RootKeeper, WithoutHardware};
use vtpmmgr_stubdom::ManagerDomain;

/// A disk that the test can look at and break while the manager has it.
pub(crate) type Disk = Rc<RefCell<TracedDisk>>;

pub(crate) fn disk() -> Disk {
    Rc::new(RefCell::new(TracedDisk::new(vec![0; 4 << 20])))
}

/// The uuid of the vTPM with this number.
pub(crate) fn uuid(number: u16) -> Uuid {
    let [high, low] = number.to_be_bytes();
    Uuid([high, low, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])
}

/// 64 bytes that tell vTPM and save.
pub(crate) fn body(vtpm: u16, save: u16) -> [u8; 64] {
    let bytes = [vtpm.to_be_bytes(), save.to_be_bytes()].concat();
    core::array::from_fn(|at| bytes[at % 4])
}

/// What the hypervisor says about labels; the test may change it.
pub(crate) type Label = Rc<RefCell<Result<Option<Vec<u8>>, i32>>>;

type Labels = Box<dyn FnMut(PortNumber) -> Result<Option<Vec<u8>>, i32>>;
type Domain = ManagerDomain<Disk, Box<dyn RootKeeper>, FakeSharing, Labels>;

/// One manager domain and the machine around it.
pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) libxl: Libxl,
    pub(crate) domain: Domain,
    pub(crate) id: DomainId,
    pub(crate) label: Label,
    store: FakeStore,
    sharing: FakeSharing,
    clock: FakeClock,
}

impl Rig {
    /// A manager without hardware TPM on this disk.
    pub(crate) fn start(disk: &Disk) -> Self {
        Self::start_in(&World::new(), DomainId(900), disk)
    }

    /// The same in a machine that exists.
    pub(crate) fn start_in(world: &World, id: DomainId, disk: &Disk) -> Self {
        let keeper = Box::new(WithoutHardware);
        Self::with(world, id, disk, keeper, None, "hwtpm=none").expect("the manager starts")
    }

    /// A manager with these parts.
    pub(crate) fn with(
        world: &World,
        id: DomainId,
        disk: &Disk,
        keeper: Box<dyn RootKeeper>,
        hardware: Option<Hardware>,
        line: &str,
    ) -> Result<Self, OpenError> {
        let entropy = Box::new(FakeEntropy::new(u64::from(id.0)));
        let now = world.clock().now();
        let parts = Parts { disk: Rc::clone(disk), keeper, hardware, entropy, now };
        Self::of_parts(world, id, parts, line)
    }

    /// The same, with everything the test's own.
    pub(crate) fn of_parts(
        world: &World,
        id: DomainId,
        parts: Parts<Disk, Box<dyn RootKeeper>>,
        line: &str,
    ) -> Result<Self, OpenError> {
        let (arguments, notices) = Arguments::parse(line.split(' ')).expect("a sound line");
        assert!(notices.is_empty(), "{notices:?}");
        let (manager, _) = Manager::open(parts, &arguments)?;
        world.add_domain(id);
        let (mut store, clock) = (world.store(id), world.clock());
        let label = Label::new(RefCell::new(Ok(None)));
        let said = Rc::clone(&label);
        let labels: Labels = Box::new(move |_| said.borrow().clone());
        let domain = ManagerDomain::new(&mut store, manager, labels, clock.now());
        let domain = domain.expect("a backend");
        let (libxl, sharing) = (Libxl::new(world), world.sharing(id));
        Ok(Self { world: world.clone(), libxl, domain, id, label, store, sharing, clock })
    }

    /// What the image's loop does when it wakes up.
    pub(crate) fn turn(&mut self) {
        while let Some(event) = self.store.next_event() {
            self.domain.notice(&event);
        }
        self.domain.turn(&mut self.store, &mut self.sharing, &self.clock);
    }

    /// How often the manager has asked xenstored for anything.
    pub(crate) fn requests(&self) -> usize {
        self.store.requests
    }

    pub(crate) fn tick(&mut self, time: Duration) {
        self.clock.advance(time);
        self.turn();
    }

    /// `xl vtpm-attach`: how libxl's wait ended.
    pub(crate) fn attach(&mut self, id: DeviceId, uuid: Uuid) -> Waiting {
        let mut wait = self.libxl.attach(self.id, id);
        let node = format!("{}/uuid", Libxl::backend_dir(self.id, id));
        self.libxl.store.write(&node, &uuid.to_string()).expect("domain 0 may write");
        while wait.poll() == Waiting::Still {
            self.tick(Duration::from_millis(100));
        }
        wait.poll()
    }

    /// What the manager left for the administrator about a device that it does not serve.
    pub(crate) fn message(&mut self, id: DeviceId) -> Option<String> {
        self.store.read(&format!("error/{}/error", id.backend_dir())).ok()
    }

    pub(crate) fn shutdown(&mut self) {
        self.domain.shutdown(&mut self.store, &self.clock);
        while !self.domain.is_stopped() {
            self.tick(Duration::from_millis(100));
        }
    }
}

/// A vTPM domain's end of its way to the manager.
pub(crate) struct Vtpm {
    pub(crate) id: DeviceId,
    store: FakeStore,
    sharing: FakeSharing,
    frontend: Frontend<FakeSharing>,
    clock: FakeClock,
}

impl Vtpm {
    /// Creates the domain with this number and connects it, with the uuid of that number.
    pub(crate) fn connect(rig: &mut Rig, number: u16) -> Self {
        let mut vtpm = Self::create(rig, number, number);
        vtpm.await_connection(rig);
        vtpm
    }

    /// Creates the domain and attaches its device with the uuid of `of`.
    pub(crate) fn create(rig: &mut Rig, number: u16, of: u16) -> Self {
        let domain = DomainId(number);
        let id = DeviceId { frontend: domain, device: 0 };
        rig.world.add_domain(domain);
        assert_eq!(rig.attach(id, uuid(of)), Waiting::Reached, "{:?}", rig.message(id));
        let (mut store, clock) = (rig.world.store(domain), rig.world.clock());
        let sharing = rig.world.sharing(domain);
        let frontend = Frontend::new(&mut store).expect("a frontend");
        Self { id, store, sharing, frontend, clock }
    }

    pub(crate) fn poll(&mut self) -> Option<Event> {
        while let Some(event) = self.store.next_event() {
            self.frontend.notice(&event);
        }
        self.frontend.poll(&mut self.store, &mut self.sharing, &self.clock)
    }

    pub(crate) fn await_connection(&mut self, rig: &mut Rig) {
        for _ in 0..100 {
            let _ = self.poll();
            if self.frontend.is_connected() {
                return;
            }
            rig.tick(Duration::from_millis(100));
        }
        panic!("{} does not connect: {:?}", self.id, rig.message(self.id));
    }

    pub(crate) fn submit(&mut self, packet: &[u8]) {
        self.frontend.submit(0, packet).expect("the page takes it");
    }

    /// The answer, if it is there.
    pub(crate) fn answer(&mut self) -> Option<Vec<u8>> {
        while let Some(event) = self.poll() {
            if let Event::Answer(answer) = event {
                return Some(answer);
            }
        }
        None
    }

    /// A packet and its answer, in one turn of the manager.
    pub(crate) fn ask(&mut self, rig: &mut Rig, packet: &[u8]) -> Vec<u8> {
        self.submit(packet);
        rig.turn();
        self.answer().expect("an answer within one turn")
    }

    pub(crate) fn request(&mut self, rig: &mut Rig, request: Request<'_>) -> (u32, Vec<u8>) {
        parts(&self.ask(rig, &request.packet()))
    }
}

pub(crate) fn parts(answer: &[u8]) -> (u32, Vec<u8>) {
    let (header, body) = Header::parse(answer).expect("a packet");
    (header.code, body.to_vec())
}
