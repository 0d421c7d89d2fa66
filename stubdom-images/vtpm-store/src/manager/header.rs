//! The header: what the disk is, readable without secrets.

use super::error::{Damage, StoreError};
use super::layout::{FORMAT_VERSION, HEADER_PAGES, PAGE_BYTES, sector_of};
use crate::bytes::{Reader, read_copy};
use crate::digest::sha256;
use domain_io::{BlockDevice, BlockError, Entropy, NoEntropy, SECTOR_BYTES};

/// The first 16 bytes of every store.
const MAGIC: [u8; 16] = *b"xen-vtpmmgr\r\n\x1a\n\0";

/// Set until the first creation is complete.
const CREATING: u32 = 1;

/// The size of a page as the header says it.
const PAGE_FIELD: u32 = 4096;
const _: () = assert!(PAGE_FIELD as usize == PAGE_BYTES);

/// Bytes covered by the digest that follows them.
const COVERED: usize = SECTOR_BYTES - 32;

/// One copy of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) min_reader: u32,
    pub(super) creating: bool,
    pub(super) store_id: [u8; 16],
}

/// What stands where a copy of the header belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    Good(Header),
    Damaged,
    Absent,
}

/// The header and the copies of it that have to be written again.
pub(super) struct Found {
    pub(super) header: Header,
    pub(super) bad: [bool; 2],
}

impl Header {
    pub(super) fn fresh(entropy: &mut dyn Entropy) -> Result<Self, NoEntropy> {
        let mut store_id = [0; 16];
        entropy.fill(&mut store_id)?;
        let (version, min_reader) = (FORMAT_VERSION, FORMAT_VERSION);
        Ok(Self { version, min_reader, creating: false, store_id })
    }

    pub(super) fn encode(&self) -> [u8; SECTOR_BYTES] {
        let mut sector = [0; SECTOR_BYTES];
        sector[..16].copy_from_slice(&MAGIC);
        sector[16..20].copy_from_slice(&self.version.to_le_bytes());
        sector[20..24].copy_from_slice(&self.min_reader.to_le_bytes());
        sector[24..28].copy_from_slice(&PAGE_FIELD.to_le_bytes());
        sector[28..32].copy_from_slice(&if self.creating { CREATING } else { 0 }.to_le_bytes());
        sector[32..48].copy_from_slice(&self.store_id);
        let digest = sha256(&[&sector[..COVERED]]);
        sector[COVERED..].copy_from_slice(&digest);
        sector
    }

    pub(super) fn write(&self, disk: &mut dyn BlockDevice, copy: usize) -> Result<(), BlockError> {
        disk.write(sector_of(HEADER_PAGES[copy]), &self.encode())
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
        Self::fields(covered).map_or(Self::Damaged, Self::Good)
    }

    fn fields(covered: &[u8]) -> Option<Header> {
        let mut from = Reader::new(covered.get(16..)?);
        let (version, min_reader) = (from.u32()?, from.u32()?);
        let (page_bytes, flags) = (from.u32()?, from.u32()?);
        let store_id = from.array()?;
        let known = page_bytes == PAGE_FIELD || min_reader > FORMAT_VERSION;
        known.then_some(Header { version, min_reader, creating: flags & CREATING != 0, store_id })
    }
}

/// Reads both copies and takes the first good one. `None` when neither has the mark of a store.
///
/// # Errors
/// A newer format; [`Damage::Header`] when there is a mark but no good copy.
pub(super) fn find(disk: &mut dyn BlockDevice) -> Result<Option<Found>, StoreError> {
    let mut copies = [Copy::Absent; 2];
    for (copy, page) in copies.iter_mut().zip(HEADER_PAGES) {
        let mut sector = [0; SECTOR_BYTES];
        let there = read_copy(disk, sector_of(page), &mut sector)?;
        *copy = if there { Copy::decode(&sector) } else { Copy::Damaged };
    }
    let header = match copies {
        [Copy::Good(header), _] | [_, Copy::Good(header)] => header,
        [Copy::Absent, Copy::Absent] => return Ok(None),
        _ => return Err(StoreError::Damaged(Damage::Header)),
    };
    if header.min_reader > FORMAT_VERSION {
        let (version, needs) = (header.version, header.min_reader);
        return Err(StoreError::NewerVersion { version, needs });
    }
    Ok(Some(Found { header, bad: copies.map(|copy| copy != Copy::Good(header)) }))
}
