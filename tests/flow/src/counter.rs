//! A hardware TPM of which only the counter's memory is modelled: what it says outlives every power
//! cut, and a test can set it to what it said at any earlier moment.
//!
//! The rules are those of `vtpm-custody`, whose counters are shown against swtpm by the manager's own
//! tests: a TPM 2.0's index is defined first and counts then, a TPM 1.2's counter exists at once.

use crate::board::Board;
use domain_io::test_utils::FakeEntropy;
use domain_io::{Entropy, NoEntropy};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tpm_hw::{HardwareError, HardwareTpm};
use tpm_wire::manager::PolicyCommand;
use tpm_wire::tpm12::Ordinal;
use tpm_wire::tpm20::CommandCode;
use tpm_wire::{Header, PacketBuilder, Reader, Tag, TpmVersion};
use vtpm_custody::{CounterId, Former, Leftover};
use vtpm_manager::{
    CounterFault, CounterValue, Ground, Hardware, PolicyDone, RootError, RootKeeper,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// What a new counter says. Not an even number, so that nothing is right by accident.
const FIRST_VALUE: u64 = 41;

/// What the hardware remembers of its counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// There is none.
    #[default]
    Absent,
    /// An index of a TPM 2.0 was defined and has never counted.
    Defined,
    /// It counts.
    Says {
        /// The name that it was given.
        id: CounterId,
        /// Its value.
        value: u64,
    },
}

/// Called before and after each change of the counter's memory.
type Listener = Rc<RefCell<Box<dyn FnMut(Count)>>>;

/// The hardware. Clones are the same.
#[derive(Clone)]
pub struct HardwareCounter {
    version: TpmVersion,
    count: Rc<Cell<Count>>,
    listener: Listener,
}

impl HardwareCounter {
    /// Hardware of this version whose memory says this.
    #[must_use]
    pub fn new(version: TpmVersion, count: Count) -> Self {
        let nobody: Box<dyn FnMut(Count)> = Box::new(|_| ());
        let listener = Rc::new(RefCell::new(nobody));
        Self { version, count: Rc::new(Cell::new(count)), listener }
    }

    /// What its memory says.
    #[must_use]
    pub fn count(&self) -> Count {
        self.count.get()
    }

    /// Calls `listener` with what the memory says right before and right after each change.
    pub fn around_each_step(&self, listener: impl FnMut(Count) + 'static) {
        *self.listener.borrow_mut() = Box::new(listener);
    }

    /// A board with this hardware, in the mode that is the default with it and with a budget that
    /// never ends, and with more words for the manager.
    #[must_use]
    pub fn board(&self, words: &str) -> Board {
        let line = match self.version {
            TpmVersion::Tpm20 => "tpm2 rollback=strict budget=86400",
            TpmVersion::Tpm12 => "rollback=batched budget=86400",
        };
        let tpm = Box::new(OnlyRandom(FakeEntropy::new(11)));
        Board {
            hardware: Some(Hardware { tpm, version: self.version }),
            keeper: Box::new(Keeper(self.clone())),
            line: format!("{line} {words}").trim_end().into(),
        }
    }

    fn set(&self, to: Count) {
        (self.listener.borrow_mut())(self.count.get());
        self.count.set(to);
        (self.listener.borrow_mut())(to);
    }
}

/// Keeps the secret in the open, and the counter's name beside it.
struct Keeper(HardwareCounter);

const SECRET: [u8; 32] = [9; 32];

fn sealed(id: Option<CounterId>) -> SealedSecret {
    SealedSecret { kind: 0, blob: id.map_or_else(|| vec![0; 16], |id| id.to_vec()) }
}

/// The counter's name on record.
fn recorded(sealed: &SealedSecret) -> Option<CounterId> {
    let id = CounterId::try_from(&sealed.blob[..]).expect("a name of sixteen bytes");
    (id != CounterId::default()).then_some(id)
}

impl RootKeeper for Keeper {
    fn first_start(&mut self, _: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        Ok((Secret::new(SECRET), sealed(None)))
    }

