//! Reading little-endian fields out of bytes that may be too short, and copies that may be lost.

use domain_io::{BlockDevice, BlockError};

/// What is left to read. Every method is `None` once the bytes run out, and from then on.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Whether nothing was ever written here.
pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Reads a part of the disk of which there is another copy: false when these sectors cannot be read.
///
/// # Errors
/// Any failure that is not that of these sectors alone.
pub(crate) fn read_copy(
    disk: &mut dyn BlockDevice,
    sector: u64,
    into: &mut [u8],
) -> Result<bool, BlockError> {
    match disk.read(sector, into) {
        Ok(()) => Ok(true),
        Err(BlockError::Failed) => Ok(false),
        Err(other) => Err(other),
    }
}
