//! What an administrator should know about a TPM before it is used: who owns it, what others keep in
//! it, whether it is in lockout.

use crate::error::HardwareError;
use crate::hardware::HardwareTpm;
use crate::question::{flag, handles, number};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use tpm_wire::TpmVersion;

/// First handle of persistent objects (Part 2, 7.2 `TPM_HT_PERSISTENT`).
const PERSISTENT: u32 = 0x8100_0000;

/// `TPM_PT_PERMANENT`, and of it `ownerAuthSet` and `inLockout` (Part 2, 6.13 and 8.6).
const PERMANENT: u32 = 0x200;
const OWNER_AUTH_SET: u32 = 1;
const IN_LOCKOUT: u32 = 1 << 9;

/// `TPM_CAP_PROP_OWNER` (1.2 Part 2, 21.2).
const OWNER: u32 = 0x111;

/// What is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Of which version the TPM is.
    pub version: TpmVersion,
    /// A TPM 1.2 has an owner; a TPM 2.0's owner hierarchy has an authorisation.
    pub is_owned: bool,
    /// How many persistent objects a TPM 2.0 holds. A manager makes none.
    pub persistent: usize,
    /// A TPM 2.0 refuses what is subject to its protection from guessing.
    pub is_in_lockout: bool,
}

/// Asks the TPM. What it does not tell counts as not there.
///
/// # Errors
/// [`HardwareError`] when the TPM does not respond.
pub fn survey(tpm: &mut dyn HardwareTpm, version: TpmVersion) -> Result<Survey, HardwareError> {
    let nothing = Survey { version, is_owned: false, persistent: 0, is_in_lockout: false };
    match version {
        TpmVersion::Tpm20 => {
            let attributes = number(tpm, version, PERMANENT)?.unwrap_or(0);
            let persistent = handles(tpm, version, PERSISTENT)?.len();
            let (is_owned, is_in_lockout) =
                (attributes & OWNER_AUTH_SET != 0, attributes & IN_LOCKOUT != 0);
            Ok(Survey { is_owned, persistent, is_in_lockout, ..nothing })
        }
        TpmVersion::Tpm12 => Ok(Survey { is_owned: flag(tpm, OWNER)?.unwrap_or(false), ..nothing }),
    }
}

impl Survey {
    /// A line for the console about each thing that is so.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match (self.is_owned, self.version) {
            (false, _) => {}
            (true, TpmVersion::Tpm12) => lines.push("hardware TPM: it has an owner already".into()),
            (true, TpmVersion::Tpm20) => lines.push(
                "hardware TPM: its owner hierarchy has an authorisation (owner_auth=, or srk_handle=)"
                    .into(),
            ),
        }
        if self.persistent > 0 {
            let count = self.persistent;
            lines.push(format!(
                "hardware TPM: {count} persistent object(s) of others stay as they are"
            ));
        }
        if self.is_in_lockout {
            lines.push(
                "hardware TPM: it is in lockout; nothing of the manager's is subject to it".into(),
            );
        }
        lines
    }
}
