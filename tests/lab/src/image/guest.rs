//! A Linux guest's files: Debian's kernel, a small initramfs, and one that adds TPM tools.

use super::modules::Modules;
use super::tree::Tree;
use super::{dom0, elf};
use crate::program::LIBRARIES;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// All scripts that go into a guest.
pub(super) const SCRIPTS: &str = concat!(
    include_str!("../../guest/init"),
    include_str!("../../guest/agent"),
    include_str!("../../guest/tcsd-start")
);

/// Present, and loaded only by whoever asks for them.
const MODULES: &[&str] = &[
    "xen-tpmfront",
    "xen-blkfront",
    "xen-netfront",
    "xenfs",
    "xen-evtchn",
    "xen-gntdev",
    "xen-gntalloc",
    "xen-privcmd",
    "tpm_vtpm_proxy",
];

/// Beginnings of the names of programs that every guest has: its way to the xenstore.
const BASE_PROGRAMS: &[&str] = &["xenstore-"];

/// Beginnings of the names of programs in the layer with TPM tools.
const TPM_PROGRAMS: &[&str] = &["tpm2", "tpm_", "tcsd", "openssl", "kexec", "strace", "jq"];

/// Libraries that programs load by name, so that no file's header asks for them: tpm2-tools' way to
/// /dev/tpm0, and what tcsd's threads need to end (pthread_exit).
const TPM_LIBRARIES: &[&str] = &["libtss2-tcti-device.so.0", "libgcc_s.so.1"];

/// Libraries' folders that only one program's private files fill.
const PROVIDERS: &str = "usr/lib/x86_64-linux-gnu/ossl-modules";

/// Writes the archive that holds `/lab/guest/{vmlinux,guest.cpio,guest-tpm.cpio}`; its path.
pub(super) fn files(system: &Path, modules: &Modules, folder: &Path) -> Result<PathBuf> {
    let (base, layer, tpm) = ("guest.cpio", "tpm-layer.cpio", "guest-tpm.cpio");
    base_tree(system, modules)?.write(&folder.join(base))?;
    tpm_layer(system)?.write(&folder.join(layer))?;
    super::join(&[&folder.join(base), &folder.join(layer)], &folder.join(tpm))?;
    let mut all = Tree::default();
    for name in ["vmlinux", base, tpm] {
        all.file(&format!("lab/guest/{name}"), &folder.join(name))?;
    }
    let whole = folder.join("guests.cpio");
    all.write(&whole)?;
    Ok(whole)
}

fn base_tree(system: &Path, modules: &Modules) -> Result<Tree> {
    let mut tree = Tree::default();
    for name in ["dev", "proc", "sys", "run", "tmp", "lab", "root", "var/lib", "etc"] {
        tree.directory(name);
    }
    for name in ["bin", "sbin"] {
        tree.link(name, "usr/bin");
    }
    for name in ["lib", "lib64"] {
        tree.link(name, &format!("usr/{name}"));
    }
    tree.link("usr/sbin", "bin");
    tree.file("usr/bin/busybox", &system.join("usr/bin/busybox"))?;
    for name in dom0::applet_names(system)?.iter().filter(|name| *name != "busybox") {
        tree.link(&format!("usr/bin/{name}"), "busybox");
    }
    tree.text("init", 0o755, include_str!("../../guest/init"));
    tree.text("usr/bin/lab-agent", 0o755, include_str!("../../guest/agent"));
    for (name, how) in [("poweroff", "poweroff"), ("reboot", "reboot")] {
        tree.text(&format!("usr/bin/{name}"), 0o755, format!("#!/bin/sh\nexec busybox {how} -f\n"));
    }
    accounts(&mut tree);
    programs(&mut tree, system, BASE_PROGRAMS, &[])?;
    tree.file(
        "usr/lib64/ld-linux-x86-64.so.2",
        &system.join(LIBRARIES).join("ld-linux-x86-64.so.2"),
    )?;
    modules.add(&mut tree, MODULES)?;
    tree.first_devices();
    Ok(tree)
}

fn accounts(tree: &mut Tree) {
    tree.text(
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/sh\ntss:x:100:100::/var/lib/tpm:/bin/false\n",
    );
    tree.text("etc/group", 0o644, "root:x:0:\ntss:x:100:\n");
    tree.text("etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n");
    tree.text("etc/hosts", 0o644, "127.0.0.1 localhost lab-guest\n");
}

fn tpm_layer(system: &Path) -> Result<Tree> {
    let mut tree = Tree::default();
    programs(&mut tree, system, TPM_PROGRAMS, TPM_LIBRARIES)?;
    tree.below(system, PROVIDERS, &|_| true)?;
    tree.file("etc/tcsd.conf", &system.join("etc/tcsd.conf"))?;
    tree.file("usr/lib/ssl/openssl.cnf", &system.join("etc/ssl/openssl.cnf"))?;
    tree.text("usr/bin/tcsd-start", 0o755, include_str!("../../guest/tcsd-start"));
    tree.directory("var/lib/tpm");
    Ok(tree)
}

/// Adds all programs whose name begins with one of `beginnings`, and the libraries they need.
fn programs(tree: &mut Tree, system: &Path, beginnings: &[&str], extra: &[&str]) -> Result<()> {
    let mut found = Vec::new();
    for folder in ["usr/bin", "usr/sbin"] {
        for entry in fs::read_dir(system.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if beginnings.iter().any(|begin| name.starts_with(begin)) && name != "xenstore-control"
            {
                found.push((name, entry.path()));
            }
        }
    }
    let libraries = system.join(LIBRARIES);
    let mut needing: Vec<_> = extra.iter().map(|name| libraries.join(name)).collect();
    for (name, path) in &found {
        program(tree, name, path)?;
        needing.push(path.clone());
    }
    let needing: Vec<_> = needing.iter().map(PathBuf::as_path).collect();
    let mut names = elf::libraries(&needing, &libraries)?;
    names.extend(extra.iter().map(ToString::to_string));
    for name in names {
        tree.file(&format!("{LIBRARIES}/{name}"), &libraries.join(&name))?;
    }
    Ok(())
}

/// tpm2-tools are many links to one program; they stay links.
fn program(tree: &mut Tree, name: &str, path: &Path) -> Result<()> {
    let to = format!("usr/bin/{name}");
    match fs::read_link(path) {
        Ok(target) => {
            let last = target.file_name().context("a link leads to a file")?;
            tree.link(&to, &last.to_string_lossy());
            Ok(())
        }
        Err(_) => tree.file(&to, path),
    }
}
