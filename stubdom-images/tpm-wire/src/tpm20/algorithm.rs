//! Hash algorithms, each of which may be a PCR bank.

use crate::open_enum::open_enum;

open_enum! {
    /// A hash algorithm's number (Part 2, 6.3 `TPM_ALG_ID`).
    HashAlgorithm(u16) {
        /// SHA-1.
        SHA1 = 0x0004,
        /// SHA-256.
        SHA256 = 0x000B,
        /// SHA-384.
        SHA384 = 0x000C,
        /// SHA-512.
        SHA512 = 0x000D,
    }
}

impl HashAlgorithm {
    /// Every algorithm this crate knows the digest size of.
    pub const ALL: [Self; 4] = [Self::SHA1, Self::SHA256, Self::SHA384, Self::SHA512];

    /// Bytes in a digest; `None` for an algorithm this crate does not know.
    #[must_use]
    pub const fn digest_bytes(self) -> Option<usize> {
        match self {
            Self::SHA1 => Some(20),
            Self::SHA256 => Some(32),
            Self::SHA384 => Some(48),
            Self::SHA512 => Some(64),
            _ => None,
        }
    }
}
