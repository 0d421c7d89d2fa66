//! Where a TPM's state goes before an answer leaves.

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

/// Keeps a TPM's state.
pub trait StateKeeper<E> {
    /// Called after every command and after every start, stop and reset of the TPM, before its
    /// answer leaves. Returns once everything that changed is safe.
    ///
    /// # Errors
    /// [`NotKept`].
    fn keep(&mut self, engine: &mut E) -> Result<(), NotKept>;
}

/// Keeps nothing: the state lives as long as the domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ephemeral;

impl<E> StateKeeper<E> for Ephemeral {
    fn keep(&mut self, _: &mut E) -> Result<(), NotKept> {
        Ok(())
    }
}
