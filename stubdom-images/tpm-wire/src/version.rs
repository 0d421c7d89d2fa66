//! The two TPM versions.

use core::fmt;

/// Which TPM specification an engine follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TpmVersion {
    /// TPM Main Specification, level 2, version 1.2.
    Tpm12,
    /// TPM Library Specification, family 2.0.
    Tpm20,
}

impl fmt::Display for TpmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tpm12 => "1.2",
            Self::Tpm20 => "2.0",
        })
    }
}
