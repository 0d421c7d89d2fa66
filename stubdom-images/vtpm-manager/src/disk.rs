//! A disk of which it is noted that its backend is gone.

use alloc::rc::Rc;
use core::cell::Cell;
use domain_io::{BlockDevice, BlockError};

/// Passes everything on, and remembers the first [`BlockError::Gone`].
pub(crate) struct Noting<D> {
    disk: D,
    is_gone: Rc<Cell<bool>>,
}

impl<D> Noting<D> {
    pub(crate) const fn new(disk: D, is_gone: Rc<Cell<bool>>) -> Self {
        Self { disk, is_gone }
    }

    fn note(&self, done: Result<(), BlockError>) -> Result<(), BlockError> {
        if done == Err(BlockError::Gone) {
            self.is_gone.set(true);
        }
        done
    }
}

impl<D: BlockDevice> BlockDevice for Noting<D> {
    fn sectors(&self) -> u64 {
        self.disk.sectors()
    }

    fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let done = self.disk.read(sector, into);
        self.note(done)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        let done = self.disk.write(sector, from);
        self.note(done)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        let done = self.disk.flush();
        self.note(done)
    }
}
