//! What a secret is sealed to.

use crate::error::CustodyError;
use core::fmt;
use tpm_wire::TpmVersion;

/// The kind in a [`SealedSecret`](vtpm_store::manager::SealedSecret).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: the secret is in clear.
    Clear,
    /// A TPM 1.2.
    Tpm12,
    /// A TPM 2.0.
    Tpm20,
}

impl Kind {
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Clear => 0,
            Self::Tpm12 => 1,
            Self::Tpm20 => 2,
        }
    }

    pub(crate) const fn of(number: u32) -> Result<Self, CustodyError> {
        match number {
            0 => Ok(Self::Clear),
            1 => Ok(Self::Tpm12),
            2 => Ok(Self::Tpm20),
            unknown => Err(CustodyError::UnknownKind(unknown)),
        }
    }

    /// Refuses another kind than the one in use.
    pub(crate) fn expect(self, found: Self) -> Result<(), CustodyError> {
        if self == found { Ok(()) } else { Err(CustodyError::OtherKind { sealed: self, found }) }
    }
}

impl From<TpmVersion> for Kind {
    fn from(version: TpmVersion) -> Self {
        match version {
            TpmVersion::Tpm12 => Self::Tpm12,
            TpmVersion::Tpm20 => Self::Tpm20,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear => "no hardware TPM",
            Self::Tpm12 => "a TPM 1.2",
            Self::Tpm20 => "a TPM 2.0",
        })
    }
}
