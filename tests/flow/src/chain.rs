//! One machine, one vTPM domain on it, and the toolstack.

use domain_io::test_utils::{FakeClock, FakeSharing, FakeStore, World};
use domain_io::{Clock, DomainId, Xenstore};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tpmif::nodes::DeviceId;
use tpmif::peers::{Libxl, Waiting, Waits};
use vtpm_engine::{LibTpms, StartConfig, TpmState};
use vtpm_keeper::{SharedStore, share};
use vtpm_service::{Arguments, Ephemeral, Origin, Service, ServiceError, StateKeeper};
use vtpm_stubdom::{Desk, VtpmDomain};

/// The vTPM domain's number; guests have smaller ones.
pub const VTPM: DomainId = DomainId(90);

/// How often Linux's driver looks at its page.
const TICK: Duration = Duration::from_millis(5);

/// libtpms keeps its TPM in process-wide variables.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The vTPM domain's connection to xenstore; clones are the same.
pub(crate) type Store = SharedStore<FakeStore>;

/// A connection of the vTPM domain's.
pub(crate) fn connection(world: &World) -> Store {
    share(world.store(VTPM), |_| false).1
}

/// Waits until no other TPM runs in this process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A machine with a vTPM domain: the real backend, rules and engine, on pages, ports, a xenstore
/// and a clock in memory. Time passes only when somebody waits.
///
/// A process runs one at a time: starting a second one waits for the first to be dropped.
pub struct Chain<K = Ephemeral> {
    /// The machine.
    pub world: World,
    /// The toolstack.
    pub libxl: Libxl,
    store: Store,
    sharing: FakeSharing,
    clock: FakeClock,
    domain: VtpmDomain<LibTpms, K, FakeSharing>,
    /// Other domains of the machine.
    beside: Box<dyn FnMut()>,
    // Last, so that the engine is gone when the next chain starts.
    _alone: MutexGuard<'static, ()>,
}

impl Chain {
    /// Starts the vTPM domain with a blank TPM and this command line.
    ///
    /// # Panics
    /// When the domain does not start.
    #[must_use]
    pub fn start(line: &str) -> Self {
        Self::start_from(line, None)
    }

    /// Starts the vTPM domain with this command line, and with the permanent state of a TPM that
    /// was manufactured before.
    ///
    /// # Panics
    /// When the domain does not start.
    #[must_use]
    pub fn start_from(line: &str, state: Option<TpmState>) -> Self {
        let alone = alone();
        let (arguments, notices) = Arguments::parse(line.split(' ')).expect("a sound command line");
        assert!(notices.is_empty(), "{notices:?}");
        let origin = state.as_ref().map_or(Origin::New, |_| Origin::Kept(Default::default()));
        let config = StartConfig { state, ..StartConfig::new(arguments.version) };
        let engine = LibTpms::start(config).expect("an engine");
        let service = Service::start(engine, Ephemeral, arguments, origin).expect("a vTPM");
        let world = World::new();
        world.add_domain(VTPM);
        let mut store = connection(&world);
        let desk = Desk::open(&mut store).expect("a backend");
        Self::join(alone, world, (store, desk), service, Box::new(|| ()))
    }
}

impl<K: StateKeeper<LibTpms>> Chain<K> {
    /// The vTPM domain of a machine on which it was created already, with its backend; `beside` is what
    /// other domains do whenever the vTPM domain wakes up.
    pub(crate) fn join(
        alone: MutexGuard<'static, ()>,
        world: World,
        (store, desk): (Store, Desk<FakeSharing>),
        service: Service<LibTpms, K>,
        beside: Box<dyn FnMut()>,
    ) -> Self {
        let domain = VtpmDomain::at(desk, service);
        let (libxl, sharing, clock) = (Libxl::new(&world), world.sharing(VTPM), world.clock());
        Self { world, libxl, store, sharing, clock, domain, beside, _alone: alone }
    }

    /// The vTPM domain ends between two of its instructions.
    pub fn kill(self) {
        drop(self);
    }

    /// [`turn`](Self::turn), which may end the vTPM.
    ///
    /// # Errors
    /// Why the vTPM cannot go on.
    pub fn try_turn(&mut self) -> Result<(), ServiceError> {
        (self.beside)();
        while let Some(event) = self.store.next_event() {
            assert!(self.domain.notice(&event), "nobody else watches here: {event:?}");
        }
        self.domain.turn(&mut self.store, &mut self.sharing, &self.clock)
    }

    /// What the image's main loop does when it wakes up.
    ///
    /// # Panics
    /// When the vTPM cannot go on.
    pub fn turn(&mut self) {
        self.try_turn().expect("the vTPM goes on");
    }

    /// Lets five milliseconds pass; then the vTPM domain wakes up.
    pub fn tick(&mut self) {
        self.clock.advance(TICK);
        self.turn();
    }

    /// Lets time pass in ticks.
    pub fn run(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / TICK.as_millis() {
            self.tick();
        }
    }

    /// The machine's time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Lets time pass until libxl's wait is over; returns how it ended and after how long.
    pub fn until(&mut self, wait: &mut Waits) -> (Waiting, Duration) {
        let start = self.now();
        while wait.poll() == Waiting::Still {
            self.tick();
        }
        (wait.poll(), self.now() - start)
    }

    /// Announces a guest's device as `xl create` and `xl vtpm-attach` do; how libxl's wait ended
    /// and after how long.
    pub fn attach(&mut self, id: DeviceId) -> (Waiting, Duration) {
        self.world.add_domain(id.frontend);
        let mut wait = self.libxl.attach(VTPM, id);
        self.until(&mut wait)
    }

    /// What the vTPM domain left for the administrator about a device that it does not serve.
    #[must_use]
    pub fn message(&mut self, id: DeviceId) -> Option<String> {
        self.store.read(&format!("error/{}/error", id.backend_dir())).ok()
    }

    /// Stops the vTPM domain in order, as on `control/shutdown`; how long its devices took to go.
    ///
    /// # Panics
    /// When the TPM does not stop in order, or a device is left after a minute.
    pub fn stop(mut self) -> Duration {
        let start = self.now();
        let stopped = self.domain.shutdown(&mut self.store, &self.clock);
        stopped.expect("the TPM stops in order");
        while !self.domain.is_stopped() {
            assert!(self.now() - start < Duration::from_secs(60), "a device does not go");
            self.tick();
        }
        self.now() - start
    }
}
