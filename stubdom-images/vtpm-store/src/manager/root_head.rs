//! The readable part of a root: what may be known without secrets.

use super::root::RollbackMode;
use crate::bytes::Reader;
use crate::digest::sha256;
use crate::seal::Wrap;
use tpm_wire::TpmVersion;

const MAGIC: [u8; 8] = *b"vTPMroot";

/// Bytes of the readable numbers.
pub(super) const CLEAR_BYTES: usize = 64;

/// Bytes before the encrypted part: numbers, salt, tag, check.
pub(super) const HEAD_BYTES: usize = 128;

/// Where the check stands: the first 16 bytes of the digest of everything else in the page. It tells
/// damage from a wrong secret and serves readers without the secret; it protects against nobody.
const CHECK: core::ops::Range<usize> = 112..HEAD_BYTES;

/// The readable numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) min_reader: u32,
    pub(super) sequence: u64,
    pub(super) counter: u64,
    pub(super) epoch: u64,
    pub(super) records: u64,
    pub(super) pages: u32,
    pub(super) hardware: Option<TpmVersion>,
    pub(super) mode: RollbackMode,
}

impl Head {
    pub(super) fn encode(&self) -> [u8; CLEAR_BYTES] {
        let mut clear = [0; CLEAR_BYTES];
        clear[..8].copy_from_slice(&MAGIC);
        clear[8..12].copy_from_slice(&self.version.to_le_bytes());
        clear[12..16].copy_from_slice(&self.min_reader.to_le_bytes());
        clear[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        clear[24..32].copy_from_slice(&self.counter.to_le_bytes());
        clear[32..40].copy_from_slice(&self.epoch.to_le_bytes());
        clear[40..48].copy_from_slice(&self.records.to_le_bytes());
        clear[48..52].copy_from_slice(&self.pages.to_le_bytes());
        clear[52] = match self.hardware {
            None => 0,
            Some(TpmVersion::Tpm12) => 1,
            Some(TpmVersion::Tpm20) => 2,
        };
        clear[53] = match self.mode {
            RollbackMode::Off => 0,
            RollbackMode::Batched => 1,
            RollbackMode::Strict => 2,
        };
        clear
    }

    /// The head of a whole, undamaged root page.
    pub(super) fn of(page: &[u8]) -> Option<Self> {
        let digest = sha256(&[page.get(..CHECK.start)?, page.get(CHECK.end..)?]);
        if page.get(CHECK)? != &digest[..CHECK.len()] {
            return None;
        }
        let mut from = Reader::new(page);
        if from.array::<8>()? != MAGIC {
            return None;
        }
        Some(Self {
            version: from.u32()?,
            min_reader: from.u32()?,
            sequence: from.u64()?,
            counter: from.u64()?,
            epoch: from.u64()?,
            records: from.u64()?,
            pages: from.u32()?,
            hardware: match from.u8()? {
                0 => None,
                1 => Some(TpmVersion::Tpm12),
                2 => Some(TpmVersion::Tpm20),
                _ => return None,
            },
            mode: match from.u8()? {
                0 => RollbackMode::Off,
                1 => RollbackMode::Batched,
                2 => RollbackMode::Strict,
                _ => return None,
            },
        })
    }
}

/// The readable numbers as they stand, and what stands beside the encrypted part.
pub(super) fn wrap_of(front: &[u8]) -> Option<([u8; CLEAR_BYTES], Wrap)> {
    let mut from = Reader::new(front);
    let clear = from.array()?;
    Some((clear, Wrap { salt: from.array()?, tag: from.array()? }))
}
