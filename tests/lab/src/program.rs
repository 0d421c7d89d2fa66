//! Programs out of unpacked packages: run by their own loader with their own libraries, so the
//! machine needs neither.

use crate::fetch::{self, Set};
use crate::place::Place;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's folder for libraries of this architecture, below a tree's root.
pub const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";

fn loader(tree: &Path) -> PathBuf {
    tree.join(LIBRARIES).join("ld-linux-x86-64.so.2")
}

fn search_path(tree: &Path) -> String {
    let libraries = tree.join(LIBRARIES);
    format!("{0}:{0}/swtpm", libraries.display())
}

/// A command that runs `program` (a path below `tree`) under the name `called`.
#[must_use]
pub fn command(tree: &Path, program: &str, called: &str) -> Command {
    let mut command = Command::new(loader(tree));
    command.args(words(tree, program, called));
    command
}

/// The loader's arguments that run `program` of `tree`.
fn words(tree: &Path, program: &str, called: &str) -> [String; 5] {
    let program = tree.join(program).display().to_string();
    ["--argv0".into(), called.into(), "--library-path".into(), search_path(tree), program]
}

/// The whole command as words, for programs that start it in turn.
#[must_use]
pub fn command_words(tree: &Path, program: &str, called: &str) -> Vec<String> {
    let mut all = vec![loader(tree).display().to_string()];
    all.extend(words(tree, program, called));
    all
}

/// A folder with one wrapper script per program of the software TPM's packages: `swtpm`,
/// `swtpm_setup`, `swtpm_ioctl` and all of tpm2-tools.
///
/// # Errors
/// The packages cannot be fetched or the folder cannot be written.
pub fn tpm_wrappers(place: &Place) -> Result<PathBuf> {
    let tree = fetch::tree(place, Set::Swtpm)?;
    let folder = place.lab.join("bin");
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(tree.join("usr/bin"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("swtpm") || name.starts_with("tpm2") {
            write_wrapper(&folder.join(&name), &wrapper(&tree, &name, "", ""))?;
        }
    }
    Ok(folder)
}

/// A wrapper script `qemu-system-x86_64` beside those of [`tpm_wrappers`].
///
/// # Errors
/// The packages cannot be fetched or the folder cannot be written.
pub fn qemu_wrapper(place: &Place) -> Result<()> {
    const NAME: &str = "qemu-system-x86_64";
    let tree = fetch::tree(place, Set::Qemu)?;
    let folder = place.lab.join("bin");
    fs::create_dir_all(&folder)?;
    let modules = tree.join(LIBRARIES).join("qemu");
    let share = tree.join("usr/share");
    let variable = format!("QEMU_MODULE_DIR='{}' ", modules.display());
    let firmware = format!(" -L '{0}/qemu' -L '{0}/seabios'", share.display());
    write_wrapper(&folder.join(NAME), &wrapper(&tree, NAME, &variable, &firmware))
}

/// A wrapper script `valgrind` beside those of [`tpm_wrappers`]; where it is.
///
/// # Errors
/// The packages cannot be fetched or the folder cannot be written.
pub fn valgrind_wrapper(place: &Place) -> Result<PathBuf> {
    let tree = fetch::tree(place, Set::Valgrind)?;
    let folder = place.lab.join("bin");
    fs::create_dir_all(&folder)?;
    let variable = format!("VALGRIND_LIB='{}' ", tree.join("usr/libexec/valgrind").display());
    let file = folder.join("valgrind");
    write_wrapper(&file, &wrapper(&tree, "valgrind.bin", &variable, ""))?;
    Ok(file)
}

/// The text of a script that runs `name` of `tree` with variables before and arguments behind it.
fn wrapper(tree: &Path, name: &str, variables: &str, arguments: &str) -> String {
    format!(
        "#!/bin/sh\n{variables}exec '{}' --argv0 \"$0\" --library-path '{}' '{}'{arguments} \"$@\"\n",
        loader(tree).display(),
        search_path(tree),
        tree.join("usr/bin").join(name).display()
    )
}

fn write_wrapper(file: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let fresh = tempfile::NamedTempFile::new_in(file.parent().context("a wrapper has a folder")?)?;
    fs::write(fresh.path(), text)?;
    fs::set_permissions(fresh.path(), fs::Permissions::from_mode(0o755))?;
    fresh.persist(file)?;
    Ok(())
}
