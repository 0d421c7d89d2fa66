//! A hardware TPM whose answers are the input's.

use super::bytes::{Bytes, with_size};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tpm_hw::{HardwareError, HardwareTpm};

/// A start is a few hundred commands at most, and a busy TPM is asked some seventy times.
const MOST_COMMANDS: usize = 20_000;

const TAGS: [u16; 4] = [0x8001, 0x8002, 0x00C4, 0x00C5];

/// Answers come one after the other; when they are used up, the last one comes for ever.
pub(super) struct LyingTpm {
    pub(super) bytes: Rc<RefCell<Vec<u8>>>,
    pub(super) last: Vec<u8>,
    pub(super) commands: Cell<usize>,
}

impl LyingTpm {
    /// One that says what is left of an input.
    pub(super) fn new(bytes: &Bytes<'_>) -> Self {
        let bytes = Rc::new(RefCell::new(bytes.0.to_vec()));
        Self { bytes, last: Vec::new(), commands: Cell::new(0) }
    }
}

impl HardwareTpm for LyingTpm {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, HardwareError> {
        self.commands.set(self.commands.get() + 1);
        assert!(self.commands.get() < MOST_COMMANDS, "it is asked without end");
        let mut input = self.bytes.borrow_mut();
        let mut bytes = Bytes(&input);
        if !bytes.is_empty() {
            self.last = answer(&mut bytes);
        }
        let left = bytes.0.len();
        let used = input.len() - left;
        input.drain(..used);
        if self.last.is_empty() { Err(HardwareError::Stuck) } else { Ok(self.last.clone()) }
    }
}

/// The first byte says what kind of answer: none (0), raw bytes (1), else a packet with one of the
/// tags and, from 128 on, an error.
fn answer(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let (kind, length) = (bytes.byte(), bytes.byte());
    match kind {
        0 => Vec::new(),
        1 => bytes.take(length.into()).to_vec(),
        _ => {
            let tag = TAGS[usize::from(kind) % TAGS.len()].to_be_bytes();
            let code = if kind < 128 { 0 } else { u32::from(bytes.word()) };
            let header = [&tag[..], &[0; 4], &code.to_be_bytes()].concat();
            with_size(&[&header, bytes.take(length.into())].concat())
        }
    }
}
