//! Packages unpacked into one tree, their maintainer scripts never run.

use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Unpacks `debs` into `folder` with Debian's merged-/usr links, which `dpkg-deb -x` would replace
/// by folders.
pub(super) fn all(debs: &[PathBuf], folder: &Path) -> Result<()> {
    for name in ["bin", "sbin", "lib", "lib64"] {
        fs::create_dir_all(folder.join("usr").join(name))?;
        symlink(format!("usr/{name}"), folder.join(name))?;
    }
    for deb in debs {
        one(deb, folder).with_context(|| format!("cannot unpack {}", deb.display()))?;
    }
    Ok(())
}

fn one(deb: &Path, folder: &Path) -> Result<()> {
    let mut reader =
        Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).stdout(Stdio::piped()).spawn()?;
    let Some(pipe) = reader.stdout.take() else { bail!("dpkg-deb has no output") };
    let written = Command::new("tar")
        .arg("-C")
        .arg(folder)
        .args(["-x", "--keep-directory-symlink", "--no-same-owner"])
        .stdin(pipe)
        .status()?;
    let read = reader.wait()?;
    if !(read.success() && written.success()) {
        bail!("dpkg-deb ended with {read}, tar with {written}");
    }
    Ok(())
}
