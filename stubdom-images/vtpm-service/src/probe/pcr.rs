//! TPM 1.2 PCRRead and Extend (TPM Main Part 3, 16.1 and 16.2) on the banks of a TPM 2.0.

use super::capability::PCR_COUNT;
use super::{Probe, Refusal};
use alloc::vec::Vec;
use tpm_wire::tpm12::TpmResult;
use tpm_wire::tpm20::{self, HashAlgorithm};
use tpm_wire::{Malformed, Reader};
use vtpm_engine::Engine;

/// Bytes in a SHA-1 digest, the only kind TPM 1.2 knows.
const SHA1_BYTES: usize = 20;

impl<E: Engine> Probe<'_, E> {
    pub(super) fn pcr_read(&mut self, mut parameters: Reader<'_>) -> Result<Vec<u8>, Refusal> {
        let pcr = index(&mut parameters)?;
        parameters.end()?;
        Ok(self.sha1_value(pcr)?.ok_or(TpmResult::DISABLED)?)
    }

    /// Extends every active bank, so that none is left for someone to forge, and gives the SHA-1
    /// bank's new value (the digest itself where there is no SHA-1 bank: nothing better exists).
    pub(super) fn extend(&mut self, mut parameters: Reader<'_>) -> Result<Vec<u8>, Refusal> {
        let pcr = index(&mut parameters)?;
        let digest: [u8; SHA1_BYTES] = parameters.array()?;
        parameters.end()?;
        let digests = self.padded(&digest)?;
        tpm20::acknowledged(&self.send(&tpm20::pcr_extend(pcr, &digests))?)?;
        Ok(self.sha1_value(pcr)?.unwrap_or_else(|| digest.to_vec()))
    }

    /// The PCR's value in the SHA-1 bank; `None` when that bank is not active.
    fn sha1_value(&mut self, pcr: u32) -> Result<Option<Vec<u8>>, Refusal> {
        let answer = self.send(&tpm20::pcr_read(HashAlgorithm::SHA1, pcr))?;
        let digest = tpm20::pcr_digest(&answer)?;
        Ok(digest.filter(|digest| digest.len() == SHA1_BYTES).map(<[u8]>::to_vec))
    }

    /// One digest for each active bank: a SHA-1 digest followed by zeros, which is what Linux puts
    /// into the other banks too (drivers/char/tpm/tpm-interface.c, `tpm_pcr_extend`).
    fn padded(&self, digest: &[u8; SHA1_BYTES]) -> Result<Vec<(HashAlgorithm, Vec<u8>)>, Refusal> {
        let pad = |bank: &HashAlgorithm| {
            let mut bytes = digest.to_vec();
            bytes.resize(bank.digest_bytes().ok_or(TpmResult::FAIL)?, 0);
            Ok((*bank, bytes))
        };
        self.banks.iter().map(pad).collect()
    }
}

fn index(parameters: &mut Reader<'_>) -> Result<u32, Refusal> {
    let pcr = parameters.u32().map_err(|_: Malformed| TpmResult::BAD_PARAM_SIZE)?;
    if pcr < PCR_COUNT { Ok(pcr) } else { Err(TpmResult::BAD_INDEX.into()) }
}
