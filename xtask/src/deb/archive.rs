//! The archive, written and read again by dpkg-deb.

use super::files::Entry;
use crate::steps;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What every package holds besides its list.
const DOCUMENTS: &str = "usr/share/doc/";

/// Writes the archive: files of root's, nothing younger than `epoch`.
///
/// # Errors
/// dpkg-deb is not here, or says what it does not take.
pub(super) fn write(tree: &Path, package: &Path, epoch: &str) -> Result<()> {
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.args(["--root-owner-group", "-Zxz", "--build"]).arg(tree).arg(package);
    steps::run(dpkg.env("SOURCE_DATE_EPOCH", epoch).stdout(std::process::Stdio::null()))
        .context("packages are written by dpkg-deb, which every Debian-like system has")
}

/// Checks that the archive holds what the list says and nothing else, all of it root's.
///
/// # Errors
/// What is missing, too much, or has another mode or owner.
pub(super) fn check(package: &Path, entries: &[Entry]) -> Result<()> {
    let output = Command::new("dpkg-deb").arg("--contents").arg(package).output()?;
    ensure!(output.status.success(), "dpkg-deb cannot read {}", package.display());
    let wrong = differences(&String::from_utf8_lossy(&output.stdout), entries)?;
    ensure!(wrong.is_empty(), "{} is wrong:\n  {}", package.display(), wrong.join("\n  "));
    Ok(())
}

fn differences(listing: &str, entries: &[Entry]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut found = BTreeMap::new();
    for line in listing.lines() {
        let (mode, owner, path) = row(line).with_context(|| format!("tar's line {line:?}"))?;
        if owner != "root/root" {
            wrong.push(format!("{path} belongs to {owner}"));
        }
        found.insert(path.to_owned(), mode.to_owned());
    }
    for entry in entries {
        let kind = if entry.source.is_some() { '-' } else { 'd' };
        let wanted = format!("{kind}{}", letters(entry.mode));
        match found.remove(&entry.path) {
            None => wrong.push(format!("{} is missing", entry.path)),
            Some(mode) if mode != wanted => {
                wrong.push(format!("{} is {mode}, not {wanted}", entry.path));
            }
            Some(_) => {}
        }
    }
    let more = found.iter().filter(|(path, mode)| {
        let between = mode.as_str() == "drwxr-xr-x";
        !between && !path.starts_with(DOCUMENTS)
    });
    wrong.extend(more.map(|(path, mode)| format!("{path} ({mode}) is in no list")));
    Ok(wrong)
}

/// Mode, owner and path of one line: `-rwxr-xr-x root/root 123 2026-01-01 00:00 ./usr/bin/x`.
fn row(line: &str) -> Option<(&str, &str, &str)> {
    let mut words = line.split_whitespace();
    let (mode, owner) = (words.next()?, words.next()?);
    let path = words.nth(3)?;
    Some((mode, owner, path.strip_prefix("./")?.trim_end_matches('/')))
}

fn letters(mode: u32) -> String {
    let bits = (0..9).rev().zip("rwxrwxrwx".chars());
    bits.map(|(bit, letter)| if mode >> bit & 1 == 1 { letter } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_too_much_or_not_as_listed_is_named() {
        let entry = |mode, source: Option<&str>, path: &str| Entry {
            mode,
            source: source.map(String::from),
            path: path.into(),
        };
        let entries = [
            entry(0o755, Some("a"), "usr/bin/a"),
            entry(0o644, Some("b"), "usr/b"),
            entry(0o600, Some("c"), "usr/c"),
            entry(0o700, None, "var/d"),
        ];
        let listing = "drwxr-xr-x root/root         0 2026-01-01 00:00 ./usr/bin/\n\
            -rwxr-xr-x root/root         9 2026-01-01 00:00 ./usr/bin/a\n\
            -rw-r--r-- root/root         9 2026-01-01 00:00 ./usr/c\n\
            -rw-r--r-- me/root           9 2026-01-01 00:00 ./usr/e\n\
            drwx------ root/root         0 2026-01-01 00:00 ./var/d/\n\
            -rw-r--r-- root/root         9 2026-01-01 00:00 ./usr/share/doc/a/copyright\n";
        let wrong = differences(listing, &entries).unwrap();
        assert_eq!(
            wrong,
            [
                "usr/e belongs to me/root",
                "usr/b is missing",
                "usr/c is -rw-r--r--, not -rw-------",
                "usr/e (-rw-r--r--) is in no list"
            ]
        );
    }
}
