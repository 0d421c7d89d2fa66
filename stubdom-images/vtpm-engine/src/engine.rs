//! What the rest of a vTPM asks of an engine.

use alloc::vec::Vec;
use core::fmt;
pub use tpm_wire::Locality;

/// The engine itself failed; a TPM error *answer* is not an error here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// A libtpms call returned this code (`TPM_RESULT`, libtpms/tpm_error.h).
    Library {
        /// The call that failed.
        call: &'static str,
        /// What it returned.
        code: u32,
    },
    /// The entropy source failed; keys made now would be guessable, so nothing is made.
    NoEntropy,
    /// This process or domain already runs a TPM; libtpms can run one.
    AlreadyRunning,
    /// Memory ran out, and there is no response.
    NoMemory,
    /// A state that libtpms wanted kept did not fit into memory. The response must not leave.
    StateLost,
    /// The saved state does not belong to this TPM version, or is damaged.
    BadState,
}

impl core::error::Error for EngineError {}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library { call, code } => write!(f, "{call} failed with TPM result {code:#x}"),
            Self::NoEntropy => f.write_str("the engine got no entropy"),
            Self::AlreadyRunning => f.write_str("this process already runs a TPM, and can run one"),
            Self::NoMemory => f.write_str("memory ran out while a command ran"),
            Self::StateLost => f.write_str("memory ran out while the TPM saved its state"),
            Self::BadState => f.write_str("the saved state does not fit this TPM or is damaged"),
        }
    }
}

/// One TPM that executes commands one after the other.
pub trait Engine {
    /// Executes one whole command packet and returns the whole response packet, error responses
    /// included. Cannot be interrupted.
    ///
    /// # Errors
    /// [`EngineError`] when the engine could not produce any response.
    fn execute(&mut self, locality: Locality, command: &[u8]) -> Result<Vec<u8>, EngineError>;

    /// What pulling the power and giving it back does to a real TPM: volatile state is gone,
    /// permanent state stays, and Startup has not been sent yet.
    ///
    /// # Errors
    /// [`EngineError`]; the engine can then not be used any more.
    fn power_cycle(&mut self) -> Result<(), EngineError>;
}
