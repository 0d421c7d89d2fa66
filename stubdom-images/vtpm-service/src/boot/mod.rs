//! What firmware does for a TPM: makes it ready for its first guest, starts it, stops it.
//!
//! The domain does all of this itself, because a stock xen-tpmfront sends neither Startup nor
//! Shutdown to a TPM 2.0, and because a TPM that loses power without Shutdown after the use of a
//! protected key counts that as a failed try at its authorisation.

mod tpm12;
mod tpm20;

use alloc::vec::Vec;
use core::fmt;
use tpm_wire::tpm20::HashAlgorithm;
use tpm_wire::{Header, TpmVersion};
use vtpm_arguments::{Arguments, Startup};
use vtpm_engine::{Engine, EngineError, Locality};

/// A TPM that could not be made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    /// The engine gave no answer.
    Engine(EngineError),
    /// The TPM refused a command of this domain.
    Refused {
        /// The command.
        command: &'static str,
        /// The TPM's response code.
        code: u32,
    },
    /// The TPM's answer to a command of this domain made no sense.
    Answer {
        /// The command.
        command: &'static str,
    },
}

impl From<EngineError> for BootError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Refused { command, code } => {
                write!(f, "the TPM refused {command} with {code:#x}")
            }
            Self::Answer { command } => write!(f, "the TPM's answer to {command} is malformed"),
        }
    }
}

/// How a TPM stops in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The boot is over.
    EndOfBoot,
    /// The boot may go on after the next start (the argument `save`).
    ToResume,
}

/// A started TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Started {
    /// It goes on with the boot before.
    pub(crate) resumed: bool,
    /// The PCR banks of a TPM 2.0 in this boot.
    pub(crate) banks: Vec<HashAlgorithm>,
}

/// Makes a new TPM what its arguments say, and leaves it powered on without Startup.
pub(crate) fn manufacture<E: Engine>(
    engine: &mut E,
    arguments: &Arguments,
) -> Result<(), BootError> {
    match arguments.version {
        TpmVersion::Tpm12 => tpm12::manufacture(engine)?,
        TpmVersion::Tpm20 => tpm20::manufacture(engine, arguments.banks.as_slice())?,
    }
    Ok(engine.power_cycle()?)
}

/// Sends Startup and what else firmware sends. `startup` is how; a TPM that kept nothing to go on
/// with is started afresh.
pub(crate) fn start<E: Engine>(
    engine: &mut E,
    arguments: &Arguments,
    startup: Startup,
) -> Result<Started, BootError> {
    match arguments.version {
        TpmVersion::Tpm12 => tpm12::start(engine, startup),
        TpmVersion::Tpm20 => tpm20::start(engine, startup, arguments.platform),
    }
}

/// Brings the TPM into an order in which it may lose power. Commands may still follow; then it has
/// to be done again.
pub(crate) fn stop<E: Engine>(
    engine: &mut E,
    version: TpmVersion,
    stop: Stop,
) -> Result<(), BootError> {
    match version {
        TpmVersion::Tpm12 => tpm12::stop(engine),
        TpmVersion::Tpm20 => tpm20::stop(engine, stop),
    }
}

/// Sends a command of the domain's own and wants success.
fn send<E: Engine>(
    engine: &mut E,
    command: &'static str,
    packet: &[u8],
) -> Result<Vec<u8>, BootError> {
    let response = engine.execute(Locality::ZERO, packet)?;
    let (header, _) = Header::parse(&response).map_err(|_| BootError::Answer { command })?;
    match header.code {
        0 => Ok(response),
        code => Err(BootError::Refused { command, code }),
    }
}

/// Sends Startup from kept state; `false` when there is none to go on with.
fn resume<E: Engine>(engine: &mut E, packet: &[u8]) -> Result<bool, BootError> {
    match send(engine, "Startup(STATE)", packet) {
        Ok(_) => Ok(true),
        Err(BootError::Refused { code, .. }) => {
            log::warn!(
                "save: the TPM kept nothing to go on with (Startup(STATE) answered {code:#x}); it \
                 begins a fresh boot"
            );
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
