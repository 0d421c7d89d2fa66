//! Where everything of the fuzz targets lies.

use crate::fuzz::{HOST, keep};
use crate::steps;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

pub(super) fn sources() -> PathBuf {
    steps::root().join("tests/fuzz")
}

pub(super) fn build_folder() -> PathBuf {
    steps::root().join("target/fuzz/build")
}

/// Where the built targets are.
pub(super) fn built() -> PathBuf {
    build_folder().join(HOST).join("release")
}

/// The inputs that somebody wrote and named.
pub(super) fn kept(target: &str) -> PathBuf {
    sources().join("corpus").join(target)
}

/// Those that earlier runs found, in one file.
pub(super) fn packed(target: &str) -> PathBuf {
    sources().join("found").join(target)
}

pub(super) fn unpacked(target: &str) -> Result<PathBuf> {
    let folder = made(&format!("unpacked/{target}"))?;
    keep::unpack(&packed(target), &folder)?;
    Ok(folder)
}

/// Where a target's runs put what reaches more than the inputs before.
pub(super) fn found(target: &str) -> Result<PathBuf> {
    made(&format!("corpus/{target}"))
}

/// A folder of this folder's own, made when it is not there.
pub(super) fn made(name: &str) -> Result<PathBuf> {
    let folder = steps::root().join("target/fuzz").join(name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}
