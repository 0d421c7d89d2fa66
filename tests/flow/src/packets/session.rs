//! Policy sessions of a TPM 2.0.

use super::{ALG_NULL, NULL, plain};
use tpm_wire::tpm20::HashAlgorithm;

/// What a session is for (Part 2, 6.11 `TPM_SE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To authorise something.
    Policy = 1,
    /// To compute a policy's digest.
    Trial = 3,
}

/// TPM2_StartAuthSession without salt, bind or encryption (Part 3, 11.1).
#[must_use]
pub fn start(purpose: Purpose) -> Vec<u8> {
    let command = plain(0x176).u32(NULL).u32(NULL).sized(&[7; 16]).sized(&[]);
    command.u8(purpose as u8).u16(ALG_NULL).u16(HashAlgorithm::SHA256.0).finish()
}

/// TPM2_PolicyPCR with one PCR of the SHA-256 bank as it is now (Part 3, 23.7).
#[must_use]
pub fn policy_pcr(session: u32, pcr: u8) -> Vec<u8> {
    plain(0x17F).u32(session).sized(&[]).bytes(&selection(pcr)).finish()
}

/// TPM2_PolicyGetDigest (Part 3, 23.6).
#[must_use]
pub fn policy_digest(session: u32) -> Vec<u8> {
    plain(0x189).u32(session).finish()
}

/// One PCR, 0 to 23, of the SHA-256 bank (Part 2, 10.9.7 `TPML_PCR_SELECTION`).
pub(crate) fn selection(pcr: u8) -> [u8; 10] {
    let [low, middle, high, _] = 1_u32.checked_shl(pcr.into()).unwrap_or(0).to_le_bytes();
    let [algorithm_high, algorithm_low] = HashAlgorithm::SHA256.0.to_be_bytes();
    [0, 0, 0, 1, algorithm_high, algorithm_low, 3, low, middle, high]
}
