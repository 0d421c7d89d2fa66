//! Debian's own critic of packages.

use super::control;
use crate::steps;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// What it finds in a package whose builder has not said who he is.
const OF_NOBODY: &str = "bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact";

/// Lets lintian look at a package. An error or a warning ends the build, unless the package says why it is
/// none (`lintian-overrides` in its recipe).
///
/// # Errors
/// What it finds; or it is not there, which `./x` sees to.
pub(super) fn run(package: &Path) -> Result<()> {
    if Command::new("lintian").arg("--version").output().is_err() {
        bail!("lintian is not here to look at the package: apt-get install lintian");
    }
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error,warning", "--tag-display-limit", "0", "--allow-root"]);
    if control::is_nobodys() {
        lintian.args(["--suppress-tags", OF_NOBODY]);
    }
    steps::run(lintian.arg(package))
}
