//! A file or block device as a disk that is only read.

use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};
use std::fmt;
use std::fs::{File, FileType, metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

/// Why a path cannot be looked into.
#[derive(Debug)]
pub enum NoDisk {
    /// It is neither a file nor a block device.
    NotADisk(&'static str),
    /// The system's error.
    Unreadable(io::Error),
}

impl fmt::Display for NoDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADisk(what) => write!(
                f,
                "it is {what}; name the file or block device that stands in disk= of the domain's \
                 configuration"
            ),
            Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound => f.write_str(
                "there is no such file; name the file or block device that stands in disk= of the \
                 domain's configuration",
            ),
            Self::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "it may not be read ({error}); run this as root")
            }
            Self::Unreadable(error) => write!(
                f,
                "it cannot be read ({error}); name the file or block device that stands in disk= of the \
                 domain's configuration"
            ),
        }
    }
}

impl std::error::Error for NoDisk {}

impl From<io::Error> for NoDisk {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// A disk that refuses every write.
pub struct DiskFile {
    file: File,
    sectors: u64,
}

impl DiskFile {
    /// Opens it for reading. A last part that is no whole sector does not count.
    ///
    /// # Errors
    /// [`NoDisk`].
    pub fn open(path: &Path) -> Result<Self, NoDisk> {
        // Opening a pipe would wait for somebody at its other end.
        if let Some(what) = wrong(metadata(path)?.file_type()) {
            return Err(NoDisk::NotADisk(what));
        }
        let mut file = File::open(path)?;
        // A block device has its size at its end only.
        let bytes = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, sectors: bytes / SECTOR_BYTES as u64 })
    }
}

fn wrong(kind: FileType) -> Option<&'static str> {
    if kind.is_file() || kind.is_block_device() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_char_device() {
        Some("a character device")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else {
        Some("a socket")
    }
}

impl BlockDevice for DiskFile {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let offset = sector.checked_mul(SECTOR_BYTES as u64).ok_or(BlockError::OutsideDisk)?;
        self.file.read_exact_at(into, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BlockError::OutsideDisk,
            _ => BlockError::Failed,
        })
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), BlockError> {
        Err(BlockError::ReadOnly)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }
}
