//! A vTPM whose engine only counts.
#![allow(dead_code, reason = "each test program uses its own part")]

use core::cell::RefCell;
use core::time::Duration;
use domain_io::test_utils::{FakeClock, FakeEntropy, Trace, TracedDisk};
use domain_io::{BlockDevice, BlockError, Clock};
use std::rc::Rc;
use vtpm_engine::{Engine, EngineError, Locality, TpmState, TpmVersion};
use vtpm_keeper::test_utils::{DirectLink, FakeManager};
use vtpm_keeper::{EndorsementKey, KeptEngine, ManagedKeeper, NoKey, Opened, Stop, Vtpm, open};
use vtpm_service::StateKeeper;
use vtpm_service::arguments::PcrSet;
use vtpm_store::Uuid;

pub(crate) const UUID: Uuid = Uuid([0x11; 16]);
pub(crate) const EK_NAME: [u8; 34] = [0x44; 34];
pub(crate) const EK_PUBLIC: [u8; 294] = [0x55; 294];
pub(crate) const VERSION: TpmVersion = TpmVersion::Tpm20;

/// Its permanent state is a number that a test raises.
#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) value: u32,
    changed: bool,
    /// What was executed: locality and packet.
    pub(crate) executed: Vec<(u8, Vec<u8>)>,
}

impl Counter {
    pub(crate) fn set(&mut self, value: u32) {
        self.value = value;
        self.changed = true;
    }
}

impl Engine for Counter {
    fn execute(&mut self, locality: Locality, command: &[u8]) -> Result<Vec<u8>, EngineError> {
        self.executed.push((locality.number(), command.to_vec()));
        let code = u32::from_be_bytes(command[6..10].try_into().unwrap());
        // TPM2_GetCapability(PCRS): SHA-1, SHA-256 and SHA-384
        if code == 0x17A {
            let mut answer = vec![0x80, 1, 0, 0, 0, 37, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 3];
            for bank in [4, 0xB, 0xC] {
                answer.extend([0, bank, 3, 0xff, 0xff, 0xff]);
            }
            return Ok(answer);
        }
        Ok(vec![0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0])
    }

    fn power_cycle(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

impl KeptEngine for Counter {
    fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    fn endorsement_key(&mut self, _: TpmVersion) -> Result<EndorsementKey, NoKey> {
        Ok(EndorsementKey { name: EK_NAME.to_vec(), public: EK_PUBLIC.to_vec() })
    }

    fn state(&self) -> Option<TpmState> {
        // Long enough for several sectors, and never the same length twice in a row.
        let length = 600 + 400 * (self.value as usize % 4);
        let mut permanent = self.value.to_le_bytes().to_vec();
        permanent.resize(length, 0x33);
        Some(TpmState { permanent, saved: None })
    }
}

pub(crate) fn value_of(state: &TpmState) -> u32 {
    u32::from_le_bytes(state.permanent[..4].try_into().unwrap())
}

pub(crate) type Keeper<D> = ManagedKeeper<D, DirectLink, FakeEntropy>;

/// A host on which one vTPM domain starts again and again.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) manager: FakeManager,
    pub(crate) clock: FakeClock,
    pub(crate) link: DirectLink,
    pub(crate) vtpm: Vtpm,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(FakeManager::default())
    }

    pub(crate) fn with(manager: FakeManager) -> Self {
        let clock = FakeClock::default();
        let link = DirectLink::new(&manager, &clock);
        let vtpm = Vtpm { uuid: UUID, version: VERSION, hardware_pcrs: PcrSet::default() };
        Self { manager, clock, link, vtpm }
    }

    pub(crate) fn open<D: BlockDevice>(
        &self,
        disk: D,
    ) -> Result<Opened<D, DirectLink, FakeEntropy>, Stop> {
        let until = self.clock.now() + Duration::from_secs(30);
        let seed = u64::try_from(self.clock.now().as_nanos()).unwrap();
        open(disk, self.link.clone(), FakeEntropy::new(seed), self.vtpm, until)
    }

    /// Starts: what was kept, or a new TPM with its first save.
    pub(crate) fn start<D: BlockDevice>(&self, disk: D) -> Result<(Keeper<D>, Counter), Stop> {
        let Opened { mut keeper, image } = self.open(disk)?;
        let mut engine = Counter::default();
        match image {
            Some(image) => {
                engine.value = value_of(&image.state);
                StateKeeper::<Counter>::remember(&mut keeper, &image.guests);
            }
            None => engine.set(0),
        }
        keeper.keep(&mut engine).expect("the first save");
        Ok((keeper, engine))
    }
}

/// One disk that outlives the domains that have it. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct SharedDisk(Rc<RefCell<TracedDisk>>);

impl SharedDisk {
    pub(crate) fn new(disk: TracedDisk) -> Self {
        Self(Rc::new(RefCell::new(disk)))
    }

    pub(crate) fn trace(&self) -> Trace {
        self.0.borrow().trace()
    }

    /// Another disk with the same contents.
    pub(crate) fn copy(&self) -> Self {
        Self::new(self.inner())
    }

    /// The contents, with a trace that begins now.
    pub(crate) fn inner(&self) -> TracedDisk {
        self.0.borrow().restarted()
    }

    /// The disk with its trace.
    pub(crate) fn traced(&self) -> TracedDisk {
        self.0.borrow().clone()
    }

    pub(crate) fn die_after(&self, steps: usize) {
        self.0.borrow_mut().die_after(Some(steps));
    }
}

impl BlockDevice for SharedDisk {
    fn sectors(&self) -> u64 {
        self.0.borrow().sectors()
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.0.borrow_mut().read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.0.borrow_mut().write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.0.borrow_mut().flush()
    }
}

pub(crate) fn blank() -> SharedDisk {
    SharedDisk::new(TracedDisk::new(vec![0; 2048 * 512]))
}
