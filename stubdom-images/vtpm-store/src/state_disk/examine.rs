//! What a disk is, without any secret.

use super::error::StateDiskError;
use super::mark::{self, Mark};
use super::slot::{self, Slot};
use crate::Uuid;
use crate::bytes::all_zero;
use alloc::vec;
use core::ops::Range;
use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};
use tpm_wire::TpmVersion;

/// Sectors that are looked at together (64 KiB).
const LOOK_SECTORS: u64 = 128;

/// What a disk says it is. A claim: only the manager's hash proves a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Never written.
    Blank,
    /// Something without our mark.
    Foreign,
    /// Our mark, and at most a first save of which the disk does not know whether the manager kept
    /// it. When the manager does not know the uuid there is nothing to lose here.
    Unfinished {
        /// The vTPM it was prepared for.
        uuid: Uuid,
        /// The version it was prepared for.
        tpm: TpmVersion,
    },
    /// A vTPM's state.
    Used {
        /// Whose.
        uuid: Uuid,
        /// Of which version.
        tpm: TpmVersion,
        /// The generation each slot claims; `None` where a slot is empty or damaged.
        generations: [Option<u64>; 2],
    },
}

/// Says what the disk is.
///
/// # Errors
/// [`StateDiskError::TooSmall`], [`StateDiskError::NewerVersion`], [`StateDiskError::DamagedMark`];
/// the disk's.
pub fn examine(disk: &mut dyn BlockDevice) -> Result<Content, StateDiskError> {
    Ok(match mark::find(disk)? {
        None if is_blank(disk)? => Content::Blank,
        None => Content::Foreign,
        Some(Mark { uuid, tpm, creating: true, .. }) => Content::Unfinished { uuid, tpm },
        Some(mark) => Content::Used {
            uuid: mark.uuid,
            tpm: mark.tpm,
            generations: [generation(disk, &mark, 0)?, generation(disk, &mark, 1)?],
        },
    })
}

fn generation(
    disk: &mut dyn BlockDevice,
    mark: &Mark,
    slot: usize,
) -> Result<Option<u64>, BlockError> {
    let read = slot::read(disk, mark, slot)?;
    Ok(if let Slot::Whole(whole) = read { Some(whole.head.generation) } else { None })
}

/// Everything that a vTPM will ever write to a new disk of so many sectors, in the order in which it stands there:
/// marks, slot 0, slot 1. A disk without our mark counts as blank when all of it is zeros.
///
/// # Errors
/// [`StateDiskError::TooSmall`].
pub fn written_sectors(has: u64) -> Result<[Range<u64>; 3], StateDiskError> {
    let slot_sectors = mark::slot_sectors(has)?;
    let slot = |number| slot::reach(slot_sectors, number);
    Ok([0..mark::FIRST_SLOT, slot(0), slot(1)])
}

fn is_blank(disk: &mut dyn BlockDevice) -> Result<bool, StateDiskError> {
    let mut buffer = vec![0; usize::try_from(LOOK_SECTORS).unwrap_or(1) * SECTOR_BYTES];
    for range in written_sectors(disk.sectors())? {
        let mut from = range.start;
        while from < range.end {
            let sectors = LOOK_SECTORS.min(range.end - from);
            let length = usize::try_from(sectors).unwrap_or(1) * SECTOR_BYTES;
            let bytes = &mut buffer[..length];
            disk.read(from, bytes)?;
            if !all_zero(bytes) {
                return Ok(false);
            }
            from += sectors;
        }
    }
    Ok(true)
}
