//! The manager's domain: the real one, or one played by the protocol's page where a hardware TPM is
//! wanted, on real pages and nodes.

use crate::board::Board;
use crate::chain::VTPM;
use crate::mortal::{AnyDisk, Death, Life, MortalDisk, MortalKeeper, MortalSharing};
use domain_io::test_utils::{FakeClock, FakeEntropy, FakeSharing, FakeStore, TracedDisk, World};
use domain_io::{Clock, DomainId, Xenstore};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tpmback::{Backend, Event, Limits};
use tpmif::nodes::DeviceId;
use tpmif::peers::Libxl;
use vtpm_keeper::test_utils::FakeManager;
use vtpm_manager::{Arguments, OpenError, Parts};
use vtpmmgr_stubdom::{ManagerDomain, NoLabels};

/// The number of the first manager domain; each later one has the next.
pub const MANAGER: DomainId = DomainId(70);

/// What each new domain of a real manager finds on the machine's board.
pub type Boards = Rc<dyn Fn(&World) -> Board>;

/// The manager's disk. Clones are the same disk.
pub type StoreDisk = Rc<RefCell<TracedDisk>>;

type Real = ManagerDomain<MortalDisk, MortalKeeper, MortalSharing, NoLabels>;

struct Alive {
    store: FakeStore,
    mind: Mind,
}

enum Mind {
    Played(Box<Backend<FakeSharing>>, FakeSharing),
    Real(Box<Real>, MortalSharing),
}

/// A manager domain, which may die, and the administrator who then starts another one and wires it to
/// the vTPM domain by detach and attach.
pub struct Manager {
    /// What a played one knows and does.
    fake: FakeManager,
    /// The disk of a real manager; `None` plays it.
    real: Option<AnyDisk>,
    boards: Boards,
    life: Life,
    /// How long the administrator takes.
    pub restart_after: Duration,
    world: World,
    libxl: Libxl,
    domain: DomainId,
    device: u32,
    alive: Option<Alive>,
    restart_at: Duration,
}

impl Manager {
    /// A played manager that does not run yet.
    #[must_use]
    pub fn played(world: &World, fake: &FakeManager) -> Self {
        Self {
            fake: fake.clone(),
            real: None,
            boards: Rc::new(|_| Board::bare()),
            life: Life::default(),
            restart_after: Duration::from_secs(4),
            libxl: Libxl::new(world),
            world: world.clone(),
            domain: MANAGER,
            device: 0,
            alive: None,
            restart_at: Duration::MAX,
        }
    }

    /// A real manager that does not run yet.
    #[must_use]
    pub fn real(world: &World, disk: AnyDisk, boards: Boards) -> Self {
        Self { real: Some(disk), boards, ..Self::played(world, &FakeManager::default()) }
    }

    /// A real one dies at this step of the next request that writes; deaths come one after the other.
    pub fn dies(&self, death: Death) {
        self.life.plan(death);
    }

    fn id(&self) -> DeviceId {
        DeviceId { frontend: VTPM, device: self.device }
    }

    /// Its domain is created.
    ///
    /// # Errors
    /// Why a real one does not serve.
    ///
    /// # Panics
    /// When its backend cannot begin.
    pub fn start(&mut self) -> Result<(), OpenError> {
        self.world.add_domain(self.domain);
        let mut store = self.world.store(self.domain);
        let sharing = self.world.sharing(self.domain);
        self.life = self.life.next();
        let mind = match &self.real {
            Some(disk) => {
                let life = self.life.clone();
                let disk = MortalDisk { disk: Rc::clone(disk), life: life.clone() };
                let real = self.open(&mut store, disk)?;
                Mind::Real(Box::new(real), MortalSharing { sharing, life })
            }
            None => {
                let backend = Backend::new(&mut store, Limits { frontends: 8 });
                Mind::Played(Box::new(backend.expect("a backend")), sharing)
            }
        };
        self.alive = Some(Alive { store, mind });
        Ok(())
    }

    fn open(&self, store: &mut FakeStore, disk: MortalDisk) -> Result<Real, OpenError> {
        let Board { hardware, keeper, line } = (self.boards)(&self.world);
        let words = line.split(' ');
        let (arguments, _) = Arguments::parse(words).expect("a sound command line");
        let entropy = Box::new(FakeEntropy::new(u64::from(self.domain.0)));
        let now = self.world.clock().now();
        let keeper = MortalKeeper { keeper, life: self.life.clone() };
        let parts = Parts { disk, keeper, hardware, entropy, now };
        let (manager, _) = vtpm_manager::Manager::open(parts, &arguments)?;
        Ok(ManagerDomain::new(store, manager, NoLabels, now).expect("a backend"))
    }

    /// The toolstack gives the vTPM domain its device.
    pub fn attach(&mut self) {
        let _ = self.libxl.attach(self.domain, self.id());
    }

    /// The vTPM domain is gone, and its device with it.
    pub fn vtpm_gone(&mut self) {
        let _ = self.libxl.destroy(self.domain, self.id());
        for _ in 0..1000 {
            self.world.clock().advance(Duration::from_millis(5));
            self.turn();
        }
        self.libxl.finish_removal(self.id());
    }

    /// Its domain ends between two of its instructions.
    ///
    /// # Panics
    /// Never: domain 0 may remove everything.
    pub fn kill(&mut self) {
        self.alive = None;
        self.world.destroy_domain(self.domain);
        let home = format!("/local/domain/{}", self.domain);
        self.libxl.store.remove(&home).expect("domain 0 may remove a domain's nodes");
        self.restart_at = self.world.clock().now().saturating_add(self.restart_after);
    }

    /// The next real manager domain is given another disk.
    pub fn replace_store(&mut self, disk: AnyDisk) {
        self.real = Some(disk);
    }

    /// Whether its domain runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.alive.is_some()
    }

    /// Does everything there is to do now.
    ///
    /// # Panics
    /// When an answer does not fit the page, or a domain that comes back does not serve.
    pub fn turn(&mut self) {
        if self.alive.is_none() && self.world.clock().now() >= self.restart_at {
            self.libxl.finish_removal(self.id());
            self.domain = DomainId(self.domain.0 + 1);
            self.device += 1;
            self.restart_at = Duration::MAX;
            self.start().expect("the manager comes back");
            self.attach();
        }
        let Some(Alive { store, mind }) = &mut self.alive else { return };
        let clock = self.world.clock();
        let died = match mind {
            Mind::Played(backend, sharing) => {
                played_turn(&self.fake, backend, store, sharing, &clock)
            }
            Mind::Real(manager, sharing) => {
                while let Some(event) = store.next_event() {
                    manager.notice(&event);
                }
                manager.turn(store, sharing, &clock);
                self.life.is_over()
            }
        };
        if died {
            self.kill();
        }
    }
}

/// Whether the domain died of it.
fn played_turn(
    fake: &FakeManager,
    backend: &mut Backend<FakeSharing>,
    store: &mut FakeStore,
    sharing: &mut FakeSharing,
    clock: &FakeClock,
) -> bool {
    while let Some(event) = store.next_event() {
        backend.notice(&event);
    }
    while let Some(event) = backend.poll(store, sharing, clock) {
        let Event::Command(command) = event else { continue };
        let Some(answer) = fake.answer(&command.bytes) else { return true };
        backend.respond(command.ticket, &answer).expect("an answer");
    }
    false
}
