//! A disk of which a part fails.

use crate::disk::{BlockDevice, BlockError, SECTOR_BYTES};
use alloc::rc::Rc;
use core::cell::RefCell;
use core::ops::Range;

/// A disk with a range of sectors that cannot be written any more.
pub struct BadSectors<D> {
    /// The disk below.
    pub disk: D,
    /// Those sectors. Whoever shares the range may change it at any time.
    pub bad: Rc<RefCell<Range<u64>>>,
    /// Whether they can still be read.
    pub are_readable: bool,
}

impl<D> BadSectors<D> {
    /// A disk of which these sectors neither read nor write, for good.
    #[must_use]
    pub fn dead(disk: D, bad: Range<u64>) -> Self {
        Self { disk, bad: Rc::new(RefCell::new(bad)), are_readable: false }
    }

    fn check(&self, sector: u64, length: usize) -> Result<(), BlockError> {
        let bad = self.bad.borrow();
        let end = sector + (length / SECTOR_BYTES) as u64;
        if sector < bad.end && end > bad.start { Err(BlockError::Failed) } else { Ok(()) }
    }
}

impl<D: BlockDevice> BlockDevice for BadSectors<D> {
    fn sectors(&self) -> u64 {
        self.disk.sectors()
    }

    fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        if !self.are_readable {
            self.check(sector, into.len())?;
        }
        self.disk.read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.check(sector, from.len())?;
        self.disk.write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.disk.flush()
    }
}
