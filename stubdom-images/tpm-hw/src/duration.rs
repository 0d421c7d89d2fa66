//! How long a command may run.

use core::time::Duration;
use tpm_wire::{Family, Header};

/// For commands that make keys: the search for primes has no upper bound, five minutes is what
/// Linux allows for the slowest of them on any TPM seen.
const KEY_MAKING: Duration = Duration::from_secs(300);

/// For every other command, self tests of old TPMs included.
const ORDINARY: Duration = Duration::from_secs(120);

/// TPM2_CreatePrimary, TPM2_Create, TPM2_CreateLoaded (Part 2, 6.5.2).
const KEY_MAKING_20: [u32; 3] = [0x131, 0x153, 0x191];

/// TPM_TakeOwnership, TPM_CreateWrapKey, TPM_CreateEndorsementKeyPair,
/// TPM_CreateRevocableEK, TPM_MakeIdentity, TPM_CMK_CreateKey (1.2 Part 2, 17).
const KEY_MAKING_12: [u32; 6] = [0x0D, 0x1F, 0x78, 0x7F, 0x79, 0x13];

/// The limit for this command. It only bounds how long a dead TPM goes unnoticed, so one generous
/// figure serves better than the TPM's own claims, which are wrong on some.
pub(crate) fn limit(command: &[u8]) -> Duration {
    let Ok((header, _)) = Header::parse(command) else { return ORDINARY };
    let makes_keys = match header.tag.command_family() {
        Some(Family::Tpm20) => KEY_MAKING_20.contains(&header.code),
        Some(Family::Tpm12) => KEY_MAKING_12.contains(&header.code),
        _ => false,
    };
    if makes_keys { KEY_MAKING } else { ORDINARY }
}
