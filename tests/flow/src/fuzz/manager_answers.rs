//! A manager, or whoever took its domain over, answers anything to a vTPM domain.

use super::bytes::{Bytes, with_size};
use domain_io::Clock;
use domain_io::test_utils::{FakeClock, FakeEntropy, TracedDisk};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::TpmVersion;
use vtpm_engine::{Engine, EngineError, Locality, TpmState};
use vtpm_keeper::test_utils::FakeManager;
use vtpm_keeper::{
    Connection, EndorsementKey, KeptEngine, LinkError, ManagerLink, NoKey, Opened, Vtpm, open,
};
use vtpm_service::StateKeeper;
use vtpm_service::arguments::PcrSet;
use vtpm_store::Uuid;

const DISK_BYTES: usize = 1 << 20;
const MOST_SAVES: u32 = 4;
/// How long a start and a save may wait, and a little more.
const PATIENCE: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// No start and no save asks more often than this: it pauses between two tries.
const MOST_REQUESTS: usize = 5000;

/// The first byte says whether the vTPM has lived before (1) and whether it extends PCRs by the
/// hardware's (2); then come the manager's answers, each behind a byte of its kind.
///
/// # Panics
/// When the vTPM asks without end, makes a new TPM over a state, or stops without a word.
pub fn manager_answers(data: &[u8]) {
    let mut bytes = Bytes(data);
    let choice = bytes.byte();
    let (honest, clock) = (FakeManager::default(), FakeClock::default());
    let disk = TracedDisk::new(vec![0; DISK_BYTES]);
    let has_lived = choice & 1 != 0;
    let disk = if has_lived { live(disk, &honest, &clock) } else { disk };
    let input = Rc::new(RefCell::new(bytes.0.to_vec()));
    let link = Link { honest, clock: clock.clone(), input, connection: 0, requests: 0 };
    let pcrs = if choice & 2 == 0 { PcrSet::default() } else { some_pcrs() };
    start(disk, link, pcrs, has_lived);
    assert!(clock.now() < LIMIT, "{:?}", clock.now());
}

fn some_pcrs() -> PcrSet {
    let line = "hwinitpcr=0-7";
    vtpm_service::Arguments::parse([line]).expect("a sound word").0.hardware_pcrs
}

fn vtpm(hardware_pcrs: PcrSet) -> Vtpm {
    Vtpm { uuid: Uuid([0x11; 16]), version: TpmVersion::Tpm20, hardware_pcrs }
}

/// The disk of a vTPM that was saved twice with an honest manager.
fn live(disk: TracedDisk, honest: &FakeManager, clock: &FakeClock) -> TracedDisk {
    let disk = Rc::new(RefCell::new(disk));
    let input = Rc::default();
    let link =
        Link { honest: honest.clone(), clock: clock.clone(), input, connection: 0, requests: 0 };
    let opened =
        open(Rc::clone(&disk), link, FakeEntropy::new(1), vtpm(PcrSet::default()), PATIENCE);
    let mut keeper = opened.expect("a new TPM").keeper;
    for value in [1, 2] {
        keeper.keep(&mut Counter(value)).expect("an honest manager keeps it");
    }
    drop(keeper);
    disk.borrow().restarted()
}

fn start(disk: TracedDisk, link: Link, pcrs: PcrSet, has_lived: bool) {
    let until = link.now() + PATIENCE;
    let Opened { mut keeper, image } =
        match open(disk, link, FakeEntropy::new(2), vtpm(pcrs), until) {
            Ok(opened) => opened,
            Err(stop) => return assert!(!stop.to_string().is_empty()),
        };
    assert_eq!(image.is_some(), has_lived, "a new TPM is made over no state");
    if let Some(image) = image {
        assert!([[1, 0, 0, 0], [2, 0, 0, 0]].contains(&first_four(&image.state.permanent)));
    }
    if let Err(why) = keeper.begin_boot(&mut Counter(3)) {
        assert!(!why.to_string().is_empty());
    }
    for value in 3..3 + MOST_SAVES {
        if let Err(why) = keeper.keep(&mut Counter(value)) {
            return assert!(!why.0.is_empty());
        }
    }
}

fn first_four(bytes: &[u8]) -> [u8; 4] {
    bytes.first_chunk().copied().unwrap_or_default()
}

/// An engine whose state is a number, and changed at each look.
struct Counter(u32);

impl Engine for Counter {
    fn execute(&mut self, _: Locality, _: &[u8]) -> Result<Vec<u8>, EngineError> {
        Ok(vec![0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0])
    }

    fn power_cycle(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

impl KeptEngine for Counter {
    fn take_changed(&mut self) -> bool {
        true
    }

    fn endorsement_key(&mut self, _: TpmVersion) -> Result<EndorsementKey, NoKey> {
        Ok(EndorsementKey { name: vec![0x44; 34], public: vec![0x55; 294] })
    }

    fn state(&self) -> Option<TpmState> {
        let mut permanent = self.0.to_le_bytes().to_vec();
        permanent.resize(700, 0x33);
        Some(TpmState { permanent, saved: None })
    }
}

/// The way to a manager. When the input is used up, it is honest.
struct Link {
    honest: FakeManager,
    clock: FakeClock,
    input: Rc<RefCell<Vec<u8>>>,
    connection: u64,
    requests: usize,
}

impl Link {
    fn lost(&mut self, error: LinkError) -> Result<Vec<u8>, LinkError> {
        self.connection += 1;
        Err(error)
    }
}

impl ManagerLink for Link {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn connect(&mut self, _: Duration) -> Result<Connection, LinkError> {
        Ok(Connection(self.connection))
    }

    fn exchange(
        &mut self,
        _: Connection,
        packet: &[u8],
        until: Duration,
    ) -> Result<Vec<u8>, LinkError> {
        self.requests += 1;
        assert!(self.requests < MOST_REQUESTS, "it asks without end");
        self.clock.advance(Duration::from_millis(1));
        let input = Rc::clone(&self.input);
        let mut input = input.borrow_mut();
        let mut bytes = Bytes(&input);
        let result = match bytes.byte() % 8 {
            0 | 1 => self.honest.answer(packet).ok_or(LinkError::Lost),
            2 => raw(&mut bytes),
            3 => raw(&mut bytes).map(|answer| with_size(&answer)),
            4 => altered(self.honest.answer(packet), &mut bytes),
            5 => {
                let _kept = self.honest.answer(packet);
                self.lost(LinkError::Lost)
            }
            6 => self.lost(LinkError::Lost),
            _ => {
                self.clock.advance_to(until);
                self.lost(LinkError::TimedOut)
            }
        };
        let used = input.len() - bytes.0.len();
        input.drain(..used);
        result
    }

    fn pause(&mut self, until: Duration) -> Result<(), LinkError> {
        self.clock.advance_to(until);
        Ok(())
    }
}

fn raw(bytes: &mut Bytes<'_>) -> Result<Vec<u8>, LinkError> {
    let length = usize::from(bytes.byte());
    Ok(bytes.take(length).to_vec())
}

/// An honest answer with another byte somewhere, or another length.
fn altered(answer: Option<Vec<u8>>, bytes: &mut Bytes<'_>) -> Result<Vec<u8>, LinkError> {
    let mut answer = answer.ok_or(LinkError::Lost)?;
    let (at, value) = (usize::from(bytes.byte()), bytes.byte());
    match answer.get_mut(at) {
        Some(byte) => *byte = value,
        None => answer.resize(usize::from(value), 0),
    }
    Ok(answer)
}
