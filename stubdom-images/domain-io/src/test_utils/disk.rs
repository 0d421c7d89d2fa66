//! A disk that remembers which writes were never flushed.

use crate::disk::{BlockDevice, BlockError, SECTOR_BYTES};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A disk in memory with a volatile write cache. Reads see every write; [`power_cut`] keeps only
/// what a flush has made durable.
///
/// [`power_cut`]: FakeDisk::power_cut
#[derive(Clone, Debug)]
pub struct FakeDisk {
    durable: Vec<u8>,
    cache: BTreeMap<u64, [u8; SECTOR_BYTES]>,
    read_only: bool,
    failure: Option<BlockError>,
    flushes: usize,
}

impl FakeDisk {
    /// A disk of zeros.
    #[must_use]
    pub fn new(sectors: usize) -> Self {
        Self {
            durable: alloc::vec![0; sectors * SECTOR_BYTES],
            cache: BTreeMap::new(),
            read_only: false,
            failure: None,
            flushes: 0,
        }
    }

    /// The same disk attached for reading only.
    #[must_use]
    pub fn into_read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Makes every further request fail with `error`, or work again with `None`.
    pub fn fail_with(&mut self, error: Option<BlockError>) {
        self.failure = error;
    }

    /// The numbers of the sectors written but not flushed, lowest first.
    #[must_use]
    pub fn unflushed(&self) -> Vec<u64> {
        self.cache.keys().copied().collect()
    }

    /// How many flushes have succeeded.
    #[must_use]
    pub fn flushes(&self) -> usize {
        self.flushes
    }

    /// Loses everything that was not flushed, except the sectors that `keep` says had already
    /// reached the medium: a cache may write back any of them, in any order.
    pub fn power_cut(&mut self, mut keep: impl FnMut(u64) -> bool) {
        for (sector, bytes) in core::mem::take(&mut self.cache) {
            if keep(sector) {
                self.settle(sector, &bytes);
            }
        }
    }

    /// What is on the medium, without the cache.
    #[must_use]
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    fn settle(&mut self, sector: u64, bytes: &[u8]) {
        let start = usize::try_from(sector).expect("a test disk fits in memory") * SECTOR_BYTES;
        self.durable[start..start + SECTOR_BYTES].copy_from_slice(bytes);
    }

    fn check(&self, sector: u64, length: usize) -> Result<(), BlockError> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        let count = (length / SECTOR_BYTES) as u64;
        let end = sector.checked_add(count).ok_or(BlockError::OutsideDisk)?;
        if !length.is_multiple_of(SECTOR_BYTES) || end > self.sectors() {
            return Err(BlockError::OutsideDisk);
        }
        Ok(())
    }
}

impl BlockDevice for FakeDisk {
    fn sectors(&self) -> u64 {
        (self.durable.len() / SECTOR_BYTES) as u64
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.check(sector, into.len())?;
        for (number, chunk) in (sector..).zip(into.chunks_mut(SECTOR_BYTES)) {
            let start = usize::try_from(number).expect("checked above") * SECTOR_BYTES;
            match self.cache.get(&number) {
                Some(cached) => chunk.copy_from_slice(cached),
                None => chunk.copy_from_slice(&self.durable[start..start + SECTOR_BYTES]),
            }
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.check(sector, from.len())?;
        if self.read_only {
            return Err(BlockError::ReadOnly);
        }
        for (number, chunk) in (sector..).zip(from.chunks(SECTOR_BYTES)) {
            let mut bytes = [0; SECTOR_BYTES];
            bytes.copy_from_slice(chunk);
            self.cache.insert(number, bytes);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.check(0, 0)?;
        self.power_cut(|_| true);
        self.flushes += 1;
        Ok(())
    }
}
