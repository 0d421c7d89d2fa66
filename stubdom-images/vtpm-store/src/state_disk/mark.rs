//! The mark: whose disk this is, and where its slots stand.

use super::error::StateDiskError;
use super::slot::{HEAD_BYTES, LARGEST_STATE_BYTES};
use crate::Uuid;
use crate::bytes::{Reader, read_copy};
use crate::digest::sha256;
use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};
use tpm_wire::TpmVersion;

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: u32 = 1;

/// The sectors of the two copies of the mark.
const COPIES: [u64; 2] = [0, 8];

/// The first sector of slot 0.
pub(super) const FIRST_SLOT: u64 = 16;

/// The smallest slot, in sectors: the largest state of any TPM, rounded up to 4 KiB.
const LEAST_SLOT: u64 = ((HEAD_BYTES + LARGEST_STATE_BYTES).div_ceil(4096) * 8) as u64;

/// The smallest disk that is accepted, in sectors (528 KiB).
pub const LEAST_SECTORS: u64 = FIRST_SLOT + 2 * LEAST_SLOT;

const MAGIC: [u8; 16] = *b"xen-vtpm-disk\r\n\0";

/// Set until the first save was confirmed by the manager.
const CREATING: u32 = 1;

/// Bytes covered by the digest that follows them.
const COVERED: usize = SECTOR_BYTES - 32;

/// One copy of the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) uuid: Uuid,
    pub(super) tpm: TpmVersion,
    pub(super) slot_sectors: u64,
    pub(super) creating: bool,
}

/// What stands where a copy of the mark belongs.
enum Copy {
    Good(Mark),
    Newer { version: u32, needs: u32 },
    Damaged,
    Absent,
}

/// The number by which the disk names a version.
pub(super) const fn number_of(version: TpmVersion) -> u8 {
    match version {
        TpmVersion::Tpm12 => 1,
        TpmVersion::Tpm20 => 2,
    }
}

/// The version with this number.
pub(super) const fn version_of(number: u8) -> Option<TpmVersion> {
    match number {
        1 => Some(TpmVersion::Tpm12),
        2 => Some(TpmVersion::Tpm20),
        _ => None,
    }
}

/// The size of a slot on a new disk of so many sectors.
pub(super) fn slot_sectors(has: u64) -> Result<u64, StateDiskError> {
    if has < LEAST_SECTORS {
        return Err(StateDiskError::TooSmall { needs: LEAST_SECTORS, has });
    }
    Ok((has - FIRST_SLOT) / 2 / 8 * 8)
}

impl Mark {
    /// The mark for a disk of this size, its first save still to come.
    pub(super) fn fresh(uuid: Uuid, tpm: TpmVersion, has: u64) -> Result<Self, StateDiskError> {
        Ok(Self { uuid, tpm, slot_sectors: slot_sectors(has)?, creating: true })
    }

    /// The first sector after the last slot.
    pub(super) const fn end(&self) -> u64 {
        self.slot_sectors.saturating_mul(2).saturating_add(FIRST_SLOT)
    }

    fn encode(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        sector[..16].copy_from_slice(&MAGIC);
        sector[16..20].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        sector[20..24].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        sector[24..32].copy_from_slice(&self.slot_sectors.to_le_bytes());
        sector[32..36].copy_from_slice(&if self.creating { CREATING } else { 0 }.to_le_bytes());
        sector[36] = number_of(self.tpm);
        sector[40..56].copy_from_slice(&self.uuid.0);
        let digest = sha256(&[&sector[..COVERED]]);
        sector[COVERED..].copy_from_slice(&digest);
        sector
    }

    /// Writes both copies; durable after the next flush.
    pub(super) fn write(&self, disk: &mut dyn BlockDevice) -> Result<(), BlockError> {
        COPIES.iter().try_for_each(|sector| disk.write(*sector, &self.encode()))
    }
}

impl Copy {
    fn decode(sector: &[u8; SECTOR_BYTES]) -> Self {
        if sector[..16] != MAGIC {
            return Self::Absent;
        }
        let (covered, digest) = sector.split_at(COVERED);
        if sha256(&[covered]) != *digest {
            return Self::Damaged;
        }
        Self::fields(covered).unwrap_or(Self::Damaged)
    }

    fn fields(covered: &[u8]) -> Option<Self> {
        let mut from = Reader::new(covered.get(16..)?);
        let (version, needs) = (from.u32()?, from.u32()?);
        if needs > FORMAT_VERSION {
            return Some(Self::Newer { version, needs });
        }
        let (slot_sectors, flags) = (from.u64()?, from.u32()?);
        let [tpm, ..]: [u8; 4] = from.array()?;
        let (tpm, uuid) = (version_of(tpm)?, Uuid(from.array()?));
        Some(Self::Good(Mark { uuid, tpm, slot_sectors, creating: flags & CREATING != 0 }))
    }
}

/// Reads the mark. `None` when the disk has none. A copy that says that the first save was confirmed
/// wins over one that does not.
pub(super) fn find(disk: &mut dyn BlockDevice) -> Result<Option<Mark>, StateDiskError> {
    let has = disk.sectors();
    if has < LEAST_SECTORS {
        return Err(StateDiskError::TooSmall { needs: LEAST_SECTORS, has });
    }
    let mut sector = [0; SECTOR_BYTES];
    let (mut found, mut marked) = (None::<Mark>, false);
    for copy in COPIES {
        let there = read_copy(disk, copy, &mut sector)?;
        match if there { Copy::decode(&sector) } else { Copy::Damaged } {
            Copy::Good(mark) if found.is_none_or(|found| found.creating) => found = Some(mark),
            Copy::Good(_) => {}
            Copy::Newer { version, needs } => {
                return Err(StateDiskError::NewerVersion { version, needs });
            }
            Copy::Damaged => marked = true,
            Copy::Absent => {}
        }
    }
    match found {
        None if marked => Err(StateDiskError::DamagedMark),
        Some(mark) if mark.end() > has => Err(StateDiskError::TooSmall { needs: mark.end(), has }),
        other => Ok(other),
    }
}
