//! Why the secret cannot be kept or had.

use crate::pcr::{Differences, PcrMask, SelectionError};
use crate::sealed::Kind;
use core::fmt;
use domain_io::NoEntropy;
use tpm_hw::HardwareError;
use tpm_wire::tpm20::HashAlgorithm;

/// Custody failed. `Display` is one sentence that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustodyError {
    /// A command got no response.
    Hardware(HardwareError),
    /// No randomness for keys, nonces or salts.
    NoEntropy(NoEntropy),
    /// The TPM refused a command with this response code.
    Refused {
        /// The command.
        step: &'static str,
        /// The TPM's own response code.
        code: u32,
    },
    /// The TPM stayed busy; its last response code.
    Busy {
        /// The command.
        step: &'static str,
        /// The TPM's own response code.
        code: u32,
    },
    /// The TPM's answer cannot be read.
    Malformed {
        /// The command.
        step: &'static str,
    },
    /// The answer's authentication is wrong: it does not come from the TPM, or not unchanged.
    NotAuthentic {
        /// The command.
        step: &'static str,
    },
    /// The TPM's slots for objects or sessions are full although nothing of ours is in them.
    SlotsFull {
        /// The command.
        step: &'static str,
        /// The TPM's own response code.
        code: u32,
    },
    /// The TPM is in lockout, and what was asked for is subject to it.
    Lockout {
        /// The command.
        step: &'static str,
    },
    /// The owner's authorisation is not the one that was given.
    OwnerAuth,
    /// The authorisation of the storage root key (1.2), or of the key that `srk_handle=` names, is
    /// not the one that was given.
    ParentAuth,
    /// The owner hierarchy is switched off, usually in the firmware's settings.
    HierarchyDisabled,
    /// A TPM 1.2 that is disabled or deactivated.
    Deactivated {
        /// The TPM's own response code.
        code: u32,
    },
    /// The TPM 1.2 has neither an owner nor an endorsement key that ownership needs.
    NoEndorsementKey,
    /// There is nothing at the handle that `srk_handle=` names.
    NoParent(u32),
    /// What `srk_handle=` names is no storage key of this TPM.
    NotAStorageKey(u32),
    /// The secret was sealed under the key of another `srk_handle=`, or under none.
    OtherParent {
        /// What the secret was sealed under; `None` is a primary of our own.
        sealed: Option<u32>,
    },
    /// The same TPM, but its owner was cleared since.
    TpmCleared,
    /// Another TPM than the one the secret was sealed to, or one whose owner was cleared.
    OtherTpm,
    /// The sealed secret belongs to another kind of TPM than the one in use.
    OtherKind {
        /// What it was sealed to.
        sealed: Kind,
        /// What is in use.
        found: Kind,
    },
    /// `tpm2` was added to the command line since the secret was sealed, or dropped from it.
    WordChanged {
        /// Whether the word was there then.
        recorded: bool,
    },
    /// The words that select PCRs are not understood.
    Selection(SelectionError),
    /// The policy names a bank, or PCRs of it, that the TPM has not allocated.
    NotAllocated {
        /// The bank.
        bank: HashAlgorithm,
        /// Those that are missing.
        pcrs: PcrMask,
    },
    /// PCRs are all zeros or all ones: nobody measured anything into them.
    Unmeasured {
        /// The bank.
        bank: HashAlgorithm,
        /// Those PCRs.
        pcrs: PcrMask,
    },
    /// The policy looks at no PCR at all.
    NothingSelected,
    /// No accepted state of the PCRs is the present one; what differs from the nearest.
    PcrsChanged(Differences),
    /// The policy of the sealed object refused although the PCRs looked right: they changed
    /// meanwhile, or an approval is not valid any more.
    PolicyFailed {
        /// The command.
        step: &'static str,
        /// The TPM's own response code.
        code: u32,
    },
    /// The secret was sealed to another locality of a TPM 1.2.
    OtherLocality,
    /// A counter is there already, at this NV index (TPM 2.0) or with this handle (TPM 1.2).
    CounterExists(u32),
    /// The counter on record is gone.
    NoCounter(u32),
    /// What is in the counter's place is not this store's counter.
    ForeignCounter(u32),
    /// Another counter of a TPM 1.2 was advanced first in this boot, and only that one can be.
    OtherCounterActive(u32),
    /// There is no epoch of approvals at this NV index.
    NoEpoch(u32),
    /// What is at this NV index is not the epoch of this store's approvals.
    ForeignEpoch(u32),
    /// An approval is for another epoch than the present one.
    OtherEpoch {
        /// The approval's.
        approved: u64,
        /// The hardware TPM's.
        now: u64,
    },
    /// The machine's present state is not approved for the epoch that would begin.
    NotApproved {
        /// That epoch.
        epoch: u64,
    },
    /// A policy beyond the default needs a recovery key first.
    NeedsRecoveryKey,
    /// No recovery key was ever set.
    NoRecoveryKey,
    /// It is not the recovery key that was set last.
    WrongRecoveryKey,
    /// The text is no recovery key; a character is wrong, missing or too many.
    MistypedRecoveryKey,
    /// An approval's signature is not the administrator's.
    BadApproval,
    /// An approval was given, but no administrator's key is set.
    WrongMode,
    /// An administrator's key decides, and what was asked for would pass it over.
    Administered,
    /// Too many or too large states of PCRs for one policy.
    TooLarge,
    /// The sealed secret was changed or damaged.
    Damaged,
    /// The sealed secret has a version this manager does not know.
    UnknownVersion(u16),
    /// The sealed secret has a kind this manager does not know.
    UnknownKind(u32),
    /// The sealed secret has a part this manager does not know.
    UnknownPart(u8),
}

