//! dom0's initramfs: the unpacked packages less what a test host never opens, a start-up script in
//! place of an init system, and the modules a Xen host loads.

use super::modules::Modules;
use super::tree::Tree;
use crate::release::Release;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

const INIT: &str = include_str!("../../dom0/init");
const REPORT: &str = include_str!("../../dom0/report");

/// The scripts that go into dom0's image; claims' libraries go onto each run's input disk.
pub(super) const SCRIPTS: &str =
    concat!(include_str!("../../dom0/init"), include_str!("../../dom0/report"));

const MODULES: &[&str] = &[
    "xen-privcmd",
    "xen-evtchn",
    "xen-gntdev",
    "xen-gntalloc",
    "xenfs",
    "xen-blkback",
    "xen-netback",
    "loop",
    "virtio_pci",
    "virtio_blk",
    "crc32c_generic",
    "ext4",
    "tpm_vtpm_proxy",
    "xen-tpmfront",
];

/// Folders and files that only cost memory and start-up time.
const LEFT_OUT: &[&str] = &[
    "boot",
    "etc/systemd",
    "usr/lib/apt",
    "usr/lib/dpkg",
    "usr/lib/init",
    "usr/lib/locale",
    "usr/lib/mime",
    "usr/lib/systemd",
    "usr/lib/tmpfiles.d",
    "usr/lib/udev",
    "usr/lib/valgrind",
    "usr/sbin/ldconfig",
    "usr/lib/x86_64-linux-gnu/audit",
    "usr/lib/x86_64-linux-gnu/e2fsprogs",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl",
    "usr/lib/x86_64-linux-gnu/perl-base",
    "usr/lib/x86_64-linux-gnu/security",
    "var/cache",
    "var/lib/dpkg",
    ".packages",
];

/// Beginnings of paths that are left out likewise.
const LEFT_OUT_BEGINNINGS: &[&str] = &[
    "usr/bin/dpkg",
    "usr/bin/perl",
    "usr/bin/python3",
    "usr/bin/udevadm",
    "usr/lib/python3",
    "usr/lib/x86_64-linux-gnu/libperl",
];

/// All that is kept of `usr/share`: what programs read at run time.
const SHARED_KEPT: &[&str] = &["usr/share/awk"];

/// What PV guests are wrapped in, which nobody here asks for.
const XEN_BOOT_LEFT_OUT: &[&str] = &["xen-shim"];

fn wanted(path: &str) -> bool {
    let shared = path.strip_prefix("usr/share/").is_none()
        || SHARED_KEPT.iter().any(|kept| path.starts_with(kept));
    let xen_boot = path.starts_with("usr/lib/xen-")
        && XEN_BOOT_LEFT_OUT.iter().any(|name| path.ends_with(name));
    let left_out =
        LEFT_OUT.contains(&path) || LEFT_OUT_BEGINNINGS.iter().any(|begin| path.starts_with(begin));
    shared && !xen_boot && !left_out
}

pub(super) fn tree(release: &Release, system: &Path, modules: &Modules) -> Result<Tree> {
    let mut tree = Tree::default();
    tree.below(system, "", &wanted)?;
    for name in ["proc", "sys", "dev", "run", "tmp", "root", "lab", "out"] {
        tree.directory(name);
    }
    tree.text("init", 0o755, INIT.replace("@XEN@", release.xen));
    tree.text("usr/local/bin/lab-report", 0o755, REPORT);
    accounts(&mut tree);
    modules.add(&mut tree, MODULES)?;
    tree.link("usr/bin/awk", "gawk");
    tree.text("etc/ld.so.cache", 0o644, library_cache(system)?);
    applets(system, &mut tree)?;
    tree.first_devices();
    Ok(tree)
}

/// What packages' maintainer scripts would have created.
fn accounts(tree: &mut Tree) {
    tree.text("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\ntss:x:100:100::/var/lib/tpm:/bin/false\nnobody:x:65534:65534::/:/bin/false\n");
    tree.text("etc/group", 0o644, "root:x:0:\ntss:x:100:\nnogroup:x:65534:\n");
    tree.text("etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n");
    tree.text("etc/hosts", 0o644, "127.0.0.1 localhost lab-dom0\n");
    tree.link("etc/mtab", "/proc/mounts");
}

/// The cache of library locations, which halves what each program spends on looking for them.
fn library_cache(system: &Path) -> Result<Vec<u8>> {
    let mut ldconfig = Command::new(system.join("usr/sbin/ldconfig"));
    let done = ldconfig.args(["-X", "-C", "/etc/ld.so.cache", "-r"]).arg(system).output()?;
    let complaint = || format!("ldconfig made no cache: {}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(system.join("etc/ld.so.cache")).with_context(complaint)
}

/// busybox for whatever command the packages lack.
fn applets(system: &Path, tree: &mut Tree) -> Result<()> {
    for name in applet_names(system)? {
        let places = ["usr/bin", "usr/sbin"].map(|folder| format!("{folder}/{name}"));
        if !places.iter().any(|place| tree.has(place)) {
            tree.link(&places[0], "busybox");
        }
    }
    Ok(())
}

/// The commands that busybox can stand for.
pub(super) fn applet_names(system: &Path) -> Result<Vec<String>> {
    let listed =
        Command::new(system.join("usr/bin/busybox")).arg("--list").output().context("busybox")?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().map(String::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::LIBRARIES;

    #[test]
    fn what_no_test_opens_stays_out_and_debians_xen_scripts_stay_in() {
        for path in ["usr/share/doc", "usr/lib/xen-4.17/boot/xen-shim", "usr/bin/perl5.36", "boot"]
        {
            assert!(!wanted(path), "{path}");
        }
        for path in
            ["etc/xen/scripts/block", "etc/xen/xl.conf", "usr/share/awk/x", "usr/share", LIBRARIES]
        {
            assert!(wanted(path), "{path}");
        }
    }
}
