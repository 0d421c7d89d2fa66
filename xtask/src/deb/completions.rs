//! What shells offer while a command is typed, printed by the programs themselves.

use crate::steps;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::process::Command;

/// Programs with a command `completion SHELL`.
const PROGRAMS: [&str; 2] = ["xl-vtpm", "vtpm-proxy"];
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Leaves `target/completions/PROGRAM.SHELL` for each.
///
/// # Errors
/// A program that does not run here, or prints nothing.
pub(super) fn write() -> Result<()> {
    let folder = steps::target().join("completions");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for program in PROGRAMS {
        let file = steps::target().join("tools").join(program);
        for shell in SHELLS {
            let output = Command::new(&file).args(["completion", shell]).output();
            let output = output.with_context(|| format!("cannot run {}", file.display()))?;
            ensure!(
                output.status.success() && !output.stdout.is_empty(),
                "{program} completion {shell} printed nothing ({}): {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
            let to = folder.join(format!("{program}.{shell}"));
            fs::write(&to, output.stdout).with_context(|| to.display().to_string())?;
        }
    }
    Ok(())
}
