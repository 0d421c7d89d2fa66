//! A machine with a manager and a disk, on which a managed vTPM domain starts again and again.

use crate::board::Board;
use crate::chain::{Chain, Store, VTPM, alone, connection};
use crate::manager::{Boards, Manager, StoreDisk};
use crate::mortal::AnyDisk;
use domain_io::test_utils::{FakeClock, FakeEntropy, FakeSharing, FakeStore, TracedDisk, World};
use domain_io::{BlockDevice, BlockError, Clock, PortNumber, Xenstore};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use vtpm_engine::{EngineError, LibTpms, StartConfig};
use vtpm_keeper::test_utils::FakeManager;
use vtpm_keeper::{FrontendLink, LinkHost, ManagedKeeper, Meanwhile, Opened, Stop, Vtpm, open};
use vtpm_manager::OpenError;
use vtpm_service::{Arguments, Service, ServiceError};
use vtpm_store::Uuid;
use vtpm_stubdom::{Desk, origin};

/// The sizes of a vTPM's disk and of the manager's.
const DISK_BYTES: usize = 2 * 1024 * 1024;
const STORE_BYTES: usize = 4 * 1024 * 1024;

/// How long a start waits for its manager, as in the image.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a look at the manager's page takes a vTPM domain that waits for it.
const TICK: Duration = Duration::from_millis(5);

/// A vTPM domain that waits for its manager: meanwhile the manager runs, and so does the toolstack.
pub struct Host {
    clock: FakeClock,
    manager: Rc<RefCell<Manager>>,
    toolstack: Toolstack,
    store: Store,
    sharing: FakeSharing,
    desk: Desk<FakeSharing>,
}

/// What the toolstack does while the vTPM domain waits, and whether it wants it to stop.
type Toolstack = Rc<RefCell<Box<dyn FnMut() -> Meanwhile>>>;

impl Clock for Host {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl LinkHost for Host {
    fn wait(&self, _: Option<PortNumber>, until: Duration) {
        self.clock.advance(TICK.min(until.saturating_sub(self.clock.now())));
        self.manager.borrow_mut().turn();
    }

    fn meanwhile(&mut self) -> Meanwhile {
        let wish = (self.toolstack.borrow_mut())();
        self.desk.meanwhile(&mut self.store, &mut self.sharing, &self.clock);
        wish
    }
}

/// A disk that outlives its domains. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    disk: AnyDisk,
    listener: Rc<RefCell<Box<dyn FnMut()>>>,
}

impl BlockDevice for Disk {
    fn sectors(&self) -> u64 {
        self.disk.borrow().sectors()
    }

    fn is_read_only(&self) -> bool {
        self.disk.borrow().is_read_only()
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.disk.borrow_mut().read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.disk.borrow_mut().write(sector, from)?;
        (self.listener.borrow_mut())();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.disk.borrow_mut().flush()?;
        (self.listener.borrow_mut())();
        Ok(())
    }
}

type Link = FrontendLink<FakeStore, FakeSharing, Host>;

/// The keeper of a managed vTPM on this machine.
pub type Managed = ManagedKeeper<Disk, Link, FakeEntropy>;

/// Why a vTPM domain did not start.
#[derive(Debug)]
pub enum NoStart {
    /// Manager and disk.
    Stop(Stop),
    /// The engine.
    Engine(EngineError),
    /// The first commands, or keeping what they changed.
    Service(ServiceError),
}

/// See the module.
pub struct Machine {
    /// The machine.
    pub world: World,
    /// Its manager's domain.
    pub manager: Rc<RefCell<Manager>>,
    /// The disk of a real manager in memory.
    pub store: StoreDisk,
    /// The vTPM's disk, where it is one in memory.
    traced: StoreDisk,
    disk: Disk,
    toolstack: Toolstack,
    starts: u64,
}

impl Default for Machine {
    /// A machine with a real manager and blank disks, just switched on.
    fn default() -> Self {
        let (disk, store) = Self::blank_disks();
        Self::real(disk, &Rc::new(RefCell::new(store)))
    }
}

impl Machine {
    /// A machine that was just switched on, with these disks of the vTPM and of a real manager.
    #[must_use]
    pub fn real(disk: TracedDisk, store: &StoreDisk) -> Self {
        let traced = Rc::new(RefCell::new(disk));
        let machine = Self::on(Rc::clone(&traced) as AnyDisk, Rc::clone(store) as AnyDisk);
        Self { store: Rc::clone(store), traced, ..machine }
    }

    /// The same with disks of any kind.
    #[must_use]
    pub fn on(disk: AnyDisk, store: AnyDisk) -> Self {
        let machine = Self::with_boards(disk, store, Rc::new(|_| Board::bare()));
        machine.expect("the manager serves")
    }

    /// A machine that was just switched on, with these disks and boards.
    ///
    /// # Errors
    /// Why its manager does not serve.
    pub fn with_boards(disk: AnyDisk, store: AnyDisk, boards: Boards) -> Result<Self, OpenError> {
        let world = World::new();
        let manager = Manager::real(&world, store, boards);
        Self::with(world, manager, disk)
    }

