//! One life of a manager and a vTPM on two disks and a counter, until the power goes at a step.

use domain_io::test_utils::{FakeDisk, FakeEntropy};
use domain_io::{BlockDevice, BlockError, DomainId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tpm_hw::{HardwareError, HardwareTpm};
use tpm_wire::manager::{PolicyCommand, Request};
use tpm_wire::{Header, TpmVersion};
use tpmif::nodes::DeviceId;
use vtpm_custody::Former;
use vtpm_manager::{
    Arguments, CounterFault, CounterValue, Ground, Hardware, Manager, OpenError, Parts, PolicyDone,
    Reply, RootError, RootKeeper,
};
use vtpm_store::manager::SealedSecret;
use vtpm_store::state_disk::{Over, StateDisk};
use vtpm_store::{HashKey, Secret, Uuid};

pub(crate) const UUID: Uuid = Uuid([7; 16]);
/// The store's secret.
pub(crate) const SECRET: [u8; 32] = [9; 32];
const DEVICE: DeviceId = DeviceId { frontend: DomainId(5), device: 0 };
const VERSION: TpmVersion = TpmVersion::Tpm20;
/// Not an even number, so that nothing is right by accident.
pub(crate) const FIRST_VALUE: u64 = 41;

/// The name of its only counter.
const ID: [u8; 16] = [4; 16];

/// The power: how many steps are left, if they are counted. Writes and flushes of both disks are
/// steps, and so are both sides of an increment.
#[derive(Clone, Default)]
pub(crate) struct Power(Rc<Cell<(u32, Option<u32>)>>);

impl Power {
    pub(crate) fn until(steps: Option<u32>) -> Self {
        Self(Rc::new(Cell::new((0, steps))))
    }

    /// Whether there is still power after one more step.
    fn step(&self) -> bool {
        let (taken, left) = self.0.get();
        let on = left != Some(0);
        self.0.set((taken + u32::from(on), left.map(|left| left.saturating_sub(1))));
        on
    }

    fn is_on(&self) -> bool {
        self.0.get().1 != Some(0)
    }

    pub(crate) fn taken(&self) -> u32 {
        self.0.get().0
    }
}

/// A disk that goes with the power.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) fake: Rc<RefCell<FakeDisk>>,
    power: Power,
}

impl Disk {
    pub(crate) fn new(bytes: &[u8], power: &Power) -> Self {
        let mut fake = FakeDisk::new(bytes.len() / 512);
        fake.write(0, bytes).and_then(|()| fake.flush()).expect("a disk in memory");
        Self { fake: Rc::new(RefCell::new(fake)), power: power.clone() }
    }

    /// What is on it when the power has gone and all, or none, of what was not flushed got through.
    pub(crate) fn after_cut(&self, unflushed: bool) -> Vec<u8> {
        let mut fake = self.fake.borrow().clone();
        fake.power_cut(|_| unflushed);
        fake.durable().to_vec()
    }
}

impl BlockDevice for Disk {
    fn sectors(&self) -> u64 {
        self.fake.borrow().sectors()
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        if self.power.is_on() { self.fake.borrow_mut().read(sector, into) } else { GONE }
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        if self.power.step() { self.fake.borrow_mut().write(sector, from) } else { GONE }
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.power.step() { self.fake.borrow_mut().flush() } else { GONE }
    }
}

const GONE: Result<(), BlockError> = Err(BlockError::Failed);

/// The counter's memory, which outlives the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nv(pub(crate) Option<u64>);

/// Keeps the secret in the open, and counts.
struct Keeper {
    nv: Rc<Cell<Nv>>,
    power: Power,
}

impl RootKeeper for Keeper {
    fn first_start(&mut self, _: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        Ok((Secret::new(SECRET), SealedSecret { kind: 0, blob: vec![1; 64] }))
    }

    fn open(&mut self, _: Ground<'_>, _: &SealedSecret) -> Result<Secret, RootError> {
        Ok(Secret::new(SECRET))
    }

    fn counter(
        &mut self,
        _: Ground<'_>,
        _: (&Secret, &SealedSecret),
    ) -> Result<Option<CounterValue>, CounterFault> {
        Ok(self.nv.get().0.map(|value| CounterValue { id: ID, value }))
    }

