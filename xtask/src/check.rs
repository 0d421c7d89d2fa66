//! Formatting, lints, documentation and the project's own rules.

use crate::{deb, images, manual, proofs, rules, steps, supply, threats};
use anyhow::Result;

/// Runs all of them.
///
/// # Errors
/// The first that does not hold.
pub(crate) fn run() -> Result<()> {
    rules::run(&steps::root())?;
    proofs::run(&steps::root())?;
    threats::run(&steps::root())?;
    supply::policy::run()?;
    deb::check_all_are_packaged(&steps::root())?;
    steps::run(&mut steps::cargo(["fmt", "--all", "--check"]))?;
    steps::run(&mut steps::cargo([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    images::lint()?;
    manual::check()?;
    steps::run(
        steps::cargo(["doc", "--quiet", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
