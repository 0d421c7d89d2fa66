//! What a machine's vendor does before the machine is sold.

use alloc::vec::Vec;
use tpm_wire::tpm12::{self, PhysicalPresence, StartupType};

/// Makes a blank TPM 1.2 enabled and active, without an owner: commands for its first power-on, each of
/// which succeeds. What they do counts from the next power-on on.
#[must_use]
pub fn set_up_tpm12() -> [Vec<u8>; 5] {
    [
        tpm12::startup(StartupType::CLEAR),
        tpm12::physical_presence(PhysicalPresence::CMD_ENABLE),
        tpm12::physical_presence(PhysicalPresence::PRESENT),
        tpm12::physical_enable(),
        tpm12::physical_set_deactivated(false),
    ]
}
