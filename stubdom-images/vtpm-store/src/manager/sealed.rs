//! The sealed secret: what a TPM unseals to the secret that opens the store. Opaque here.

use super::error::{Damage, StoreError};
use super::layout::{LARGEST_SEALED_BYTES, SEALED_BYTES, SEALED_PAGES, sector_of};
use crate::bytes::{Reader, read_copy};
use crate::digest::sha256;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};

/// Bytes before the blob.
pub(super) const HEAD_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"vTPMseal";

/// The sealed secret as it stands on the disk. Not authenticated here: whoever unseals it judges it,
/// and a wrong secret does not open the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// How the blob is to be unsealed; the numbers belong to whoever seals.
    pub kind: u32,
    /// The blob.
    pub blob: Vec<u8>,
}

/// The newest good copy.
pub(super) struct Found {
    pub(super) sealed: SealedSecret,
    pub(super) sequence: u64,
    /// Copies that are damaged or older.
    pub(super) bad: [bool; 2],
}

/// Writes one copy; durable after the next flush.
pub(super) fn write(
    disk: &mut dyn BlockDevice,
    copy: usize,
    sealed: &SealedSecret,
    sequence: u64,
) -> Result<(), StoreError> {
    let length = u32::try_from(sealed.blob.len()).map_err(|_| StoreError::SealedTooLong)?;
    if sealed.blob.len() > LARGEST_SEALED_BYTES {
        return Err(StoreError::SealedTooLong);
    }
    let mut bytes = Vec::with_capacity(SEALED_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&sealed.kind.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    let digest = sha256(&[&bytes, &sealed.blob]);
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(&sealed.blob);
    bytes.resize(bytes.len().next_multiple_of(SECTOR_BYTES), 0);
    Ok(disk.write(sector_of(SEALED_PAGES[copy]), &bytes)?)
}

fn read(
    disk: &mut dyn BlockDevice,
    copy: usize,
) -> Result<Option<(u64, SealedSecret)>, BlockError> {
    let mut bytes = vec![0; SEALED_BYTES];
    let there = read_copy(disk, sector_of(SEALED_PAGES[copy]), &mut bytes)?;
    Ok(if there { decode(&bytes) } else { None })
}

fn decode(bytes: &[u8]) -> Option<(u64, SealedSecret)> {
    let mut from = Reader::new(bytes);
    let magic: [u8; 8] = from.array()?;
    let (sequence, kind, length) = (from.u64()?, from.u32()?, from.u32()?);
    let _reserved: [u8; 8] = from.array()?;
    let digest: [u8; 32] = from.array()?;
    let blob = from.slice(usize::try_from(length).ok()?)?;
    let good = magic == MAGIC && digest == sha256(&[bytes.get(..32)?, blob]);
    good.then(|| (sequence, SealedSecret { kind, blob: blob.to_vec() }))
}

/// Reads both copies; the higher sequence wins.
///
/// # Errors
/// [`Damage::SealedSecret`] when neither is good.
pub(super) fn find(disk: &mut dyn BlockDevice) -> Result<Found, StoreError> {
    let copies = [read(disk, 0)?, read(disk, 1)?];
    let best = copies.iter().flatten().max_by_key(|(sequence, _)| *sequence).cloned();
    let (sequence, sealed) = best.ok_or(StoreError::Damaged(Damage::SealedSecret))?;
    let bad = copies.map(|copy| copy.is_none_or(|(of, _)| of != sequence));
    Ok(Found { sealed, sequence, bad })
}