    /// A blank disk for a vTPM, and one for a manager.
    #[must_use]
    pub fn blank_disks() -> (TracedDisk, TracedDisk) {
        (TracedDisk::new(vec![0; DISK_BYTES]), TracedDisk::new(vec![0; STORE_BYTES]))
    }

    /// A machine with a blank disk whose manager is played: it knows this and has this hardware TPM.
    #[must_use]
    pub fn played(fake: &FakeManager) -> Self {
        let (world, disk) = (World::new(), TracedDisk::new(vec![0; DISK_BYTES]));
        let manager = Manager::played(&world, fake);
        let machine = Self::with(world, manager, Rc::new(RefCell::new(disk)));
        machine.expect("a played manager serves")
    }

    fn with(world: World, manager: Manager, disk: AnyDisk) -> Result<Self, OpenError> {
        let manager = Rc::new(RefCell::new(manager));
        manager.borrow_mut().start()?;
        let listener: Box<dyn FnMut()> = Box::new(|| ());
        let disk = Disk { disk, listener: Rc::new(RefCell::new(listener)) };
        let none = || Rc::new(RefCell::new(TracedDisk::new(Vec::new())));
        let idle: Box<dyn FnMut() -> Meanwhile> = Box::new(|| Meanwhile::GoOn);
        let toolstack = Rc::new(RefCell::new(idle));
        Ok(Self { world, manager, store: none(), traced: none(), disk, toolstack, starts: 0 })
    }

    /// The disk as it is now, with its trace.
    #[must_use]
    pub fn disk(&self) -> TracedDisk {
        self.traced.borrow().clone()
    }

    /// Calls `listener` after each write and flush of the vTPM's disk.
    pub fn after_each_step(&self, listener: impl FnMut() + 'static) {
        *self.disk.listener.borrow_mut() = Box::new(listener);
    }

    /// Calls `toolstack` every few milliseconds while the vTPM domain waits for its manager.
    pub fn while_waiting(&self, toolstack: impl FnMut() -> Meanwhile + 'static) {
        *self.toolstack.borrow_mut() = Box::new(toolstack);
    }

    /// How often the disk was flushed, and how many bytes were written to it.
    #[must_use]
    pub fn written(&self) -> (usize, usize) {
        let trace = self.traced.borrow().trace();
        (trace.flushes(), trace.bytes_written())
    }

    /// How often the manager's disk was flushed.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.store.borrow().trace().flushes()
    }

    /// Starts the vTPM domain with this command line; any earlier one must be gone.
    ///
    /// # Errors
    /// [`NoStart`].
    ///
    /// # Panics
    /// When the test's own machine is not sound.
    pub fn start(&mut self, line: &str) -> Result<Chain<Managed>, NoStart> {
        let alone = alone();
        self.starts += 1;
        if self.starts > 1 {
            self.forget_vtpm();
        }
        self.world.add_domain(VTPM);
        self.manager.borrow_mut().attach();
        let (arguments, notices) = Arguments::parse(line.split(' ')).expect("a sound command line");
        assert!(notices.is_empty(), "{notices:?}");
        let mut connected = connection(&self.world);
        let desk = Desk::open(&mut connected).expect("a backend");
        let host = Host {
            clock: self.world.clock(),
            manager: Rc::clone(&self.manager),
            toolstack: Rc::clone(&self.toolstack),
            store: connected.clone(),
            sharing: self.world.sharing(VTPM),
            desk: desk.clone(),
        };
        let (store, sharing) = (self.world.store(VTPM), self.world.sharing(VTPM));
        let mut link = FrontendLink::new(store, sharing, host).expect("a link");
        let until = self.world.clock().now() + PATIENCE;
        vtpm_keeper::random(&mut link, 64, until).expect("the manager's random bytes");
        let uuid = Uuid(link.uuid(until).expect("a uuid").0);
        let (version, hardware_pcrs) = (arguments.version, arguments.hardware_pcrs);
        let vtpm = Vtpm { uuid, version, hardware_pcrs };
        let entropy = FakeEntropy::new(self.starts);
        let opened = open(self.disk.clone(), link.clone(), entropy, vtpm, until);
        let Opened { keeper, image } = opened.map_err(NoStart::Stop)?;
        let origin = origin(image.as_ref(), &mut self.world.store(VTPM));
        let state = image.map(|image| image.state);
        let config = StartConfig { state, ..StartConfig::new(version) };
        let engine = LibTpms::start(config).map_err(NoStart::Engine)?;
        let service = Service::start(engine, keeper, arguments, origin);
        let service = service.map_err(NoStart::Service)?;
        let manager = Rc::clone(&self.manager);
        let beside = move || {
            manager.borrow_mut().turn();
            link.turn();
        };
        let backend = (connected, desk);
        Ok(Chain::join(alone, self.world.clone(), backend, service, Box::new(beside)))
    }

    /// What is left of an earlier vTPM domain goes.
    fn forget_vtpm(&self) {
        self.manager.borrow_mut().vtpm_gone();
        let home = format!("/local/domain/{VTPM}");
        let removed = self.world.store(domain_io::DomainId(0)).remove(&home);
        removed.expect("domain 0 may remove a domain's nodes");
    }
}
