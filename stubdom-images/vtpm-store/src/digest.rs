//! SHA-256.

use sha2::{Digest, Sha256};

/// SHA-256 over the parts, one after the other (FIPS 180-4).
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}
