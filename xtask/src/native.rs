//! Builds and fetches the engine's C libraries into `target/native/`, once.
//!
//! Both the image and the Linux program link these two archives: `libcrypto.a`, a minimal OpenSSL
//! LTS compiled here, and `libtpms.a`, as Debian ships it. `manifest.txt` beside them says exactly
//! what they are, so that an image's hash can be explained.

mod libtpms;
mod manifest;
mod openssl;

use anyhow::{Context, Result};
use manifest::Manifest;
pub(crate) use manifest::sha256_of;
use std::fs;
use std::path::{Path, PathBuf};

/// Sees to it that the archives are there and are what this tree asks for. Does nothing when they
/// are.
///
/// # Errors
/// Names the program or file that failed, and what to do.
pub(crate) fn build() -> Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let crypto = openssl::build(&folder)?;
    let tpms = libtpms::fetch(&folder)?;
    Manifest { crypto, tpms }.write(&folder)
}

/// Where it is written down what exactly the archives are.
pub(crate) fn manifest() -> PathBuf {
    folder().join("manifest.txt")
}

/// Name and file of the licences of both.
pub(crate) fn licences() -> [(String, PathBuf); 2] {
    let openssl = openssl_src::source_dir().join("LICENSE.txt");
    [("OpenSSL".into(), openssl), ("libtpms".into(), folder().join("libtpms.licence"))]
}

/// `$VTPM_NATIVE`, which `.cargo/config.toml` sets for whatever cargo starts.
fn folder() -> PathBuf {
    match std::env::var_os("VTPM_NATIVE") {
        Some(named) => crate::steps::root().join(named),
        None => crate::steps::root().join("target/native"),
    }
}

/// Puts a finished file in place in one step, so that an interrupted run leaves no half archive.
fn install(from: &Path, to: &Path) -> Result<()> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let half = to.with_file_name(format!(".{name}.new"));
    fs::copy(from, &half).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::rename(&half, to).with_context(|| format!("cannot put {} in place", to.display()))
}
