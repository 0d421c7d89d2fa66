//! Reading little-endian fields; all of it may be forged.

use crate::error::CustodyError;

/// What is left to read; whatever runs out is damage.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], CustodyError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CustodyError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CustodyError> {
        self.slice(N)?.try_into().map_err(|_| CustodyError::Damaged)
    }

    pub(super) fn u8(&mut self) -> Result<u8, CustodyError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, CustodyError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, CustodyError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, CustodyError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) const fn rest(&mut self) -> &'a [u8] {
        let rest = self.0;
        self.0 = &[];
        rest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) const fn end(&self) -> Result<(), CustodyError> {
        if self.0.is_empty() { Ok(()) } else { Err(CustodyError::Damaged) }
    }
}
