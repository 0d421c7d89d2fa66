//! TPM 1.2 authorisation values.

use core::fmt;
use sha1::{Digest, Sha1};

/// A TPM 1.2 authorisation value of 20 bytes. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth([u8; 20]);

impl Auth {
    /// Twenty zero bytes, which TPM owners who want no secret use.
    pub const WELL_KNOWN: Self = Self([0; 20]);

    /// The value.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// `well-known`, `hash:` and 40 hexadecimal digits, or `text:` and a text, which stands for
    /// its SHA-1. `None` for anything else.
    pub(super) fn parse(value: &str) -> Option<Self> {
        if value == "well-known" {
            return Some(Self::WELL_KNOWN);
        }
        if let Some(text) = value.strip_prefix("text:") {
            return Some(Self(Sha1::digest(text.as_bytes()).into()));
        }
        let digits = value.strip_prefix("hash:")?;
        if digits.len() != 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 20];
        for (byte, at) in bytes.iter_mut().zip((0..40).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self::WELL_KNOWN
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 == [0; 20] { "Auth(well-known)" } else { "Auth(secret)" })
    }
}
