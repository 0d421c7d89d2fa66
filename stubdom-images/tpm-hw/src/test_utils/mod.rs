//! Register-level models of TPM devices, strict about the rules of their interface: whatever a
//! driver does that a real device need not tolerate is kept in a list of violations.
//!
//! A model executes nothing itself; it hands whole commands to an [`Executor`], such as a real
//! software TPM.

mod crb;
mod liar;
mod tis;
mod tis_registers;
mod vendor;

pub use crb::{CrbFaults, CrbModel};
pub use liar::{Flaky, Liar};
pub use tis::{TisFaults, TisModel};
pub use vendor::set_up_tpm12;

use crate::bus::{Bus, Mmio, Window};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// What executes commands behind a model: takes a whole command, gives the whole response.
pub type Executor = Box<dyn FnMut(&[u8]) -> Vec<u8>>;

/// A bus with one window.
pub fn bus<M: Mmio>(physical: u64, mmio: M) -> Bus<M> {
    Bus::new(vec![Window { physical, mmio }])
}

/// A command's length by its size field, once that is there.
fn claimed(packet: &[u8]) -> Option<usize> {
    crate::hardware::claimed_length(packet).and_then(|length| usize::try_from(length).ok())
}
