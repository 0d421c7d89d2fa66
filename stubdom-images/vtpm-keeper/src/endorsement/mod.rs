//! The endorsement key, by which a TPM is known to whoever certifies it.
//!
//! A TPM 2.0 makes this key from its seed whenever it is asked; which one depends on the template. Here
//! it is RSA-2048 after template L-1 (TCG EK Credential Profile 2.5, B.3.3), which is what
//! `tpm2_createek` makes unless told otherwise. A TPM 1.2 has one key.

mod spki;
mod tpm12;
mod tpm20;

use alloc::vec::Vec;
use core::fmt;
use tpm_wire::tpm20::ResponseError;
use tpm_wire::{Malformed, TpmVersion};
use vtpm_engine::{Engine, EngineError};

/// What anybody may know of an endorsement key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndorsementKey {
    /// Its Name: algorithm and digest of the public area (TPM 2.0 Part 1, 16); empty for a TPM 1.2,
    /// whose keys have none.
    pub name: Vec<u8>,
    /// Its public part as DER SubjectPublicKeyInfo (RFC 5280, 4.1).
    pub public: Vec<u8>,
}

/// Why the engine did not say which key it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// The engine failed.
    Engine(EngineError),
    /// It refused, with this response code.
    Refused(u32),
    /// Its answer has not the form that the specification demands.
    Malformed(Malformed),
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the new TPM's endorsement key could not be read: ")?;
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Refused(code) => write!(f, "the TPM answered {code:#x}"),
            Self::Malformed(what) => write!(f, "the TPM's answer is malformed: {what}"),
        }
    }
}

impl From<EngineError> for NoKey {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Malformed> for NoKey {
    fn from(what: Malformed) -> Self {
        Self::Malformed(what)
    }
}

impl From<ResponseError> for NoKey {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Refused(code) => Self::Refused(code.0),
            ResponseError::Malformed(what) => Self::Malformed(what),
        }
    }
}

/// Asks a started TPM whose endorsement hierarchy has no authorisation yet.
pub(crate) fn read<E: Engine>(
    engine: &mut E,
    version: TpmVersion,
) -> Result<EndorsementKey, NoKey> {
    match version {
        TpmVersion::Tpm12 => tpm12::read(engine),
        TpmVersion::Tpm20 => tpm20::read(engine),
    }
}
