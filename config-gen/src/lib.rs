//! xl configuration files for the manager, for vTPM domains and for their guests. Everything that is
//! written is plain xl configuration.
//!
//! In the order in which one run goes: [`Arguments`], `wanted` (the TOML file), `plan` (what it
//! amounts to, checked), `render` (the files' texts), `files` (writing them, all or none).
#![forbid(unsafe_code)]

mod arguments;
mod checks;
mod different;
mod files;
mod identity;
mod machine;
mod plan;
mod render;
mod report;
mod standing;
#[cfg(test)]
mod tests;
mod wanted;
mod words;

pub use arguments::Arguments;
pub use report::as_typed;

use anyhow::Result;
use std::path::{Path, PathBuf};

/// Does what is asked; what is to be said about it.
///
/// # Errors
/// What is wrong, with file, line and column where it stands in one. Nothing was written then.
pub fn run(arguments: &Arguments) -> Result<String> {
    let wanted = arguments.wanted()?;
    let plan = plan::Plan::of(&wanted)?;
    let files = render::all(&plan)?;
    if !arguments.dry_run {
        files::write(&files, arguments.force)?;
    }
    Ok(report::of(&plan, &files, arguments))
}

/// The files that a TOML file of this path and text amounts to, each with its text; nothing is
/// written. Files that it names, and those of an earlier run, are read.
///
/// # Errors
/// What is wrong, with file, line and column.
pub fn files_of(file: &Path, text: &str) -> Result<Vec<(PathBuf, String)>> {
    let plan = plan::Plan::of(&wanted::Wanted::parse(file, text)?)?;
    Ok(render::all(&plan)?.into_iter().map(|file| (file.path, file.text)).collect())
}
