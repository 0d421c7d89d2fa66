//! `libtpms.a`: from Debian's libtpms-dev, or from where `LIBTPMS_STATIC` says.

use super::install;
use super::manifest::{Tpms, sha256_of};
use crate::steps;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a static archive to use instead of Debian's.
const OVERRIDE: &str = "LIBTPMS_STATIC";

/// Where Debian's package holds the archive.
const IN_PACKAGE: &str = "usr/lib/x86_64-linux-gnu/libtpms.a";

/// Fetches the archive unless it is there. Nothing is installed: the package is only unpacked.
///
/// # Errors
/// When apt or dpkg-deb fail, or this is not a Debian system and `LIBTPMS_STATIC` is not set.
pub(super) fn fetch(folder: &Path) -> Result<Tpms> {
    let archive = folder.join("libtpms.a");
    let mark = folder.join("libtpms.origin");
    if let Some(named) = std::env::var_os(OVERRIDE).map(PathBuf::from) {
        install(&named, &archive)?;
        write(&mark, &format!("{OVERRIDE}={}", named.display()))?;
    } else if !archive.is_file() || !mark.is_file() {
        let version = from_debian(&folder.join("libtpms-package"), &archive)?;
        write(&mark, &format!("libtpms-dev {version}"))?;
    }
    let origin = fs::read_to_string(&mark).with_context(|| format!("{}", mark.display()))?;
    Ok(Tpms { origin, sha256: sha256_of(&archive)? })
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Unpacks the package into `work` and returns its version.
fn from_debian(work: &Path, archive: &Path) -> Result<String> {
    eprintln!("fetching libtpms-dev");
    if work.exists() {
        fs::remove_dir_all(work).with_context(|| format!("cannot clear {}", work.display()))?;
    }
    fs::create_dir_all(work.join("lists/partial"))?;
    fs::create_dir_all(work.join("cache/archives/partial"))?;
    let known = apt(work, false).args(["download", "libtpms-dev"]).status();
    if !known.is_ok_and(|status| status.success()) {
        download_with_own_lists(work)?;
    }
    let package = package_in(work)?;
    steps::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(work.join("root")))?;
    install(&work.join("root").join(IN_PACKAGE), archive)?;
    let version = version_of(&package)?;
    fs::remove_dir_all(work).with_context(|| format!("cannot clear {}", work.display()))?;
    Ok(version)
}

/// For a machine whose package lists are missing or old: the system's sources, lists of our own.
fn download_with_own_lists(work: &Path) -> Result<()> {
    let advice = || {
        format!(
            "libtpms-dev could not be fetched: on a system without Debian's packages, set \
             {OVERRIDE} to a libtpms.a of version 0.9 or later and start again"
        )
    };
    steps::run(apt(work, true).args(["-q", "update"])).with_context(advice)?;
    steps::run(apt(work, true).args(["download", "libtpms-dev"])).with_context(advice)
}

fn apt(work: &Path, own_lists: bool) -> Command {
    let mut command = Command::new("apt-get");
    command.current_dir(work).args(["-q", "-o", "APT::Sandbox::User=root"]);
    let option = |name: &str, value: &str| format!("{name}={}", work.join(value).display());
    if own_lists {
        command.arg("-o").arg(option("Dir::State::Lists", "lists"));
        command.arg("-o").arg(option("Dir::Cache", "cache"));
    }
    command.stdout(std::process::Stdio::null());
    command
}

fn package_in(work: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(work)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "deb") {
            return Ok(path);
        }
    }
    bail!("apt-get reported success but left no package in {}", work.display())
}

fn version_of(package: &Path) -> Result<String> {
    let output = Command::new("dpkg-deb").args(["-f"]).arg(package).arg("Version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
