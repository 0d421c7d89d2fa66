//! A machine with a manager and a disk, on which a managed vTPM domain starts again and again.

use crate::chain::{Chain, VTPM, alone};
use crate::manager::{Manager, StoreDisk};
use domain_io::test_utils::{FakeClock, FakeEntropy, FakeSharing, FakeStore, TracedDisk, World};
use domain_io::{BlockDevice, BlockError, Clock, PortNumber, Xenstore};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use vtpm_engine::{EngineError, LibTpms, StartConfig};
use vtpm_keeper::test_utils::FakeManager;
use vtpm_keeper::{FrontendLink, LinkHost, ManagedKeeper, Opened, Stop, Vtpm, open};
use vtpm_service::{Arguments, Service, ServiceError};
use vtpm_store::Uuid;
use vtpm_stubdom::origin;

/// The size of a vTPM's disk.
const DISK_BYTES: usize = 2 * 1024 * 1024;

/// How long a start waits for its manager, as in the image.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a look at the manager's page takes a vTPM domain that waits for it.
const TICK: Duration = Duration::from_millis(5);

/// Time in a vTPM domain that waits for its manager: meanwhile the manager runs.
pub struct Host {
    clock: FakeClock,
    manager: Rc<RefCell<Manager>>,
}

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
}

/// A disk that outlives its domains. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    disk: Rc<RefCell<TracedDisk>>,
    listener: Rc<RefCell<Box<dyn FnMut()>>>,
}

impl BlockDevice for Disk {
    fn sectors(&self) -> u64 {
        self.disk.borrow().sectors()
    }

    fn is_read_only(&self) -> bool {
        false
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
    /// What its manager knows.
    pub fake: FakeManager,
    disk: Disk,
    starts: u64,
}

impl Default for Machine {
    fn default() -> Self {
        Self::with(TracedDisk::new(vec![0; DISK_BYTES]), FakeManager::default())
    }
}

impl Machine {
    /// A machine that was just switched on, with this disk, and with a manager that knows what it
    /// knew before.
    #[must_use]
    pub fn with(disk: TracedDisk, fake: FakeManager) -> Self {
        let world = World::new();
        let manager = Manager::new(&world, &fake);
        Self::on(world, manager, disk, fake)
    }

    /// A machine that was just switched on, with these disks of the vTPM and of a real manager.
    #[must_use]
    pub fn real(disk: TracedDisk, store: &StoreDisk) -> Self {
        let world = World::new();
        let manager = Manager::real(&world, store);
        Self::on(world, manager, disk, FakeManager::default())
    }

    fn on(world: World, manager: Manager, disk: TracedDisk, fake: FakeManager) -> Self {
        let manager = Rc::new(RefCell::new(manager));
        manager.borrow_mut().start();
        let listener: Box<dyn FnMut()> = Box::new(|| ());
        let (disk, listener) = (Rc::new(RefCell::new(disk)), Rc::new(RefCell::new(listener)));
        let disk = Disk { disk, listener };
        Self { world, manager, fake, disk, starts: 0 }
    }

    /// The disk as it is now, with its trace.
    #[must_use]
    pub fn disk(&self) -> TracedDisk {
        self.disk.disk.borrow().clone()
    }

    /// Calls `listener` after each write and flush of the vTPM's disk.
    pub fn after_each_step(&self, listener: impl FnMut() + 'static) {
        *self.disk.listener.borrow_mut() = Box::new(listener);
    }

    /// How often the disk was flushed, and how many bytes were written to it.
    #[must_use]
    pub fn written(&self) -> (usize, usize) {
        let trace = self.disk.disk.borrow().trace();
        (trace.flushes(), trace.bytes_written())
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
        let host = Host { clock: self.world.clock(), manager: Rc::clone(&self.manager) };
        let (store, sharing) = (self.world.store(VTPM), self.world.sharing(VTPM));
        let mut link = FrontendLink::new(store, sharing, host).expect("a link");
        let until = self.world.clock().now() + PATIENCE;
        vtpm_keeper::random(&mut link, 64, until).expect("the manager's random bytes");
        let uuid = Uuid(link.uuid().expect("a uuid").0);
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
        Ok(Chain::join(alone, self.world.clone(), service, Box::new(beside)))
    }

    /// What is left of an earlier vTPM domain goes.
    fn forget_vtpm(&self) {
        self.manager.borrow_mut().vtpm_gone();
        let home = format!("/local/domain/{VTPM}");
        let removed = self.world.store(domain_io::DomainId(0)).remove(&home);
        removed.expect("domain 0 may remove a domain's nodes");
    }
}
