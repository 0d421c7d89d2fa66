//! The disk of a machine that lives over several boots.

use super::{Parts, Workshop};
use crate::fetch::{self, Set};
use crate::program;
use anyhow::{Result, bail};
use std::fs::{self, File};

/// Its file in the workshop.
pub(super) const DISK: &str = "kept.img";

/// Sparse; enough for the disks of a manager and some vTPMs.
const BYTES: u64 = 256 << 20;

/// Makes it at the machine's first boot: ext4 as Debian's installer would.
pub(super) fn make(parts: &Parts<'_>, workshop: &Workshop) -> Result<()> {
    let disk = workshop.path(DISK);
    if disk.exists() {
        return Ok(());
    }
    let fresh = disk.with_extension("new");
    File::create(&fresh)?.set_len(BYTES)?;
    let tree = fetch::tree(parts.place, Set::Disk)?;
    let mut mkfs = program::command(&tree, "usr/sbin/mke2fs", "mke2fs");
    let done = mkfs.args(["-q", "-F", "-t", "ext4"]).arg(&fresh).output()?;
    if !done.status.success() {
        bail!("mke2fs ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr));
    }
    fs::rename(fresh, disk)?;
    Ok(())
}
