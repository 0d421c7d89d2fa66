//! `./x lab`: hands over to the lab's own program.

use crate::steps;
use anyhow::Result;

/// Runs the lab's program with these arguments.
///
/// # Errors
/// When it could not be built or did not end with success.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut command = steps::cargo(["run", "--quiet", "--package", "lab", "--"]);
    steps::run(command.args(arguments))
}

/// Fetches and builds everything that the lab needs.
///
/// # Errors
/// As [`run`].
pub(crate) fn fetch() -> Result<()> {
    run(&["fetch"])
}
