//! `vtpm-config-gen`: writes the xl configuration files of the manager, of vTPM domains and of their
//! guests. Everything it writes is plain xl configuration.
//!
//! In the order in which one run goes: arguments, `wanted` (the TOML file), `plan` (what it amounts
//! to, checked), `render` (the files' texts), `files` (writing them, all or none).
#![forbid(unsafe_code)]

mod arguments;
mod checks;
mod files;
mod identity;
mod plan;
mod render;
mod report;
#[cfg(test)]
mod tests;
mod wanted;

use anyhow::Result;
use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vtpm-config-gen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what is asked; what is to be said about it.
fn run(arguments: &Arguments) -> Result<String> {
    let wanted = arguments.wanted()?;
    let plan = plan::Plan::of(&wanted)?;
    let files = render::all(&plan)?;
    if !arguments.dry_run {
        files::write(&files, arguments.force)?;
    }
    Ok(report::of(&plan, &files, arguments))
}
