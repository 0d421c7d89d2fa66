//! A domain's disk.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

/// Bytes in one sector, the unit of [`BlockDevice`] (Xen public/io/blkif.h: always 512).
pub const SECTOR_BYTES: usize = 512;

/// Why the disk did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockError {
    /// The range does not lie on the disk or is not whole sectors.
    OutsideDisk,
    /// The disk was attached for reading only.
    ReadOnly,
    /// The backend reported a failure (`BLKIF_RSP_ERROR`).
    Failed,
    /// The backend cannot do this operation (`BLKIF_RSP_EOPNOTSUPP`).
    Unsupported,
    /// The backend did not answer in time or went away.
    Gone,
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideDisk => "the range does not lie on the disk",
            Self::ReadOnly => "the disk is attached read-only",
            Self::Failed => "the disk's backend reported a failure",
            Self::Unsupported => "the disk's backend cannot do this operation",
            Self::Gone => "the disk's backend does not answer",
        })
    }
}

/// A disk in units of [`SECTOR_BYTES`]. What was written is durable only after [`flush`].
///
/// [`flush`]: BlockDevice::flush
pub trait BlockDevice {
    /// The size in sectors.
    fn sectors(&self) -> u64;

    /// Whether writes are refused.
    fn is_read_only(&self) -> bool;

    /// Reads whole sectors starting at `sector`.
    ///
    /// # Errors
    /// [`BlockError`].
    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError>;

    /// Writes whole sectors starting at `sector`.
    ///
    /// # Errors
    /// [`BlockError`].
    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError>;

    /// Returns once everything written before is on stable storage.
    ///
    /// # Errors
    /// [`BlockError`].
    fn flush(&mut self) -> Result<(), BlockError>;
}

/// A borrowed disk is a disk.
impl<D: BlockDevice + ?Sized> BlockDevice for &mut D {
    fn sectors(&self) -> u64 {
        (**self).sectors()
    }

    fn is_read_only(&self) -> bool {
        (**self).is_read_only()
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        (**self).read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        (**self).write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        (**self).flush()
    }
}

/// A disk with several handles is a disk. Each call borrows it for its own length only.
impl<D: BlockDevice + ?Sized> BlockDevice for Rc<RefCell<D>> {
    fn sectors(&self) -> u64 {
        self.borrow().sectors()
    }

    fn is_read_only(&self) -> bool {
        self.borrow().is_read_only()
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.borrow_mut().read(sector, into)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        self.borrow_mut().write(sector, from)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.borrow_mut().flush()
    }
}
