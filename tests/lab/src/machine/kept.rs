//! The disk of a machine that lives over several boots, and what it loses when the power is cut.

use super::writes::{self, Request, SECTOR};
use super::{Parts, Workshop};
use crate::fetch::{self, Set};
use crate::program;
use anyhow::{Result, bail};
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Its file in the workshop.
pub(super) const DISK: &str = "kept.img";

/// What was asked of it in this boot (`writes`).
pub(super) const LOG: &str = "kept.log";

/// The disk as it was when this boot began.
const BEFORE: &str = "kept.before";

/// Enough for the disks of a manager and some vTPMs.
const BYTES: u64 = 64 << 20;

/// Sectors that are kept or lost as one: a disk's physical sector of 4 KiB, which is ext4's block too.
/// Smaller ones would tear the commit block of ext4's journal, which ext4 answers by refusing to mount.
const PHYSICAL: usize = 8;

/// Makes the disk at the machine's first boot, and what each boot needs beside it.
pub(super) fn prepare(parts: &Parts<'_>, workshop: &Workshop) -> Result<()> {
    let disk = workshop.path(DISK);
    if !disk.exists() {
        make(parts, &disk)?;
    }
    fs::copy(disk, workshop.path(BEFORE))?;
    File::create(workshop.path(LOG))?;
    Ok(())
}

/// ext4, as Debian's installer would make it.
fn make(parts: &Parts<'_>, disk: &Path) -> Result<()> {
    File::create(disk)?.set_len(BYTES)?;
    let tree = fetch::tree(parts.place, Set::Disk)?;
    let mut mkfs = program::command(&tree, "usr/sbin/mke2fs", "mke2fs");
    let done = mkfs.args(["-q", "-F", "-t", "ext4", "-b", "4096"]).arg(disk).output()?;
    if !done.status.success() {
        bail!("mke2fs ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}

/// What a power cut did to the disk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Of so many sectors that were written and not flushed, so many are as they were before.
    Sectors { unflushed: u64, lost: u64 },
    /// All that was completed is there: the log broke off in its middle.
    Nothing,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sectors { unflushed, lost } => {
                write!(f, "the disk lost {lost} of {unflushed} sectors that were not flushed")
            }
            Self::Nothing => write!(f, "the disk lost nothing that it had completed"),
        }
    }
}

/// After a power cut: makes the disk anew from what was flushed. Each physical sector that was written
/// behind the last flush is there or not, by chance, as with a disk that has a cache and reorders.
pub(super) fn lose(workshop: &Workshop) -> Result<Loss> {
    let log = fs::read(workshop.path(LOG))?;
    let Some(requests) = writes::read(&log)? else { return Ok(Loss::Nothing) };
    let (before, mut chance) = (workshop.path(BEFORE), File::open("/dev/urandom")?);
    let disk = File::options().write(true).open(&before)?;
    let loss = replay(&requests, &disk, &mut || {
        let mut byte = [0];
        chance.read_exact(&mut byte)?;
        Ok(byte[0] & 1 == 1)
    })?;
    fs::rename(before, workshop.path(DISK))?;
    Ok(loss)
}

/// Writes all that was flushed, and of the rest the physical sectors that `kept` answers for.
fn replay(
    requests: &[Request<'_>],
    disk: &File,
    kept: &mut dyn FnMut() -> Result<bool>,
) -> Result<Loss> {
    let flushed = requests.iter().rposition(|one| *one == Request::Flush).map_or(0, |at| at + 1);
    let (mut unflushed, mut lost) = (0, 0);
    for (place, request) in requests.iter().enumerate() {
        let Request::Write(first, data) = request else { continue };
        if place < flushed {
            disk.write_all_at(data, first * SECTOR as u64)?;
            continue;
        }
        for (sector, bytes) in pieces(*first, data) {
            let sectors = (bytes.len() / SECTOR) as u64;
            unflushed += sectors;
            if kept()? {
                disk.write_all_at(bytes, sector * SECTOR as u64)?;
            } else {
                lost += sectors;
            }
        }
    }
    Ok(Loss::Sectors { unflushed, lost })
}

/// A write, cut where physical sectors end: the first sector of each piece, and its bytes.
fn pieces(first: u64, data: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let physical = PHYSICAL as u64;
    let (mut sector, mut rest) = (first, data);
    std::iter::from_fn(move || {
        let left = usize::try_from(physical - sector % physical).ok()? * SECTOR;
        let (piece, behind) = rest.split_at(left.min(rest.len()));
        let found = (!piece.is_empty()).then_some((sector, piece));
        (sector, rest) = (sector + (piece.len() / SECTOR) as u64, behind);
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_flushed_is_there_and_the_rest_by_physical_sectors_as_chance_has_it() {
        let (old, new) = ([1; 9 * SECTOR], [[2; 8 * SECTOR], [3; 8 * SECTOR]].concat());
        let requests = [Request::Write(7, &old), Request::Flush, Request::Write(7, &new)];
        let disk = tempfile::tempfile().unwrap();
        let mut chances = [false, true, false].into_iter();
        let loss = replay(&requests, &disk, &mut || Ok(chances.next().unwrap())).unwrap();
        assert_eq!(loss, Loss::Sectors { unflushed: 16, lost: 8 });
        let mut bytes = [0; 16 * SECTOR];
        disk.read_exact_at(&mut bytes[..], 0).unwrap_or_default();
        let of = |sector: usize| bytes[sector * SECTOR];
        assert_eq!([of(7), of(8), of(14), of(15)], [1, 2, 2, 3]);
    }

    #[test]
    fn a_write_is_cut_where_physical_sectors_end() {
        let data = [0; 11 * SECTOR];
        let cut: Vec<_> = pieces(6, &data).map(|(at, bytes)| (at, bytes.len() / SECTOR)).collect();
        assert_eq!(cut, [(6, 2), (8, 8), (16, 1)]);
    }
}
