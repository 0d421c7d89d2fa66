//! One slot: a readable head and the encrypted image.

use super::error::{SlotReport, StateDiskError};
use super::mark::{FIRST_SLOT, Mark, number_of, version_of};
use crate::bytes::{Reader, all_zero, read_copy};
use crate::digest::sha256;
use crate::seal::{self, Wrap};
use crate::{Secret, Uuid};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError, Entropy, SECTOR_BYTES};
use tpm_wire::TpmVersion;
use zeroize::Zeroizing;

/// Bytes before the encrypted image.
pub(super) const HEAD_BYTES: usize = SECTOR_BYTES;

/// Room for the state of any TPM that the smallest slot must have, in bytes.
pub(super) const LARGEST_STATE_BYTES: usize = 256 * 1024;

/// The largest image that is ever read or written, in bytes, however large the disk.
pub const LARGEST_IMAGE_BYTES: usize = 512 * 1024;

const MAGIC: [u8; 8] = *b"vTPMslot";

const VERSION: u32 = 1;

/// Bytes of the head that the encryption claims.
const CLAIMED_BYTES: usize = 64;

/// Where the check stands: the first 16 bytes of the digest of everything else in the head. It tells
/// a half-written head from a whole one and protects against nobody.
const CHECK: core::ops::Range<usize> = 112..128;

const PURPOSE: &[u8] = b"xen-vtpm state 1 image";

/// A whole head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) generation: u64,
    pub(super) uuid: Uuid,
    pub(super) tpm: TpmVersion,
}

/// What was read of a slot.
pub(super) enum Slot {
    Empty,
    Damaged,
    Whole(Box<Whole>),
}

/// A slot with a whole head.
pub(super) struct Whole {
    pub(super) head: Head,
    /// The head's sector.
    sector: [u8; HEAD_BYTES],
    /// The encrypted image.
    text: Vec<u8>,
}

impl Head {
    fn encode(&self) -> Option<[u8; CLAIMED_BYTES]> {
        let mut clear = [0; CLAIMED_BYTES];
        clear[..8].copy_from_slice(&MAGIC);
        clear[8..12].copy_from_slice(&VERSION.to_le_bytes());
        clear[12..16].copy_from_slice(&u32::try_from(self.length).ok()?.to_le_bytes());
        clear[16..24].copy_from_slice(&self.generation.to_le_bytes());
        clear[24..40].copy_from_slice(&self.uuid.0);
        clear[40] = number_of(self.tpm);
        Some(clear)
    }

    fn decode(sector: &[u8; HEAD_BYTES]) -> Option<Self> {
        if check(sector) != sector[CHECK] {
            return None;
        }
        let mut from = Reader::new(sector);
        let (magic, version): ([u8; 8], _) = (from.array()?, from.u32()?);
        let length = usize::try_from(from.u32()?).ok()?;
        let (generation, uuid) = (from.u64()?, Uuid(from.array()?));
        let tpm = version_of(from.u8()?)?;
        let known = magic == MAGIC && version == VERSION && length <= LARGEST_IMAGE_BYTES;
        known.then_some(Self { length, generation, uuid, tpm })
    }
}

fn check(sector: &[u8; HEAD_BYTES]) -> [u8; 16] {
    let digest = sha256(&[&sector[..CHECK.start], &sector[CHECK.end..]]);
    core::array::from_fn(|at| digest[at])
}

fn start_of(mark: &Mark, slot: usize) -> u64 {
    FIRST_SLOT + slot as u64 * mark.slot_sectors
}

/// The sectors of a slot of this size that an image can ever reach.
pub(super) fn reach(slot_sectors: u64, slot: u64) -> core::ops::Range<u64> {
    let most = (HEAD_BYTES + LARGEST_IMAGE_BYTES).div_ceil(SECTOR_BYTES) as u64;
    let start = FIRST_SLOT + slot * slot_sectors;
    start..start + slot_sectors.min(most)
}

