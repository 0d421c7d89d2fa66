//! The manual pages and the programs (tests/manual).

use crate::steps;
use anyhow::Result;

/// Programs whose pages have a part that is made from their command lines.
const PACKAGES: [&str; 5] =
    ["xl-vtpm", "config-gen", "manager-client", "state-inspect", "hardware-tpm"];

/// Writes those parts.
///
/// # Errors
/// A page has no place for its part, or a program does not build.
pub(crate) fn write() -> Result<()> {
    steps::run(pages().env("MANUAL", "write"))?;
    check()
}

/// Compares pages and programs: options, commands, words of domains, keys of the TOML file.
///
/// # Errors
/// They differ.
pub(crate) fn check() -> Result<()> {
    steps::run(&mut pages())?;
    steps::run(&mut steps::cargo(["test", "--quiet", "--package", "manual", "--tests"]))
}

fn pages() -> std::process::Command {
    let mut cargo = steps::cargo(["test", "--quiet", "--lib", "--bins"]);
    cargo.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    cargo.args(["--", "the_manual_page_has_every_option_and_no_other"]);
    cargo
}
