//! A vTPM's disk, and how it becomes a blank one.

use crate::exit::Exit;
use libxl_vtpm::Uuid;
use state_inspect::{DiskFile, Report, inspect};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

/// So much of a disk is overwritten: the mark and the first slot's head, after which it counts as blank
/// (docs/formats/vtpm-disk.md). What is left cannot be read without the key.
const WIPED_BYTES: usize = 1 << 20;

/// Whether a disk holds the state of this vTPM. One that holds anything else is not touched.
pub(super) fn is_used(disk: &Path, uuid: Uuid) -> Result<bool, Exit> {
    let here = disk.display();
    if !disk.exists() {
        return Ok(false);
    }
    let mut opened =
        DiskFile::open(disk).map_err(|why| Exit::not_done(format!("{here}: {why}")))?;
    let other = match inspect(&mut opened) {
        Ok(Report::Blank) => return Ok(false),
        Ok(Report::Vtpm(vtpm)) if vtpm.uuid.0 == *uuid.as_bytes() => return Ok(true),
        Ok(Report::Vtpm(vtpm)) => format!("the state of another vTPM, {}", vtpm.uuid),
        Ok(Report::Store(_)) => "a manager's store".into(),
        Err(why) => return Err(Exit::not_done(format!("{here} is left alone: {why}"))),
    };
    Err(Exit::not_done(format!("{here} is left alone: it holds {other}; correct disk= or uuid=")))
}

/// Writes zeros over the disk's head.
pub(super) fn wipe(disk: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(disk)?;
    let bytes = io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
    io::Seek::rewind(&mut file)?;
    let head = usize::try_from(bytes).unwrap_or(WIPED_BYTES).min(WIPED_BYTES);
    file.write_all(&vec![0; head])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kept sample of a vTPM's disk, and the uuid in it.
    const SAMPLE: &[u8] =
        include_bytes!("../../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.img");
    const MINE: Uuid = Uuid::from_bytes([0x11; 16]);
    const KIB: usize = 1024;

    #[test]
    fn only_this_vtpm_s_state_is_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("v.img");
        assert!(!is_used(&disk, MINE).unwrap(), "there is none yet");
        let write = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes.resize(536 * KIB, 0);
            std::fs::write(&disk, bytes).unwrap();
        };
        write(&[]);
        assert!(!is_used(&disk, MINE).unwrap(), "it is blank");
        write(b"somebody's");
        let said = is_used(&disk, MINE).unwrap_err().to_string();
        assert!(said.contains("v.img is left alone"), "{said}");
        write(SAMPLE);
        let said = is_used(&disk, Uuid::from_u128(5)).unwrap_err().to_string();
        assert!(said.contains("another vTPM, 11111111-1111-"), "{said}");
        assert!(is_used(&disk, MINE).unwrap());
        wipe(&disk).unwrap();
        assert!(!is_used(&disk, MINE).unwrap(), "a wiped disk counts as blank");
        assert_eq!(std::fs::metadata(&disk).unwrap().len(), 536 * 1024);
    }
}
