//! `libtpms.a`: from Debian's libtpms-dev, which the lab fetches, or from where `LIBTPMS_STATIC`
//! says.

use super::install;
use super::manifest::{Tpms, sha256_of};
use crate::steps;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Names a static archive to use instead of Debian's.
const OVERRIDE: &str = "LIBTPMS_STATIC";

/// Where Debian's package holds the archive.
const IN_PACKAGE: &str = "usr/lib/x86_64-linux-gnu/libtpms.a";

/// Its licence in the package, and where it is kept.
const LICENCE_IN_PACKAGE: &str = "usr/share/doc/libtpms0/copyright";
const LICENCE: &str = "libtpms.licence";

/// Fetches the archive unless it is there.
///
/// # Errors
/// When the package cannot be fetched and `LIBTPMS_STATIC` is not set.
pub(super) fn fetch(folder: &Path) -> Result<Tpms> {
    let archive = folder.join("libtpms.a");
    let mark = folder.join("libtpms.origin");
    let licence = folder.join(LICENCE);
    if let Some(named) = std::env::var_os(OVERRIDE).map(PathBuf::from) {
        install(&named, &archive)?;
        write(&mark, &format!("{OVERRIDE}={}", named.display()))?;
        write(
            &licence,
            "libtpms is under the BSD 3-clause licence; its text is in its sources.\n",
        )?;
    } else if !archive.is_file() || !mark.is_file() || !licence.is_file() {
        let package = of_lab("libtpms").with_context(advice)?;
        install(&package.join(IN_PACKAGE), &archive)?;
        install(&package.join(LICENCE_IN_PACKAGE), &licence)?;
        write(&mark, &version()?)?;
    }
    let origin = fs::read_to_string(&mark).with_context(|| format!("{}", mark.display()))?;
    Ok(Tpms { origin, sha256: sha256_of(&archive)? })
}

fn advice() -> String {
    format!(
        "libtpms-dev could not be fetched; on a system without apt, set {OVERRIDE} to a libtpms.a \
         of version 0.9 or later and start again"
    )
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Where the lab keeps a thing, fetched first if need be.
fn of_lab(thing: &str) -> Result<PathBuf> {
    let mut command = steps::cargo(["run", "--quiet", "--package", "lab", "--", "path", thing]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot start the lab")?;
    if !output.status.success() {
        bail!("the lab has no {thing}");
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The package's name and version, as the lab's list of what it fetched has them: release, set,
/// package, version.
fn version() -> Result<String> {
    let manifest = of_lab("manifest")?;
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let line = text.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.contains(&"libtpms-dev").then(|| words[words.len().saturating_sub(2)..].join(" "))
    });
    line.with_context(|| format!("no libtpms-dev in {}", manifest.display()))
}
