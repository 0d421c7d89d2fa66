//! Where a TPM's state goes before an answer leaves.

use crate::life::Past;
use alloc::string::String;
use core::fmt;

/// The state could not be kept. No answer may leave and no further command may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept(
    /// One sentence that says why.
    pub String,
);

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TPM's state could not be kept: {}", self.0)
    }
}

/// A fresh boot could not be given what the arguments want it to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotBegun(
    /// One sentence that says why.
    pub String,
);

impl fmt::Display for NotBegun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the TPM's boot could not begin: {}", self.0)
    }
}

/// Keeps a TPM's state.
pub trait StateKeeper<E> {
    /// Called after every command and after every start, stop and reset of the TPM, before its
    /// answer leaves. Returns once everything that changed is safe.
    ///
    /// # Errors
    /// [`NotKept`].
    fn keep(&mut self, engine: &mut E) -> Result<(), NotKept>;

    /// Called after each Startup that began a fresh boot, before anybody is answered; the TPM's state
    /// is kept after it.
    ///
    /// # Errors
    /// [`NotBegun`]; the boot may not be given to a guest.
    fn begin_boot(&mut self, _engine: &mut E) -> Result<(), NotBegun> {
        Ok(())
    }

    /// Names the guests that the next [`keep`](Self::keep) has to remember along with the state, as
    /// a later start needs them ([`Origin::Kept`](crate::Origin::Kept)).
    fn remember(&mut self, _guests: &Past) {}
}

/// Keeps nothing: the state lives as long as the domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ephemeral;

impl<E> StateKeeper<E> for Ephemeral {
    fn keep(&mut self, _: &mut E) -> Result<(), NotKept> {
        Ok(())
    }
}
