//! TPM 2.0's key derivation (Part 1, 11.4.10), with SHA-256 and results of 256 bits, which one
//! round gives.

use super::hash::{hmac_sha256, sha256};
use zeroize::Zeroizing;

const BITS: [u8; 4] = 256_u32.to_be_bytes();
const FIRST_ROUND: [u8; 4] = 1_u32.to_be_bytes();

/// `KDFa`: counter-mode HMAC (SP 800-108) of `label` and two contexts.
pub(crate) fn kdf_a(key: &[u8], label: &str, u: &[u8], v: &[u8]) -> Zeroizing<[u8; 32]> {
    let parts = [&FIRST_ROUND[..], label.as_bytes(), &[0], u, v, &BITS];
    Zeroizing::new(hmac_sha256(key, &parts))
}

/// `KDFe`: hash (SP 800-56A) of the shared x coordinate `z`, `label` and both parties' x
/// coordinates.
pub(crate) fn kdf_e(z: &[u8], label: &str, u: &[u8], v: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(sha256(&[&FIRST_ROUND, z, label.as_bytes(), &[0], u, v]))
}
