//! A vTPM's disk, and how it becomes a blank one.

use crate::exit::Exit;
use libxl_vtpm::Uuid;
use state_inspect::{DiskFile, Report, inspect, written_sectors};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

const SECTOR_BYTES: u64 = 512;
/// How many sectors block-vtpm-state looks at, 4 MiB.
const LOOKED_AT: u64 = 8192;

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

/// Writes zeros wherever a vTPM writes, after which the disk counts as blank (docs/formats/vtpm-disk.md). The
/// mark goes last: until then the disk is known for what it was, and this can be done again.
pub(super) fn wipe(disk: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(disk)?;
    let sectors = file.seek(SeekFrom::End(0))? / SECTOR_BYTES;
    let [mark, slots @ ..] =
        written_sectors(sectors).map_err(|why| io::Error::other(why.to_string()))?;
    // Slots of a size that the disk had before, too: a disk script looks at so much.
    let begin = mark.end..sectors.min(LOOKED_AT);
    for sectors in slots.into_iter().chain([begin]) {
        zero(&mut file, &sectors)?;
    }
    file.sync_all()?;
    zero(&mut file, &mark)?;
    file.sync_all()
}

fn zero(file: &mut File, sectors: &Range<u64>) -> io::Result<()> {
    file.seek(SeekFrom::Start(sectors.start * SECTOR_BYTES))?;
    io::copy(
        &mut io::Read::take(io::repeat(0), (sectors.end - sectors.start) * SECTOR_BYTES),
        file,
    )?;
    file.flush()
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

    #[test]
    fn both_slots_are_wiped_of_a_disk_of_any_size() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("v.img");
        for (size, second) in
            [(528 * KIB, 268 * KIB), (2048 * KIB, 1028 * KIB), (5120 * KIB, 2564 * KIB)]
        {
            let mut bytes = vec![0; size];
            for at in [0, 4096, 8 * KIB, 65_600, second, second - 8 * KIB, size - 512 * KIB] {
                bytes[at] = 1;
            }
            std::fs::write(&disk, &bytes).unwrap();
            assert!(is_used(&disk, MINE).is_err(), "{size}");
            wipe(&disk).unwrap();
            assert!(!is_used(&disk, MINE).unwrap(), "{size}");
            let left = std::fs::read(&disk).unwrap();
            assert!(
                left[..size.min(4096 * KIB)].iter().all(|byte| *byte == 0),
                "a disk script's look"
            );
        }
    }
}
