//! What a disk is, without any secret.

use super::error::StateDiskError;
use super::mark::{self, FIRST_SLOT, Mark};
use super::slot::{self, Slot};
use crate::Uuid;
use crate::bytes::all_zero;
use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};
use tpm_wire::TpmVersion;

/// A disk without our mark counts as blank when these first sectors are all zeros (64 KiB).
const BLANK_SECTORS: u64 = 128;

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

fn is_blank(disk: &mut dyn BlockDevice) -> Result<bool, BlockError> {
    const { assert!(BLANK_SECTORS > FIRST_SLOT) };
    let mut bytes = [0; SECTOR_BYTES];
    for sector in 0..BLANK_SECTORS.min(disk.sectors()) {
        disk.read(sector, &mut bytes)?;
        if !all_zero(&bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}