    fn open(&mut self, _: Ground<'_>, _: &SealedSecret) -> Result<Secret, RootError> {
        Ok(Secret::new(SECRET))
    }

    fn counter(
        &mut self,
        _: Ground<'_>,
        (_, sealed): (&Secret, &SealedSecret),
    ) -> Result<Option<CounterValue>, CounterFault> {
        let lost = |why: &str| Err(CounterFault::Lost(RootError(why.into())));
        match (self.0.count.get(), recorded(sealed)) {
            (Count::Absent | Count::Defined, None) => Ok(None),
            (Count::Absent | Count::Defined, Some(_)) => lost("the counter is gone"),
            (Count::Says { id, value }, Some(own)) if own == id => {
                Ok(Some(CounterValue { id, value }))
            }
            (Count::Says { .. }, _) => lost("the counter is not this store's"),
        }
    }

    fn make_counter(
        &mut self,
        ground: Ground<'_>,
        _: (&Secret, &SealedSecret),
        former: Former,
    ) -> Result<(SealedSecret, CounterValue), RootError> {
        let mut id = CounterId::default();
        let filled = ground.entropy.fill(&mut id);
        filled.map_err(|NoEntropy| RootError("no random bytes".into()))?;
        let value = match (self.0.count.get(), former) {
            (Count::Says { .. }, Former::Keep) => {
                return Err(RootError("there is a counter already".into()));
            }
            (Count::Says { value, .. }, Former::Remove) => {
                self.0.set(Count::Absent);
                value + 1
            }
            _ => FIRST_VALUE,
        };
        if self.0.version == TpmVersion::Tpm20 {
            self.0.set(Count::Defined);
        }
        self.0.set(Count::Says { id, value });
        Ok((sealed(Some(id)), CounterValue { id, value }))
    }

    fn advance(&mut self, _: Ground<'_>) -> Result<u64, CounterFault> {
        let Count::Says { id, value } = self.0.count.get() else {
            return Err(CounterFault::Lost(RootError("there is no counter".into())));
        };
        self.0.set(Count::Says { id, value: value + 1 });
        Ok(value + 1)
    }

    fn leftover(&mut self, _: Ground<'_>) -> Result<Option<Leftover>, RootError> {
        Ok(match self.0.count.get() {
            Count::Says { value, .. } => Some(Leftover { value: Some(value) }),
            Count::Absent | Count::Defined => None,
        })
    }

    fn policy(
        &mut self,
        _: Ground<'_>,
        _: (&Secret, &SealedSecret),
        _: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        Err(RootError("there are no policies here".into()))
    }
}

/// A TPM that gives random bytes, may be brought to rest, and nothing else.
struct OnlyRandom(FakeEntropy);

impl HardwareTpm for OnlyRandom {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        let (header, body) = Header::parse(command).expect("a command packet");
        let mut from = Reader::new(body);
        let mut random = |bytes: usize| {
            let mut random = vec![0; bytes];
            self.0.fill(&mut random).expect("made-up random bytes");
            random
        };
        if header.code == CommandCode::GET_RANDOM.0 {
            let bytes = random(from.u16().expect("a number").min(32).into());
            return Ok(PacketBuilder::new(Tag::NO_SESSIONS, 0).sized(&bytes).finish());
        }
        if header.code == CommandCode::SHUTDOWN.0 {
            return Ok(PacketBuilder::new(Tag::NO_SESSIONS, 0).finish());
        }
        if header.code == Ordinal::SAVE_STATE.0 {
            return Ok(PacketBuilder::new(Tag::RSP_COMMAND, 0).finish());
        }
        assert_eq!(header.code, Ordinal::GET_RANDOM.0, "a TPM that gives random bytes only");
        let bytes = from.u32().expect("a number").min(32);
        let random = random(usize::try_from(bytes).expect("a few"));
        let answer = PacketBuilder::new(Tag::RSP_COMMAND, 0).u32(bytes);
        Ok(answer.bytes(&random).finish())
    }
}
