//! Values that arguments may have.

use core::fmt;
use tpm_wire::TpmVersion;

/// How the hardware TPM is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Driver {
    /// By its registers; interface and version are found out.
    #[default]
    Registers,
    /// Through another TPM domain (`tpmdriver=tpmfront`).
    Relay,
    /// Not at all (`hwtpm=none`).
    None,
}

/// The start method in the ACPI table TPM2 (TCG ACPI Specification 1.4, table 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartMethod(pub u32);

impl StartMethod {
    /// The registers of TIS.
    pub const MEMORY_MAPPED: Self = Self(6);
    /// Plain CRB.
    pub const CRB: Self = Self(7);

    /// Whether this domain can start commands that way: it has neither ACPI methods nor secure
    /// monitor calls.
    #[must_use]
    pub fn is_supported(self) -> bool {
        self == Self::MEMORY_MAPPED || self == Self::CRB
    }

    const fn name(self) -> &'static str {
        match self.0 {
            2 => "an ACPI start method",
            6 => "memory mapped (TIS)",
            7 => "command response buffer",
            8 => "command response buffer with an ACPI start method",
            11 => "command response buffer with an ARM secure monitor call",
            12 => "command response buffer over a FIFO bus (I2C)",
            13 => "command response buffer with AMD's mailbox (Pluton)",
            15 => "command response buffer with an ARM FF-A call",
            _ => "unknown",
        }
    }
}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// The TPM version that was asked for, and the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionOutcome {
    /// The same.
    AsAsked,
    /// A TPM 2.0 is there although `tpm2` was not given. It is used as such.
    Tpm20WithoutAsking,
    /// `tpm2` was given, but a TPM 1.2 is there. Whoever asked relies on a TPM 2.0.
    Tpm12InsteadOfTpm20,
}

impl VersionOutcome {
    pub(crate) fn of(asked_for_tpm2: bool, found: TpmVersion) -> Self {
        match (asked_for_tpm2, found) {
            (true, TpmVersion::Tpm20) | (false, TpmVersion::Tpm12) => Self::AsAsked,
            (false, TpmVersion::Tpm20) => Self::Tpm20WithoutAsking,
            (true, TpmVersion::Tpm12) => Self::Tpm12InsteadOfTpm20,
        }
    }
}

impl fmt::Display for VersionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsAsked => "the hardware TPM has the version that was asked for",
            Self::Tpm20WithoutAsking => {
                "the hardware TPM is a TPM 2.0 and is used as such; tpm2 in extra= of the domain's \
                 file says so, from the first start on, or with version=changed once"
            }
            Self::Tpm12InsteadOfTpm20 => {
                "tpm2 was asked for, but the hardware TPM is a TPM 1.2; take tpm2 out of extra= \
                 in the domain's file if that is meant"
            }
        })
    }
}
