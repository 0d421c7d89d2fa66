//! Refusing old state, by a counter in the hardware TPM (docs/rollback.md).
//!
//! A *step* is a commit that carries the counter's next value, its flush, and the increment of the
//! hardware's counter. A store is taken when its value is the counter's or one above. In strict mode
//! every save is a step; in batched mode, and beyond the budget, saves go without, under the
//! counter's present value, and a later step closes them off.

mod budget;
mod guard;
mod judge;
mod shares;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use guard::{Guard, Plan, Who};
pub use judge::OldStore;
pub(crate) use judge::{Found, Kept, Verdict, judge};
pub use words::{AcceptWord, CounterWord};

use tpm_wire::TpmVersion;
use vtpm_store::manager::RollbackMode;

/// Increments in a day unless told otherwise: 100,000 writes, which TPMs are commonly rated for,
/// last ten years.
pub const USUAL_BUDGET: u32 = 27;

/// What the command line says about old state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `rollback=`; `None` is strict with a TPM 2.0, batched with a TPM 1.2.
    pub mode: Option<RollbackMode>,
    /// `budget=`: increments of the hardware's counter in a day.
    pub budget: u32,
    /// `accept=`: the copy of the store that may be put back, once.
    pub accept: Option<AcceptWord>,
    /// `forget=`: what a counter says whose store is given up for a blank disk, once.
    pub forget: Option<CounterWord>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { mode: None, budget: USUAL_BUDGET, accept: None, forget: None }
    }
}

impl Rules {
    /// The mode with this hardware.
    pub(crate) fn mode_with(&self, hardware: Option<TpmVersion>) -> Result<RollbackMode, OldStore> {
        match (hardware, self.mode) {
            (None, None | Some(RollbackMode::Off)) => Ok(RollbackMode::Off),
            (None, Some(_)) => Err(OldStore::NeedsHardware),
            (Some(TpmVersion::Tpm12), Some(RollbackMode::Strict)) => Err(OldStore::StrictNeeds20),
            (Some(TpmVersion::Tpm12), None) => Ok(RollbackMode::Batched),
            (Some(TpmVersion::Tpm20), None) => Ok(RollbackMode::Strict),
            (Some(_), Some(mode)) => Ok(mode),
        }
    }
}