    fn make_counter(
        &mut self,
        _: Ground<'_>,
        (_, sealed): (&Secret, &SealedSecret),
        _: Former,
    ) -> Result<(SealedSecret, CounterValue), RootError> {
        self.nv.set(Nv(Some(FIRST_VALUE)));
        Ok((sealed.clone(), CounterValue { id: ID, value: FIRST_VALUE }))
    }

    fn advance(&mut self, _: Ground<'_>) -> Result<u64, CounterFault> {
        let gone = || CounterFault::Failed(RootError("no power".into()));
        if !self.power.step() {
            return Err(gone());
        }
        let value = self.nv.get().0.expect("a counter") + 1;
        self.nv.set(Nv(Some(value)));
        if self.power.step() { Ok(value) } else { Err(gone()) }
    }

    fn policy(
        &mut self,
        _: Ground<'_>,
        _: (&Secret, &SealedSecret),
        _: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        Err(RootError("no policies here".into()))
    }
}

/// A TPM that is there and never asked.
struct Quiet;

impl HardwareTpm for Quiet {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, HardwareError> {
        Err(HardwareError::Absent)
    }
}

/// A manager that serves the one vTPM.
pub(crate) struct Life<D: BlockDevice> {
    manager: Manager<D, Keeper>,
}

impl<D: BlockDevice + Clone> Life<D> {
    pub(crate) fn begin(
        disk: &D,
        nv: Nv,
        power: &Power,
        line: &str,
    ) -> (Result<Self, OpenError>, Rc<Cell<Nv>>) {
        let nv = Rc::new(Cell::new(nv));
        let keeper = Keeper { nv: Rc::clone(&nv), power: power.clone() };
        let (arguments, _) = Arguments::parse(line.split(' ')).expect("a sound line");
        let hardware = Some(Hardware { tpm: Box::new(Quiet), version: VERSION });
        let entropy = Box::new(FakeEntropy::new(3));
        let now = Duration::ZERO;
        let parts = Parts { disk: disk.clone(), keeper, hardware, entropy, now };
        let manager = Manager::open(parts, &arguments).map(|(mut manager, _)| {
            manager.attached(DEVICE, UUID, |_| true).expect("the only one");
            Self { manager }
        });
        (manager, nv)
    }

    fn ask(&mut self, request: Request<'_>) -> (u32, Vec<u8>) {
        let answer = match self.manager.request(DEVICE, &request.packet(), Duration::ZERO) {
            Reply::Now(answer) | Reply::End(answer) => answer,
            Reply::AfterCommit { uuid, tag, answer } => {
                let outcome = self.manager.commit(Duration::ZERO);
                assert!(!outcome.waits, "nobody is over the share here");
                match outcome.of(uuid) {
                    Ok(()) => answer,
                    Err(fault) => Manager::<D, Keeper>::failure(tag, fault),
                }
            }
        };
        let (header, body) = Header::parse(&answer).expect("a packet");
        (header.code, body.to_vec())
    }

    /// What the manager says it kept last: `Ok(None)` when it does not know this vTPM.
    pub(crate) fn kept(&mut self) -> Result<Option<HashKey>, u32> {
        match self.ask(Request::Load) {
            (0, body) => Ok(Some(HashKey::from_wire(&body).expect("64 bytes"))),
            (3, _) => Ok(None),
            (other, _) => Err(other),
        }
    }

    /// A save, whether it was answered as kept.
    pub(crate) fn save(&mut self, hash_key: &HashKey) -> bool {
        self.ask(Request::Save(hash_key.to_wire())).0 == 0
    }
}

/// A vTPM's side: opens its disk by what the manager keeps.
pub(crate) fn open_vtpm(disk: Disk, kept: Option<&HashKey>) -> Option<(StateDisk<Disk>, u32)> {
    match kept {
        Some(kept) => {
            let (store, loaded) = StateDisk::open(disk, UUID, VERSION, kept).ok()?;
            Some((store, u32::from_le_bytes(loaded.image[..4].try_into().ok()?)))
        }
        None => Some((StateDisk::create(disk, UUID, VERSION, Over::Blank).ok()?, 0)),
    }
}
