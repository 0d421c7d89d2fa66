//! `banks=`: which PCR banks a fresh TPM 2.0 gets.

use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;

/// The banks when nothing is said: SHA-256 for everything of today, SHA-1 because a stock
/// xen-tpmfront reads its PCRs there.
pub const DEFAULT_BANKS: [HashAlgorithm; 2] = [HashAlgorithm::SHA1, HashAlgorithm::SHA256];

/// What may be written after `banks=`.
pub(super) const EXPECTED: &str = "banks= with one or more of sha1,sha256,sha384,sha512";

/// PCR banks: at least one, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankSelection(Vec<HashAlgorithm>);

impl Default for BankSelection {
    fn default() -> Self {
        Self(DEFAULT_BANKS.to_vec())
    }
}

impl BankSelection {
    /// Reads names separated by commas; `None` when a name is unknown or stands there twice.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut banks = Vec::new();
        for name in value.split(',') {
            let bank = algorithm(name)?;
            if banks.contains(&bank) {
                return None;
            }
            banks.push(bank);
        }
        Some(Self(banks))
    }

    /// The banks in the order given.
    #[must_use]
    pub fn as_slice(&self) -> &[HashAlgorithm] {
        &self.0
    }
}

fn algorithm(name: &str) -> Option<HashAlgorithm> {
    match name {
        "sha1" => Some(HashAlgorithm::SHA1),
        "sha256" => Some(HashAlgorithm::SHA256),
        "sha384" => Some(HashAlgorithm::SHA384),
        "sha512" => Some(HashAlgorithm::SHA512),
        _ => None,
    }
}
