//! What exactly the two archives are.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// The OpenSSL archive.
pub(super) struct Crypto {
    /// Crate and OpenSSL version.
    pub(super) release: &'static str,
    /// Hash of `libcrypto.a`, lower-case hex.
    pub(super) sha256: String,
    /// What Configure was told, and what was written for plain x86-64.
    pub(super) options: String,
}

/// The libtpms archive.
pub(super) struct Tpms {
    /// Package name and version, or the path that `LIBTPMS_STATIC` named.
    pub(super) origin: String,
    /// Hash of `libtpms.a`, lower-case hex.
    pub(super) sha256: String,
}

/// Both.
pub(super) struct Manifest {
    pub(super) crypto: Crypto,
    pub(super) tpms: Tpms,
}

impl Manifest {
    /// Writes `manifest.txt`, one `name: value` a line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let Self { crypto, tpms } = self;
        let text = format!(
            "libtpms: {}\nlibtpms.a sha256: {}\nlibcrypto: {}\nlibcrypto.a sha256: {}\n\
             libcrypto options: {}\n",
            tpms.origin, tpms.sha256, crypto.release, crypto.sha256, crypto.options
        );
        let file = folder.join("manifest.txt");
        if fs::read_to_string(&file).is_ok_and(|old| old == text) {
            return Ok(());
        }
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// # Errors
/// When the file cannot be read.
pub(crate) fn sha256_of(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(hex(&Sha256::digest(bytes)))
}

pub(super) fn sha256_of_text(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
