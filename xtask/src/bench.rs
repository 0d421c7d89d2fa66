//! `./x bench`: how fast a vTPM answers, side by side with swtpm.

use crate::{lab, native, steps};
use anyhow::{Context, Result};
use std::process::Stdio;

/// What to measure.
#[derive(clap::Args)]
#[command(
    after_help = "Compares with the lab's copy of swtpm, which is fetched when it is not there; \
    without it, only our own figures are shown, and --check fails. Name one row to measure only that: the table's last column."
)]
pub(crate) struct Options {
    /// Fewer repetitions: seconds instead of minutes, and rougher figures
    #[arg(long)]
    quick: bool,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    /// One JSON object per row instead of the table
    #[arg(long)]
    json: bool,
    /// Count instructions, which a busy machine does not change, and compare with those that are kept
    #[arg(long, conflicts_with_all = ["quick", "check", "json", "rows"])]
    instructions: bool,
    /// Write the counted figures down: tests/bench/instructions.txt
    #[arg(long, requires = "instructions")]
    update: bool,
    /// Only these rows
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
}

/// Builds the measuring program as an image is built, and runs it.
///
/// # Errors
/// When it does not build or run, or an aim is missed and `check` is set.
pub(crate) fn run(options: &Options) -> Result<()> {
    native::build()?;
    if options.instructions {
        return instructions(options.update);
    }
    let mut swtpm = steps::cargo(["run", "--quiet", "--package", "lab", "--", "path", "swtpm"]);
    if let Err(error) = steps::run(swtpm.stdout(Stdio::null())) {
        eprintln!("bench: the lab's swtpm cannot be fetched: {error:#}");
    }
    let folder = steps::root().join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let mut cargo = steps::cargo(["run", "--quiet", "--profile", "image", "--package", "bench"]);
    cargo.arg("--").arg("--output").arg(folder.join("latest.txt"));
    for (asked, flag) in
        [(options.quick, "--quick"), (options.check, "--check"), (options.json, "--json")]
    {
        cargo.args(asked.then_some(flag));
    }
    steps::run(cargo.args(&options.rows))
}

/// Counts instructions of the cheap rows in a release build, and compares or keeps them.
///
/// # Errors
/// valgrind cannot be fetched or run; a row takes more or less than is kept.
pub(crate) fn instructions(update: bool) -> Result<()> {
    let valgrind = lab::path("valgrind")?;
    let mut cargo = steps::cargo(["run", "--quiet", "--release", "--package", "bench", "--"]);
    cargo.arg("--instructions").arg(valgrind).args(update.then_some("--update"));
    steps::run(&mut cargo)
}
