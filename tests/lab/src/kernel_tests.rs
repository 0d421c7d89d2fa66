//! The kernel's own tests of its TPM interface (tools/testing/selftests/tpm2), from Debian's package of
//! the kernel's sources, and a Python for them that runs in any domain 0 and guest of the lab.

use crate::fetch::{self, Set};
use crate::place::Place;
use crate::program::LIBRARIES;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where all of it lies in domain 0; a guest that is given it has it there, too.
pub(crate) const IN_DOM0: &str = "/lab/kernel-tests";

/// Of the sources.
const TESTS: &str = "tools/testing/selftests/tpm2/";

/// What runs Python with its own libraries. The bytecode of what was imported would fill a guest.
const PYTHON: &str = "#!/bin/sh\n\
    root=/lab/kernel-tests\n\
    export PYTHONHOME=$root/usr PYTHONDONTWRITEBYTECODE=1\n\
    exec $root/@LIB@/ld-linux-x86-64.so.2 --library-path $root/@LIB@ $root/usr/bin/python3.11 \"$@\"\n";

/// Parts of Python's library that no test here imports.
const LEFT_OUT: [&str; 7] =
    ["test", "idlelib", "lib2to3", "pydoc_data", "tkinter", "ensurepip", "distutils"];

/// A folder with `tpm2` (the tests), `bin/python3` and what that needs; made where it is not there.
///
/// # Errors
/// Packages cannot be fetched, or hold something unexpected.
pub(crate) fn folder(place: &Place) -> Result<PathBuf> {
    let (python, sources) =
        (fetch::tree(place, Set::Python)?, fetch::tree(place, Set::KernelSources)?);
    let versions = [fetch::versions(&python)?, fetch::versions(&sources)?];
    let key = crate::image::key(&versions.each_ref().map(String::as_str), &[PYTHON]);
    let folder = place.lab.join("kernel-tests").join(key);
    if folder.exists() {
        return Ok(folder);
    }
    let _one_at_a_time = fetch::lock(place, "kernel-tests")?;
    if !folder.exists() {
        let fresh = folder.with_extension("new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        fs::create_dir_all(&fresh)?;
        take_tests(&sources, &fresh).context("cannot unpack the kernel's tests")?;
        take_python(&python, &fresh).context("cannot copy Python")?;
        fs::rename(&fresh, &folder)?;
    }
    Ok(folder)
}

/// The tests out of the archive of all sources.
fn take_tests(sources: &Path, to: &Path) -> Result<()> {
    let folder = sources.join("usr/src");
    let entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "xz");
    let archive = entries.into_iter().map(|entry| entry.path()).find(is_archive);
    let archive = archive.with_context(|| format!("no archive in {}", folder.display()))?;
    eprintln!("lab: unpacking the kernel's tests (once)");
    let plain = lzma_rust2::XzReader::new(BufReader::new(File::open(archive)?), false);
    let count = tests_in(plain, &to.join("tpm2"))?;
    if count == 0 {
        bail!("the sources have no {TESTS}");
    }
    Ok(())
}

/// How many files of the tests there were.
fn tests_in(archive: impl Read, to: &Path) -> Result<usize> {
    fs::create_dir_all(to)?;
    let mut count = 0;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inner = path.to_string_lossy();
        let Some((_, name)) = inner.split_once(TESTS) else { continue };
        if entry.header().entry_type().is_file() && !name.contains('/') {
            entry.unpack(to.join(name))?;
            count += 1;
        }
    }
    Ok(count)
}

fn take_python(tree: &Path, to: &Path) -> Result<()> {
    copy(&tree.join("usr/lib/python3.11"), &to.join("usr/lib/python3.11"))?;
    copy(&tree.join(LIBRARIES), &to.join(LIBRARIES))?;
    let text = PYTHON.replace("@LIB@", LIBRARIES);
    for folder in ["bin", "usr/bin"] {
        fs::create_dir_all(to.join(folder))?;
    }
    fs::copy(tree.join("usr/bin/python3.11"), to.join("usr/bin/python3.11"))?;
    let wrapper = to.join("bin/python3");
    fs::write(&wrapper, text)?;
    Ok(fs::set_permissions(wrapper, fs::Permissions::from_mode(0o755))?)
}

/// Copies files and what links lead to; not what is left out, nor static archives and links to nothing.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{}", from.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let left_out = LEFT_OUT.iter().any(|left| name == *left) || name == "gconv";
        let Ok(real) = path.metadata() else { continue };
        if left_out {
            continue;
        }
        if real.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tests_files_are_taken_out_of_the_sources() {
        let mut archive = tar::Builder::new(Vec::new());
        let names = ["tpm2/tpm2.py", "tpm2/deeper/x", "tpm2-other/y"]
            .map(|name| format!("selftests/{name}"));
        for name in names.iter().map(|name| format!("linux/tools/testing/{name}")) {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            archive.append_data(&mut header, name, &b"x"[..]).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let archive = archive.into_inner().unwrap();
        assert_eq!(tests_in(&archive[..], folder.path()).unwrap(), 1);
        assert_eq!(fs::read(folder.path().join("tpm2.py")).unwrap(), b"x");
    }
}
