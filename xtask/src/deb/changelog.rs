//! The list of changes in the form that Debian's tools read; the changes themselves are in CHANGELOG.md.

use super::control;
use anyhow::{Context, Result, ensure};
use std::process::Command;

/// The one entry of a package's changelog (Debian Policy 4.6, 4.4).
///
/// # Errors
/// `date` does not say the day of `epoch`, in seconds since 1970.
pub(super) fn text(name: &str, epoch: &str) -> Result<String> {
    let mut date = Command::new("date");
    let date = date.env("LC_ALL", "C").args(["-u", "-R", "-d", &format!("@{epoch}")]);
    let said = date.output().context("date")?;
    ensure!(said.status.success(), "date: {}", String::from_utf8_lossy(&said.stderr));
    let day = String::from_utf8_lossy(&said.stdout);
    let (version, maintainer) = (control::version(), control::maintainer());
    Ok(format!(
        "{name} ({version}) unstable; urgency=medium\n\n  * What has changed: CHANGELOG.md.gz beside this \
         file.\n\n -- {maintainer}  {}\n",
        day.trim()
    ))
}

#[test]
fn a_changelog_is_the_same_for_the_same_time() {
    let said = text("p", "0").unwrap();
    assert!(
        said.starts_with("p (") && said.ends_with("  Thu, 01 Jan 1970 00:00:00 +0000\n"),
        "{said}"
    );
}