impl CustodyError {
    /// The error that a response code stands for whatever the command was.
    pub(crate) fn refused(step: &'static str, code: u32) -> Self {
        match code {
            // TPM_RC_OBJECT_MEMORY, _SESSION_MEMORY, _SESSION_HANDLES, _OBJECT_HANDLES (Part 2,
            // 6.6.3); TPM_RESOURCES, TPM_NOSPACE (1.2 Part 2, 16)
            0x902 | 0x903 | 0x905 | 0x906 | 0x15 | 0x11 => Self::SlotsFull { step, code },
            // TPM_RC_LOCKOUT; TPM_DEFEND_LOCK_RUNNING
            0x921 | 0x803 => Self::Lockout { step },
            // TPM_DEACTIVATED, TPM_DISABLED
            0x06 | 0x07 => Self::Deactivated { code },
            _ => Self::Refused { step, code },
        }
    }

    /// Another error in place of a refusal with one of these codes. What a TPM 2.0 adds to a code
    /// about the parameter, handle or session concerned is passed over (Part 2, 6.6.2).
    pub(crate) fn or_if(self, codes: &[u32], other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Refused { code, .. } if codes.contains(&base(code)) => other(),
            error => error,
        }
    }

    /// Nothing in place of a refusal with one of these codes.
    pub(crate) fn nothing_if(self, codes: &[u32]) -> Result<(), Self> {
        match self {
            Self::Refused { code, .. } if codes.contains(&base(code)) => Ok(()),
            error => Err(error),
        }
    }

    /// Whether the TPM said nothing about the secret: it gave no answer, or has no time or room. Another try
    /// may find it otherwise, and no other way to the secret is called for.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Hardware(_)
                | Self::NoEntropy(_)
                | Self::Busy { .. }
                | Self::SlotsFull { .. }
                | Self::Lockout { .. }
        )
    }

    /// The TPM's response code, where there is one.
    #[must_use]
    pub const fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. }
            | Self::Busy { code, .. }
            | Self::SlotsFull { code, .. }
            | Self::PolicyFailed { code, .. }
            | Self::Deactivated { code } => Some(*code),
            _ => None,
        }
    }
}

/// A format-one response code without the number of what it complains about.
const fn base(code: u32) -> u32 {
    const FORMAT_ONE: u32 = 0x80;
    if code & FORMAT_ONE == 0 { code } else { code & 0xBF }
}

impl From<HardwareError> for CustodyError {
    fn from(error: HardwareError) -> Self {
        Self::Hardware(error)
    }
}

impl From<NoEntropy> for CustodyError {
    fn from(error: NoEntropy) -> Self {
        Self::NoEntropy(error)
    }
}

impl From<SelectionError> for CustodyError {
    fn from(error: SelectionError) -> Self {
        Self::Selection(error)
    }
}

impl fmt::Display for CustodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::error_text::write(self, f)
    }
}

impl core::error::Error for CustodyError {}
