//! TPM 1.2 GetRandom (TPM Main Part 3, 13.6).

use super::{Probe, Refusal};
use alloc::vec::Vec;
use tpm_wire::tpm12::TpmResult;
use tpm_wire::{HEADER_BYTES, MAX_PACKET_BYTES, Reader, tpm20};
use vtpm_engine::Engine;

/// The most that fits one answer: header, length, bytes.
const MOST_BYTES: usize = MAX_PACKET_BYTES - HEADER_BYTES - 4;

impl<E: Engine> Probe<'_, E> {
    /// Asks as often as needed: TPM2_GetRandom gives at most one digest at a time.
    pub(super) fn random(&mut self, mut parameters: Reader<'_>) -> Result<Vec<u8>, Refusal> {
        let wanted = usize::try_from(parameters.u32()?).unwrap_or(MOST_BYTES).min(MOST_BYTES);
        parameters.end()?;
        let length = u32::try_from(wanted).map_err(|_| TpmResult::SIZE)?;
        let mut body = length.to_be_bytes().to_vec();
        let end = body.len() + wanted;
        while body.len() < end {
            let missing = u16::try_from(end - body.len()).unwrap_or(u16::MAX);
            let answer = self.send(&tpm20::get_random(missing))?;
            let bytes = tpm20::random_bytes(&answer)?;
            if bytes.is_empty() {
                return Err(TpmResult::FAIL.into());
            }
            body.extend(bytes.iter().take(end - body.len()));
        }
        Ok(body)
    }
}
