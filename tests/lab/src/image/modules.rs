//! The few kernel modules an image needs, with what they depend on and depmod's indexes.

use super::elf;
use super::kernel::unpacked;
use super::tree::Tree;
use crate::program;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where modules lie in a tree, one folder per kernel release below it.
const HOME: &str = "usr/lib/modules";

/// All modules of one kernel package.
pub(super) struct Modules {
    release: String,
    folder: PathBuf,
    files: BTreeMap<String, PathBuf>,
    /// The tree that holds depmod.
    system: PathBuf,
}

impl Modules {
    pub(super) fn of(kernel: &Path, system: &Path) -> Result<Self> {
        let home = kernel.join(HOME);
        let first = fs::read_dir(&home)?.next().context("the kernel package has no modules")??;
        let mut files = BTreeMap::new();
        collect(&first.path(), &mut files)?;
        let release = first.file_name().to_string_lossy().into_owned();
        Ok(Self { release, folder: first.path(), files, system: system.to_owned() })
    }

    /// Adds the named modules and their dependencies to `tree`. A name that is no module must be
    /// built into the kernel.
    pub(super) fn add(&self, tree: &mut Tree, names: &[&str]) -> Result<()> {
        let stage = tempfile::tempdir()?;
        let home = stage.path().join(HOME).join(&self.release);
        fs::create_dir_all(&home)?;
        symlink("usr/lib", stage.path().join("lib"))?;
        let builtin = fs::read_to_string(self.folder.join("modules.builtin"))?;
        let mut open: Vec<_> = names.iter().map(|name| elf::normal(name)).collect();
        let mut done = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !done.insert(name.clone()) {
                continue;
            }
            if let Some(file) = self.files.get(&name) {
                open.extend(place_module(file, &name, &home)?);
            } else if !is_builtin(&builtin, &name) {
                bail!("kernel {} has no module {name}", self.release);
            }
        }
        for index in ["modules.builtin", "modules.order", "modules.builtin.modinfo"] {
            fs::copy(self.folder.join(index), home.join(index))?;
        }
        self.depmod(stage.path())?;
        tree.staged(stage, HOME)
    }

    fn depmod(&self, stage: &Path) -> Result<()> {
        let mut depmod = program::command(&self.system, "usr/bin/kmod", "depmod");
        let done = depmod.arg("-b").arg(stage).arg(&self.release).output()?;
        if !done.status.success() {
            bail!("depmod failed: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if let Some((stem, _)) = name.split_once(".ko") {
            files.insert(elf::normal(stem), entry.path());
        }
    }
    Ok(())
}

/// Puts one module, uncompressed, into `home`; what it depends on.
fn place_module(file: &Path, name: &str, home: &Path) -> Result<Vec<String>> {
    let stored = fs::read(file)?;
    let plain = if file.extension().is_some_and(|ending| ending == "ko") {
        stored
    } else {
        unpacked(&stored)?
    };
    fs::write(home.join(format!("{name}.ko")), &plain)?;
    elf::module_dependencies(&plain).with_context(|| format!("{}", file.display()))
}

fn is_builtin(list: &str, name: &str) -> bool {
    let stem = |line: &str| Some(elf::normal(line.rsplit('/').next()?.split_once(".ko")?.0));
    list.lines().any(|line| stem(line).as_deref() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_driver_is_known_under_either_spelling() {
        let list = "kernel/drivers/char/tpm/tpm_crb.ko\nkernel/net/ipv4/tcp-cubic.ko\n";
        assert!(is_builtin(list, "tpm_crb") && is_builtin(list, "tcp_cubic"));
        assert!(!is_builtin(list, "xen_tpmfront"));
    }
}
