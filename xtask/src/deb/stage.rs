//! The tree of files that becomes a package.

use super::files::Entry;
use crate::images::gzip;
use anyhow::{Context, Result};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Scripts that dpkg runs, where the recipe has them.
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// Makes the tree anew out of the recipe's list.
///
/// # Errors
/// A file that is not there, or cannot be written.
pub(super) fn fill(tree: &Path, entries: &[Entry]) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| format!("cannot clear {}", tree.display()))?;
    }
    folder(tree, 0o755)?;
    entries.iter().try_for_each(|entry| place(tree, entry))
}

/// Adds what every package has in its folder of documents.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn documents(tree: &Path, name: &str, texts: &[(&str, Vec<u8>)]) -> Result<()> {
    let folder = tree.join("usr/share/doc").join(name);
    texts.iter().try_for_each(|(name, text)| put(&folder.join(name), 0o644, text))
}

fn place(tree: &Path, entry: &Entry) -> Result<()> {
    let to = tree.join(&entry.path);
    let Some(file) = entry.file() else {
        return folder(&to, entry.mode);
    };
    let bytes = read(&file)?;
    put(&to, entry.mode, &if entry.is_gzipped_here() { gzip(&bytes)? } else { bytes })
}

/// Adds what dpkg reads itself: the description, checksums, configuration files and scripts.
///
/// # Errors
/// A file that cannot be read or written.
pub(super) fn control(tree: &Path, recipe: &Path, control: &str) -> Result<()> {
    let own = tree.join("DEBIAN");
    let mut below = Vec::new();
    files_below(tree, &mut below)?;
    let configuration: String = below
        .iter()
        .filter_map(|file| file.strip_prefix(tree).ok()?.to_str())
        .filter(|path| path.starts_with("etc/"))
        .map(|path| format!("/{path}\n"))
        .collect();
    put(&own.join("control"), 0o644, control.as_bytes())?;
    if !configuration.is_empty() {
        put(&own.join("conffiles"), 0o644, configuration.as_bytes())?;
    }
    for name in SCRIPTS {
        let script = recipe.join(name);
        if script.is_file() {
            put(&own.join(name), 0o755, &read(&script)?)?;
        }
    }
    Ok(())
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        match entry.file_type()?.is_dir() {
            true => files_below(&entry.path(), found)?,
            false => found.push(entry.path()),
        }
    }
    Ok(())
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn put(file: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = file.parent() {
        folder(parent, 0o755)?;
    }
    fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    fs::set_permissions(file, Permissions::from_mode(mode))
        .with_context(|| format!("cannot give {} its mode", file.display()))
}

/// Makes a folder, and those above it, whatever the umask; one that is there keeps its mode.
fn folder(path: &Path, mode: u32) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        folder(parent, 0o755)?;
    }
    fs::create_dir(path).with_context(|| format!("cannot make {}", path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("cannot give {} its mode", path.display()))
}
