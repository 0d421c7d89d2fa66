//! What follows a restore of volatile state.

use crate::engine::EngineError;
use crate::libtpms::response_code;
use alloc::vec::Vec;
use engine_sys::{Library, fill_random};
use tpm_wire::{PacketBuilder, Tag, TpmVersion};

/// Fresh bytes mixed in: TPM2_StirRandom takes up to 128, TPM_StirRandom up to 255.
const FRESH_BYTES: usize = 64;

/// `TPM2_CC_StirRandom` (TPM 2.0 Library Part 2 rev 1.59, 6.5.2).
const TPM2_STIR_RANDOM: u32 = 0x146;

/// `TPM_ORD_StirRandom` (TPM Main Part 2 rev 116, 17).
const TPM_STIR_RANDOM: u32 = 0x47;

/// `TPM_RC_INITIALIZE`: the TPM was suspended before Startup, which itself seeds the generator.
const TPM2_NOT_STARTED: u32 = 0x100;

/// The command that mixes fresh entropy into the TPM's own generator.
///
/// A volatile blob of TPM 2.0 carries the state of its generator: two TPMs resumed from copies of
/// one blob would give out the same random numbers, nonces and keys. TPM2_StirRandom (TPM 2.0
/// Library Part 3 rev 1.59, 16.2) reseeds it from libcrypto's generator and from the given bytes.
fn stir(version: TpmVersion) -> Result<Vec<u8>, EngineError> {
    let mut fresh = [0; FRESH_BYTES];
    if !fill_random(&mut fresh) {
        return Err(EngineError::NoEntropy);
    }
    Ok(match version {
        TpmVersion::Tpm12 => {
            PacketBuilder::new(Tag::RQU_COMMAND, TPM_STIR_RANDOM).u16(0).sized(&fresh).finish()
        }
        TpmVersion::Tpm20 => {
            PacketBuilder::new(Tag::NO_SESSIONS, TPM2_STIR_RANDOM).sized(&fresh).finish()
        }
    })
}

/// Reseeds a TPM that was just restored, before any command of a user.
///
/// TPM 1.2 draws from libcrypto's generator, which is never in a blob: there the command is only
/// one more safeguard, and a TPM that refuses it (disabled, deactivated, not started) may do so.
pub(crate) fn reseed(library: &mut Library, version: TpmVersion) -> Result<(), EngineError> {
    let response = library.process(0, &stir(version)?)?;
    match (version, response_code(response)) {
        (TpmVersion::Tpm12, Some(_)) | (TpmVersion::Tpm20, Some(0 | TPM2_NOT_STARTED)) => Ok(()),
        _ => Err(EngineError::NoEntropy),
    }
}
