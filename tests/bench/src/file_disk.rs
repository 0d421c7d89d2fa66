//! A file as a domain's disk: a flush is an `fdatasync`.

use anyhow::{Context, Result};
use domain_io::{BlockDevice, BlockError, SECTOR_BYTES};
use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;

/// What was done to a disk so far. Clones count the same disk.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    pub(crate) flushes: Rc<Cell<u64>>,
    pub(crate) written: Rc<Cell<u64>>,
}

/// What a disk had been through at some moment.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    written: u64,
    flushes: u64,
}

/// What each of some saves cost a disk.
#[derive(Clone, Copy)]
pub(crate) struct Each {
    pub(crate) bytes: usize,
    pub(crate) flushes: f64,
}

impl Counts {
    pub(crate) fn mark(&self) -> Mark {
        Mark { written: self.written.get(), flushes: self.flushes.get() }
    }

    /// What each of so many saves since then cost, to the byte.
    pub(crate) fn each_since(&self, mark: Mark, saves: u64) -> Each {
        let saves = saves.max(1);
        let bytes = (self.written.get() - mark.written).div_ceil(saves);
        let flushes = (self.flushes.get() - mark.flushes) as f64 / saves as f64;
        Each { bytes: usize::try_from(bytes).unwrap_or(usize::MAX), flushes }
    }
}

/// A file of a fixed size.
pub(crate) struct FileDisk {
    file: File,
    sectors: u64,
    pub(crate) counts: Counts,
}

impl FileDisk {
    /// A disk of zeros; every block of it exists, as on a disk that was not made this minute.
    pub(crate) fn create(path: &Path, mebibytes: usize) -> Result<Self> {
        std::fs::write(path, vec![0; mebibytes << 20])
            .with_context(|| path.display().to_string())?;
        Self::open(path)
    }

    /// A disk that exists.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.with_context(|| path.display().to_string())?;
        file.sync_all()?;
        let sectors = file.metadata()?.len() / SECTOR_BYTES as u64;
        Ok(Self { file, sectors, counts: Counts::default() })
    }
}

fn add(count: &Cell<u64>, more: usize) {
    count.set(count.get() + more as u64);
}

impl BlockDevice for FileDisk {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
        let offset = sector * SECTOR_BYTES as u64;
        self.file.read_exact_at(into, offset).map_err(|_| BlockError::Failed)
    }

    fn write(&mut self, sector: u64, from: &[u8]) -> Result<(), BlockError> {
        add(&self.counts.written, from.len());
        let offset = sector * SECTOR_BYTES as u64;
        self.file.write_all_at(from, offset).map_err(|_| BlockError::Failed)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        add(&self.counts.flushes, 1);
        self.file.sync_data().map_err(|_| BlockError::Failed)
    }
}
