//! `./x lab`: hands over to the lab's own program.

use crate::steps;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

/// Runs the lab's program for whoever typed these words: it says itself what went wrong, and its exit code is ours.
///
/// # Errors
/// When cargo could not be started.
pub(crate) fn hand_over(arguments: &[String]) -> Result<ExitCode> {
    let ended = command().args(arguments).status().context("cargo could not be started")?;
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs the lab's program with these arguments.
///
/// # Errors
/// When it could not be built or did not end with success.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    steps::run(command().args(arguments))
}

/// The script of a claim.
pub(crate) fn claim(name: &str) -> PathBuf {
    steps::root().join("tests/lab/claims").join(name).with_extension("sh")
}

fn command() -> std::process::Command {
    steps::cargo(["run", "--quiet", "--package", "lab", "--"])
}

/// Runs all claims but the long ones. Waits in dom0 have three times their usual limit unless
/// `LAB_PATIENCE` says otherwise: that costs nothing where the machine is quick.
///
/// # Errors
/// As [`run`].
pub(crate) fn claims() -> Result<()> {
    let mut command = command();
    if std::env::var_os("LAB_PATIENCE").is_none() {
        command.env("LAB_PATIENCE", "3");
    }
    steps::run(command.arg("claims"))
}

/// Fetches and builds everything that the lab needs.
///
/// # Errors
/// As [`run`].
pub(crate) fn fetch() -> Result<()> {
    run(&["fetch"])
}

/// Where something lies that the lab fetches.
///
/// # Errors
/// It cannot be fetched.
pub(crate) fn path(what: &str) -> Result<PathBuf> {
    let done = command().args(["path", what]).stderr(Stdio::inherit()).output()?;
    ensure!(done.status.success(), "{what} cannot be fetched ({})", done.status);
    Ok(String::from_utf8(done.stdout)?.trim_end().into())
}