/// The longest image that fits into a slot of this disk, in bytes.
pub(super) fn room(mark: &Mark) -> usize {
    let bytes = mark.slot_sectors.saturating_sub(1).saturating_mul(SECTOR_BYTES as u64);
    usize::try_from(bytes).unwrap_or(LARGEST_IMAGE_BYTES).min(LARGEST_IMAGE_BYTES)
}

/// Encrypts and writes a slot; durable after the next flush. Returns the hash of the whole slot.
pub(super) fn write(
    disk: &mut dyn BlockDevice,
    mark: &Mark,
    slot: usize,
    (key, entropy): (&Secret, &mut dyn Entropy),
    (generation, image): (u64, &[u8]),
) -> Result<[u8; 32], StateDiskError> {
    let too_long = StateDiskError::ImageTooLong { bytes: image.len(), most: room(mark) };
    if image.len() > room(mark) {
        return Err(too_long);
    }
    let head = Head { length: image.len(), generation, uuid: mark.uuid, tpm: mark.tpm };
    let clear = head.encode().ok_or(too_long)?;
    let padded = image.len().next_multiple_of(SECTOR_BYTES);
    let mut bytes = Zeroizing::new(vec![0; HEAD_BYTES + padded]);
    let (sector, rest) = bytes.split_at_mut(HEAD_BYTES);
    let text = &mut rest[..image.len()];
    text.copy_from_slice(image);
    let wrap = seal::seal(key, PURPOSE, entropy, &clear, text)?;
    sector[..64].copy_from_slice(&clear);
    sector[64..96].copy_from_slice(&wrap.salt);
    sector[96..CHECK.start].copy_from_slice(&wrap.tag);
    let digest = sha256(&[&sector[..CHECK.start], &sector[CHECK.end..]]);
    sector[CHECK].copy_from_slice(&digest[..CHECK.len()]);
    let hash = sha256(&[sector, text]);
    disk.write(start_of(mark, slot), &bytes)?;
    Ok(hash)
}

/// Reads a slot as far as its head is whole.
pub(super) fn read(
    disk: &mut dyn BlockDevice,
    mark: &Mark,
    slot: usize,
) -> Result<Slot, BlockError> {
    let mut sector = [0; HEAD_BYTES];
    if !read_copy(disk, start_of(mark, slot), &mut sector)? {
        return Ok(Slot::Damaged);
    }
    if all_zero(&sector) {
        return Ok(Slot::Empty);
    }
    let Some(head) = Head::decode(&sector).filter(|head| head.length <= room(mark)) else {
        return Ok(Slot::Damaged);
    };
    let mut text = vec![0; head.length.next_multiple_of(SECTOR_BYTES)];
    if !read_copy(disk, start_of(mark, slot) + 1, &mut text)? {
        return Ok(Slot::Damaged);
    }
    text.truncate(head.length);
    Ok(Slot::Whole(Box::new(Whole { head, sector, text })))
}

impl Whole {
    /// The hash of the whole slot.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(&[&self.sector, &self.text])
    }

    /// Decrypts the image; `None` when the key does not open it.
    pub(super) fn open(&self, key: &Secret) -> Option<Zeroizing<Vec<u8>>> {
        let mut from = Reader::new(&self.sector);
        let claims: [u8; CLAIMED_BYTES] = from.array()?;
        let wrap = Wrap { salt: from.array()?, tag: from.array()? };
        let mut image = Zeroizing::new(self.text.clone());
        seal::open(key, PURPOSE, &wrap, &claims, &mut image).ok().map(|()| image)
    }
}

impl Slot {
    /// What to say about a slot that is not the one that is wanted.
    pub(super) fn report(&self, mark: &Mark, key: &Secret) -> SlotReport {
        let whole = match self {
            Self::Empty => return SlotReport::Empty,
            Self::Damaged => return SlotReport::Damaged,
            Self::Whole(whole) => whole,
        };
        let Head { generation, uuid, tpm, .. } = whole.head;
        if uuid != mark.uuid {
            SlotReport::OtherUuid(uuid)
        } else if tpm != mark.tpm {
            SlotReport::OtherTpm(tpm)
        } else if whole.open(key).is_some() {
            SlotReport::Older { generation }
        } else {
            SlotReport::Unopened { generation }
        }
    }
}
